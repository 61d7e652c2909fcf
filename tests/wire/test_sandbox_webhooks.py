"""Webhooks of the sandbox as a receiver on a real socket meets them."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
from typing import Any, Self

import pytest
from aiohttp import web

from amili_async.sandbox import Delivery, Sandbox
from amili_async.structs import decode

from .test_sandbox_writes import INVOICE, Writer, invoices

pytestmark = pytest.mark.asyncio


class Receiver:
    """Takes webhooks, and answers them as it was told to.

    Args:
        *statuses: of the first answers; the last one of all others. 0 cuts the connection.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses or (200,))
        self.headers: list[Any] = []
        self.bodies: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers)
        self.bodies.append(await request.read())
        await self.hold.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, headers={"Location": "http://example.no/"} if status == 302 else {})

    def of(self, event: str) -> list[Any]:
        """Return the events of a name, as they came."""
        taken = zip(self.headers, self.bodies, strict=True)
        return [decode(body) for headers, body in taken if headers["X-Amili-Event"] == event]


async def test_events_have_the_documented_shapes():
    """Each event comes signed, with its headers, in the shape of its documentation."""
    async with Receiver() as receiver, Writer(webhook_url=receiver.url, webhook_secret="hemmelig") as writer:
        batch = await writer.hand_in("invoices", INVOICE)
        (done,) = batch["succeeded"]
        await writer.hand_in("payments", {"invoiceId": done["invoiceId"], "amount": 1, "currency": "NOK"})
        await writer.post(f"cases/{done['caseId']}/pause")
        writer.sandbox.finish_batches()
        await writer.sandbox.delivered()
        case = await writer.case(done["caseId"])

        first, *others = receiver.of("BATCH_COMPLETED")
        assert first.keys() == {"id", "type", "source", "timeStamp", "data"}
        assert (first["type"], first["source"]) == ("BATCH_COMPLETED", "COLLECTION")
        assert first["data"] == {"batchId": batch["batchId"], "organizationId": writer.organization, "status": "SUCCESS"}
        assert len(first["timeStamp"]) == len("2026-01-01T00:00:00Z")
        assert len(others) == 2

        (created,) = receiver.of("CASE")
        about = {
            "orgId": writer.organization,
            "caseId": done["caseId"],
            "caseNumber": str(case["caseNumber"]),
            "type": "COLLECTION_NOTICE",
            "status": "OPEN",
            "invoices": [done["invoiceId"]],
        }
        assert created.keys() == {"id", "eventType", "source", "timeStamp", "data"}
        assert (created["eventType"], created["data"]) == ("CASE", about)

        updated = receiver.of("CASE_UPDATED")
        assert sorted((it["data"]["fields"], it["data"]["status"]) for it in updated) == [
            (["amounts"], "OPEN"),
            (["status"], "PAUSED"),
        ]
        assert {it["eventType"] for it in updated} == {"CASE_UPDATED"}

        (settled,) = receiver.of("SETTLEMENT_CREATED")
        (settlement,) = (it for it in writer.truth("settlements") if it["invoice"]["id"] == done["invoiceId"])
        assert settled["type"] == "SETTLEMENT_CREATED"
        assert settled["data"] == {
            "settlementId": settlement["id"],
            "organizationId": writer.organization,
            "settlementDate": settlement["settlementDate"][:10],
            "invoiceId": done["invoiceId"],
            "invoiceNumber": "INV-1",
            "caseNumber": str(case["caseNumber"]),
        }

        for headers, body in zip(receiver.headers, receiver.bodies, strict=True):
            assert headers["X-Webhook-Signature"] == hmac.new(b"hemmelig", body, hashlib.sha256).hexdigest()
            assert headers["Content-Type"] == "application/json"
        for name in ("IdempotencyKey", "X-Amili-Request-Id"):
            assert len({headers[name] for headers in receiver.headers}) == len(receiver.headers)
        assert len({decode(body)["id"] for body in receiver.bodies}) == len(receiver.bodies)
        assert [it.event for it in writer.sandbox.deliveries] == [
            "CASE",
            "BATCH_COMPLETED",
            "SETTLEMENT_CREATED",
            "CASE_UPDATED",
            "BATCH_COMPLETED",
            "CASE_UPDATED",
            "BATCH_COMPLETED",
        ]
        assert all(it.taken and it.statuses == [200] and not it.repeat for it in writer.sandbox.deliveries)


async def test_an_eviction_changes_no_field():
    """An action that changes nothing that an answer shows is no CASE_UPDATED."""
    async with Receiver() as receiver, Writer(webhook_url=receiver.url) as writer:
        case_id = next(writer.sandbox.cases_for("accept_eviction_request", writer.organization))
        await writer.post(f"cases/{case_id}/eviction-request/accept")
        writer.sandbox.finish_batches()
        await writer.sandbox.delivered()
        assert [it.event for it in writer.sandbox.deliveries] == ["BATCH_COMPLETED"]


async def test_batches_end_for_the_listener():
    """Nobody has to ask: a batch ends by itself, and is told of."""
    async with Receiver() as receiver, Writer(webhook_url=receiver.url, batch_seconds=0.02) as writer:
        await writer.post("invoices", {"invoices": [INVOICE]})
        await writer.sandbox.delivered()
        assert [it["data"]["status"] for it in receiver.of("BATCH_COMPLETED")] == ["SUCCESS"]


