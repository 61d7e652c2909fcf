"""What the sandbox decides about writes without a socket: items, actions, shares, joined lists."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.sandbox.actions import ACTIONS, State, after
from amili_async.sandbox.dataset import Dataset
from amili_async.sandbox.exchange import Problem
from amili_async.sandbox.joined import Joined
from amili_async.sandbox.rows import case, change_of, shares
from amili_async.sandbox.rules import Refusal, amount_terms, invoice_terms
from amili_async.sandbox.store import Lessened

INVOICE = {
    "type": "NOTICE",
    "invoiceNumber": "INV-1",
    "originalInvoiceAmount": Decimal("1500.50"),
    "currency": "NOK",
    "invoiceDate": "2026-01-15",
    "dueDate": "2026-02-15T00:00:00Z",
}


def test_an_invoice_is_read():
    """Dates come in either form, amounts keep their digits, and what is not known is passed over."""
    debtor = {"customerNumber": "1001", "fullName": "Kari Oppdiktet", "email": None, "shoeSize": "42", "phone": ""}
    terms = invoice_terms(
        {
            **INVOICE,
            "vat": True,
            "collectionNoticeDate": None,
            "uniqueSourceInvoiceId": "erp-x",
            "description": "Leie",
            "debtor": debtor,
        }
    )
    assert str(terms.original) == "1500.50"
    assert (terms.invoice_date, terms.due_date) == (1_768_435_200_000, 1_771_113_600_000)
    assert (terms.source_id, terms.description) == ("erp-x", "Leie")
    assert terms.debtor == {"customerNumber": "1001", "fullName": "Kari Oppdiktet"}
    assert invoice_terms({**INVOICE, "debtor": "somebody", "collectionNoticeDate": "2026-03-01"}).debtor == {}
    assert invoice_terms({**INVOICE, "dueDate": INVOICE["invoiceDate"]}).source_id is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"originalInvoiceAmount": None}, "AMOUNT_MISSING"),
        ({"originalInvoiceAmount": 0}, "AMOUNT_NOT_POSITIVE"),
        ({"originalInvoiceAmount": Decimal("-0.01")}, "AMOUNT_NOT_POSITIVE"),
        ({"originalInvoiceAmount": "100"}, "INVALID_AMOUNT"),
        ({"originalInvoiceAmount": True}, "INVALID_AMOUNT"),
        ({"originalInvoiceAmount": 10**12 + 1}, "INVALID_AMOUNT"),
        ({"originalInvoiceAmount": Decimal("0.00001")}, "INVALID_AMOUNT"),
        ({"originalInvoiceAmount": Decimal("1E+400")}, "INVALID_AMOUNT"),
        ({"currency": "kroner"}, "UNKNOWN_CURRENCY"),
        ({"currency": "nok"}, "UNKNOWN_CURRENCY"),
        ({"currency": "NO\u00d8"}, "UNKNOWN_CURRENCY"),
        ({"currency": None}, "UNKNOWN_CURRENCY"),
        ({"dueDate": "2026-01-14"}, "DUE_DATE_BEFORE_INVOICE_DATE"),
        ({"dueDate": "2026-01-15T01:00:00+02:00"}, "DUE_DATE_BEFORE_INVOICE_DATE"),
        ({"dueDate": "soon"}, "INVALID_DATE"),
        ({"dueDate": "0001-01-01T00:00:00+14:00"}, "INVALID_DATE"),
        ({"invoiceDate": None}, "INVALID_DATE"),
        ({"invoiceDate": 20260115}, "INVALID_DATE"),
        ({"collectionNoticeDate": "x"}, "INVALID_DATE"),
        ({"invoiceNumber": None}, "INVALID_FIELD"),
        ({"invoiceNumber": " "}, "INVALID_FIELD"),
        ({"invoiceNumber": 7}, "INVALID_FIELD"),
        ({"type": None}, "INVALID_FIELD"),
        ({"uniqueSourceInvoiceId": 7}, "INVALID_FIELD"),
        ({"description": "x" * 1_001}, "INVALID_FIELD"),
    ],
)
def test_an_invoice_is_refused(change, code):
    """An invoice that lacks something or makes no sense is refused with a code, and shown by its number."""
    item = {**INVOICE, **change}
    with pytest.raises(Refusal) as caught:
        invoice_terms(item)
    assert caught.value.code == code
    shown = caught.value.shown(3, "invoiceNumber", item["invoiceNumber"])
    assert shown.keys() - {"invoiceNumber"} == {"index", "code", "message"}
    assert ("invoiceNumber" in shown) == isinstance(item["invoiceNumber"], str)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*INVOICE, "debtor", "description", "uniqueSourceInvoiceId"], JSON)))
def test_any_item_is_read_or_refused(change):
    """Whatever an item holds, it is read or refused; nothing else comes of it."""
    with suppress(Refusal):
        assert invoice_terms({**INVOICE, **change}).original > 0


def test_amounts_of_payments_and_corrections():
    """A payment has an amount and a currency; a date, if it has one, must be one."""
    assert amount_terms({"amount": 7, "currency": "NOK", "date": "2026-01-01T00:00:00.123Z"}) == (7, "NOK")
    for item in ({"amount": 7}, {"currency": "NOK"}, {"amount": 7, "currency": "NOK", "date": "x"}):
        with pytest.raises(Refusal):
            amount_terms(item)


PAUSED = State("PAUSED")
OPEN = State("OPEN")
LISTED = State("OPEN", sub_status="DEBT_COLLECTION_LIST_MANUAL")


@pytest.mark.parametrize(
    ("action", "before", "result"),
    [
        ("pause", OPEN, PAUSED),
        ("pause", PAUSED, 409),
        ("resume", PAUSED, OPEN),
        ("resume", OPEN, 409),
        ("withdraw", PAUSED, State("PAUSED", closed=True)),
        *((f"{verb}_debt_collection_list", LISTED, OPEN) for verb in ("accept", "reject")),
        *((f"{verb}_debt_collection_list", OPEN, 409) for verb in ("accept", "reject")),
        ("accept_eviction_request", OPEN, 422),
        ("accept_eviction_request", State("OPEN", eviction="REQUESTED"), State("OPEN", eviction="ACCEPTED")),
        ("reject_eviction_request", State("OPEN", eviction="REQUESTED"), State("OPEN", eviction="REJECTED")),
        ("accept_eviction_request", State("OPEN", eviction="REJECTED"), 409),
        ("accept_eviction_confirmation", State("OPEN", eviction="REQUESTED"), 409),
        ("accept_eviction_confirmation", State("OPEN", eviction="ACCEPTED"), State("OPEN", eviction="CONFIRMED")),
        ("reject_eviction_confirmation", State("OPEN", eviction="ACCEPTED"), State("OPEN", eviction="DECLINED")),
        ("reject_eviction_confirmation", OPEN, 422),
        *((action, State("OPEN", closed=True), 409) for action in ACTIONS),
    ],
)
def test_actions(action, before, result):
    """An action makes another state of the one that it fits, and refuses every other."""
    if isinstance(result, State):
        assert after(action, before) == result
        return
    with pytest.raises(Problem) as caught:
        after(action, before)
    assert caught.value.answer.status == result


@given(st.decimals(min_value="0.01", max_value=10**12, places=4))
def test_shares_add_up(amount):
    """The shares of a payment add up to it exactly, and the VAT is a quarter of the collector's."""
    collector, creditor, vat = shares(amount)
    assert collector + creditor == amount
    assert collector == 4 * vat
    assert creditor > 0


