"""The general ledger of an ARM client, and what is summed up of it and of the AR items.

What holds (amounts are exact; `tests/unit/test_sandbox_arm.py` checks it):

- the amounts of a voucher add up to nothing; what is above zero is debit;
- movement: movement is the sum over the entries of the account in the month, closingBalance = openingBalance + movement, and the
  openingBalance is the closingBalance of the month before;
- age distributed balance: the amounts add up to what remains of all AR items.

The documentation shows none of these: identifiers and times apart, the names are the sandbox's own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox.arm_documents import amounts, ar_item
from amili_async.sandbox.arm_layout import entry_of, month_start
from amili_async.sandbox.arm_ledger import FIRST_ENTRY, day_text
from amili_async.sandbox.figures import money
from amili_async.sandbox.layout import DAY, END
from amili_async.sandbox.store import ADDED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row

__all__ = [
    "AGED_AT",
    "BANK",
    "LOSSES",
    "RECEIVABLES",
    "SALES",
    "VAT",
    "Voucher",
    "adb_intervals",
    "book",
    "entry",
    "latest",
    "movement",
    "movements",
]

RECEIVABLES, BANK, VAT, SALES, LOSSES = 1500, 1920, 2700, 3000, 7830
_NAMES = {
    RECEIVABLES: "Kundefordringer",
    BANK: "Bankinnskudd",
    VAT: "Utgående mva",
    SALES: "Salgsinntekt",
    LOSSES: "Tap",
}
_INVOICED, _PAID = (RECEIVABLES, SALES, VAT), (BANK, RECEIVABLES)
_SHIFT = 24
"""A movement is numbered by its month and its account: `month << _SHIFT | account`."""
AGED_AT = END // DAY + 30
"""2026-01-31, in days since 1970: what the age of balances is counted to, if the request does not say."""
_CLOSED = 2025 * 12 + 11
_AGES = ((1, 30), (31, 60), (61, 90), (91, 180), (181, None))


class Voucher(NamedTuple):
    """What entries belong to: its day, its number, the documentNo of its document if it has one, and its text."""

    day: str
    number: str
    document: str | None
    text: str


def entry(ledger: Ledger, number: int) -> Row:
    """Return an entry of the general ledger."""
    row: Row = {"glItemId": FIRST_ENTRY + number, "clientNo": ledger.number}
    if number >= ADDED:
        return {**row, **ledger.written.entries[number - ADDED]}
    document, place = entry_of(number)
    plan, terms = ledger.plan, ledger.plan.terms(document)
    name = ledger.document_name(document)
    if place < len(_INVOICED):
        day, account, voucher, text = plan.day(document), _INVOICED[place], f"F{name}", f"Faktura {name}"
        amount = (terms.incl, -terms.excl, -terms.vat)[place]
    else:
        day, account, voucher, text = plan.paid(document), _PAID[place - 3], f"B{name}", f"Innbetaling {name}"
        amount = terms.paid if account == BANK else -terms.paid
    return {**row, **_when(day_text(day)), **_what(account, voucher, name, money(amount), text)}


def _when(day: str) -> Row:
    return {"glYear": int(day[:4]), "glPeriod": int(day[5:7]), "voucherDate": day}


def _what(account: int, voucher: str, document: str | None, amount: Any, text: str) -> Row:
    row: Row = {"glAccountNo": account, "voucherNo": voucher, "amount": amount, "currency": "NOK", "text": text}
    return row if document is None else {**row, "documentNo": document}


def book(ledger: Ledger, voucher: Voucher, parts: Sequence[tuple[int, int | Decimal]]) -> list[int]:
    """Enter a voucher whose parts, accounts with amounts, add up to nothing. Returns the ids of its entries."""
    store, when = ledger.written, _when(voucher.day)
    month = 12 * when["glYear"] + when["glPeriod"] - 1
    first = FIRST_ENTRY + ADDED + len(store.entries)
    for account, amount in parts:
        store.entries.append({**when, **_what(account, voucher.number, voucher.document, amount, voucher.text)})
        store.moved[month, account] = store.moved.get((month, account), 0) + amount
    return list(range(first, FIRST_ENTRY + ADDED + len(store.entries)))


def movements(ledger: Ledger) -> Sequence[int]:
    """Return the numbers of all movements: each account in each month that has any."""
    months, accounts = {month for month, _ in ledger.written.moved}, {account for _, account in ledger.written.moved}
    if ledger.plan.documents:
        last = date.fromisoformat(day_text(ledger.plan.paid(ledger.plan.documents - 1)))
        months |= set(range(2021 * 12, 12 * last.year + last.month))
        accounts |= {RECEIVABLES, BANK, VAT, SALES}
    return array("q", (month << _SHIFT | account for month in sorted(months) for account in sorted(accounts)))


def movement(ledger: Ledger, number: int) -> Row:
    """Return what moved on an account in a month, and its balances."""
    month, account = number >> _SHIFT, number & (1 << _SHIFT) - 1
    opening, closing = _balance(ledger, month, account), _balance(ledger, month + 1, account)
    return {
        "clientNo": ledger.number,
        "glYear": month // 12,
        "glPeriod": month % 12 + 1,
        "glAccountNo": account,
        "glAccountName": _NAMES.get(account, "Konto"),
        "openingBalance": opening,
        "movement": closing - opening,
        "closingBalance": closing,
        "closed": month <= _CLOSED,
    }


def latest(ledger: Ledger, account: int) -> Row:
    """Return the movement of an account in the latest closed month."""
    return movement(ledger, _CLOSED << _SHIFT | account)


def _balance(ledger: Ledger, month: int, account: int) -> Any:
    """Return the balance of an account at the start of a month."""
    plan, total = ledger.plan, 0
    if plan.documents:
        day = month_start(month // 12, month % 12 + 1)
        invoiced, paid = plan.sums(0, plan.before(day, plan.day)), plan.sums(0, plan.before(day, plan.paid)).paid
        total = {RECEIVABLES: invoiced.incl - paid, BANK: paid, VAT: -invoiced.vat, SALES: -invoiced.excl}.get(account, 0)
    moved = (amount for (when, where), amount in ledger.written.moved.items() if where == account and when < month)
    return money(total) + sum(moved)


def adb_intervals(ledger: Ledger, day: int = AGED_AT) -> list[Row]:
    """Return the age distributed balance: what remains of AR items by the days since they fell due."""
    plan = ledger.plan
    borders = [first for first, _ in _AGES]
    rows: list[Row] = [{"fromDays": None, "toDays": 0}, *({"fromDays": first, "toDays": last} for first, last in _AGES)]
    ends = [plan.documents, *(plan.before(day - first + 1, plan.due) for first in borders), 0]
    for place, row in enumerate(rows):
        sums = plan.sums(ends[place + 1], ends[place])
        row |= {"clientNo": ledger.number, "itemCount": ends[place] - ends[place + 1], "amount": money(sums.incl - sums.paid)}
    store = ledger.written

    def add(due: int, count: int, amount: Any) -> None:
        row = rows[bisect_left(borders, day - due + 1)]
        row["itemCount"] += count
        row["amount"] += amount

    for number in {*store.lessened, *store.items} - {*range(ADDED, ADDED + len(store.documents))}:
        terms = plan.terms(number)
        add(plan.due(number), -1, money(terms.paid - terms.incl))
        _add_item(ledger, number, add)
    for number in range(ADDED, ADDED + len(store.documents)):
        _add_item(ledger, number, add)
    return rows


def _add_item(ledger: Ledger, number: int, add: Any) -> None:
    amount, paid, credited = amounts(ledger, number)
    due = date.fromisoformat(ar_item(ledger, number)["dueDate"])
    add((due - date(1970, 1, 1)).days, 1, amount - paid - credited)
