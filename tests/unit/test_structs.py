"""The building blocks of the models: open enums, exact money, tolerant dates, the base Struct, the codecs."""

from __future__ import annotations

import json
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amili_async import structs
from amili_async.structs import (
    Model,
    Money,
    OpenEnum,
    OpenModel,
    OpenObject,
    decode,
    decode_item,
    decoder,
    encode,
    without_values,
)


class Colour(OpenEnum):
    """An open list, one member's name unlike its value."""

    RED = "RED"
    DARK_RED = "dark-red"


class Stay(Model, kw_only=True):
    """A part with dates."""

    from_date: datetime | None = None
    days: tuple[datetime, ...] | None = None


class Trip(Model, kw_only=True):
    """A whole with money, dates and parts."""

    cost: Money | None = None
    booked_at: datetime | None = None
    stays: tuple[Stay | None, ...] | None = None
    colour: Colour | None = None


def trip(**fields: str) -> bytes:
    """Write a Trip from pieces of JSON text."""
    return ("{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}").encode()


@given(st.text())
@example("RED")
@example("known")
@example("_missing_")
@example("__class__")
def test_any_value_is_kept(text):
    """Whatever the server says is kept: equal to its text, hashed like it, encoded as it came, and pickled."""
    value = decoder(Colour).decode(msgspec.json.encode(text))
    assert isinstance(value, Colour)
    assert (value, str(value), value.value, hash(value)) == (text, text, text, hash(text))
    assert json.loads(encode(value)) == text
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  # our own bytes
    assert value.known is (text in {"RED", "dark-red"})


def test_members_are_known():
    """A documented value decodes into its member, which is known."""
    assert decoder(Colour).decode(b'"dark-red"') is Colour.DARK_RED
    assert [member.known for member in Colour] == [True, True]


def test_name_of_a_member_is_no_value():
    """A value that happens to be the name of a member is still unknown."""
    assert Colour("DARK_RED") is not Colour.DARK_RED
    assert Colour("DARK_RED").known is False


def test_unknown_values_add_no_member():
    """An unknown value does not become a member of the enum."""
    assert Colour("BLUE") not in set(Colour)
    assert "BLUE" not in Colour.__members__


def test_unknown_value_is_made_once():
    """The same unknown value is the same object, row after row."""
    assert Colour("GREEN") is decoder(Colour).decode(b'"GREEN"')


def test_unknown_values_of_two_enums_are_apart():
    """Two enums that meet the same unknown value have one each."""

    class Size(OpenEnum):
        BIG = "BIG"

    assert type(Size("WIDE")) is Size
    assert type(Colour("WIDE")) is Colour


def test_cache_of_unknown_values_is_bounded(monkeypatch):
    """A server that invents values without end does not fill the memory, and its values are still kept."""
    cache: dict[Any, Any] = {}
    monkeypatch.setattr(structs, "_unknown", cache)
    monkeypatch.setattr(structs, "_MAX_UNKNOWN", 5)
    values = [Colour(f"SHADE_{number}") for number in range(20)]
    assert len(cache) == 5
    assert values == [f"SHADE_{number}" for number in range(20)]


@pytest.mark.parametrize("text", [b"7", b"true", b"{}", b"[]"])
def test_enum_is_text(text):
    """Only text is a value of an enum."""
    with pytest.raises(msgspec.ValidationError):
        decoder(Colour).decode(text)
    with pytest.raises(ValueError, match="not a valid Colour"):
        Colour(json.loads(text))


amounts = st.builds(
    lambda number, places: Decimal(number).scaleb(-places, Context(prec=60)),
    st.integers(1 - 10**30, 10**30 - 1),
    st.integers(0, 30),
)


