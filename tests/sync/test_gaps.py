"""Spans of time: what is missing of one, and where one is cut."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.errors import ConfigError
from amili_async.sync.gaps import cuts, floor, gaps, moment_of, pieces
from tests.sync.kit import at

HOUR = timedelta(hours=1)
BASE = at("2026-01-01")


def _hours(*pairs):
    return [(None if start is None else BASE + start * HOUR, BASE + end * HOUR) for start, end in pairs]


@pytest.mark.parametrize(
    ("span", "taken", "missing"),
    [
        ((0, 10), [], [(0, 10)]),
        ((0, 10), [(0, 10)], []),
        ((0, 10), [(2, 4), (6, 7)], [(0, 2), (4, 6), (7, 10)]),
        ((0, 10), [(-5, 3), (9, 20)], [(3, 9)]),
        ((0, 10), [(1, 5), (2, 3)], [(0, 1), (5, 10)]),
        ((None, 10), [(None, 4)], [(4, 10)]),
        ((None, 10), [(4, 8)], [(None, 4), (8, 10)]),
        ((3, 10), [(None, 4)], [(4, 10)]),
        ((0, 10), [(None, 20)], []),
        ((0, 10), [(10, 12)], [(0, 10)]),
        ((5, 5), [], []),
        ((7, 5), [], []),
    ],
)
def test_gaps(span, taken, missing):
    """What no other takes is missing, whatever overlaps or reaches beyond."""
    assert gaps(*_hours(span), _hours(*taken)) == _hours(*missing)


hours = st.integers(0, 40)
spans = st.tuples(st.none() | hours, hours).filter(lambda span: span[0] is None or span[0] < span[1])


@given(spans, st.lists(spans, max_size=8))
def test_gaps_fill_up_exactly(span, taken):
    """Every hour of the span is either taken or in exactly one gap, and no gap reaches beyond the span."""
    found = gaps(*_hours(span), _hours(*taken))
    for hour in range(-3, 43):
        moment = BASE + hour * HOUR
        inside = (span[0] is None or hour >= span[0]) and hour < span[1]
        is_taken = any((start is None or hour >= start) and hour < end for start, end in taken)
        times = sum((start is None or start <= moment) and moment < end for start, end in found)
        assert times == (inside and not is_taken)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("second", "2026-03-15T12:34:56"),
        ("minute", "2026-03-15T12:34"),
        ("hour", "2026-03-15T12:00"),
        ("day", "2026-03-15"),
        ("month", "2026-03-01"),
    ],
)
def test_floor(unit, text):
    """A moment is rounded down to the begin of its unit, in UTC."""
    moment = datetime(2026, 3, 15, 14, 34, 56, 789_123, timezone(timedelta(hours=2)))
    assert floor(moment, unit) == at(text)


@pytest.mark.parametrize(
    ("start", "end", "settings", "found"),
    [
        (None, "2026-01-01", {}, ["2000-01-01", "1990-01-01"]),
        (None, "1995-01-01", {}, ["1990-01-01"]),
        (None, "1980-01-01", {}, []),
        ("2024-01-01", "2026-01-01", {}, ["2024-12-01", "2024-08-01"]),
        ("2026-01-01", "2026-01-02", {}, ["2026-01-01T12:00", "2026-01-01T08:00"]),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:02", {}, ["2026-01-01T00:00:01"]),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:01", {}, []),
        ("2026-01-01", "2026-01-02", {"daily": True}, []),
        ("2026-01-01", "2026-01-04", {"daily": True}, ["2026-01-02"]),
        ("2026-01-15", "2026-02-10", {"monthly": True}, ["2026-02-01"]),
        ("2026-01-01", "2026-02-01", {"monthly": True}, []),
        ("2026-01-01", "2027-01-01", {"monthly": True}, ["2026-07-01", "2026-05-01"]),
    ],
)
def test_cuts(start, end, settings, found):
    """A span is cut near its middle, at a round moment; one of a second or a day is not cut."""
    assert cuts((start and at(start), at(end)), **settings) == tuple(map(at, found))


moments = st.integers(788_918_400, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(moments, st.integers(1, 10**9), st.booleans(), st.booleans())
def test_cuts_lie_inside(start, seconds, daily, monthly):
    """Cuts are inside the span, at whole seconds, and days where it is about days; every span of two units has one."""
    if daily:
        start, seconds = floor(start, "day"), -(-seconds // 86_400) * 86_400
    end = start + timedelta(seconds=seconds)
    found = cuts((start, end), daily=daily, monthly=monthly)
    assert len(found) == len(set(found)) <= 2
    assert all(start < cut < end and not cut.microsecond for cut in found)
    if daily or monthly:
        assert all(cut == floor(cut, "day") for cut in found)
    if not monthly:
        assert bool(found) == (seconds > (86_400 if daily else 1))


def test_moments():
    """Dates, date-times and texts are moments in UTC; what lies centuries away is none."""
    assert moment_of(date(2026, 1, 2), "start") == at("2026-01-02")
    assert moment_of("2026-01-02T03:04:05.6+01:00", "start") == at("2026-01-02T02:04:05")
    assert moment_of(datetime(2026, 1, 2, 3), "start") == at("2026-01-02T03:00")  # noqa: DTZ001  # no zone is UTC
    for wrong in ("yesterday", "0001-01-01", 5, None):
        with pytest.raises(ConfigError, match="start must be a date"):
            moment_of(wrong, "start")


@given(st.integers(1, 10**9), st.integers(1, 20), st.booleans(), st.booleans())
def test_pieces_are_the_span(seconds, number, daily, begins):
    """Pieces follow each other from the begin of the span to its end; there are fewer only where there is no room."""
    span = (BASE if begins else None, BASE + timedelta(seconds=seconds))
    found = pieces(span, number, daily=daily)
    assert (found[0][0], found[-1][1]) == span
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert len(found) == number or any(not cuts(piece, daily=daily) for piece in found)
    assert len(found) <= number
