"""Columns: how the fields of a model stand in a table. Nothing here knows a database."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from amili_async.structs import OpenObject, keeps_extra

__all__ = ["Column", "Kind", "columns_of", "element_of", "members_of", "shape_of"]

Kind = Literal["text", "decimal", "timestamp", "date", "integer", "boolean", "json"]
"""`json` is whatever has parts: it becomes a nested type where there are some, JSON text elsewhere."""

_SCALARS: tuple[tuple[type, Kind], ...] = (
    (Enum, "text"),
    (str, "text"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "decimal"),
    (Decimal, "decimal"),
    (datetime, "timestamp"),
    (date, "date"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A field as a column: its name on the wire, its name here, and what it holds.

    Attributes:
        wire: name on the wire, `caseId`.
        name: name of the column, `case_id`.
        kind: what it holds.
        shape: what the parts of a `json` column are: a Struct, a tuple type, or Any where it is not known.
    """

    wire: str
    name: str
    kind: Kind
    shape: Any = None


@lru_cache(maxsize=256)
def columns_of(model: Any) -> tuple[Column, ...]:
    """Return the columns of a model, in the order of its fields; none for a model without fields, and for what is no model."""
    if not isinstance(model, type) or not issubclass(model, msgspec.Struct):
        return ()
    fields = msgspec.structs.fields(model)
    if keeps_extra(model):  # its `extra` is no member of the wire
        fields = tuple(field for field in fields if field.name != "extra")
    return tuple(_column(field.encode_name, field.name, field.type) for field in fields)


def element_of(shape: Any) -> Column | None:
    """Return the elements of a sequence as a column; None if the shape is not known to be one."""
    return _column("[]", "element", get_args(shape)[0]) if get_origin(shape) in {tuple, list} else None


def members_of(shape: Any) -> frozenset[str]:
    """Return the names on the wire of all members of a model, at any depth."""
    element = element_of(shape)
    if element is not None:
        return members_of(element.shape)
    columns = columns_of(shape)
    return frozenset(column.wire for column in columns).union(*(members_of(column.shape) for column in columns if column.shape))


def _column(wire: str, name: str, annotation: Any) -> Column:
    shape = shape_of(annotation)
    found: list[Kind] = [kind for scalar, kind in _SCALARS if isinstance(shape, type) and issubclass(shape, scalar)]
    kind = found[0] if found else "json"
    return Column(wire, name, kind, shape if kind == "json" else None)


def shape_of(annotation: Any) -> Any:
    """Return the one type that an annotation is about: without None, without the `{}` that may stand for a text.

    What may be a text or a number is a text: ids and numbers of cases keep their digits that way.
    """
    if isinstance(annotation, typing.NewType):
        return shape_of(annotation.__supertype__)
    if get_origin(annotation) not in {Union, types.UnionType}:
        return annotation
    parts = [shape_of(part) for part in get_args(annotation)]
    parts = [part for part in parts if part not in {type(None), msgspec.UnsetType, OpenObject}]
    if len(parts) == 1:
        return parts[0]
    return str if all(isinstance(part, type) and issubclass(part, (str, int, Decimal)) for part in parts) else Any
