"""The sandbox's data agrees with itself, with its seed, and with the rules of Norwegian numbers."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.collection.models import Batch, Case, Invoice, LegacyBatch, Settlement
from amili_async.errors import ConfigError
from amili_async.sandbox.dataset import Dataset
from amili_async.sandbox.digits import account_number, kid, national_id, organization_number
from amili_async.sandbox.figures import money, stamp
from amili_async.sandbox.ids import Ids, Kind
from amili_async.sandbox.layout import (
    END,
    START,
    Portfolio,
    case_of,
    first_invoice,
    first_settlement,
    payment_of,
    payments,
)
from amili_async.structs import decode, decoder, encode

CASES = 600
AMOUNTS = ("originalAmount", "paidAmount", "creditedAmount", "remainingAmount")


@pytest.fixture(scope="module")
def dataset():
    """Give a dataset of two organizations, to one of which cases were added."""
    dataset = Dataset(seed=11, organizations=2, cases=CASES)
    dataset.insert(dataset.organizations[0], 21)
    return dataset


def on_the_wire(rows):
    """Return rows as a client reads them: every amount exact."""
    return decode(encode(list(rows)))


@pytest.fixture(scope="module")
def cases(dataset):
    """Give all cases of the first organization."""
    return on_the_wire(dataset.cases(dataset.organizations[0]))


@pytest.fixture(scope="module")
def settlements(dataset):
    """Give all settlements of the first organization."""
    return on_the_wire(dataset.settlements(dataset.organizations[0]))


def total(rows, name):
    """Return the exact sum of a field."""
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


def test_claims_balance(cases):
    """Of each claim: original = credited + current, and current = paid + remaining."""
    claims = [claim for case in cases for claim in case["claims"]]
    assert len(claims) > CASES
    for claim in claims:
        assert claim["originalAmount"] == claim["creditedAmount"] + claim["currentAmount"]
        assert claim["currentAmount"] == claim["paidAmount"] + claim["remainingAmount"]
        assert min(claim[name] for name in AMOUNTS) >= 0


def test_claims_add_up_to_invoices(cases):
    """The claims on an invoice add up to it, amount by amount, and no claim is on a foreign invoice."""
    for case in cases:
        claims = defaultdict(list)
        for claim in case["claims"]:
            claims[claim["invoiceId"]].append(claim)
        assert set(claims) == {invoice["invoiceId"] for invoice in case["invoices"]}
        for invoice in case["invoices"]:
            for name in AMOUNTS:
                assert total(claims[invoice["invoiceId"]], name) == invoice[name]
            assert invoice["remainingPrincipal"] == invoice["remainingAmount"]


def test_invoices_add_up_to_cases(cases):
    """What remains of a case is the sum over its invoices, and it is closed exactly if nothing remains."""
    for case in cases:
        assert case["remainingAmount"] == total(case["invoices"], "remainingAmount")
        assert case["remainingPrincipal"] == total(case["invoices"], "remainingPrincipal")
        assert (case["closedAt"] is None) == (case["remainingAmount"] > 0)
        assert {invoice["caseId"] for invoice in case["invoices"]} == {case["caseId"]}


def test_settlements_add_up_to_payments(cases, settlements):
    """The settlements of an invoice add up to what was paid on it, and each is the sum of its shares."""
    paid = defaultdict(Decimal)
    for settlement in settlements:
        shares = [settlement[f"{part}Distribution"] for part in ("fee", "interest", "principal")]
        assert settlement["paymentAmount"] == sum(share["collector"] + share["creditor"] for share in shares)
        assert settlement["vat"] * 4 == settlement["principalDistribution"]["collector"]
        assert settlement["paymentAmount"] > 0
        paid[settlement["invoice"]["id"]] += settlement["paymentAmount"]
    by_id = {invoice["invoiceId"]: invoice for case in cases for invoice in case["invoices"]}
    assert {key: invoice["paidAmount"] for key, invoice in by_id.items() if invoice["paidAmount"]} == paid


def test_settlements_name_their_case(cases, settlements):
    """A settlement names number, customer and currency of the case that its invoice belongs to."""
    case_of_invoice = {invoice["invoiceId"]: case for case in cases for invoice in case["invoices"]}
    for settlement in settlements:
        case = case_of_invoice[settlement["invoice"]["id"]]
        assert settlement["caseNumber"] == settlement["invoice"]["collectionCaseNumber"] == str(case["caseNumber"])
        assert settlement["customerReference"] == case["debtors"][0]["customerNumber"]
        assert settlement["currency"] == case["claims"][0]["currency"]
        assert (settlement["exchangeRate"] == 1) == (settlement["currency"] == "NOK")


def test_batches_name_the_invoices_that_name_them(dataset, cases):
    """A batch names exactly the invoices that name it, with their cases, in order, in both shapes."""
    organization = dataset.organizations[0]
    named = defaultdict(list)
    for case in cases:
        for invoice in case["invoices"]:
            assert invoice["registeredAt"] == case["registeredAt"]
            named[invoice["batchId"]].append(
                {"invoiceId": invoice["invoiceId"], "invoiceNumber": invoice["invoiceNumber"], "caseId": case["caseId"]}
            )
    batches = list(dataset.batches(organization))
    assert {batch["batchId"]: batch["succeeded"] for batch in batches if batch["succeeded"]} == named
    for old, new in zip(dataset.legacy_batches(organization), batches, strict=True):
        assert [{name: it[name] for name in it if name != "$type"} for it in old["succeeded"]] == new["succeeded"]
        assert len(old["failed"]) == len(old["status"]["errors"]) == len(new["failed"])
        assert old["createdAt"][:19] == new["createdAt"][:19]


def test_cases_are_registered_while_their_batch_runs(dataset, cases):
    """A case is registered between creation and end of its batch."""
    batches = {batch["batchId"]: batch for batch in dataset.batches(dataset.organizations[0])}
    for case in cases:
        batch = batches[case["invoices"][0]["batchId"]]
        assert batch["createdAt"] < case["registeredAt"] < batch["finishedAt"]


def test_invoice_list_agrees_with_the_cases(dataset, cases):
    """The list of invoices has the invoices of the cases, in their order, with the same ids, numbers and times."""
    wanted = [
        (
            it["invoiceId"],
            it["invoiceNumber"],
            str(case["caseNumber"]),
            it["registeredAt"],
            it.get("uniqueSourceInvoiceId"),
            not it["remainingAmount"],
        )
        for case in cases
        for it in case["invoices"]
    ]
    shown = [
        (
            it["id"],
            it["invoiceNumber"],
            it["collectionCaseNumber"],
            it["createdAt"],
            it.get("uniqueSourceInvoiceId"),
            it["closureDate"] is not None,
        )
        for it in dataset.invoices(dataset.organizations[0])
    ]
    assert shown == wanted


def test_time_rises_with_the_number(dataset, settlements):
    """Rows are in the order of their time, inserted ones last, the first ones within the planned years."""
    for portfolio in dataset.portfolios:
        times = [portfolio.registered(case) for case in range(portfolio.cases)]
        assert times == sorted(set(times))
        assert times[0] >= START
        assert times[CASES - 1] < END < [*times, END + 1][CASES]
        batches = [portfolio.created(batch) for batch in range(portfolio.batches)]
        assert batches == sorted(set(batches))
    dates = [settlement["settlementDate"] for settlement in settlements]
    assert dates == sorted(dates)


def test_inserting_changes_nothing_that_was_there():
    """Cases and settlements that were there before an insert are the same after it."""
    dataset = Dataset(seed=3, organizations=1, cases=100)
    (organization,) = dataset.organizations
    before = [list(rows(organization)) for rows in (dataset.cases, dataset.invoices, dataset.settlements, dataset.batches)]
    dataset.insert(organization, 40)
    after = [list(rows(organization)) for rows in (dataset.cases, dataset.invoices, dataset.settlements, dataset.batches)]
    assert [new[: len(old)] for old, new in zip(before, after, strict=True)] == before
    assert [len(new) > len(old) for old, new in zip(before, after, strict=True)] == [True] * 4


def test_seed_decides():
    """The same seed gives the same rows, another seed others."""
    first, same, other = (Dataset(seed=seed, organizations=1, cases=50) for seed in (5, 5, 6))
    rows = [encode(list(it.cases(it.organizations[0]))) for it in (first, same, other)]
    assert rows[0] == rows[1] != rows[2]


def test_rows_fit_the_models(dataset):
    """Every row decodes into its model, with every enum value known."""
    organization = dataset.organizations[1]
    for rows, kind in (
        (dataset.cases, Case),
        (dataset.invoices, Invoice),
        (dataset.settlements, Settlement),
        (dataset.batches, Batch),
        (dataset.legacy_batches, LegacyBatch),
    ):
        found = [decoder(kind).decode(encode(row)) for row in rows(organization)]
        assert found
    for case in dataset.cases(organization):
        read = decoder(Case).decode(encode(case))
        assert all(it is None or it.known for it in (read.status, read.sub_status, read.type))


def test_variety(cases):
    """There is a spread of everything that a client should meet."""
    assert {case["status"] for case in cases} == {"OPEN", "PAUSED"}
    assert {case["type"] for case in cases} == {"PAYMENT_REMINDER", "COLLECTION_NOTICE"}
    assert {case.get("subStatus") for case in cases} == {None, "DEBT_COLLECTION_LIST_MANUAL"}
    assert {case["closedAt"] is None for case in cases} == {True, False}
    assert max(len(case["invoices"]) for case in cases) > 20
    assert {len(case["debtors"]) for case in cases} == {1, 2}
    currencies = Counter(claim["currency"] for case in cases for claim in case["claims"])
    assert len(currencies) == 4
    assert currencies.most_common(1)[0][0] == "NOK"
    shown = [invoice["currency"] for case in cases for invoice in case["invoices"]]
    assert {} in shown
    assert "NOK" in shown
    amounts = [invoice["originalAmount"] for case in cases for invoice in case["invoices"]]
    assert {-Decimal(amount).as_tuple().exponent for amount in amounts} == {0, 1, 2}
    customers = [case["debtors"][0]["customerNumber"] for case in cases]
    assert len(set(customers)) < len(customers)
    optional = {name: [name in debtor for case in cases for debtor in case["debtors"]] for name in ("email", "phone")}
    assert all({True, False} == set(found) for found in optional.values())
    text = encode(cases).decode()
    assert not text.isascii()
    assert "\\n" in text


def test_size_of_a_case(cases):
    """A case is of the size that the benchmarks reckon with."""
    assert 2_000 < len(encode(cases)) / len(cases) < 2_900


def test_ids_are_distinct(cases, settlements):
    """No two things share an id."""
    ids = [case["caseId"] for case in cases]
    ids += [invoice["invoiceId"] for case in cases for invoice in case["invoices"]]
    ids += [settlement["id"] for settlement in settlements]
    assert len(ids) == len(set(ids))


@given(st.sampled_from(Kind), st.integers(0, 999), st.integers(0, 2**44 - 1), st.integers(0, 2**64 - 1))
def test_ids_read_back(kind, organization, number, seed):
    """An id says what it names, in capitals too; with another seed it says nothing."""
    text = Ids(seed).make(kind, organization, number)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
    assert Ids(seed).read(text) == Ids(seed).read(text.upper()) == (kind, organization, number)
    assert Ids(seed ^ 1).read(text) is None


@pytest.mark.parametrize("text", ["", "x", "0" * 36, "4f163819-178d-470c-a246-d6768476a6ec", "\uff14" * 36])
def test_foreign_ids_name_nothing(text):
    """An id that was not made here is known as such."""
    assert Ids(1).read(text) is None


@given(st.integers(0, 10**7))
def test_layout_reads_back(case):
    """Cases, invoices and settlements lead to each other."""
    invoices = range(first_invoice(case), first_invoice(case + 1))
    assert len(invoices) >= 1
    assert {case_of(invoice) for invoice in invoices} == {case}
    for invoice in invoices:
        settlements = range(first_settlement(invoice), first_settlement(invoice + 1))
        assert len(settlements) == payments(invoice)
        assert [payment_of(settlement) for settlement in settlements] == [(invoice, it) for it in range(len(settlements))]


@given(st.integers(0, 300), st.integers(0, 60))
def test_batches_cover_the_cases(planned, inserted):
    """Each case is in exactly one batch, which is the one that it leads to, whatever was inserted."""
    portfolio = Portfolio(0, 99, planned)
    portfolio.cases += inserted
    covered = [(case, batch) for batch in range(portfolio.batches) for case in portfolio.cases_of(batch)]
    assert covered == [(case, portfolio.batch_of(case)) for case in range(portfolio.cases)]


def test_a_million_cases_cost_nothing():
    """The last of a million cases is computed as the first."""
    dataset = Dataset(seed=1, organizations=1, cases=1_000_000)
    portfolio = dataset.portfolios[0]
    case = dataset.case(portfolio, 999_999)
    assert case["registeredAt"] == stamp(portfolio.registered(999_999))
    assert portfolio.registered(999_999) < END


def luhn(text):
    """Return whether the check digit by modulus 10 is right."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(text))]
    return sum(it - 9 if it > 9 else it for it in doubled) % 10 == 0


