"""Invoices: handed over, listed, looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.collection import operations as ops
from amili_async.collection.creating import Created, create
from amili_async.collection.requests import NewInvoice
from amili_async.product import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from typing_extensions import TypeVar

    from amili_async.collection.models import BatchAccepted, Invoice, InvoiceStatus, InvoiceType
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    InvoiceT = TypeVar("InvoiceT", default=Invoice)

__all__ = ["Invoices"]


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

    async def create(
        self,
        organization_id: str,
        items: Iterable[NewInvoice],
        *,
        chunk_size: int | None = None,
        recover: bool = False,
        options: RequestOptions | None = None,
    ) -> Created:
        """Hand over invoices for reminder or collection.

        The items are checked first, all problems are named at once, and nothing is sent if there are any. They go out in chunks,
        one batch each, one after the other; `batches.wait` tells how a batch ended.

        Never repeated when its outcome is unknown, unless the call has an idempotency key. How the API takes one is not
        documented: it goes in the header that `Environment(idempotency_header=...)` names (`IdempotencyKey`, after the batch
        filter and the webhook header of that name). With several chunks, `-0`, `-1` ... is put behind the key.

        Args:
            organization_id: id issued by Amili.
            items: what to hand in; members that the contract does not know go into `extra`.
            chunk_size: items in one request, 500 if not given.
            recover: send each chunk once, and if its answer is lost, look for its batch by the idempotency key (one is made up if
                the options have none). If there is none to be found, the loss is raised.
            options: options of each request.

        Returns:
            The chunks with their batches: `created.batch_id` of the only one, `created.batch_ids` of all.

        Raises:
            InvalidItems: items cannot be handed in.
            OutcomeUnknownError: the answer was lost; the items may have been taken.
            AmiliError: any other failure; `accepted` on it holds the chunks that went before.

        `POST /orgs/{organizationId}/invoices`, scope `write:collection.case`. Evidence: docs.
        """
        return await create(
            self._calls,
            ops.INVOICES_CREATE,
            NewInvoice,
            organization_id,
            items,
            chunk_size=chunk_size,
            recover=recover,
            options=options,
        )

    async def documents(self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None) -> Any:
        """List or fetch the documents of one invoice.

        Unconfirmed: path and shape are guesses. First generation of the API.

        Returns:
            The JSON of the answer as plain Python objects, envelope included, because its shape is not documented; or its text or
            bytes.

        Safe to repeat. `GET /orgs/{orgId}/invoices/{invoiceId}/documents`. Evidence: inferred.
        """
        return (await self._calls.call(ops.INVOICES_DOCUMENTS, organization_id, invoice_id, options=options)).data

    async def history(self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None) -> Any:
        """List what happened to one invoice. Unconfirmed: path and shape are guesses. First generation of the API.

        Returns:
            The JSON of the answer as plain Python objects, envelope included, because its shape is not documented; or its text or
            bytes.

        Safe to repeat. `GET /orgs/{orgId}/invoices/{invoiceId}/history`. Evidence: inferred.
        """
        return (await self._calls.call(ops.INVOICES_HISTORY, organization_id, invoice_id, options=options)).data

    async def payments(self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None) -> Any:
        """List the payments of one invoice. First generation of the API.

        Returns:
            The JSON of the answer as plain Python objects, envelope included, because its shape is not documented; or its text or
            bytes.

        Safe to repeat. `GET /orgs/{orgId}/invoices/{invoiceId}/payments`. Evidence: docs.
        """
        return (await self._calls.call(ops.INVOICES_PAYMENTS, organization_id, invoice_id, options=options)).data

    async def pause(
        self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None
    ) -> BatchAccepted | None:
        """Stop the processing of one invoice for the time being.

        Unconfirmed: the path is a guess. First generation of the API; newer are the actions on cases.

        Returns:
            The batch that it became, None if the answer names none.

        Never repeated when its outcome is unknown. `POST /orgs/{orgId}/invoices/{invoiceId}/pause`. Evidence: inferred.
        """
        return (await self._calls.call(ops.INVOICES_PAUSE, organization_id, invoice_id, options=options)).data

    async def withdraw(
        self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None
    ) -> BatchAccepted | None:
        """Take one invoice back from collection.

        Unconfirmed: the path is a guess. First generation of the API; newer are the actions on cases.

        Returns:
            The batch that it became, None if the answer names none.

        Never repeated when its outcome is unknown. `POST /orgs/{orgId}/invoices/{invoiceId}/withdraw`. Evidence: inferred.
        """
        return (await self._calls.call(ops.INVOICES_WITHDRAW, organization_id, invoice_id, options=options)).data

    async def resume(
        self, organization_id: str, invoice_id: str, *, options: RequestOptions | None = None
    ) -> BatchAccepted | None:
        """Take up the processing of a paused invoice again. First generation of the API; newer are the actions on cases.

        Returns:
            The batch that it became, None if the answer names none.

        Never repeated when its outcome is unknown. `POST /orgs/{orgId}/invoices/{invoiceId}/resume`. Evidence: docs.
        """
        return (await self._calls.call(ops.INVOICES_RESUME, organization_id, invoice_id, options=options)).data
