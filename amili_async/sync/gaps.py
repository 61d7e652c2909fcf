"""Spans of time: what of one is not taken yet, and where one can be cut. Pure functions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from amili_async.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Span", "begin_of", "cuts", "floor", "gaps", "moment_of", "pieces"]

Span: TypeAlias = tuple[datetime | None, datetime]
"""From a moment, or from the beginning (None), up to one that no longer belongs to it."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_OPEN_CUTS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(1990, 1, 1, tzinfo=UTC))
"""Where a span is cut that has no start: debts are younger than that."""
_UNITS = ("month", "day", "hour", "minute", "second")
_SECONDS = {"hour": 3_600, "minute": 60, "second": 1}


def begin_of(start: datetime | None) -> datetime:
    """Return a start that can be compared: None is before all others."""
    return start or _EARLIEST


def gaps(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return what of a span no other takes, in order of time. Those taken may overlap and reach beyond it."""
    start, end = span
    at = begin_of(start)
    found: list[tuple[datetime, datetime]] = []
    for begin, stop in sorted((begin_of(begin), stop) for begin, stop in taken):
        if begin >= end:
            break
        if begin > at:
            found.append((at, begin))
        at = max(at, stop)
    if at < end:
        found.append((at, end))
    return [(None if begin == _EARLIEST else begin, stop) for begin, stop in found]


def floor(moment: datetime, unit: str) -> datetime:
    """Return the begin of the month, day, hour, minute or second (UTC) that a moment is in."""
    moment = moment.astimezone(UTC)
    if unit in {"month", "day"}:
        return datetime(moment.year, moment.month, 1 if unit == "month" else moment.day, tzinfo=UTC)
    return moment.replace(microsecond=0) - timedelta(seconds=(moment.minute * 60 + moment.second) % _SECONDS[unit])


def cuts(span: Span, *, daily: bool = False, monthly: bool = False) -> tuple[datetime, ...]:
    """Return up to two moments where a span can be cut, the better one first; none if it cannot be.

    Args:
        span: what is to be cut.
        daily: cut at midnights only; otherwise at whole seconds, and rather at whole minutes, hours, days or months.
        monthly: cut where months begin only.
    """
    start, end = span
    if start is None:
        return tuple(cut for cut in _OPEN_CUTS if cut < end)
    if monthly:
        months = list(_months(start, end))
        wanted = [months[len(months) // 2], months[len(months) // 3]] if months else []
    else:
        units = _UNITS[: 2 if daily else None]
        wanted = [_tidy(start, start + (end - start) / share, units) for share in (2, 3)]
    return tuple(cut for cut in dict.fromkeys(wanted) if start < cut < end)


def pieces(span: Span, number: int, *, daily: bool = False) -> list[Span]:
    """Cut a span into so many pieces of about the same length, or fewer where it cannot be cut, in order of time."""
    start, end = span
    cut = next(iter(cuts(span, daily=daily)), None)
    if number < 2 or cut is None:
        return [span]
    early = 1 if start is None else number // 2
    return [*pieces((start, cut), early, daily=daily), *pieces((cut, end), number - early, daily=daily)]


def _months(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the begins of months between two moments."""
    at = floor(start, "month")
    while (at := floor(at + timedelta(days=31), "month")) < end:
        yield at


def _tidy(start: datetime, at: datetime, units: tuple[str, ...]) -> datetime:
    """Return the begin of the largest unit that does not lead away too far from a moment."""
    for unit in units[:-1]:
        tidy = floor(at, unit)
        if tidy - start >= (at - start) / 2:
            return tidy
    return floor(at, units[-1])


def moment_of(value: datetime | date | str, name: str) -> datetime:
    """Return a moment in UTC and whole seconds; without a zone it is in UTC, and a date is its midnight.

    Raises:
        ConfigError: it is none, or lies centuries away.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        elif not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  # the zone follows
        value = floor(value.replace(tzinfo=value.tzinfo or UTC), "second")
        if 1900 <= value.year <= 2999:
            return value
    except (ValueError, OverflowError, AttributeError):
        pass
    raise ConfigError(f"{name} must be a date or a date-time, such as 2024-01-01 or 2024-01-01T12:00:00Z")
