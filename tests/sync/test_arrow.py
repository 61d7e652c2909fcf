"""Rows as Arrow tables: exact types, three ways of reading, and that each of them says what was said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amili_async.structs import Model, Money
from amili_async.sync import arrow, extras
from amili_async.sync.arrow import SAMPLE, Converter, schema_of, to_table
from amili_async.sync.columns import columns_of
from amili_async.sync.rowkeys import MADE_UP
from amili_async.sync.tables import Table, part_table, table_of
from tests.sync.conformance import CASES, MARCH, ORG, READ_AT, all_same, case, read
from tests.sync.places import typed_row

TABLE = table_of(CASES)


class Part(Model, frozen=True, kw_only=True):
    """A part of a row."""

    price: Money | None = None
    day: date | None = None
    texts: tuple[str, ...] | None = None
    name: str | None = None


class Thing(Model, frozen=True, kw_only=True):
    """A row with a column of each kind."""

    thing_no: str
    amount: Money | None = None
    moment: datetime | None = None
    day: date | None = None
    count: int | None = None
    number: int | str | None = None
    flag: bool | None = None
    part: Part | None = None
    parts: tuple[Part | None, ...] | None = None


THINGS = Table("things", columns_of(Thing))


class Opener(Model, frozen=True, kw_only=True):
    """A row with something of unknown shape."""

    thing_no: str
    what: dict[str, object] | None = None
    whats: tuple[dict[str, object] | None, ...] | None = None


OPEN = Table("open", columns_of(Opener))


def lines(*rows: bytes) -> bytes:
    """Return rows as lines."""
    return b"".join(row + b"\n" for row in rows)


def thing(**members: str) -> bytes:
    """Return a row of which the members are JSON."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in {"thingNo": '"t"', **members}.items()) + "}").encode()


def converted(*rows: bytes, table: Table = THINGS, converter: Converter | None = None) -> tuple[list[dict], Converter]:
    """Convert rows; return them as mappings, and the converter."""
    converter = converter or Converter(table)
    found, _ = converter.convert(lines(*rows), MARCH, READ_AT)
    found.validate(full=True)
    return found.to_pylist(), converter


def last_way(converter: Converter) -> str:
    """Return the way in which a converter has read its only chunk."""
    [way] = converter.ways
    return way


def test_schema():
    """Names are in snake case down to the parts, amounts and moments exact; columns tell where a row is from."""
    moment = pa.timestamp("us", "UTC")
    amount = pa.decimal128(38, 10)
    part = pa.struct([("price", amount), ("day", pa.date32()), ("texts", pa.list_(pa.string())), ("name", pa.string())])
    assert schema_of(THINGS) == pa.schema(
        [
            ("_amili_organization", pa.string()),
            ("thing_no", pa.string()),
            ("amount", amount),
            ("moment", moment),
            ("day", pa.date32()),
            ("count", pa.int64()),
            ("number", pa.string()),
            ("flag", pa.bool_()),
            ("part", part),
            ("parts", pa.list_(part)),
            ("_extra", pa.string()),
            ("_amili_window", pa.string()),
            ("_amili_fetched_at", moment),
        ]
    )
    assert schema_of(OPEN).field("what").type == pa.string()
    assert schema_of(OPEN).field("whats").type == pa.list_(pa.string())
    assert [field.name for field in schema_of(part_table(CASES, "claims"))][:3] == ["_amili_organization", "case_id", "_index"]
    invoices = schema_of(TABLE).field("invoices").type
    assert invoices.value_type.field("remaining_principal").type == amount


def test_documented_rows_go_the_fast_way():
    """After the first chunk, which teaches that numbers of cases are numbers, rows are read as they are."""
    rows = [case(number) for number in range(50)]
    _, converter = converted(*rows, table=TABLE)
    found, _ = converted(*rows, table=TABLE, converter=converter)
    found, _ = converted(*rows, table=TABLE, converter=converter)
    assert converter.ways == {"all_exactly": 1, "as_they_are": 2}
    assert all_same(rows, [typed_row(row, TABLE).row for row in found])
    assert [row["case_number"] for row in found[:2]] == ["5000000", "5000001"]
    assert {row["_extra"] for row in found} == {None}
    assert {(row["_amili_organization"], row["_amili_window"], row["_amili_fetched_at"]) for row in found} == {
        (ORG, MARCH.name, READ_AT)
    }


