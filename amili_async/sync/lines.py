"""Rows as lines of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Raw

__all__ = ["as_lines", "count_lines", "count_objects", "each_on_its_own"]

_OBJECT = b"{"[0]


def as_lines(rows: Iterable[Raw | bytes]) -> bytes:
    """Return rows as lines, each with its end."""
    return b"\n".join((*rows, b""))


def each_on_its_own(lines: bytes, rows: int) -> bool:
    """Tell whether so many rows stand in as many lines: JSON may have line breaks between its tokens."""
    return count_lines(lines) == rows and b"\r" not in lines


def count_lines(lines: bytes) -> int:
    """Count the line breaks. `bytes.count` looks at each byte by itself, which takes several times as long on long lines."""
    count, at = 0, lines.find(b"\n")
    while at >= 0:
        count, at = count + 1, lines.find(b"\n", at + 1)
    return count


def count_objects(lines: bytes) -> int | None:
    """Count lines, each with its end, that begin as objects do; None if one does not."""
    count = begin = 0
    while begin < len(lines):
        if lines[begin] != _OBJECT:
            return None
        count, begin = count + 1, lines.find(b"\n", begin) + 1 or len(lines)
    return count
