"""How far a stream has come: up to a moment of creation, in all of its lists. Offsets are what Spark keeps in the checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from amili_async.errors import ConfigError
from amili_async.spark.planning import asking, now
from amili_async.structs import encode
from amili_async.sync.asking import list_of
from amili_async.sync.gaps import cuts, floor, moment_of
from amili_async.sync.windows import Window

if TYPE_CHECKING:
    from amili_async.client import AmiliClient
    from amili_async.spark.options import Options
    from amili_async.sync.planner import Planner

__all__ = ["Offset", "beginning", "farthest", "limited"]

_ENOUGH = 0.5
"""How much of the rows that a batch may have is enough to stop looking for a better end."""


@dataclass(frozen=True, slots=True)
class Offset:
    """A place in a stream.

    Attributes:
        lists: fingerprint of what is read; rows of other lists would be missed before this place, or doubled.
        origin: where the stream has begun.
        until: all that was created before this moment has been read.
    """

    lists: str
    origin: datetime
    until: datetime

    @classmethod
    def read(cls, given: dict[str, Any], options: Options) -> Offset:
        """Read an offset from a checkpoint.

        Raises:
            ConfigError: it is none, or that of another stream.
        """
        try:
            offset = cls(str(given["lists"]), moment_of(str(given["from"]), "from"), moment_of(str(given["until"]), "until"))
        except (KeyError, ConfigError):
            raise ConfigError("the checkpoint holds no offset of this source: give a new checkpointLocation") from None
        if offset.lists != _fingerprint(options):
            raise ConfigError(
                "the checkpoint was begun with another stream, other organizations or clients, or other filters: "
                "give the same, or a new checkpointLocation"
            )
        return offset

    def written(self) -> dict[str, str]:
        """Return it as Spark keeps it."""
        return {"lists": self.lists, "from": _text(self.origin), "until": _text(self.until)}


def beginning(options: Options) -> Offset:
    """Return where a stream begins.

    Raises:
        ConfigError: this cannot be a stream.
    """
    stream, order = options.kind, options.order
    if stream.period is None:
        raise ConfigError(f"{stream.name} cannot be streamed, because the list has no period: use spark.read")
    if order.start is None:
        raise ConfigError("the option from is missing, from which on a stream reads")
    origin = floor(order.start, "day" if stream.daily else "second")
    return Offset(_fingerprint(options), origin, origin)


def farthest(options: Options) -> datetime:
    """Return up to where a stream can be read now: the last whole minute (settlements: day) that is over for `lag`."""
    order, daily = options.order, options.kind.daily
    end = floor(now() - order.lag, "day" if daily else "minute")
    return end if order.until is None else min(end, floor(order.until, "day" if daily else "second"))


def limited(options: Options, start: Offset, target: datetime) -> Offset:
    """Return the end of a batch that is not longer, and has not more rows, than the options allow.

    The shortest batch is a second (settlements: a day), however many rows that has.

    Args:
        options: what is read. It asks the service for numbers of rows if the options limit these.
        start: begin of the batch.
        target: its end at the latest.

    Raises:
        AmiliError: the rows cannot be counted.
    """
    daily = options.kind.daily
    if options.maxspanperbatch is not None:
        longest = start.until + options.maxspanperbatch
        if daily:
            longest = max(floor(longest, "day"), start.until + timedelta(days=1))
        target = min(target, longest)
    if options.maxrowsperbatch is not None:
        target = _by_rows(options, start.until, target, options.maxrowsperbatch)
    return replace(start, until=target)


def _by_rows(options: Options, start: datetime, target: datetime, most: int) -> datetime:
    end = target

    async def halve(amili: AmiliClient, planner: Planner) -> None:
        nonlocal end
        low, cut = start, target
        while True:
            rows = await _count(options, amili, planner, start, cut)
            low, end = (cut, end) if rows <= most else (low, cut)
            if low == end or (low > start and rows > most * _ENOUGH and rows <= most):
                break
            between = cuts((low, end))
            if not between:
                break
            cut = between[0]
        end = low if low > start else end

    asking(options, halve)
    return end


async def _count(options: Options, amili: AmiliClient, planner: Planner, start: datetime, end: datetime) -> int:
    windows = [Window(whole.stream, whole.organization, start, end, whole.filters) for whole in options.order.lists]
    lists = [list_of(amili, options.kind, window, page_size=1) for window in windows]
    total = 0
    for size in await planner.sizes(options.kind, lists):
        if size.rows is None:
            raise ConfigError("the option maxrowsperbatch cannot be kept: the service does not count; give maxspanperbatch")
        total += size.rows
    return total


def _fingerprint(options: Options) -> str:
    lists = sorted((*window.key[:2], window.filters) for window in options.order.lists)
    return hashlib.blake2b(encode(lists), digest_size=8).hexdigest()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
