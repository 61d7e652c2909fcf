"""What ARM takes of customers and documents that are handed in: pure decisions on single items.

Documented are that an unknown country code fails an item, that an odd organization number is only warned of, and how an update
treats absent, null and empty values. Which fields are required is documented nowhere: asked for is what an item is known by.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from amili_async.sandbox.digits import ORGANIZATION_WEIGHTS, mod11

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.sandbox.dataset import Row

__all__ = ["Checked", "check_customer", "check_document", "merged", "number_of", "text_of"]

_COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG
CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL
GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA
LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP
NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRIES.split())
_LONGEST = 2_000
_LARGEST = 10**12
_DECIMALS = 4

_ADDRESS = dict.fromkeys(
    ("addressLine1", "addressLine2", "addressLine3", "postalCode", "cityName", "countryText", "countryCode"), "text"
)
_DISTRIBUTION = {"type": "text", "einvoiceCode": "whole"}
_CUSTOMER = {
    **dict.fromkeys(
        ("customerNo", "name", "customerCategory", "phoneNo", "secondaryPhoneNo", "organizationNo", "organizationNoScheme"),
        "text",
    ),
    **dict.fromkeys(("ssn", "ssnCountry", "informalName", "customerGroupCode", "priceNetOrGross", "language"), "text"),
    **dict.fromkeys(("currency", "sellerReference", "buyerReference", "bankAccountNo", "activeStatusWeb"), "text"),
    **dict.fromkeys(("customerMessage", "registrationStatusCode"), "text"),
    **dict.fromkeys(("postalReturnDate", "dateOfBirth", "registrationStatusDate", "postalAddressChanged"), "date"),
    **dict.fromkeys(("stopReminderUntil", "stopDebtCollectionUntil", "stopInterestCalcUntil"), "date"),
    **dict.fromkeys(("clientNo", "accountNo", "postalReturnStatus", "yearOfBirth", "dueDays"), "whole"),
    **dict.fromkeys(("discountRate", "limitAmount"), "number"),
    **dict.fromkeys(
        ("emailAddressDocument", "secondaryEmailAddress", "efakturaBlockIds", "peppolBlockIds", "digipostBlockIds"), "texts"
    ),
    "vatLiable": "switch",
    "postalAddress": _ADDRESS,
    "distribution": _DISTRIBUTION,
}
_FLAT = {"postalAddress1": "addressLine1", "postalAddress2": "addressLine2", "postalAddress3": "addressLine3"}
"""The flat names of the text about updates beside those of the example: both are taken."""
_AMOUNTS = dict.fromkeys(("exclVat", "vat", "inclVat"), "number")
_LINE = {
    **dict.fromkeys(("lineType", "articleNo", "articleName", "lineText", "quantityUnit", "volumeUnit"), "text"),
    **dict.fromkeys(("itemGroup1", "itemGroup2", "itemGroup3"), "text"),
    **dict.fromkeys(("quantity", "volume", "price"), "number"),
    "lineNo": "whole",
    "currencyAmounts": _AMOUNTS,
}
_DOCUMENT = {
    **dict.fromkeys(("documentType", "customerNo", "documentNo", "currency", "language", "kid", "marketingMessageCode"), "text"),
    **dict.fromkeys(("customerMessage", "salesOrderId", "purchaseOrderId", "sellerReference", "buyerReference"), "text"),
    **dict.fromkeys(("additionalReference", "subCustomerNo", "ledgerNote"), "text"),
    **dict.fromkeys(("documentDate", "dueDate"), "date"),
    **dict.fromkeys(("attachmentFiles", "attachmentCodes", "customCodes"), "list"),
    "emailAddress": "texts",
    "currencyAmounts": _AMOUNTS,
    "distribution": _DISTRIBUTION,
    "einvoiceAddress": dict.fromkeys(("address", "addressScheme", "operator"), "text"),
    "documentLines": [_LINE],
}

_WORDS = {
    "text": f"a text of at most {_LONGEST} characters",
    "date": "a date, 2026-01-31",
    "whole": "a whole number",
    "number": f"a number of at most {_LARGEST} with at most {_DECIMALS} decimals",
    "switch": "true or false",
    "texts": "a list of texts",
    "list": "a list",
}


class Checked(NamedTuple):
    """An item and what there is to say about it. One with errors is refused."""

    fields: Row
    warnings: list[Row]
    errors: list[Row]


def number_of(value: object) -> int | Decimal | None:
    """Return an amount with the digits that it was written with; None if it is none, or beyond what sums are exact in."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) > _LARGEST or amount != round(amount, _DECIMALS):
        return None
    return value


def text_of(value: object) -> str | None:
    """Return a text that a thing can be known by; None if it is none."""
    return value if isinstance(value, str) and value.strip() and len(value) <= _LONGEST else None


def _fits(value: object, kind: object) -> bool:
    if kind == "date":
        try:
            return isinstance(value, str) and (value == "" or date.fromisoformat(value).isoformat() == value)
        except ValueError:
            return False
    if kind == "text":
        return isinstance(value, str) and len(value) <= _LONGEST
    if kind == "number":
        return number_of(value) is not None
    if kind == "switch":
        return isinstance(value, bool)
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, list) and (kind == "list" or all(isinstance(it, str) for it in value))


