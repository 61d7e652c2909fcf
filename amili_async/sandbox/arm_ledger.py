"""One ARM client: its plan, what was written to it, and how numbers of things are found by what people call them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, ClassVar

from amili_async.sandbox.arm_layout import BUNDLE, Plan, entries_before, first_document, owner_of
from amili_async.sandbox.arm_store import ArmStore
from amili_async.sandbox.digits import kid
from amili_async.sandbox.figures import midnight
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.joined import Joined
from amili_async.sandbox.store import ADDED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amili_async.sandbox.arm_ids import ShortIds

    Find = Callable[["Ledger", object], int | None]

__all__ = [
    "FIRST_ACCOUNT",
    "FIRST_BUNDLE",
    "FIRST_CUSTOMER",
    "FIRST_DOCUMENT",
    "FIRST_ENTRY",
    "FIRST_ITEM",
    "FIRST_LOG",
    "Ledger",
    "day_text",
    "whole",
]

# The first customer and document are called as in the documented examples, so that these can be tried out.
FIRST_CUSTOMER, FIRST_ACCOUNT, FIRST_DOCUMENT = 543_210, 500_002, 88_776_655
FIRST_ITEM, FIRST_BUNDLE, FIRST_ENTRY, FIRST_LOG = 7_000_001, 310_001, 40_000_001, 60_000_001
_FIRST_KID, _KIDS = 500_000_000_000, 1_000_000_000


def day_text(day: int) -> str:
    """Write a day, counted from 1970."""
    return midnight(day)[:10]


def whole(value: object) -> int | None:
    """Return the number that an id is, as a number or as text; None if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18 else None


def _number(text: object, first: int) -> int:
    """Return what a computed number counts from its first, -1 if the text is written otherwise."""
    number = whole(text)
    return number - first if number is not None and str(number) == str(text) else -1


