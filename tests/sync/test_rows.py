"""What happens to rows on their way: keys, parts, counts."""

from __future__ import annotations

import errno
import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from unittest.mock import Mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.sync import Owed, Redaction, Verification, Window, keys, verifying
from amili_async.sync.amounts import Amounts
from amili_async.sync.keys import KeySet, marks, share
from amili_async.sync.ledger import DIGEST, digest
from amili_async.sync.parts import Splitter
from amili_async.sync.probe import Probe
from amili_async.sync.reading import Reading
from amili_async.sync.sinks.base import Spool, Work
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import tables_of

CASES = STREAMS["cases"]
PARTS = ("invoices", "debtors")


def _work(stream=CASES, parts=PARTS):
    spools = {table.name: Spool() for table in tables_of(stream, parts)}
    return Work(Window(stream.name, "o"), stream, datetime(2026, 1, 1, tzinfo=UTC), spools)


def _lines(spool):
    return b"".join(spool.chunks()).splitlines()


@pytest.mark.parametrize(
    ("row", "key", "open_"),
    [
        ('{"caseId":"a","closedAt":null}', "a", True),
        ('{"caseId":"a"}', "a", True),
        ('{"caseId":"a","closedAt":""}', "a", True),
        ('{"caseId":"a","closedAt":"2026-01-01"}', "a", False),
        ('{"caseId":7,"closedAt":"x","claims":"odd"}', "7", False),
        ('{"caseId":"\\u0061","status":5}', "a", True),
    ],
)
def test_looks(row, key, open_):
    """A row is seen as it is, also if something in it is odd."""
    look = Probe(CASES).look(row.encode())
    assert (look.key, look.open) == (key, open_)


@pytest.mark.parametrize(
    "row", ["null", "[]", '"a"', "{}", '{"caseId":null}', '{"caseId":{}}', '{"caseId":""}', '{"caseId":true}']
)
def test_rows_without_a_key(row):
    """A row without a key gets one of its own, by its bytes; it counts as one that can still change."""
    look = Probe(CASES).look(row.encode())
    key, open_ = look.key, look.open
    assert key.startswith("_row-")
    assert key != Probe(CASES).look(b'{"other":1}').key
    assert open_
    assert not Probe(STREAMS["settlements"]).look(row.encode()).open


ODD_ROWS = st.sampled_from(
    [
        '{"caseId":"a"}',
        '{"caseId":"a","closedAt":"2026-01-01","status":"OPEN","remainingAmount":1.50,"claims":[{"currency":"NOK"}]}',
        '{"caseId":"b","closedAt":"","remainingAmount":0,"invoices":[{"currency":{}},{"currency":"SEK"}]}',
        '{"caseId":"c","remainingAmount":1e400,"debtors":[{"name":"x"}]}',
        '{"caseId":"d",\n "status":"PAID",\r\n "remainingAmount":"much"}',
        '{"caseId":7,"closedAt":false}',
        '{"caseId":"","status":null}',
        '{"caseId":"\\u0000"}',
        '{"caseId":"%s"}' % ("é" * 300),
        '{"caseId":"e","claims":"odd"}',
        '{"caseId":"a","caseId":"f"}',
        "null",
        "[]",
    ]
)


@given(st.lists(st.lists(ODD_ROWS, max_size=6), max_size=4), st.booleans())
def test_all_at_once_is_as_one_by_one(pages, redacted):
    """Whether a page's rows are looked at in one go or each by itself: the same rows, parts, keys and figures."""
    found = []
    for at_once in (True, False):
        work = _work()
        reading = Reading(work, PARTS, Redaction(("name",)) if redacted else None)
        with pytest.MonkeyPatch.context() as patch:
            if not at_once:
                patch.setattr(Probe, "look_at_all", lambda *_: None)
            for page in pages:
                body = ("[" + ",".join(page) + "]").encode()
                reading.take(msgspec.json.decode(body, type=tuple[msgspec.Raw, ...]))
        found.append((reading.entry, bytes(work.digests), {name: _lines(spool) for name, spool in work.spools.items()}))
        reading.close()
    assert found[0] == found[1]


