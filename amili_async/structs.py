"""Building blocks of the models: the base Struct, open enums, money, dates, and the codecs.

Responses are read tolerantly: unknown fields are passed over, unknown enum values kept, and dates that RFC 3339 would not
take (bare dates, most other ISO forms) are repaired on a slower path, so that one odd value never costs a page.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast, get_args

import msgspec
from msgspec.structs import force_setattr

from amili_async.dates import BadDate, bad_date, repair

__all__ = [
    "Model",
    "Money",
    "OpenEnum",
    "OpenModel",
    "OpenObject",
    "decode",
    "decode_item",
    "decoder",
    "encode",
    "is_personal",
    "keep_extra",
    "keeps_extra",
    "spread",
    "without_values",
]

T = TypeVar("T")

Money = Decimal
"""An amount, exact from the digits on the wire; currency units, not minor units."""

_MASK = "***"
_MAX_UNKNOWN = 4096


class Model(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """Base of everything an answer decodes into: immutable, compared by value, personal data masked in `repr`.

    `gc=False` is safe because a frozen Struct of tuples and scalars cannot be part of a reference cycle.
    """

    __personal__: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields that `repr` masks."""

    def __repr__(self) -> str:
        """Show the fields that are set; mask personal data and secrets."""
        shown = ", ".join(f"{name}={value}" for name, value in self._shown())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> Any:
        """Give rich the same masked view."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None:
                yield name, _MASK if name in self.__personal__ else value

    def _shown(self) -> Any:
        for name, value in self.__rich_repr__():
            yield name, repr(value)


class OpenModel(Model, frozen=True, kw_only=True, omit_defaults=True):
    """Base of answers that are known in part: what no field stands for is kept in `extra`, under its wire name.

    Its values are plain Python objects, numbers with a fraction Decimal. A member that was not sent is None, and is not written
    when the object goes out again; `extra` goes out beside the fields, as it came.
    """

    extra: dict[str, Any] = msgspec.field(default_factory=dict[str, Any], name="$extra")  # no member of that name is expected

    def __hash__(self) -> int:
        """Hash by the plain values of the fields: what is kept in `extra` may have no hash."""
        values = (getattr(self, name) for name in self.__struct_fields__)
        return hash((type(self), *(value for value in values if isinstance(value, str | int | Decimal | date))))

    def __rich_repr__(self) -> Any:
        """Show of what is unknown the names only: what it says may be personal data."""
        for name, value in super().__rich_repr__():
            if name != "extra":
                yield name, value
        if self.extra:
            yield "extra", dict.fromkeys(self.extra, _MASK)


class OpenObject(Model, frozen=True, kw_only=True):
    """An object of which no field is known, such as the `{}` that stands for a currency in places. Falsy."""

    def __bool__(self) -> bool:
        """Be false, so that `invoice.currency or "NOK"` does what it says."""
        return False


class OpenEnum(StrEnum):
    """An enum whose list of values is not closed: an unknown value is kept, not refused.

    An unknown value compares equal to its string, encodes back unchanged and has `.known` False.
    """

    @property
    def known(self) -> bool:
        """Tell whether this version of the package knows the value."""
        return self._value_ in type(self)._value2member_map_

    @classmethod
    def _missing_(cls, value: object) -> OpenEnum | None:
        if not isinstance(value, str):
            return None
        member = _unknown.get((cls, value))
        if member is None:
            member = str.__new__(cls, value)
            member._name_ = value
            member._value_ = value
            if len(_unknown) < _MAX_UNKNOWN:  # bounded: a hostile server must not fill the memory
                _unknown[cls, value] = member
        return member


_unknown: dict[tuple[type[OpenEnum], str], OpenEnum] = {}

_encoder = msgspec.json.Encoder(decimal_format="number")
_builtins = msgspec.json.Decoder(float_hook=Decimal)


def encode(value: object) -> bytes:
    """Encode to JSON; a Decimal becomes a number with the same digits, and what is kept in `extra` a member like all others.

    Raises:
        ValueError: a Decimal is not finite, which JSON cannot say.
    """
    body = _encoder.encode(value)
    if b'"$extra":' in body:
        body = _encoder.encode(spread(value))
    if b"NaN" in body or b"Infinity" in body:  # cheap to look for, rare to find, and then perhaps in a text
        try:
            _builtins.decode(body)
        except msgspec.DecodeError:
            raise ValueError("NaN and Infinity have no place in JSON") from None
    return body


def spread(value: Any) -> Any:
    """Return a value with every `OpenModel` in it as a mapping that has the members of `extra` beside the fields."""
    if isinstance(value, Model):
        fields = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        members = {wire: spread(getattr(value, name)) for wire, name in fields if wire != "$extra"}
        if not isinstance(value, OpenModel):
            return members
        return {name: item for name, item in members.items() if item is not None} | value.extra
    if isinstance(value, dict):
        mapping: dict[Any, Any] = value
        return {name: spread(item) for name, item in mapping.items()}
    if isinstance(value, list | tuple):
        items: list[Any] | tuple[Any, ...] = value
        return [spread(item) for item in items]
    return value


def keeps_extra(kind: Any) -> bool:
    """Tell whether objects of a type keep what no field of theirs stands for."""
    return isinstance(kind, type) and issubclass(kind, OpenModel)


def keep_extra(value: Any, content: Any) -> None:
    """Put into the `extra` of an object that was just decoded, and of those in it, what no field stands for.

    Args:
        value: the object, or a tuple of them.
        content: the same JSON as plain Python objects.
    """
    if isinstance(value, tuple) and isinstance(content, list):
        items: tuple[Any, ...] = value
        rows: list[Any] = content
        for item, row in zip(items, rows, strict=True):
            keep_extra(item, row)
    elif isinstance(value, OpenModel) and isinstance(content, dict):
        members: dict[str, Any] = content
        names, parts = _layout(type(value))
        for wire, name in parts:
            if wire in members:
                keep_extra(getattr(value, name), members[wire])
        if not members.keys() <= names:
            force_setattr(value, "extra", {name: it for name, it in members.items() if name not in names})


@lru_cache(maxsize=256)
def _layout(kind: type[OpenModel]) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Return the wire names of a type's fields, and those of its fields that may hold objects with an `extra` of their own."""
    parts = ((it.encode_name, it.name) for it in msgspec.structs.fields(kind) if _holds_open(it.type))
    return frozenset(kind.__struct_encode_fields__), tuple(parts)


