"""A user's program over the public names. It is not run: mypy --strict and basedpyright check it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, assert_type

import aiohttp
import msgspec

from amili_async import (
    AccessToken,
    AmiliClient,
    AmiliError,
    ClientCredentials,
    Cursor,
    Environment,
    Hooks,
    InvalidItem,
    Limits,
    Operation,
    Page,
    Pager,
    RequestOptions,
    Response,
    RetryPolicy,
    StaticToken,
    Timeouts,
    TokenCache,
    errors,
    operations,
)
from amili_async.auth import TokenExchange
from amili_async.collection.creating import Created
from amili_async.collection.events import BatchCompletedEvent, WebhookEvent
from amili_async.collection.models import (
    Batch,
    BatchAccepted,
    BatchStatus,
    Case,
    CaseId,
    CaseStatus,
    Currency,
    Invoice,
    LegacyBatch,
    LegacyBatchStatus,
    Settlement,
)
from amili_async.collection.requests import NewCorrection, NewInvoice, NewPayment
from amili_async.hooks import PageDrift, RetryEvent
from amili_async.identity.models import TokenResponse
from amili_async.sandbox import Sandbox
from amili_async.structs import OpenObject
from amili_async.testing import FakeClock, FakeTransport, json_reply
from amili_async.webhooks import HmacSha256, Receiver, Router, parse, verify


class Mine(msgspec.Struct, rename="camel"):
    """A projection."""

    case_id: str
    remaining_amount: float | None = None


class Vault:
    """Credentials of the user's own."""

    async def obtain(self, exchange: TokenExchange) -> AccessToken:
        """Take a token from somewhere."""
        answer = await exchange({"grant_type": "client_credentials"})
        return AccessToken(answer.access_token, lifetime=60.0)


class Log(Hooks):
    """Hooks of the user's own."""

    def on_retry(self, event: RetryEvent) -> None:
        """Take note."""
        assert_type(event.delay, float)

    def on_drift(self, event: PageDrift) -> None:
        """Take note."""
        assert_type(event.kind, str)


async def read(amili: AmiliClient, org: str) -> None:
    """Read everything there is to read."""
    async for case in amili.collection.cases.list(org, status=CaseStatus.OPEN, page_size=500):
        assert_type(case, Case)
        assert_type(case.case_id, CaseId)
        assert_type(case.remaining_amount, Decimal | None)
        assert_type(case.case_number, int | str | None)
        for invoice in case.invoices or ():
            assert_type(invoice.currency, Currency | OpenObject | None)
    first = await amili.collection.cases.list(org, type="PAYMENT_REMINDER")
    assert_type(first, Page[Case])
    assert_type(first.items, tuple[Case, ...])
    assert_type(first.resume, Cursor | None)
    assert_type(first.invalid, tuple[InvalidItem, ...])
    saved: str | None = None
    async for page in amili.collection.batches.list(org).pages(resume=saved):
        assert_type(page, Page[Batch])
        saved = str(page.resume)
    async with amili.collection.cases.list(org, model=Mine).prefetch(2) as pages:
        async for mine in pages:
            assert_type(mine, Page[Mine])
    async with amili.collection.invoices.list(org).prefetch() as invoices:
        async for invoice_row in invoices.items():
            assert_type(invoice_row, Invoice)
    async with amili.collection.settlements.list(org).concurrent(4) as settlements:
        async for settlement_page in settlements:
            assert_type(settlement_page, Page[Settlement])
    async for row in amili.collection.cases.list(org).raw():
        assert_type(row, msgspec.Raw)
    assert_type(amili.collection.cases.list(org), Pager[Case])
    assert_type(await amili.collection.settlements.list(org, limit=10).collect(), list[Settlement])
    batch = await amili.collection.batches.get(org, "id", options=RequestOptions(timeout=5, retry=RetryPolicy(attempts=1)))
    assert_type(batch.status, BatchStatus | None)
    legacy = await amili.collection.batches.get_legacy("id")
    assert_type(legacy, LegacyBatch)
    assert_type(legacy.status, BatchStatus | LegacyBatchStatus | None)
    async for any_batch in amili.collection.batches.list_all(state="QUEUED"):
        assert_type(any_batch, LegacyBatch)
    response = await amili.call("collection.invoices.get", org, "id")
    assert_type(response, Response[Any])
    assert_type(response.headers, dict[str, str])
    assert_type(operations(), tuple[Operation[Any], ...])
    assert_type(await amili.identity.token(), TokenResponse)
    quick = amili.with_options(timeout=3.0, headers={"X-Trace": "1"})
    assert_type(quick, AmiliClient)


async def connect(session: aiohttp.ClientSession, paths: Mapping[str, str]) -> None:
    """Make clients in every way."""
    tokens = TokenCache(ClientCredentials("id", "secret", scope="write:collection.case"))
    async with AmiliClient(
        tokens,
        environment=Environment.STAGING,
        timeouts=Timeouts(total=60.0),
        limits=Limits(connections=8, rate=20.0),
        retry=RetryPolicy(attempts=2),
        hooks=Log(),
        paths=paths,
        session=session,
    ) as amili:
        await read(amili, "org")
    async with AmiliClient(StaticToken("t")), AmiliClient(Vault()), AmiliClient.from_env():
        pass
    async with Sandbox(cases=10, seed=7) as sandbox, AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili:
        for organization in sandbox.organizations:
            await read(amili, organization)
    transport = FakeTransport([json_reply({"data": []})])
    async with AmiliClient(StaticToken("t"), transport=transport, clock=FakeClock()) as amili:
        await read(amili, "org")
    local = Environment("mine", identity="https://auth.example.no", collection="https://api.example.no")
    assert_type(local.url("collection"), str)


async def write(amili: AmiliClient, org: str) -> None:
    """Hand in, wait, act."""
    item = NewInvoice(
        type="NOTICE",
        invoice_number="1",
        original_invoice_amount=Decimal("1.50"),
        currency="NOK",
        invoice_date=date(2026, 1, 1),
        due_date="2026-02-01",
        extra={"debtor": {"customerNumber": "7"}},
    )
    created = await amili.collection.invoices.create(org, [item], recover=True)
    assert_type(created, Created)
    batch = await amili.collection.batches.wait(org, created.batch_id, timeout=300, events=Router())
    assert_type(batch, Batch)
    await amili.collection.payments.create(org, [NewPayment(invoice_id="i", amount=Decimal(1), currency="NOK")])
    await amili.collection.corrections.create(
        org, [NewCorrection(invoice_id="i", amount=1, currency="NOK", date=date(2026, 1, 1))]
    )
    assert_type(await amili.collection.cases.pause(org, "c"), BatchAccepted | None)


router = Router()


@router.on("BATCH_COMPLETED")
async def completed(event: BatchCompletedEvent) -> None:
    """Take note."""
    assert_type(event.data.status, BatchStatus | None)


def receive(body: bytes, headers: Mapping[str, str]) -> None:
    """Take a delivery in."""
    verify(body, headers, secrets=["s"], scheme=HmacSha256(encoding="base64", prefix="sha256="))
    assert_type(parse(body, headers), WebhookEvent)
    Receiver(router, secrets=["s"])


def handle(error: AmiliError) -> None:
    """Look at an error."""
    assert_type(error.retry_after, float | None)
    assert_type(error.resume, Cursor | None)
    assert_type(error.status, int | None)
    if isinstance(error, errors.ApiError):
        assert_type(error.status, int)
    if isinstance(error, errors.DeadlineExceeded):
        assert_type(error.phase, str)
