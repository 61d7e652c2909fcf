"""Documents of an ARM client with their lines, and their AR items, bundles and log items.

What holds (amounts are exact; `tests/unit/test_sandbox_arm.py` checks it):

- line: exclVat = quantity times price, inclVat = exclVat + vat; a document's currencyAmounts are the sums over its lines;
- AR item: amount is the inclVat of its document, and amount = paidAmount + creditedAmount + remainingAmount;
- bundle: the documents that name it are those that it names, and its amount is the sum of theirs.

Of documents that were handed in, the amounts are those that came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.sandbox.arm_customers import customer
from amili_async.sandbox.arm_layout import BUNDLE, Terms
from amili_async.sandbox.arm_ledger import FIRST_ACCOUNT, FIRST_BUNDLE, FIRST_ITEM, FIRST_LOG, day_text
from amili_async.sandbox.figures import money
from amili_async.sandbox.ids import mix
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.texts import DESCRIPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row

__all__ = ["amounts", "ar_item", "bundle", "document", "expanded_bundle", "expanded_document", "expanded_item", "log_item"]

FIRST_DOCUMENT_ID = 100_001
_UNITS = ("stk", "kg", "dusin", "time")


def document(ledger: Ledger, number: int) -> Row:
    """Return a document."""
    owner = ledger.owner(number)
    row: Row = {
        "clientNo": ledger.number,
        "accountNo": FIRST_ACCOUNT + owner,
        "documentId": FIRST_DOCUMENT_ID + number,
        "documentUuid": ledger.document_id(number),
        "arItemId": FIRST_ITEM + number,
        "referenceNo": ledger.reference(number),
    }
    if number >= ADDED:
        it = ledger.written.documents[number - ADDED]
        in_bundle = {} if it.bundle is None else {"documentBundleId": FIRST_BUNDLE + it.bundle}
        return {**row, **in_bundle, **it.shown}
    return {**row, "documentBundleId": FIRST_BUNDLE + number // BUNDLE, **_computed(ledger, number, owner)}


def _computed(ledger: Ledger, number: int, owner: int) -> Row:
    plan = ledger.plan
    terms, draw = plan.terms(number), mix(plan.key ^ number << 3 ^ 1)
    row: Row = {
        "documentType": "IN",
        "customerNo": ledger.customer_name(owner),
        "documentNo": ledger.document_name(number),
        "documentDate": day_text(plan.day(number)),
        "dueDate": day_text(plan.due(number)),
        "currency": "NOK",
        "language": ("no", "no", "nn", "en")[draw & 3],
        "kid": ledger.kid(number),
    }
    if draw >> 2 & 7 == 0:
        row |= {"marketingMessageCode": f"{draw >> 8 & 0xFF:04d}", "customerMessage": DESCRIPTIONS[draw >> 5 & 7]}
    if draw >> 16 & 3 == 0:
        row |= {"salesOrderId": f"B-{draw >> 20 & 0xFFFFF:07d}", "purchaseOrderId": ""}
    if draw >> 18 & 3 == 0:
        row |= {"sellerReference": f"S{draw >> 40 & 0xFFF:04d}", "buyerReference": "", "ledgerNote": DESCRIPTIONS[draw >> 52 & 7]}
    row["currencyAmounts"] = _amounts(terms.excl, terms.vat)
    row["distribution"] = {"type": "M", "einvoiceCode": 0} if draw >> 60 & 1 else {"type": "H", "einvoiceCode": 90}
    if draw >> 61 & 1:
        row["emailAddress"] = [f"faktura{owner}@example.no"]
    row["documentLines"] = _lines(terms, draw)
    return row


def _amounts(excl: int, vat: int) -> Row:
    return {"exclVat": money(excl), "vat": money(vat), "inclVat": money(excl + vat)}


def _lines(terms: Terms, draw: int) -> list[Row]:
    lines = [
        {
            "lineNo": place,
            "lineType": "PLH",
            "articleNo": str(1_300 + line.article),
            "articleName": f"Oppdiktet vare {line.article}",
            "lineText": DESCRIPTIONS[line.article & 7],
            "quantityUnit": _UNITS[line.article & 3],
            "quantity": line.quantity,
            "volumeUnit": "",
            "volume": 0,
            "price": money(line.price),
            "itemGroup1": str(500 + 100 * (line.article & 3)),
            "currencyAmounts": _amounts(line.excl, line.vat),
        }
        for place, line in enumerate(terms.lines, 1)
    ]
    if draw >> 62 & 1:
        text: Row = {"lineNo": len(lines) + 1, "lineType": "TXT", "lineText": "Takk for handelen – på gjensyn 👋"}  # noqa: RUF001
        lines.append({**text, "articleNo": "", "quantity": 0, "price": 0, "currencyAmounts": _amounts(0, 0)})
    return lines


def amounts(ledger: Ledger, number: int) -> tuple[Any, Any, Any]:
    """Return what an AR item is about, and what of it was paid and credited."""
    if number >= ADDED:
        amount, paid = ledger.written.documents[number - ADDED].incl, money(0)
    else:
        terms = ledger.plan.terms(number)
        amount, paid = money(terms.incl), money(terms.paid)
    lessened = ledger.written.lessened.get(number)
    return (amount, paid, 0) if lessened is None else (amount, paid + lessened.paid, lessened.credited)


def ar_item(ledger: Ledger, number: int) -> Row:
    """Return an AR item. The documentation shows none: identifiers apart, the names are the sandbox's own."""
    owner = ledger.owner(number)
    amount, paid, credited = amounts(ledger, number)
    remaining = amount - paid - credited
    row: Row = {
        "arItemId": FIRST_ITEM + number,
        "clientNo": ledger.number,
        "accountNo": FIRST_ACCOUNT + owner,
        "customerNo": ledger.customer_name(owner),
        "documentNo": ledger.document_name(number),
        "documentUuid": ledger.document_id(number),
        "referenceNo": ledger.reference(number),
    }
    if number >= ADDED:
        shown = ledger.written.documents[number - ADDED].shown
        row |= {name: shown[name] for name in ("kid", "documentType", "documentDate", "dueDate", "currency") if name in shown}
    else:
        day, due = ledger.plan.day(number), ledger.plan.due(number)
        row |= {"kid": ledger.kid(number), "documentType": "IN", "documentDate": day_text(day), "dueDate": day_text(due)}
        row["currency"] = "NOK"
    sums = {"amount": amount, "paidAmount": paid, "creditedAmount": credited, "remainingAmount": remaining}
    changed = ledger.written.items.get(number, {})
    return {**row, **sums, "status": "OPEN" if remaining > 0 else "CLOSED", **changed}


