"""The methods of the Partner API, by what they are about. Of all of them only the titles are documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.bodies import accepted
from amili_async.partner import operations as ops
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from amili_async.config import RequestOptions

__all__ = ["Companies", "Files", "InvoiceView", "Invoices", "Partner", "Receipts", "Token"]


class Companies(Resource):
    """Companies that the caller may act for. Unconfirmed."""

    __slots__ = ()

    async def list(self, *, options: RequestOptions | None = None) -> Any:
        """List the companies that are available. Unconfirmed: HTTP method, path and answer are guesses.

        Returns:
            The JSON of the answer as plain Python objects.

        Safe to repeat if it is a GET. `GET /Companies`. Evidence: nav.
        """
        return (await self._calls.call(ops.COMPANIES_LIST, options=options)).data


class Files(Resource):
    """Bundles and files that were received. Unconfirmed."""

    __slots__ = ()

    async def list(
        self,
        company_id: str,
        *,
        from_date: datetime | date | str,
        to_date: datetime | date | str,
        options: RequestOptions | None = None,
    ) -> Any:
        """List the bundles and files of one company within a period.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Args:
            company_id: presumably one from `companies.list`.
            from_date: start of the period, a date, a date-time or a text.
            to_date: its end; whether it belongs to the period is not known.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, whole: whether there are pages is not known.

        Safe to repeat if it is a GET. `GET /Files`. Evidence: nav.
        """
        query = {"FromDate": from_date, "ToDate": to_date, "CompanyId": company_id}
        return (await self._calls.call(ops.FILES_LIST, query=query, options=options)).data

    async def summary(
        self,
        company_id: str,
        *,
        from_date: datetime | date | str,
        to_date: datetime | date | str,
        options: RequestOptions | None = None,
    ) -> Any:
        """Sum up the bundles and files of one company within a period; arguments as of `list`.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Returns:
            The JSON of the answer as plain Python objects.

        Safe to repeat if it is a GET. `GET /Files/Summary`. Evidence: nav.
        """
        query = {"FromDate": from_date, "ToDate": to_date, "CompanyId": company_id}
        return (await self._calls.call(ops.FILES_SUMMARY, query=query, options=options)).data

    async def invoices(self, file_name: str, *, options: RequestOptions | None = None) -> Any:
        """List the invoices that came in one file. Unconfirmed: HTTP method, path, parameter and answer are guesses.

        Args:
            file_name: name of the file, presumably as `list` shows it; goes as `FileName`.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Safe to repeat if it is a GET. `GET /Files/Invoices`. Evidence: nav.
        """
        query = {"FileName": file_name}
        return (await self._calls.call(ops.FILES_INVOICES, query=query, options=options)).data


class Invoices(Resource):
    """Invoices that were distributed. Unconfirmed."""

    __slots__ = ()

    async def list(
        self,
        *,
        invoice_number: str | None = None,
        from_date: datetime | date | str | None = None,
        to_date: datetime | date | str | None = None,
        company_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> Any:
        """Find invoices by their number or by a period of time.

        Unconfirmed: HTTP method, path, answer, and names and places of all parameters but the number's name are guesses.

        Args:
            invoice_number: number of the invoice; the title offers it as the alternative to a period.
            from_date: start of the period, a date, a date-time or a text.
            to_date: its end; whether it belongs to the period is not known.
            company_id: whose invoices; the title does not name it.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, whole: whether there are pages is not known.

        Safe to repeat if it is a GET. `GET /Invoices`. Evidence: nav.
        """
        query = {"InvoiceNumber": invoice_number, "FromDate": from_date, "ToDate": to_date, "CompanyId": company_id}
        return (await self._calls.call(ops.INVOICES_LIST, query=query, options=options)).data

    async def summary(
        self,
        company_id: str,
        *,
        from_date: datetime | date | str,
        to_date: datetime | date | str,
        options: RequestOptions | None = None,
    ) -> Any:
        """Sum up the invoices of one company within a period.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Args:
            company_id: presumably one from `companies.list`.
            from_date: start of the period, a date, a date-time or a text.
            to_date: its end; whether it belongs to the period is not known.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Safe to repeat if it is a GET. `GET /Invoice/Summary`. Evidence: nav.
        """
        query = {"FromDate": from_date, "ToDate": to_date, "CompanyId": company_id}
        return (await self._calls.call(ops.INVOICES_SUMMARY, query=query, options=options)).data


class InvoiceView(Resource):
    """Invoices as their receivers see them. Unconfirmed."""

    __slots__ = ()

    async def by_transaction_rid(self, transaction_rid: str, company_id: str, *, options: RequestOptions | None = None) -> Any:
        """Show one invoice, found by transaction and company.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Returns:
            What the server sends: a file such as a PDF as bytes, HTML as a text, or the JSON as plain Python objects.

        Safe to repeat if it is a GET. `GET /InvoiceView/ByTransactionRid`. Evidence: nav.
        """
        query = {"TransactionRid": transaction_rid, "CompanyId": company_id}
        return (await self._calls.call(ops.INVOICE_VIEW_BY_TRANSACTION_RID, query=query, options=options)).data

    async def by_invoice_number(self, invoice_number: str, company_id: str, *, options: RequestOptions | None = None) -> Any:
        """Show one invoice, found by number and company.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Returns:
            What the server sends: a file such as a PDF as bytes, HTML as a text, or the JSON as plain Python objects.

        Safe to repeat if it is a GET. `GET /InvoiceView/ByInvoiceNumber`. Evidence: nav.
        """
        query = {"InvoiceNumber": invoice_number, "CompanyId": company_id}
        return (await self._calls.call(ops.INVOICE_VIEW_BY_INVOICE_NUMBER, query=query, options=options)).data


class Receipts(Resource):
    """Proofs of distribution. Unconfirmed."""

    __slots__ = ()

    async def get(self, transaction_rid: str, company_id: str, *, options: RequestOptions | None = None) -> Any:
        """Get the receipt of one distributed invoice.

        Unconfirmed: HTTP method, path, answer and the place of the parameters are guesses; their names stand in the title.

        Returns:
            What the server sends: a file such as a PDF as bytes, HTML as a text, or the JSON as plain Python objects.

        Safe to repeat if it is a GET. `GET /Receipt`. Evidence: nav.
        """
        query = {"TransactionRid": transaction_rid, "CompanyId": company_id}
        return (await self._calls.call(ops.RECEIPTS_GET, query=query, options=options)).data


class Token(Resource):
    """Tokens of this API's own, if it has any: it may be that those of the Identity API serve it. Unconfirmed."""

    __slots__ = ()

    async def request(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Exchange credentials for an access token, which the client itself does not use.

        Unconfirmed: HTTP method, path, body (JSON) and answer are guesses. No token of the client goes with it. To use what you
        get, make a client with `StaticToken(...)`.

        Args:
            body: JSON object with the credentials, sent as it is; none of its members is known.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects. It holds a secret: keep it out of logs.

        Raises:
            ConfigError: the body is no mapping.

        Not repeated when its outcome is unknown. `POST /Token`. Evidence: nav.
        """
        return (await self._calls.call(ops.TOKEN_REQUEST, body=accepted(body), options=options)).data


class Partner(Resource):
    """The Partner API: what was distributed, for those who act for companies. Unconfirmed as a whole: only titles are known.

    No base URL of it is public: set `Environment(partner=...)` or `AMILI_PARTNER_URL`, or every call is a `ConfigError`. What a
    call uses is aimed elsewhere with `AmiliClient(paths={"partner.files.list": "GET /api/v2/files"})`.
    """

    __slots__ = ("companies", "files", "invoice_view", "invoices", "receipts", "token")

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.companies = Companies(calls)
        self.files = Files(calls)
        self.invoices = Invoices(calls)
        self.invoice_view = InvoiceView(calls)
        self.receipts = Receipts(calls)
        self.token = Token(calls)
