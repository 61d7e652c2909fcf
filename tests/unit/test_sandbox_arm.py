"""The ARM data of the sandbox is consistent by itself, and what it takes of what is handed in follows the documented rules."""

from __future__ import annotations

import base64
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.errors import ConfigError
from amili_async.sandbox import Sandbox
from amili_async.sandbox import arm_queries as kept_queries
from amili_async.sandbox.arm_books import adb_intervals, entry, latest, movement, movements
from amili_async.sandbox.arm_customers import customer
from amili_async.sandbox.arm_documents import ar_item, bundle, document, log_item
from amili_async.sandbox.arm_exchange import Refused
from amili_async.sandbox.arm_ids import ShortIds
from amili_async.sandbox.arm_items import ItemRefused, create_customer, create_document, update_customer
from amili_async.sandbox.arm_layout import PERIOD, Plan, Sums, entries_before, entry_of, first_document, owner_of
from amili_async.sandbox.arm_ledger import Ledger
from amili_async.sandbox.arm_queries import Kept, Queries, held
from amili_async.sandbox.arm_rules import check_customer, check_document, merged, number_of, text_of
from amili_async.sandbox.digits import (
    ACCOUNT_WEIGHTS,
    FIRST_WEIGHTS,
    ORGANIZATION_WEIGHTS,
    SECOND_WEIGHTS,
    mod11,
)
from amili_async.sandbox.ids import Ids, Kind
from amili_async.sandbox.joined import Joined
from amili_async.sandbox.store import ADDED

CUSTOMERS = 301
PLAN = Plan(7, 4_000)
BARE = {"clientNo", "accountNo", "customerNo"}
DOCUMENTED = {  # the members that the documentation shows of a customer
    *BARE,
    *("name", "postalReturnStatus", "postalReturnDate", "customerCategory", "phoneNo", "secondaryPhoneNo", "organizationNo"),
    *("organizationNoScheme", "dateOfBirth", "yearOfBirth", "ssn", "ssnCountry", "informalName", "customerGroupCode"),
    *("priceNetOrGross", "language", "currency", "sellerReference", "buyerReference", "bankAccountNo", "stopReminderUntil"),
    *("stopDebtCollectionUntil", "stopInterestCalcUntil", "dueDays", "vatLiable", "discountRate", "activeStatusWeb"),
    *("customerMessage", "limitAmount", "registrationStatusCode", "registrationStatusDate", "postalAddressChanged"),
    *("postalAddress", "emailAddressDocument", "secondaryEmailAddress", "distribution", "efakturaBlockIds", "peppolBlockIds"),
    "digipostBlockIds",
}


def make(customers: int = CUSTOMERS, seed: int = 7) -> Ledger:
    """Return a client."""
    return Ledger(0, 2218, Plan(seed, customers), ShortIds(Ids(seed)))


@pytest.fixture
def ledger() -> Ledger:
    """Give a client to which nothing was written."""
    return make()


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """Give a client to which documents were written."""
    new = {"customerNo": "N-1", "name": "Ny Kunde"}
    create_customer(ledger, new, None)
    ledger.written.bundles.append([])
    lines = [{"lineNo": 1, "currencyAmounts": {"exclVat": 80, "vat": 20, "inclVat": 100}}]
    create_document(
        ledger, {"customerNo": "N-1", "documentNo": "D1", "documentLines": lines, "documentDate": "2024-05-02"}, ADDED
    )
    total = {"exclVat": Decimal("0.1"), "vat": Decimal("0.02"), "inclVat": Decimal("0.12")}
    dates = {"documentDate": "2027-01-31", "dueDate": "2027-02-14"}
    create_document(ledger, {"customerNo": "543210", "documentNo": "D2", "currencyAmounts": total, **dates}, None)
    return ledger


def test_customers_have_only_documented_members(ledger):
    """Every member is one of the documented example, every customer has its three names, and some have no more."""
    rows = [customer(ledger, number) for number in ledger.customers()]
    assert {name for row in rows for name in row} == DOCUMENTED
    assert all(set(row) >= BARE for row in rows)
    assert any(set(row) == BARE for row in rows)
    assert not any(value is None for row in rows for value in row.values())


