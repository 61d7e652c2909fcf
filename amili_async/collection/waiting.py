"""Waiting for batches: ask with growing pauses, until the batch has ended or the time is up. A webhook can end the wait early."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

from amili_async.collection import operations as ops
from amili_async.collection.models import BatchStatus
from amili_async.config import RequestOptions, positive
from amili_async.errors import (
    AmiliError,
    ApiError,
    BatchFailed,
    BatchTimeout,
    DecodeError,
    NotFound,
    NotSentError,
    OutcomeUnknownError,
    RateLimited,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.collection.models import Batch
    from amili_async.product import Calls
    from amili_async.webhooks import Router

__all__ = ["has_ended", "wait", "wait_all"]

FINAL = frozenset({BatchStatus.SUCCESS, BatchStatus.PARTIAL, BatchStatus.FAILED})
GROWTH = 1.5
LONGEST = 15.0
SOON = 0.5
GRACE = 10.0
"""Seconds in which a batch that was just made may not be found yet."""
PASSING = (ServerError, RateLimited, NotSentError, OutcomeUnknownError)
"""Failures of a question that say nothing about the batch: it is asked again while there is time."""


def has_ended(batch: Batch) -> bool:
    """Tell whether a batch is at its end: by its status, or, if that is not known here, by its time of ending."""
    if batch.status in FINAL:
        return True
    return batch.finished_at is not None and batch.status is not None and not batch.status.known


async def wait(
    calls: Calls,
    organization_id: str,
    batch_id: str,
    *,
    timeout: float,
    poll: float,
    events: Router | None,
    options: RequestOptions | None,
) -> Batch:
    """Wait for the end of a batch, whichever it is; see `Batches.wait`."""
    positive(timeout, "timeout")
    positive(poll, "poll")
    clock = calls.session.clock
    started = clock.monotonic()
    told = asyncio.Event()
    batch: Batch | None = None
    trouble: AmiliError | None = None
    pause = poll
    with ExitStack() as stack:
        if events is not None:
            stack.enter_context(events.watching(batch_id, told))
        while True:
            left = timeout - (clock.monotonic() - started)
            if left <= 0:
                break
            told.clear()
            try:
                ask = RequestOptions(timeout=left).over(options or RequestOptions())
                batch, trouble = (await calls.call(ops.BATCHES_GET, organization_id, batch_id, options=ask)).data, None
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
            await _pause(calls, min(pause, max(timeout - (clock.monotonic() - started), 0.0)), told)
            # The webhook may be ahead of what the server shows: then ask again soon.
            pause = min(poll, SOON) if told.is_set() else min(pause * GROWTH, max(LONGEST, poll))
    raise BatchTimeout(
        f"batch {batch_id} had not ended after {timeout:g} s" + (f" (last: {trouble.message})" if trouble else ""), batch=batch
    ) from trouble


async def _pause(calls: Calls, seconds: float, told: asyncio.Event) -> None:
    """Sleep, or until a webhook tells that the batch has ended."""
    sleeping = asyncio.ensure_future(calls.session.clock.sleep(seconds))
    listening = asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([sleeping, listening], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sleeping, listening):
            task.cancel()
        await asyncio.gather(sleeping, listening, return_exceptions=True)


async def wait_all(
    calls: Calls,
    organization_id: str,
    batch_ids: Iterable[str],
    *,
    timeout: float,
    poll: float,
    events: Router | None,
    options: RequestOptions | None,
) -> list[Batch]:
    """Wait for several batches together; see `Batches.wait_all`."""
    tasks = [
        asyncio.ensure_future(wait(calls, organization_id, batch_id, timeout=timeout, poll=poll, events=events, options=options))
        for batch_id in batch_ids
    ]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def failed(batch: Batch) -> BatchFailed:
    """Return the error of a batch that has failed."""
    refused = len(batch.failed or ())
    return BatchFailed(f"batch {batch.batch_id} ended as {batch.status} with {refused} refused items", batch=batch)