FITTING = {
    "amount": [
        "1",
        "1.50",
        "-0.0000000001",
        "1e5",
        "1E+2",
        "25e-4",
        "9999999999999999999999999999.9999999999",
        '"12.50"',
        '"+.5"',
        "-0",
    ],
    "moment": [
        '"2026-03-01T12:00:00Z"',
        '"2026-03-01T12:00:00.1Z"',
        '"2026-03-01T12:00:00.123456Z"',
        '"2026-03-01T12:00:00"',
        '"2026-03-01 12:00:00"',
        '"2026-03-01T12:00:00+02:00"',
        '"2026-03-01T12:00:00-0330"',
        '"2026-03-01"',
        '"9999-12-31T23:59:59.999999Z"',
        '"0001-01-01T00:00:00Z"',
    ],
    "day": ['"2026-03-01"', '"0001-01-01"', '"9999-12-31"', '"2024-02-29"'],
    "count": ["0", "-1", "9223372036854775807", "-9223372036854775808"],
    "number": ['"007"', '"C-17"', '""'],
    "flag": ["true", "false"],
    "part": ["{}", '{"price":1.1,"day":"2026-03-01","texts":["a",null,"\\u00e6\\ud83c\\udfe0"]}', '{"texts":[]}'],
    "parts": ["[]", "[null]", '[{},null,{"price":2}]'],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FITTING.items() for value in values])
def test_fast_way_says_what_was_said(name, value):
    """Whatever the fast way accepts stands in its column, exactly, and the exact way agrees with it."""
    row = thing(**{name: value})
    [found], converter = converted(row, b'{"thingNo":"u"}')[0][:1], None
    assert found["_extra"] is None
    assert all_same([row], [typed_row(found, THINGS).row])
    converter = Converter(THINGS)
    converter._way = arrow._Way.ALL_EXACTLY
    [slow, _], _ = converted(row, b'{"thingNo":"u"}', converter=converter)
    assert slow == found
    assert all(value.is_finite() for value in found.values() if isinstance(value, Decimal))
    if name not in {"part", "parts"} or "{}" not in value:
        [_, _], fresh = converted(row, b'{"thingNo":"u"}')
        assert last_way(fresh) == "as_they_are"


MISFITS = {
    "amount": [
        "12345678901234567890123456789.1",  # pyarrow.json takes it for good
        "1e28",  # likewise
        "-1e28",
        "2e28",
        "170141183460469231731687303716",
        "1e400",
        "1e-11",
        "0.00000000001",
        '"abc"',
        '""',
        '"NaN"',
        '"1,5"',
        '"-"',
        "true",
        "{}",
        "[]",
    ],
    "moment": ['"soon"', '""', "17", "1.5", "true", "{}", '"2026-02-30T00:00:00Z"', '"2026-03-01T24:00:00Z"', '"20"'],
    "day": ["1", '"2026-02-30"', '"x"', "{}"],
    "count": ["1.5", "1e3", "9223372036854775808", '"1"', "true"],
    "number": ["true", "{}", "[]"],
    "flag": ["1", '"true"', "{}"],
    "part": ["[]", '"x"', "1", "false"],
    "parts": ["{}", '"x"', "1"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in MISFITS.items() for value in values])
def test_what_does_not_fit_is_kept(name, value):
    """The column is null, the original stands in the extra under its name, and rows beside it are as ever."""
    row = thing(**{name: value})
    [found, beside], converter = converted(row, thing(amount="2.5"))
    assert found[name] is None
    assert found["_extra"] == f'{{"{name}":{value}}}'
    assert (beside["amount"], beside["_extra"]) == (Decimal("2.5"), None)
    assert last_way(converter) == "all_exactly"


@pytest.mark.parametrize(
    ("value", "day", "kept"),
    [('"2026-03-01T00:00:00Z"', date(2026, 3, 1), False), ('"2026-03-01T01:00:00Z"', date(2026, 3, 1), True)],
)
def test_days_that_are_moments(value, day, kept):
    """A midnight is its day; of any other moment the extra keeps the rest."""
    [found], _ = converted(thing(day=value))
    assert found["day"] == day
    assert found["_extra"] == (f'{{"day":{value}}}' if kept else None)


