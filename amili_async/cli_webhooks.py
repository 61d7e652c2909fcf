"""`amili webhooks listen`: print events as they come."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path  # noqa: TC003  # cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Literal

from aiohttp import web
from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.cli_access import CREDENTIALS, Stop, read_env_file
from amili_async.cli_listening import until_ctrl_c
from amili_async.cli_output import say, write_bytes
from amili_async.structs import encode
from amili_async.webhooks import HmacSha256, Receiver, Router

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

    from amili_async.collection.events import WebhookEvent

__all__ = ["listen", "serving"]

SECRET = "AMILI_WEBHOOK_SECRET"  # noqa: S105  # the name of a variable


def listen(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8081,
    path: str = "/webhooks",
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
    env_file: Path | None = None,
) -> None:
    """Take webhooks in and print each genuine event as a line of JSON, until Ctrl-C.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        path: Path to listen at.
        encoding: How the signature is written.
        prefix: What stands before it, such as sha256=.
        env_file: File of KEY=VALUE lines with the secret.
    """
    given = {**os.environ, **(read_env_file(env_file) if env_file else {})}.get(SECRET, "")
    secrets = [secret.strip() for secret in given.split(",") if secret.strip()]
    if not secrets:
        raise Stop(f"no secret to check webhooks with: set {SECRET}, in the environment or in an --env-file", CREDENTIALS)
    asyncio.run(_listen(host, port, path, secrets, HmacSha256(encoding=encoding, prefix=prefix)))


async def _listen(host: str, port: int, path: str, secrets: Sequence[str], scheme: HmacSha256) -> None:
    router = Router()
    router.on()(_print)
    receiver = Receiver(router, secrets=secrets, scheme=scheme)
    async with until_ctrl_c(host, port, ", and this is plain http: put a TLS proxy before it") as stack:
        url = await serving(stack, receiver, host, port, path)
        say(f"listening at {url}; Ctrl-C stops it")


async def serving(stack: AsyncExitStack, receiver: Receiver, host: str, port: int, path: str) -> str:
    """Serve a receiver until the stack is left, and return its URL."""
    app = web.Application(client_max_size=receiver.max_body)
    app.router.add_post("/" + path.lstrip("/"), receiver.aiohttp_handler)
    app.on_cleanup.append(receiver.on_cleanup)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return f"http://{host}:{runner.addresses[0][1]}/{path.lstrip('/')}"


async def _print(event: WebhookEvent) -> None:
    write_bytes(encode(event) + b"\n")