def _holds_open(kind: Any) -> bool:
    return keeps_extra(kind) or any(map(_holds_open, get_args(kind)))


def is_personal(kind: Any, wire: str) -> bool:
    """Tell whether the member of a wire name is one that a type masks in `repr`."""
    if not (isinstance(kind, type) and issubclass(kind, Model)):
        return False
    return any(it.encode_name == wire and it.name in kind.__personal__ for it in msgspec.structs.fields(kind))


@lru_cache(maxsize=256)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the one decoder of a type; making one costs more than using it."""
    return msgspec.json.Decoder(kind, float_hook=Decimal)  # for members of unknown shape; typed ones are what their type says


def decode(body: bytes | msgspec.Raw) -> Any:
    """Decode JSON of unknown shape into plain Python objects; numbers with a fraction become Decimal."""
    return _builtins.decode(body)


def decode_item(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode one object, repairing dates and date-times that are not RFC 3339.

    A bare date becomes midnight where a date-time is promised, and the other way round a date-time its day; a missing zone stays
    missing, an empty string becomes null. What an `OpenModel` has no field for is kept. A type with a `from_json` of its own, for
    shapes that msgspec cannot tell apart, is left to that.

    Raises:
        msgspec.ValidationError: the object is not of the promised shape and no repair helps.
        msgspec.DecodeError: the text is not JSON.
    """
    if (from_json := getattr(kind, "from_json", None)) is not None:
        return cast("T", from_json(raw))
    found = _decode_item(raw, kind)
    if keeps_extra(kind):
        keep_extra(found, decode(raw))
    return found


def _decode_item(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return cast("T", decoder(cast("Any", kind)).decode(raw))
    except msgspec.ValidationError as first:
        error = first
    tree = decode(raw)
    repaired: set[BadDate] = set()
    while True:
        found = bad_date(error)
        if found is None or found in repaired:
            raise error
        repaired.add(found)
        repair(tree, found)
        try:
            return cast("T", decoder(cast("Any", kind)).decode(_encoder.encode(tree)))
        except msgspec.ValidationError as again:
            error = again


def without_values(error: Exception) -> str:
    """Return the text of a decoding error without the values that it quotes."""
    return (
        re.sub(r"""(['"]).*\1""", "'...'", str(error), flags=re.DOTALL)
        if isinstance(error, msgspec.DecodeError)
        else type(error).__name__
    )
