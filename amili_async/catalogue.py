"""All operations of all products, in one table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amili_async.operation import Operation

__all__ = ["operations"]


@cache
def operations() -> tuple[Operation[Any], ...]:
    """Return every operation the package knows, with path, evidence and retry safety, sorted by name."""
    from amili_async.collection.operations import OPERATIONS as COLLECTION  # noqa: PLC0415
    from amili_async.identity.operations import OPERATIONS as IDENTITY  # noqa: PLC0415

    return tuple(sorted((*COLLECTION, *IDENTITY), key=lambda operation: operation.name))
