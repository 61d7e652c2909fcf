"""Work that has to come to its end, whatever happens to the task that waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine

__all__ = ["finished", "settled"]

T = TypeVar("T")


async def settled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait until tasks have ended, also while this one is being cancelled; its cancellation comes afterwards.

    A shielded scope holds off those of other scopes, but not `Task.cancel()`, `asyncio.timeout` and the like.
    """
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not all(task.done() for task in tasks):
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


async def finished(work: Coroutine[Any, Any, T]) -> T:
    """Do work, in a task of its own, to its end, and return what it returns; see `settled`."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        await settled([task])
    except asyncio.CancelledError:
        if not task.cancelled():
            task.exception()  # it counts for less than the cancellation
        raise
    return task.result()
