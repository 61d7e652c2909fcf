"""The types of a case for the candidates: the same fields everywhere, made from the package's own models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_origin

import msgspec

from amili_async.collection.models import Case
from amili_async.structs import OpenObject
from amili_async.sync.columns import columns_of

__all__ = ["Few", "floating", "pydantic_case"]


class Few(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A projection: three fields of a case."""

    case_id: str
    status: str | None = None
    remaining_amount: Decimal | None = None


_SCALARS: dict[str, Any] = {"text": str, "timestamp": datetime, "integer": int, "boolean": bool, "decimal": float}

_ODD: dict[str, Any] = {"caseNumber": int | str, "currency": str | OpenObject}
"""Fields that come in two forms."""


@cache
def floating(model: type = Case) -> type[msgspec.Struct]:
    """Return the full model with float amounts: the projection that a caller would write who wants speed."""
    fields: list[tuple[str, Any, Any]] = []
    for column in columns_of(model):
        kind = _ODD.get(column.wire) or _SCALARS.get(column.kind) or _nested(column.shape, floating)
        fields.append((column.name, kind | None, None))
    return msgspec.defstruct(f"Floating{model.__name__}", fields, rename="camel", frozen=True, gc=False, kw_only=True)


def _nested(shape: Any, make: Any) -> Any:
    return tuple[make(get_args(shape)[0]), ...] if get_origin(shape) is tuple else make(shape)


@cache
def pydantic_case(model: type = Case, base: type | None = None) -> Any:
    """Return the same case as a pydantic v2 model with exact decimals."""
    import pydantic
    from pydantic.alias_generators import to_camel

    fields: dict[str, Any] = {}
    for column in columns_of(model):
        kind = {"caseNumber": int | str, "currency": str | dict[str, Any]}.get(column.wire)
        kind = kind or (Decimal if column.kind == "decimal" else _SCALARS.get(column.kind))
        kind = kind or _nested(column.shape, lambda part: pydantic_case(part, base))
        fields[column.name] = (kind | None, None)
    if base is not None:
        return pydantic.create_model(f"Pydantic{model.__name__}", __base__=base, **fields)
    config = pydantic.ConfigDict(alias_generator=to_camel, frozen=True)
    return pydantic.create_model(f"Pydantic{model.__name__}", __config__=config, **fields)
