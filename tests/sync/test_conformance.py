"""What every sink promises, checked on all of them in the same way: against the protocol, and by looking into the target."""

from __future__ import annotations

import asyncio
import json
import stat
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import pytest_asyncio
from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.ledger import DIGEST, Entry, digest
from amili_async.sync.probe import Probe
from amili_async.sync.rowkeys import MADE_UP
from amili_async.sync.sinks import postgres as postgres_module
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import part_table, table_of
from amili_async.sync.windows import Window
from tests.sync.conformance import APRIL, CASES, MARCH, ORG, OTHER, READ_AT, SOURCE, Digits, all_same, case, commit, later, read
from tests.sync.places import TARGETS, texts

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=TARGETS)
def target(request, tmp_path, monkeypatch):
    """Give every kind of target in turn, empty."""
    kind = request.param
    monkeypatch.setattr(postgres_module, "LOCK_PATIENCE", 0.0)
    folder = tmp_path / "target"
    folder.mkdir()
    return TARGETS[kind](kind, folder, request.getfixturevalue("postgres") if kind == "postgres" else None)


@pytest_asyncio.fixture
async def sink(target):
    """Open a sink on the target, for cases without parts."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    yield sink
    await sink.close()


async def reopened(target, sink, streams=(CASES,), parts=()):
    """Close a sink, and open a new one on the same target; return it with its ledger."""
    await sink.close()
    again = target.sink()
    return again, await again.open(SOURCE, list(streams), parts)


async def test_a_window_lands_whole(target, sink):
    """Rows, ledger and fingerprints are there, and there again for the next run."""
    rows = [case(number) for number in range(1, 6)]
    entry = await commit(sink, MARCH, rows)
    again, entries = await reopened(target, sink)
    assert entries == [entry]
    assert (entry.state, entry.rows, entry.drift, entry.read_at, entry.window) == ("done", 5, 0, READ_AT, MARCH)
    digests = await again.digests(MARCH)
    assert digests == b"".join(digest(json.loads(row)["caseId"]) for row in rows)
    assert len(digests) == 5 * DIGEST
    assert await again.digests(APRIL) == b""
    await again.close()
    assert all_same(rows, await texts(target))


async def test_documented_rows_stand_in_their_columns(target, sink):
    """Nothing that is documented goes into `_extra`; every row tells whose it is, by which window it came, and when."""
    rows = [case(number) for number in range(1, 4)]
    await commit(sink, MARCH, rows)
    held = await target.held(table_of(CASES))
    assert {(one.organization, one.window) for one in held} == {(ORG, MARCH.name)}
    if not target.typed:
        return
    assert [one.extra for one in held] == [None] * 3
    assert {one.fetched_at for one in held} == {READ_AT}
    for row in map(read, rows):
        columns = next(one.columns for one in held if one.columns["caseId"] == row["caseId"])
        assert columns["remainingAmount"] == Decimal(row["remainingAmount"])
        assert isinstance(columns["remainingAmount"], Decimal)
        assert columns["registeredAt"] == datetime.fromisoformat(row["registeredAt"])
        assert columns["caseNumber"] == row["caseNumber"]
        assert columns["description"] == row["description"]
        assert "closedAt" not in columns


async def test_a_window_read_again_changes_nothing(target, sink):
    """Replaying a window is harmless, in this run and in the next."""
    rows = [case(number) for number in range(1, 4)]
    first = await commit(sink, MARCH, rows)
    assert await commit(sink, MARCH, rows) == first
    again, _ = await reopened(target, sink)
    assert await commit(again, MARCH, rows) == first
    await again.close()
    assert all_same(rows, await texts(target))


async def test_a_window_read_again_replaces_what_it_left(target, sink):
    """Rows that changed, vanished or came since are as they are now; so are the fingerprints."""
    await commit(sink, MARCH, [case(1), case(2), case(3)])
    rows = [case(2, status='"CLOSED"', remainingAmount="0", closedAt='"2026-05-01T00:00:00Z"'), case(3), case(4)]
    entry = await commit(sink, MARCH, rows, read_at=later(60))
    assert entry.read_at == later(60)
    assert all_same(rows, await texts(target))
    assert await sink.digests(MARCH) == b"".join(digest(json.loads(row)["caseId"]) for row in rows)
    assert sorted(await sink.keys(entry)) == sorted(json.loads(row)["caseId"] for row in rows)
    if target.typed:
        assert {one.fetched_at for one in await target.held(table_of(CASES))} == {later(60)}


async def test_empty_windows(target, sink):
    """A window can be empty from the start, and can become so."""
    assert (await commit(sink, MARCH, [])).rows == 0
    assert await texts(target) == []
    await commit(sink, MARCH, [case(1)])
    entry = await commit(sink, MARCH, [])
    assert await texts(target) == []
    assert (await sink.digests(MARCH), list(await sink.keys(entry)), entry.files) == (b"", [], ())
    again, entries = await reopened(target, sink)
    assert entries == [entry]
    await again.close()


async def test_neighbours_and_other_organizations_stay(target, sink):
    """What happens to a window touches no other: not its neighbour, not that of another organization with the same keys."""
    theirs = Window("cases", OTHER, MARCH.start, MARCH.end)
    whole = Window("cases", "third")
    filtered = Window("cases", "third", filters=(("Status", "OPEN"),))
    await commit(sink, MARCH, [case(1), case(2)])
    await commit(sink, APRIL, [case(3)])
    await commit(sink, theirs, [case(1), case(2)])
    await commit(sink, whole, [case(1)])
    await commit(sink, filtered, [case(2)])
    await commit(sink, MARCH, [case(2)])
    for window, numbers in ((MARCH, [2]), (APRIL, [3]), (theirs, [1, 2]), (whole, [1]), (filtered, [2])):
        assert all_same([case(number) for number in numbers], await texts(target, window)), window
    again, entries = await reopened(target, sink)
    assert sorted(entry.key for entry in entries) == sorted(window.key for window in (MARCH, APRIL, theirs, whole, filtered))
    await again.close()


async def test_parts_get_tables_of_their_own(target):
    """Part rows come, are replaced and go with the rows that they belong to, also when a later run wants no such tables."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ("invoices", "claims"))
    rows = [case(1), case(2, invoices="[]"), case(3, claims="null")]
    await commit(sink, MARCH, rows, ("invoices", "claims"))
    claims = part_table(CASES, "claims")
    found = sorted((one.row["caseId"], int(one.row["_index"]), one.row["originalAmount"]) for one in await target.held(claims))
    first, second = (json.loads(row)["caseId"] for row in rows[:2])
    assert [(key, place, Decimal(str(amount))) for key, place, amount in found] == [
        (first, 0, Decimal("1.1")),
        (first, 1, Decimal("0.05")),
        (second, 0, Decimal("2.1")),
        (second, 1, Decimal("0.05")),
    ]
    await commit(sink, MARCH, [rows[1]], ("invoices", "claims"))
    assert len(await target.held(claims)) == 2
    assert await target.held(part_table(CASES, "invoices")) == []
    if not target.lasting:
        return
    again, _ = await reopened(target, sink)
    await commit(again, MARCH, rows)
    await again.close()
    assert await target.held(claims) == []
    assert all_same(rows, await texts(target))