@given(amounts)
@example(Decimal("0.10"))
@example(Decimal("1234567890123456789012345678.90"))
def test_money_is_exact(amount):
    """An amount has the digits of the wire, on the fast way and on the one that repairs dates, and out again."""
    text = format(amount, "f")
    for more in ({}, {"bookedAt": '"2026-01-31"'}):
        cost = decode_item(trip(cost=text, **more), Trip).cost
        assert isinstance(cost, Decimal)
        assert cost.as_tuple() == Decimal(text).as_tuple()
    assert encode(amount).lstrip(b"-")[:1].isdigit()
    assert json.loads(encode({"x": amount}), parse_float=Decimal, parse_int=Decimal)["x"].as_tuple() == amount.as_tuple()


@pytest.mark.parametrize("text", ["1e3", "1E-7", "0.1", "12345678901234567890123", '"12.50"', "0", "-0.00"])
def test_money_is_never_a_float(text):
    """However an amount is written, it becomes a Decimal of the same value."""
    for more in ({}, {"bookedAt": '"2026-01-31"'}):
        cost = decode_item(trip(cost=text, **more), Trip).cost
        assert type(cost) is Decimal
        assert str(cost) == str(Decimal(text.strip('"')))


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_sent(amount):
    """An amount that JSON cannot hold is refused, not written as something that is no JSON."""
    with pytest.raises(ValueError):
        encode({"amount": Decimal(amount)})


moments = st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2199-12-31")).map(
    lambda moment: moment.replace(microsecond=0)
)
zones = st.sampled_from(["", "Z", "+00:00", "+02:00", "-05:30", "+0200"])


@given(moments, st.text("0123456789", max_size=9), zones, st.sampled_from("T "), st.sampled_from(["", " "]))
def test_dates_are_read_in_any_dress(moment, fraction, zone, between, blank):
    """Fractions of up to nine digits, a missing zone, a blank for the T: the instant is right to the microsecond."""
    text = f"{blank}{moment:%Y-%m-%d}{between}{moment:%H:%M:%S}{'.' if fraction else ''}{fraction}{zone}{blank}"
    found = decode_item(trip(bookedAt=f'"{text}"'), Trip).booked_at
    naive = moment + timedelta(seconds=float(f"0.{fraction or 0}"))
    assert abs(found.replace(tzinfo=None) - naive) <= timedelta(microseconds=1)
    digits = zone.replace(":", "")
    offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:])) if digits[1:] else timedelta()
    expected = None if not zone else timezone(-offset if zone[0] == "-" else offset)
    assert found.utcoffset() == (expected and expected.utcoffset(None))


@given(st.dates())
def test_a_bare_date_is_midnight(day):
    """A date without a time is the midnight it begins with, without a zone."""
    found = decode_item(trip(bookedAt=f'"{day.isoformat()}"'), Trip).booked_at
    assert (found.date(), found.time().isoformat(), found.tzinfo) == (day, "00:00:00", None)


@pytest.mark.parametrize("text", ['""', '"  "', "null"])
def test_an_empty_date_is_none(text):
    """No text is no date."""
    assert decode_item(trip(bookedAt=text), Trip).booked_at is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.9999999Z"])
def test_the_ends_of_time_are_dates(text):
    """The values that other platforms use for "never" are read."""
    assert decode_item(trip(bookedAt=f'"{text}"'), Trip).booked_at.year in {1, 9999}


def test_dates_are_repaired_everywhere():
    """Odd dates are repaired in every place at once: in parts, in lists, beside good ones and nulls."""
    odd = '{"fromDate": "2026-02-01"}, null, {"fromDate": null}, {"fromDate": ""}'
    stays = f'[{odd}, {{"days": ["2026-02-03", "2026-02-04T00:00:00Z"]}}]'
    found = decode_item(trip(bookedAt='"2026-01-31"', stays=stays, colour='"BLUE"', cost="1.50"), Trip)
    first, none, null, empty, last = found.stays
    assert [str(found.booked_at), str(first.from_date)] == ["2026-01-31 00:00:00", "2026-02-01 00:00:00"]
    assert (none, null.from_date, empty.from_date) == (None, None, None)
    assert [str(day) for day in last.days] == ["2026-02-03 00:00:00", "2026-02-04 00:00:00+00:00"]
    assert (found.colour, str(found.cost)) == ("BLUE", "1.50")


