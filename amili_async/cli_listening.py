"""What commands that listen at an address have in common: a word on who can reach it, Ctrl-C, and why it cannot be had."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from amili_async.cli_access import Stop
from amili_async.cli_output import say
from amili_async.config import is_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["until_ctrl_c"]


@asynccontextmanager
async def until_ctrl_c(host: str, port: int, risk: str) -> AsyncGenerator[AsyncExitStack]:
    """Keep up until Ctrl-C what is opened inside and put on the stack: the end of the block is where it waits.

    Args:
        host: address to listen on.
        port: port to listen on.
        risk: what it means if others than this machine reach it.

    Raises:
        Stop: there is no listening on that address.
    """
    try:
        async with AsyncExitStack() as stack:
            yield stack
            if not is_loopback(host):
                say(f"warning: {host} is not this machine alone{risk}")
            await asyncio.Event().wait()
    except OSError as error:
        what = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise Stop(f"cannot listen on {host}:{port}: {what}; give another --port or --host") from None
