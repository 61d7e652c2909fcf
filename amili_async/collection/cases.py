"""Cases: what is owed, by whom, and what shall be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.collection import operations as ops
from amili_async.product import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from typing_extensions import TypeVar

    from amili_async.collection.models import BatchAccepted, Case, CaseStatus, CaseType
    from amili_async.config import RequestOptions
    from amili_async.operation import Operation
    from amili_async.pagination import OnInvalid, Pager

    CaseT = TypeVar("CaseT", default=Case)

__all__ = ["Cases"]


class Cases(Resource):
    """Collection cases, and the actions on them.

    Of the actions the documentation shows the titles only: their paths, bodies and answers are guesses. Using one warns once
    (`UnconfirmedOperationWarning`); `AmiliClient(paths=...)` sets the right path. All of them take an optional `body`, sent as
    JSON if given, return the batch that the action became (None if the answer names none), raise `Conflict` or `Unprocessable`
    where the case does not allow the action, and are never repeated when their outcome is unknown.
    """

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

    async def pause(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Put the work on a case on hold. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/pause`. Evidence: nav.
        """
        return await self._act(ops.CASES_PAUSE, organization_id, case_id, body, options)

    async def withdraw(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Take a case back from the collector. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/withdraw`. Evidence: nav.
        """
        return await self._act(ops.CASES_WITHDRAW, organization_id, case_id, body, options)

    async def resume(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Take up the work on a paused case again. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/resume`. Evidence: nav.
        """
        return await self._act(ops.CASES_RESUME, organization_id, case_id, body, options)

    async def accept_debt_collection_list(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Approve moving a case on the debt-collection list to debt collection. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/debt-collection-list/accept`. Evidence: nav.
        """
        return await self._act(ops.CASES_ACCEPT_DEBT_COLLECTION_LIST, organization_id, case_id, body, options)

    async def reject_debt_collection_list(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Refuse moving a case on the debt-collection list to debt collection. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/debt-collection-list/reject`. Evidence: nav.
        """
        return await self._act(ops.CASES_REJECT_DEBT_COLLECTION_LIST, organization_id, case_id, body, options)

    async def accept_eviction_request(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Approve that an eviction is asked for in a case. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/eviction-request/accept`. Evidence: nav.
        """
        return await self._act(ops.CASES_ACCEPT_EVICTION_REQUEST, organization_id, case_id, body, options)

    async def reject_eviction_request(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Refuse that an eviction is asked for in a case. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/eviction-request/reject`. Evidence: nav.
        """
        return await self._act(ops.CASES_REJECT_EVICTION_REQUEST, organization_id, case_id, body, options)

    async def accept_eviction_confirmation(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Confirm that a requested eviction shall go ahead. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/eviction-confirmation/accept`. Evidence: nav.
        """
        return await self._act(ops.CASES_ACCEPT_EVICTION_CONFIRMATION, organization_id, case_id, body, options)

    async def reject_eviction_confirmation(
        self,
        organization_id: str,
        case_id: str,
        *,
        body: Mapping[str, Any] | None = None,
        options: RequestOptions | None = None,
    ) -> BatchAccepted | None:
        """Decline that a requested eviction goes ahead. Unconfirmed; see the class.

        `POST /orgs/{organizationId}/cases/{caseId}/eviction-confirmation/reject`. Evidence: nav.
        """
        return await self._act(ops.CASES_REJECT_EVICTION_CONFIRMATION, organization_id, case_id, body, options)

    async def _act(
        self,
        operation: Operation[BatchAccepted],
        organization_id: str,
        case_id: str,
        body: Mapping[str, Any] | None,
        options: RequestOptions | None,
    ) -> BatchAccepted | None:
        return (await self._calls.call(operation, organization_id, case_id, body=body, options=options)).data
