"""Creates on a real socket: batches, their outcomes, later reads, and idempotency keys."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self

import aiohttp
import pytest

from amili_async.sandbox import Sandbox, server
from amili_async.structs import decode, encode

pytestmark = pytest.mark.asyncio

CREATE = "collection.invoices.create"
INVOICE = {
    "type": "NOTICE",
    "invoiceNumber": "INV-1",
    "originalInvoiceAmount": 1000,
    "currency": "NOK",
    "invoiceDate": "2026-01-15",
    "dueDate": "2026-02-15",
}


class Writer:
    """A sandbox whose batches end when they are told to, with a client of it."""

    def __init__(self, **settings: Any) -> None:
        self.sandbox = Sandbox(**{"cases": 40, "organizations": 2, "seed": 5, "batch_seconds": 3_600, **settings})
        self.session = aiohttp.ClientSession()
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.sandbox.start()
        self.organization = self.sandbox.organizations[0]
        self.headers["Authorization"] = f"Bearer {self.sandbox.tokens.issue()}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.sandbox.stop()

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return status and body of an answer. The path is below the organization, or below the API if it begins with `/`."""
        base = f"{self.sandbox.url}/collection/v1"
        url = base + path if path.startswith("/") else f"{base}/orgs/{self.organization}/{path}"
        data = body if isinstance(body, bytes | None) else encode(body)
        sent = {**self.headers, **({} if body is None else {"Content-Type": "application/json"}), **headers}
        async with self.session.request(method, url, data=data, headers=sent) as response:
            text = await response.read()
            return response.status, decode(text) if response.content_type == "application/json" and text else text

    async def get(self, path: str) -> Any:
        """Return the data of an answer."""
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body["data"]

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return status and body of the answer to a write."""
        return await self.ask("POST", path, body, **headers)

    async def hand_in(self, stream: str, *items: Any) -> Any:
        """Hand items in, and return their batch when it has ended."""
        status, body = await self.post(stream, {stream: list(items)})
        assert status == 202, body
        self.sandbox.finish_batches()
        return await self.get(f"batches/{body['data']['batchId']}")

    async def case(self, case_id: str) -> Any:
        """Return a case by its id."""
        return next(case for case in self.truth("cases") if case["caseId"] == case_id)

    def truth(self, stream: str, **filters: str) -> Any:
        """Return the rows of a list, as a client reads them, past the wire."""
        return decode(encode(list(self.sandbox.truth(f"collection.{stream}.list", self.organization, **filters))))


def invoices(count: int, **change: Any) -> list[dict[str, Any]]:
    """Return invoices to hand in."""
    return [{**INVOICE, "invoiceNumber": f"INV-{number}", **change} for number in range(count)]


async def walk(writer: Writer, stream: str, **query: str) -> list[Any]:
    """Return all rows of a list, page by page."""
    rows: list[Any] = []
    token = ""
    name = "pageToken" if stream == "settlements" else "PageToken"
    while True:
        asked = "&".join(f"{key}={value}" for key, value in {**query, **({name: token} if token else {})}.items())
        status, body = await writer.ask("GET", f"{stream}?{asked}")
        assert status == 200, body
        rows += body["data"]
        token = body.get("cursorSummary", body.get("summary"))["nextPageToken"]
        if not token:
            return rows


async def test_an_invoice_becomes_a_case():
    """An invoice that is handed in is a queued batch, then an invoice and a case with its very digits."""
    async with Writer() as writer:
        before = writer.sandbox.counts(writer.organization)
        body = encode({"invoices": [{**INVOICE, "uniqueSourceInvoiceId": "erp-x", "description": "Leie ø"}]})
        status, answer = await writer.post("invoices", body.replace(b":1000,", b":1500.50,"))
        assert status == 202
        assert answer["summary"] == {"status": "SUCCESS"}
        batch_id = answer["data"]["batchId"]
        assert answer["data"]["batchUrl"] == f"{writer.sandbox.url}/collection/v1/orgs/{writer.organization}/batches/{batch_id}"

        batch = await writer.get(f"batches/{batch_id}")
        assert (batch["status"], batch["type"], batch["finishedAt"]) == ("QUEUED", "INVOICE", None)
        assert (batch["succeeded"], batch["failed"]) == ([], [])
        assert (await writer.get("batches?SortDirection=DESC"))[0] == batch
        assert await writer.get("invoices?InvoiceNumber=INV-1") == []

        writer.sandbox.finish_batches()
        batch = await writer.get(f"batches/{batch_id}")
        assert (batch["status"], batch["failed"]) == ("SUCCESS", [])
        assert batch["createdAt"] < batch["finishedAt"]
        (done,) = batch["succeeded"]
        assert (done["$type"], done["invoiceNumber"]) == ("invoiceSuccess", "INV-1")

        invoice = await writer.get(f"invoices/{done['invoiceId']}")
        assert await writer.get("invoices?UniqueSourceInvoiceId=erp-x") == [invoice]
        assert (invoice["type"], invoice["status"], invoice["closureDate"]) == ("NOTICE", "OPEN", None)
        _, raw = await writer.ask("GET", f"cases?CaseNumber={invoice['collectionCaseNumber']}")
        (case,) = raw["data"]
        assert raw["skipSummary"]["totalCount"] == 1
        assert (case["caseId"], case["status"], case["type"]) == (done["caseId"], "OPEN", "COLLECTION_NOTICE")
        assert (case["description"], case["closedAt"]) == ("Leie ø", None)
        assert str(case["remainingAmount"]) == str(case["claims"][0]["originalAmount"]) == "1500.50"
        assert case["invoices"][0]["dueDate"] == "2026-02-15T00:00:00.000Z"
        assert case["invoices"][0]["batchId"] == batch_id
        assert case.keys() == next(iter(writer.truth("cases"))).keys() | {"description"}
        after = writer.sandbox.counts(writer.organization)
        assert {name: after[name] - before[name] for name in after} == {"cases": 1, "invoices": 1, "settlements": 0, "batches": 1}
        assert writer.sandbox.counts(writer.sandbox.organizations[1]) == before


async def test_batches_end_in_their_time():
    """A batch ends by itself after the time that was set, whether or not anybody asks."""
    async with Writer(batch_seconds=0.05) as writer:
        status, answer = await writer.post("invoices", {"invoices": [INVOICE]})
        assert status == 202
        await writer.sandbox.delivered()
        assert writer.truth("batches")[-1]["status"] == "SUCCESS"
        assert (await writer.get(f"batches/{answer['data']['batchId']}"))["status"] == "SUCCESS"
    async with Writer(batch_seconds=0) as writer:
        await writer.post("invoices", {"invoices": [INVOICE]})
        assert writer.truth("batches")[-1]["status"] == "SUCCESS"


async def test_outcome_by_item():
    """Refused items are named by index, number and reason; all refused is FAILED, some is PARTIAL."""
    async with Writer() as writer:
        good, free, late = INVOICE, {**INVOICE, "originalInvoiceAmount": 0}, {**INVOICE, "dueDate": "2026-01-14"}
        batch = await writer.hand_in("invoices", free, good, late)
        assert batch["status"] == "PARTIAL"
        assert len(batch["succeeded"]) == 1
        assert [(it["index"], it["invoiceNumber"], it["code"]) for it in batch["failed"]] == [
            (0, "INV-1", "AMOUNT_NOT_POSITIVE"),
            (2, "INV-1", "DUE_DATE_BEFORE_INVOICE_DATE"),
        ]
        legacy = await writer.get(f"/batches/{batch['batchId']}")
        assert legacy["status"]["statuscode"] == 1
        assert [it["objectindex"] for it in legacy["status"]["errors"]] == [0, 2]
        assert legacy["status"]["responses"][0] == {
            "objectname": "invoice",
            "objectindex": 1,
            "ledgerref": "INV-1",
            "status_statuscode": "0",
        }
        assert (legacy["succeeded"], legacy["failed"]) == (batch["succeeded"], [None, None])
        assert len(legacy["finishedAt"]) == len("2026-01-01T00:00:00Z")
        assert (await writer.get("/batches?SortDirection=DESC&State=PARTIAL&PageSize=1000")).count(legacy) == 1
        failed = await writer.hand_in("invoices", free)
        assert (failed["status"], failed["succeeded"]) == ("FAILED", [])
        assert [it["batchId"] for it in await writer.get("batches?State=PARTIAL&SortDirection=DESC&PageSize=1")] == [
            batch["batchId"]
        ]


async def test_source_ids_are_unique():
    """An id of the source system is taken once in an organization, that of a computed invoice too."""
    async with Writer() as writer:
        taken = next(it["uniqueSourceInvoiceId"] for it in writer.truth("invoices") if "uniqueSourceInvoiceId" in it)
        twice = invoices(2, uniqueSourceInvoiceId="erp-new")
        batch = await writer.hand_in("invoices", *twice, {**INVOICE, "uniqueSourceInvoiceId": taken})
        assert [it["index"] for it in batch["failed"]] == [1, 2]
        assert {it["code"] for it in batch["failed"]} == {"DUPLICATE_SOURCE_INVOICE_ID"}
        again = await writer.hand_in("invoices", twice[0], {**INVOICE, "uniqueSourceInvoiceId": "erp-9999999"})
        assert [it["index"] for it in again["failed"]] == [0]
        writer.organization = writer.sandbox.organizations[1]
        assert (await writer.hand_in("invoices", twice[0]))["status"] == "SUCCESS"


async def test_pages_and_totals_have_the_written_rows():
    """Lists show written rows behind the computed ones, in both directions, and agree with the truth."""
    async with Writer(page_size_default=7) as writer:
        first = await writer.ask("GET", "cases?PageSize=30")
        await writer.hand_in("invoices", *invoices(11))
        await writer.hand_in("invoices", *invoices(3, type="PAYMENT_REMINDER"))
        for stream in ("cases", "invoices", "batches"):
            rows = await walk(writer, stream)
            assert rows == writer.truth(stream)
            assert len(rows) == writer.sandbox.counts(writer.organization)[stream]
        token = first[1]["cursorSummary"]["nextPageToken"]
        _, second = await writer.ask("GET", f"cases?PageSize=30&PageToken={token}")
        assert [*first[1]["data"], *second["data"]] == writer.truth("cases")
        assert (first[1]["skipSummary"]["totalCount"], second["skipSummary"]["totalCount"]) == (40, 54)
        falling = await walk(writer, "batches", SortDirection="DESC", PageSize="2")
        assert falling == writer.truth("batches")[::-1]
        everywhere = await walk(writer, "/batches", PageSize="3")
        assert len(everywhere) == sum(writer.sandbox.counts(it)["batches"] for it in writer.sandbox.organizations)
        writer.sandbox.insert(writer.organization, 3)
        cases = await walk(writer, "cases")
        assert cases == writer.truth("cases")
        assert len(cases) == 57


async def test_filters_find_written_rows():
    """Every filter keeps the written rows that it should, among the computed ones."""
    async with Writer() as writer:
        debtor = {"customerNumber": "C-77", "fullName": "Prøve Prøvesen"}
        await writer.hand_in(
            "invoices", {**INVOICE, "uniqueSourceInvoiceId": "s-1"}, *invoices(2, type="REMINDER", debtor=debtor)
        )
        cases, bills = writer.truth("cases"), writer.truth("invoices")
        one, two, three = cases[-3:]
        assert [debtors["fullName"] for case in (two, three) for debtors in case["debtors"]] == ["Prøve Prøvesen"] * 2
        moment = two["registeredAt"]
        wanted = {
            ("cases", "CustomerNumber=C-77"): [two, three],
            ("cases", "UniqueSourceInvoiceId=s-1"): [one],
            ("cases", f"CaseNumber={two['caseNumber']}"): [two],
            ("cases", "SearchTerm=prøvesen"): [two, three],
            ("cases", "SearchTerm=INV-1"): [one, three],
            ("cases", f"FromCreatedAt={moment}"): [two, three],
            ("cases", f"FromCreatedAt=2026-03-01&ToCreatedAt={moment}"): [one],
            ("cases", "Status=PAUSED"): [it for it in cases if it["status"] == "PAUSED"],
            ("cases", "Type=COLLECTION_NOTICE"): [it for it in cases if it["type"] == "COLLECTION_NOTICE"],
            ("invoices", "CustomerNumber=C-77&Status=OPEN"): bills[-2:],
            ("invoices", "Type=REMINDER"): [it for it in bills if it["type"] == "REMINDER"],
            ("invoices", "InvoiceNumber=INV-1"): [bills[-3], bills[-1]],
            ("invoices", "Status=CLOSED"): [],
            ("invoices", f"From=2026-03-01&To={moment}"): bills[-3:-2],
            ("batches", f"SubjectId={two['caseId']}"): writer.truth("batches")[-1:],
            ("batches", f"SubjectId={bills[-1]['id'].upper()}"): writer.truth("batches")[-1:],
            ("batches", f"SubjectId={writer.organization}"): [],
            ("batches", "Type=INVOICE"): [it for it in writer.truth("batches") if it["type"] == "INVOICE"],
        }
        for (stream, query), rows in wanted.items():
            assert await walk(writer, stream, **dict(pair.split("=") for pair in query.split("&"))) == rows, query
        status, _ = await writer.ask("GET", "cases?FromCreatedAt=yesterday")
        assert status == 400
    async with Writer(include_upper=True) as writer:
        await writer.hand_in("invoices", *invoices(3))
        moment = writer.truth("cases")[-2]["registeredAt"]
        assert len(await walk(writer, "cases", FromCreatedAt="2026-03-01", ToCreatedAt=moment)) == 2


@pytest.mark.parametrize("source", ["computed", "written"])
async def test_payments_and_corrections(source):
    """A payment is settled and lessens what remains, a correction is credited, and all sums still agree."""
    async with Writer() as writer:
        await writer.hand_in("invoices", {**INVOICE, "originalInvoiceAmount": 1000})
        case = next(
            it
            for it in (writer.truth("cases") if source == "computed" else writer.truth("cases")[::-1])
            if len(it["invoices"]) == 1 and it["closedAt"] is None and it["claims"][0]["currency"] == "NOK"
        )
        invoice_id, before = case["invoices"][0]["invoiceId"], case["invoices"][0]
        left = Decimal(before["remainingAmount"])
        settled = len(writer.truth("settlements"))
        money: dict[str, Any] = {"invoiceId": invoice_id, "currency": "NOK"}
        batch = await writer.hand_in("payments", {**money, "type": "DIRECT_PAYMENT", "amount": Decimal("30.10")})
        assert (batch["status"], batch["type"]) == ("SUCCESS", "NONE")
        assert batch["succeeded"] == [
            {"invoiceId": invoice_id, "invoiceNumber": before["invoiceNumber"], "caseId": case["caseId"]}
        ]
        batch = await writer.hand_in("corrections", {**money, "amount": 9, "date": "2026-02-01", "description": "Rabatt"})
        assert batch["status"] == "SUCCESS"
        now = await writer.case(case["caseId"])
        part = now["invoices"][0]
        assert part["remainingAmount"] == now["remainingAmount"] == left - Decimal("39.10")
        assert part["paidAmount"] - before["paidAmount"] == Decimal("30.10")
        assert part["creditedAmount"] - before["creditedAmount"] == 9
        assert [it for it in await walk(writer, "cases") if it["caseId"] == case["caseId"]] == [now]

        settlements = await walk(writer, "settlements")
        assert settlements == writer.truth("settlements")
        assert len(settlements) == settled + 1
        settlement = settlements[-1]
        assert str(settlement["paymentAmount"]) == "30.10"
        assert settlement["invoice"]["id"] == invoice_id
        assert settlement["caseNumber"] == str(case["caseNumber"])
        assert settlement["customerReference"] == case["debtors"][0]["customerNumber"]
        assert await writer.get(f"settlements/{settlement['id']}") == settlement
        assert settlement.keys() == settlements[0].keys()
        day = settlement["settlementDate"][:10]
        assert await walk(writer, "settlements", fromDate=day) == [settlement]
        assert settlement not in await walk(writer, "settlements", toDate=day)

        refused = await writer.hand_in(
            "payments",
            {**money, "amount": left},
            {**money, "invoiceId": case["caseId"], "amount": 1},
            {**money, "invoiceId": "x", "amount": 1},
            {"amount": 1, "currency": "NOK"},
            {**money, "amount": 1, "currency": "SEK"},
            {**money, "amount": -1},
        )
        assert (refused["status"], [it["code"] for it in refused["failed"]]) == (
            "FAILED",
            [
                "AMOUNT_EXCEEDS_REMAINING",
                *["INVOICE_NOT_FOUND"] * 3,
                "CURRENCY_MISMATCH",
                "AMOUNT_NOT_POSITIVE",
            ],
        )
        assert refused["failed"][2]["invoiceId"] == "x"
        last = await writer.hand_in("payments", {**money, "amount": left - Decimal("39.10")}, {**money, "amount": 1})
        assert [it["code"] for it in last["failed"]] == ["AMOUNT_EXCEEDS_REMAINING"]
        closed = await writer.case(case["caseId"])
        assert closed["remainingAmount"] == 0
        assert closed["closedAt"] == (await writer.get(f"invoices/{invoice_id}"))["closureDate"] > case["registeredAt"]
        assert {
            it["invoice"]["closureDate"] for it in await walk(writer, "settlements") if it["invoice"]["id"] == invoice_id
        } == {closed["closedAt"]}
        payments = await writer.get(f"invoices/{invoice_id}/payments")
        assert sum(it["amount"] for it in payments) == closed["invoices"][0]["paidAmount"]


async def test_a_case_closes_with_its_last_invoice():
    """A case with several invoices is closed when nothing remains of any."""
    async with Writer() as writer:
        case = next(it for it in writer.truth("cases") if sum(part["remainingAmount"] > 0 for part in it["invoices"]) > 1)
        open_ = [it for it in case["invoices"] if it["remainingAmount"]]
        currency = case["claims"][0]["currency"]
        for it in open_:
            assert (await writer.case(case["caseId"]))["closedAt"] is None
            item = {"invoiceId": it["invoiceId"], "amount": it["remainingAmount"], "currency": currency, "type": 7}
            assert (await writer.hand_in("payments", item))["status"] == "SUCCESS"
            assert (await writer.get(f"invoices/{it['invoiceId']}"))["closureDate"]
        assert (await writer.case(case["caseId"]))["closedAt"]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b'{"invoices": [{"originalInvoiceAmount": 1e99999999999999999999}]}', 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b"[]", 400, "invalid_body"),
        (b"{}", 400, "invalid_body"),
        (b'{"invoices": []}', 400, "invalid_body"),
        (b'{"invoices": {}}', 400, "invalid_body"),
        (b'{"payments": [{}]}', 400, "invalid_body"),
        (b'{"invoices": [1]}', 422, "invalid_item"),
        (b'{"invoices": [{}, null]}', 422, "invalid_item"),
        (b'{"invoices": [{},{},{},{}]}', 422, "too_many_items"),
        (b" " * 1_000_001, 413, "too_large"),
    ],
)
async def test_unreadable_bodies(body, status, error, monkeypatch):
    """What cannot be read is refused as a whole, and nothing is executed."""
    monkeypatch.setattr(server, "_LARGEST_BODY", 1_000_000)
    async with Writer(items_max=3) as writer:
        found, answer = await writer.post("invoices", body)
        assert (found, answer["error"]) == (status, error)
        assert not writer.sandbox.executed
        assert writer.sandbox.log.of(CREATE)[-1].status == status


async def test_content_type():
    """A body that does not say that it is JSON is refused."""
    async with Writer() as writer:
        body = {"invoices": [INVOICE]}
        for wrong in ("text/plain", "application/x-www-form-urlencoded"):
            status, answer = await writer.post("invoices", body, **{"Content-Type": wrong})
            assert (status, answer["error"]) == (400, "invalid_content_type")
        assert (await writer.post("invoices", body, **{"Content-Type": "Application/JSON; charset=utf-8"}))[0] == 202


async def test_writes_need_a_token_and_the_organization():
    """A write without a token is 401, one to an organization out of reach 403."""
    async with Writer() as writer:
        body = {"invoices": [INVOICE]}
        assert (await writer.post("invoices", body, Authorization="Bearer x"))[0] == 401
        token = writer.sandbox.tokens.issue(organizations=[writer.sandbox.organizations[1]])
        assert (await writer.post("invoices", body, Authorization=f"Bearer {token}"))[0] == 403
        assert not writer.sandbox.executed


async def test_the_store_is_bounded():
    """More than may be kept is refused, and what was refused takes no room."""
    async with Writer(writes_max=6) as writer:
        assert (await writer.post("invoices", {"invoices": invoices(5)}))[0] == 202
        for _ in range(2):
            status, answer = await writer.post("invoices", {"invoices": [INVOICE]})
            assert (status, answer["error"]) == (422, "sandbox_full")
        writer.organization = writer.sandbox.organizations[1]
        assert (await writer.post("invoices", {"invoices": invoices(5)}))[0] == 202


async def test_idempotency_keys():
    """The same key and body answers the same batch and executes once; another body is a conflict."""
    async with Writer() as writer:
        body = {"invoices": [INVOICE]}
        status, first = await writer.post("invoices", body, IdempotencyKey="key-1")
        reordered = {"invoices": [dict(reversed(INVOICE.items()))]}
        for again in (body, reordered):
            assert await writer.post("invoices", again, IdempotencyKey="key-1") == (status, first)
        writer.sandbox.finish_batches()
        assert await writer.post("invoices", body, IdempotencyKey="key-1") == (202, first)
        assert writer.sandbox.executed == {CREATE: 1}
        assert writer.sandbox.executed_items == {CREATE: 1}
        for path, other in (("invoices", {"invoices": [INVOICE, INVOICE]}), ("payments", {"payments": [INVOICE]})):
            found, answer = await writer.post(path, other, IdempotencyKey="key-1")
            assert (found, answer["error"]) == (409, "idempotency_key_reused")
        assert [it["batchId"] for it in await writer.get("batches?IdempotencyKey=key-1")] == [first["data"]["batchId"]]
        assert await writer.get("batches?IdempotencyKey=key-2") == []
        writer.organization = writer.sandbox.organizations[1]
        _, other = await writer.post("invoices", body, IdempotencyKey="key-1")
        assert other["data"]["batchId"] != first["data"]["batchId"]
        # A key that is refused is not used up.
        assert (await writer.post("invoices", {"invoices": []}, IdempotencyKey="key-3"))[0] == 400
        assert (await writer.post("invoices", body, IdempotencyKey="key-3"))[0] == 202
        assert (await writer.post("invoices", body, IdempotencyKey="k" * 256))[0] == 400


async def test_keys_of_computed_batches():
    """The key of a computed batch was used, by a request that nobody knows."""
    async with Writer() as writer:
        key = writer.sandbox.dataset.idempotency_key(writer.organization, 0)
        assert (await writer.post("invoices", {"invoices": [INVOICE]}, IdempotencyKey=key))[0] == 409
        late = writer.sandbox.dataset.idempotency_key(writer.organization, 10**6)
        assert (await writer.post("invoices", {"invoices": [INVOICE]}, IdempotencyKey=late))[0] == 202
        assert len(await writer.get(f"batches?IdempotencyKey={key}")) == 1


async def test_keys_that_are_not_honoured():
    """A server that does not know keys executes each request, and its batches are found by the key all the same."""
    async with Writer(honour_idempotency=False, idempotency_header="X-Idempotency-Key") as writer:
        for _ in range(2):
            assert (await writer.post("invoices", {"invoices": [INVOICE]}, **{"X-Idempotency-Key": "key-1"}))[0] == 202
        assert (await writer.post("invoices", {"invoices": [INVOICE]}, IdempotencyKey="key-1"))[0] == 202
        assert writer.sandbox.executed == {CREATE: 3}
        assert len(await writer.get("batches?IdempotencyKey=key-1")) == 2


async def test_same_requests_same_ids():
    """What is written gets the same ids in the same order, whenever it is written."""
    found = []
    for _ in range(2):
        async with Writer() as writer:
            batch = await writer.hand_in("invoices", *invoices(3))
            found.append((batch["batchId"], batch["succeeded"]))
    assert found[0] == found[1]


async def test_reads_without_writes_are_those_of_the_data():
    """Until something is written, rows are the computed ones, from the page cache as before."""
    async with Writer() as writer:
        assert await walk(writer, "cases") == writer.truth("cases")
        portfolio = writer.sandbox.dataset.portfolio(writer.organization)
        assert portfolio.written.version == 0
        await writer.hand_in("invoices", INVOICE)
        assert portfolio.written.version > 0
        assert writer.sandbox.dataset.portfolio(writer.sandbox.organizations[1]).written.version == 0


async def test_control():
    """State, executed writes and the end of batches are there over HTTP."""
    async with Writer() as writer:
        await writer.post("invoices", {"invoices": invoices(2)})
        async with writer.session.post(f"{writer.sandbox.url}/_sandbox/finish") as response:
            state = await response.json()
        assert (state["executed"], state["executed_items"]) == ({CREATE: 1}, {CREATE: 2})
        assert state["organizations"][writer.organization]["cases"] == 42
        async with writer.session.get(writer.sandbox.url) as response:
            assert "/_sandbox/webhook" in await response.text()
