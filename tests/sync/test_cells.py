"""Rows as cells, tables and keys: tables of what becomes of which value, and what must hold for any row at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.structs import Model, Money
from amili_async.sync.cells import Cells, mend, read_timestamp, stamp
from amili_async.sync.columns import Column
from amili_async.sync.rowkeys import LONGEST, MADE_UP, are_usable, key_of, usable_key
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import Table, part_table, snake, table_of, tables_of

KINDS = ("text", "decimal", "timestamp", "date", "integer", "boolean", "json")
TABLE = Table("things", (Column("id", "id", "text"), *(Column(kind, kind, kind) for kind in KINDS)))


def read(line: bytes, *, careful: bool = False):
    """Read one row: cells by column, `_extra`, and whether all fitted."""
    [(cells, fits)] = Cells(TABLE, careful=careful).rows(line + b"\n")
    *values, extra = cells
    return dict(zip(("id", *KINDS), values, strict=True)), None if extra is None else json.loads(extra, parse_float=str), fits


def row(**members: str) -> bytes:
    """Return a row of these members, as JSON."""
    return ('{"id":"1",' + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode()


FITTING = [
    ("text", '"x"', "x"),
    ("text", '""', ""),
    ("text", '"æ\\n\\"\\\\\\u00e6\\ud83c\\udfe0"', 'æ\n"\\æ🏠'),
    ("text", "12.50", "12.50"),
    ("text", "-1E5", "-1E5"),
    ("decimal", "1.10", "1.10"),
    ("decimal", "-0", "-0"),
    ("decimal", "1e400", "1e400"),
    ("decimal", '"7.0"', "7.0"),
    ("decimal", "0." + "1" * 30, "0." + "1" * 30),
    ("timestamp", '"2026-03-01T12:00:00Z"', "2026-03-01T12:00:00.000000Z"),
    ("timestamp", '"2026-03-01T12:00:00.1Z"', "2026-03-01T12:00:00.100000Z"),
    ("timestamp", '"2026-03-01T12:00:00.123456Z"', "2026-03-01T12:00:00.123456Z"),
    ("timestamp", '"2026-03-01T12:00:00.1234560Z"', "2026-03-01T12:00:00.123456Z"),
    ("timestamp", '"2026-03-01T12:00:00+01:30"', "2026-03-01T10:30:00.000000Z"),
    ("timestamp", '"2026-03-01T12:00:00"', "2026-03-01T12:00:00.000000Z"),
    ("timestamp", '" 2026-03-01 12:00:00z "', "2026-03-01T12:00:00.000000Z"),
    ("timestamp", '"2026-03-01"', "2026-03-01T00:00:00.000000Z"),
    ("timestamp", '"2026\\u002d03-01"', "2026-03-01T00:00:00.000000Z"),
    ("date", '"2026-03-01"', "2026-03-01"),
    ("date", '"2026-03-01T00:00:00Z"', "2026-03-01"),
    ("integer", "-9223372036854775808", "-9223372036854775808"),
    ("boolean", "true", "1"),
    ("boolean", "false", "0"),
    ("json", '{"a":[1.50,null]}', '{"a":[1.50,null]}'),
    ("json", '"x"', '"x"'),
]

UNFITTING = [
    ("text", "true"),
    ("text", "[1]"),
    ("decimal", '"much"'),
    ("decimal", '"1."'),
    ("decimal", "true"),
    ("timestamp", '""'),
    ("timestamp", "17"),
    ("timestamp", '"2026-02-30T12:00:00Z"'),
    ("timestamp", '"2026-02-28T24:00:00Z"'),
    ("timestamp", '"0000-01-01T00:00:00Z"'),
    ("timestamp", '"0001-01-01T00:00:00+10:00"'),
    ("date", '"soon"'),
    ("date", "true"),
    ("integer", "9223372036854775808"),
    ("integer", "1.0"),
    ("integer", '"1"'),
    ("boolean", "1"),
    ("boolean", '"true"'),
]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("kind", "text", "cell"), FITTING)
def test_what_fits(kind, text, cell, careful):
    """A value that fits stands in its column, exactly, and nowhere else."""
    cells, extra, fits = read(row(**{kind: text}), careful=careful)
    assert (cells[kind], extra, fits) == (cell.encode(), None, True)


@pytest.mark.parametrize("kind", KINDS)
def test_null_and_absent(kind):
    """Both leave the column empty, and fit."""
    assert read(row(**{kind: "null"})) == read(b'{"id":"1"}') == ({"id": b"1"} | dict.fromkeys(KINDS), None, True)


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("kind", "text"), UNFITTING)
def test_what_does_not_fit(kind, text, careful):
    """Its column is empty, the value is in `_extra` under its name on the wire, and it is told."""
    cells, extra, fits = read(row(**{kind: text}), careful=careful)
    assert cells[kind] is None
    assert extra == {kind: json.loads(text, parse_float=str)}
    assert not fits


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "json"])
def test_the_empty_object_that_is_documented(kind):
    """`{}` is kept, and is no contradiction."""
    assert read(row(**{kind: "{}"}))[1:] == ({kind: {}}, True)


@pytest.mark.parametrize(
    ("kind", "text", "cell"),
    [
        ("timestamp", '"2026-03-01T12:00:00.1234567Z"', b"2026-03-01T12:00:00.123456Z"),
        ("timestamp", '"2026-03-01T12:00:00,12345678+00:00"', b"2026-03-01T12:00:00.123456Z"),
        ("date", '"2026-03-01T12:00:00Z"', b"2026-03-01"),
    ],
)
def test_what_fits_in_part(kind, text, cell):
    """The column has what it can hold, `_extra` the whole."""
    cells, extra, fits = read(row(**{kind: text}))
    assert (cells[kind], extra, fits) == (cell, {kind: json.loads(text)}, False)


def test_unknown_members_are_kept_as_they_came():
    """Names and bytes of what has no column are those of the wire."""
    line = b'{"id":"1","n\\"\\u00e6":{"a": 1.10},"x":1E2,"text":"t","y":null}'
    [(cells, fits)] = Cells(TABLE).rows(line)
    assert cells[-1] == '{"n\\"æ":{"a": 1.10},"x":1E2,"y":null}'.encode()
    assert (cells[0], cells[1], fits) == (b"1", b"t", True)


@pytest.mark.parametrize("line", [b"null", b"17", b'["id"]', b'{"id":"1",', b'"\\ud800', b"\xff"])
def test_rows_that_are_no_objects(line):
    """They get a key made up, and are kept as texts."""
    cells, extra, fits = read(line)
    assert cells["id"].startswith(MADE_UP.encode())
    assert [cells[kind] for kind in KINDS] == [None] * len(KINDS)
    assert extra == {"_row": line.decode(errors="backslashreplace")}
    assert not fits


@pytest.mark.parametrize(
    ("line", "column", "cell"),
    [
        (row(text='"a\\u0000b"'), "text", b"ab"),
        (row(text='"a\\ud800b"'), "text", "a�b".encode()),
        (row(text='"aÿb"').replace("ÿ".encode(), b"\xff"), "text", "a�b".encode()),
        (row(json='["\\u0000"]'), "json", b'[""]'),
    ],
)
def test_what_no_database_text_can_hold(line, column, cell):
    """The column has the rest, and the row is kept as it came."""
    cells, extra, fits = read(line, careful=True)
    assert cells[column] == cell
    assert extra == {"_row": line.decode(errors="backslashreplace")}
    assert not fits


def test_only_a_careful_look_finds_what_only_some_databases_refuse():
    """Without it, what JSON texts can hold goes through as it came; a text of its own never does."""
    line = row(json='["\\u0000"]')
    assert read(line)[0]["json"] == b'["\\u0000"]'
    assert read(row(text='"\\u0000"'))[0]["text"] == b""


@pytest.mark.parametrize("number", ["1e131072", "1e-16384", "-12345e131069", "0.5e-16383", "1" * 131_073])
@pytest.mark.parametrize("form", ["%s", "[{%s}]"])
def test_numbers_beyond_postgresql(number, form):
    """A careful look sets them aside wherever they are; the row is kept as it came."""
    text = form.replace("{%s}", '{"a":%s}') % number
    for kind in ("decimal" if form == "%s" else "json", "unknown"):
        line = row(**{kind: text}, text='"e99999999 1e99999999"')
        cells, extra, fits = read(line, careful=True)
        assert cells.get(kind) is None
        assert cells["text"] == b"e99999999 1e99999999"
        assert extra == {"_row": line.decode()}
        assert not fits


@pytest.mark.parametrize("number", ["1e131071", "1e-16383", "1.5E+10", "-0.0", "1" * 131_072])
def test_numbers_that_postgresql_can_hold(number):
    """They stay."""
    cells, extra, _ = read(row(decimal=number), careful=True)
    assert (cells["decimal"], extra) == (number.encode(), None)


@given(
    st.dictionaries(
        st.sampled_from([*KINDS, "unknown", 'odd "name"', "æ"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
            lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
            max_leaves=6,
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_nothing_is_lost(members, careful):
    """Whatever a row says is in its cells or in `_extra`; and other rows of the chunk do not change that."""
    line = msgspec.json.Encoder(decimal_format="number").encode({"id": "1", **members})
    cells, extra, _ = read(line, careful=careful)
    [_, (again, _), _] = Cells(TABLE, careful=careful).rows(b'{"id":"0"}\n' + line + b'\n{"id":"2"}\n')
    assert dict(zip(("id", *KINDS), again, strict=False)) == cells
    if extra and "_row" in extra:
        assert extra["_row"] == line.decode()
        return
    exact = json.loads(line, parse_float=str)
    for name, value in exact.items():
        if extra and name in extra:
            assert extra[name] == value
        elif value is None:
            assert cells[name] is None
        elif name == "json":
            assert json.loads(cells[name], parse_float=str) == value
        elif name == "boolean":
            assert cells[name] == (b"1" if value else b"0")
        elif name in {"timestamp", "date"}:
            assert stamp(datetime.fromisoformat(value).replace(tzinfo=UTC))[:10] == cells[name].decode()[:10]
        else:
            assert cells[name].decode() == str(value)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_moments_stay_the_same(moment):
    """However a time is written, its cell is that moment in UTC; all cells sort as the moments do."""
    try:
        expected = stamp(moment)
    except OverflowError:
        return
    assert read_timestamp(json.dumps(moment.isoformat()).encode()) == expected.encode()
    assert datetime.fromisoformat(expected) == moment
    assert len(expected) == 27


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (b'"plain"', b'"plain"'),
        (b'"\\\\u0000"', b'"\\\\u0000"'),
        (b'"\\\\\\u0000"', b'"\\\\"'),
        (b'"\\ud83c\\udfe0 \\ud83c"', b'"\\ud83c\\udfe0 \\ufffd"'),
        (b'"\xc3\xa6\xff"', '"æ�"'.encode()),
    ],
)
def test_mending(line, mended):
    """Only what is broken is touched: a backslash of its own before u0000 is none of it."""
    assert mend(line) == mended


@pytest.mark.parametrize(
    ("member", "key"),
    [
        (b'"a b"', b"a b"),
        (b'"\\u00e6"', "æ".encode()),
        ('"æ"'.encode(), "æ".encode()),
        (b"17", b"17"),
        (b"-1.50e3", b"-1.50e3"),
        (f'"{"x" * LONGEST}"'.encode(), b"x" * LONGEST),
        (f'"{"x" * (LONGEST + 1)}"'.encode(), None),
        (f'"{"æ" * LONGEST}"'.encode(), None),
        (b'""', None),
        (b'"\\u0000"', None),
        (b'"\\ud800"', None),
        (b'"\xff"', None),
        (b"null", None),
        (b"true", None),
        (b"{}", None),
        (b"[1]", None),
    ],
)
def test_keys(member, key):
    """A key is a text that an index can hold; a number counts by its digits. All other rows get one made of their bytes."""
    assert usable_key(member) == key
    made_up = key_of(b"null", b"row")
    assert key_of(member, b"row") == (made_up if key is None else key.decode())
    assert key_of(b"null", b"another row") != made_up


@pytest.mark.parametrize(
    ("key", "usable"),
    [
        ("a", True),
        ("", False),
        ("a\0", False),
        ("x" * LONGEST, True),
        ("x" * (LONGEST + 1), False),
        ("æ" * (LONGEST // 2), True),
        ("æ" * (LONGEST // 2 + 1), False),
    ],
)
@pytest.mark.parametrize("others", [[], ["b"], ["ø"]], ids=["alone", "among others", "among others of any letters"])
def test_keys_of_a_page(key, usable, others):
    """Many are looked at as one is."""
    assert are_usable([*others, key]) == usable
    assert (usable_key(msgspec.json.encode(key)) is not None) == usable


def test_tables():
    """The key comes first and is a text; parts are told apart by their place in the row; nobody's parts have no columns."""
    cases = table_of(STREAMS["cases"])
    assert (cases.name, cases.keys, cases.key.name, cases.key.kind) == ("cases", 1, "case_id", "text")
    lines = part_table(STREAMS["documents"], "documentLines")
    assert lines.name == "documents_document_lines"
    assert [column.name for column in lines.columns[: lines.keys]] == ["document_no", "_index"]
    assert [table.name for table in tables_of(STREAMS["cases"], ("claims", "unknown", "invoices"))] == [
        "cases",
        "cases_invoices",
        "cases_claims",
    ]
    assert len(part_table(STREAMS["cases"], "unknown").columns) == 2
    names = [column.wire for column in part_table(STREAMS["cases"], "invoices").columns]
    assert len(names) == len(set(names))
    assert [snake(name) for name in ("caseId", "arItemId", "KID", "a1B")] == ["case_id", "ar_item_id", "kid", "a1_b"]


def test_a_key_that_is_a_number_has_a_column_of_text():
    """So that a made-up key fits beside it."""

    class Thing(Model, frozen=True, kw_only=True):
        thing_no: int | None = None
        price: Money | None = None

    stream = replace(
        STREAMS["gl_items"], operation=msgspec.structs.replace(STREAMS["gl_items"].operation, response=Thing), key="thingNo"
    )
    table = table_of(stream)
    assert [(column.name, column.kind) for column in table.columns] == [("thing_no", "text"), ("price", "decimal")]
    [(cells, _)] = Cells(table).rows(b'{"thingNo":17,"price":1.50}\n')
    assert cells == [b"17", b"1.50", None]