def test_customers_are_told_apart(ledger):
    """Numbers are unique, and each is found again by both of them."""
    rows = [customer(ledger, number) for number in ledger.customers()]
    assert len({row["customerNo"] for row in rows}) == len({row["accountNo"] for row in rows}) == len(rows) == CUSTOMERS
    assert [ledger.find_customer(row["customerNo"]) for row in rows] == list(ledger.customers())
    assert [ledger.find_account(row["accountNo"]) for row in rows] == list(ledger.customers())


def test_numbers_of_customers_check(ledger):
    """Numbers of organizations and accounts are valid; those of persons look like ones, and are not."""
    rows = [customer(ledger, number) for number in ledger.customers()]
    organizations = [row["organizationNo"] for row in rows if "organizationNo" in row]
    accounts = [row["bankAccountNo"] for row in rows if "bankAccountNo" in row]
    persons = [row for row in rows if "ssn" in row]
    assert min(len(organizations), len(accounts), len(persons)) > 20
    assert all(str(mod11(it[:8], ORGANIZATION_WEIGHTS)) == it[8] for it in organizations)
    assert all(str(mod11(it[:10], ACCOUNT_WEIGHTS)) == it[10] for it in accounts)
    for row in persons:
        ssn = row["ssn"]
        assert len(ssn) == 11
        assert int(ssn[2:4]) > 80
        assert not (str(mod11(ssn[:9], FIRST_WEIGHTS)) == ssn[9] and str(mod11(ssn[:10], SECOND_WEIGHTS)) == ssn[10])
        born = date.fromisoformat(row["dateOfBirth"])
        assert (born.year, f"{born.day:02d}") == (row["yearOfBirth"], ssn[:2])


def test_the_same_seed_gives_the_same_rows():
    """Data follows from the seed, and another seed gives other data; a million customers take no time to set up."""
    assert customer(make(), 3) == customer(make(), 3) != customer(make(seed=8), 3)
    large = make(1_000_000)
    assert customer(large, 999_999)["customerNo"] == "1543209"
    assert document(large, large.plan.documents - 1)["customerNo"] == "1543209"
    assert len(large.entries()) == 1_250_000 * 4


@given(st.integers(0, 5_000))
def test_documents_belong_to_customers(number):
    """What a customer has is what says that it is theirs."""
    assert number in range(first_document(owner_of(number)), first_document(owner_of(number) + 1))
    place, which = entry_of(number)
    assert entries_before(place) + which == number


def test_documents_add_up(ledger):
    """Lines add up to documents, these to AR items and bundles, and everybody names everybody else rightly."""
    items = [ar_item(ledger, number) for number in ledger.documents()]
    documents = [document(ledger, number) for number in ledger.documents()]
    assert len(documents) == ledger.plan.documents > 300
    for it, item in zip(documents, items, strict=True):
        for line in it["documentLines"]:
            sums = line["currencyAmounts"]
            assert sums["exclVat"] == line["quantity"] * line["price"]
            assert sums["exclVat"] + sums["vat"] == sums["inclVat"]
        for name, total in it["currencyAmounts"].items():
            assert total == sum(line["currencyAmounts"][name] for line in it["documentLines"])
        assert item["amount"] == it["currencyAmounts"]["inclVat"]
        assert item["amount"] == item["paidAmount"] + item["creditedAmount"] + item["remainingAmount"]
        assert item["status"] == ("OPEN" if item["remainingAmount"] else "CLOSED")
        shared = ("arItemId", "customerNo", "accountNo", "documentNo", "documentUuid", "referenceNo", "kid", "dueDate")
        assert [item[name] for name in shared] == [it[name] for name in shared]
        owner = ledger.find_customer(it["customerNo"])
        assert owner is not None
        assert customer(ledger, owner)["accountNo"] == it["accountNo"]
    assert [it["documentDate"] for it in documents] == sorted(it["documentDate"] for it in documents)
    assert {item["status"] for item in items} == {"OPEN", "CLOSED"}
    for number in ledger.bundles():
        row = bundle(ledger, number)
        members = [it for it in documents if it["documentBundleId"] == row["documentBundleId"]]
        assert row["documentNos"] == [it["documentNo"] for it in members]
        assert row["amount"] == sum(it["currencyAmounts"]["inclVat"] for it in members)
    assert [log_item(ledger, number)["documentNo"] for number in ledger.log()] == [it["documentNo"] for it in documents]


