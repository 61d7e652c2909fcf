"""How fast a job goes: how many requests at a time, which adapts to what the server takes, and how much waits in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import anyio

from amili_async.errors import ApiError, DecodeError, NotSentError, OutcomeUnknownError
from amili_async.retry import Failure, classify_status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from amili_async.clock import Clock
    from amili_async.errors import AmiliError

__all__ = ["Gate", "Line", "Pace", "passing", "pause_after"]

PATIENCE = 1.0
"""Seconds after a change within which the server's complaints are about what was before."""
QUIET = 5.0
"""Seconds without a complaint after which one more request at a time is tried."""
PAUSE_MAX = 60.0
LONGEST_WAIT = 600.0
"""Seconds; a server that wants to be left alone for longer is not waited for."""


class Gate:
    """Lets through as much as there is room for, and at least one at a time.

    Args:
        limit: how much there is room for.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._freed: anyio.Event | None = None

    async def enter(self, size: int = 1) -> None:
        """Wait for room, and take it."""
        while self.used and self.used + size > self.limit:
            self._freed = self._freed or anyio.Event()
            await self._freed.wait()
        self.used += size

    def leave(self, size: int = 1) -> None:
        """Give room back; a negative size takes more without waiting."""
        self.used -= size
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        freed, self._freed = self._freed, None
        if freed is not None:
            freed.set()


class Line:
    """Lets through one at a time: of those that wait the one with the lowest rank."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, anyio.Event]] = []
        self._arrivals = 0
        self._taken = False

    async def enter(self, rank: int) -> None:
        """Wait for a turn, and take it."""
        if not self._taken:
            self._taken = True
            return
        self._arrivals += 1
        place = (rank, self._arrivals, anyio.Event())
        heappush(self._waiting, place)
        try:
            await place[2].wait()
        except BaseException:
            if place[2].is_set():
                self.leave()
            else:
                self._waiting.remove(place)
                heapify(self._waiting)
            raise

    def leave(self) -> None:
        """Give the turn to the next."""
        if self._waiting:
            heappop(self._waiting)[2].set()
        else:
            self._taken = False


class Pace:
    """Requests at a time: half as many after a 429 or 503, one more after each quiet interval.

    Args:
        most: how many at most, and to begin with.
        clock: what tells the time.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._changed = clock.monotonic()
        self.gate = Gate(most)

    @property
    def limit(self) -> int:
        """Requests at a time, now."""
        return self.gate.limit

    def answered(self, status: int | None) -> bool:
        """Take note of an answer, and tell whether that has changed the pace."""
        since = self._clock.monotonic() - self._changed
        before = self.limit
        if status in {429, 503}:
            if since >= PATIENCE or self.limit == self._most:
                self.gate.limit = max(before // 2, 1)
                self._changed = self._clock.monotonic()
        elif status is not None and since >= QUIET and before < self._most:
            self.gate.limit = before + 1
            self._changed = self._clock.monotonic()
            self.gate.wake()
        return self.limit != before

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn, and give it back in the end."""
        await self.gate.enter()
        try:
            yield
        finally:
            self.gate.leave()


def passing(error: AmiliError) -> bool:
    """Tell whether what went wrong may go well a little later."""
    if (error.retry_after or 0.0) > LONGEST_WAIT:
        return False
    if isinstance(error, ApiError):
        return classify_status(error.status, has_retry_after=error.retry_after is not None) is not Failure.REJECTED
    return isinstance(error, NotSentError | OutcomeUnknownError) or (isinstance(error, DecodeError) and error.damaged)


def pause_after(error: AmiliError, failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: as long as the server asks, else 1, 2, 4 ... up to a minute."""
    return max(error.retry_after or 0.0, min(2.0 ** (failures - 1), PAUSE_MAX))
