"""Waiting for batches: ask with growing pauses, until one has ended or the time is up. Something else can end a pause early."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from amili_async.config import RequestOptions, positive
from amili_async.errors import (
    AmiliError,
    ApiError,
    BatchTimeout,
    DecodeError,
    NotFound,
    NotSentError,
    OutcomeUnknownError,
    RateLimited,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from contextlib import AbstractContextManager

    from amili_async.clock import Clock

__all__ = ["together", "wait"]

B = TypeVar("B")

GROWTH = 1.5
LONGEST = 15.0
SOON = 0.5
GRACE = 10.0
"""Seconds in which a batch that was just made may not be found yet."""
PASSING = (ServerError, RateLimited, NotSentError, OutcomeUnknownError)
"""Failures of a question that say nothing about the batch: it is asked again while there is time."""


async def wait(
    ask: Callable[[RequestOptions], Awaitable[B]],
    has_ended: Callable[[B], bool],
    *,
    name: str,
    clock: Clock,
    timeout: float,
    poll: float,
    options: RequestOptions | None,
    watching: Callable[[asyncio.Event], AbstractContextManager[Any]] | None = None,
) -> B:
    """Wait for the end of a batch, whichever it is.

    Args:
        ask: gets the batch as it is now, with the options of this question.
        has_ended: tells whether a batch is at its end.
        name: what the batch is called in errors.
        clock: what tells the time.
        timeout: seconds to wait in all.
        poll: seconds before the second question; the pauses grow by half up to 15 s, or stay if this is more.
        options: options of each question.
        watching: while it is entered, sets the event as soon as the batch is known to have ended: that ends a pause.

    Raises:
        BatchTimeout: it had not ended in time; `batch` is its last known state.
        AmiliError: a question failed for a reason that does not pass.
    """
    positive(timeout, "timeout")
    positive(poll, "poll")
    started = clock.monotonic()
    told = asyncio.Event()
    batch: B | None = None
    trouble: AmiliError | None = None
    pause = poll
    with watching(told) if watching else nullcontext():
        while True:
            left = timeout - (clock.monotonic() - started)
            if left <= 0:
                break
            told.clear()
            try:
                batch, trouble = await ask(RequestOptions(timeout=left).over(options or RequestOptions())), None
            except NotFound as error:
                if clock.monotonic() - started > GRACE:
                    raise
                trouble = error
            except PASSING as error:
                trouble = error
            except (DecodeError, ApiError) as error:
                if not (isinstance(error, DecodeError) and error.damaged) and error.status != 408:
                    raise
                trouble = error
            if batch is not None and has_ended(batch):
                return batch
            await _pause(clock, min(pause, max(timeout - (clock.monotonic() - started), 0.0)), told)
            # Who told may be ahead of what the server shows: then ask again soon.
            pause = min(poll, SOON) if told.is_set() else min(pause * GROWTH, max(LONGEST, poll))
    raise BatchTimeout(
        f"batch {name} had not ended after {timeout:g} s" + (f" (last: {trouble.message})" if trouble else ""), batch=batch
    ) from trouble


async def _pause(clock: Clock, seconds: float, told: asyncio.Event) -> None:
    """Sleep, or until somebody tells that the batch has ended."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    listening = asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([sleeping, listening], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, listening):
            task.cancel()
        await asyncio.gather(sleeping, listening, return_exceptions=True)


async def together(waits: Iterable[Awaitable[B]]) -> list[B]:
    """Wait for several batches; if one wait fails, the others are given up."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