def test_usual_rows_are_looked_at_in_one_go():
    """Those of the documentation are: otherwise the comparison above would compare nothing."""
    rows = [b'{"caseId":"a","closedAt":null,"claims":[{"currency":{}}]}', b'{"caseId":"b","status":"NEW","remainingAmount":2}']
    looks = Probe(CASES).look_at_all(b"\n".join((*rows, b"")))
    assert [(look.key, look.open) for look in looks] == [("a", True), ("b", True)]
    assert [(look.key, look.open) for look in map(Probe(CASES).look, rows)] == [("a", True), ("b", True)]
    assert Probe(CASES).look_at_all(b'{"caseId":7}\n') is None


def _split(row, parts=PARTS, stream=CASES, key="k"):
    splitter = Splitter(stream, parts)
    found = list(splitter.split(key, row.encode()))
    assert len(found) == len(splitter.tables)
    return {table: [json.loads(line) for line in lines] for table, lines in zip(splitter.tables, found, strict=True)}


def _once(pairs):
    """Check that an object has no two members of the same name."""
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize(
    ("element", "rest"),
    [
        ('{"invoiceId":"i","x":1.10}', {"invoiceId": "i", "x": 1.10}),
        ("{}", {}),
        ("{ }", {}),
        ("null", {}),
        ("5", {"_value": 5}),
        ('[{"caseId":1}]', {"_value": [{"caseId": 1}]}),
        ('{"caseId":"k","x":1}', {"x": 1}),
        ('{"caseId":"other","x":1}', {"x": 1}),
        ('{"caseId": "k"}', {}),
        ('{"x":{"caseId":"k"}}', {"x": {"caseId": "k"}}),
        ('{"caseId":"k","x":{"caseId":"k"}}', {"x": {"caseId": "k"}}),
        ('{"_index":9,"x":1}', {"x": 1}),
        ('{"c\\u0061seId":"k","x":"\\u00e6"}', {"x": "æ"}),
        ('{"x":"\\u00e6","y":"\\"caseId\\":"}', {"x": "æ", "y": '"caseId":'}),
        ('{"x":"caseId","y":"_index"}', {"x": "caseId", "y": "_index"}),
    ],
)
def test_parts_become_rows(element, rest):
    """Each element is a row with the key of its row and its place; what it says of these itself does not count."""
    found = _split(f'{{"caseId":"k","invoices":[{element},{{"z":0}}]}}')
    assert found["cases_invoices"] == [{"caseId": "k", "_index": 0, **rest}, {"caseId": "k", "_index": 1, "z": 0}]
    assert found["cases_debtors"] == []
    (line,) = next(iter(Splitter(CASES, PARTS).split("k", f'{{"invoices":[{element}]}}'.encode())))
    json.loads(line, object_pairs_hook=_once)


@pytest.mark.parametrize("row", ["null", "{}", '{"invoices":null}', '{"invoices":{}}', '{"invoices":"x","debtors":5}', "[]"])
def test_rows_without_parts(row):
    """A row whose parts are missing or odd has none."""
    assert _split(row) == {"cases_invoices": [], "cases_debtors": []}


def test_parts_of_other_streams():
    """Parts that a stream does not have are passed over; names are those of the tables."""
    assert _split('{"documentLines":[{"a":1}]}', ("invoices", "documentLines"), STREAMS["documents"]) == {
        "documents_document_lines": [{"documentNo": "k", "_index": 0, "a": 1}]
    }


def test_a_reading():
    """Rows are told apart, counted and summed up; parts follow their rows."""
    reading = Reading(_work(), PARTS, Redaction(("email",)))
    reading.take(
        [
            b'{"caseId":"a","status":"OPEN","remainingAmount":0.10,"invoices":[{"n":1}],"debtors":[{"email":"x"}]}',
            b'{"caseId":"a","status":"OPEN","remainingAmount":5}',
        ]
    )
    reading.take([b'{"caseId":"b","status":"OPEN","remainingAmount":0.20,\n"invoices":[{"n":2},{"n":3}],"closedAt":"x"}'])
    reading.take([b'{"caseId":"c","status":1}'])
    reading.total = 3
    entry = reading.entry
    assert (entry.rows, entry.read, entry.open, entry.verified, entry.unread) == (3, 3, 2, True, 1)
    assert entry.owed == (Owed("OPEN", "", 2, Decimal("0.30")),)
    assert list(marks(reading.work.digests)) == [digest("a"), digest("b"), digest("c")]
    assert len(_lines(reading.work.rows)) == 3
    assert [json.loads(line)["n"] for line in _lines(reading.work.spools["cases_invoices"])] == [1, 2, 3]
    assert _lines(reading.work.spools["cases_debtors"]) == [b'{"caseId":"a","_index":0,"email":null}']
    rest, entry = reading.without(bytearray([0, 1, 0]), _work())
    assert (entry.rows, entry.read, entry.open, entry.verified, entry.unread) == (2, 3, 2, True, 1)
    assert entry.owed == (Owed("OPEN", "", 1, Decimal("0.10")),)
    assert [json.loads(line)["n"] for line in _lines(rest.work.spools["cases_invoices"])] == [1]
    assert list(marks(rest.work.digests)) == [digest("a"), digest("c")]
    rest.close()
    reading.close()
    reading.close()


