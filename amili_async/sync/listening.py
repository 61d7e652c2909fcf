"""What a job hears of its client: answers set the pace, retries and contradictions are counted where they belong."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from amili_async.hooks import Hooks
from amili_async.sync.events import PaceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from amili_async.hooks import AttemptEvent, PageDrift, RetryEvent
    from amili_async.sync.events import Event
    from amili_async.sync.pace import Pace
    from amili_async.sync.reading import Reading
    from amili_async.sync.report import Report
    from amili_async.sync.streams import Stream

__all__ = ["CURRENT", "Listener"]

CURRENT: ContextVar[Reading | None] = ContextVar("the reading that the running task is busy with", default=None)
"""Hooks run in the task that walks a list, so that a contradiction finds its window."""


class Listener(Hooks):
    """Hears what the client tells.

    Args:
        pace: what answers set.
        report: where they are counted.
        streams: whose lists are meant.
        tell: who hears that the pace has changed.
    """

    def __init__(self, pace: Pace, report: Report, streams: Iterable[Stream], tell: Callable[[Event], None]) -> None:
        self._pace, self._report, self._tell = pace, report, tell
        self._figures = {stream.operation.name: report.streams[stream.name] for stream in streams}

    def on_attempt(self, event: AttemptEvent) -> None:
        """Set the pace by an answer."""
        figures = self._figures.get(event.operation)
        if figures is not None:
            figures.requests += event.status is not None
            if self._pace.answered(event.status):
                self._tell(PaceChanged(self._pace.limit))

    def on_retry(self, event: RetryEvent) -> None:
        """Count a request that is repeated."""
        self._report.waited += event.delay
        if event.operation in self._figures:
            self._figures[event.operation].retries += 1

    def on_drift(self, event: PageDrift) -> None:
        """Count a contradiction of a list; rows that come and go meanwhile are none."""
        reading = CURRENT.get()
        if reading is not None and event.kind == "cut_off":
            reading.cut_off = True
        elif reading is not None and event.kind != "total_moved":
            reading.drift += 1
