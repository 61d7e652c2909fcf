"""All operations of all products, in one table."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from amili_async.config import APIS

if TYPE_CHECKING:
    from amili_async.operation import Operation

__all__ = ["named", "operations"]


@cache
def operations() -> tuple[Operation[Any], ...]:
    """Return every operation the package knows, with path, evidence and retry safety, sorted by name."""
    # imported here: importing the package must not import the models of all products
    tables = (import_module(f"amili_async.{api}.operations").OPERATIONS for api in APIS)
    return tuple(sorted(chain.from_iterable(tables), key=lambda operation: operation.name))


def named(name: str) -> Operation[Any] | None:
    """Return the operation of a name; None if there is none."""
    return _by_name().get(name)


@cache
def _by_name() -> dict[str, Operation[Any]]:
    return {operation.name: operation for operation in operations()}
