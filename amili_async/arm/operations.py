"""The operations of ARM, the accounts receivable API: the one place that knows their paths.

ARM knows no idempotency keys as far as its documentation goes, so that none makes the client repeat a write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from amili_async.arm.models import (
    ArItem,
    AutoPostingResponse,
    BatchReceipt,
    BatchStatus,
    Customer,
    Document,
    DocumentBundle,
    FileUploadResult,
    GlItem,
    GlMovement,
    ItemResult,
    LogItem,
    OperationResult,
    PaymentReservationResult,
)
from amili_async.operation import Operation, Paging

if TYPE_CHECKING:
    from amili_async.operation import Evidence

T = TypeVar("T")

_DOCS = "https://docs.amili.dev/"
_NAV = "get-one-batch-4205264e0"
"""The page whose navigation names the operations that have no page known."""
_PAGED = ("maximumcount", "pagesize", "query", "pageno")


def _list(
    name: str,
    key: str,
    page: str,
    summary: str,
    response: type[T] | None,
    *,
    evidence: Evidence = "nav",
    items: str,
    query: tuple[str, ...] = (),
) -> Operation[T]:
    """Return the record of a list that the server keeps under a query id; `key` is the member that tells rows apart."""
    return Operation(
        name=f"arm.{name}.list",
        method="GET",
        path=f"/clients/{{clientno}}/{name.replace('_', '')}",
        evidence=evidence,
        source=_DOCS + page,
        summary=summary,
        response=response,
        retry_safe=True,
        unwrap=None,
        paging=Paging(
            style="query-page",
            items=items,
            key=key,
            size_param="pagesize",
            page_param="pageno",
            query_param="query",
            limit_param="maximumcount",
        ),
        query=(*_PAGED, *query),
        path_guessed=evidence == "nav",
    )


def _get(
    name: str,
    path: str,
    page: str,
    summary: str,
    response: type[T] | None,
    *,
    evidence: Evidence = "nav",
    query: tuple[str, ...] = (),
    body_optional: bool = False,
) -> Operation[T]:
    """Return the record of a read that is no paged list."""
    return Operation(
        name=f"arm.{name}",
        method="GET",
        path=f"/clients/{{clientno}}/{path}",
        evidence=evidence,
        source=_DOCS + page,
        summary=summary,
        response=response,
        retry_safe=True,
        unwrap=None,
        query=query,
        body_optional=body_optional,
        path_guessed=evidence == "nav",
    )


def _write(
    name: str,
    path: str,
    page: str,
    summary: str,
    response: type[T],
    *,
    method: Literal["POST", "PUT"] = "POST",
    evidence: Evidence = "docs",
    retry_safe: bool = False,
) -> Operation[T]:
    """Return the record of a write: it was carried out, whatever the answer of a success looks like."""
    return Operation(
        name=f"arm.{name}",
        method=method,
        path=f"/clients/{{clientno}}/{path}",
        evidence=evidence,
        source=_DOCS + page,
        summary=summary,
        response=response,
        retry_safe=retry_safe,
        unwrap=None,
        body="json",
        body_optional=True,
        retry_with_key=retry_safe,
        path_guessed=evidence == "nav",
    )


ACTIONS_CREATE = _write("actions.create", "actions", _NAV, "Start an action.", OperationResult, evidence="nav")
ACTIONS_CREATE_REPORT = _write(
    "actions.create_report",
    "actions/reports",
    "post-create-a-reports-actiongenerate-a-report-4205259e0?nav=5",
    "Generate a report.",
    OperationResult,
    evidence="nav",
)
AR_ITEMS_LIST = _list(
    "ar_items",
    "arItemId",
    "get-a-list-of-ar-items-3942665e0?nav=5",
    "List AR items that match given criteria, page by page.",
    ArItem,
    evidence="docs",
    items="arItems",
    query=("expand", "userid"),
)
AR_ITEMS_UPDATE = _write(
    "ar_items.update",
    "aritems",
    "put-update-ar-item-details-3942666e0?nav=5",
    "Change details of an AR item, or credit an invoice or interest note.",
    OperationResult,
    method="PUT",
)
AR_ITEMS_GET = _get(
    "ar_items.get",
    "aritems/{aritemid}",
    "get-one-ar-item-3942664e0?nav=5",
    "Get one AR item by its identifier.",
    ArItem,
    evidence="docs",
    query=("expand", "userid"),
)
AUTO_POSTINGS_CREATE = _write(
    "auto_postings.create",
    "autopostings/{autopostingmethod}",
    "post-create-one-or-more-auto-postings-3942671e0?nav=5",
    "Book one or more events as sets of debit and credit entries.",
    AutoPostingResponse,
)
BATCHES_GET = _get(
    "batches.get",
    "batches/{batchuuid}",
    _NAV,
    "Follow up one asynchronously treated batch.",
    BatchStatus,
    evidence="seed",
    body_optional=True,
)
CLIENT_CONFIGS_LIST: Operation[Any] = _list(
    "client_configs",
    "clientConfigKey",
    _NAV,
    "List configuration values of the client.",
    None,
    items="clientConfigs",
)
CLIENT_CONFIGS_GET: Operation[Any] = _get(
    "client_configs.get",
    "clientconfigs/{clientconfigkey}",
    "get-values-for-one-client-config-key-4205266e0",
    "Get the values held under one configuration key.",
    None,
)
CODES_LIST: Operation[Any] = _get("codes.list", "codes", _NAV, "Get code values of the ARM system.", None)
CUSTOMERS_LIST = _list(
    "customers",
    "customerNo",
    "get-a-list-of-customers-3942679e0?nav=5",
    "List customers with details, page by page.",
    Customer,
    evidence="docs",
    items="customers",
)
CUSTOMERS_CREATE = _write(
    "customers.create",
    "customers",
    "post-create-one-customer-3942680e0?nav=5",
    "Create one customer at once, or update it when it already exists.",
    ItemResult,
    retry_safe=True,
)
CUSTOMERS_UPDATE = _write(
    "customers.update",
    "customers",
    "put-update-one-customer-3942678e0?nav=5",
    "Update one existing customer at once.",
    ItemResult,
    method="PUT",
    retry_safe=True,
)
CUSTOMERS_CREATE_BATCH = _write(
    "customers.create_batch",
    "customers/batches",
    "post-create-a-batch-of-customers-4205273e0",
    "Hand in many customers for creation.",
    BatchReceipt,
    evidence="inferred",
)
CUSTOMERS_UPDATE_BATCH = _write(
    "customers.update_batch",
    "customers/batches",
    "put-update-a-batch-of-customers-3942677e0?nav=5",
    "Hand in changes to many customers.",
    BatchReceipt,
    method="PUT",
    retry_safe=True,
)
CUSTOMERS_GET = _get(
    "customers.get",
    "customers/{customerno}",
    "get-one-customer-3942674e0?nav=5",
    "Get one customer by customer number.",
    Customer,
    evidence="docs",
    query=("expand", "userid"),
)
CUSTOMERS_DELETE: Operation[ItemResult] = Operation(
    name="arm.customers.delete",
    method="DELETE",
    path="/clients/{clientno}/customers/{customerno}",
    evidence="docs",
    source=_DOCS + "delete-a-customer-3942675e0?nav=5",
    summary="Remove a customer that has no documents and no AR items.",
    response=ItemResult,
    retry_safe=True,
    unwrap=None,
    query=("userid",),
    body_optional=True,
)
DOCUMENT_BUNDLES_LIST = _list(
    "document_bundles",
    "documentBundleId",
    _NAV,
    "List document bundles.",
    DocumentBundle,
    items="documentBundles",
)
DOCUMENT_BUNDLES_GET = _get(
    "document_bundles.get",
    "documentbundles/{documentbundleid}",
    "get-one-document-bundle-4205276e0",
    "Get one document bundle.",
    DocumentBundle,
    query=("expand",),
)
DOCUMENTS_LIST = _list(
    "documents",
    "documentNo",
    "get-a-list-of-documents-4205278e0?nav=5",
    "List documents.",
    Document,
    evidence="inferred",
    items="documents",
    query=("expand",),
)
DOCUMENTS_CREATE = _write(
    "documents.create",
    "documents",
    "post-create-one-document-4205277e0",
    "Create one document.",
    ItemResult,
    evidence="inferred",
)
DOCUMENTS_CREATE_BATCH = _write(
    "documents.create_batch",
    "documents/batches",
    "post-create-a-batch-of-documents-3942668e0",
    "Create a batch of documents, treated asynchronously.",
    BatchReceipt,
)
DOCUMENTS_GET = _get(
    "documents.get",
    "documents/{documentno}",
    "get-one-document-3942667e0?nav=5",
    "Get one document by its document number.",
    Document,
    evidence="docs",
    query=("expand", "userid"),
)
FILES_LIST: Operation[Any] = _get(
    "files.list",
    "files",
    "get-one-or-more-os-files-4205281e0?nav=5",
    "Get one or more OS files.",
    None,
    evidence="inferred",
)
FILES_UPLOAD = _write(
    "files.upload",
    "files",
    "post-upload-one-or-more-os-files-3942683e0?nav=5",
    "Upload one or more OS files.",
    FileUploadResult,
)
FILES_GET: Operation[Any] = _get("files.get", "files/{fileid}", _NAV, "Get one OS file.", None)
GL_ITEMS_LIST = _list(
    "gl_items",
    "glItemId",
    "get-a-list-of-gl-items-3942673e0?nav=5",
    "List GL items that match given criteria.",
    GlItem,
    evidence="docs",
    items="glItems",
)
GL_ITEMS_GET = _get(
    "gl_items.get",
    "glitems/{glitemid}",
    "get-one-gl-item-3942672e0?nav=5",
    "Get one GL item.",
    GlItem,
    evidence="docs",
)
GL_MOVEMENTS_LIST = _list(
    "gl_movements",
    "glAccountNo",
    "get-a-list-of-gl-movementsbalances-4205287e0?nav=5",
    "List GL movements and balances.",
    GlMovement,
    items="glMovements",
)
GL_MOVEMENTS_LATEST = _get(
    "gl_movements.latest",
    "glmovements/latest",
    "get-movementbalance-for-the-latest-closed-gl-yearperiod-4205286e0?nav=5",
    "Get movement and balance of the latest closed GL year and period.",
    GlMovement,
)
INSIGHTS_ADB_INTERVALS: Operation[Any] = _get(
    "insights.adb_intervals",
    "insights/adbintervals",
    "get-a-list-of-adb-intervals-4205288e0",
    "List the intervals of the age distributed balance.",
    None,
)
LOG_ITEMS_LIST = _list(
    "log_items",
    "logItemId",
    "get-a-list-of-log-items-4205290e0?nav=5",
    "List log items.",
    LogItem,
    items="logItems",
)
LOG_ITEMS_GET = _get("log_items.get", "logitems/{logitemid}", _NAV, "Get one log item.", LogItem)
PAYMENT_RESERVATIONS_CREATE = _write(
    "payment_reservations.create",
    "paymentreservations",
    "creates-a-new-payment-reservation-3942682e0?nav=5",
    "Create a payment reservation for a document or a customer.",
    PaymentReservationResult,
)
STATUS_HEALTH: Operation[Any] = Operation(
    name="arm.status.health",
    method="GET",
    path="/health",
    evidence="nav",
    source=_DOCS + _NAV,
    summary="Tell whether the API is up.",
    response=None,
    retry_safe=True,
    unwrap=None,
    path_guessed=True,
    method_guessed=True,
    authenticated=False,
)

OPERATIONS: tuple[Operation[Any], ...] = (
    ACTIONS_CREATE,
    ACTIONS_CREATE_REPORT,
    AR_ITEMS_LIST,
    AR_ITEMS_UPDATE,
    AR_ITEMS_GET,
    AUTO_POSTINGS_CREATE,
    BATCHES_GET,
    CLIENT_CONFIGS_LIST,
    CLIENT_CONFIGS_GET,
    CODES_LIST,
    CUSTOMERS_LIST,
    CUSTOMERS_CREATE,
    CUSTOMERS_UPDATE,
    CUSTOMERS_CREATE_BATCH,
    CUSTOMERS_UPDATE_BATCH,
    CUSTOMERS_GET,
    CUSTOMERS_DELETE,
    DOCUMENT_BUNDLES_LIST,
    DOCUMENT_BUNDLES_GET,
    DOCUMENTS_LIST,
    DOCUMENTS_CREATE,
    DOCUMENTS_CREATE_BATCH,
    DOCUMENTS_GET,
    FILES_LIST,
    FILES_UPLOAD,
    FILES_GET,
    GL_ITEMS_LIST,
    GL_ITEMS_GET,
    GL_MOVEMENTS_LIST,
    GL_MOVEMENTS_LATEST,
    INSIGHTS_ADB_INTERVALS,
    LOG_ITEMS_LIST,
    LOG_ITEMS_GET,
    PAYMENT_RESERVATIONS_CREATE,
    STATUS_HEALTH,
)
