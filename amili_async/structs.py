"""Building blocks of the models: the base Struct, open enums, money, dates, and the codecs.

Responses are read tolerantly: unknown fields are passed over, unknown enum values kept, and dates that RFC 3339 would not
take (bare dates, most other ISO forms) are repaired on a slower path, so that one odd value never costs a page.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

import msgspec

__all__ = ["Model", "Money", "OpenEnum", "OpenObject", "decode", "decode_item", "decoder", "encode", "without_values"]

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
    """Encode to JSON; a Decimal becomes a number with the same digits.

    Raises:
        ValueError: a Decimal is not finite, which JSON cannot say.
    """
    body = _encoder.encode(value)
    if b"NaN" in body or b"Infinity" in body:  # cheap to look for, rare to find, and then perhaps in a text
        try:
            _builtins.decode(body)
        except msgspec.DecodeError:
            raise ValueError("NaN and Infinity have no place in JSON") from None
    return body


@lru_cache(maxsize=256)
def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Return the one decoder of a type; making one costs more than using it."""
    return msgspec.json.Decoder(kind, float_hook=Decimal)  # for members of unknown shape; typed ones are what their type says


def decode(body: bytes | msgspec.Raw) -> Any:
    """Decode JSON of unknown shape into plain Python objects; numbers with a fraction become Decimal."""
    return _builtins.decode(body)


def decode_item(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode one object, repairing date-times that are not RFC 3339.

    A bare date becomes midnight, a missing zone stays missing, an empty string becomes null.

    Raises:
        msgspec.ValidationError: the object is not of the promised shape and no repair helps.
        msgspec.DecodeError: the text is not JSON.
    """
    try:
        return cast("T", decoder(cast("Any", kind)).decode(raw))
    except msgspec.ValidationError as first:
        error = first
    tree = decode(raw)
    repaired: set[str] = set()
    while True:
        path = _date_path(error)
        if path is None or path in repaired:
            raise error
        repaired.add(path)
        _repair(tree, _steps(path))
        try:
            return cast("T", decoder(cast("Any", kind)).decode(_encoder.encode(tree)))
        except msgspec.ValidationError as again:
            error = again


_BAD_DATE = re.compile(r"Invalid RFC3339 encoded datetime - at `\$(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(?:\d+|\.\.\.)\]")


def _date_path(error: msgspec.ValidationError) -> str | None:
    """Return where the bad date stands, with every index opened up to all of its array."""
    found = _BAD_DATE.fullmatch(str(error))
    return re.sub(r"\[\d+\]", "[...]", found[1]) if found else None


def _steps(path: str) -> list[str | None]:
    """Split `.invoices[...].dueDate` into keys, None standing for every element of an array."""
    return [step[1] for step in _STEP.finditer(path)]


def _repair(tree: Any, steps: list[str | None]) -> None:
    *way, last = steps
    nodes: list[Any] = [tree]
    for step in way:
        if step is None:
            nodes = [child for node in nodes if isinstance(node, list) for child in node]
        else:
            nodes = [node[step] for node in nodes if isinstance(node, dict) and node.get(step) is not None]
    for node in nodes:
        if isinstance(node, dict) and isinstance(last, str):
            node = cast("dict[str, Any]", node)
            node[last] = _read_date(node.get(last))
        elif isinstance(node, list):
            node[:] = [_read_date(value) for value in node]


def _read_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return value


def without_values(error: Exception) -> str:
    """Return the text of a decoding error without the values that it quotes."""
    return (
        re.sub(r"""(['"]).*\1""", "'...'", str(error), flags=re.DOTALL)
        if isinstance(error, msgspec.DecodeError)
        else type(error).__name__
    )
