"""What ARM answers to writes, of one thing or of many; the other half of its models."""

from __future__ import annotations

from typing import NewType

from amili_async.structs import OpenModel

__all__ = [
    "AutoPostingResponse",
    "AutoPostingResult",
    "BatchReceipt",
    "BatchStatus",
    "BatchUuid",
    "CustomerNo",
    "DocumentNo",
    "DocumentUuid",
    "FieldMessage",
    "FileUploadResult",
    "ItemResult",
    "OpaqueId",
    "OperationResult",
    "PaymentReservationResult",
]

CustomerNo = NewType("CustomerNo", str)
DocumentNo = NewType("DocumentNo", str)
DocumentUuid = NewType("DocumentUuid", str)
BatchUuid = NewType("BatchUuid", str)
"""22 characters of URL-safe base64, case-sensitive: passed on as they came, never taken apart."""

OpaqueId = int | str
"""An id whose type is not documented: kept in the form in which it came."""

CREATED = "CREATED"
FAILED = "FAILED"
REJECTED = "BATCH-REJECTED"
PROCESSED = "PROCESSED"


def says(value: str | None, word: str) -> bool:
    """Tell whether a code of ARM is a certain word: values do not depend on case."""
    return value is not None and value.upper() == word


class FieldMessage(OpenModel, frozen=True, kw_only=True):
    """A remark about one input field (seed). The text may repeat what was handed in, so `repr` masks it."""

    __personal__ = frozenset({"message"})

    field: str | None = None
    message: str | None = None


class OperationResult(OpenModel, frozen=True, kw_only=True):
    """Outcome of a write (inferred from the items of a batch).

    Attributes:
        status: stage of the treatment; PROCESSED is known.
        result: outcome; CREATED and FAILED are known, others certainly exist.
        message: what the server says about it; masked in `repr`, because it may repeat what was handed in.
        warnings: what is odd but was accepted; a warning does not fail anything.
        errors: why it failed.
    """

    __personal__ = frozenset({"message"})

    status: str | None = None
    result: str | None = None
    message: str | None = None
    client_no: int | None = None
    warnings: tuple[FieldMessage, ...] | None = None
    errors: tuple[FieldMessage, ...] | None = None

    @property
    def failed(self) -> bool:
        """Whether it failed: it says so, or it has errors and does not say that it succeeded."""
        return says(self.result, FAILED) or (bool(self.errors) and not says(self.result, CREATED))

    @property
    def warned(self) -> bool:
        """Whether the server found something odd, failed or not."""
        return bool(self.warnings)


class ItemResult(OperationResult, frozen=True, kw_only=True):
    """Outcome of one element of a batch (seed), and of a single write of a customer or a document (inferred).

    Which ids it has depends on what it is about; those of documents are inferred.
    """

    __personal__ = frozenset({"message", "customer_no"})

    account_no: int | None = None
    customer_no: CustomerNo | None = None
    document_no: DocumentNo | None = None
    document_uuid: DocumentUuid | None = None


class PaymentReservationResult(OperationResult, frozen=True, kw_only=True):
    """Outcome of a payment reservation (inferred)."""

    payment_id: OpaqueId | None = None


