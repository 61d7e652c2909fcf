"""What an ARM client has few of: settings, code lists, and the files that it has from the start.

The documentation shows none of these; all names and values are the sandbox's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox.arm_ledger import day_text
from amili_async.sandbox.arm_store import WrittenFile
from amili_async.sandbox.ids import Kind, mix
from amili_async.sandbox.store import ADDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row

__all__ = ["CODES", "FILES", "client_config", "codes", "configs", "file_row", "files", "find_config", "the_file"]

_CONFIGS = (
    ("ar.interestRate", ("12.25",)),
    ("ar.reminderFee", ("35.00",)),
    ("ar.reminderDays", ("14", "28")),
    ("customer.categories", ("CONS", "CORP")),
    ("customer.defaultLanguage", ("no",)),
    ("customer.groups", ("ORD", "VIP")),
    ("distribution.channels", ("H", "M")),
    ("document.currencies", ("NOK",)),
    ("document.layout", ("standard",)),
    ("file.types", ("csv", "pdf", "txt", "xml")),
    ("gl.accounts", ("1500", "1920", "2700", "3000", "7830")),
    ("gl.periods", ("12",)),
)
CODES = (
    ("customerCategory", "CONS", "Privatperson", "Consumer"),
    ("customerCategory", "CORP", "Bedrift", "Company"),
    ("customerGroupCode", "ORD", "Vanlig", "Ordinary"),
    ("customerGroupCode", "VIP", "Særlig viktig", "Very important"),
    ("documentType", "IN", "Faktura", "Invoice"),
    ("documentType", "CN", "Kreditnota", "Credit note"),
    ("lineType", "PLH", "Varelinje", "Line with an article"),
    ("lineType", "TXT", "Tekstlinje", "Line of text"),
    ("distributionType", "H", "E-faktura", "Electronic invoice"),
    ("distributionType", "M", "E-post", "E-mail"),
    ("organizationNoScheme", "0192", "Norsk organisasjonsnummer", "Norwegian organization number"),
)
FILES = 6
"""How many files a client has from the start."""


def codes(criterion: str | None, language: str) -> list[Row]:
    """Return the codes of a type, or of all, with texts in Norwegian (`no`) or English (`en`)."""
    wanted = None if criterion is None else criterion.casefold()
    return [
        {"codeType": kind, "code": code, "text": english if language == "en" else norwegian}
        for kind, code, norwegian, english in CODES
        if wanted is None or kind.casefold() == wanted
    ]


def configs(_: Ledger) -> Sequence[int]:
    """Return the numbers of all settings."""
    return range(len(_CONFIGS))


def find_config(key: str) -> int | None:
    """Return the number of a setting by its key."""
    return next((number for number, (known, _) in enumerate(_CONFIGS) if known.casefold() == key.casefold()), None)


def client_config(ledger: Ledger, number: int) -> Row:
    """Return a setting."""
    key, values = _CONFIGS[number]
    return {"clientConfigKey": key, "clientNo": ledger.number, "values": list(values)}


def files(ledger: Ledger) -> Sequence[int]:
    """Return the numbers of all files."""
    return (*range(FILES), *range(ADDED, ADDED + len(ledger.written.files)))


def the_file(ledger: Ledger, number: int) -> WrittenFile:
    """Return a file with its contents."""
    if number >= ADDED:
        return ledger.written.files[number - ADDED]
    month = 7 + number
    lines = [f"{ledger.number};2025-{month:02d};{mix(ledger.plan.key ^ number << 8 ^ line) % 10**6}" for line in range(40)]
    contents = "\r\n".join(["klient;måned;beløp", *lines, ""]).encode()
    return WrittenFile(f"oppgjør-2025-{month:02d}.csv", "text/csv", contents, day_text(20_454 + number))


def file_row(ledger: Ledger, number: int) -> Row:
    """Return a file as lists show it: without its contents."""
    it = the_file(ledger, number)
    return {
        "fileId": ledger.ids.make(Kind.ARM_FILE, ledger.index, number),
        "clientNo": ledger.number,
        "fileName": it.name,
        "mediaType": it.media_type,
        "size": len(it.contents),
        "createdDate": it.created,
    }
