"""The operations of the Partner API: the one place that knows their paths. All are guesses after the titles of their pages."""

from __future__ import annotations

from typing import Any

from amili_async.operation import Operation

_DOCS = "https://docs.amili.dev/"

COMPANIES_LIST: Operation[Any] = Operation(
    name="partner.companies.list",
    method="GET",
    path="/Companies",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="List the companies available to the caller.",
    response=None,
    retry_safe=True,
    unwrap=None,
    path_guessed=True,
    method_guessed=True,
)
FILES_LIST: Operation[Any] = Operation(
    name="partner.files.list",
    method="GET",
    path="/Files",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="List bundles and files of one company within a period.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "FromDate",
        "ToDate",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
FILES_SUMMARY: Operation[Any] = Operation(
    name="partner.files.summary",
    method="GET",
    path="/Files/Summary",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Sum up the bundles and files of one company within a period.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "FromDate",
        "ToDate",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
FILES_INVOICES: Operation[Any] = Operation(
    name="partner.files.invoices",
    method="GET",
    path="/Files/Invoices",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="List the invoices that came in one file.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=("FileName",),
    path_guessed=True,
    method_guessed=True,
)
INVOICES_SUMMARY: Operation[Any] = Operation(
    name="partner.invoices.summary",
    method="GET",
    path="/Invoice/Summary",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Sum up the invoices of one company within a period.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "FromDate",
        "ToDate",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
INVOICES_LIST: Operation[Any] = Operation(
    name="partner.invoices.list",
    method="GET",
    path="/Invoices",
    evidence="nav",
    source=_DOCS + "list-invoices-based-on-invoicenumber-or-specific-datetime-period-3939055e0",
    summary="Find invoices by number or by a period of time.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "InvoiceNumber",
        "FromDate",
        "ToDate",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
INVOICE_VIEW_BY_TRANSACTION_RID: Operation[Any] = Operation(
    name="partner.invoice_view.by_transaction_rid",
    method="GET",
    path="/InvoiceView/ByTransactionRid",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Show one invoice, found by transaction and company.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "TransactionRid",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
INVOICE_VIEW_BY_INVOICE_NUMBER: Operation[Any] = Operation(
    name="partner.invoice_view.by_invoice_number",
    method="GET",
    path="/InvoiceView/ByInvoiceNumber",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Show one invoice, found by number and company.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "InvoiceNumber",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
RECEIPTS_GET: Operation[Any] = Operation(
    name="partner.receipts.get",
    method="GET",
    path="/Receipt",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Get the receipt of one distributed invoice.",
    response=None,
    retry_safe=True,
    unwrap=None,
    query=(
        "TransactionRid",
        "CompanyId",
    ),
    path_guessed=True,
    method_guessed=True,
)
TOKEN_REQUEST: Operation[Any] = Operation(
    name="partner.token.request",
    method="POST",
    path="/Token",
    evidence="nav",
    source=_DOCS + "get-batch-by-id-3939029e0",
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
