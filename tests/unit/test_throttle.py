"""The gate: places, rate, and "not before"."""

from __future__ import annotations

import asyncio

import pytest

from amili_async import Limits
from amili_async.testing import FakeClock
from amili_async.throttle import Throttle

pytestmark = pytest.mark.asyncio
ORIGIN = "https://a"


async def test_no_more_than_the_allowed_number_at_once():
    """Places are bounded, and every caller gets one in the end."""
    throttle = Throttle(Limits(connections=3), FakeClock())
    inside = most = 0

    async def call():
        nonlocal inside, most
        async with throttle.slot(ORIGIN):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(call() for _ in range(20)))
    assert (inside, most) == (0, 3)


async def test_rate_spaces_requests():
    """At 10 a second the eleventh starts a second after the first."""
    clock = FakeClock()
    throttle = Throttle(Limits(rate=10), clock)
    start = clock.monotonic()
    for _ in range(11):
        async with throttle.slot(ORIGIN):
            pass
    assert clock.monotonic() - start == pytest.approx(1.0)


async def test_a_free_gate_does_not_wait():
    """Without limits in force nothing sleeps."""
    clock = FakeClock()
    async with Throttle(Limits(), clock).slot(ORIGIN):
        pass
    assert clock.sleeps == []


async def test_hold_off_is_for_one_origin():
    """After a 429 its origin is left alone for that long; others are not; the longest wish counts."""
    clock = FakeClock()
    throttle = Throttle(Limits(), clock)
    throttle.hold_off(ORIGIN, 5)
    throttle.hold_off(ORIGIN, 2)
    await throttle.wait("https://b")
    assert clock.sleeps == []
    await throttle.wait(ORIGIN)
    assert clock.sleeps == [5]


async def test_a_cancelled_sleeper_leaves_nothing_behind():
    """Cancelling a wait gives the place back."""

    class Stuck(FakeClock):
        async def sleep(self, seconds):
            self.sleeps.append(seconds)
            await asyncio.Event().wait()

    clock = Stuck()
    throttle = Throttle(Limits(connections=1), clock)
    throttle.hold_off(ORIGIN, 5)

    async def call():
        async with throttle.slot(ORIGIN):
            pass

    sleeper = asyncio.create_task(call())
    await asyncio.sleep(0)
    assert clock.sleeps == [5]
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    clock.advance(10)
    await asyncio.wait_for(call(), 1)