def weighed(text, weights):
    """Return whether the weighted sum is a multiple of 11."""
    return sum(int(digit) * weight for digit, weight in zip(text, weights, strict=True)) % 11 == 0


@given(st.integers(0, 2**63))
def test_check_digits(value):
    """All numbers have valid check digits, and are of ranges that belong to nobody."""
    person = national_id(value)
    assert re.fullmatch(r"\d{11}", person)
    assert 81 <= int(person[2:4]) <= 92
    assert weighed(person[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    assert weighed(person, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    company = organization_number(value)
    assert re.fullmatch(r"3\d{8}", company)
    assert weighed(company, (3, 2, 7, 6, 5, 4, 3, 2, 1))
    account = account_number(value)
    assert re.fullmatch(r"0001\d{7}", account)
    assert weighed(account, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1))
    reference = kid(value % 10**12)
    assert re.fullmatch(r"\d{13}", reference)
    assert luhn(reference)


def test_personal_data_is_invented(cases):
    """Addresses end in a domain that is kept for examples, and numbers begin as no real ones do."""
    for debtor in (debtor for case in cases for debtor in case["debtors"]):
        assert re.fullmatch(r"[a-z-]+\.[a-z-]+\d+@example\.no", debtor.get("email", "a.b1@example.no"))
        assert re.fullmatch(r"\+4700\d{6}", debtor.get("phone", "+4700000000"))
        assert 81 <= int(debtor["identificationNumber"][2:4]) <= 92
        assert debtor["fullName"] == f"{debtor['firstName']} {debtor['lastName']}"


@given(st.integers(0, 10**13))
def test_money_is_exact(minor):
    """An amount is written with the digits that it needs, exactly."""
    text = encode(money(minor)).decode()
    assert Decimal(text) * 100 == minor
    assert not text.endswith(".0")


def test_unknown_organization(dataset):
    """An organization that is not there is an error with a name."""
    with pytest.raises(ConfigError, match="no such organization"):
        next(iter(islice(dataset.cases("nobody"), 1)))
    assert next(dataset.cases(dataset.organizations[0].upper()))
