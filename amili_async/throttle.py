"""How much traffic goes out: requests in flight, requests a second, and "not before" after a 429.

A wait is a timestamp that everybody compares with the clock, never a lock that somebody holds while sleeping: a sleeper that is
cancelled leaves nothing behind.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from amili_async.clock import Clock
    from amili_async.config import Limits

__all__ = ["Throttle"]


class Throttle:
    """The one gate that all requests of a client, and of the clients made from it, go through."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._slots = anyio.Semaphore(limits.connections, fast_acquire=True)
        self._interval = 1.0 / limits.rate if limits.rate else 0.0
        self._next_start = 0.0
        self._not_before: dict[str, float] = {}

    def hold_off(self, origin: str, seconds: float) -> None:
        """Send nothing to an origin for that many seconds: the server asked for it."""
        until = self._clock.monotonic() + seconds
        self._not_before[origin] = max(until, self._not_before.get(origin, 0.0))

    @asynccontextmanager
    async def slot(self, origin: str) -> AsyncGenerator[None]:
        """Wait for a free place and for the time to be right, then hold the place."""
        async with self._slots:
            await self.wait(origin)
            yield

    async def wait(self, origin: str) -> None:
        """Wait for the time to be right."""
        while True:
            now = self._clock.monotonic()
            start = max(self._not_before.get(origin, 0.0), self._next_start)
            if start <= now:
                break
            await self._clock.sleep(start - now)
        if self._interval:
            # Taken only now, by who really starts: a sleeper that was cancelled has used up nobody's turn.
            on_time = now - self._next_start < self._interval
            self._next_start = (self._next_start if on_time else now) + self._interval
