"""How a sync comes along: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, Progress, TextColumn

from amili_async.cli_output import console, say, several
from amili_async.structs import encode
from amili_async.sync.events import (
    PaceChanged,
    StreamFailed,
    WindowDone,
    WindowFailed,
    WindowPlanned,
    WindowRead,
    WindowRetried,
    WindowStarted,
)

if TYPE_CHECKING:
    from types import TracebackType

    from amili_async.sync.events import Event
    from amili_async.sync.windows import Window

__all__ = ["SyncProgress"]

EVERY = 10.0
"""Seconds between two lines, where there is no terminal."""


@dataclass(slots=True)
class _Stand:
    """How far one stream is. `expected` is the number of rows that the planned windows are known to have."""

    started: float
    windows: int = 0
    done: int = 0
    failed: int = 0
    rows: int = 0
    bytes: int = 0
    expected: int = 0
    counted: bool = True
    waited: float = 0.0
    reading: dict[Window, WindowRead] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Return the figures, those of the windows that are being read included."""
        rows = self.rows + sum(read.rows for read in self.reading.values())
        size = self.bytes + sum(read.bytes for read in self.reading.values())
        elapsed = max(time.perf_counter() - self.started, 1e-3)
        rate = rows / elapsed
        left = (self.expected - rows) / rate if self.counted and rate and self.expected > rows else None
        return {
            "rows": rows,
            "rows_per_second": round(rate),
            "megabytes_per_second": round(size / 1e6 / elapsed, 1),
            "windows": self.windows,
            "windows_done": self.done,
            "windows_failed": self.failed,
            "seconds_throttled": round(self.waited, 1),
            "expected_rows": self.expected if self.counted else None,
            "seconds_left": None if left is None else round(left),
        }


class SyncProgress:
    """Takes the events of a job and shows how it comes along. Use it as a context manager, and call `tick` every while.

    Args:
        live: whether to draw on stderr.
        json: whether lines are JSON, one for each event but the pages, and one for each stream every ten seconds.
    """

    def __init__(self, *, live: bool, json: bool = False) -> None:
        self._stands: dict[str, _Stand] = {}
        self._json = json
        self._told = time.perf_counter()
        self._tasks: dict[str, Any] = {}
        self._bars = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(
                    complete_style="cyan",
                    finished_style="green",
                    bar_width=max(6, min(30, (drawn := console(stderr=True)).width - 68)),
                ),
                *(TextColumn(f"{{task.fields[{name}]}}", justify="right") for name in _cells({})),
                console=drawn,
                refresh_per_second=4,
            )
            if live and not json
            else None
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the last picture standing."""
        self._draw()
        if self._bars is not None:
            self._bars.stop()

    def take(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, PaceChanged):
            self._tell(event, f"at most {several(event.limit, 'request')} at a time from now on")
            return
        if isinstance(event, StreamFailed):
            self._tell(event, "")  # the report has it
            return
        stand = self._stands.setdefault(event.window.stream, _Stand(time.perf_counter()))
        if isinstance(event, WindowPlanned):
            stand.windows += 1
            stand.counted = stand.counted and event.total is not None
            stand.expected += event.total or 0
        elif isinstance(event, WindowRead):
            stand.reading[event.window] = event
            return
        elif isinstance(event, WindowStarted):
            stand.reading.pop(event.window, None)
        elif isinstance(event, WindowRetried):
            stand.waited += event.pause
            self._tell(event, f"{event.window}: {event.reason}; going on in {event.pause:,.1f} s")
            return
        else:
            read = stand.reading.pop(event.window, None)
            stand.rows += read.rows if read else 0
            stand.bytes += read.bytes if read else 0
            stand.done += isinstance(event, WindowDone)
            stand.failed += isinstance(event, WindowFailed)
        self._tell(event, "")

    def tick(self) -> None:
        """Draw anew; without a terminal print a line for each stream, if it is time to."""
        if self._bars is not None:
            self._draw()
        elif time.perf_counter() - self._told >= EVERY:
            self._told = time.perf_counter()
            for name, stand in self._stands.items():
                figures = stand.figures()
                say(
                    encode({"event": "progress", "stream": name, **figures}).decode()
                    if self._json
                    else f"{name}: {_line(figures)}"
                )

    def _draw(self) -> None:
        if self._bars is None:
            return
        for name, stand in self._stands.items():
            figures = stand.figures()
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, **_cells({}))
            total = max(figures["expected_rows"], figures["rows"]) if figures["expected_rows"] else None
            if stand.done + stand.failed >= stand.windows:
                total = max(figures["rows"], 1)
            self._bars.update(self._tasks[name], total=total, completed=figures["rows"] or total, **_cells(figures))

    def _tell(self, event: Event, text: str) -> None:
        if self._json:
            say(encode({"event": type(event).__name__, **_plain(event)}).decode())
        elif text and self._bars is not None:
            self._bars.console.print(text, soft_wrap=True)
        elif text:
            say(text)


def _plain(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def _cells(figures: dict[str, Any]) -> dict[str, Any]:
    """Return what stands behind the bar; empty without figures."""
    if not figures:
        return dict.fromkeys(("rows", "rate", "size", "windows", "left"), "")
    left = figures["seconds_left"]
    return {
        "rows": several(figures["rows"], "row"),
        "rate": f"{figures['rows_per_second']:,}/s",
        "size": f"{figures['megabytes_per_second']:,.1f} MB/s",
        "windows": f"{figures['windows_done']:,}/{several(figures['windows'], 'window')}",
        "left": f"{left // 60}:{left % 60:02}" if left is not None else _trouble(figures).lstrip(", "),
    }


def _line(figures: dict[str, Any]) -> str:
    left = figures["seconds_left"]
    return (
        f"{several(figures['rows'], 'row')}, {figures['rows_per_second']:,}/s, {figures['megabytes_per_second']:,.1f} MB/s, "
        f"{figures['windows_done']:,} of {several(figures['windows'], 'window')}"
        + _trouble(figures)
        + (f", {left // 60}:{left % 60:02} left" if left is not None else "")
    )


def _trouble(figures: dict[str, Any]) -> str:
    failed = f", {figures['windows_failed']:,} failed" if figures["windows_failed"] else ""
    return failed + (f", {figures['seconds_throttled']:,.1f} s waiting to try again" if figures["seconds_throttled"] else "")