def test_digits_beyond_microseconds():
    """They are cut off, and only if that loses something the original is kept."""
    rows = [thing(moment=f'"2026-03-01T12:00:00.{digits}Z"') for digits in ("1234560", "1234567")]
    (whole, cut), _ = converted(*rows)
    assert whole["moment"] == cut["moment"] == datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
    assert (whole["_extra"], cut["_extra"]) == (None, '{"moment":"2026-03-01T12:00:00.1234567Z"}')


def test_extras_stand_at_their_place():
    """What is unknown in a part, or does not fit there, is found in the extra where it was in the row, with its bytes."""
    row = thing(
        part='{"price":1E1,"new":{"a":1.10}}',
        parts='[{"price":1},{"price":{},"x":null},null,5,{"texts":["a",{},"b"]},{"day":"2026-03-01"}]',
        other="[1, 2]",
    )
    [found], _ = converted(row)
    assert json.loads(found["_extra"], parse_float=str) == {
        "part": {"new": {"a": "1.10"}},
        "parts": [None, {"price": {}, "x": None}, None, 5, {"texts": [None, {}]}],
        "other": [1, 2],
    }
    assert found["part"]["price"] == 10
    assert [part and part["price"] for part in found["parts"]] == [1, None, None, None, None, None]
    assert found["parts"][4]["texts"] == ["a", None, "b"]