def _members(ledger: Ledger, number: int) -> Sequence[int]:
    if number >= ADDED:
        return ledger.written.bundles[number - ADDED]
    return range(number * BUNDLE, min((number + 1) * BUNDLE, ledger.plan.documents))


def bundle(ledger: Ledger, number: int) -> Row:
    """Return a document bundle; but for its id and client number the names are the sandbox's own."""
    members = _members(ledger, number)
    return {
        "documentBundleId": FIRST_BUNDLE + number,
        "clientNo": ledger.number,
        "documentCount": len(members),
        "documentNos": [ledger.document_name(it) for it in members],
        "amount": sum(amounts(ledger, it)[0] for it in members),
    }


def log_item(ledger: Ledger, number: int) -> Row:
    """Return a log item; but for its id and client number the names are the sandbox's own."""
    row: Row = {"logItemId": FIRST_LOG + number, "clientNo": ledger.number}
    if number >= ADDED:
        return {**row, **ledger.written.log[number - ADDED]}
    name = ledger.document_name(number)
    about = {"customerNo": ledger.customer_name(ledger.owner(number)), "documentNo": name}
    when = day_text(ledger.plan.day(number))
    return {
        **row,
        "logDate": when,
        "type": "DOCUMENT-CREATED",
        "userId": "SYSTEM",
        **about,
        "message": f"Document {name} created",
    }


def expanded_document(ledger: Ledger, number: int) -> Row:
    """Return a document with its AR item and its customer."""
    return {**document(ledger, number), "arItem": ar_item(ledger, number), "customer": customer(ledger, ledger.owner(number))}


def expanded_item(ledger: Ledger, number: int) -> Row:
    """Return an AR item with its document."""
    return {**ar_item(ledger, number), "document": document(ledger, number)}


def expanded_bundle(ledger: Ledger, number: int) -> Row:
    """Return a bundle with its documents."""
    return {**bundle(ledger, number), "documents": [document(ledger, it) for it in _members(ledger, number)]}
