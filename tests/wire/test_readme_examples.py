"""The Python blocks of the README, cut out of the page and run against a sandbox."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pyarrow.dataset as ds
import pytest
from aiohttp import web

from amili_async import AmiliClient, BasicCredentials, ClientCredentials, Limits
from amili_async.arm.requests import CustomerInput
from amili_async.collection.requests import NewInvoice
from amili_async.sandbox import Fault, Sandbox
from amili_async.sandbox.faults import KINDS
from tests.readme import BLOCKS, README, RECIPES, compiled, rewritten

from .kit import connect

pytestmark = pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")

CASES = "collection.cases.list"
UNKNOWN = "00000000-0000-0000-0000-000000000000"

NOT_RUN = {
    "Apache Spark": "needs Java and pyspark: tests/spark/test_readme.py runs it where they are",
}
"""Blocks that are only compiled here, and why."""
RUN = []
"""Blocks that are run here."""


def example(name):
    """Run a test with a block of the README: a function that takes its names, and what has to stand in it instead of what."""
    RUN.append(name)

    def block(names, instead=None):
        return eval(compiled(name, rewritten(name, instead or {})), names)  # noqa: S307  # our own page

    return pytest.mark.parametrize("block", [pytest.param(block, id=name)])


def _cases(sandbox, **filters):
    return list(sandbox.truth(CASES, sandbox.organizations[0], **filters))


def _lines(cases):
    return [f"{case['caseNumber']} {case['remainingAmount']}" for case in cases]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with the files that the examples send."""
    for name in ("invoice.pdf", "terms.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    monkeypatch.chdir(tmp_path)


def test_every_block_is_run_or_says_why_not():
    """A new block is either run here, or listed with a reason; the recipes are run by tests/engines/test_recipes.py."""
    assert sorted([*RUN, *NOT_RUN]) == sorted(BLOCKS)
    assert all(NOT_RUN.values())
    assert len(BLOCKS) + len(RECIPES) == README.count("```python") > 10
    assert set(re.findall(r"^ *(?:```|~~~) *(\w*)", README, re.MULTILINE)) == {"", "python"}


@pytest.mark.parametrize(("name", "text"), [*BLOCKS.items(), *RECIPES.items()], ids=[*BLOCKS, *RECIPES])
def test_every_block_is_python(name, text):
    """Whether it is run or not, it compiles."""
    assert compiled(name, text)


@example("For applications: await it")
def test_the_first_program(block, capsys):
    """As it stands it prints every open case of its sandbox, amounts as on the wire."""
    block({})
    assert capsys.readouterr().out.splitlines() == _lines(_cases(Sandbox(cases=100), Status="OPEN"))


@pytest.mark.asyncio
@example("For applications: await it 2")
async def test_a_client_with_credentials(block, capsys):
    """All open cases, the first page, a batch and an invoice."""
    async with Sandbox(cases=600, client_id="id", client_secret="secret") as sandbox:
        org = sandbox.organizations[0]
        batch, invoice = (next(sandbox.truth(f"collection.{name}.list", org)) for name in ("batches", "invoices"))
        names = {"org": org, "batch_id": batch["batchId"], "invoice_id": invoice["id"], "sandbox": sandbox}
        await block(names, {"Environment.STAGING": "sandbox.environment"})
        *lines, counts = capsys.readouterr().out.splitlines()
        assert lines == _lines(_cases(sandbox, Status="OPEN"))
        assert counts == "600 500"
    assert (names["batch"].batch_id, names["invoice"].id) == (batch["batchId"], invoice["id"])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "known", "printed"),
    [
        (None, True, ""),
        (None, False, ""),
        ("gone", True, ""),
        ("reset_before", True, ""),
        ("reset_after_headers", True, ""),
        ("truncated_json", True, "200 8 "),
    ],
)
@example("For applications: await it 3")
async def test_errors(block, fault, known, printed, capsys):
    """Whatever goes wrong is caught by one of the branches."""
    faults = [Fault(fault, match="collection")] if fault in KINDS else []
    async with Sandbox(cases=5, faults=faults) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        (invoice, *_) = sandbox.truth("collection.invoices.list", org)
        names = {"org": org, "invoice_id": invoice["id"] if known else UNKNOWN, "amili": amili}
        if fault == "gone":
            await sandbox.stop()
        await block(names)
    assert ("invoice" in names) == (fault is None and known)
    assert capsys.readouterr().out.startswith(printed)


