"""What the AutoCollect legacy API answers: the batch document, and the outcome of one that was sent.

Names are those of the contract's components, fields the names on the wire: nearly all lower case without separators, lists in the
singular. Amounts are exact `Decimal` in units of their currency. Codes are integers whose values are documented nowhere. Cases
and settlements come in an older shape or in that of the Collection API.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime  # msgspec reads the annotations at run time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, field

from amili_async.collection.models import (
    AmountDistribution,
    BankAccountDetails,
    Case,
    CaseAccountDetails,
    CaseInvoice,
    Claim,
    Debtor,
    InvoiceReference,
    OrganizationReference,
    Settlement,
)
from amili_async.errors import BatchFailed, DecodeError
from amili_async.structs import Model, Money, OpenModel, OpenObject, decode, decode_item, decoder, keep_extra, without_values

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AmountDistribution",
    "BankAccountDetails",
    "Batch",
    "BatchError",
    "BatchItemResponse",
    "BatchStatus",
    "Case",
    "CaseAccountDetails",
    "CaseHistoryEntry",
    "CaseInvoice",
    "Claim",
    "ContactPerson",
    "Creditor",
    "Debtor",
    "InvoiceReference",
    "LegacyCase",
    "LegacySettlement",
    "OrganizationReference",
    "PaymentDetails",
    "Settlement",
]


class ContactPerson(Model, frozen=True, kw_only=True, rename=None):
    """A person at the creditor, or a case handler, with the subjects that he or she is to be told about."""

    __personal__ = frozenset({"fullname", "workphone", "email"})

    fullname: str | None = None
    workphone: str | None = None
    email: str | None = None
    isinvoicequery: bool | None = None
    isremittancereport: bool | None = None
    isorderconfirmation: bool | None = None
    iscollectionlist: bool | None = None
    isweb: bool | None = None


class Creditor(Model, frozen=True, kw_only=True, rename=None):
    """A party on whose behalf money is collected. Behind `lastsettlementid` its settlements are to be read on (inferred)."""

    __personal__ = frozenset({"bankaccountno"})

    idnumber: str | None = None
    parentidnumber: str | None = None
    onlydebtcollection: bool | None = None
    vattype: int | None = None
    fullname: str | None = None
    street: str | None = None
    city: str | None = None
    zipcode: str | None = None
    countrycode: str | None = None
    bankaccountno: str | None = None
    contact: ContactPerson | None = None
    casehandler: ContactPerson | None = None
    sourceid: int | None = None
    reminderflow: int | None = None
    debtcollectiontransfer: int | None = None
    invoicearchive: int | None = None
    hasforeigndebtors: bool | None = None
    hasforeigncurrency: bool | None = None
    disabled: bool | None = None
    lastsettlementid: str | None = None


class CaseHistoryEntry(Model, frozen=True, kw_only=True, rename=None):
    """An event or message of a case. `attachmentid` is presumably what `attachments.get` takes."""

    __personal__ = frozenset({"message", "subject"})

    type: int | None = None
    loggedat: datetime | None = None
    message: str | None = None
    subject: str | None = None
    conversationid: str | None = None
    attachmentid: str | None = None


class PaymentDetails(Model, frozen=True, kw_only=True):
    """How the debtor is to pay; `kid` is the Norwegian payment reference."""

    __personal__ = frozenset({"kid", "bank_account"})

    payment_value: Money | None = None
    currency: str | OpenObject | None = None
    kid: str | None = None
    bank_account: str | None = None
    due_date: datetime | None = None


class LegacyCase(Model, frozen=True, kw_only=True, rename=None):
    """A case in the older shape, with sums of principal, fee and interest: original, paid and remaining."""

    __personal__ = frozenset({"customerref", "customername"})

    customerref: str | None = None
    customername: str | None = None
    ledgerref: str | None = None
    referencenumber: str | None = None
    casenumber: str | None = None
    currencycode: str | None = None
    regdate: datetime | None = None
    closuredate: datetime | None = None
    isdebtcollection: bool | None = None
    billdate: datetime | None = None
    duedate: datetime | None = None
    originalsum: Money | None = None
    paidsum: Money | None = None
    remainingsum: Money | None = None
    originalprincipal: Money | None = None
    paidprincipal: Money | None = None
    remainingprincipal: Money | None = None
    originalfee: Money | None = None
    paidfee: Money | None = None
    remainingfee: Money | None = None
    originalinterest: Money | None = None
    paidinterest: Money | None = None
    remaininginterest: Money | None = None
    service_description: str | None = None
    status_statuscode: str | None = None
    reminders: int | None = None
    debtcollectionlist: int | None = None
    history: tuple[CaseHistoryEntry, ...] | None = None
    payment_details: PaymentDetails | None = field(name="paymentDetails", default=None)


class LegacySettlement(OpenModel, frozen=True, kw_only=True, rename=None):
    """A settlement in the older shape. Only its first members are documented: its amounts and dates are in `extra`."""

    __personal__ = frozenset({"customerref"})

    creditorid: str | None = None
    customerref: str | None = None
    ledgerref: str | None = None
    referencenumber: str | None = None
    casenumber: str | None = None


class Batch(Model, frozen=True, kw_only=True):
    """The batch document: creditors, and the cases and settlements of all of them, each in the shape in which it came.

    `from_json` makes one; msgspec alone cannot tell the shapes apart.
    """

    batchid: str | None = None
    offline: bool | None = None
    creditor: tuple[Creditor, ...] | None = None
    case: tuple[Case | LegacyCase, ...] | None = None
    settlement: tuple[Settlement | LegacySettlement, ...] | None = None

    @classmethod
    def from_json(cls, raw: bytes | Raw) -> Batch:
        """Decode a document: a case with `caseId` is a `Case`, a settlement with `id` or `caseNumber` a `Settlement`.

        Raises:
            DecodeError: a row is not of the shape that it seems to have; `index` says which, and `item_id` how it is called.
            msgspec.DecodeError: the text is no JSON, or no such document.
        """
        found = decode_item(raw, _Document)
        return cls(
            batchid=found.batchid,
            offline=found.offline,
            creditor=found.creditor,
            case=_rows("case", found.case, lambda it: Case if it.case_id else LegacyCase),
            settlement=_rows(
                "settlement", found.settlement, lambda it: Settlement if it.id or it.case_number else LegacySettlement
            ),
        )


class BatchError(OpenModel, frozen=True, kw_only=True, rename=None):
    """An item that was refused: its kind, its place (from 0, by inference) in the list of its kind that was sent, and why."""

    __personal__ = frozenset({"message"})

    objectname: str | None = None
    objectindex: int | None = None
    message: str | None = None


class BatchItemResponse(OpenModel, frozen=True, kw_only=True, rename=None):
    """An item that was taken over: its kind, and its place in the list of its kind that was sent."""

    objectname: str | None = None
    objectindex: int | None = None
    ledgerref: str | None = None
    status_statuscode: str | None = None


class BatchStatus(OpenModel, frozen=True, kw_only=True):
    """Outcome of a batch that was sent. That the call succeeded says nothing about its items: look at `ok`.

    The shape is inferred, so nothing is lost of an answer that has another: what is not known or of another kind is in `extra`,
    and an answer that is no object is `extra["answer"]`.
    """

    statuscode: int | None = None
    errors: tuple[BatchError, ...] | None = None
    responses: tuple[BatchItemResponse, ...] | None = None

    @classmethod
    def from_json(cls, raw: bytes | Raw) -> BatchStatus:
        """Read whatever the answer says.

        Raises:
            msgspec.DecodeError: the text is no JSON.
        """
        answer = decode(raw)
        members: dict[str, Any] = answer if isinstance(answer, dict) else {"answer": answer}
        known: dict[str, Any] = {}
        for item in msgspec.structs.fields(cls):
            if item.name != "extra" and item.encode_name in members:
                with suppress(msgspec.ValidationError):
                    known[item.name] = msgspec.convert(members[item.encode_name], item.type)
        status = cls(**known, extra={name: value for name, value in members.items() if name not in known})
        for name in ("errors", "responses"):
            keep_extra(getattr(status, name), members.get(name))
        return status

    @property
    def ok(self) -> bool:
        """Whether everything was taken over, as far as is known: status code 0, and no errors. In doubt it is False."""
        return self.statuscode == 0 and not self.errors and not self.extra.keys() & {"errors", "responses"}

    def raise_for_errors(self) -> BatchStatus:
        """Return this outcome if it is `ok`.

        Raises:
            BatchFailed: it is not; `batch` is this outcome. Items in `responses` were taken over all the same.
        """
        if self.ok:
            return self
        raise BatchFailed(
            f"the batch was not taken over as a whole: status code {self.statuscode}, {len(self.errors or ())} items refused, "
            f"{len(self.responses or ())} taken over",
            batch=self,
        )


class _Document(Model, frozen=True, kw_only=True):
    """A batch document whose cases and settlements are still to be looked at."""

    batchid: str | None = None
    offline: bool | None = None
    creditor: tuple[Creditor, ...] | None = None
    case: tuple[Raw, ...] | None = None
    settlement: tuple[Raw, ...] | None = None


class _Shape(Model, frozen=True, kw_only=True):
    """The members that only the newer shapes have; empty where there is none."""

    case_id: Raw = Raw()
    id: Raw = Raw()
    case_number: Raw = Raw()


def _rows(name: str, rows: tuple[Raw, ...] | None, kind: Callable[[_Shape], type[Model]]) -> Any:
    """Decode the rows of a list, each into the kind that its shape asks for."""
    return None if rows is None else tuple(_row(name, index, raw, kind) for index, raw in enumerate(rows))


def _row(name: str, index: int, raw: Raw, kind: Callable[[_Shape], type[Model]]) -> Model:
    try:
        return decode_item(raw, kind(decoder(_Shape).decode(raw)))
    except msgspec.ValidationError as error:
        reason = without_values(error)
    members = decode(raw)
    ids = (members.get(key) for key in ("caseId", "id", "casenumber")) if isinstance(members, dict) else ()
    item_id = next((str(found) for found in ids if isinstance(found, str | int)), None)
    raise DecodeError(
        f"{name} {index} of the document ({f'id {item_id}' if item_id else 'without an id'}) does not decode: {reason}",
        index=index,
        item_id=item_id,
    )