@given(st.lists(st.integers()), st.lists(st.integers()), st.integers(0, 20), st.integers(0, 20))
def test_joined_is_the_sum_of_its_parts(first, second, begin, end):
    """Two sequences joined behave as one list: by place, by slice, there and back."""
    joined, whole = Joined(first, second), first + second
    assert list(joined) == whole
    assert list(joined[begin:end]) == whole[begin:end]
    assert list(joined[::-1]) == whole[::-1]
    assert list(joined[::-1][begin:end]) == whole[::-1][begin:end]
    for place in range(-len(whole), len(whole)):
        assert joined[place] == whole[place]
    for place in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError):
            _ = joined[place]
    with pytest.raises(ValueError, match="step 1"):
        _ = joined[::2]


@pytest.mark.parametrize("number", range(24))
def test_what_is_written_keeps_the_equations(number):
    """Payments and corrections lessen an invoice and its claims, the older first, and all sums still agree."""
    dataset = Dataset(seed=3, organizations=1, cases=24)
    (portfolio,) = dataset.portfolios
    before = case(dataset, portfolio, number)
    first = before["invoices"][0]
    left = Decimal(first["remainingAmount"])
    numbers = [named.number for it in before["invoices"] if (named := dataset.ids.read(it["invoiceId"]))]
    portfolio.written.lessened[numbers[0]] = Lessened(paid=left / 2, credited=left / 4)
    change_of(dataset, portfolio, number)
    row = case(dataset, portfolio, number)
    invoice = row["invoices"][0]
    assert invoice["remainingAmount"] == left / 4
    assert row["remainingAmount"] == sum(it["remainingAmount"] for it in row["invoices"])
    assert invoice["originalAmount"] == invoice["paidAmount"] + invoice["creditedAmount"] + invoice["remainingAmount"]
    claims = [claim for claim in row["claims"] if claim["invoiceId"] == invoice["invoiceId"]]
    for name in ("originalAmount", "paidAmount", "creditedAmount", "remainingAmount"):
        assert sum(claim[name] for claim in claims) == invoice[name]
    for claim in claims:
        assert claim["originalAmount"] == claim["creditedAmount"] + claim["currentAmount"]
        assert claim["currentAmount"] == claim["paidAmount"] + claim["remainingAmount"]
        assert min(claim["creditedAmount"], claim["paidAmount"], claim["remainingAmount"]) >= 0
