"""The example workflow of the documentation, from the token to the settlement; and what a lost answer costs."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal

import pytest

from amili_async import RequestOptions, errors
from amili_async.cli_webhooks import serving
from amili_async.collection.requests import NewCorrection, NewInvoice, NewPayment
from amili_async.sandbox import Fault, Sandbox
from amili_async.webhooks import Receiver, Router

from .kit import connect

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

SECRET = "hunter2"


def invoice(number, **changes):
    """Return an invoice to hand over."""
    values = {
        "type": "NOTICE",
        "invoice_number": f"INV-{number}",
        "original_invoice_amount": Decimal("4500.10"),
        "currency": "NOK",
        "invoice_date": date(2026, 1, 15),
        "due_date": date(2026, 2, 15),
        "unique_source_invoice_id": f"erp-{number}",
    }
    return NewInvoice(**{**values, **changes})


async def workflow(amili, org, wait):
    """Hand in, wait, look, pause, resume, pay, read the settlement."""
    collection = amili.collection
    created = await collection.invoices.create(org, [invoice("2024-00123")])
    batch = await wait(created.batch_id)
    assert batch.status == "SUCCESS"
    (done,) = batch.succeeded
    assert done.invoice_number == "INV-2024-00123"
    assert (await collection.invoices.get(org, done.invoice_id)).unique_source_invoice_id == "erp-2024-00123"

    (case,) = await collection.cases.list(org, unique_source_invoice_id="erp-2024-00123").collect()
    assert (case.case_id, case.status, case.remaining_amount) == (done.case_id, "OPEN", Decimal("4500.10"))
    await collection.cases.pause(org, case.case_id)
    assert case.case_id in [one.case_id async for one in collection.cases.list(org, status="PAUSED")]
    with pytest.raises(errors.Conflict):
        await collection.cases.pause(org, case.case_id)
    await collection.cases.resume(org, case.case_id)

    paid = await collection.payments.create(
        org, [NewPayment(invoice_id=done.invoice_id, amount=Decimal("1000.05"), currency="NOK")]
    )
    assert (await wait(paid.batch_id)).status == "SUCCESS"
    (case,) = await collection.cases.list(org, unique_source_invoice_id="erp-2024-00123").collect()
    assert case.remaining_amount == Decimal("3500.05")
    settled = [one async for one in collection.settlements.list(org) if one.invoice and one.invoice.id == done.invoice_id]
    assert [one.payment_amount for one in settled] == [Decimal("1000.05")]
    assert await collection.settlements.get(org, settled[0].id) == settled[0]

    corrected = await collection.corrections.create(
        org, [NewCorrection(invoice_id=done.invoice_id, amount=Decimal("500.00"), currency="NOK", date=date(2026, 3, 1))]
    )
    assert (await wait(corrected.batch_id)).status == "SUCCESS"
    (case,) = await collection.cases.list(org, unique_source_invoice_id="erp-2024-00123").collect()
    assert case.remaining_amount == Decimal("3000.05")
    return done


async def test_the_example_workflow_by_polling():
    """Everything that the documentation's example does, without credentials of one's own."""
    async with Sandbox(cases=20, batch_seconds=0.02) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        await workflow(amili, org, lambda batch_id: amili.collection.batches.wait(org, batch_id, poll=0.02))


async def test_the_example_workflow_by_webhook():
    """The same, told by webhooks: batches end the wait, case and settlement events arrive, each function runs once."""
    router, seen = Router(), []
    receiver = Receiver(router, secrets=[SECRET])

    @router.on()
    async def note(event):
        seen.append((str(event.type), event.delivery_id))

    async with AsyncExitStack() as stack:
        url = await serving(stack, receiver, "127.0.0.1", 0, "/hooks")
        settings = {"webhook_url": url, "webhook_secret": SECRET, "webhook_duplicates": 0.5}
        sandbox = await stack.enter_async_context(Sandbox(cases=20, batch_seconds=0.02, **settings))
        amili = await stack.enter_async_context(connect(sandbox))
        org = sandbox.organizations[0]

        async def wait(batch_id):
            # Polls far apart: without the webhook this would time out.
            return await amili.collection.batches.wait(org, batch_id, poll=30, timeout=5, events=router)

        await workflow(amili, org, wait)
        await asyncio.wait_for(sandbox.delivered(), 5)
    assert len(set(seen)) == len(seen)
    assert {kind for kind, _ in seen} == {"BATCH_COMPLETED", "SETTLEMENT_CREATED", "CASE", "CASE_UPDATED"}


@pytest.mark.parametrize("kind", ["lost_answer", "reset_after_headers", "reset_in_body"])
@pytest.mark.parametrize("how", ["plain", "key", "recover"])
async def test_a_lost_answer_is_executed_at_most_once(kind, how):
    """Whether the answer of a create is lost before, in or after its head: the server carries it out once."""
    fault = Fault(kind, at=(1,), match="collection.invoices.create")
    async with Sandbox(cases=5, faults=[fault], batch_seconds=0.01) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        options = RequestOptions(idempotency_key="k1") if how != "plain" else None
        create = amili.collection.invoices.create(org, [invoice(1)], options=options, recover=how == "recover")
        if how == "plain":
            with pytest.raises(errors.OutcomeUnknownError):
                await create
        else:
            batch = await amili.collection.batches.wait(org, (await create).batch_id, poll=0.01)
            assert batch.status == "SUCCESS"
        assert sandbox.executed["collection.invoices.create"] == 1
        assert sandbox.log.count("collection.invoices.create") == (2 if how == "key" else 1)


async def test_a_create_that_never_arrived_is_said_so():
    """A reset before the server looked at it: not executed; without a key not repeated either, because nobody can know."""
    fault = Fault("reset_before", at=(1,), match="collection.invoices.create")
    async with Sandbox(cases=5, faults=[fault]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.invoices.create(sandbox.organizations[0], [invoice(1)])
        assert sandbox.executed["collection.invoices.create"] == 0
        assert sandbox.log.count("collection.invoices.create") == 1


async def test_ten_thousand_invoices_are_accounted_for():
    """Handed in by chunks, waited for together, every item found among the taken or the refused, with its reason."""
    items = [invoice(number, currency="NOK" if number % 100 else "SEK") for number in range(9_990)]
    items += [invoice(number, due_date=date(2020, 1, 1)) for number in range(9_990, 10_000)]  # due before it was written
    async with Sandbox(cases=5, batch_seconds=0.01) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        created = await amili.collection.invoices.create(org, items, chunk_size=1_000)
        batches = await amili.collection.batches.wait_all(org, created.batch_ids, poll=0.05)
    assert [chunk.count for chunk in created.chunks] == [1_000] * 10
    taken = {done.invoice_number for batch in batches for done in batch.succeeded}
    refused = sum(len(batch.failed or ()) for batch in batches)
    assert len(taken) + refused == 10_000
    assert len(taken) == 9_990
    assert [batch.status for batch in batches] == ["SUCCESS"] * 9 + ["PARTIAL"]
    reasons = [refused for refused in batches[-1].failed if refused is not None]
    assert {refused["invoiceNumber"] for refused in reasons} == {f"INV-{number}" for number in range(9_990, 10_000)}
    assert all(refused["message"] for refused in reasons)