@pytest.mark.parametrize("text", ["nonsense", "2026-13-01", "2026-02-30T00:00:00", "31.01.2026"])
def test_what_is_no_date_is_refused(text):
    """What no rule can read is an error that names the place."""
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.stays\[0\]\.fromDate`"):
        decode_item(trip(bookedAt='"2026-01-31"', stays=f'[{{"fromDate": "{text}"}}]'), Trip)


def test_other_errors_come_through():
    """Repairing dates hides no other error."""
    with pytest.raises(msgspec.ValidationError, match="colour"):
        decode_item(trip(bookedAt='"2026-01-31"', colour="7"), Trip)
    with pytest.raises(msgspec.DecodeError):
        decode_item(b'{"bookedAt": "2026', Trip)


def test_plain_decoding_is_exact():
    """JSON of unknown shape becomes plain objects, fractions Decimal."""
    assert decode(b'{"a": [1, 1.10, "x", null]}') == {"a": [1, Decimal("1.10"), "x", None]}
    assert str(decode(b"1.10")) == "1.10"


def test_there_is_one_decoder_per_type():
    """The decoder of a type is made once."""
    assert decoder(Trip) is decoder(Trip)
    assert decoder(Trip) is not decoder(Stay)


def test_structs_are_values():
    """A Struct cannot be changed, compares and hashes by value, and pickles."""
    one, two = Trip(cost=Decimal(1)), Trip(cost=Decimal("1.0"))
    assert (one, hash(one)) == (two, hash(two))
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  # our own bytes
    with pytest.raises(AttributeError, match="immutable"):
        one.cost = Decimal(2)


def test_subclasses_keep_the_settings():
    """A class made from Model is frozen, outside the garbage collector, and named on the wire in camelCase."""
    config = Trip.__struct_config__
    assert (config.frozen, config.gc, Trip.__struct_encode_fields__[1]) == (True, False, "bookedAt")


def test_repr_shows_what_is_set():
    """`repr` leaves out what is None, and masks what is personal."""

    class Guest(Model, kw_only=True):
        __personal__ = frozenset({"name"})

        name: str | None = None
        age: int | None = None

    assert repr(Guest(name="Kari", age=30)) == "Guest(name='***', age=30)"
    assert repr(Guest()) == "Guest()"


def test_open_object_is_false():
    """An object without known fields is false, equal to any other, and empty on the wire."""
    assert not decode_item(b'{"anything": [1]}', OpenObject)
    assert decode_item(b'{"anything": 1}', OpenObject) == OpenObject()
    assert encode(OpenObject()) == b"{}"


@pytest.mark.parametrize("value", ["secret", "O'Brien", 'the "best"', 'it\'s "both"'])
def test_error_text_without_values(value):
    """The text of a decoding error can be shown without the value that it quotes, and still names the place."""

    class Strict(Model, kw_only=True):
        kind: Literal["a"]

    with pytest.raises(msgspec.ValidationError) as caught:
        decode_item(encode({"kind": value}), Strict)
    text = without_values(caught.value)
    assert not any(word in text for word in ("secret", "Brien", "best", "both"))
    assert "$.kind" in text


def test_foreign_errors_are_only_named():
    """Of an error that is not msgspec's, only the type is shown."""
    assert without_values(ValueError("secret")) == "ValueError"


class Room(OpenModel, frozen=True, kw_only=True):
    """An object known in part."""

    __personal__ = frozenset({"guest"})

    room_no: int | None = None
    guest: str | None = None
    free_from: date | None = None


class Hotel(OpenModel, frozen=True, kw_only=True):
    """One that holds others."""

    best: Room | None = None
    rooms: tuple[Room, ...] | None = None


def test_objects_with_unknown_members_are_values():
    """They hash by value like all others, whatever is kept: equal ones are one in a set."""
    texts = (b'{"best":{"roomNo":1,"new":{"a":[1.10]}},"q":2,"z":[]}', b'{"z":[],"q":2,"best":{"new":{"a":[1.1]},"roomNo":1}}')
    one, two = (decode_item(text, Hotel) for text in texts)
    assert len({one, two, Hotel(), Room(room_no=1), Room(room_no=2)}) == 4


class Chain(Model, frozen=True, kw_only=True):
    """One that keeps nothing unknown itself, but holds one that does."""

    hotel: Hotel | None = None
    name: str | None = None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6) | st.decimals(-999, 999, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
unknown = st.dictionaries(st.text(max_size=6).filter(lambda name: not name.startswith("$")), json_values, max_size=3)
rooms = st.builds(
    lambda known, more: {**more, **known},
    st.fixed_dictionaries(
        {}, optional={"roomNo": st.integers(0, 9), "guest": st.text(max_size=4), "freeFrom": st.just("2026-01-31")}
    ),
    unknown.map(
        lambda more: {key: value for key, value in more.items() if key not in {"roomNo", "guest", "freeFrom", "best", "rooms"}}
    ),
)


@given(best=rooms, others=st.lists(rooms, max_size=3), more=rooms)
def test_what_is_not_known_is_kept(best, others, more):
    """Members without a field, in parts and lists too, are kept, and go out beside the fields as they came."""
    hotel = {"best": best, "rooms": others, **{key: value for key, value in more.items() if key not in {"best", "rooms"}}}
    found = decode_item(encode(hotel), Hotel)
    assert decode(encode(found)) == decode(encode(hotel))
    assert found.best.extra == {
        key: decode(encode(value)) for key, value in best.items() if key not in {"roomNo", "guest", "freeFrom"}
    }
    assert decode_item(encode(found), Hotel) == found
    assert decode(encode({"a": [found]})) == {"a": [decode(encode(hotel))]}


def test_an_object_around_others_is_written_whole():
    """What is kept in a part goes out as well where the whole keeps nothing; null stays null there."""
    chain = Chain(hotel=Hotel(extra={"stars": 5}, rooms=(Room(room_no=1, extra={"x": None}),)))
    assert encode(chain) == b'{"hotel":{"rooms":[{"roomNo":1,"x":null}],"stars":5},"name":null}'


def test_unknown_members_are_shown_by_name_only():
    """`repr` names what is kept, and does not show it; personal fields stay masked, and nothing is shown of nothing."""
    found = decode_item(b'{"guest": "Kari", "roomNo": 5, "idNumber": "01019921717", "extra": "Kari"}', Room)
    assert repr(found) == "Room(room_no=5, guest='***', extra={'idNumber': '***', 'extra': '***'})"
    assert repr(Room()) == "Room()"


def test_members_that_were_not_sent_are_not_written():
    """Absence does not become null, and each object has an `extra` of its own."""
    assert encode(Room(room_no=0)) == b'{"roomNo":0}'
    assert Room().extra is not Room().extra
    assert pickle.loads(pickle.dumps(Room(extra={"a": 1}))) == Room(extra={"a": 1})  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T23:59:59+05:00", date(2026, 1, 31)),
        (" 20260131 ", date(2026, 1, 31)),
        ("", None),
    ],
)
def test_odd_days_are_read(text, day):
    """Where a day is promised a date-time is its day, and an empty text is none."""
    assert decode_item(encode({"rooms": [{"freeFrom": "2026-01-31"}, {"freeFrom": text, "x": 1}]}), Hotel).rooms == (
        Room(free_from=date(2026, 1, 31)),
        Room(free_from=day, extra={"x": 1}),
    )


def test_what_is_no_day_is_an_error():
    """No day is made up."""
    with pytest.raises(msgspec.ValidationError, match="Invalid RFC3339 encoded date"):
        decode_item(b'{"freeFrom": "31.01.2026"}', Room)
