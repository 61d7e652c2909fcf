"""The operations of the Partner API: the one place that knows their paths. All are guesses after the titles of their pages."""

from __future__ import annotations

from typing import Any

from amili_async.operation import Operation

_DOCS = "https://docs.amili.dev/"
_NAV = "get-batch-by-id-3939029e0"
"""The page whose navigation names the operations that have no page known."""
_PERIOD = ("FromDate", "ToDate", "CompanyId")


def _get(name: str, path: str, summary: str, query: tuple[str, ...] = (), page: str = _NAV) -> Operation[Any]:
    """Return the record of a read, of which nothing but the title is known."""
    return Operation(
        name=f"partner.{name}",
        method="GET",
        path=path,
        evidence="nav",
        source=_DOCS + page,
        summary=summary,
        response=None,
        retry_safe=True,
        unwrap=None,
        query=query,
        path_guessed=True,
        method_guessed=True,
    )


COMPANIES_LIST = _get("companies.list", "/Companies", "List the companies available to the caller.")
FILES_LIST = _get("files.list", "/Files", "List bundles and files of one company within a period.", _PERIOD)
FILES_SUMMARY = _get("files.summary", "/Files/Summary", "Sum up the bundles and files of one company within a period.", _PERIOD)
FILES_INVOICES = _get("files.invoices", "/Files/Invoices", "List the invoices that came in one file.", ("FileName",))
INVOICES_SUMMARY = _get("invoices.summary", "/Invoice/Summary", "Sum up the invoices of one company within a period.", _PERIOD)
INVOICES_LIST = _get(
    "invoices.list",
    "/Invoices",
    "Find invoices by number or by a period of time.",
    ("InvoiceNumber", *_PERIOD),
    "list-invoices-based-on-invoicenumber-or-specific-datetime-period-3939055e0",
)
INVOICE_VIEW_BY_TRANSACTION_RID = _get(
    "invoice_view.by_transaction_rid",
    "/InvoiceView/ByTransactionRid",
    "Show one invoice, found by transaction and company.",
    ("TransactionRid", "CompanyId"),
)
INVOICE_VIEW_BY_INVOICE_NUMBER = _get(
    "invoice_view.by_invoice_number",
    "/InvoiceView/ByInvoiceNumber",
    "Show one invoice, found by number and company.",
    ("InvoiceNumber", "CompanyId"),
)
RECEIPTS_GET = _get("receipts.get", "/Receipt", "Get the receipt of one distributed invoice.", ("TransactionRid", "CompanyId"))
TOKEN_REQUEST: Operation[Any] = Operation(
    name="partner.token.request",
    method="POST",
    path="/Token",
    evidence="nav",
    source=_DOCS + _NAV,
    summary="Exchange credentials for an access token.",
    response=None,
    retry_safe=False,
    retry_with_key=False,
    unwrap=None,
    body="json",
    path_guessed=True,
    method_guessed=True,
    authenticated=False,
)

OPERATIONS = (
    COMPANIES_LIST,
    FILES_LIST,
    FILES_SUMMARY,
    FILES_INVOICES,
    INVOICES_SUMMARY,
    INVOICES_LIST,
    INVOICE_VIEW_BY_TRANSACTION_RID,
    INVOICE_VIEW_BY_INVOICE_NUMBER,
    RECEIPTS_GET,
    TOKEN_REQUEST,
)
