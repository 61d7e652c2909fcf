"""Batches: the asynchronous jobs that everything handed in becomes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from amili_async.collection import operations as ops
from amili_async.collection.models import BatchStatus
from amili_async.errors import BatchFailed
from amili_async.product import Resource
from amili_async.waiting import together, wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typing_extensions import TypeVar

    from amili_async.collection.models import Batch, BatchType, LegacyBatch
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager
    from amili_async.webhooks import Router

    BatchT = TypeVar("BatchT", default=Batch)
    LegacyBatchT = TypeVar("LegacyBatchT", default=LegacyBatch)

__all__ = ["Batches", "has_ended"]

FINAL = frozenset({BatchStatus.SUCCESS, BatchStatus.PARTIAL, BatchStatus.FAILED})


def has_ended(batch: Batch) -> bool:
    """Tell whether a batch is at its end: by its status, or, if that is not known here, by its time of ending."""
    if batch.status in FINAL:
        return True
    return batch.finished_at is not None and batch.status is not None and not batch.status.known


class Batches(Resource):
    """Asynchronous jobs started by the create operations."""

    def list(
        self,
        organization_id: str,
        *,
        state: BatchStatus | str | None = None,
        type: BatchType | str | None = None,
        subject_id: str | None = None,
        idempotency_key: str | None = None,
        sort_direction: str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[BatchT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[BatchT]:
        """List the batches of an organization.

        Args:
            organization_id: id issued by Amili.
            state: keep only batches in this state.
            type: keep only batches of this type.
            subject_id: keep only batches that concern this subject; what counts as one is not documented.
            idempotency_key: keep only the batch that was created with this key.
            sort_direction: order of the list; the accepted values are not documented.
            page_size: batches per request; `Limits.page_size` if not given.
            limit: batches in all, over all pages.
            model: Struct to decode each batch into, instead of `Batch`.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Returns:
            A `Pager`: await it for the first page, iterate it for every batch, in the server's order.

        `GET /orgs/{organizationId}/batches`, walked by token. Evidence: seed.
        """
        return self._calls.list(
            ops.BATCHES_LIST,
            organization_id,
            filters={
                "State": state,
                "Type": type,
                "SubjectId": subject_id,
                "IdempotencyKey": idempotency_key,
                "SortDirection": sort_direction,
            },
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )

    def list_all(
        self,
        *,
        state: BatchStatus | str | None = None,
        type: BatchType | str | None = None,
        sort_direction: str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[LegacyBatchT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[LegacyBatchT]:
        """List the batches of all organizations that the caller may see.

        Arguments and result are those of `list`, without the filters this older operation does not have.

        `GET /batches`, walked by token. Evidence: docs (first generation of the API).
        """
        return self._calls.list(
            ops.BATCHES_LIST_ALL,
            filters={"State": state, "Type": type, "SortDirection": sort_direction},
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(self, organization_id: str, batch_id: str, *, options: RequestOptions | None = None) -> Batch:
        """Get one batch of an organization, with the outcome per item.

        Raises:
            NotFound: there is no such batch.

        `GET /orgs/{organizationId}/batches/{batchId}`. Evidence: docs.
        """
        return (await self._calls.call(ops.BATCHES_GET, organization_id, batch_id, options=options)).data

    async def get_legacy(self, batch_id: str, *, options: RequestOptions | None = None) -> LegacyBatch:
        """Get one batch by its id alone. The documentation announces the end of this operation: prefer `get`.

        Raises:
            NotFound: there is no such batch.

        `GET /batches/{batchId}`. Evidence: seed.
        """
        return (await self._calls.call(ops.BATCHES_GET_LEGACY, batch_id, options=options)).data

    async def wait(
        self,
        organization_id: str,
        batch_id: str,
        *,
        timeout: float = 300.0,
        poll: float = 1.0,
        events: Router | None = None,
        options: RequestOptions | None = None,
    ) -> Batch:
        """Wait until a batch has ended, asking with growing pauses.

        A question that fails for a passing reason is asked again while there is time, and a batch that was just made may take
        some seconds to be found. A cancelled wait leaves nothing behind.

        Args:
            organization_id: id issued by Amili.
            batch_id: id of the batch, from a create.
            timeout: seconds to wait in all.
            poll: seconds before the second question; the pauses grow by half up to 15 s, or stay if this is more.
            events: router of webhooks: a BATCH_COMPLETED of this batch ends the pause at once.
            options: options of each question.

        Returns:
            The batch, as SUCCESS or PARTIAL: look at `failed` for items that were refused.

        Raises:
            BatchFailed: it ended as FAILED; `batch` holds the reasons.
            BatchTimeout: it had not ended in time; `batch` is its last known state.
            NotFound: there is no such batch.
        """
        batch = await self._wait(organization_id, batch_id, timeout=timeout, poll=poll, events=events, options=options)
        if batch.status == BatchStatus.FAILED:
            refused = len(batch.failed or ())
            raise BatchFailed(f"batch {batch.batch_id} ended as {batch.status} with {refused} refused items", batch=batch)
        return batch

    async def wait_all(
        self,
        organization_id: str,
        batch_ids: Iterable[str],
        *,
        timeout: float = 300.0,
        poll: float = 1.0,
        events: Router | None = None,
        options: RequestOptions | None = None,
    ) -> Sequence[Batch]:
        """Wait until several batches have ended, together.

        Returns:
            The batches in the order of their ids, whatever their end was: look at each `status`.

        Raises:
            BatchTimeout: one had not ended in time; `batch` is its last known state.
            NotFound: there is no such batch.
        """
        return await together(
            self._wait(organization_id, batch_id, timeout=timeout, poll=poll, events=events, options=options)
            for batch_id in batch_ids
        )

    async def _wait(
        self,
        organization_id: str,
        batch_id: str,
        *,
        timeout: float,
        poll: float,
        events: Router | None,
        options: RequestOptions | None,
    ) -> Batch:
        return await wait(
            lambda asking: self.get(organization_id, batch_id, options=asking),
            has_ended,
            name=batch_id,
            clock=self._calls.session.clock,
            timeout=timeout,
            poll=poll,
            options=options,
            watching=partial(events.watching, batch_id) if events else None,
        )
