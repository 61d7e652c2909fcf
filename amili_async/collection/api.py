"""The methods of the Collection API, read side. All are safe to repeat, and the client repeats them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.collection import operations as ops
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from datetime import date, datetime

    from typing_extensions import TypeVar

    from amili_async.collection.models import (
        Batch,
        BatchStatus,
        BatchType,
        Case,
        CaseStatus,
        CaseType,
        Invoice,
        InvoiceStatus,
        InvoiceType,
        LegacyBatch,
        Settlement,
    )
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    BatchT = TypeVar("BatchT", default=Batch)
    LegacyBatchT = TypeVar("LegacyBatchT", default=LegacyBatch)
    CaseT = TypeVar("CaseT", default=Case)
    InvoiceT = TypeVar("InvoiceT", default=Invoice)
    SettlementT = TypeVar("SettlementT", default=Settlement)

__all__ = ["Batches", "Cases", "Collection", "Invoices", "Settlements"]


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


class Cases(Resource):
    """Collection cases."""

    def list(
        self,
        organization_id: str,
        *,
        status: CaseStatus | str | None = None,
        type: CaseType | str | None = None,
        case_number: int | str | None = None,
        customer_number: str | None = None,
        unique_source_invoice_id: str | None = None,
        search_term: str | None = None,
        from_created_at: datetime | date | str | None = None,
        to_created_at: datetime | date | str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[CaseT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[CaseT]:
        """List the cases of an organization.

        Args:
            organization_id: id issued by Amili.
            status: keep only cases with this status.
            type: keep only cases of this type.
            case_number: keep only the case with this number.
            customer_number: keep only cases of the debtor with this customer number.
            unique_source_invoice_id: keep only cases holding the invoice that the source system knows by this id.
            search_term: free text; which fields it covers is not documented.
            from_created_at: keep only cases created from this moment on. Whether bounds are inclusive, and whether a date or a
                date-time is expected, is not documented; what is given is sent (aware date-times in UTC).
            to_created_at: keep only cases created up to this moment.
            page_size: cases per request; `Limits.page_size` if not given.
            limit: cases in all, over all pages.
            model: Struct to decode each case into, instead of `Case`; fewer fields decode faster.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Returns:
            A `Pager`: await it for the first page, iterate it for every case, in the server's order.

        Example:
            ```python
            async for case in amili.collection.cases.list(org, status="OPEN"):
                print(case.case_number, case.remaining_amount)
            ```

        `GET /orgs/{organizationId}/cases`, walked by token, and by page number where there is no token. Evidence: seed.
        """
        return self._calls.list(
            ops.CASES_LIST,
            organization_id,
            filters={
                "Status": status,
                "Type": type,
                "CaseNumber": case_number,
                "CustomerNumber": customer_number,
                "UniqueSourceInvoiceId": unique_source_invoice_id,
                "SearchTerm": search_term,
                "FromCreatedAt": from_created_at,
                "ToCreatedAt": to_created_at,
            },
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )


class Invoices(Resource):
    """Invoices handed over for reminder or collection."""

    def list(
        self,
        organization_id: str,
        *,
        status: InvoiceStatus | str | None = None,
        type: InvoiceType | str | None = None,
        invoice_number: str | None = None,
        unique_source_invoice_id: str | None = None,
        customer_number: str | None = None,
        from_: datetime | date | str | None = None,
        to: datetime | date | str | None = None,
        limit: int | None = None,
        model: type[InvoiceT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
        page_size: int | None = None,
    ) -> Pager[InvoiceT]:
        """List the invoices of an organization.

        Args:
            organization_id: id issued by Amili.
            status: keep only invoices with this status.
            type: keep only invoices of this type.
            invoice_number: keep only the invoice with this number.
            unique_source_invoice_id: keep only the invoice that the source system knows by this id.
            customer_number: keep only invoices of the debtor with this customer number.
            from_: start of the period; which date it compares with is not documented.
            to: end of the period.
            limit: invoices in all, over all pages.
            model: Struct to decode each invoice into, instead of `Invoice`.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.
            page_size: accepted as by all lists, and not sent: this operation has no such parameter.

        Returns:
            A `Pager`: await it for the first page, iterate it for every invoice, in the server's order.

        `GET /orgs/{organizationId}/invoices`, walked by token. Evidence: docs.
        """
        return self._calls.list(
            ops.INVOICES_LIST,
            organization_id,
            filters={
                "Status": status,
                "Type": type,
                "InvoiceNumber": invoice_number,
                "UniqueSourceInvoiceId": unique_source_invoice_id,
                "CustomerNumber": customer_number,
                "From": from_,
                "To": to,
            },
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None) -> Invoice:
        """Get one invoice.

        Raises:
            NotFound: there is no such invoice.

        `GET /orgs/{organizationId}/invoices/{invoiceId}`. Evidence: docs.
        """
        return (await self._calls.call(ops.INVOICES_GET, organization_id, invoice_id, options=options)).data


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


class Collection(Resource):
    """The Collection API: debt collection."""

    __slots__ = ("batches", "cases", "invoices", "settlements")

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.batches = Batches(calls)
        self.cases = Cases(calls)
        self.invoices = Invoices(calls)
        self.settlements = Settlements(calls)