@pytest.mark.asyncio
@example("The example workflow")
async def test_the_example_workflow(block, capsys):
    """The invoice becomes a case, is paused, resumed and paid in part, once each."""
    async with Sandbox(cases=5, batch_seconds=0) as sandbox, connect(sandbox) as amili:
        names = {"org": sandbox.organizations[0], "amili": amili}
        await block(names)
        assert capsys.readouterr().out == ""
        assert names["batch"].status == "SUCCESS"
        writes = ("invoices.create", "cases.pause", "cases.resume", "payments.create")
        assert sandbox.executed == {f"collection.{name}": 1 for name in writes}
        (case,) = await amili.collection.cases.list(names["org"], unique_source_invoice_id="erp-order-9981").collect()
        assert (case.status, case.remaining_amount) == ("OPEN", Decimal("3500.05"))
        assert names["settlement"].payment_amount == Decimal("1000.05")


@pytest.mark.usefixtures("folder")
@pytest.mark.asyncio
@example("Accounts receivable (ARM)")
async def test_arm(block, capsys):
    """Lists are read to their end, a customer is changed, customers and a file are handed in."""
    customers = [CustomerInput(customer_no="990001", name="A"), CustomerInput(customer_no="", name="B")]
    settings = {"organizations": 1, "customers": 40, "batch_seconds": 0}
    async with Sandbox(cases=400, **settings) as sandbox, connect(sandbox, limits=Limits(page_size=20)) as amili:
        names = {"amili": amili, "customers": customers}
        items = len(list(sandbox.truth("arm.ar_items.list", 2218)))
        *_, last = sandbox.truth("arm.customers.list", 2218)
        await block(names)
        changed = await amili.arm.customers.list(2218, filters={"customerNo": "543210"}).collect()
        taken = await amili.arm.customers.list(2218, filters={"customerNo": "990001"}).collect()
    *pages, refused = capsys.readouterr().out.splitlines()
    counts = [min(20, items - start) for start in range(0, items, 20)]
    assert pages == [f"{number} {count} False" for number, count in enumerate(counts, 1)]
    assert len(pages) > 2
    assert refused.startswith("None (FieldMessage(field='customerNo'")
    assert names["customer"].customer_no == last["customerNo"]
    assert [customer.phone_no for customer in changed] == [""]
    assert [customer.name for customer in taken] == ["A"]
    assert names["upload"].complete


@pytest.mark.usefixtures("folder")
@pytest.mark.asyncio
@example("AutoCollect legacy, Distribution, Partner")
async def test_autocollect_distribution_and_partner(block, capsys):
    """Every settlement once, a document handed in, an invoice sent and asked for, files of a period."""
    stored = []

    async def store(items):
        stored.extend(items)

    settings = {"client_id": "id", "client_secret": "secret", "legacy_shape": "newer"}
    async with Sandbox(cases=50, **settings) as sandbox, connect(sandbox) as amili:
        creditor = (await amili.autocollect.batch.get()).creditor[0].idnumber
        names = {
            "AmiliClient": AmiliClient,
            "BasicCredentials": BasicCredentials,
            "ClientCredentials": ClientCredentials,
            "document": {"invoice": [{"ledgerref": "L1"}]},
            "sandbox": sandbox,
            "saved": None,
            "store": store,
        }
        own = {
            'ClientCredentials("id", "secret"),': 'ClientCredentials("id", "secret"), environment=sandbox.environment,',
            '"user", "password"': '"id", "secret"',
            '.get(creditor_id="1000")': f'.get(creditor_id="{creditor}")',
            'settlements(creditor_id="1000"': f'settlements(creditor_id="{creditor}"',
            '"4711", from_date="2026-01-01", to_date="2026-01-31"': '"40000", from_date="2025-01-01", to_date="2025-12-31"',
        }
        try:
            await block(names, own)
        finally:
            await names["amili"].aclose()
        org = sandbox.organizations[0]
        truth = [row["id"] for row in sandbox.truth("collection.settlements.list", org)]
        batches = [row["createdAt"] for row in sandbox.truth("collection.batches.list", org) if row["type"] == "INVOICE"]
    assert [settlement.id for settlement in stored] == truth
    assert names["saved"] == truth[-1]
    assert [one.idnumber for one in names["batch"].creditor] == [creditor]
    assert names["outcome"].ok
    assert "'order-9981', 'Status': 'QUEUED'" in capsys.readouterr().out
    assert sorted(file["ReceivedAt"] for file in names["files"]) == sorted(when for when in batches if when.startswith("2025"))
    assert names["files"]


