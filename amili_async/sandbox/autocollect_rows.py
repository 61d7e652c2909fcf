"""Rows of the AutoCollect batch document, made of those of the Collection API.

The older shapes say the same as the newer ones, as far as they have members for it: what was credited is not part of the sum any
more, everything is principal, and times have no fractions of a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox.digits import account_number, kid
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.texts import FIRST_NAMES, LAST_NAMES

if TYPE_CHECKING:
    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.layout import Portfolio

__all__ = ["creditor", "creditor_names", "legacy_case", "legacy_settlement", "newer_case"]

_STEPS = {
    "PAYMENT_REMINDER": ("Purring", "Reminder"),
    "COLLECTION_NOTICE": ("Inkassovarsel", "Collection notice"),
}
_STATUSES = {"OPEN": "1", "PAUSED": "2"}


def creditor_names(dataset: Dataset, portfolio: Portfolio) -> tuple[str, str]:
    """Return what a creditor can be asked for by: its organization number, and its id."""
    return dataset.organization(portfolio)["organizationNumber"], dataset.creditor(portfolio)


def creditor(dataset: Dataset, portfolio: Portfolio, last_settlement: int | None) -> Row:
    """Return a creditor; the number of its last settlement is None if it has none."""
    organization = dataset.organization(portfolio)
    row: Row = {
        "idnumber": organization["organizationNumber"],
        "parentidnumber": organization["organizationNumber"],
        "onlydebtcollection": portfolio.index % 2 == 1,
        "vattype": 1,
        "fullname": organization["name"],
        "street": f"Sandkassegata {1 + portfolio.index}",
        "city": "Testby",
        "zipcode": "0000",
        "countrycode": "NO",
        "bankaccountno": account_number(portfolio.key),
        "contact": _person(portfolio.index, isinvoicequery=True),
        "casehandler": _person(portfolio.index + 1, isinvoicequery=False),
        "sourceid": 1,
        "reminderflow": 1,
        "debtcollectiontransfer": 0,
        "invoicearchive": 0,
        "hasforeigndebtors": False,
        "hasforeigncurrency": True,
        "disabled": False,
    }
    if last_settlement is not None:
        row["lastsettlementid"] = dataset.ids.make(Kind.SETTLEMENT, portfolio.index, last_settlement)
    return row


def _person(index: int, *, isinvoicequery: bool) -> Row:
    return {
        "fullname": f"{FIRST_NAMES[index % 64]} {LAST_NAMES[index % 64]}",
        "workphone": "+4700000000",  # no number in Norway begins with 0
        "email": f"person{index}@example.no",
        "isinvoicequery": isinvoicequery,
        "isremittancereport": True,
        "isorderconfirmation": False,
        "iscollectionlist": False,
        "isweb": True,
    }


def newer_case(dataset: Dataset, portfolio: Portfolio, number: int, case: Row) -> Row:
    """Return a case as the newest page shows it: that of the Collection API with a token."""
    return {**case, "caseToken": dataset.ids.make(Kind.RESOURCE, portfolio.index, number)}


def legacy_case(dataset: Dataset, portfolio: Portfolio, number: int, case: Row, *, english: bool) -> Row:
    """Return a case in the older shape."""
    first, debtor, currency = case["invoices"][0], case["debtors"][0], case["claims"][0]["currency"]
    remaining = sum(part["remainingAmount"] for part in case["invoices"])
    paid = sum(part["paidAmount"] for part in case["invoices"])
    reference = case["caseAccountDetails"]["paymentReference"]
    registered = _second(case["registeredAt"])
    return {
        "customerref": debtor["customerNumber"],
        "customername": debtor.get("fullName", ""),
        "ledgerref": first["invoiceNumber"],
        "referencenumber": reference,
        "casenumber": str(case["caseNumber"]),
        "currencycode": currency,
        "regdate": registered,
        "closuredate": case["closedAt"] and _second(case["closedAt"]),
        "isdebtcollection": case["type"] == "COLLECTION_NOTICE",
        "billdate": _second(first["invoiceDate"]),
        "duedate": _second(first["dueDate"]),
        **{f"{what}{of}": amount for of in ("sum", "principal") for what, amount in _amounts(remaining + paid, paid, remaining)},
        **{f"{what}{of}": 0 for of in ("fee", "interest") for what, _ in _amounts(0, 0, 0)},
        "service_description": _STEPS[case["type"]][english],
        "status_statuscode": _STATUSES[case["status"]],
        "reminders": 1 if case["type"] == "PAYMENT_REMINDER" else 2,
        "debtcollectionlist": 1 if "subStatus" in case else 0,
        "history": [
            {
                "type": 1,
                "loggedat": registered,
                "message": "The case was registered." if english else "Saken ble registrert.",
                "subject": _STEPS[case["type"]][english],
                "conversationid": dataset.ids.make(Kind.EVENT, portfolio.index, number),
                "attachmentid": dataset.ids.make(Kind.DOCUMENT, portfolio.index, number),
            }
        ],
        "paymentDetails": {
            "paymentValue": remaining,
            "currency": currency,
            "kid": reference,
            "bankAccount": case["caseAccountDetails"]["bankAccountDetails"]["accountNumber"],
            "dueDate": _second(first["dueDate"]),
        },
    }


def legacy_settlement(dataset: Dataset, portfolio: Portfolio, settlement: Row) -> Row:
    """Return a settlement in the older shape: the members of it that are known."""
    return {
        "creditorid": creditor_names(dataset, portfolio)[0],
        "customerref": settlement["customerReference"],
        "ledgerref": settlement["ledgerRef"],
        "referencenumber": kid(int(settlement["caseNumber"])),
        "casenumber": settlement["caseNumber"],
    }


def _amounts(original: object, paid: object, remaining: object) -> tuple[tuple[str, object], ...]:
    return ("original", original), ("paid", paid), ("remaining", remaining)


def _second(moment: str) -> str:
    """Write a time without its fractions of a second."""
    return f"{moment[:19]}Z"
