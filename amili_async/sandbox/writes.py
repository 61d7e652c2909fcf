"""Writes: take in what is handed in as a batch, end the batch in its time, and remember idempotency keys.

Which items a batch accepts is decided when it ends, in the order in which the batches came.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, cast

import msgspec

from amili_async.sandbox import rows
from amili_async.sandbox.booking import BOOKINGS
from amili_async.sandbox.events import batch_completed
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.rules import Refusal
from amili_async.sandbox.store import ADDED, WrittenBatch
from amili_async.structs import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.events import Emit
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.settings import Settings

__all__ = ["Writes", "content", "visible"]

_KEY_LENGTH = 255
_same_order = msgspec.json.Encoder(decimal_format="number", order="deterministic")


class Writes:
    """Answers the creates, and keeps the batches of all writes.

    Args:
        dataset: where the organizations are.
        settings: of the sandbox.
        address: returns where the Collection API is served.
        emit: told of every event.

    Attributes:
        executed: how many requests of each operation were carried out: refused and recognised ones are not.
        executed_items: how many items those requests held.
        on_queued: called after every batch that is made.
    """

    def __init__(self, dataset: Dataset, settings: Settings, *, address: Callable[[], str], emit: Emit) -> None:
        self._dataset = dataset
        self._settings = settings
        self._address = address
        self._emit = emit
        self._clock = time.monotonic
        self._queued: deque[tuple[Portfolio, WrittenBatch]] = deque()
        self.executed: Counter[str] = Counter()
        self.executed_items: Counter[str] = Counter()
        self.on_queued: Callable[[], None] = lambda: None
        self.handlers: dict[str, Handler] = dict.fromkeys(BOOKINGS, self._create)

    def advance(self, now: float | None = None) -> None:
        """End the batches whose time has come, in the order in which they came."""
        now = self._clock() if now is None else now
        while self._queued and self._queued[0][1].due <= now:
            self._end(*self._queued.popleft())

    def count(self, operation: str, items: int = 1) -> None:
        """Take note of a request that was carried out."""
        self.executed[operation] += 1
        self.executed_items[operation] += items

    def _create(self, call: Call) -> Answer:
        """Take in a list of items."""
        (portfolio,) = visible(self._dataset, call)
        name = call.operation.name
        body = document(call)
        items = body.get(BOOKINGS[name].member)
        if not isinstance(items, list) or not items:
            raise Problem(
                400, "invalid_body", f"The body must be an object with {BOOKINGS[name].member}, a list that is not empty."
            )
        if len(items) > self._settings.items_max:
            raise Problem(422, "too_many_items", f"At most {self._settings.items_max} items are taken at once.")
        if not all(isinstance(item, dict) for item in items):
            raise Problem(422, "invalid_item", "Every item must be an object.")
        return self.once(portfolio, call, body, len(items), lambda: self.queue(portfolio, call, BOOKINGS[name].type, items))

    def once(self, portfolio: Portfolio, call: Call, body: Row, items: int, execute: Callable[[], WrittenBatch | None]) -> Answer:
        """Carry out a write, unless its idempotency key says that it was.

        Args:
            portfolio: whose write it is.
            call: the request.
            body: what it holds.
            items: how many items that are.
            execute: carries it out; returns its batch, if it has one.

        Raises:
            Problem: 409, the key came with another request; or whatever `execute` raises, and then nothing has happened.
        """
        store, key = portfolio.written, call.key
        if key is not None and len(key) > _KEY_LENGTH:
            raise Problem(400, "invalid_idempotency_key", f"An idempotency key has at most {_KEY_LENGTH} characters.")
        request = (call.operation.name, [value.lower() for value in call.values], body)
        digest = hashlib.blake2b(_same_order.encode(request), digest_size=16).digest()
        honoured = key is not None and self._settings.honour_idempotency
        if honoured and key is not None:
            if key in store.keys:
                known, batch = store.keys[key]
                if known != digest:
                    raise Problem(409, "idempotency_key_reused", "This idempotency key came with another request.")
                return self._accepted(portfolio, batch)
            if self._is_computed(portfolio, key):
                raise Problem(409, "idempotency_key_reused", "This idempotency key came with another request.")
        size = store.size + items + 1
        insist_on_room(size, self._settings)
        batch = execute()
        store.size = size
        if honoured and key is not None:
            store.keys[key] = digest, batch
        self.count(call.operation.name, items)
        store.version += 1
        return self._accepted(portfolio, batch)

    def queue(
        self, portfolio: Portfolio, call: Call, type_: str, items: list[Row], outcome: tuple[Row, ...] = ()
    ) -> WrittenBatch:
        """Make a batch that ends after the time that batches take."""
        store = portfolio.written
        batch = WrittenBatch(
            number=ADDED + len(store.batches),
            operation=call.operation.name,
            type=type_,
            key=call.key,
            created=store.tick(),
            due=self._clock() + self._settings.batch_seconds,
            items=tuple(items),
            outcome=outcome,
        )
        store.batches.append(batch)
        self._queued.append((portfolio, batch))
        self.on_queued()
        return batch

    def _end(self, portfolio: Portfolio, batch: WrittenBatch) -> None:
        """Accept or refuse the items of a batch."""
        batch.succeeded += batch.outcome
        for index, item in enumerate(batch.items):
            booking = BOOKINGS[batch.operation]
            try:
                batch.succeeded.append(booking.book(self._dataset, portfolio, batch, item, self._emit))
            except Refusal as refusal:
                batch.failed.append(refusal.shown(index, booking.name, item.get(booking.name)))
        batch.items = ()
        batch.status = "SUCCESS" if not batch.failed else "PARTIAL" if batch.succeeded else "FAILED"
        batch.finished = portfolio.written.tick()
        portfolio.written.version += 1
        self._emit(batch_completed, self._dataset, portfolio, rows.batch(self._dataset, portfolio, batch.number))

    def _accepted(self, portfolio: Portfolio, batch: WrittenBatch | None) -> Answer:
        """Answer with a batch to poll, or with nothing if there is none."""
        if batch is None:
            return Answer(b"", 202, "application/octet-stream")
        organization = self._dataset.organizations[portfolio.index]
        batch_id = self._dataset.ids.make(Kind.BATCH, portfolio.index, batch.number)
        data = {"batchId": batch_id, "batchUrl": f"{self._address()}/orgs/{organization}/batches/{batch_id}"}
        return Answer(encode({"summary": {"status": "SUCCESS"}, "data": data}), 202)

    def _is_computed(self, portfolio: Portfolio, key: str) -> bool:
        named = self._dataset.ids.read(key)
        ours = named and named.kind == Kind.IDEMPOTENCY_KEY and named.organization == portfolio.index
        return bool(named and ours and named.number < portfolio.batches)


def insist_on_room(size: int, settings: Settings) -> None:
    """Refuse a write if there would be too many.

    Raises:
        Problem: 422; the sandbox is full.
    """
    if size > settings.writes_max:
        raise Problem(422, "sandbox_full", "The sandbox holds as many writes as it may; start it anew, or raise writes_max.")


def document(call: Call, *, optional: bool = False) -> Row:
    """Return the JSON object that a request holds; an empty one if it holds nothing and need not.

    Raises:
        Problem: 400; the content type is another, or the body is no JSON, or no object.
    """
    if optional and not call.body:
        return {}
    body = content(call)
    if not isinstance(body, dict):
        raise Problem(400, "invalid_body", "The body must be an object.")
    return cast("Row", body)


def content(call: Call) -> Any:
    """Return the JSON that a request holds.

    Raises:
        Problem: 400; the content type is another, or the body is no JSON.
    """
    if call.media_type != "application/json":
        raise Problem(400, "invalid_content_type", "The body must be application/json.")
    try:
        return decode(call.body)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
        raise Problem(400, "invalid_json", "The body is not JSON.") from None


def visible(dataset: Dataset, call: Call, organization: Sequence[str] | None = None) -> list[Portfolio]:
    """Return the portfolios that a call is about: of the organization named, or of all that its token gives access to.

    Raises:
        Problem: 403; the token gives no access to it.
    """
    allowed: list[str] = call.claims["orgs"]
    named = call.values[:1] if organization is None else organization
    wanted = [it.lower() for it in named] or allowed
    if any(it not in allowed or it not in dataset.organizations for it in wanted):
        raise Problem(403, "forbidden", "The token gives no access to this organization.")
    return [dataset.portfolio(it) for it in wanted]
