"""The base of the package's own plain values: events, options, operations."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, frozen=True):
    """A plain value: immutable, compared by value. A Struct, because a dataclass takes thirty times as long to define."""

    __hidden__: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields that `repr` leaves out."""

    def __rich_repr__(self) -> Any:
        """Show what `repr` shows."""
        for name in self.__struct_fields__:
            if name not in self.__hidden__:
                yield name, getattr(self, name)

    def __repr__(self) -> str:
        """Show the fields that are not hidden."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
