"""The sandbox's data: every row is computed from the seed and its number when it is asked for, and none is kept.

What holds (amounts are exact; `tests/unit/test_sandbox_dataset.py` checks it):

- claim: original = credited + current, current = paid + remaining;
- invoice of a case: each amount is the sum over its claims, and original = paid + credited + remaining. All claims are of the
  one documented type, principal, so remainingPrincipal = remainingAmount;
- case: remainingAmount and remainingPrincipal are the sums over its invoices; it has closedAt exactly if nothing remains;
- settlement: paymentAmount is the sum of its six shares, vat a quarter of the collector's share of the principal; an invoice's
  paidAmount is the sum of the paymentAmounts of its settlements;
- batch: the invoices that name it are those that its `succeeded` names, in order;
- invoice lists: id, number, case number and time of creation are those of the invoice in its case.

Values are the documented ones; a field that may be absent is absent, and null only where the contract allows null.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.errors import ConfigError
from amili_async.sandbox import batches
from amili_async.sandbox.digits import account_number, kid, national_id, organization_number
from amili_async.sandbox.figures import (
    RATES,
    amounts,
    case_number,
    customer_number,
    customer_of,
    invoice_number,
    midnight,
    money,
    source_id,
    stamp,
)
from amili_async.sandbox.ids import Ids, Kind, mix
from amili_async.sandbox.layout import (
    DAY,
    PAID_AFTER,
    Portfolio,
    case_of,
    first_invoice,
    payment_of,
)
from amili_async.sandbox.texts import COMPANIES, DESCRIPTIONS, FIRST_NAMES, LAST_NAMES, in_address

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Dataset", "Row"]

Row = dict[str, Any]
"""A JSON object as it is sent; amounts are int or Decimal."""

_ADDRESSES = tuple(in_address(name) for name in FIRST_NAMES), tuple(in_address(name) for name in LAST_NAMES)
_CURRENCIES = ("SEK", "EUR", "DKK", *("NOK",) * 61)
_CASE_TYPES = ("PAYMENT_REMINDER", "PAYMENT_REMINDER", "COLLECTION_NOTICE", "COLLECTION_NOTICE")
_INVOICE_TYPES = {"PAYMENT_REMINDER": "PAYMENT_REMINDER", "COLLECTION_NOTICE": "NOTICE"}


class Traits(NamedTuple):
    """What a case can be filtered by, without the rest of it."""

    status: str
    sub_status: str | None
    type: str
    currency: str
    description: str | None


def _claim(invoice_id: str, currency: str, original: int, credited: int, paid: int) -> Row:
    amount = money(original)
    if not credited and not paid:
        current = remaining = amount
    else:
        current, remaining = money(original - credited), money(original - credited - paid)
    return {
        "type": "PRINCIPAL",
        "originalAmount": amount,
        "currentAmount": current,
        "remainingAmount": remaining,
        "paidAmount": money(paid) if paid else 0,
        "creditedAmount": money(credited) if credited else 0,
        "currency": currency,
        "invoiceId": invoice_id,
    }


class Dataset:
    """All rows of all organizations.

    Args:
        seed: any number; the same seed gives the same rows.
        organizations: how many organizations there are.
        cases: how many cases each has at the start.
    """

    def __init__(self, *, seed: int, organizations: int, cases: int) -> None:
        self.ids = Ids(seed)
        key = mix(mix(seed & (1 << 64) - 1) ^ 0x5EED)
        self.portfolios = tuple(Portfolio(index, mix(key ^ index << 8), cases) for index in range(organizations))
        self.organizations = tuple(self.ids.make(Kind.ORGANIZATION, index, 0) for index in range(organizations))
        self._by_id = dict(zip(self.organizations, self.portfolios, strict=True))
        self._references = tuple(self._reference(portfolio) for portfolio in self.portfolios)
        self._batch_id = lru_cache(maxsize=1024)(partial(self.ids.make, Kind.BATCH))
        self._accounts = tuple(account_number(mix(key + index)) for index in range(16))

    def portfolio(self, organization: str) -> Portfolio:
        """Return what an organization has, by numbers.

        Raises:
            ConfigError: there is no such organization.
        """
        found = self._by_id.get(organization.lower())
        if found is None:
            raise ConfigError("the sandbox has no such organization")
        return found

    def insert(self, organization: str, cases: int) -> None:
        """Add cases, with their invoices, payments and batches, behind those that are there."""
        self.portfolio(organization).cases += cases

    def counts(self, organization: str) -> dict[str, int]:
        """Return how many cases, invoices, settlements and batches an organization has, with those that were written."""
        portfolio = self.portfolio(organization)
        written = portfolio.written
        return {
            "cases": portfolio.cases + len(written.invoices),  # each opens one
            "invoices": portfolio.invoices + len(written.invoices),
            "settlements": portfolio.settlements + len(written.settlements),
            "batches": portfolio.batches + len(written.batches),
        }

    def organization(self, portfolio: Portfolio) -> Row:
        """Return how invoices and settlements name their organization."""
        return self._references[portfolio.index]["organization"]  # type: ignore[no-any-return]

    def creditor(self, portfolio: Portfolio) -> str:
        """Return the id of the creditor that an organization is."""
        return self._references[portfolio.index]["creditor"]  # type: ignore[no-any-return]

    def account(self, case: int) -> str:
        """Return the account that the debtor of a case shall pay to."""
        return self._accounts[case & 15]

    def cases(self, organization: str) -> Iterator[Row]:
        """Yield all cases in the order of their registration."""
        portfolio = self.portfolio(organization)
        return (self.case(portfolio, number) for number in range(portfolio.cases))

    def invoices(self, organization: str) -> Iterator[Row]:
        """Yield all invoices in the order of their creation."""
        portfolio = self.portfolio(organization)
        return (self.invoice(portfolio, number) for number in range(portfolio.invoices))

    def settlements(self, organization: str) -> Iterator[Row]:
        """Yield all settlements in the order of their dates."""
        portfolio = self.portfolio(organization)
        return (self.settlement(portfolio, number) for number in range(portfolio.settlements))

    def batches(self, organization: str) -> Iterator[Row]:
        """Yield all batches in the order of their creation, in the newer shape."""
        portfolio = self.portfolio(organization)
        return (batches.batch(self, portfolio, number) for number in range(portfolio.batches))

    def legacy_batches(self, organization: str) -> Iterator[Row]:
        """Yield all batches in the order of their creation, in the older shape."""
        portfolio = self.portfolio(organization)
        return (batches.legacy_batch(self, portfolio, number) for number in range(portfolio.batches))

    def idempotency_key(self, organization: str, batch: int) -> str:
        """Return the idempotency key that a batch was created with."""
        return self.ids.make(Kind.IDEMPOTENCY_KEY, self.portfolio(organization).index, batch)

    # Parts that filters look at.

    def traits(self, portfolio: Portfolio, case: int) -> Traits:
        """Return what a case can be filtered by."""
        draw = mix(portfolio.key ^ case << 3)
        return Traits(
            "OPEN" if draw & 7 else "PAUSED",
            "DEBT_COLLECTION_LIST_MANUAL" if draw >> 3 & 7 < 3 else None,
            _CASE_TYPES[draw >> 6 & 3],
            _CURRENCIES[draw >> 8 & 63],
            DESCRIPTIONS[draw >> 14 & 7] if draw >> 17 & 3 else None,
        )

    def invoice_type(self, portfolio: Portfolio, invoice: int) -> str:
        """Return the type of an invoice."""
        if invoice % 16 == 11:
            return "REMINDER"
        return _INVOICE_TYPES[self.traits(portfolio, case_of(invoice)).type]

    # Rows.

    def case(self, portfolio: Portfolio, number: int) -> Row:
        """Return a case as the case list shows it."""
        organization = portfolio.index
        status, sub_status, type_, currency, description = self.traits(portfolio, number)
        case_id = self.ids.make(Kind.CASE, organization, number)
        registered = portfolio.registered(number)
        registered_at = stamp(registered)
        batch_id = self._batch_id(organization, portfolio.batch_of(number))
        invoices: list[Row] = []
        claims: list[Row] = []
        left = 0
        first = first_invoice(number)
        for place, invoice in enumerate(range(first, first_invoice(number + 1))):
            invoice_id = self.ids.make(Kind.INVOICE, organization, invoice)
            draw = self._draw(portfolio, invoice)
            original, credited, first_paid, second_paid = amounts(invoice, draw)
            paid = first_paid + second_paid
            remaining = original - credited - paid
            left += remaining
            rest = money(remaining)
            due = registered // DAY - 14 - (draw >> 40 & 31) - 30 * place
            row: Row = {
                "invoiceId": invoice_id,
                "invoiceNumber": invoice_number(invoice),
                "caseId": case_id,
                "invoiceDate": midnight(due - 14 - (draw >> 45 & 15)),
                "dueDate": midnight(due),
                "batchId": batch_id,
                "registeredAt": registered_at,
                "originalAmount": money(original),
                "remainingAmount": rest,
                "remainingPrincipal": rest,
                "paidAmount": money(paid),
                "creditedAmount": money(credited),
                "currency": {} if invoice % 8 == 5 else currency,
            }
            if (source := source_id(invoice)) is not None:
                row["uniqueSourceInvoiceId"] = source
            invoices.append(row)
            # A claim each for the older and the newer part; credits and payments go to the older one first.
            older = original * (1 + (draw >> 49 & 7)) // 10
            credit = min(credited, older)
            payment = min(paid, older - credit)
            claims.append(_claim(invoice_id, currency, older, credit, payment))
            claims.append(_claim(invoice_id, currency, original - older, credited - credit, paid - payment))
        human_number = case_number(organization, number)
        rest = money(left)
        case: Row = {
            "caseId": case_id,
            "caseNumber": human_number,
            "organizationId": self.organizations[organization],
            "creditorId": self._references[organization]["creditor"],
            "creditorNumber": f"4{organization:04d}",
            "status": status,
        }
        if sub_status is not None:
            case["subStatus"] = sub_status
        case["type"] = type_
        if description is not None:
            case["description"] = description
        case["registeredAt"] = registered_at
        case["closedAt"] = None if left else stamp(registered + PAID_AFTER)
        case["invoices"] = invoices
        case["debtors"] = self.debtors(portfolio, number)
        case["remainingAmount"] = case["remainingPrincipal"] = rest
        case["claims"] = claims
        case["caseAccountDetails"] = {
            "bankAccountDetails": {"accountType": "UNKNOWN", "accountNumber": self.account(number)},
            "paymentReference": kid(human_number),
        }
        return case

    def invoice(self, portfolio: Portfolio, number: int) -> Row:
        """Return an invoice as the invoice list shows it."""
        case = case_of(number)
        row = self._invoice_reference(portfolio, number)
        row["organization"] = self._references[portfolio.index]["organization"]
        row["createdAt"] = stamp(portfolio.registered(case))
        return row

    def settlement(self, portfolio: Portfolio, number: int) -> Row:
        """Return a settlement."""
        invoice, which = payment_of(number)
        case = case_of(invoice)
        amount = amounts(invoice, self._draw(portfolio, invoice))[2 + which]
        commission = amount // 50 & ~3
        currency = self.traits(portfolio, case).currency
        day = portfolio.settled(number) // DAY
        return {
            "caseNumber": str(case_number(portfolio.index, case)),
            "collectionType": "REMINDER",
            "currency": currency,
            "customerReference": customer_number(customer_of(case)),
            "exchangeRate": RATES[currency],
            "feeDistribution": {"collector": 0, "creditor": 0},
            "id": self.ids.make(Kind.SETTLEMENT, portfolio.index, number),
            "interestDistribution": {"collector": 0, "creditor": 0},
            "invoice": self._invoice_reference(portfolio, invoice),
            "ledgerRef": f"L{number:08d}",
            "organization": self._references[portfolio.index]["organization"],
            "paymentAmount": money(amount),
            "principalDistribution": {"collector": money(commission), "creditor": money(amount - commission)},
            "remittanceDate": None if number % 8 == 7 else midnight(day + 3),
            "settlementDate": midnight(day),
            "settlementNumber": 70_001 + number,
            "settlementType": "COLLECTOR_PAYMENT",
            "vat": money(commission // 4),
        }

    def _reference(self, portfolio: Portfolio) -> Row:
        index = portfolio.index
        name = COMPANIES[index % len(COMPANIES)]
        return {
            "creditor": self.ids.make(Kind.CREDITOR, index, 0),
            "organization": {
                "id": self.organizations[index],
                "organizationNumber": organization_number(portfolio.key),
                "name": name if index < len(COMPANIES) else f"{name} {index}",
            },
        }

    def _draw(self, portfolio: Portfolio, invoice: int) -> int:
        return mix(portfolio.key ^ invoice << 3 ^ 3)

    def _invoice_reference(self, portfolio: Portfolio, invoice: int) -> Row:
        case = case_of(invoice)
        original, *lessened = amounts(invoice, self._draw(portfolio, invoice))
        row: Row = {
            "id": self.ids.make(Kind.INVOICE, portfolio.index, invoice),
            "invoiceNumber": invoice_number(invoice),
            "collectionCaseNumber": str(case_number(portfolio.index, case)),
            "type": self.invoice_type(portfolio, invoice),
            "status": "OPEN",
        }
        if (source := source_id(invoice)) is not None:
            row["uniqueSourceInvoiceId"] = source
        row["closureDate"] = None if original > sum(lessened) else stamp(portfolio.registered(case) + PAID_AFTER)
        return row

    def debtors(self, portfolio: Portfolio, case: int) -> list[Row]:
        """Return who owes in a case."""
        debtors = [self._debtor(portfolio, customer_of(case), 0)]
        if case % 16 == 9:  # somebody who owes with the customer
            debtors.append(self._debtor(portfolio, case, 1))
        return debtors

    def _debtor(self, portfolio: Portfolio, customer: int, with_: int) -> Row:
        draw = mix(portfolio.key ^ customer << 3 ^ (5 if with_ else 1))
        first, last = draw & 63, draw >> 6 & 63
        row: Row = {
            "debtorId": self.ids.make(Kind.DEBTOR, portfolio.index, customer * 2 + with_),
            "type": "PRIVATE",
            "debtorNumber": f"D{customer * 2 + with_:08d}",
            "customerNumber": f"{200_000 + customer}-2" if with_ else customer_number(customer),
            "firstName": FIRST_NAMES[first],
            "lastName": LAST_NAMES[last],
            "fullName": f"{FIRST_NAMES[first]} {LAST_NAMES[last]}",
            "identificationNumber": national_id(draw >> 12 & 0xFFFF_FFFF),
        }
        if draw >> 44 & 7:
            row["email"] = f"{_ADDRESSES[0][first]}.{_ADDRESSES[1][last]}{customer}@example.no"
        if draw >> 47 & 15:
            row["phone"] = f"+4700{draw % 1_000_000:06d}"  # no number in Norway begins with 0
        return row