async def test_every_stream_has_its_table(target):
    """Rows of all streams land, those of unknown shape too; what has no column is kept."""
    sink = target.sink()
    await sink.open(SOURCE, list(STREAMS.values()), ())
    samples = {name: [f'{{"{stream.key}":"k1","unheardOf":[1.50,{{"a":null}}]}}'.encode()] for name, stream in STREAMS.items()}
    typed = {"clientNo": 5, "vatLiable": True, "discountRate": Decimal("1.50"), "dateOfBirth": date(1990, 1, 2)}
    samples["customers"] = [
        b'{"customerNo":"k1","clientNo":5,"vatLiable":true,"discountRate":1.50,"dateOfBirth":"1990-01-02","x":0}'
    ]
    for name, rows in samples.items():
        await commit(sink, Window(name, ORG), rows)
    again, entries = await reopened(target, sink, STREAMS.values())
    assert sorted(entry.window.stream for entry in entries) == sorted(STREAMS)
    for name, rows in samples.items():
        [held] = await target.held(table_of(STREAMS[name]))
        assert all_same(rows, [held.row]), name
        if name == "customers" and target.typed:
            assert held.columns == {"customerNo": "k1"} | typed
        assert list(await again.keys(next(entry for entry in entries if entry.window.stream == name))) == ["k1"]
    await again.close()


