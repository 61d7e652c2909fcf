"""Delivers webhooks: signed, tried again when they are not taken, now and then more than once.

Documented are the events and the names of the headers. Assumed are the signature (HMAC-SHA256 of the body with the secret, as
lower-case hex), that any 2xx means "taken", and how often and how soon a delivery is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from amili_async.sandbox.events import document
from amili_async.sandbox.figures import stamp
from amili_async.sandbox.ids import Ids, Kind, mix
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.sandbox.events import Event
    from amili_async.sandbox.settings import Settings

__all__ = ["Delivery", "Webhooks", "signature"]

_AT_ONCE = 8
_PATIENCE = aiohttp.ClientTimeout(total=5)
_PAUSE = 0.02
_KEPT = 10_000


@dataclass(slots=True)
class Delivery:
    """An event on its way to the receiver.

    Attributes:
        event: name of the event.
        key: of the delivery: that of an event is the same in all its deliveries.
        repeat: whether the event was delivered before.
        statuses: answer to each try; 0 if there was none.
        body: what is sent.
    """

    event: str
    key: str
    repeat: bool
    statuses: list[int] = field(default_factory=list[int])
    body: bytes = field(default=b"", repr=False)

    @property
    def taken(self) -> bool:
        """Whether the receiver has taken it."""
        return bool(self.statuses) and 200 <= self.statuses[-1] < 300


def signature(secret: str, body: bytes) -> str:
    """Return the signature of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Webhooks:
    """Takes events and delivers them, a few at once and in no certain order, as webhooks come.

    Args:
        seed: that duplicates are drawn from.
        ids: where ids come from.
        settings: of the sandbox.

    Attributes:
        url: where to deliver; None delivers nothing, and what happens meanwhile is not delivered later.
        deliveries: the latest ones, in the order of their events.
    """

    def __init__(self, seed: int, ids: Ids, settings: Settings) -> None:
        self._seed = mix(mix(seed & (1 << 64) - 1) ^ 0xB00C)
        self._ids = ids
        self._settings = settings
        self._events = 0
        self._requests = 0
        self._waiting: deque[tuple[str, Delivery]] = deque()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._moved = asyncio.Event()
        self.url = settings.webhook_url
        self.deliveries: deque[Delivery] = deque(maxlen=min(settings.log_size, _KEPT))

    def emit(self, make: Callable[..., Event], *arguments: object) -> None:
        """Take an event, to be delivered from now on. Without a receiver it is not even made."""
        if self.url is None or self._session is None:
            return
        event = make(*arguments)
        self._events += 1
        body = encode(document(event, self._id(Kind.EVENT, event), stamp(time.time_ns() // 1_000_000)[:19] + "Z"))
        key = self._id(Kind.DELIVERY, event)
        twice = (mix(self._seed ^ self._events) >> 32) / 2**32 < self._settings.webhook_duplicates
        for repeat in (False, True) if twice else (False,):
            delivery = Delivery(event.name, key, repeat, body=body)
            self.deliveries.append(delivery)
            self._waiting.append((self.url, delivery))
            if len(self._workers) < _AT_ONCE:
                worker = asyncio.get_running_loop().create_task(self._work(self._session))
                self._workers.add(worker)
                worker.add_done_callback(self._done)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call something after a time, unless the sandbox is stopped before: batches end by themselves if somebody listens."""
        if self._session is None:
            return
        self._requests += 1
        ordinal = self._requests

        def run() -> None:
            del self._timers[ordinal]
            callback()
            self._moved.set()

        self._timers[ordinal] = asyncio.get_running_loop().call_later(seconds, run)

    def call_nothing(self) -> None:
        """Forget what was to be called."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._moved.set()

    async def delivered(self, timeout: float) -> None:
        """Wait until every batch has ended and every delivery was taken or given up.

        Raises:
            TimeoutError: that has not come about in so many seconds.
        """
        async with asyncio.timeout(timeout):
            while self._timers or self._workers:
                self._moved.clear()
                await self._moved.wait()

    def start(self) -> None:
        """Be ready to deliver."""
        self._session = aiohttp.ClientSession(timeout=_PATIENCE, cookie_jar=aiohttp.DummyCookieJar())

    async def stop(self) -> None:
        """Give up what is on its way, and leave nothing behind."""
        session, self._session = self._session, None
        self.call_nothing()
        self._waiting.clear()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if session is not None:
            await session.close()

    def _done(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._moved.set()

    async def _work(self, session: aiohttp.ClientSession) -> None:
        """Deliver until nothing waits."""
        while self._waiting:
            await self._deliver(session, *self._waiting.popleft())

    async def _deliver(self, session: aiohttp.ClientSession, url: str, delivery: Delivery) -> None:
        """Try until it is taken, so often at most; the pauses grow up to about a second."""
        delivery.statuses.append(await self._post(session, url, delivery))
        for attempt in range(self._settings.webhook_retries):
            if delivery.taken:
                return
            await asyncio.sleep(_PAUSE * 2 ** min(attempt, 6))
            delivery.statuses.append(await self._post(session, url, delivery))

    async def _post(self, session: aiohttp.ClientSession, url: str, delivery: Delivery) -> int:
        """Try to deliver; return the status of the answer, 0 if there is none."""
        self._requests += 1
        headers = {
            "Content-Type": "application/json",
            "X-Amili-Event": delivery.event,
            "IdempotencyKey": delivery.key,
            "X-Amili-Request-Id": f"sandbox-webhook-{self._requests}",
            "X-Webhook-Signature": signature(self._settings.webhook_secret, delivery.body),
        }
        try:
            # No redirect is followed: it could lead away from this machine.
            async with session.post(url, data=delivery.body, headers=headers, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return 0

    def _id(self, kind: Kind, event: Event) -> str:
        return self._ids.make(kind, event.organization, self._events)
