"""Windows: the unit of work. A window is one stream of one organization over a half-open span of time.

A window is planned, read, committed and verified as a whole, and reading it again is harmless: it replaces what it left before.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from amili_async.errors import ConfigError

__all__ = ["Window"]

_FORM = "%Y%m%dT%H%M%SZ"
_AT_ONCE = timedelta(0)


class Window(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one unit of work reads. Pickles, and goes through JSON.

    Attributes:
        stream: name of the stream, `cases`.
        organization: id of the organization, or number of the ARM client.
        start: first moment, in UTC and whole seconds; None: from the beginning.
        end: first moment that no longer belongs to it; None, with no start either: the list as a whole.
        filters: further filters, by their names on the wire.
    """

    stream: str
    organization: str
    start: datetime | None = None
    end: datetime | None = None
    filters: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse spans that are none."""
        for moment in (self.start, self.end):
            if moment is not None and (moment.tzinfo is None or moment.microsecond):
                raise ConfigError("a window begins and ends at whole seconds, with a time zone")
        if self.end is None and self.start is not None:
            raise ConfigError("a window that has a start needs an end")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ConfigError("a window must end after it starts")

    @property
    def whole(self) -> bool:
        """Tell whether it is a list as a whole, without a span."""
        return self.end is None

    @property
    def name(self) -> str:
        """Name of the window within its stream and organization; safe in file names."""
        if self.end is None:
            name = "all"
        else:
            start = self.start.astimezone(UTC).strftime(_FORM) if self.start else "begin"
            name = f"{start}_{self.end.astimezone(UTC).strftime(_FORM)}"
        if self.filters:
            name += "_" + hashlib.blake2b(msgspec.json.encode(self.filters), digest_size=4).hexdigest()
        return name

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it apart from all other windows: stream, organization and name."""
        return self.stream, self.organization, self.name

    def __str__(self) -> str:
        """Name stream, organization and span."""
        return f"{self.stream}/{self.organization}/{self.name}"

    def touches(self, other: Window, margin: timedelta = _AT_ONCE) -> bool:
        """Tell whether two windows of a stream and an organization, each widened by a margin, meet or overlap."""
        if (self.stream, self.organization) != (other.stream, other.organization):
            return False
        if self.end is None or other.end is None:
            return True
        reach = 2 * margin
        return (self.start is None or self.start - reach <= other.end) and (
            other.start is None or other.start - reach <= self.end
        )
