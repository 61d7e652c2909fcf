"""The operations of the Collection API: the one place that knows their paths."""

from __future__ import annotations

from typing import Any

from amili_async.collection.models import Batch, BatchAccepted, Case, Invoice, LegacyBatch, Settlement
from amili_async.operation import Operation, Paging

_DOCS = "https://docs.amili.dev/"
_BATCH_FILTERS = ("State", "Type", "PageToken", "PageSize", "SortDirection")

BATCHES_LIST = Operation(
    name="collection.batches.list",
    method="GET",
    path="/orgs/{organizationId}/batches",
    evidence="seed",
    source=_DOCS + "getbatchesbyorganization-4148061e0?nav=4",
    summary="List the batches of an organization, page by page.",
    response=Batch,
    retry_safe=True,
    paging=Paging(style="cursor", key="batchId", token_param="PageToken", size_param="PageSize"),
    query=("State", "Type", "SubjectId", "IdempotencyKey", "PageToken", "PageSize", "SortDirection"),
)
BATCHES_LIST_ALL = Operation(
    name="collection.batches.list_all",
    method="GET",
    path="/batches",
    evidence="docs",
    source=_DOCS + "get-all-batches-3939027e0",
    summary="List the batches of all organizations the caller may see.",
    response=LegacyBatch,
    retry_safe=True,
    paging=Paging(style="cursor", key="batchId", token_param="PageToken", size_param="PageSize"),
    query=_BATCH_FILTERS,
)
BATCHES_GET = Operation(
    name="collection.batches.get",
    method="GET",
    path="/orgs/{organizationId}/batches/{batchId}",
    evidence="docs",
    source=_DOCS + "getbatchbyid-4148060e0?nav=4",
    summary="Get one batch of an organization, with the outcome per item.",
    response=Batch,
    retry_safe=True,
)
BATCHES_GET_LEGACY = Operation(
    name="collection.batches.get_legacy",
    method="GET",
    path="/batches/{batchId}",
    evidence="seed",
    source=_DOCS + "get-batch-by-id-3939029e0",
    summary="Get one batch by its id alone (legacy, announced for removal).",
    response=LegacyBatch,
    retry_safe=True,
    deprecated=True,
)
CASES_LIST = Operation(
    name="collection.cases.list",
    method="GET",
    path="/orgs/{organizationId}/cases",
    evidence="seed",
    source=_DOCS + "getcasesbyorganization-4326442e0",
    summary="Search the cases of an organization, page by page.",
    response=Case,
    retry_safe=True,
    paging=Paging(style="cursor+skip", key="caseId", token_param="PageToken", size_param="PageSize"),
    query=(
        "Status",
        "Type",
        "CaseNumber",
        "CustomerNumber",
        "UniqueSourceInvoiceId",
        "SearchTerm",
        "FromCreatedAt",
        "ToCreatedAt",
        "PageToken",
        "PageSize",
    ),
)
INVOICES_LIST = Operation(
    name="collection.invoices.list",
    method="GET",
    path="/orgs/{organizationId}/invoices",
    evidence="docs",
    source=_DOCS + "getinvoicesbyorganization-4148068e0?nav=4",
    summary="List the invoices of an organization, page by page.",
    response=Invoice,
    retry_safe=True,
    paging=Paging(style="cursor", token_param="PageToken"),
    query=("Status", "Type", "InvoiceNumber", "UniqueSourceInvoiceId", "CustomerNumber", "From", "To", "PageToken"),
)
INVOICES_GET = Operation(
    name="collection.invoices.get",
    method="GET",
    path="/orgs/{organizationId}/invoices/{invoiceId}",
    evidence="docs",
    source=_DOCS + "getinvoicebyid-4148069e0?nav=4",
    summary="Get one invoice.",
    response=Invoice,
    retry_safe=True,
)
SETTLEMENTS_LIST = Operation(
    name="collection.settlements.list",
    method="GET",
    path="/orgs/{organizationId}/settlements",
    evidence="docs",
    source=_DOCS + "getsettlements-4148071e0?nav=4",
    summary="List the settlements of an organization, page by page.",
    response=Settlement,
    retry_safe=True,
    paging=Paging(style="cursor", token_param="pageToken", size_param="pageSize"),
    query=("fromDate", "toDate", "pageSize", "pageToken"),
)
SETTLEMENTS_GET = Operation(
    name="collection.settlements.get",
    method="GET",
    path="/orgs/{organizationId}/settlements/{settlementId}",
    evidence="docs",
    source=_DOCS + "getsettlement-on-id-4148072e0?nav=4",
    summary="Get one settlement.",
    response=Settlement,
    retry_safe=True,
)


