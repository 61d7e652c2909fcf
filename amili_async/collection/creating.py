"""Handing in: check, split into chunks, send each once, and find out what became of a chunk whose answer was lost."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.collection import operations as ops
from amili_async.collection.models import BatchAccepted, BatchId
from amili_async.collection.requests import check
from amili_async.config import RequestOptions, whole
from amili_async.errors import AmiliError, DecodeError, OutcomeUnknownError, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from amili_async.collection.requests import NewCorrection, NewInvoice, NewPayment
    from amili_async.operation import Operation
    from amili_async.product import Calls

logger = logging.getLogger("amili_async")

__all__ = ["CHUNK", "Chunk", "Created", "create"]

CHUNK = 500
"""Items sent in one request, unless told otherwise; the API's own limit is not documented."""
LOOKS = 4
"""How often a batch is looked for, with growing pauses, before the loss is raised."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One request of a create: which items it held, under which key it went, and the batch that it became."""

    start: int
    count: int
    idempotency_key: str | None
    accepted: BatchAccepted

    @property
    def batch_id(self) -> BatchId:
        """Id of the batch."""
        return self.accepted.batch_id


@dataclass(frozen=True, slots=True)
class Created:
    """What was handed in: one chunk per request, in the order of the items."""

    chunks: tuple[Chunk, ...]

    @property
    def batch_ids(self) -> tuple[BatchId, ...]:
        """Ids of all batches."""
        return tuple(chunk.batch_id for chunk in self.chunks)

    @property
    def batch_id(self) -> BatchId:
        """Id of the one batch.

        Raises:
            ValueError: there are several; use `batch_ids`.
        """
        (only,) = self.batch_ids
        return only


async def create(
    calls: Calls,
    operation: Operation[BatchAccepted],
    kind: type[NewInvoice | NewPayment | NewCorrection],
    organization_id: str,
    items: Iterable[Any],
    *,
    chunk_size: int | None,
    recover: bool,
    options: RequestOptions | None,
) -> Created:
    """Hand in items; see `Invoices.create`."""
    rows = list(items)
    size = CHUNK if chunk_size is None else chunk_size
    whole(size, "chunk_size")
    check(rows, kind)
    options = calls.options(options)
    if recover and options.idempotency_key is None:
        options = replace(options, idempotency_key=uuid.uuid4().hex)
    starts = range(0, len(rows), size)
    chunks: list[Chunk] = []
    for number, start in enumerate(starts):
        part = rows[start : start + size]
        key = options.idempotency_key
        if key is not None and len(starts) > 1:
            key = f"{key}-{number}"
        try:
            accepted = await _send(
                calls, operation, organization_id, part, replace(options, idempotency_key=key), recover=recover
            )
        except (AmiliError, asyncio.CancelledError) as error:
            if len(starts) > 1:
                error.add_note(f"items {start} to {start + len(part) - 1} of {len(rows)} failed; those after them were not sent")
            error.__dict__.update(accepted=Created(tuple(chunks)), idempotency_key=key)
            raise
        chunks.append(Chunk(start, len(part), key, accepted))
    return Created(tuple(chunks))


async def _send(
    calls: Calls,
    operation: Operation[BatchAccepted],
    organization_id: str,
    part: Sequence[Any],
    options: RequestOptions,
    *,
    recover: bool,
) -> BatchAccepted:
    member = operation.path.rpartition("/")[2]
    body = {member: [item.body() for item in part]}
    if not recover:
        return (await calls.call(operation, organization_id, body=body, options=options)).data
    try:
        # Sent once: that the server recognises a key when it comes again is not documented, so look instead of repeating.
        return (await calls.call(operation, organization_id, body=body, options=options, repeat=False)).data
    except AmiliError as error:
        unknown = isinstance(error, OutcomeUnknownError | ServerError | DecodeError) or error.status == 408
        if not unknown:
            raise
        found = await _look_for(calls, organization_id, options)
        if found is None:
            raise
        return found


async def _look_for(calls: Calls, organization_id: str, options: RequestOptions) -> BatchAccepted | None:
    """Find the batch of an idempotency key.

    That the filter works is seen from a key that nobody has used: a server that answers it with batches ignores the filter, and
    then nothing that it shows under ours can be trusted.
    """
    look = replace(options, idempotency_key=None)

    async def batches(key: str | None) -> Sequence[Any]:
        filters = {"IdempotencyKey": key}
        # All pages, not the first: an empty one with a token says neither that our batch is missing nor that the filter works.
        return await calls.list(ops.BATCHES_LIST, organization_id, filters=filters, model=None, limit=2, options=look).collect()

    for attempt in range(LOOKS):
        try:
            found = await batches(options.idempotency_key)
            if len(found) == 1 and not await batches(uuid.uuid4().hex):
                return BatchAccepted(batch_id=found[0].batch_id)
        except AmiliError as error:
            # Says nothing about the create, so it must not take the place of its error.
            logger.warning("could not look for the batch of a create: %s", type(error).__name__)
            found = []
        if found:
            return None
        if attempt < LOOKS - 1:
            await calls.session.clock.sleep(0.5 * 2**attempt)
    return None