def test_payment_references_check(ledger):
    """A KID ends with its check digit, and leads back to its document."""
    for number in ledger.documents():
        kid = ledger.kid(number)
        digits = [int(it) for it in reversed(kid)]
        assert sum(digits[::2]) + sum(sum(divmod(2 * it, 10)) for it in digits[1::2]) == 10 * (
            (sum(digits[::2]) + sum(sum(divmod(2 * it, 10)) for it in digits[1::2])) // 10
        )
        assert ledger.find_kid(kid) == number
    assert ledger.find_kid(ledger.kid(0)[:-1] + "9") is None
    assert ledger.find_kid("") is None


@pytest.mark.parametrize("state", ["ledger", "written"])
def test_the_general_ledger_balances(state, request):
    """Vouchers add up to nothing, movements are the sums of entries, balances go on, with what was written too."""
    ledger = request.getfixturevalue(state)
    vouchers: dict[str, Decimal | int] = defaultdict(int)
    moved: dict[tuple[int, int, int], Decimal | int] = defaultdict(int)
    for number in ledger.entries():
        row = entry(ledger, number)
        assert (row["glYear"], row["glPeriod"]) == (int(row["voucherDate"][:4]), int(row["voucherDate"][5:7]))
        vouchers[row["voucherNo"]] += row["amount"]
        moved[row["glYear"], row["glPeriod"], row["glAccountNo"]] += row["amount"]
    assert set(vouchers.values()) == {0}
    rows = [movement(ledger, number) for number in movements(ledger)]
    shown = {(row["glYear"], row["glPeriod"], row["glAccountNo"]): row["movement"] for row in rows}
    assert len(shown) == len(rows)
    assert {key: value for key, value in shown.items() if value} == {key: value for key, value in moved.items() if value}
    balances: dict[int, Decimal | int] = defaultdict(int)
    for row in rows:
        assert row["openingBalance"] == balances[row["glAccountNo"]]
        balances[row["glAccountNo"]] += row["movement"]
        assert row["closingBalance"] == balances[row["glAccountNo"]]
    assert sum(balances.values()) == 0
    receivables = latest(ledger, 1500)
    assert receivables in rows
    assert (receivables["glYear"], receivables["glPeriod"], receivables["closed"]) == (2025, 12, True)
    assert balances[1500] == sum(ar_item(ledger, number)["remainingAmount"] for number in ledger.documents())


@pytest.mark.parametrize("state", ["ledger", "written"])
@pytest.mark.parametrize("day", [date(2021, 1, 1), date(2024, 6, 3), date(2026, 1, 31), date(2030, 1, 1)])
def test_the_age_distributed_balance_adds_up(state, day, request):
    """Each interval holds what remains of the AR items of its age, wherever the day lies, with what was written too."""
    ledger = request.getfixturevalue(state)
    ledger.written.items[3] = {"dueDate": "2023-01-01"}
    rows = adb_intervals(ledger, (day - date(1970, 1, 1)).days)
    items = [ar_item(ledger, number) for number in ledger.documents()]
    for row in rows:
        low, high = (10**9 if it is None and name == "toDays" else it for name, it in list(row.items())[:2])
        low = -(10**9) if low is None else low
        aged = [it for it in items if low <= (day - date.fromisoformat(it["dueDate"])).days <= high]
        assert row["itemCount"] == len(aged)
        assert row["amount"] == sum(it["remainingAmount"] for it in aged)
    assert sum(row["itemCount"] for row in rows) == len(items)


