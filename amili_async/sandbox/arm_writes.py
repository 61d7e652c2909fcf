"""The writes of customers and documents on the wire: one at once or many in a batch, and the batches on their way."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from amili_async.sandbox.arm_exchange import Refused, accepts, ledger_of
from amili_async.sandbox.arm_items import (
    ItemRefused,
    NotThere,
    create_customer,
    create_document,
    customer_keys,
    result,
    today,
    update_customer,
)
from amili_async.sandbox.arm_store import WrittenBatch
from amili_async.sandbox.exchange import Answer
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.writes import content, document, insist_on_room
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.settings import Settings

__all__ = ["ArmWrites"]

_BEGUN = 1 / 3
"""Share of a batch's time that passes before its first item is treated; until then its status is 202."""


class _Way(NamedTuple):
    """How the items of a write are treated."""

    member: str
    treat: Callable[[Ledger, Mapping[str, Any], int | None], Row]


class ArmWrites:
    """Answers the writes of customers and documents, and what becomes of batches.

    Args:
        ledgers: the clients by their numbers.
        settings: of the sandbox.
        count: takes note of a request that was carried out: its operation, and how many items it held.

    Attributes:
        handlers: by operation.
    """

    def __init__(self, ledgers: Mapping[int, Ledger], settings: Settings, count: Callable[[str, int], None]) -> None:
        self._ledgers = ledgers
        self._settings = settings
        self._count = count
        self._clock = time.monotonic
        self._open: list[tuple[Ledger, WrittenBatch]] = []
        self.handlers: dict[str, Handler] = {
            **dict.fromkeys(_SINGLE, self._write),
            **dict.fromkeys(_BATCHES, self._hand_in),
            "arm.customers.delete": self._delete,
            "arm.batches.get": self._batch,
        }

    # What all writes of ARM share.

    def body(self, call: Call, member: str | None = None) -> Row:
        """Return the object that a request holds, or the one that stands in it under a key beside `metadata`.

        Raises:
            Problem: 400; it is no JSON, or no object.
        """
        body = document(call)
        if member is not None and isinstance(inner := body.get(member), dict):
            body = cast("Row", inner)
        return {name: value for name, value in body.items() if name != "metadata"}

    def begin(self, call: Call, items: int = 1) -> Ledger:
        """Return the client that a write is about, if there is room for it.

        Raises:
            Problem: the call may not be answered, or the sandbox is full.
        """
        ledger = ledger_of(self._ledgers, call)
        insist_on_room(ledger.written.size + items + 1, self._settings)
        self.advance()
        return ledger

    def end(self, ledger: Ledger, call: Call, message: str, items: int = 1, **about: str) -> None:
        """Take note of a write that was carried out."""
        self._count(call.operation.name, items)
        store = ledger.written
        store.size += items + 1
        store.version += 1
        kind = call.operation.name.removeprefix("arm.").upper().replace(".", "-").replace("_", "-")
        store.log.append({"logDate": today(), "type": kind, "userId": "SANDBOX", **about, "message": message})

    # Single writes.

    def _write(self, call: Call) -> Answer:
        """Create or update one customer, or create one document."""
        member, treat = _SINGLE[call.operation.name]
        ledger = self.begin(call)
        try:
            row = treat(ledger, self.body(call, member), None)
        except NotThere as refused:
            raise Refused(404, str(refused), refused.errors) from None
        except ItemRefused as refused:
            raise Refused(422, str(refused), refused.errors) from None
        self.end(ledger, call, row["message"], **{name: row[name] for name in ("customerNo", "documentNo") if name in row})
        return Answer(encode(row), 201 if row["result"] == "CREATED" else 200)

    def _delete(self, call: Call) -> Answer:
        """Delete a customer that has no documents, and so no AR items."""
        ledger = self.begin(call)
        number = ledger.find_customer(call.values[1])
        if number is None:
            raise Refused(404, "There is no such customer.")
        if ledger.documents_of(number):
            raise Refused(422, "The customer has documents or AR items.", [{"field": "customerNo", "message": "Has documents"}])
        row = result("DELETED", "Customer deleted", customer_keys(ledger, number), [])
        ledger.written.deleted.add(number)
        ledger.written.numbers.pop(row["customerNo"].casefold(), None)
        self.end(ledger, call, row["message"], customerNo=row["customerNo"])
        return Answer(encode(row))

    # Batches.

    def _hand_in(self, call: Call) -> Answer:
        """Take in a batch."""
        member, _ = _BATCHES[call.operation.name]
        body = content(call)
        items = cast("Row", body).get(member) if isinstance(body, dict) else body if member == "customers" else None
        if not isinstance(items, list) or not items:
            raise Refused(400, f"The body must be an object with {member}, a list that is not empty.")
        if len(items) > self._settings.items_max:  # pyright: ignore[reportUnknownArgumentType]
            raise Refused(422, f"At most {self._settings.items_max} items are taken at once.")
        count = len(items)
        ledger = self.begin(call, count)
        store, now = ledger.written, self._clock()
        in_bundle = member == "documents"
        batch = WrittenBatch(
            operation=call.operation.name,
            items=list(items),
            begun=now,
            due=now + self._settings.batch_seconds,
            count=count,
            bundle=ADDED + len(store.bundles) if in_bundle else None,
        )
        if in_bundle:
            store.bundles.append([])
        store.batches.append(batch)
        self._open.append((ledger, batch))
        self.end(ledger, call, f"Batch of {count} received", count)
        number = len(store.batches) - 1
        receipt = {"clientNo": ledger.number, "batchUuid": ledger.ids.make(Kind.ARM_BATCH, ledger.index, number)}
        return Answer(encode({**receipt, "status": "RECEIVED", "message": "The batch was received"}), 202)

    def advance(self, now: float | None = None) -> None:
        """Treat the items of batches whose time has come, in the order of the batches."""
        now = self._clock() if now is None else now
        for ledger, batch in self._open:
            ready = _ready(batch, now)
            treat = _BATCHES[batch.operation].treat
            while len(batch.results) < ready:
                batch.results.append(_treated(ledger, batch, treat))
                ledger.written.version += 1
            if ready == batch.count:
                batch.items = []
        self._open = [(ledger, batch) for ledger, batch in self._open if batch.items]

    def finish(self) -> None:
        """End all batches at once."""
        self.advance(math.inf)

    def _batch(self, call: Call) -> Answer:
        """Tell how far a batch has come."""
        ledger = ledger_of(self._ledgers, call)
        if not accepts(call, "application/json"):
            raise Refused(406, "The state of a batch is told in application/json alone.")
        number = ledger.ids.read(Kind.ARM_BATCH, ledger.index, call.values[1])
        if number is None or number >= len(ledger.written.batches):
            raise Refused(404, "There is no such batch.")
        self.advance()
        batch = ledger.written.batches[number]
        if batch.items and self._clock() < _starts(batch):
            return Answer(b"", 202)
        done, failed = len(batch.results), sum(it["result"] == "FAILED" for it in batch.results)
        row: Row = {
            "clientNo": ledger.number,
            "batchUuid": call.values[1],
            "status": "PROCESSING" if batch.items else "PROCESSED",
        }
        if not batch.items:
            row["result"] = "SUCCESS" if not failed else "FAILED" if failed == done else "PARTIAL-SUCCESS"
            row["message"] = "The batch was processed"
        row |= {"countNotProcessed": batch.count - done, "countProcessed": done}
        row |= {"countSuccessful": done - failed, "countFailed": failed, "items": batch.results}
        return Answer(encode(row), 206 if batch.items else 200, rows=done)


def _starts(batch: WrittenBatch) -> float:
    return batch.begun + (batch.due - batch.begun) * _BEGUN


def _ready(batch: WrittenBatch, now: float) -> int:
    """Return how many items of a batch are treated by a time."""
    if now >= batch.due:
        return batch.count
    start = _starts(batch)
    return max(0, int(batch.count * (now - start) / (batch.due - start)))


def _treated(ledger: Ledger, batch: WrittenBatch, treat: Callable[[Ledger, Mapping[str, Any], int | None], Row]) -> Row:
    item = batch.items[len(batch.results)]
    try:
        return treat(ledger, cast("Row", item if isinstance(item, dict) else {}), batch.bundle)
    except ItemRefused as refused:
        return {**refused.shown, "clientNo": ledger.number}


_SINGLE = {
    "arm.customers.create": _Way("customer", create_customer),
    "arm.customers.update": _Way("customer", update_customer),
    "arm.documents.create": _Way("document", create_document),
}
_BATCHES = {
    "arm.customers.create_batch": _Way("customers", create_customer),
    "arm.customers.update_batch": _Way("customers", update_customer),
    "arm.documents.create_batch": _Way("documents", create_document),
}
