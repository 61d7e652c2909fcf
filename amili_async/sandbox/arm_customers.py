"""Customers of an ARM client: people and companies that do not exist. A field that may be absent often is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox.arm_ledger import FIRST_ACCOUNT, day_text
from amili_async.sandbox.digits import account_number, national_id, organization_number
from amili_async.sandbox.figures import money
from amili_async.sandbox.ids import mix
from amili_async.sandbox.texts import COMPANIES, FIRST_NAMES, LAST_NAMES, in_address

if TYPE_CHECKING:
    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row

__all__ = ["customer"]

_PLACES = (
    ("0001", "OSLO", "NO", "Norge"),
    ("5003", "BERGEN", "NO", "Norge"),
    ("7011", "TRONDHEIM", "NO", "Norge"),
    ("9008", "TROMSØ", "NO", "Norge"),
    ("3916", "PORSGRUNN", "NO", "Norge"),
    ("9730", "KÁRÁŠJOHKA", "NO", "Norge"),
    ("111 20", "STOCKHOLM", "SE", "Sverige"),
    ("1050", "KØBENHAVN K", "DK", "Danmark"),
)
_STREETS = ("Oppdiktet gate", "Sandkasseveien", "Åsen terrasse", "Påfunnstien", "Gate nr. ½ –", "Øvre Fantasi allé")  # noqa: RUF001  # people write dashes
_MESSAGES = ("Hold motet oppe! 🎉", 'Ring "før" du kommer', "Linje én\nLinje to", "Betaler alltid i tide")
_CURRENCIES = ("EUR", "SEK", "DKK", *("NOK",) * 29)
_ADDRESSES = tuple(in_address(name) for name in FIRST_NAMES), tuple(in_address(name) for name in LAST_NAMES)
_STOP = 20_454
"""2026-01-01, in days since 1970: stops end in the year from there on."""


def customer(ledger: Ledger, number: int) -> Row:
    """Return a customer as it is now."""
    written = ledger.written.customers.get(number)
    return _computed(ledger, number) if written is None else written


def _computed(ledger: Ledger, number: int) -> Row:
    """Return a customer as it was at the start."""
    draw = mix(ledger.plan.key ^ number << 3)
    row: Row = {
        "clientNo": ledger.number,
        "accountNo": FIRST_ACCOUNT + number,
        "customerNo": ledger.customer_name(number),
    }
    if draw & 31 == 0:
        return row  # as bare as the second customer of the documented example
    more = mix(draw)
    company = draw >> 5 & 3 == 0
    row.update(_company(draw, number) if company else _person(draw))
    if draw >> 12 & 7:
        row["phoneNo"] = f"00{more % 1_000_000:06d}"  # no number in Norway begins with 0
    if draw >> 15 & 15 == 0:
        row["secondaryPhoneNo"] = f"00{draw % 1_000_000:06d}"
    row["customerGroupCode"] = ("VIP", "ORD", "ORD", "ORD")[draw >> 19 & 3]
    row["priceNetOrGross"] = "N" if company else "B"
    row["language"] = ("no", "no", "nn", "en")[draw >> 21 & 3]
    row["currency"] = _CURRENCIES[draw >> 23 & 31]
    if draw >> 28 & 3 == 0:
        row["sellerReference"] = f"S{more & 0xFFF:04d}"
        row["buyerReference"] = f"K-{more >> 12 & 0xFFF}"
    if draw >> 30 & 1:
        row["bankAccountNo"] = account_number(more)
    row["dueDays"] = (10, 14, 14, 30)[draw >> 40 & 3]
    row["vatLiable"] = company
    row["discountRate"] = money((more >> 16 & 63) * 25)
    row["limitAmount"] = money((more >> 24 & 0xFFF) * 10_000)
    row.update(_remarks(draw, more))
    row["postalAddressChanged"] = day_text(17_000 + (more >> 36 & 0x7FF))
    row["postalAddress"] = _address(more)
    name = "kunde" if company else f"{_ADDRESSES[0][draw >> 6 & 63]}.{_ADDRESSES[1][more & 63]}"
    mail = f"{name}{number}@example.no"
    if draw >> 57 & 7:
        row["emailAddressDocument"] = [mail]
    if draw >> 57 & 7 == 1:
        row["secondaryEmailAddress"] = [f"post{number}@example.no", mail]
    row["distribution"] = {"type": "H", "einvoiceCode": 90} if draw >> 60 & 1 else {"type": "M", "einvoiceCode": 0}
    if draw >> 61 == 0:
        row["efakturaBlockIds"] = [f"{more >> 8 & 0xFFFFFF:08d}", f"{more >> 32 & 0xFFFFFF:08d}"]
        row["peppolBlockIds"] = [organization_number(more >> 16)]
        row["digipostBlockIds"] = [f"sandbox.{number}#0AA"]
    return row


def _remarks(draw: int, more: int) -> Row:
    """Return what there is to say about some customers only."""
    row: Row = {}
    if draw >> 31 & 15 == 0:
        row["stopReminderUntil"] = day_text(_STOP + (more & 0xFF))
    if draw >> 35 & 31 == 0:
        row["stopDebtCollectionUntil"] = row["stopInterestCalcUntil"] = day_text(_STOP + (more >> 8 & 0xFF))
    if draw >> 42 & 7 == 0:
        row["activeStatusWeb"] = "Passive"
    if draw >> 45 & 15 == 0:
        row["customerMessage"] = _MESSAGES[more >> 22 & 3]
    if draw >> 49 & 15 == 0:
        row["registrationStatusCode"] = "FICTITIOUS"
        row["registrationStatusDate"] = day_text(19_000 + (more >> 36 & 0x3FF))
    if draw >> 53 & 15 == 0:
        row["postalReturnStatus"] = 100
        row["postalReturnDate"] = day_text(19_500 + (more >> 36 & 0x1FF))
    return row


def _person(draw: int) -> Row:
    first, last = FIRST_NAMES[draw >> 6 & 63], LAST_NAMES[mix(draw) & 63]
    ssn = national_id(draw >> 8 & 0xFFFF_FFFF)
    born = f"19{ssn[4:6]}-{int(ssn[2:4]) - 80:02d}-{ssn[:2]}"
    row: Row = {"name": f"{first} {last}", "customerCategory": "CONS"}
    if draw >> 40 & 7:
        row["dateOfBirth"] = born
        row["yearOfBirth"] = int(born[:4])
        # A month above 80 and a wrong check digit: nobody's number, and not a valid one either.
        row["ssn"] = f"{ssn[:10]}{(int(ssn[10]) + 1) % 10}"
        row["ssnCountry"] = "NO"
    if draw >> 43 & 7 == 0:
        row["informalName"] = first[0] + last[0]
    return row


def _company(draw: int, number: int) -> Row:
    return {
        "name": f"{COMPANIES[draw >> 7 & 7]} {number}",
        "customerCategory": "CORP",
        "organizationNo": organization_number(draw >> 10),
        "organizationNoScheme": "0192",
    }


def _address(draw: int) -> Row:
    code, city, country, text = _PLACES[draw >> 50 & 7]
    row: Row = {"addressLine1": f"{_STREETS[draw >> 47 & 7 if draw >> 47 & 7 < 6 else 0]} {1 + (draw >> 40 & 127)}"}
    if draw >> 53 & 7 == 0:
        row = {"addressLine1": "C/O Oppdiktet Eiendom AS", "addressLine2": row["addressLine1"]}
    return {**row, "postalCode": code, "cityName": city, "countryText": text, "countryCode": country}