class Ledger:
    """One ARM client.

    Attributes:
        index: its place among the clients.
        number: its client number.
        plan: what it has by computation.
        written: what was written to it.
        ids: what makes its ids.
    """

    def __init__(self, index: int, number: int, plan: Plan, ids: ShortIds) -> None:
        self.index = index
        self.number = number
        self.plan = plan
        self.ids = ids
        self.written = ArmStore()

    # Numbers of all rows, in the order of their lists.

    def customers(self) -> Sequence[int]:
        """Return the numbers of all customers."""
        numbers = _all(self.plan.customers, self.written.created)
        gone = self.written.deleted
        return array("q", (it for it in numbers if it not in gone)) if gone else numbers

    def documents(self) -> Sequence[int]:
        """Return the numbers of all documents, and of their AR items."""
        return _all(self.plan.documents, len(self.written.documents))

    def bundles(self) -> Sequence[int]:
        """Return the numbers of all document bundles."""
        return _all(-(-self.plan.documents // BUNDLE), len(self.written.bundles))

    def entries(self) -> Sequence[int]:
        """Return the numbers of all entries in the general ledger."""
        return _all(entries_before(self.plan.documents), len(self.written.entries))

    def log(self) -> Sequence[int]:
        """Return the numbers of all log items; each document has one."""
        return _all(self.plan.documents, len(self.written.log))

    # Names of things.

    def customer_name(self, number: int) -> str:
        """Return the customerNo of a customer."""
        return str(self.written.customers[number]["customerNo"] if number >= ADDED else FIRST_CUSTOMER + number)

    def document_name(self, number: int) -> str:
        """Return the documentNo of a document."""
        return str(self.written.documents[number - ADDED].shown["documentNo"] if number >= ADDED else FIRST_DOCUMENT + number)

    def document_id(self, number: int) -> str:
        """Return the documentUuid of a document."""
        return self.ids.make(Kind.ARM_DOCUMENT, self.index, number)

    def reference(self, number: int) -> str:
        """Return the referenceNo of a document."""
        return f"R{self.number}-{number}"

    def kid(self, number: int) -> str:
        """Return the payment reference of a computed document."""
        return kid(_FIRST_KID + self.index % 400 * _KIDS + number)

    def owner(self, document: int) -> int:
        """Return the number of the customer whose document it is."""
        return self.written.documents[document - ADDED].customer if document >= ADDED else owner_of(document)

    # What a name stands for; None if for nothing.

    def find_customer(self, name: object) -> int | None:
        """Return the customer that a customerNo names; values do not depend on case."""
        written = self.written.numbers.get(str(name).casefold())
        number = _number(name, FIRST_CUSTOMER) if written is None else written
        return None if number >= ADDED and written is None else self._there(number)

    def find_account(self, name: object) -> int | None:
        """Return the customer that an accountNo names."""
        number = whole(name)
        return None if number is None else self._there(number - FIRST_ACCOUNT)

    def _there(self, customer: int) -> int | None:
        known = 0 <= customer < self.plan.customers or 0 <= customer - ADDED < self.written.created
        return customer if known and customer not in self.written.deleted else None

    def find_document(self, name: object) -> int | None:
        """Return the document that a documentNo names."""
        written = self.written.document_numbers.get(str(name).casefold())
        number = _number(name, FIRST_DOCUMENT)
        return number if written is None and 0 <= number < self.plan.documents else written

    def find_document_id(self, name: object) -> int | None:
        """Return the document that a documentUuid names."""
        number = self.ids.read(Kind.ARM_DOCUMENT, self.index, str(name))
        return None if number is None else _within(self.documents(), number)

    def find_item(self, name: object) -> int | None:
        """Return the document whose AR item an arItemId names."""
        number = whole(name)
        return None if number is None else _within(self.documents(), number - FIRST_ITEM)

    def find_reference(self, name: object) -> int | None:
        """Return the document that a referenceNo names."""
        client, _, number = str(name).upper().partition("-")
        return _within(self.documents(), _number(number, 0)) if client == f"R{self.number}" else None

    def find_kid(self, name: object) -> int | None:
        """Return the document that a payment reference belongs to."""
        for place, it in enumerate(self.written.documents):
            if it.shown.get("kid") == name:
                return ADDED + place
        number = _number(str(name)[:-1], _FIRST_KID + self.index % 400 * _KIDS)
        return number if 0 <= number < self.plan.documents and self.kid(number) == name else None

    def documents_of(self, customer: int) -> list[int]:
        """Return the numbers of a customer's documents."""
        computed = range(first_document(customer), first_document(customer + 1)) if customer < ADDED else ()
        return [*computed, *self.written.documents_of.get(customer, ())]

    def identified(self, body: dict[str, Any]) -> tuple[int | None, int | None, list[str]]:
        """Find what a body names by any of the documented fields.

        Returns:
            The document and the customer, None where nothing is named, and the names of the fields that name nothing there is.
        """
        wrong: list[str] = []
        document = self._named(body, self._documents_by, wrong)
        return document, self._named(body, self._customers_by, wrong), wrong

    def _named(self, body: dict[str, Any], fields: dict[str, Find], wrong: list[str]) -> int | None:
        first: int | None = None
        for field, find in fields.items():
            if body.get(field) is None or body[field] == "":
                continue
            found = find(self, body[field])
            if found is None or first not in {None, found}:
                wrong.append(field)
            first = found if first is None else first
        return first

    _documents_by: ClassVar[dict[str, Find]] = {
        "arItemId": find_item,
        "documentNo": find_document,
        "documentUuid": find_document_id,
        "referenceNo": find_reference,
        "kid": find_kid,
    }
    _customers_by: ClassVar[dict[str, Find]] = {"customerNo": find_customer, "accountNo": find_account}


def _all(computed: int, written: int) -> Sequence[int]:
    return Joined(range(computed), range(ADDED, ADDED + written)) if written else range(computed)


def _within(numbers: Sequence[int], number: int) -> int | None:
    return number if number in numbers else None