def test_leaving_out_fails_cleanly():
    """Where rows cannot be moved, nothing stays open."""
    reading, work = Reading(_work(), PARTS), _work()
    reading.take([b'{"caseId":"a"}'])

    def full(lines, rows):
        raise OSError(28, "full")

    work.rows.append = full
    work.spools["cases_debtors"].append(b"{}\n", 1)
    with pytest.raises(OSError, match="full"):
        reading.without(bytearray(1), work)
    assert not work.spools["cases_debtors"]._waiting
    reading.close()


texts = st.lists(st.integers(0, 30).map(str), unique=True, max_size=20)


@given(texts, texts, st.sampled_from([1, 3, 100]))
def test_what_a_window_lacks(held, told, at_once):
    """Missing, foreign and doubled keys are counted, however few are looked at at a time."""
    found, seen = Verification(), KeySet()
    before, verifying.IN_MEMORY = verifying.IN_MEMORY, at_once
    try:
        sound = verifying._compare([*held, *held[:1]], b"".join(map(digest, told)), seen, found)
    finally:
        verifying.IN_MEMORY = before
        seen.close()
    assert (found.missing, found.foreign) == (len({*told} - {*held}), len({*held} - {*told}))
    assert (found.doubled, found.rows, found.windows) == (len(held[:1]), len(told), 1)
    assert sound == (not held and not told)


def test_no_room_for_keys(monkeypatch):
    """Where there is no room for more fingerprints, that is an error of the system, which is told as such."""
    seen = KeySet(most=1)
    assert seen.add(digest("1"))
    monkeypatch.setattr(keys.sqlite3, "connect", Mock(side_effect=sqlite3.OperationalError("database or disk is full")))
    with pytest.raises(OSError, match="no space is left") as caught:
        seen.add(digest("2"))
    assert caught.value.errno == errno.ENOSPC
    seen.close()


def test_keys_beyond_memory():
    """Beyond what memory is for, keys are found just as well."""
    seen = KeySet(most=10)
    numbers = [digest(str(number)) for number in range(50)]
    assert all(seen.add(mark) for mark in numbers)
    assert not any(seen.add(mark) for mark in numbers)
    assert len(seen) == 50
    seen.close()
    seen.close()


@given(texts, texts, st.sampled_from([1, 3, 100]))
def test_what_two_windows_share(own, other, at_once):
    """Keys in common are flagged, however few are looked at at a time."""
    before, keys.IN_MEMORY = keys.IN_MEMORY, at_once
    try:
        flags = bytearray(len(own))
        count = share(b"".join(map(digest, own)), b"".join(map(digest, other)), flags)
    finally:
        keys.IN_MEMORY = before
    assert [key for key, flag in zip(own, flags, strict=True) if flag] == [key for key in own if key in other]
    assert count == sum(flags)
    assert len(digest("x")) == DIGEST


def test_sums_of_sums():
    """Sums are added up exactly; one that cannot be is counted."""
    sums = Amounts()
    sums.merge([Owed("OPEN", "NOK", 2, Decimal("0.1")), Owed("OPEN", "NOK", 1, Decimal("0.2"))])
    sums.merge([Owed("OPEN", "NOK", 4, Decimal("1e-70"))])
    assert list(sums) == [Owed("OPEN", "NOK", 3, Decimal("0.3"))]
    assert sums.unread == 4