KEYLESS = {
    "no key": case(90, caseId=...),
    "key null": case(91, caseId="null"),
    "key empty": case(92, caseId='""'),
    "key is {}": case(93, caseId="{}"),
    "key is a list": case(94, caseId="[1]"),
    "key too long": case(95, caseId=f'"{"x" * 3000}"'),
    "key with NUL": case(96, caseId='"a\\u0000b"'),
    "null": b"null",
    "a number": b"5",
    "a text": b'"case \xc3\xa5"',
    "a list": b'[{"caseId":"1"}]',
    "no JSON": b'{"caseId":"1",',
    "an empty object": b"{}",
    "half of a pair": case(56, description='"a\\ud800b"'),
    "half of a pair in a part": case(57, debtors='[{"firstName":"\\uDC00"}]'),
}
"""Rows that get a key made up."""

ODD = {
    "unknown members": case(
        1, newThing='{"a":1.10,"b":[1E2,0.000000000000000000000000000001],"c":"æ"}', other="null", third="[]"
    ),
    "unknown members of parts": case(2, invoices='[{"invoiceId":"a"},{"invoiceId":"b","colour":"red","nested":{"x":1.50}}]'),
    "unknown name with signs": case(3).replace(b'"status"', b'"st\\u00e5 \\"x\\" \\\\"'),
    "{} in a text": case(4, description="{}", caseToken="{}"),
    "{} in a part": case(5, invoices='[{"invoiceId":"a","currency":{}},{"invoiceId":"b","currency":"NOK"}]'),
    "a bare date": case(10, registeredAt='"2026-03-01"'),
    "seven digits": case(11, registeredAt='"2026-03-01T12:00:00.1234567Z"'),
    "seven digits, the last 0": case(12, registeredAt='"2026-03-01T12:00:00.1234560Z"'),
    "no zone": case(13, registeredAt='"2026-03-01T12:00:00.5"'),
    "another zone": case(14, registeredAt='"2026-03-01T00:30:00+02:00"'),
    "small letters": case(15, registeredAt='"2026-03-01t12:00:00z"'),
    "an empty date": case(16, registeredAt='""'),
    "no date": case(17, registeredAt='"next week"', closedAt="17"),
    "no such day": case(18, registeredAt='"2026-02-30T12:00:00Z"'),
    "the year 0": case(19, registeredAt='"0000-01-01T00:00:00Z"'),
    "before the year 1": case(20, registeredAt='"0001-01-01T00:00:00+10:00"'),
    "the hour 24": case(21, registeredAt='"2026-03-01T24:00:00Z"'),
    "the end of time": case(22, registeredAt='"9999-12-31T23:59:59.999999Z"'),
    "odd dates in a part": case(
        23, invoices='[{"dueDate":"soon"},{"dueDate":"2026-03-01"},{"dueDate":"2026-03-01T00:00:00.0000001Z"}]'
    ),
    "case number as text": case(30, caseNumber='"C-17"'),
    "case number with digits": case(31, caseNumber="12345678901234567890123"),
    "case number with a fraction": case(32, caseNumber="1.50"),
    "28 and 10 digits": case(33, remainingAmount="1234567890123456789012345678.0123456789"),
    "38 digits": case(34, remainingAmount="12345678901234567890123456789012345678"),
    "30 digits after the point": case(
        35, remainingAmount="0.123456789012345678901234567890", remainingPrincipal="1.0000000000000000000000000000"
    ),
    "exponents": case(36, remainingAmount="1.5e3", remainingPrincipal="25E-4"),
    "a large exponent": case(37, remainingAmount="1e400", remainingPrincipal="-1E-400"),
    "an exponent beyond PostgreSQL": case(38, remainingAmount="1e200000"),
    "tiny beyond PostgreSQL": case(39, remainingPrincipal="1e-20000"),
    "beyond PostgreSQL in a part": case(40, claims='[{"originalAmount":1},{"originalAmount":2e200000}]'),
    "beyond PostgreSQL, unknown": case(41, unheardOf="[3e-20000]"),
    "numbers in texts": case(42, remainingAmount='"12.50"', remainingPrincipal='"007"'),
    "no amounts": case(43, remainingAmount='"much"', remainingPrincipal="true"),
    "other amounts": case(44, remainingAmount="{}", remainingPrincipal="[1]"),
    "minus zero": case(45, remainingAmount="-0", remainingPrincipal="-0.00"),
    "true and lists in texts": case(46, description="true", caseToken="[1]", status="null"),
    "all null": case(47, **dict.fromkeys(("organizationId", "status", "description", "invoices", "debtors", "claims"), "null")),
    "the key alone": b'{"caseId":"alone"}',
    "a key that is a number": b'{"caseId":17,"status":"OPEN"}',
    "parts that are none": case(48, invoices='"none"', debtors="{}", claims="0", caseAccountDetails="[]"),
    "odd elements": case(49, invoices='[null,1,"x",[],{}]', debtors="[null]", claims="[]"),
    "escaped letters": case(50, description='"\\u00e6\\ud83c\\udfe0\\/\\b\\f\\n\\r\\t\\u0001\\u2028"'),
    "letters as they are": case(51, description='"æ 🏠 \u2028 e\u0301 \ufeff \x7f"'),
    "a backslash before u0000": case(52, description='"a\\\\u0000b"'),
    "NUL": case(53, description='"a\\u0000b"'),
    "NUL in a part": case(54, debtors='[{"firstName":"a\\u0000b"}]'),
    "NUL in what is unknown": case(55, unheardOf='{"x\\u0000":"\\u0000"}'),
    "bytes that are no text": case(58).replace(b"Husleie", b"Hus\xffleie"),
    "a long text": case(59, description=f'"{"lang " * 60_000}"'),
    "blanks": b' { "caseId" : "blanks" , "remainingAmount" : 1.10 , "claims" : [ { "type" : "a" } ] , "unheardOf" : [ 1 , 2 ] } ',
    "COPY's own words": case(60, description='"\\\\N \\\\. \\t \\n"', caseToken='"\\\\."', status='"\\\\N"'),
    "quotes of SQL": case(61, description='"a\'b; DROP TABLE cases; -- \\""'),
} | KEYLESS
"""Rows as they should not be."""


