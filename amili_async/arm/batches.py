"""Batches of ARM: what becomes of what was handed in to be treated asynchronously."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from amili_async.arm import operations as ops
from amili_async.arm.models import BatchStatus, BatchUuid
from amili_async.arm.resource import ArmResource
from amili_async.errors import BatchFailed, DecodeError
from amili_async.waiting import wait

if TYPE_CHECKING:
    from amili_async.config import RequestOptions

__all__ = ["Batches"]


class Batches(ArmResource):
    """Follow-up of what was handed in by `create_batch` and `update_batch`."""

    __slots__ = ()

    async def get(self, client_no: int, batch_uuid: str | None, *, options: RequestOptions | None = None) -> BatchStatus:
        """Get one batch, with the outcome per item as far as there is one.

        Args:
            client_no: number of the ARM client.
            batch_uuid: id of the batch, from its receipt; capitals count. None, of a receipt that names none, is refused.
            options: options of the call.

        Returns:
            The batch. HTTP 202 (not treated yet) and 206 (treated in part) may come without a body: it then holds the two ids and
            `http_status` only. `finished` tells whether to ask again, `failed` and `warned` have the items to look at.

        Raises:
            ConfigError: there is no id.
            NotFound: there is no such batch.

        Safe to repeat. `GET /clients/{clientno}/batches/{batchuuid}`. Evidence: seed; the meaning of 202 and 206 is inferred.
        """
        response = await self._calls.call(ops.BATCHES_GET, client_no, batch_uuid, options=options)
        found = cast("BatchStatus | None", response.data)
        if found is None and response.status == 200:  # what has been treated has an outcome
            raise DecodeError(
                "answered 200 without a body",
                damaged=True,
                status=response.status,
                method=ops.BATCHES_GET.method,
                path=ops.BATCHES_GET.path,
                attempts=response.attempts,
                request_id=response.request_id,
            )
        found = found or BatchStatus(client_no=client_no, batch_uuid=BatchUuid(batch_uuid or ""))
        return replace(found, http_status=response.status)

    async def wait(
        self,
        client_no: int,
        batch_uuid: str | None,
        *,
        timeout: float = 300.0,
        poll: float = 1.0,
        options: RequestOptions | None = None,
    ) -> BatchStatus:
        """Wait until a batch has been treated, asking with growing pauses.

        A question that fails for a passing reason is asked again while there is time, and a batch that was just handed in may
        take some seconds to be found. A cancelled wait leaves nothing behind.

        Args:
            client_no: number of the ARM client.
            batch_uuid: id of the batch, from its receipt; capitals count. None, of a receipt that names none, is refused.
            timeout: seconds to wait in all.
            poll: seconds before the second question; the pauses grow by half up to 15 s, or stay if this is more.
            options: options of each question.

        Returns:
            The batch, once something in it has succeeded. That is no full success: `failed` has the items that failed, `warned`
            those that were taken with a warning.

        Raises:
            ConfigError: there is no id.
            BatchFailed: everything in it failed; `batch` has the reasons.
            BatchTimeout: it had not been treated in time; `batch` is its last known state.
            NotFound: there is no such batch.

        Example:
            ```python
            receipt = await amili.arm.documents.create_batch(2218, documents)
            batch = await amili.arm.batches.wait(2218, receipt.batch_uuid)
            for item in batch.failed:
                print(item.document_no, item.errors)
            ```

        Safe to repeat: it asks as `get` does. `GET /clients/{clientno}/batches/{batchuuid}`. Evidence: seed; the meaning of 202
        and 206 is inferred.
        """
        batch = await wait(
            lambda asking: self.get(client_no, batch_uuid, options=asking),
            lambda found: found.finished,
            name=batch_uuid or "",
            clock=self._calls.session.clock,
            timeout=timeout,
            poll=poll,
            options=options,
        )
        if batch.all_failed:
            raise BatchFailed(f"batch {batch_uuid} was treated, and all of it failed", batch=batch)
        return batch
