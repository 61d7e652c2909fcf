"""What the conformance suite is made of: rows as they can come, and what it means to lose nothing.

Whatever a target says of a row is put together again (`Held.row`) from its columns and from `_extra`, and has to say the same as
the row that came: `same`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from amili_async.sync.ledger import Entry, digest
from amili_async.sync.parts import Splitter
from amili_async.sync.probe import Probe
from amili_async.sync.rowkeys import MADE_UP
from amili_async.sync.sinks.base import Work
from amili_async.sync.streams import STREAMS
from amili_async.sync.windows import Window

SOURCE = "https://api.example.test/collection/v1"
ORG, OTHER = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9", "Ø/../1 %25"
CASES = STREAMS["cases"]
READ_AT = datetime(2026, 5, 4, 3, 2, 1, 654321, tzinfo=UTC)
MARCH = Window("cases", ORG, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
APRIL = Window("cases", ORG, datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))


def case(number: int, **members: Any) -> bytes:
    """Return a case as it is documented, as JSON; further members replace its own."""
    key = f"0000{number:04d}-fb18-4529-a2a4-6a01ee524eb4"
    amount = f"{number}.10"
    row = {
        "caseId": f'"{key}"',
        "caseNumber": str(5_000_000 + number),
        "organizationId": f'"{ORG}"',
        "status": '"OPEN"' if number % 3 else '"PAUSED"',
        "type": '"COLLECTION_NOTICE"',
        "description": f'"Husleie æøå 🏠 {number}\\nto linjer\\t\\"sitat\\" \\\\ slutt"',
        "registeredAt": f'"2026-03-01T12:{number % 60:02d}:00.123Z"',
        "closedAt": "null",
        "invoices": f'[{{"invoiceId":"i{number}","caseId":"{key}","dueDate":"2026-02-01T00:00:00Z","originalAmount":{amount},'
        f'"remainingAmount":{amount},"currency":"NOK"}}]',
        "debtors": f'[{{"debtorId":"d{number}","type":"PRIVATE","firstName":"Kari","identificationNumber":"01017012345"}}]',
        "remainingAmount": amount,
        "remainingPrincipal": f"{number}",
        "claims": f'[{{"type":"PRINCIPAL","originalAmount":{amount}}},{{"type":"PRINCIPAL","originalAmount":0.05}}]',
        "caseAccountDetails": '{"bankAccountDetails":{"accountType":"UNKNOWN","accountNumber":"00012387180"}}',
    }
    row |= {
        name: json.dumps(value) if isinstance(value, dict | list | bool) or value is None else value
        for name, value in members.items()
    }
    return ("{" + ",".join(f'"{name}":{value}' for name, value in row.items() if value is not ...) + "}").encode()


def work_of(
    sink, window: Window, rows: list[bytes], parts: tuple[str, ...] = (), *, read_at: datetime = READ_AT
) -> tuple[Work, Entry]:
    """Return a window's work with rows in it, as the job makes it, and what the ledger shall say of it."""
    stream = STREAMS[window.stream]
    work = Work(window, stream, read_at)
    sink.begin(work)
    probe, splitter = Probe(stream), Splitter(stream, parts)
    for row in rows:
        key = probe.look(row).key
        work.digests += digest(key)
        work.rows.append(row + b"\n", 1)
        for table, lines in zip(splitter.tables, splitter.split(key, row), strict=True):
            work.spools[table].append(b"".join(line + b"\n" for line in lines), len(lines))
    entry = Entry(
        window=window, state="done", rows=len(rows), read=len(rows), total=len(rows), verified=True, read_at=read_at, pages=1
    )
    return work, entry


async def commit(sink, window: Window, rows: list[bytes], parts: tuple[str, ...] = (), **facts: Any) -> Entry:
    """Commit a window with these rows."""
    work, entry = work_of(sink, window, rows, parts, **facts)
    try:
        return await sink.commit(work, entry)
    finally:
        work.close()


class Digits(str):
    """A number of JSON, by its digits."""

    __slots__ = ()


def read(text: bytes | str) -> Any:
    """Read JSON exactly."""
    return json.loads(text, parse_int=Digits, parse_float=Digits)


@dataclass
class Held:
    """A row as a target holds it.

    Attributes:
        columns: values of its columns by the names on the wire; nothing for those that are null.
        extra: what is in `_extra`.
    """

    columns: dict[str, Any]
    extra: dict[str, Any] | None
    organization: str
    window: str
    fetched_at: datetime | None

    @property
    def row(self) -> Any:
        """The row, put together again."""
        if self.extra and "_row" in self.extra:
            return read_anyhow(self.extra["_row"])
        columns = self.columns
        if isinstance(columns, dict):
            columns = {name: value for name, value in columns.items() if not str(value).startswith(MADE_UP)}
        return overlay(columns, self.extra) if self.extra else columns


def read_anyhow(text: str) -> Any:
    """Read a row that may be no JSON."""
    try:
        return read(text)
    except ValueError:
        return text


def overlay(value: Any, extra: Any) -> Any:
    """Put what was set aside back into its place."""
    if isinstance(value, dict) and isinstance(extra, dict):
        return value | {name: overlay(value.get(name), part) for name, part in extra.items()}
    if isinstance(value, list) and isinstance(extra, list):
        padded = extra + [None] * (len(value) - len(extra))
        return [item if part is None else overlay(item, part) for item, part in zip(value, padded, strict=True)]
    return extra


def same(came: Any, held: Any) -> bool:
    """Tell whether what a target holds says the same as what came. Null and absent are the same."""
    if isinstance(came, Digits):
        if isinstance(held, Digits | str):
            return held == came or (isinstance(held, Digits) and Decimal(held) == Decimal(came))
        return isinstance(held, int | Decimal) and not isinstance(held, bool) and Decimal(held) == Decimal(came)
    if isinstance(came, dict):
        return isinstance(held, dict) and all(same(came.get(name), held.get(name)) for name in {*came, *held})
    if isinstance(came, list):
        return isinstance(held, list) and len(came) == len(held) and all(map(same, came, held))
    if isinstance(held, datetime):
        return isinstance(came, str) and moment(came) == held
    if isinstance(held, date):
        return isinstance(came, str) and datetime.fromisoformat(came.upper()).date() == held
    if isinstance(held, Decimal):
        return isinstance(came, str) and decimal(came) == held
    return type(came) is type(held) and bool(came == held)


def decimal(text: str) -> Decimal | None:
    """Read a number; None if it is none."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def moment(text: str) -> datetime | None:
    """Read a time; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text.strip().upper())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def all_same(came: list[bytes], held: list[Any]) -> bool:
    """Tell whether these are the rows that came, each once, in whatever order."""
    rest = list(held)
    for row in map(read, came):
        place = next((place for place, one in enumerate(rest) if same(row, one)), None)
        if place is None:
            return False
        del rest[place]
    return not rest


def later(seconds: int) -> datetime:
    """Return a time after `READ_AT`."""
    return READ_AT + timedelta(seconds=seconds)