def _create(name: str, page: str, summary: str) -> Operation[BatchAccepted]:
    """Return the record of a create: answered with a batch, and never known to be recognised when repeated."""
    return Operation(
        name=f"collection.{name}.create",
        method="POST",
        path=f"/orgs/{{organizationId}}/{name}",
        evidence="docs",
        source=_DOCS + page,
        summary=summary,
        response=BatchAccepted,
        retry_safe=False,
        body="json",
    )


INVOICES_CREATE = _create("invoices", "createinvoices-4148067e0?nav=4", "Hand over one or more invoices.")
PAYMENTS_CREATE = _create("payments", "createpayments-4148070e0?nav=4", "Report payments received outside the collector.")
CORRECTIONS_CREATE = _create("corrections", "createcorrections-4148074e0", "Register corrections of invoices.")


def _case_action(name: str, path: str, summary: str) -> Operation[BatchAccepted]:
    """Return the record of an action on a case, of which only the title is documented."""
    return Operation(
        name=f"collection.cases.{name}",
        method="POST",
        path=f"/orgs/{{organizationId}}/cases/{{caseId}}/{path}",
        evidence="nav",
        source=_DOCS + "getcasesbyorganization-4326442e0",
        summary=summary,
        response=BatchAccepted,
        retry_safe=False,
        body="json",
        body_optional=True,
        path_guessed=True,
    )


CASES_PAUSE = _case_action("pause", "pause", "Put the work on a case on hold.")
CASES_WITHDRAW = _case_action("withdraw", "withdraw", "Take a case back from the collector.")
CASES_RESUME = _case_action("resume", "resume", "Take up the work on a paused case again.")
CASES_ACCEPT_DEBT_COLLECTION_LIST = _case_action(
    "accept_debt_collection_list", "debt-collection-list/accept", "Approve moving a case on the list to debt collection."
)
CASES_REJECT_DEBT_COLLECTION_LIST = _case_action(
    "reject_debt_collection_list", "debt-collection-list/reject", "Refuse moving a case on the list to debt collection."
)
CASES_ACCEPT_EVICTION_REQUEST = _case_action(
    "accept_eviction_request", "eviction-request/accept", "Approve that an eviction is asked for in a case."
)
CASES_REJECT_EVICTION_REQUEST = _case_action(
    "reject_eviction_request", "eviction-request/reject", "Refuse that an eviction is asked for in a case."
)
CASES_ACCEPT_EVICTION_CONFIRMATION = _case_action(
    "accept_eviction_confirmation", "eviction-confirmation/accept", "Confirm that a requested eviction shall go ahead."
)
CASES_REJECT_EVICTION_CONFIRMATION = _case_action(
    "reject_eviction_confirmation", "eviction-confirmation/reject", "Decline that a requested eviction goes ahead."
)

_V1_NAV = _DOCS + "get-batch-by-id-3939029e0"


def _invoice_part(name: str, summary: str, *, source: str = _V1_NAV, known: bool = False) -> Operation[Any]:
    """Return the record of what the first generation of the API tells about an invoice; its shape is not known."""
    return Operation(
        name=f"collection.invoices.{name}",
        method="GET",
        path=f"/orgs/{{orgId}}/invoices/{{invoiceId}}/{name}",
        evidence="docs" if known else "inferred",
        source=source,
        summary=summary,
        response=None,
        retry_safe=True,
        unwrap=None,
        path_guessed=not known,
    )