def test_only_the_first_rows_of_a_large_chunk_are_read_slowly():
    """What can be learnt is learnt from a few rows; the rest of the chunk goes the fast way, and keeps its order."""
    rows = [case(number) for number in range(SAMPLE // len(case(0)) + 30)]
    found, converter = converted(*rows, table=TABLE)
    assert converter.ways == {"all_exactly": 1, "as_they_are": 1}
    assert [row["case_number"] for row in found] == [str(5_000_000 + number) for number in range(len(rows))]


def test_empty_objects_for_texts():
    """The documented `{}` goes to the extra, at its place, is no misfit, and does not slow down the rows beside it."""
    rows = [
        thing(number='"1"'),
        thing(number="{}"),
        thing(parts='[{"name":"a"},{"name":{}},null,{"name":{},"price":1}]', part='{"name":{},"texts":[]}'),
        thing(parts='[{"name":{}}]', number="null"),
        thing(part="{}", parts="[{}]"),
    ]
    converter = Converter(THINGS)
    slow, first = converter.convert(lines(*rows), MARCH, READ_AT)
    fast, second = converter.convert(lines(*rows), MARCH, READ_AT)
    assert converter.ways == {"all_exactly": 1, "marked": 1}
    assert (first, second) == (False, False)
    fast.validate(full=True)
    assert [extra and json.loads(extra) for extra in fast["_extra"].to_pylist()] == [
        None,
        {"number": {}},
        {"part": {"name": {}}, "parts": [None, {"name": {}}, None, {"name": {}}]},
        {"parts": [{"name": {}}]},
        None,
    ]
    assert fast.drop_columns("_extra").equals(slow.drop_columns("_extra"))
    assert list(map(json.loads, fast["_extra"].to_pylist()[1:4])) == list(map(json.loads, slow["_extra"].to_pylist()[1:4]))
    found, _ = converted(thing(number='"1"'), converter=converter)
    assert (found[0]["number"], converter.ways["marked"]) == ("1", 2)


@pytest.mark.parametrize(
    "odd",
    [
        thing(number='"\\u0000{}"'),  # the very text that is put in place of `{}`
        thing(number="{ }"),
        thing(amount="{}"),
        thing(other='{"number":{}}'),
        thing(parts='[{"texts":[{}]}]'),
        thing(parts='[{"other":{"name":{}}}]'),
        thing(part="{}", other='"\\"number\\":{}"'),
    ],
)
def test_empty_objects_elsewhere(odd):
    """Marks are taken for nothing else, and what is no text is not marked."""
    _, converter = converted(thing(number="{}", parts='[{"name":{}}]'))
    rows = [thing(number="{}"), odd, thing(parts='[{"name":{}}]')]
    found, _ = converted(*rows, converter=converter)
    assert all_same(rows, [typed_row(row, THINGS).row for row in found])
    assert [found[0]["_extra"], found[2]["_extra"]] == ['{"number":{}}', '{"parts":[{"name":{}}]}']
    exact, _ = converted(*rows)
    assert [{**row, "_extra": json.loads(row["_extra"] or "0")} for row in exact] == [
        {**row, "_extra": json.loads(row["_extra"] or "0")} for row in found
    ]


def test_unknown_members_in_every_row():
    """They are collected without reading anything else row by row; once they are gone, rows go the fast way again."""
    rows = [thing(amount=f"{number}.25", new=f'"{number}"', parts='[{"price":1,"x":1}]') for number in range(5)]
    _, converter = converted(*rows)
    found, _ = converted(*rows, converter=converter)
    assert converter.ways == {"all_exactly": 1, "all_lightly": 1}
    assert [json.loads(row["_extra"]) for row in found] == [{"new": str(number), "parts": [{"x": 1}]} for number in range(5)]
    assert sum(row["amount"] for row in found) == Decimal("11.25")
    for _ in range(2):
        converted(thing(amount="1"), converter=converter)
    assert converter.ways == {"all_exactly": 1, "all_lightly": 2, "marked": 1}


def test_unknown_members_and_empty_objects():
    """Where both are, both are found: in rows that have both or one of them, and beside rows that are odd in other ways."""
    rows = [
        thing(new="1", number="{}", part='{"price":1}', parts="[]"),
        thing(new="2", parts='[{"name":{},"price":3},{"price":4},{"x":[{}]}]', part='{"name":{}}'),
        thing(new="3", parts='[{"price":5}]'),
        thing(number='"n"'),
    ]
    _, converter = converted(thing(new="1"))
    found, _ = converted(*rows, converter=converter)
    assert converter.ways == {"all_exactly": 1, "all_lightly": 1}
    assert [json.loads(row["_extra"] or "0") for row in found] == [
        {"new": 1, "number": {}},
        {"new": 2, "parts": [{"name": {}}, None, {"x": [{}]}], "part": {"name": {}}},
        {"new": 3},
        0,
    ]
    assert all_same(rows, [typed_row(row, THINGS).row for row in found])
    odd = [thing(new="1"), b"5", b'{"thingNo":"u","part":5,"number":{}}', thing(new="2")]
    found, _ = converted(*odd, converter=converter)
    assert [json.loads(row["_extra"]) for row in found] == [{"new": 1}, {"_row": "5"}, {"part": 5, "number": {}}, {"new": 2}]


def test_unknown_members_beside_misfits():
    """A misfit among unknown members is found all the same: the light look leaves it to the reader, which refuses it."""
    good = thing(new="1")
    _, converter = converted(good)
    rows, misfit = converter.convert(lines(good, thing(new="2", amount="1e400")), MARCH, READ_AT)
    assert misfit
    assert rows["_extra"].to_pylist() == ['{"new":1}', '{"amount":1e400,"new":2}'] or rows["_extra"].to_pylist()[1] == (
        '{"new":2,"amount":1e400}'
    )


def test_no_misfit_without_one():
    """Unknown members, other forms of dates and numbers in texts are no drift; a value that fits nowhere is."""
    converter = Converter(THINGS)
    for row in (thing(new="1"), thing(moment='"2026-03-01t12:00:00z"'), thing(number="17"), thing(number="{}")):
        assert converter.convert(lines(row), MARCH, READ_AT)[1] is False
    assert converter.convert(lines(thing(flag="17")), MARCH, READ_AT)[1] is True


def test_numbers_in_texts_keep_their_digits():
    """Numbers are read as such once they are known to come, and mixtures of both kinds stay exact."""
    converter = Converter(THINGS)
    for values in (
        ["17", "18"],
        ["19"],
        ["0"],
        ["-0", "5"],
        ["20"],
        ["21", '"007"'],
        ["22"],
        ['"x"', "1.50", "12345678901234567890"],
    ):
        found, _ = converted(*(thing(number=value) for value in values), converter=converter)
        assert [row["number"] for row in found] == [value.strip('"') for value in values]
        assert {row["_extra"] for row in found} == {None}


def test_keys():
    """A row without a usable key gets one made up, in every way of reading; two rows without one differ."""
    for first in (thing(), thing(new="1"), thing(number="{}")):
        _, converter = converted(first)
        rows = [thing(), b'{"amount":1}', b'{"amount":2}', thing(thingNo='""'), thing(thingNo="null"), thing(thingNo="{}")]
        found, _ = converted(*rows, converter=converter)
        keys = [row["thing_no"] for row in found]
        assert keys[0] == "t"
        assert all(key.startswith(MADE_UP) for key in keys[1:])
        assert len(set(keys)) == len(rows)
        assert [row["_extra"] for row in found] == [None, None, None, '{"thingNo":""}', None, '{"thingNo":{}}']
    for key in ('"a\\u0000b"', f'"{"x" * 600}"'):
        [found], _ = converted(thing(thingNo=key))
        assert found["thing_no"].startswith(MADE_UP)
        assert json.loads(found["_extra"]) == {"thingNo": json.loads(key)}


def test_keyless_row_with_another_misfit():
    """The made-up key and the rest both come out right."""
    [found], _ = converted(b'{"thingNo":"","flag":1,"amount":2}')
    assert found["thing_no"].startswith(MADE_UP)
    assert (found["amount"], json.loads(found["_extra"])) == (2, {"thingNo": "", "flag": 1})


@pytest.mark.parametrize(
    "row",
    [
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b"true",
        b"",
        b"{",
        b'{"thingNo":"t"',
        b'{"thingNo":"t"} {"thingNo":"u"}',
        b"[" * 5000,
        b"NaN",
    ],
)
def test_rows_that_are_no_objects(row):
    """They are kept whole, and nothing crashes: `pyarrow.json` does, on a null."""
    for before in (thing(), thing(new="1"), thing(number="{}")):
        _, converter = converted(before)
        found, _ = converted(thing(), row, thing(amount="1"), converter=converter)
        assert [one["thing_no"][:5] for one in found] == ["t", MADE_UP, "t"]
        assert json.loads(found[1]["_extra"]) == {"_row": row.decode()}
        [only], _ = converted(row, converter=Converter(THINGS))
        assert only["_extra"] == found[1]["_extra"]


def test_blanks():
    """Blanks between tokens change nothing."""
    spread = b' {  "thingNo" : "t" ,\t"amount" : 1.10 , "parts" : [ { "price" : 2 , "x" : 1 } ], "number" : {  } } '
    (first, second), _ = converted(spread, thing())
    assert (first["amount"], first["parts"][0]["price"], second["thing_no"]) == (Decimal("1.1"), 2, "t")
    assert json.loads(first["_extra"]) == {"parts": [{"x": 1}], "number": {}}


@pytest.mark.parametrize(
    "row",
    [
        b'{"thingNo":"t","amount":1,"amount":2}',
        b'{"thingNo":"t","new":1,"new":2}',
        b'{"thingNo":"t","new":1,"n\\u0065w":2}',
        b'{"thingNo":"t","part":{"price":1,"price":2}}',
        b'{"thingNo":"t","parts":[{"x":1,"x":2}]}',
        b'{"amount":1,"amount":2}',
        b'{"thingNo":"t","deep":{"a":{"b":1,"b":2}}, "flag":1}',
    ],
)
def test_what_is_said_twice(row):
    """The row is kept whole beside its columns, in whatever way the rows before it were read; nothing is passed over."""
    for before in (thing(), thing(new="1"), thing(number="{}")):
        _, converter = converted(before)
        (found, _), _ = converted(row, thing(), converter=converter)
        extra = json.loads(found["_extra"])
        assert extra.get("_row") == row.decode() or '"b":1,"b":2' in found["_extra"]


def test_names_with_signs_are_not_said_twice():
    """Escapes in names are no repetition."""
    row = b'{"thingNo":"t","\\u00e6 \\"":1,"amount":1}'
    [found], _ = converted(row)
    assert json.loads(found["_extra"]) == {'æ "': 1}


def test_texts_that_are_none():
    """Bytes that are no UTF-8 and halves of surrogate pairs are replaced in the columns; the row is kept whole beside them."""
    rows = [b'{"thingNo":"t","number":"a\xffb"}', b'{"thingNo":"t","number":"a\\ud800b"}']
    for before in (thing(), thing(new="1"), thing(number="{}")):
        _, converter = converted(before)
        found, _ = converted(*rows, b'{"thingNo":"t","new":"\xff"}', converter=converter)
        assert [row["number"] for row in found] == ["a\ufffdb", "a\ufffdb", None]
        assert [json.loads(row["_extra"])["_row"] for row in found[:2]] == [
            '{"thingNo":"t","number":"a\\xffb"}',
            '{"thingNo":"t","number":"a\\ud800b"}',
        ]
        assert json.loads(found[2]["_extra"])["new"] == "\ufffd"


def test_unknown_shapes_are_texts():
    """What has no known shape is a text, its JSON; null stays null."""
    row = b'{"thingNo":"t","what":{"a":1.10,"b":"\\"\xc3\xa6"},"whats":[{},null,{"c":[1e400]},"x",5]}'
    for _ in range(2):
        (first, second), converter = converted(row, b'{"thingNo":"u","what":null,"whats":[]}', table=OPEN)
        assert first["what"] == '{"a":1.10,"b":"\\"æ"}'
        assert first["whats"] == ["{}", None, '{"c":[1e400]}', '"x"', "5"]
        assert (second["what"], second["whats"], second["_extra"]) == (None, [], None)
        assert last_way(converter) == "all_exactly"


def test_tables_of_unknown_rows():
    """Of a row of unknown shape there is the key, and all else in the extra."""
    [found], _ = converted(b'{"id":"k","a":{"b":1.0}}', table=Table("x", (columns_of(Thing)[0],)))
    assert json.loads(found["_extra"], parse_float=str) == {"id": "k", "a": {"b": "1.0"}}


def test_part_tables():
    """Rows of parts have the key of their row and their place."""
    table = part_table(CASES, "claims")
    [found], _ = converted(b'{"caseId":"a","_index":3,"type":"FEE","paidAmount":1.5,"_value":5}', table=table)
    assert (found["case_id"], found["_index"], found["paid_amount"], found["_extra"]) == ("a", 3, Decimal("1.5"), '{"_value":5}')


def test_to_table(monkeypatch):
    """Rows of any number become one table; none become an empty one of the same schema."""
    monkeypatch.setattr(arrow, "CHUNK", 5_000)
    rows = [case(number) for number in range(40)]
    found, misfit = to_table(lines(*rows), CASES, MARCH, READ_AT)
    assert found.schema == schema_of(TABLE)
    assert all_same(rows, [typed_row(row, TABLE).row for row in found.to_pylist()])
    assert not misfit
    empty, _ = to_table(b"", CASES, MARCH, READ_AT)
    assert (empty.num_rows, empty.schema) == (0, schema_of(TABLE))
    _, misfit = to_table(lines(case(1, remainingAmount="[]")), CASES, MARCH, READ_AT)
    assert misfit


def test_what_pyarrow_refuses_all_the_same_is_kept(monkeypatch):
    """Should a row that fits not be taken, it alone is kept whole; the others are as ever."""
    real = arrow.pj.read_json
    refused = b'"number":"refused"'

    def read_json(source, **options):
        if refused in source.to_pybytes():
            raise pa.ArrowInvalid("no")
        return real(source, **options)

    monkeypatch.setattr(arrow.pj, "read_json", read_json)
    rows = [thing(amount=str(number)) for number in range(7)]
    rows.insert(4, thing(number='"refused"'))
    converter = Converter(THINGS)
    found, misfit = converter.convert(lines(*rows), MARCH, READ_AT)
    assert misfit
    assert found["amount"].to_pylist() == [0, 1, 2, 3, None, 4, 5, 6]
    assert [json.loads(extra)["_row"] for extra in found["_extra"].to_pylist() if extra] == [rows[4].decode()]
    assert found["thing_no"][4].as_py().startswith(MADE_UP)


numbers = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str).map(lambda text: text.replace("E+", "e")),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["-0", "0", "1e28", "1E-10", "9223372036854775808", "0.10", "1e5"]),
)
texts = st.one_of(
    st.text(max_size=5).map(json.dumps),
    st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)).filter(lambda text: "\n" not in text),
    st.datetimes().map(lambda moment: f'"{moment.isoformat()}Z"'),
    st.dates().map(lambda day: f'"{day.isoformat()}"'),
    st.sampled_from(['"2026-03-01T12:00:00.1234567Z"', '"12.5"', '"007"', '""', '"2026-02-30"']),
)
plain = st.one_of(numbers, texts, st.sampled_from(["null", "true", "false", "{}", "[]"]))