def test_an_empty_client_has_nothing():
    """Without customers all lists are empty, and there are sums all the same."""
    ledger = make(0)
    lists = (ledger.customers(), ledger.documents(), ledger.bundles(), ledger.entries(), ledger.log(), movements(ledger))
    assert [len(it) for it in lists] == [0] * 6
    assert sum(row["amount"] for row in adb_intervals(ledger)) == latest(ledger, 1500)["closingBalance"] == 0


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_sums_are_reckoned(begin, length):
    """The sums over a stretch are those over its documents, also beyond the period after which they repeat."""
    plan = PLAN
    end = min(begin + length, 3 * PERIOD) if begin < 3 * PERIOD else begin
    terms = [plan.terms(it) for it in range(begin, end)]
    expected = Sums(*(sum(it) for it in zip(*((t.excl, t.vat, t.incl, t.paid) for t in terms), strict=True))) if terms else Sums()
    assert plan.sums(begin, end) == expected


def test_short_ids():
    """An id has 22 characters of URL-safe base64, keeps its case, and leads back to what it names alone."""
    ids = ShortIds(Ids(7))
    text = ids.make(Kind.ARM_BATCH, 1, 12)
    assert len(text) == 22
    assert len(base64.urlsafe_b64decode(text + "==")) == 16
    assert ids.read(Kind.ARM_BATCH, 1, text) == 12
    assert ids.read(Kind.ARM_BATCH, 0, text) is None
    assert ids.read(Kind.ARM_FILE, 1, text) is None
    assert ids.read(Kind.ARM_BATCH, 1, text.swapcase()) is None
    assert ids.read(Kind.ARM_BATCH, 1, "8NlwdOIM1YLVFP9-WOwkYQ") is None
    assert ids.read(Kind.ARM_BATCH, 1, text + "A") is None
    last = next(it for it in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if it != text[-1])
    assert ids.read(Kind.ARM_BATCH, 1, text[:-1] + last) is None


def test_names_lead_to_documents(written):
    """Each way to name a document or a customer finds it; what names nothing, or two things, is told."""
    number = written.find_document("d2")
    assert number == ADDED + 1
    row = document(written, number)
    names = ("arItemId", "documentNo", "documentUuid", "referenceNo")
    for it in (row, document(written, 4)):
        for name in names:
            assert written.identified({name: it[name]}) == (written.find_document(it["documentNo"]), None, [])
    assert written.identified({name: row[name] for name in (*names, "customerNo", "accountNo")}) == (number, 0, [])
    assert written.identified({"documentNo": "D1", "arItemId": 7_000_001}) == (0, None, ["documentNo"])
    assert written.identified({"kid": "1", "customerNo": "?"}) == (None, None, ["kid", "customerNo"])
    assert written.identified({"documentNo": "", "kid": None, "customerNo": None}) == (None, None, [])
    odd = {
        "arItemId": [1],
        "documentNo": {},
        "documentUuid": 3,
        "referenceNo": True,
        "kid": [],
        "accountNo": True,
        "customerNo": 1.5,
    }
    assert written.identified(odd) == (None, None, [*list(odd)[:5], "customerNo", "accountNo"])
    assert written.find_customer(str(543_210 + ADDED)) is None
    assert written.find_customer("0543210") is None
    assert written.find_document("088776655") is None
    assert [it for it in written.documents() if written.find_kid(written.kid(it)) != it] == [ADDED, ADDED + 1]


def test_written_documents_can_be_found_by_their_kid(ledger):
    """A payment reference that was handed in leads to its document."""
    amounts = {"inclVat": 10}
    create_document(ledger, {"customerNo": "543210", "documentNo": "K", "kid": "4711", "currencyAmounts": amounts}, None)
    assert ledger.find_kid("4711") == ADDED


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"postalAddress": {"countryCode": "NX"}}, "countryCode"),
        ({"postalAddress": {"countryCode": "Norway"}}, "countryCode"),
        ({"ssnCountry": "XX"}, "ssnCountry"),
        ({"name": 5}, "name"),
        ({"name": "x" * 2_001}, "name"),
        ({"dueDays": "10"}, "dueDays"),
        ({"dueDays": True}, "dueDays"),
        ({"dueDays": Decimal("1.5")}, "dueDays"),
        ({"vatLiable": 1}, "vatLiable"),
        ({"limitAmount": Decimal("1.00001")}, "limitAmount"),
        ({"limitAmount": 10**13}, "limitAmount"),
        ({"dateOfBirth": "1999-02-30"}, "dateOfBirth"),
        ({"dateOfBirth": "19990201"}, "dateOfBirth"),
        ({"dateOfBirth": 19990201}, "dateOfBirth"),
        ({"emailAddressDocument": "a@example.no"}, "emailAddressDocument"),
        ({"emailAddressDocument": [1]}, "emailAddressDocument"),
        ({"postalAddress": "Oslo"}, "postalAddress"),
        ({"postalAddress": {"cityName": 1}}, "postalAddress.cityName"),
        ({"distribution": {"einvoiceCode": "90"}}, "distribution.einvoiceCode"),
    ],
)
def test_what_fails_a_customer(item, field):
    """Each of these is an error, and names the field."""
    looked = check_customer({"customerNo": "1", **item})
    assert [it["field"] for it in looked.errors] == [field]


