"""What a job tells while it runs: one frozen record per happening, handed to `on_event` in the event loop."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from amili_async.sync.ledger import Entry
from amili_async.sync.windows import Window

__all__ = [
    "Event",
    "PaceChanged",
    "StreamFailed",
    "WindowDone",
    "WindowFailed",
    "WindowKept",
    "WindowPlanned",
    "WindowRead",
    "WindowRetried",
    "WindowStarted",
]


class WindowPlanned(msgspec.Struct, frozen=True):
    """A window is in the ledger and will be read. `total` is the number of its rows, if the server has told it."""

    window: Window
    total: int | None


class WindowStarted(msgspec.Struct, frozen=True):
    """Reading a window begins; once more, too, if its rows did not come to the number promised."""

    window: Window


class WindowRead(msgspec.Struct, frozen=True):
    """A page of a window was read. The figures are those of the window since its reading began."""

    window: Window
    pages: int
    rows: int
    bytes: int
    total: int | None


class WindowRetried(msgspec.Struct, frozen=True):
    """A window has met an obstacle and goes on after `pause` seconds, at the same page or (`anew`) from its begin."""

    window: Window
    reason: str
    pause: float
    anew: bool


class WindowDone(msgspec.Struct, frozen=True):
    """A window is in the target; `entry` is what the ledger says of it."""

    window: Window
    entry: Entry


class WindowKept(msgspec.Struct, frozen=True):
    """A window was read again, lacked rows, and did not come to the number promised: its verified reading was kept."""

    window: Window
    read: int
    total: int | None


class WindowFailed(msgspec.Struct, frozen=True):
    """A window could not be read; the run goes on."""

    window: Window
    reason: str


class StreamFailed(msgspec.Struct, frozen=True):
    """A stream of an organization is left alone for the rest of the run: it could not be planned, or there is no access to it."""

    stream: str
    organization: str
    reason: str


class PaceChanged(msgspec.Struct, frozen=True):
    """So many requests at a time are made from now on."""

    limit: int


Event: TypeAlias = (
    WindowPlanned
    | WindowStarted
    | WindowRead
    | WindowRetried
    | WindowDone
    | WindowKept
    | WindowFailed
    | StreamFailed
    | PaceChanged
)