def _object(names, values):
    return st.lists(st.tuples(st.sampled_from(names), values), max_size=5, unique_by=lambda member: member[0]).map(
        lambda members: "{" + ",".join(f'"{name}":{value}' for name, value in members) + "}"
    )


def _array(values):
    return st.lists(values, max_size=3).map(lambda items: "[" + ",".join(items) + "]")


parts = _object(["price", "day", "texts", "name", "other"], st.one_of(plain, _array(plain)))
things = _object(
    ["amount", "moment", "day", "count", "number", "flag", "part", "parts", "new"], st.one_of(plain, parts, _array(parts))
)
rows_of_things = st.one_of(
    things.map(lambda text: '{"thingNo":"t",' + text[1:] if text != "{}" else '{"thingNo":"t"}'), things, plain
)


@settings(max_examples=400)
@given(st.lists(st.lists(rows_of_things, min_size=1, max_size=4), min_size=1, max_size=4))
def test_nothing_is_lost_whatever_comes(chunks):
    """Columns and extra together say what was said, whatever the rows are and whatever the converter has learned before."""
    converter = Converter(THINGS)
    for chunk in chunks:
        rows = [text.encode("utf-8", "surrogatepass") for text in chunk]
        found, _ = converted(*rows, converter=converter)
        assert len(found) == len(rows)
        for row, one in zip(rows, found, strict=True):
            if "_row" in (extra := json.loads(one["_extra"] or "{}")):
                assert extra["_row"] == row.decode(errors="backslashreplace")
            else:
                assert all_same([row], [typed_row(one, THINGS).row]), (row, one)