def test_what_is_only_warned_of():
    """An odd organization number is taken with the documented words, and a field nobody knows is passed over."""
    looked = check_customer(
        {"customerNo": "1", "organizationNo": "987654321", "shoeSize": 42, "postalAddress": {"planet": "Mars"}}
    )
    assert looked.errors == []
    assert looked.warnings[-1] == {
        "field": "organizationNo",
        "message": "Business ID/organizationNo 987654321 is not a valid business ID (scheme code: 0192)",
    }
    assert [it["field"] for it in looked.warnings[:2]] == ["shoeSize", "postalAddress.planet"]
    assert looked.fields == {"customerNo": "1", "organizationNo": "987654321", "postalAddress": {}}
    assert check_customer({"organizationNo": "987654321", "organizationNoScheme": "0007"}).warnings == []
    assert check_customer({"organizationNo": "984842252", "postalAddress": {"countryCode": "no"}}) == (
        {"organizationNo": "984842252", "postalAddress": {"countryCode": "no"}},
        [],
        [],
    )


STORED = {
    "customerNo": "1",
    "name": "A",
    "dueDays": 10,
    "postalAddress": {"addressLine1": "Gate 1", "cityName": "Oslo"},
    "distribution": {"type": "H", "einvoiceCode": 90},
}


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({}, {}),
        ({"name": None, "dueDays": None}, {}),
        ({"name": ""}, {"name": ""}),
        ({"dueDays": ""}, {"dueDays": None}),
        ({"dueDays": 0}, {"dueDays": 0}),
        ({"postalAddress": {"addressLine1": "Vei 2"}}, {"postalAddress": {"addressLine1": "Vei 2"}}),
        ({"postalAddress1": "Vei 2"}, {"postalAddress": {"addressLine1": "Vei 2"}}),
        (
            {"postalAddress1": "Vei 2", "postalAddress": {"cityName": "Bø"}},
            {"postalAddress": {"cityName": "Bø", "addressLine1": "Vei 2"}},
        ),
        ({"postalAddress": {"addressLine2": ""}}, {"postalAddress": {"addressLine2": ""}}),
        ({"postalAddress": {"addressLine1": None}}, {}),
        ({"postalAddress": None}, {}),
        ({"distribution": {"type": "M"}}, {"distribution": {"type": "M", "einvoiceCode": 90}}),
        ({"distribution": {"einvoiceCode": ""}}, {"distribution": {"type": "H"}}),
        ({"customerNo": "2", "accountNo": 9, "clientNo": 9}, {}),
    ],
)
def test_updates_of_a_customer(sent, changed):
    """Absent and null leave, empty blanks, the postal address is replaced whole, and nobody gets another name."""
    expected = {name: value for name, value in {**STORED, **changed}.items() if value is not None}
    assert merged(STORED, check_customer(sent).fields) == expected


def test_the_documented_document_is_taken_with_a_warning():
    """The line of the documented example that does not add up is warned of, and kept as it came."""
    line = {"lineNo": 2, "currencyAmounts": {"exclVat": 5000, "vat": 150, "inclVat": 6250}}
    good = {"lineNo": 1, "currencyAmounts": {"exclVat": 200, "vat": 50, "inclVat": 250}}
    amounts = {"exclVat": 5200, "vat": 1300, "inclVat": 6500}
    looked = check_document({"customerNo": "1", "documentNo": "2", "documentLines": [good, line], "currencyAmounts": amounts})
    assert looked.errors == []
    assert [it["message"] for it in looked.warnings] == ["The amounts of line 2 do not add up"]
    assert looked.fields["documentLines"] == [good, line]