async def test_odd_rows_lose_nothing(target, sink):
    """What fits no column is kept exactly, nothing is refused, and documented rows beside odd ones are not spoilt."""
    rows = [*ODD.values(), case(200), case(201)]
    entry = await commit(sink, MARCH, rows)
    held = await texts(target)
    assert len(held) == len(rows)
    assert [name for name, row in ODD.items() if not any(came_back(row, one) for one in held)] == []
    assert all(any(came_back(row, one) for one in held) for row in rows[-2:])
    keys = sorted(Probe(CASES).look(row).key for row in rows)
    assert sorted(await sink.keys(entry)) == keys
    assert sum(key.startswith(MADE_UP) for key in keys) == len(KEYLESS)
    assert entry.drift > 0 or not target.typed


def came_back(row, held):
    """Tell whether a row is what a target holds; one that is no JSON, by its text."""
    try:
        return all_same([row], [held])
    except ValueError:
        return held == row.decode(errors="backslashreplace")


@pytest.mark.parametrize(
    "name", ["seven digits", "28 and 10 digits", "exponents", "another zone", "no zone", "NUL", "numbers in texts"]
)
async def test_what_can_stand_in_its_column_does(target, sink, name):
    """Tolerance does not mean that everything goes into `_extra`: whatever of a value fits is in its column."""
    if not target.typed:
        return
    await commit(sink, MARCH, [ODD[name]])
    [held] = await target.held(table_of(CASES))
    columns = {
        "seven digits": {"registeredAt": datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)},
        "28 and 10 digits": {"remainingAmount": Decimal("1234567890123456789012345678.0123456789")},
        "exponents": {"remainingAmount": Decimal(1500), "remainingPrincipal": Decimal("0.0025")},
        "another zone": {"registeredAt": datetime(2026, 2, 28, 22, 30, tzinfo=UTC)},
        "no zone": {"registeredAt": datetime(2026, 3, 1, 12, 0, 0, 500_000, UTC)},
        "NUL": {"status": "OPEN"},
        "numbers in texts": {"remainingAmount": Decimal("12.50")},
    }[name]
    assert {wire: held.columns[wire] for wire in columns} == columns


@pytest.mark.parametrize(
    "name", ["unknown members", "{} in a text", "{} in a part", "seven digits, the last 0", "another zone", "blanks"]
)
async def test_what_is_allowed_is_no_drift(target, sink, name):
    """Members that nobody knows, the documented `{}`, and dates in other forms are no contradiction of the documentation."""
    assert (await commit(sink, MARCH, [case(100), ODD[name]])).drift == 0


