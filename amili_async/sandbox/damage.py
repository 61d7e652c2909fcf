"""What faults do to rows, pages and bodies: pure functions, so that a test can do the same to the truth."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.faults import Hit

__all__ = ["DAMAGES_ROWS", "HTML", "bomb", "compressed", "damaged_rows", "error_body"]

HTML = b"<!DOCTYPE html><html><head><title>Sandbox</title></head><body><h1>This is not the API.</h1></body></html>"

_KEEP = {"caseId", "caseNumber", "batchId", "id", "settlementNumber", "invoiceNumber"} | {
    "customerNo",
    "documentNo",
    "arItemId",
    "glItemId",
    "glAccountNo",
    "documentBundleId",
    "logItemId",
    "clientConfigKey",
}
"""Fields by which a row is known. Only `malformed_row` takes one away, and `string_case_number` writes one as text."""
_ENUMS = {"status", "subStatus", "type", "accountType", "collectionType", "settlementType"} | {
    "organizationNoScheme",
    "customerCategory",
    "customerGroupCode",
    "priceNetOrGross",
    "activeStatusWeb",
    "registrationStatusCode",
    "documentType",
    "lineType",
}
_DATES = {
    "registeredAt",
    "closedAt",
    "invoiceDate",
    "dueDate",
    "createdAt",
    "finishedAt",
    "closureDate",
    "settlementDate",
    "remittanceDate",
}
_DATE_FORMS: dict[str, Callable[[str], str]] = {
    "date": lambda text: text[:10],
    "no_zone": lambda text: text.rstrip("Z"),
    "seven_digits": lambda text: text[:19] + (text[19:-1] or ".").ljust(8, "0") + "Z",
}


def damaged_rows(rows: list[Row], hits: list[Hit], key: str) -> list[Row]:
    """Return rows with what the faults, all of `DAMAGES_ROWS`, do to them. `key` is the field that holds a row's id."""
    for hit in hits:
        if hit.kind == "malformed_row":
            place = min(hit["index"], len(rows) - 1)
            rows = [*rows[:place], _malformed(rows[place], key, hit["form"]), *rows[place + 1 :]]
        else:
            change = _CHANGES[hit.kind]
            rows = [change(row, hit) if place % hit["every"] == 0 else row for place, row in enumerate(rows)]
    return rows


def _malformed(row: Row, key: str, form: str) -> Row:
    if form == "missing":
        return {name: value for name, value in row.items() if name != key}
    return {**row, key: None if form == "null" else 12345}


def _mapped(row: Row, change: Callable[[str, Any], Any]) -> Row:
    """Return a row with every leaf changed; `change` gets the name of the field that a leaf stands in."""
    return {name: _changed(name, value, change) for name, value in row.items()}


def _changed(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, dict) and value:
        return _mapped(cast("Row", value), change)
    if isinstance(value, list):
        return [_changed(name, it, change) for it in value]  # pyright: ignore[reportUnknownVariableType]
    return change(name, value)


def _unknown_enum(row: Row, hit: Hit) -> Row:
    value = hit["value"]
    return _mapped(row, lambda name, it: value if name in _ENUMS and isinstance(it, str) else it)


def _nulls(row: Row, hit: Hit) -> Row:
    if hit["form"] == "top":
        return {name: value if name in _KEEP else None for name, value in row.items()}
    return _mapped(row, lambda name, it: it if name in _KEEP else None)


def _empty_object_currency(row: Row, _: Hit) -> Row:
    return _mapped(row, lambda name, it: {} if name == "currency" else it)


def _string_case_number(row: Row, _: Hit) -> Row:
    return {**row, "caseNumber": str(row["caseNumber"])} if "caseNumber" in row else row


def _extra_fields(row: Row, _: Hit) -> Row:
    extra = {"sandboxExtra": {"note": "not in the contract", "list": [1, 2.5, None, {"deep": True}]}, "$sandbox-Extra 2": "ø"}
    changed = {name: [_with(it) for it in value] if isinstance(value, list) else value for name, value in row.items()}
    return {**extra, **changed, "zzSandboxExtra": 2**53 + 1}


def _with(value: Any) -> Any:
    return {**value, "sandboxExtra": "x"} if isinstance(value, dict) else value


def _bare_dates(row: Row, hit: Hit) -> Row:
    form = _DATE_FORMS[hit["form"]]
    return _mapped(row, lambda name, it: form(it) if name in _DATES and isinstance(it, str) else it)


_CHANGES: dict[str, Callable[[Row, Hit], Row]] = {
    "unknown_enum": _unknown_enum,
    "nulls": _nulls,
    "empty_object_currency": _empty_object_currency,
    "string_case_number": _string_case_number,
    "extra_fields": _extra_fields,
    "bare_dates": _bare_dates,
}

DAMAGES_ROWS = frozenset({"malformed_row", *_CHANGES})
"""Kinds of faults that change rows."""


def error_body(form: str, status: int) -> tuple[bytes, str]:
    """Return the body of an error answer, and its media type."""
    return {
        "json": (b'{"error": "sandbox_fault", "message": "A fault of the sandbox, status %d."}' % status, "application/json"),
        "html": (HTML, "text/html"),
        "text": (b"upstream connect error or disconnect/reset before headers", "text/plain"),
        "empty": (b"", "application/octet-stream"),
    }[form]


def compressed(body: bytes, form: str = "") -> bytes:
    """Return a body as gzip: whole, `truncated`, with a wrong `checksum`, or not at all (`plain`)."""
    if form == "plain":
        return body
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    if form == "truncated":
        return packed[: len(packed) // 2]
    if form == "checksum":
        return packed[:-8] + bytes(byte ^ 0xFF for byte in packed[-8:-4]) + packed[-4:]
    return packed


@lru_cache(maxsize=4)
def bomb(megabytes: int) -> bytes:
    """Return a small gzip body that unpacks to so many megabytes of blanks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * 2**20
    return b"".join([*(packer.compress(blanks) for _ in range(megabytes)), packer.flush()])