async def test_retries():
    """What is not taken with 2xx is tried again with the same key and body, so many times; redirects are not followed."""
    async with Receiver(500, 0, 302, 204) as receiver, Writer(webhook_url=receiver.url) as writer:
        await writer.hand_in("invoices", {**INVOICE, "originalInvoiceAmount": 0})
        await writer.sandbox.delivered()
        (delivery,) = writer.sandbox.deliveries
        assert delivery == Delivery(
            "BATCH_COMPLETED", delivery.key, repeat=False, statuses=[500, 0, 302, 204], body=delivery.body
        )
        assert delivery.taken
        assert {headers["IdempotencyKey"] for headers in receiver.headers} == {delivery.key}
        assert len({headers["X-Amili-Request-Id"] for headers in receiver.headers}) == 4
        assert set(receiver.bodies) == {delivery.body}


async def test_given_up():
    """A receiver that is not there, or never takes anything, is given up."""
    async with Writer(webhook_url="http://127.0.0.1:9/", webhook_retries=1) as writer:
        await writer.hand_in("invoices", {**INVOICE, "originalInvoiceAmount": 0})
        await writer.sandbox.delivered()
        assert [(it.statuses, it.taken) for it in writer.sandbox.deliveries] == [([0, 0], False)]
    assert not Delivery("CASE", "k", repeat=False).taken


async def test_duplicates():
    """A share of the events comes twice, with the same key and body; which ones follows from the seed."""
    kept = []
    for _ in range(2):
        async with Receiver() as receiver, Writer(webhook_url=receiver.url, webhook_duplicates=0.3) as writer:
            await writer.hand_in("invoices", *invoices(40))
            await writer.sandbox.delivered()
            keys = [headers["IdempotencyKey"] for headers in receiver.headers]
            assert len(set(keys)) == 41
            assert 5 <= len(keys) - 41 <= 20
            assert len(set(receiver.bodies)) == 41
            kept.append([it.key for it in writer.sandbox.deliveries if it.repeat])
    assert kept[0] == kept[1]
    async with Receiver() as receiver, Writer(webhook_url=receiver.url, webhook_duplicates=1) as writer:
        await writer.hand_in("invoices", INVOICE)
        await writer.sandbox.delivered()
        assert len(receiver.bodies) == 4


async def test_control():
    """The URL can be set and taken away over HTTP, and the deliveries read back; URLs beyond this machine are refused."""
    async with Receiver() as receiver, Writer() as writer:

        async def control(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            async with writer.session.request(method, f"{writer.sandbox.url}/_sandbox/{path}", json=body) as response:
                return response.status, await response.json()

        await writer.hand_in("invoices", INVOICE)
        status, state = await control("POST", "webhook", {"url": receiver.url})
        assert (status, state["webhook"], state["deliveries"]) == (200, receiver.url, 0)
        await writer.hand_in("invoices", INVOICE)
        await writer.sandbox.delivered()
        assert len(receiver.bodies) == 2
        status, deliveries = await control("GET", "deliveries")
        assert [(it["event"], it["statuses"], it["taken"], it["repeat"]) for it in deliveries] == [
            ("CASE", [200], True, False),
            ("BATCH_COMPLETED", [200], True, False),
        ]
        for wrong in ({"url": "http://example.no/"}, {"url": 7}, [], {"url": "x"}):
            status, answer = await control("POST", "webhook", wrong)
            assert (status, answer["error"]) == (400, "invalid_webhook")
        assert writer.sandbox.webhook == receiver.url
        await control("POST", "webhook", {"url": None})
        await writer.hand_in("invoices", INVOICE)
        await writer.sandbox.delivered()
        assert len(receiver.bodies) == 2


async def test_the_wait_is_bounded():
    """Who waits for deliveries waits no longer than told, and a stop leaves nothing behind."""
    before = asyncio.all_tasks()
    async with Receiver() as receiver:
        receiver.hold.clear()
        async with Writer(webhook_url=receiver.url) as writer:
            await writer.hand_in("invoices", *invoices(20))
            await writer.post("invoices", {"invoices": [INVOICE]})
            with pytest.raises(TimeoutError):
                await writer.sandbox.delivered(timeout=0.02)
            waiting = asyncio.create_task(writer.sandbox.delivered())
            await asyncio.sleep(0)
        await waiting
        assert asyncio.all_tasks() - before <= {asyncio.current_task(), *receiver_tasks(before)}
        assert not writer.sandbox._webhooks._timers
        receiver.hold.set()
        # What was queued ends when somebody looks; there is no one to tell any more.
        assert writer.truth("batches")[-1]["status"] == "QUEUED"
        writer.sandbox.finish_batches()
        assert writer.truth("batches")[-1]["status"] == "SUCCESS"
    gc.collect()


def receiver_tasks(before):
    """Return the tasks of the receiver's server, which still holds the requests."""
    return {task for task in asyncio.all_tasks() - before if "RequestHandler" in repr(task.get_coro())}


async def test_stops_while_a_delivery_waits_to_be_tried_again():
    """A stop does not wait for retries."""
    async with Receiver(500) as receiver:
        async with Writer(webhook_url=receiver.url, webhook_retries=50) as writer:
            await writer.hand_in("invoices", INVOICE)
            while not receiver.bodies:  # noqa: ASYNC110  # the receiver has no event for it
                await asyncio.sleep(0.001)
        assert not writer.sandbox._webhooks._workers
        assert not writer.sandbox._webhooks._waiting


async def test_writes_of_a_sandbox_that_is_not_running():
    """Without a server there is nothing to wait for and nothing to deliver."""
    sandbox = Sandbox(cases=5, webhook_url="http://127.0.0.1:9/")
    await sandbox.delivered()
    await sandbox._webhooks.stop()
    sandbox._webhooks.call_later(0, sandbox.finish_batches)
    assert sandbox.deliveries == ()
