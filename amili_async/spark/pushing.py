"""Filters of a query that the service can apply.

Spark is told to apply all of them once more, so what is sent only has to keep every row that Spark would keep.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from amili_async.sync.gaps import begin_of, floor
from amili_async.sync.tables import ORGANIZATION, folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.spark.options import Options
    from amili_async.sync.gaps import Span

__all__ = ["NOTHING", "Narrowed", "narrowed"]

_PARAMETERS = {
    "cases": {"status": "Status", "type": "Type"},
    "invoices": {"status": "Status", "type": "Type"},
    "batches": {"type": "Type"},
}
"""Columns that a parameter of the query compares, as documented; what `State` of batches compares is not."""
_LEAST, _MOST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the filters of a query leave.

    Attributes:
        filters: further filters, by their names on the wire.
        owners: organizations or clients; None: all.
        start: begin of the period; None: any.
        end: its end; None: any.
    """

    filters: tuple[tuple[str, str], ...] = ()
    owners: frozenset[str] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def options(self, options: Options) -> Options | None:
        """Return options for what is left; None if that is nothing."""
        owner = "clients" if options.kind.of_arm else "organizations"
        given: tuple[str, ...] = getattr(options, owner)
        kept = tuple(one for one in given if self.owners is None or one in self.owners)
        changes: dict[str, Any] = {owner: kept, "filters": (*options.filters, *self.filters)}
        return replace(options, **changes) if kept else None

    def span(self, span: Span) -> Span:
        """Return what is left of a span; it may end before it starts."""
        start, end = span
        start = start if self.start is None else max(begin_of(start), self.start)
        return start, end if self.end is None else min(end, self.end)


NOTHING = Narrowed()
"""No filter."""


def narrowed(options: Options, filters: Iterable[Any]) -> Narrowed:
    """Return what the filters of a query leave, as far as the service can apply them.

    These are `=` on status and type, `=` and `in` on the organization, and bounds of the column that the option `created` names.

    Args:
        options: what is read.
        filters: those of `pyspark.sql.datasource`.
    """
    found = NOTHING
    for filter_ in filters:
        column: tuple[str, ...] = getattr(filter_, "attribute", ())
        if len(column) == 1 and hasattr(filter_, "value"):
            found = _one(options, found, type(filter_).__name__, column[0], filter_.value)
    return found


def _one(options: Options, found: Narrowed, kind: str, column: str, value: Any) -> Narrowed:
    equal = kind in {"EqualTo", "EqualNullSafe"}
    parameter = _PARAMETERS.get(options.stream, {}).get(column)
    if parameter is not None and equal and isinstance(value, str) and value:
        taken = {folded(name) for name, _ in (*options.filters, *found.filters)}
        return found if folded(parameter) in taken else replace(found, filters=(*found.filters, (parameter, value)))
    if column == ORGANIZATION and (equal or kind == "In"):
        owners = frozenset((value,) if equal else value)
        return replace(found, owners=owners if found.owners is None else owners & found.owners)
    if column == options.created and isinstance(value, datetime) and value.tzinfo and _LEAST < value < _MOST:
        return _period(found, kind, value, daily=options.kind.daily)
    return found


def _period(found: Narrowed, kind: str, value: datetime, *, daily: bool) -> Narrowed:
    """Narrow the period, to whole seconds or days in which the moment itself still is."""
    low = floor(value, "day" if daily else "second")
    high = low + (timedelta(days=1) if daily else timedelta(seconds=1))
    if kind in {"EqualTo", "EqualNullSafe", "GreaterThan", "GreaterThanOrEqual"}:
        found = replace(found, start=low if found.start is None else max(low, found.start))
    if kind in {"EqualTo", "EqualNullSafe", "LessThan", "LessThanOrEqual"}:
        found = replace(found, end=high if found.end is None else min(high, found.end))
    return found