def test_ways_agree():
    """The same rows give the same table in each way that can read them."""
    rows = lines(*(case(number) for number in range(20)))
    tables = []
    for way in arrow._Way:
        converter = Converter(TABLE)
        converter.convert(rows, MARCH, READ_AT)
        converter._way = way
        tables.append(converter.convert(rows, MARCH, READ_AT)[0])
        assert converter.ways == (
            {"all_exactly": 2} if way == arrow._Way.ALL_EXACTLY else {"all_exactly": 1, way.name.lower(): 1}
        )
    assert all(table.equals(tables[0]) for table in tables)
    assert read(rows.splitlines()[0])["caseId"] == tables[0]["case_id"][0].as_py()


def test_depth():
    """However deep a row goes, it is kept: in the extra, or whole."""
    for depth in range(100, 1100, 100):
        deep = b"[" * depth + b"]" * depth
        for row in (b'{"thingNo":"t","deep":%b}' % deep, b'{ "thingNo":"t", "deep":%b, "part": {"x": %b} }' % (deep, deep)):
            (found, beside), _ = converted(row, thing(amount="1"))
            assert (b'"deep":%b' % deep).decode() in found["_extra"].replace('\\"', '"')
            assert beside["amount"] == 1


def test_too_deep_to_tell():
    """Where it cannot be seen whether something is said twice, it counts as such: then the row is kept whole."""
    assert extras._says_twice(b'{"a":%b}' % (b"[" * 50_000 + b"]" * 50_000))
    assert not extras._says_twice(b'{"a":[{"b":1},{"b":1}]}')


def test_parts_that_look_alike():
    """A part is changed where it stands, not where something else looks like it."""
    row = thing(part='{"price":true}', parts='[{"price":true},{"price":true}]', other='{"part":{"price":true}}')
    [found], _ = converted(row)
    assert found["part"]["price"] is None
    assert [part["price"] for part in found["parts"]] == [None, None]
    assert json.loads(found["_extra"]) == {
        "part": {"price": True},
        "parts": [{"price": True}, {"price": True}],
        "other": {"part": {"price": True}},
    }
