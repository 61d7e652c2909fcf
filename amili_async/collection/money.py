"""Money: payments and corrections handed in, settlements read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.collection import operations as ops
from amili_async.collection.creating import Created, create
from amili_async.collection.requests import NewCorrection, NewPayment
from amili_async.product import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from typing_extensions import TypeVar

    from amili_async.collection.models import Settlement
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    SettlementT = TypeVar("SettlementT", default=Settlement)

__all__ = ["Corrections", "Payments", "Settlements"]


class Payments(Resource):
    """Payments that the creditor received outside the collector."""

    async def create(
        self,
        organization_id: str,
        items: Iterable[NewPayment],
        *,
        chunk_size: int | None = None,
        recover: bool = False,
        options: RequestOptions | None = None,
    ) -> Created:
        """Report payments that the creditor received.

        Checked, split, sent and recovered exactly as by `invoices.create`, with the same arguments, result and errors. Never
        repeated when its outcome is unknown, unless the call has an idempotency key.

        `POST /orgs/{organizationId}/payments`. Evidence: docs.
        """
        return await create(
            self._calls,
            ops.PAYMENTS_CREATE,
            NewPayment,
            organization_id,
            items,
            chunk_size=chunk_size,
            recover=recover,
            options=options,
        )


class Corrections(Resource):
    """Corrections of invoices."""

    async def create(
        self,
        organization_id: str,
        items: Iterable[NewCorrection],
        *,
        chunk_size: int | None = None,
        recover: bool = False,
        options: RequestOptions | None = None,
    ) -> Created:
        """Register corrections of invoices.

        Checked, split, sent and recovered exactly as by `invoices.create`, with the same arguments, result and errors. Never
        repeated when its outcome is unknown, unless the call has an idempotency key.

        `POST /orgs/{organizationId}/corrections`. Evidence: docs.
        """
        return await create(
            self._calls,
            ops.CORRECTIONS_CREATE,
            NewCorrection,
            organization_id,
            items,
            chunk_size=chunk_size,
            recover=recover,
            options=options,
        )


class Settlements(Resource):
    """Money settled between collector and creditor."""

    def list(
        self,
        organization_id: str,
        *,
        from_date: date | datetime | str | None = None,
        to_date: date | datetime | str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[SettlementT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[SettlementT]:
        """List the settlements of an organization.

        Args:
            organization_id: id issued by Amili.
            from_date: start of the period; whether a date or a date-time is expected is not documented.
            to_date: end of the period.
            page_size: settlements per request; `Limits.page_size` if not given.
            limit: settlements in all, over all pages.
            model: Struct to decode each settlement into, instead of `Settlement`.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Returns:
            A `Pager`: await it for the first page, iterate it for every settlement, in the server's order.

        `GET /orgs/{organizationId}/settlements`, walked by token. Evidence: docs.
        """
        return self._calls.list(
            ops.SETTLEMENTS_LIST,
            organization_id,
            filters={"fromDate": from_date, "toDate": to_date},
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(self, organization_id: str, settlement_id: str, *, options: RequestOptions | None = None) -> Settlement:
        """Get one settlement.

        Raises:
            NotFound: there is no such settlement.

        `GET /orgs/{organizationId}/settlements/{settlementId}`. Evidence: docs.
        """
        return (await self._calls.call(ops.SETTLEMENTS_GET, organization_id, settlement_id, options=options)).data
