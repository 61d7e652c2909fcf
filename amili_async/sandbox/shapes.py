"""Whether what was handed in has the shape that the documentation shows. Nothing is required; what is unknown is passed over."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec.inspect as kind_of

from amili_async.bodies import Part
from amili_async.sandbox.exchange import Problem

__all__ = ["NUMBER", "check_shape"]

NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
"""A decimal number as text: with a point, and without an exponent."""


def check_shape(content: object, kind: type[Any], at: str) -> None:
    """Hold JSON against one of our Structs for what is sent.

    Raises:
        Problem: 400; a member is of another kind than the documentation shows.
    """
    _check(content, kind_of.type_info(kind), at, as_text=False)


def _check(value: object, kind: kind_of.Type, at: str, *, as_text: bool) -> None:
    match kind:
        case kind_of.UnionType(types=types):  # one kind, or null; an amount may be an int too
            if value is not None:
                kinds = [one for one in types if not isinstance(one, kind_of.NoneType | kind_of.IntType)]
                _check(value, kinds[0], at, as_text=as_text)
        case kind_of.StructType(cls=cls, fields=fields):
            _insist(isinstance(value, dict), at, "an object")
            for field in fields:
                if isinstance(value, dict) and field.name != "extra" and field.encode_name in value:
                    inside = f"{at}.{field.encode_name}"
                    _check(
                        value[field.encode_name], field.type, inside, as_text=issubclass(cls, Part) and cls.__amounts_as_text__
                    )
        case kind_of.VarTupleType(item_type=item):
            _insist(isinstance(value, list), at, "a list")
            for index, one in enumerate(value if isinstance(value, list) else ()):
                _check(one, item, f"{at}[{index}]", as_text=as_text)
        case kind_of.DecimalType() if as_text:
            _insist(isinstance(value, str) and bool(NUMBER.fullmatch(value)), at, "a decimal number as text")
        case kind_of.DecimalType():
            _insist(isinstance(value, int | Decimal) and not isinstance(value, bool), at, "a number")
        case kind_of.DateType():
            _insist(isinstance(value, str) and _is_date(value), at, "a date")
        case _:
            _insist(isinstance(value, str), at, "a text")


def _insist(holds: bool, at: str, what: str) -> None:  # noqa: FBT001  # the condition reads best in its place
    if not holds:
        raise Problem(400, "invalid_member", f"{at} must be {what}.")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