@pytest.mark.asyncio
@example("Webhooks")
async def test_webhooks(block, capsys):
    """The application takes the webhook on the first try, the function prints it once, and the wait ends."""
    app, port = web.Application(), socket.create_server(("127.0.0.1", 0))
    runner = web.AppRunner(app)

    async def serve():  # begins when the block waits: by then it has told the application what to do
        await runner.setup()
        await web.SockSite(runner, port).start()

    url = f"http://127.0.0.1:{port.getsockname()[1]}/webhooks"
    settings = {"webhook_url": url, "webhook_secret": "hunter2", "batch_seconds": 0.2}
    async with Sandbox(cases=5, **settings) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        item = NewInvoice(
            type="NOTICE",
            invoice_number="1",
            original_invoice_amount=Decimal("4500.10"),
            currency="NOK",
            invoice_date=date(2026, 1, 15),
            due_date=date(2026, 2, 15),
            unique_source_invoice_id="u1",
        )
        created = await amili.collection.invoices.create(org, [item])
        names = {"amili": amili, "app": app, "batch_id": created.batch_id, "org": org, "secret": "hunter2"}
        serving = asyncio.create_task(serve())
        try:
            await block(names)
            await serving
            await sandbox.delivered()
        finally:
            await runner.cleanup()
        told = [delivery.statuses for delivery in sandbox.deliveries if delivery.event == "BATCH_COMPLETED"]
    assert capsys.readouterr().out == f"{created.batch_id} SUCCESS\n"
    assert told == [[202]]


@pytest.mark.usefixtures("folder")
@pytest.mark.asyncio
@example("For data movement: amili sync")
async def test_a_sync_as_a_library(block):
    """The lake holds every case since that day, nothing is left to read, and a window that is touched is to be read again."""
    async with Sandbox(cases=300) as sandbox, connect(sandbox) as amili:
        truth = [row["caseId"] for row in _cases(sandbox, FromCreatedAt="2024-01-01T00:00:00Z")]
        event = SimpleNamespace(data=SimpleNamespace(case_id=truth[-1]))
        names = {"amili": amili, "event": event, "org": sandbox.organizations[0]}
        await block(names)
        assert names["report"].complete
        assert names["windows"] == []
        assert sorted(ds.dataset("lake/cases").to_table(columns=["case_id"])["case_id"].to_pylist()) == sorted(truth)
        assert [entry.state for entry in await names["job"].status()].count("stale") == 1


@pytest.mark.asyncio
@example("Other commands, and pages")
async def test_pages(block):
    """Both ways hand out every case once."""
    stored = []

    async def store(items):
        stored.extend(items)

    async with Sandbox(cases=1_200) as sandbox, connect(sandbox) as amili:
        names = {"amili": amili, "org": sandbox.organizations[0], "saved": None, "store": store}
        await block(names)
        assert [case.case_id for case in stored] == [row["caseId"] for row in _cases(sandbox)] * 2
    assert names["saved"] is None


@pytest.mark.asyncio
@example("For speed: pay only for what you use")
async def test_rows_of_fewer_fields(block):
    """Both lists are read to the last case, as what was asked for."""
    async with Sandbox(cases=600) as sandbox, connect(sandbox) as amili:
        names = {"amili": amili, "org": sandbox.organizations[0], "msgspec": msgspec, "Decimal": Decimal}
        await block(names)
        last = _cases(sandbox)[-1]
        assert sandbox.log.count(CASES) == 4
    assert names["row"] == names["Owed"](case_id=last["caseId"], remaining_amount=last["remainingAmount"])
    assert isinstance(names["raw"], msgspec.Raw)
    assert msgspec.json.decode(names["raw"])["caseId"] == last["caseId"]


@pytest.mark.asyncio
@example("The sandbox")
async def test_a_sandbox_with_faults(block, capsys):
    """Every case comes in spite of them; all requests are counted."""
    names = {"AmiliClient": AmiliClient}
    await block(names)
    assert names["case"].case_id == _cases(Sandbox(cases=10_000, seed=7))[-1]["caseId"]
    assert int(capsys.readouterr().out) >= 20