def _taken(item: Mapping[str, Any], kinds: Mapping[str, Any], warnings: list[Row], errors: list[Row], where: str = "") -> Row:
    """Return the fields of an item that are known and good, or empty texts; null is as if it were absent."""
    taken: Row = {}
    for name, value in item.items():
        kind, place = kinds.get(name), where + name
        if value is None:
            continue
        if kind is None:
            warnings.append({"field": place[:200], "message": "Unknown field, passed over"})
        elif isinstance(kind, dict):
            if isinstance(value, dict):
                taken[name] = _taken(cast("Row", value), cast("Row", kind), warnings, errors, f"{place}.")
            else:
                errors.append({"field": place, "message": f"{place} must be an object"})
        elif isinstance(kind, list):
            lines: list[Any] = value if isinstance(value, list) else [None]
            if all(isinstance(it, dict) for it in lines):
                taken[name] = [_taken(it, cast("list[Row]", kind)[0], warnings, errors, f"{place}.") for it in lines]
            else:
                errors.append({"field": place, "message": f"{place} must be a list of objects"})
        elif value == "" or _fits(value, kind):
            taken[name] = value
        else:
            errors.append({"field": place, "message": f"{place} must be {_WORDS[str(kind)]}"})
    return taken


def check_customer(item: Mapping[str, Any]) -> Checked:
    """Look at a customer by itself."""
    warnings: list[Row] = []
    errors: list[Row] = []
    flat = {inner: item[name] for name, inner in _FLAT.items() if item.get(name) is not None}
    rest: Row = {name: value for name, value in item.items() if name not in _FLAT}
    if flat and isinstance(address := rest.get("postalAddress") or {}, dict):
        rest["postalAddress"] = {**cast("Row", address), **flat}
    fields = _taken(rest, _CUSTOMER, warnings, errors)
    address = fields.get("postalAddress", {})
    for name, country in (("countryCode", address.get("countryCode")), ("ssnCountry", fields.get("ssnCountry"))):
        if country and country.upper() not in COUNTRIES:
            shown = country if len(country) == 2 else f"The {name}"
            errors.append({"field": name, "message": f"{shown} is not a valid ISO 3166-1 alpha-2 country code"})
    number, scheme = fields.get("organizationNo"), fields.get("organizationNoScheme") or "0192"
    if number and scheme == "0192" and not _is_organization(number):
        message = f"Business ID/organizationNo {number[:20]} is not a valid business ID (scheme code: 0192)"
        warnings.append({"field": "organizationNo", "message": message})
    return Checked(fields, warnings, errors)


def _is_organization(text: str) -> bool:
    return len(text) == 9 and text.isascii() and text.isdecimal() and str(mod11(text[:8], ORGANIZATION_WEIGHTS)) == text[8]


def merged(stored: Row, fields: Row) -> Row:
    """Return a customer after an update: empty is blank, and the postal address is replaced as a whole if any of it is sent."""
    row = dict(stored)
    for name, value in fields.items():
        if name in {"clientNo", "accountNo", "customerNo"}:
            continue
        if name == "postalAddress":
            if value:
                row[name] = value
        elif isinstance(value, dict):
            row[name] = _blanked({**row.get(name, {}), **cast("Row", value)}, _DISTRIBUTION)
        elif value == "" and _CUSTOMER[name] != "text":
            row.pop(name, None)
        else:
            row[name] = value
    return row


def _blanked(fields: Row, kinds: Mapping[str, Any]) -> Row:
    """Take away what is empty and can be no empty text, on every level."""
    kept: Row = {}
    for name, value in fields.items():
        kind = kinds[name]
        if isinstance(kind, dict):
            kept[name] = _blanked(value, cast("Row", kind))
        elif isinstance(kind, list):
            kept[name] = [_blanked(it, cast("list[Row]", kind)[0]) for it in value]
        elif value != "" or kind == "text":
            kept[name] = value
    return kept


def check_document(item: Mapping[str, Any]) -> Checked:
    """Look at a document by itself. Sums that do not fit are warned of: in the documented example one does not."""
    warnings: list[Row] = []
    errors: list[Row] = []
    fields = _blanked(_taken(item, _DOCUMENT, warnings, errors), _DOCUMENT)
    missing = [name for name in ("customerNo", "documentNo") if text_of(fields.get(name)) is None]
    errors += [{"field": name, "message": f"{name} is missing"} for name in missing]
    lines: list[Row] = [line.get("currencyAmounts", {}) for line in fields.get("documentLines", [])]
    sums = {name: sum(line.get(name, 0) for line in lines) for name in _AMOUNTS}
    totals: Row = {**sums, **fields.get("currencyAmounts", {})}
    if not lines and "inclVat" not in fields.get("currencyAmounts", {}):
        errors.append({"field": "currencyAmounts", "message": "The document has neither amounts nor lines"})
    for place, line in enumerate(lines, 1):
        if not _adds_up({**dict.fromkeys(_AMOUNTS, 0), **line}):
            warnings.append({"field": "documentLines", "message": f"The amounts of line {place} do not add up"})
    if lines and sums["inclVat"] != totals["inclVat"]:
        warnings.append({"field": "currencyAmounts", "message": "The amounts of the lines do not add up to that of the document"})
    if not _adds_up(totals):
        warnings.append({"field": "currencyAmounts", "message": "The amounts do not add up"})
    if number_of(totals["inclVat"]) is None:
        errors.append({"field": "currencyAmounts", "message": "The amount is too large"})
    return Checked({**fields, "currencyAmounts": totals}, warnings, errors)


def _adds_up(amounts: Row) -> bool:
    return bool(amounts["exclVat"] + amounts["vat"] == amounts["inclVat"])
