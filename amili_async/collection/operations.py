"""The operations of the Collection API, read side: the one place that knows their paths."""

from __future__ import annotations

from amili_async.collection.models import Batch, Case, Invoice, LegacyBatch, Settlement
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
    paging=Paging(style="cursor", token_param="PageToken", size_param="PageSize"),
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
    paging=Paging(style="cursor", token_param="PageToken", size_param="PageSize"),
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
    paging=Paging(style="cursor+skip", token_param="PageToken", size_param="PageSize"),
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

OPERATIONS = (
    BATCHES_LIST,
    BATCHES_LIST_ALL,
    BATCHES_GET,
    BATCHES_GET_LEGACY,
    CASES_LIST,
    INVOICES_LIST,
    INVOICES_GET,
    SETTLEMENTS_LIST,
    SETTLEMENTS_GET,
)
