"""Filters of a query as parameters of the service: never fewer rows than Spark would keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from amili_async.spark.pushing import NOTHING, narrowed
from tests.sync.kit import at

from .kit import options

BASE = at("2026-01-01T12:30:15.5")


@dataclass(frozen=True)
class EqualTo:
    """As `pyspark.sql.datasource` has it, which not every installation has."""

    attribute: tuple[str, ...]
    value: Any


class EqualNullSafe(EqualTo):
    """Likewise."""


class In(EqualTo):
    """Likewise."""


class GreaterThan(EqualTo):
    """Likewise."""


class GreaterThanOrEqual(EqualTo):
    """Likewise."""


class LessThan(EqualTo):
    """Likewise."""


class LessThanOrEqual(EqualTo):
    """Likewise."""


@dataclass(frozen=True)
class IsNotNull:
    """Likewise."""

    attribute: tuple[str, ...]


@dataclass(frozen=True)
class Not:
    """Likewise."""

    child: Any


def test_status_and_type():
    """Equality with a text goes to the service, once for each parameter."""
    found = narrowed(
        options(), [EqualTo(("status",), "OPEN"), EqualNullSafe(("type",), "REMINDER"), EqualTo(("status",), "PAUSED")]
    )
    assert found.filters == (("Status", "OPEN"), ("Type", "REMINDER"))
    order = found.options(options(filter__casenumber="7")).order
    assert order.lists[0].filters == (("CaseNumber", "7"), ("Status", "OPEN"), ("Type", "REMINDER"))
    assert narrowed(options(stream="batches"), [EqualTo(("status",), "SUCCESS"), EqualTo(("type",), "A")]).filters == (
        ("Type", "A"),
    )


def test_what_stays_with_spark():
    """Whatever the service may understand otherwise is left to Spark alone."""
    left = [
        EqualTo(("status",), None),
        EqualTo(("status",), ""),
        EqualTo(("status",), 5),
        In(("status",), ("OPEN", "PAUSED")),
        GreaterThan(("status",), "OPEN"),
        Not(EqualTo(("status",), "OPEN")),
        IsNotNull(("status",)),
        EqualTo(("case_account_details", "status"), "OPEN"),
        EqualTo(("case_number",), "7"),
        EqualTo(("registered_at",), BASE),
        GreaterThan(("_amili_organization",), "o"),
    ]
    assert narrowed(options(), left) == NOTHING
    assert narrowed(options(filter__status="PAUSED"), [EqualTo(("status",), "OPEN")]) == NOTHING
    assert narrowed(options(stream="settlements"), [EqualTo(("status",), "OPEN")]) == NOTHING
    assert NOTHING.options(options()) == options()


def test_organizations():
    """Those that are not asked for are not read; if none is left, nothing is."""
    given = options(organizations="a,b,c")
    found = narrowed(given, [In(("_amili_organization",), ("b", "c", "x")), EqualTo(("_amili_organization",), "b")])
    assert found.options(given).organizations == ("b",)
    assert narrowed(given, [EqualTo(("_amili_organization",), "x")]).options(given) is None
    clients = options(stream="customers", organizations=None, clients="1,2")
    assert narrowed(clients, [EqualTo(("_amili_organization",), "2")]).options(clients).clients == ("2",)


def test_created():
    """Bounds of the column that is named narrow the period, to whole seconds or days around them."""
    given = options(created="registered_at")
    span = (None, at("2026-03-01"))

    def period(*filters, of=given, span=span):
        return narrowed(of, filters).span(span)

    column = ("registered_at",)
    for kind in (GreaterThan, GreaterThanOrEqual):
        assert period(kind(column, BASE)) == (at("2026-01-01T12:30:15"), span[1])
    for kind in (LessThan, LessThanOrEqual):
        assert period(kind(column, BASE)) == (None, at("2026-01-01T12:30:16"))
    for kind in (EqualTo, EqualNullSafe):
        assert period(kind(column, BASE)) == (at("2026-01-01T12:30:15"), at("2026-01-01T12:30:16"))
    later = BASE + timedelta(days=1)
    both = [GreaterThan(column, BASE), GreaterThan(column, later), LessThan(column, later), LessThan(column, BASE)]
    assert period(*both) == (at("2026-01-02T12:30:15"), at("2026-01-01T12:30:16"))
    assert period(GreaterThan(column, BASE), span=(at("2026-02-01"), span[1])) == (at("2026-02-01"), span[1])
    assert period(LessThan(column, at("2026-05-01"))) == span
    assert period(GreaterThan(("closed_at",), BASE), GreaterThan(column, datetime(2026, 1, 1)), GreaterThan(column, "x")) == span  # noqa: DTZ001
    assert period(LessThan(column, at("1800-01-01"))) == span
    daily = options(stream="settlements", created="settlement_date")
    assert period(EqualTo(("settlement_date",), BASE), of=daily) == (at("2026-01-01"), at("2026-01-02"))
