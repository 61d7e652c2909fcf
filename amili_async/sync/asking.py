"""How a window is asked for: its list, its filters, and its span, a little wider than it is.

Whether the bounds of a period belong to it is not documented, so each request reaches beyond them on both sides; what that brings
twice is told apart by its key.

That is enough for every meaning of the bounds but one: where a server takes them for dates and leaves out both of them, a row of
midnight sharp is in no period that begins or ends on its day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Raw

    from amili_async.client import AmiliClient
    from amili_async.pagination import Pager
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["asked", "list_of", "margin_of", "side_of"]

_MILLISECOND, _DAY = timedelta(milliseconds=1), timedelta(days=1)
_NONE = timedelta(0)


def margin_of(stream: Stream) -> timedelta:
    """Return by how much a span is widened on both sides."""
    return _DAY if stream.daily else _MILLISECOND


def asked(stream: Stream, start: datetime | None, end: datetime | None, margin: timedelta) -> dict[str, str]:
    """Return the query parameters of a span, widened by a margin; a bound that is None is not sent."""
    bounds = (start - margin if start else None, end + margin if end else None)
    named = zip(stream.period or (), bounds, strict=False)
    return {name: _written(bound, daily=stream.daily) for name, bound in named if bound is not None}


def _written(moment: datetime, *, daily: bool) -> str:
    moment = moment.astimezone(UTC)
    if daily:
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def list_of(amili: AmiliClient, stream: Stream, window: Window, *, page_size: int | None = None) -> Pager[Raw]:
    """Return the list of a window's rows, undecoded. Nothing has been sent yet."""
    return _list(amili, stream, window, asked(stream, window.start, window.end, margin_of(stream)), page_size)


def side_of(
    amili: AmiliClient, stream: Stream, whole: Window, *, start: datetime | None = None, end: datetime | None = None
) -> Pager[Raw]:
    """Return the list of all that is before a moment, or from one on, or (without either) of all; not widened, to be counted."""
    return _list(amili, stream, whole, asked(stream, start, end, _NONE), 1)


def _list(amili: AmiliClient, stream: Stream, window: Window, period: dict[str, str], page_size: int | None) -> Pager[Raw]:
    query = {**dict(window.filters), **period}
    return amili.pager(stream.operation, window.organization, query=query, page_size=page_size).raw(copy=False)