class BatchStatus(OpenModel, frozen=True, kw_only=True):
    """State and outcome of one asynchronous batch (seed).

    HTTP 200 does not mean that the items succeeded: the documented answer has one that failed. Look at `failed` and `warned`.

    Attributes:
        status: stage of the treatment; PROCESSED is known.
        result: overall outcome; PARTIAL-SUCCESS is known.
        count_not_processed: items that are still to be treated.
        items: outcome per item.
        http_status: status of the answer, put in by the client: 200 treated, 202 not yet, 206 in part (the last two inferred).
    """

    client_no: int | None = None
    batch_uuid: BatchUuid | None = None
    status: str | None = None
    result: str | None = None
    message: str | None = None
    count_not_processed: int | None = None
    count_processed: int | None = None
    count_successful: int | None = None
    count_failed: int | None = None
    items: tuple[ItemResult, ...] | None = None
    http_status: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the batch has been treated to its end, well or badly (inferred): by HTTP status, status or counters."""
        counted_out = self.count_not_processed == 0 and self.count_processed != 0  # 0 of 0: not counted yet
        return self.http_status == 200 or says(self.status, PROCESSED) or counted_out

    @property
    def failed(self) -> tuple[ItemResult, ...]:
        """The items that failed."""
        return tuple(item for item in self.items or () if item.failed)

    @property
    def warned(self) -> tuple[ItemResult, ...]:
        """The items with warnings, failed or not."""
        return tuple(item for item in self.items or () if item.warned)

    @property
    def all_failed(self) -> bool:
        """Whether something failed and nothing succeeded."""
        succeeded = self.count_successful
        if succeeded is None:
            succeeded = len(self.items or ()) - len(self.failed)
        return not succeeded and (bool(self.count_failed or self.failed) or says(self.result, FAILED))


class BatchReceipt(OpenModel, frozen=True, kw_only=True):
    """Answer to handing in a batch (inferred); `batch_uuid` is what `batches.get` and `batches.wait` ask for."""

    client_no: int | None = None
    batch_uuid: BatchUuid | None = None
    status: str | None = None
    result: str | None = None
    message: str | None = None


class AutoPostingResult(OpenModel, frozen=True, kw_only=True):
    """Outcome of one posting of a set (inferred, but for BATCH-REJECTED).

    Attributes:
        result_type: FAILED for a posting that is wrong; BATCH-REJECTED for one that is valid and was refused with the others.
    """

    __personal__ = frozenset({"message"})

    result_type: str | None = None
    message: str | None = None
    warnings: tuple[FieldMessage, ...] | None = None
    errors: tuple[FieldMessage, ...] | None = None

    @property
    def rejected(self) -> bool:
        """Whether the posting is valid, and was refused only because others of its set failed."""
        return says(self.result_type, REJECTED)

    @property
    def failed(self) -> bool:
        """Whether the posting is one of those that failed, and with which the whole set did."""
        return says(self.result_type, FAILED) or (bool(self.errors) and not self.rejected)


class AutoPostingResponse(OpenModel, frozen=True, kw_only=True):
    """Outcome of a set of auto postings: all of them, or none (docs; the shape is inferred).

    Attributes:
        items: outcome per posting.
        validate_only: whether nothing but a check was asked for; put in by the client.
    """

    status: str | None = None
    result: str | None = None
    message: str | None = None
    items: tuple[AutoPostingResult, ...] | None = None
    validate_only: bool | None = None

    @property
    def accepted(self) -> bool | None:
        """Whether the set as a whole was taken; None if the answer says nothing about it that is understood."""
        if self.failed or self.rejected or says(self.result, FAILED) or says(self.status, FAILED):
            return False
        return True if self.items or self.result is not None else None

    @property
    def booked(self) -> bool | None:
        """Whether the set was booked: accepted, and meant to be; None if the answer does not tell."""
        return False if self.validate_only else self.accepted

    @property
    def failed(self) -> tuple[AutoPostingResult, ...]:
        """The postings that are to blame: mend these."""
        return tuple(item for item in self.items or () if item.failed)

    @property
    def rejected(self) -> tuple[AutoPostingResult, ...]:
        """The postings that are valid, and were refused because of those in `failed`: hand them in again with the mended ones."""
        return tuple(item for item in self.items or () if item.rejected)


class FileUploadResult(OpenModel, frozen=True, kw_only=True):
    """Outcome of an upload, per file (inferred).

    Attributes:
        items: outcome per file, as far as it is understood.
        http_status: status of the answer, put in by the client: 200 all files were taken, 207 some were not (docs).
    """

    client_no: int | None = None
    status: str | None = None
    result: str | None = None
    message: str | None = None
    items: tuple[ItemResult, ...] | None = None
    http_status: int | None = None

    @property
    def complete(self) -> bool:
        """Whether all files were taken. A 207 never is, even if no entry of it is understood."""
        return self.http_status != 207 and not self.failed and not says(self.result, FAILED)

    @property
    def failed(self) -> tuple[ItemResult, ...]:
        """The files that were not taken."""
        return tuple(item for item in self.items or () if item.failed)
