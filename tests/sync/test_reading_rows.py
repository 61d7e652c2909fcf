"""Rows that are cut out of an answer without being read first: they are what reading it would have given, or it is read."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from amili_async.errors import DecodeError
from amili_async.pages import read_page
from amili_async.sync import Redaction, Window
from amili_async.sync import reading as reading_module
from amili_async.sync.probe import Probe
from amili_async.sync.reading import Reading
from amili_async.sync.rows import RowReader, Rows, look_at
from amili_async.sync.sinks.base import Spool, Work
from amili_async.sync.streams import STREAMS

CASES = STREAMS["cases"]
PAGING = CASES.operation.paging

USUAL = [
    '{"caseId":"a","closedAt":null,"claims":[{"currency":"NOK"}]}',
    '{"caseId":"b","note":"\\"},{\\"caseId\\":\\"x\\"}","invoices":[{"id":1},{"id":2}]}',
    '{"caseId":"c","note":"]}],{[","status":"NEW","remainingAmount":2.50}',
]
ODD = [
    '{"status":"NEW","caseId":"d"}',
    '{"caseId":"e","claims":[{"caseId":"n"},{"caseId":"m"}]}',
    '{ "caseId":"f"}',
    '{"caseId":"g",\n"status":"NEW"}',
    '{"caseId":7}',
    '{"caseId":""}',
    '{"caseId":"h","status":5}',
    '{"caseId":"\udcff"}',
    "null",
    "{}",
    "7",
]
AROUND = [
    ('{"data":[', "]}"),
    ('{"data":[', '],"summary":{"nextPageToken":"t"},"skipSummary":{"totalCount":9}}'),
    ('{"summary":{"nextPageToken":"t"},"data":[', "]}"),
    ('{"data":[', '],"errors":[]}'),
    ('{"data":[', '],"errors":[{"code":1}]}'),
    ('{"data": [', "]}"),
    ('{"other":[{"data":[', ']}],"data":[{"caseId":"z"}]}'),
    ('{"other":"\\"data\\":[","data":[', "]}"),
    ('{"data":[{"caseId":"y"}],"data":[', "]}"),
    ('{"data": [],"summary":{"nextPageToken":"t","data":[', "]}}"),
    ('{"data":[', '],"data":null}'),
]


def reader():
    """Return a new one."""
    return RowReader(Probe(CASES))


def body_of(rows, around=AROUND[1]):
    """Return an answer."""
    return ",".join(rows).join(around).encode(errors="surrogateescape")


def both(body):
    """Read an answer in both ways; return the rows as lines, what was seen of them, and what is said about the walk."""
    found = []
    for kind in (reader(), Raw):
        page = read_page(kind, PAGING, 200, body, copy=False)
        rows = page.items if isinstance(page.items, Rows) else look_at(page.items, Probe(CASES))
        seen = [(look.key, look.open) for look in rows]
        found.append((rows.lines, seen, page.facts, page.size, page.null, page.key))
    return found


@pytest.mark.parametrize("around", [AROUND[place] for place in (0, 1, 2, 3, 7)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_usual_answers_are_not_read_first(around, count):
    """Whatever stands in texts, and around the rows: each is found where it lies."""
    body = body_of(USUAL[:count], around)
    page = read_page(reader(), PAGING, 200, body)
    assert isinstance(page.items, Rows)
    assert page.items.lines == "".join(f"{row}\n" for row in USUAL[:count]).encode()
    assert [look.key for look in page.items] == ["a", "b", "c"][:count]
    assert page.facts.rows == count
    cut, read = both(body)
    assert cut == read


@given(st.lists(st.sampled_from(USUAL + ODD), max_size=6), st.sampled_from(AROUND))
def test_whatever_comes(rows, around):
    """Rows that are odd, begin in other ways or hold others like them are what reading gives."""
    cut, read = both(body_of(rows, around))
    assert cut == read


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", '"},{"caseId":', "}\n{", "]}"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(["caseId", "a", "data"]), values, max_size=3),
    max_leaves=12,
)
cases = st.dictionaries(st.sampled_from(["caseId", "a", "data"]), json_values, max_size=3).map(lambda row: {"caseId": "k", **row})


@given(st.lists(cases | json_values, max_size=5))
def test_any_json(rows):
    """Whatever JSON there is in the list."""
    cut, read = both(body_of([json.dumps(row, separators=(",", ":")) for row in rows]))
    assert cut == read


@pytest.mark.parametrize(
    "text",
    [
        '{"data":[{"caseId":"a"}{"caseId":"b"}]}',
        '{"data":[{"caseId":"a"},,{"caseId":"b"}]}',
        '{"data":[{"caseId":"a"},]}',
        '{"data":[{"caseId":"a"},{"caseId":"b"]}',
        '{"data":[{"caseId":"a"},{"caseId":"b"}]',
        '{"data":[{"caseId":"a"}]}}',
        '{"data":[{"caseId":"a"},{"caseId":"b","x":[1}]}',
        '{"data":[{"caseId":"a","x":"\x01"}]}',
    ],
)
def test_what_is_no_json_is_refused(text):
    """Cutting rows out lets nothing pass that reading refuses."""
    for kind in (reader(), Raw):
        with pytest.raises(DecodeError, match="not JSON"):
            read_page(kind, PAGING, 200, text.encode())


def test_what_did_not_go_once_is_not_tried_again(monkeypatch):
    """A list with odd rows costs one attempt."""
    attempts, kind = [], reader()
    look = Probe.look_at_all
    monkeypatch.setattr(Probe, "look_at_all", lambda *given: attempts.append(1) or look(*given))
    for rows in (USUAL, ODD[:2], USUAL, USUAL):
        page = read_page(kind, PAGING, 200, body_of(rows))
        assert len(page.items) == len(rows)
    assert len(attempts) == 2
    assert msgspec.json.decode(page.items[0])["caseId"] == "a"


def test_rows_that_were_cut_out_are_redacted():
    """Whoever hands them to a reading that redacts does not get round it."""
    work = Work(Window("cases", "o"), CASES, datetime(2026, 1, 1, tzinfo=UTC), {"cases": Spool()})
    with closing(Reading(work, redaction=Redaction(("email",)))) as reading:
        text = b'{"caseId":"a","debtors":[{"email":"kari@example.com"}]},{"caseId":"b"}'
        reading.take(reader().read(text, 0, len(text)))
        assert reading.rows == 2
        assert b"kari" not in b"".join(work.rows.chunks())


def test_what_is_light(monkeypatch):
    """Rows are taken in on the spot only if nothing has to be done to each, and none has to be looked up on disk."""

    def begun(*args):
        return closing(Reading(Work(Window("cases", "o"), CASES, datetime(2026, 1, 1, tzinfo=UTC), {"cases": Spool()}), *args))

    text = ",".join(USUAL).encode()
    rows = reader().read(text, 0, len(text))
    with begun() as plain, begun(("claims",)) as parted, begun((), Redaction(("email",))) as redacted:
        assert plain.is_light(rows)
        assert not plain.is_light([Raw(b"{}")])
        assert not parted.is_light(rows)
        assert not redacted.is_light(rows)
        monkeypatch.setattr(reading_module, "IN_MEMORY", len(rows))
        assert plain.is_light(rows)
        plain.take(rows)
        assert not plain.is_light(rows)