async def test_sums_are_exact(target, sink):
    """The sum of every amount is that of the rows that came, to the last digit."""
    amounts = [f"{number * 7919 % 100_003}.{number % 100:02d}" for number in range(400)]
    rows = [case(number, remainingAmount=amount, remainingPrincipal=f"0.{number:010d}") for number, amount in enumerate(amounts)]
    await commit(sink, MARCH, rows[:200])
    await commit(sink, APRIL, rows[200:])
    found = [one.row for one in await target.held(table_of(CASES))]
    assert sum(as_decimal(row["remainingAmount"]) for row in found) == sum(map(Decimal, amounts))
    assert sum(as_decimal(row["remainingPrincipal"]) for row in found) == Decimal(399 * 400 // 2).scaleb(-10)


def as_decimal(value):
    """Return an exact number; anything that could have rounded it is refused."""
    assert isinstance(value, Digits | Decimal)
    return Decimal(value)


async def test_much_at_once(target, sink):
    """A window of more than a spool keeps in memory, in several chunks, keeps all its rows."""
    rows = [case(number, description=f'"{"x" * 12_000}"') for number in range(900)]
    rows[500] = case(500, unheardOf="1.0")
    entry = await commit(sink, MARCH, rows)
    assert len(set(await sink.keys(entry))) == 900
    assert all_same(sorted(rows), await texts(target))


async def test_a_key_that_is_no_text(target, sink):
    """A row whose key has bytes that are no UTF-8 is kept, under a key made up for it, and does not stand in the others' way."""
    odd = case(2).replace(b'"caseId":"', b'"caseId":"\xff', 1)
    entry = await commit(sink, MARCH, [case(1), odd, case(3)])
    keys = await sink.keys(entry)
    assert len(keys) == 3
    assert [key for key in keys if key.startswith("_row-")] == [Probe(CASES).look(odd).key]


async def test_keys_are_those_of_the_target(target, sink):
    """`keys` tells what the target has, not what the ledger says: a row that was deleted by hand is missed."""
    entry = await commit(sink, MARCH, [case(1), case(2), case(3)])
    await commit(sink, APRIL, [case(4)])
    gone = json.loads(case(2))["caseId"]
    await target.lose(MARCH, gone)
    keys = await sink.keys(entry)
    assert sorted(keys) == [json.loads(case(1))["caseId"], json.loads(case(3))["caseId"]]
    held = await sink.digests(MARCH)
    missing = {held[at : at + DIGEST] for at in range(0, len(held), DIGEST)} - set(map(digest, keys))
    assert missing == {digest(gone)}


async def test_remove(target):
    """Removed windows are gone: rows, parts, entry and fingerprints; others stay."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ("claims",))
    march = await commit(sink, MARCH, [case(1), case(2)], ("claims",))
    april = await commit(sink, APRIL, [case(3)], ("claims",))
    planned = Entry(window=Window("cases", OTHER))
    await sink.put([planned])
    await sink.remove([march, planned])
    assert all_same([case(3)], await texts(target))
    assert {one.window for one in await target.held(part_table(CASES, "claims"))} == {APRIL.name}
    assert await sink.digests(MARCH) == b""
    again, entries = await reopened(target, sink, parts=("claims",))
    assert entries == [april]
    await again.remove(entries)
    await again.close()
    assert await target.sink().peek() == []
    assert await texts(target) == []


async def test_put_touches_no_rows(target, sink):
    """Entries can be added and changed without their rows; a window that was being put in place counts as planned."""
    entry = await commit(sink, MARCH, [case(1)])
    stale, failed = replace(entry, state="stale"), Entry(window=APRIL, state="failed", failure='the server went away: "æ"')
    await sink.put([stale, failed])
    assert all_same([case(1)], await texts(target))
    assert await sink.digests(MARCH) == digest(json.loads(case(1))["caseId"])
    again, entries = await reopened(target, sink)
    assert sorted(entries, key=lambda one: one.key) == [stale, failed]
    await again.close()


async def test_peek_takes_no_hold(target):
    """The ledger can be read before there is a target, while a run is using it, and afterwards; nothing is made by that."""
    assert await target.sink().peek() == []
    assert target.debris() == []
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    assert await target.sink().peek() == []
    entry = await commit(sink, MARCH, [case(1)])
    assert await target.sink().peek() == [entry]
    await sink.close()
    assert await target.sink().peek() == [entry]
    assert target.debris() == []


async def test_two_runs_at_once(target, sink):
    """A second run is refused while the first has the target, and finds it free afterwards."""
    with pytest.raises(SinkError) as caught:
        await target.sink().open(SOURCE, [CASES], ())
    assert caught.value.busy
    assert one_sentence(caught.value)
    await commit(sink, MARCH, [case(1)])
    again, entries = await reopened(target, sink)
    assert len(entries) == 1
    await again.close()


async def test_another_source(target, sink):
    """Rows of one source do not get mixed with those of another."""
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    other = target.sink()
    with pytest.raises(SinkError) as caught:
        await other.open("http://127.0.0.1:1/sandbox", [CASES], ())
    assert not caught.value.usable
    assert not caught.value.busy
    assert one_sentence(caught.value)
    again = target.sink()
    assert len(await again.open(SOURCE, [CASES], ())) == 1
    await again.close()
    assert all_same([case(1)], await texts(target))


async def test_a_target_that_holds_nothing_is_free(target):
    """One that was opened for a source, but got no rows of it, or no longer has any, takes those of another."""
    sink, others = target.sink(), ["http://127.0.0.1:1/sandbox", "http://127.0.0.1:2/sandbox"]
    await sink.open(SOURCE, [CASES], ())
    await sink.put([Entry(window=MARCH, state="failed")])
    await sink.close()
    for source, after in pairwise([*others, SOURCE]):
        sink = target.sink()
        await sink.open(source, [CASES], ())
        entry = await commit(sink, MARCH, [case(1)])
        await sink.close()
        with pytest.raises(SinkError):
            await target.sink().open(after, [CASES], ())
        sink = target.sink()
        await sink.open(None, [CASES], ())
        await sink.remove([entry])
        await sink.close()


async def test_no_source(target):
    """Who only looks after a target need not know its source; it stays what it is."""
    sink = target.sink()
    assert await sink.open(None, [CASES], ()) == []
    sink, _ = await reopened(target, sink)
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    other = target.sink()
    assert len(await other.open(None, [CASES], ())) == 1
    await other.close()
    with pytest.raises(SinkError):
        await target.sink().open("http://127.0.0.1:1/sandbox", [CASES], ())


async def test_a_target_that_cannot_serve(target):
    """One sentence says what is wrong; what is there stays as it is, and no lock stays behind."""
    if not target.lasting:
        return
    spoilt = target.spoil()
    for _ in range(2):
        with pytest.raises(SinkError) as caught:
            await target.sink().open(SOURCE, [CASES], ())
        assert (caught.value.usable, caught.value.busy) == (False, False)
        assert one_sentence(caught.value)
    with suppress(SinkError):
        assert await target.sink().peek() == []
    assert spoilt() is True


async def test_after_a_failed_open_nothing_is_held(target):
    """A target that was refused can be opened the right way at once."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    await sink.close()
    wrong = target.sink()
    with pytest.raises(SinkError):
        await wrong.open("another", [CASES], ())
    await wrong.close()
    await sink.open(SOURCE, [CASES], ())
    await sink.close()


async def test_files_are_private(target, sink):
    """Whatever stands on the disk can be read by its owner only, while a run is using it and afterwards."""
    await commit(sink, MARCH, [case(1)])
    modes = modes_of(target.folder)
    await sink.close()
    modes |= modes_of(target.folder)
    assert {mode for path, mode in modes if path.is_file()} <= {0o600}
    assert {mode for path, mode in modes if path.is_dir() and path != target.folder} <= {0o700}
    assert target.debris() == []


def modes_of(folder):
    """Return the rights of everything in a folder."""
    return {(path, stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")}


async def test_targets_are_named_without_secrets(target):
    """A sink says where it is, in the form of the command line, and nothing more."""
    sink = target.sink()
    assert sink.target.partition(":")[0] == target.kind
    assert "secret" not in f"{sink!r} {sink.target} {sink.__dict__!r}"


async def test_commits_from_many_tasks(target, sink):
    """Windows can be committed by one task while others wait for their turn and put entries."""
    lock = asyncio.Lock()
    windows = [
        Window("cases", ORG, start, start + timedelta(days=1))
        for start in (MARCH.start + timedelta(days=day) for day in range(6))
    ]

    async def run(number, window):
        async with lock:
            await sink.put([Entry(window=window)])
        async with lock:
            await commit(sink, window, [case(number)])

    await asyncio.gather(*(run(number, window) for number, window in enumerate(windows)))
    assert all_same([case(number) for number in range(6)], await texts(target))


def one_sentence(error):
    """Tell whether an error says one thing, in one line."""
    text = str(error)
    return "\n" not in text and 20 < len(text) < 400 and text[0].islower()