@pytest.mark.parametrize(
    ("change", "errors", "warnings"),
    [
        ({}, [], []),
        ({"documentNo": " "}, ["documentNo"], []),
        ({"customerNo": None}, ["customerNo"], []),
        ({"currencyAmounts": None}, ["currencyAmounts"], []),
        ({"currencyAmounts": {"inclVat": "5"}}, ["currencyAmounts.inclVat", "currencyAmounts"], []),
        ({"currencyAmounts": {"inclVat": ""}}, ["currencyAmounts"], []),
        ({"currencyAmounts": {"inclVat": 125}}, [], ["currencyAmounts"]),
        ({"documentLines": "none"}, ["documentLines"], []),
        ({"documentLines": [None]}, ["documentLines"], []),
        ({"documentLines": [{"lineNo": 1.5}]}, ["documentLines.lineNo"], ["currencyAmounts"]),
        ({"documentLines": [{"currencyAmounts": {"vat": 25, "exclVat": ""}}]}, [], ["documentLines", "currencyAmounts"]),
        ({"documentLines": [{"currencyAmounts": {"inclVat": 10**12, "exclVat": 10**12}}] * 2}, [], ["currencyAmounts"]),
        ({"attachmentFiles": [1, {}], "emailAddress": ["a"], "dueDate": ""}, [], []),
        ({"attachmentFiles": {}}, ["attachmentFiles"], []),
    ],
)
def test_what_is_said_about_a_document(change, errors, warnings):
    """Each of these is an error or a warning, and names the field."""
    good = {"customerNo": "1", "documentNo": "2", "currencyAmounts": {"exclVat": 100, "vat": 25, "inclVat": 125}}
    looked = check_document({**good, **change})
    assert ([it["field"] for it in looked.errors], [it["field"] for it in looked.warnings]) == (errors, warnings)


def test_amounts_beyond_exactness_are_refused():
    """Lines that add up to more than sums are exact in fail the document."""
    line = {"currencyAmounts": {"inclVat": 10**12, "exclVat": 10**12}}
    looked = check_document({"customerNo": "1", "documentNo": "2", "documentLines": [line, line]})
    assert [it["field"] for it in looked.errors] == ["currencyAmounts"]
    assert (number_of(Decimal("NaN")), number_of(Decimal("1.5000")), number_of(True)) == (None, Decimal("1.5"), None)
    assert (text_of(" "), text_of(1), text_of("x" * 2_001), text_of("a")) == (None, None, None, "a")


def test_customers_come_and_go(ledger):
    """A create is an upsert, names do not depend on case, and a number that was given up can be taken again."""
    made = create_customer(ledger, {"customerNo": "Ab", "name": "X", "dueDays": ""}, None)
    assert (made["result"], made["accountNo"]) == ("CREATED", 500_002 + ADDED)
    assert create_customer(ledger, {"customerNo": "aB", "name": "Y"}, None)["result"] == "UPDATED"
    assert customer(ledger, ADDED) == {"clientNo": 2218, "accountNo": 500_002 + ADDED, "customerNo": "Ab", "name": "Y"}
    assert update_customer(ledger, {"accountNo": 500_002, "name": "Z"}, None)["customerNo"] == "543210"
    assert customer(ledger, 0)["name"] == "Z"
    with pytest.raises(ItemRefused, match="no such customer"):
        update_customer(ledger, {"customerNo": "nobody"}, None)
    for wrong in ({"clientNo": 1}, {"accountNo": 1}):
        with pytest.raises(ItemRefused, match="of another"):
            update_customer(ledger, {"customerNo": "543210", **wrong}, None)
    with pytest.raises(ItemRefused, match="customerNo must be"):
        create_customer(ledger, {"customerNo": 5}, None)
    ledger.written.deleted.add(2)
    assert 2 not in ledger.customers()
    assert len(ledger.customers()) == CUSTOMERS
    assert create_customer(ledger, {"customerNo": "543212"}, None)["result"] == "CREATED"
    assert ledger.find_customer("543212") == ADDED + 1


