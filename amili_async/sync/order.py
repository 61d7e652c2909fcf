"""What a job has been asked to do, checked: which lists, of what time, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from amili_async.config import whole
from amili_async.errors import ConfigError
from amili_async.product import on_the_wire
from amili_async.sync.gaps import begin_of, floor, moment_of
from amili_async.sync.streams import STREAMS, Stream, stream_named, streams_named
from amili_async.sync.tables import folded, snake
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from amili_async.sync.gaps import Span
    from amili_async.sync.ledger import Entry
    from amili_async.sync.redact import Redaction

__all__ = ["Order", "changeable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The settings of a `SyncJob`, which says what each means.

    Attributes:
        streams: what to read.
        lists: the lists as a whole: each stream of each organization or client, with its filters.
        known: streams and owners of them.
    """

    streams: tuple[Stream, ...]
    lists: tuple[Window, ...]
    known: frozenset[tuple[str, str]]
    start: datetime | None
    until: datetime | None
    lag: timedelta
    concurrency: int
    max_rows: int
    memory: int
    parts: tuple[str, ...]
    redact: Redaction | None

    @classmethod
    def checked(
        cls,
        *,
        organizations: Sequence[str],
        clients: Sequence[str | int],
        streams: Iterable[str] | None,
        start: datetime | date | str | None,
        until: datetime | date | str | None,
        lag: timedelta,
        concurrency: int,
        max_rows: int,
        memory: int,
        parts: Iterable[str],
        redact: Redaction | None,
        filters: Mapping[str, Mapping[str, object]],
    ) -> Order:
        """Check settings.

        Raises:
            ConfigError: one is wrong.
        """
        for name, number in (("concurrency", concurrency), ("max_rows", max_rows), ("memory", memory)):
            whole(number, name)
        if not isinstance(lag, timedelta) or lag < timedelta(0):
            raise ConfigError("lag must be a timedelta that is not negative")
        owners = {False: _ids(organizations, "organizations"), True: _ids(clients, "clients")}
        chosen = streams_named(
            [name for name, stream in STREAMS.items() if owners[stream.of_arm]] if streams is None else streams
        )
        if not chosen:
            raise ConfigError("there is nothing to read: give organizations, or clients of ARM")
        for stream in chosen:
            if not owners[stream.of_arm]:
                raise ConfigError(
                    f"{stream.name} belong to {'clients of ARM' if stream.of_arm else 'organizations'}: give their ids"
                )
            if redact is not None and redact.covers(stream.key):
                raise ConfigError(f"{stream.key} tells the rows of {stream.name} apart, so it cannot be redacted")
        begin = None if start is None else moment_of(start, "start")
        end = None if until is None else moment_of(until, "until")
        if begin and end and begin >= end:
            raise ConfigError("start must be before until")
        wanted = {stream_named(name).name: _filters(stream_named(name), given) for name, given in filters.items()}
        lists = tuple(Window(it.name, owner, filters=wanted.get(it.name, ())) for it in chosen for owner in owners[it.of_arm])
        return cls(
            streams=chosen,
            lists=lists,
            known=frozenset(window.key[:2] for window in lists),
            start=begin,
            until=end,
            lag=lag,
            concurrency=concurrency,
            max_rows=max_rows,
            memory=memory,
            parts=_parts(parts, chosen),
            redact=redact,
        )

    def span(self, stream: Stream, now: datetime) -> Span:
        """Return the time to read of a stream, `now` being the present: up to its last whole hour or day that is over."""
        unit = "day" if stream.daily else "hour"
        end = floor(now - self.lag, unit)
        if self.until is not None:
            end = min(end, floor(self.until, "day" if stream.daily else "second"))
        return (floor(self.start, "day") if self.start and stream.daily else self.start), end

    def covers(self, window: Window, now: datetime) -> bool:
        """Tell whether a window belongs to what is to be read."""
        if window.key[:2] not in self.known:
            return False
        start, until = self.span(stream_named(window.stream), now)
        return window.end is None or (begin_of(start) < window.end and begin_of(window.start) < until)

    def parts_of(self, window: Window) -> tuple[str, ...]:
        """Return the parts that are wanted of a window's rows."""
        return stream_named(window.stream).parts_of(self.parts)

    def unfit(self, entry: Entry, now: datetime) -> bool:
        """Tell whether a window was read without parts that are wanted, or too early."""
        return entry.early(now) or entry.parts != self.parts_of(entry.window)


def changeable(entry: Entry, now: datetime, thaw_after: timedelta | None = None) -> bool:
    """Tell whether the rows of a window can have changed since it was read, or it was read longer ago than `thaw_after`."""
    stream, read_at = stream_named(entry.window.stream), entry.read_at
    if read_at is None or entry.verified is False or not entry.settled:
        return True
    changes = not stream.final and (stream.closed is None or entry.open > 0)
    return changes or (thaw_after is not None and read_at < now - thaw_after)


def _ids(given: Sequence[str | int], name: str) -> tuple[str, ...]:
    if isinstance(given, str) or not all(
        isinstance(one, (str, int)) and not isinstance(one, bool) and str(one).strip() for one in given
    ):
        raise ConfigError(f"{name} must be a list of ids")
    return tuple(dict.fromkeys(str(one) for one in given))


def _parts(given: Iterable[str], streams: Iterable[Stream]) -> tuple[str, ...]:
    """Return the names of parts on the wire."""
    if isinstance(given, str):
        raise ConfigError("parts must be a list of names")
    known = {snake(part): part for stream in streams for part in stream.parts}
    for part in given:
        if snake(part) not in known:
            raise ConfigError(
                f"there is no part {part!r}" + (f", only {', '.join(known.values())}" if known else " of these streams")
            )
    return tuple(dict.fromkeys(known[snake(part)] for part in given))


def _filters(stream: Stream, given: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return filters by their names on the wire, in order."""
    if not isinstance(given, Mapping):
        raise ConfigError('filters are given by stream: {"cases": {"Status": "OPEN"}}')
    operation = stream.operation
    paging = cast("Any", operation.paging)
    reserved = {paging.token_param, paging.size_param, paging.page_param, paging.query_param, *(stream.period or ())}
    known = {folded(name): name for name in operation.query if name not in reserved}
    for name in given:
        if folded(name) not in known:
            raise ConfigError(f"{stream.name} have no filter {name!r}, only {', '.join(known.values())}")
    return tuple(sorted((known[folded(name)], on_the_wire(value)) for name, value in given.items() if value is not None))