def _invoice_action(name: str, summary: str, *, source: str = _V1_NAV, known: bool = False) -> Operation[BatchAccepted]:
    """Return the record of an action on an invoice, of the first generation of the API."""
    return Operation(
        name=f"collection.invoices.{name}",
        method="POST",
        path=f"/orgs/{{orgId}}/invoices/{{invoiceId}}/{name}",
        evidence="docs" if known else "inferred",
        source=source,
        summary=summary,
        response=BatchAccepted,
        retry_safe=False,
        body_optional=True,
        path_guessed=not known,
    )


INVOICES_DOCUMENTS = _invoice_part("documents", "List or fetch the documents of one invoice.")
INVOICES_HISTORY = _invoice_part("history", "List what happened to one invoice.")
INVOICES_PAYMENTS = _invoice_part(
    "payments",
    "List the payments of one invoice.",
    source=_DOCS + "get-invoice-payments-by-invoice-id-3939022e0?nav=4",
    known=True,
)
INVOICES_PAUSE = _invoice_action("pause", "Stop the processing of one invoice for the time being.")
INVOICES_WITHDRAW = _invoice_action("withdraw", "Take one invoice back from collection.")
INVOICES_RESUME = _invoice_action(
    "resume",
    "Take up the processing of a paused invoice again.",
    source=_DOCS + "resume-invoice-3939025e0?nav=4",
    known=True,
)


def _raw_call(name: str, path: str, summary: str) -> Operation[Any]:
    """Return the record of a call of which only the title is known."""
    return Operation(
        name=f"collection.{name}",
        method="GET",
        path=path,
        evidence="nav",
        source=_V1_NAV,
        summary=summary,
        response=None,
        retry_safe=True,
        unwrap=None,
        path_guessed=True,
        method_guessed=True,
    )


REPORTS_LIST = _raw_call("reports.list", "/orgs/{orgId}/reports", "Fetch reports about one organization.")
STATUS_PING = _raw_call("status.ping", "/ping", "Check that the server answers.")
STATUS_PING_AUTHORIZED = _raw_call("status.ping_authorized", "/ping/authorized", "Check that the token is accepted.")
STATUS_HEALTH = _raw_call("status.health", "/health", "Ask for the health of the API.")
BANQSOFT_CALL = _raw_call("banqsoft.call", "/banqsoft", "Unknown call towards the Banqsoft system.")

OPERATIONS: tuple[Operation[Any], ...] = (
    BATCHES_LIST,
    BATCHES_LIST_ALL,
    BATCHES_GET,
    BATCHES_GET_LEGACY,
    CASES_LIST,
    CASES_PAUSE,
    CASES_WITHDRAW,
    CASES_RESUME,
    CASES_ACCEPT_DEBT_COLLECTION_LIST,
    CASES_REJECT_DEBT_COLLECTION_LIST,
    CASES_ACCEPT_EVICTION_REQUEST,
    CASES_REJECT_EVICTION_REQUEST,
    CASES_ACCEPT_EVICTION_CONFIRMATION,
    CASES_REJECT_EVICTION_CONFIRMATION,
    CORRECTIONS_CREATE,
    INVOICES_CREATE,
    INVOICES_LIST,
    INVOICES_GET,
    INVOICES_DOCUMENTS,
    INVOICES_HISTORY,
    INVOICES_PAYMENTS,
    INVOICES_PAUSE,
    INVOICES_WITHDRAW,
    INVOICES_RESUME,
    PAYMENTS_CREATE,
    SETTLEMENTS_LIST,
    SETTLEMENTS_GET,
    REPORTS_LIST,
    STATUS_PING,
    STATUS_PING_AUTHORIZED,
    STATUS_HEALTH,
    BANQSOFT_CALL,
)