def test_documents_are_checked_against_what_there_is(written):
    """A customer nobody has, and a number that is taken, fail a document; it is in its customer's and its bundle's lists."""
    amounts = {"currencyAmounts": {"inclVat": 1}}
    with pytest.raises(ItemRefused, match="There is no such customer"):
        create_document(written, {"customerNo": "?", "documentNo": "new", **amounts}, None)
    for taken in ("d1", "88776655"):
        with pytest.raises(ItemRefused, match="There is a document"):
            create_document(written, {"customerNo": "N-1", "documentNo": taken, **amounts}, None)
    customer_number = written.find_customer("n-1")
    assert customer_number is not None
    assert written.documents_of(customer_number) == [ADDED]
    assert written.documents_of(0) == [0, ADDED + 1]
    assert bundle(written, ADDED)["documentNos"] == ["D1"]
    assert document(written, ADDED)["documentBundleId"] == bundle(written, ADDED)["documentBundleId"]
    assert "documentBundleId" not in document(written, ADDED + 1)


def test_queries_are_kept_for_a_while(monkeypatch):
    """A query is found by its id in its list and client until it expires or room is needed."""
    monkeypatch.setattr(kept_queries, "KEPT", 2)
    queries = Queries(ShortIds(Ids(7)), lifetime=10)
    now = [0.0]
    queries._clock = lambda: now[0]
    blank = Kept("", (1, 2, 3), 3, 10, 2, expand=False, key=())
    first = queries.keep("customers", 0, blank)
    assert first.pages == 2
    assert queries.find("customers", 0, first.id) is first
    for operation, client, text in [("documents", 0, first.id), ("customers", 1, first.id), ("customers", 0, "?")]:
        with pytest.raises(Refused):
            queries.find(operation, client, text)
    now[0] = 10.1
    with pytest.raises(Refused):
        queries.find("customers", 0, first.id)
    now[0] = 0
    second, third = queries.keep("customers", 0, blank), queries.keep("customers", 0, blank)
    assert len({first.id, second.id, third.id}) == 3
    with pytest.raises(Refused):
        queries.find("customers", 0, first.id)
    assert queries.find("customers", 0, second.id) is second


def test_a_query_holds_no_more_than_it_may():
    """Of any numbers the first are held, and either those or all are counted; without need no more are looked at."""
    assert held(range(10), 4, beyond=True) == (range(4), 10)
    assert held(range(10), 4, beyond=False) == (range(4), 4)
    for count, beyond, expected in [(10, True, 10), (10, False, 4), (3, True, 3), (3, False, 3)]:
        source = iter(range(count))
        numbers, total = held(source, 4, beyond=beyond)
        assert (list(numbers), total) == ([0, 1, 2, 3][:count], expected)
        assert len(list(source)) == (6 if count == 10 and not beyond else 0)


def test_joined_numbers_are_looked_up():
    """A joined sequence has the numbers of both, in order."""
    joined = Joined(range(3), range(ADDED, ADDED + 2))
    assert list(joined) == [0, 1, 2, ADDED, ADDED + 1]
    assert [it in joined for it in (2, 3, ADDED + 1, ADDED + 2)] == [True, False, True, False]


def test_the_truth_is_asked_for_rightly():
    """A list that is none, a client nobody has, and a criterion that is unknown are said to be that."""
    sandbox = Sandbox(customers=3, organizations=2)
    assert sandbox.clients == (2218, 2219)
    assert len(list(sandbox.truth("arm.customers.list", 2219))) == 3
    assert [it["customerNo"] for it in sandbox.truth("arm.customers.list", 2218, customerno="543211")] == ["543211"]
    for arguments, text in [
        (("arm.codes.list", 2218), "no list"),
        (("arm.customers.list", 2300), "no such ARM client"),
    ]:
        with pytest.raises(ConfigError, match=text):
            sandbox.truth(*arguments)
    with pytest.raises(ConfigError, match="does not take"):
        list(sandbox.truth("arm.customers.list", 2218, shoesize="42"))
