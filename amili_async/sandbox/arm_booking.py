"""Bookings in ARM: changes and credits of AR items, auto postings, and payment reservations.

No body of these is documented but for single fields. What the sandbox takes beyond those is its own: `creditAmount` or
`credit: true` of an AR item, `amount` of an auto posting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from amili_async.sandbox.arm_books import BANK, LOSSES, RECEIVABLES, Voucher, book
from amili_async.sandbox.arm_documents import amounts, document
from amili_async.sandbox.arm_exchange import Refused
from amili_async.sandbox.arm_items import add_document, result, today
from amili_async.sandbox.arm_ledger import FIRST_ITEM
from amili_async.sandbox.arm_rules import check_document, number_of
from amili_async.sandbox.exchange import Answer
from amili_async.sandbox.store import Lessened
from amili_async.structs import encode

if TYPE_CHECKING:
    from decimal import Decimal

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.arm_writes import ArmWrites
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call, Handler

__all__ = ["ArmBooking"]

_NAMES = ("arItemId", "documentNo", "documentUuid", "referenceNo", "kid", "customerNo", "accountNo")
_CHANGEABLE = ("dueDate", "ledgerNote", "customerMessage")
_LOSS = "WRITEOFF"
"""The one method whose postings go to losses; those of all others are payments. Which methods there are is not documented."""


class _Posting(NamedTuple):
    """An auto posting that may be booked."""

    document: int | None
    amount: int | Decimal


class ArmBooking:
    """Answers the bookings.

    Args:
        writes: what all writes of ARM share.
    """

    def __init__(self, writes: ArmWrites) -> None:
        self._writes = writes
        self.handlers: dict[str, Handler] = {
            "arm.ar_items.update": self._update,
            "arm.auto_postings.create": self._post,
            "arm.payment_reservations.create": self._reserve,
        }

    def _update(self, call: Call) -> Answer:
        """Change an AR item, or credit it: then a document of type CN lessens what remains of it."""
        body = self._writes.body(call, "arItem")
        ledger = self._writes.begin(call)
        number, _, wrong = ledger.identified({name: body.get(name) for name in _NAMES[:5]})
        if number is None and not wrong:
            raise Refused(422, "The body must name the AR item.", [{"field": "arItemId", "message": "arItemId is missing"}])
        if number is None or wrong:
            raise Refused(404, "There is no such AR item.", _errors(wrong, "names no AR item"))
        looked = check_document({name: body[name] for name in _CHANGEABLE if name in body})
        errors = [it for it in looked.errors if it["field"] in _CHANGEABLE]
        known = {*_NAMES, *_CHANGEABLE, "clientNo", "credit", "creditAmount"}
        warnings = [{"field": name[:200], "message": "Unknown field, passed over"} for name in body if name not in known]
        remaining = _remaining(ledger, number)
        credit = body.get("creditAmount", remaining if body.get("credit") is True else None)
        if credit is not None and not _fits(credit, remaining):
            errors.append({"field": "creditAmount", "message": "creditAmount must be above zero and at most what remains"})
        if errors:
            raise Refused(422, errors[0]["message"], errors)
        if changed := {name: value for name, value in looked.fields.items() if name in _CHANGEABLE}:
            ledger.written.items[number] = {**ledger.written.items.get(number, {}), **changed}
        keys: Row = {"clientNo": ledger.number, "arItemId": FIRST_ITEM + number, "documentNo": ledger.document_name(number)}
        row = result("UPDATED", "AR item updated", keys, warnings)
        if credit is not None:
            note = self._credit(ledger, number, credit)
            row = result("CREDITED", "AR item credited", {**keys, "creditDocumentNo": note}, warnings)
        self._writes.end(ledger, call, row["message"], documentNo=keys["documentNo"])
        return Answer(encode(row))

    @staticmethod
    def _credit(ledger: Ledger, number: int, credit: int | Decimal) -> str:
        """Credit an amount of an AR item. Returns the documentNo of the credit note."""
        store, original = ledger.written, document(ledger, number)
        totals = original["currencyAmounts"]
        # The note takes back as much VAT as its share of the invoice had; the cent that may be left over stays with the sales.
        vat = round(totals["vat"] * credit / totals["inclVat"], 2) if totals["inclVat"] else 0
        name = f"K{ledger.document_name(number)}-{len(store.documents) + 1}"
        fields: Row = {"documentType": "CN", "documentNo": name, "currency": original["currency"], "documentLines": []}
        fields["currencyAmounts"] = {"exclVat": vat - credit, "vat": -vat, "inclVat": -credit}
        note = add_document(ledger, ledger.owner(number), fields)
        for lessened, amount in ((number, credit), (note, -credit)):
            store.lessened.setdefault(lessened, Lessened()).credited += amount
        return name

    def _post(self, call: Call) -> Answer:
        """Book a set of postings, all or none; with `validateOnly` on one of them, none."""
        body = self._writes.body(call)
        items = body.get("autoPostings")
        if not isinstance(items, list) or not items or not all(isinstance(it, dict) for it in items):  # pyright: ignore[reportUnknownVariableType]
            raise Refused(400, "The body must be an object with autoPostings, a list of objects that is not empty.")
        postings = cast("list[Row]", items)
        ledger = self._writes.begin(call, len(postings))
        good: list[_Posting] = []
        rows: list[Row] = []
        left: dict[int, Any] = {}
        for posting in postings:
            document, errors = self._look(ledger, posting, left)
            if errors:
                rows.append({"resultType": "FAILED", "message": errors[0]["message"], "errors": errors})
            else:
                good.append(_Posting(document, posting["amount"]))
                rows.append({"resultType": "VALIDATED", "message": "Posting is valid"})
        if len(good) < len(rows):
            rejected = {"resultType": "BATCH-REJECTED", "message": "Another posting of the set failed"}
            rows = [row if row["resultType"] == "FAILED" else rejected for row in rows]
            return _outcome("FAILED", "The set was refused, and nothing was booked", rows)
        if any(posting.get("validateOnly") is True for posting in postings):
            return _outcome("VALIDATED", "The set is valid, and nothing was booked", rows)
        method = call.values[1]
        rows = [{"resultType": "POSTED", "message": "Posting booked", "glItemIds": self._book(ledger, it, method)} for it in good]
        self._writes.end(ledger, call, f"{len(rows)} postings booked", len(rows))
        return _outcome("SUCCESS", "The set was booked", rows)

    @staticmethod
    def _look(ledger: Ledger, posting: Row, left: dict[int, Any]) -> tuple[int | None, list[Row]]:
        """Look at a posting. `left` holds what remains of AR items once those before it are booked."""
        document, _, wrong = ledger.identified(posting)
        errors = _errors(wrong, "names nothing there is")
        amount = number_of(posting.get("amount"))
        if amount is None or amount <= 0:
            errors.append({"field": "amount", "message": "amount must be a number above zero"})
        elif document is not None and not errors:
            remaining = left.get(document, _remaining(ledger, document))
            if amount > remaining:
                errors.append({"field": "amount", "message": "amount is more than what remains of the AR item"})
            else:
                left[document] = remaining - amount
        return document, errors

    @staticmethod
    def _book(ledger: Ledger, posting: _Posting, method: str) -> list[int]:
        store, number, amount = ledger.written, posting.document, posting.amount
        name = None if number is None else ledger.document_name(number)
        if number is not None:
            store.lessened.setdefault(number, Lessened()).paid += amount
        account = LOSSES if method.upper().replace("-", "").replace("_", "") == _LOSS else BANK
        parts = [(account, amount), (RECEIVABLES, -amount)]
        return book(ledger, Voucher(today(), f"A{len(store.entries)}", name, f"Autopostering {method[:40]}"), parts)

    def _reserve(self, call: Call) -> Answer:
        """Keep a payment reservation, if its paymentId is new."""
        body = self._writes.body(call)
        ledger = self._writes.begin(call)
        payment = body.get("paymentId")
        errors: list[Row] = []
        if isinstance(payment, bool) or not isinstance(payment, str | int) or not str(payment).strip():
            errors.append({"field": "paymentId", "message": "paymentId is missing"})
        elif str(payment) in ledger.written.payments:
            errors.append({"field": "paymentId", "message": "There is a reservation with this paymentId"})
        document, customer, wrong = ledger.identified(body)
        errors += _errors(wrong, "names nothing there is")
        if document is None and customer is None and not wrong:
            errors.append({"field": "documentNo", "message": "A field that identifies a document or a customer is needed"})
        if errors:
            raise Refused(422, errors[0]["message"], errors)
        ledger.written.payments.add(str(payment))
        self._writes.end(ledger, call, "Payment reserved")
        row = result("CREATED", "Payment reservation created", {"clientNo": ledger.number, "paymentId": payment}, [])
        return Answer(encode(row), 201)


def _outcome(outcome: str, message: str, rows: list[Row]) -> Answer:
    return Answer(encode({"status": "PROCESSED", "result": outcome, "message": message, "items": rows}), rows=len(rows))


def _remaining(ledger: Ledger, number: int) -> Any:
    amount, paid, credited = amounts(ledger, number)
    return amount - paid - credited


def _fits(credit: object, remaining: Any) -> bool:
    amount = number_of(credit)
    return amount is not None and 0 < amount <= remaining


def _errors(fields: list[str], words: str) -> list[Row]:
    return [{"field": field, "message": f"{field} {words}"} for field in fields]
