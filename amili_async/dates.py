"""Repairs dates and date-times that are not RFC 3339, in a tree of plain Python objects."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from datetime import date

    import msgspec

__all__ = ["BadDate", "bad_date", "repair"]

_BAD_DATE = re.compile(r"Invalid RFC3339 encoded (date|datetime) - at `\$(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(?:\d+|\.\.\.)\]")


class BadDate(NamedTuple):
    """What a bad date should be, `date` or `datetime`, and where it stands."""

    wanted: str
    path: str


def bad_date(error: msgspec.ValidationError) -> BadDate | None:
    """Return which date an error is about, with every index opened up to all of its array; None if it is about none."""
    found = _BAD_DATE.fullmatch(str(error))
    return BadDate(found[1], re.sub(r"\[\d+\]", "[...]", found[2])) if found else None


def repair(tree: Any, bad: BadDate) -> None:
    """Put dates where bad ones stand: an empty text becomes None, and what is no date at all stays."""
    bare = bad.wanted == "date"
    *way, last = _steps(bad.path)
    nodes: list[Any] = [tree]
    for step in way:
        if step is None:
            nodes = [child for node in nodes if isinstance(node, list) for child in node]
        else:
            nodes = [node[step] for node in nodes if isinstance(node, dict) and node.get(step) is not None]
    for node in nodes:
        if isinstance(node, dict) and isinstance(last, str):
            node = cast("dict[str, Any]", node)
            node[last] = _read_date(node.get(last), bare=bare)
        elif isinstance(node, list):
            node[:] = [_read_date(value, bare=bare) for value in node]


def _steps(path: str) -> list[str | None]:
    """Split `.invoices[...].dueDate` into keys, None standing for every element of an array."""
    return [step[1] for step in _STEP.finditer(path)]


def _read_date(value: Any, *, bare: bool) -> datetime | date | Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return found.date() if bare else found
