"""Each fault of the sandbox as a client meets it, the control API, and the log."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from amili_async.collection.models import Batch, Case, Invoice, Settlement
from amili_async.sandbox import KINDS, Fault, Sandbox
from amili_async.structs import decode, decode_item, encode

pytestmark = pytest.mark.asyncio

CASES = "collection.cases.list"


class Http:
    """A client of nothing but HTTP, that leaves bodies as they come."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.headers = {"Authorization": f"Bearer {sandbox.tokens.issue()}"}

    async def raw(self, stream: str = "cases", **query: Any) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return the answer to a request for a page, and its body as it came."""
        url = f"{self.sandbox.url}/collection/v1/orgs/{self.sandbox.organizations[0]}/{stream}"
        params = {name: str(value) for name, value in query.items()}
        async with self.session.get(url, params=params, headers=self.headers, allow_redirects=False) as response:
            return response, await response.read()

    async def page(self, stream: str = "cases", **query: Any) -> Any:
        """Return a page."""
        response, body = await self.raw(stream, **query)
        assert response.status == 200, body
        return decode(body)

    async def walk(self, stream: str = "cases", **query: Any) -> list[Any]:
        """Return the pages of a list, following every token."""
        pages: list[Any] = []
        while True:
            pages.append(await self.page(stream, **query))
            token = pages[-1].get("cursorSummary", pages[-1].get("summary")).get("nextPageToken")
            if not token:
                return pages
            assert len(pages) < 100
            query["PageToken"] = token

    @property
    def truth(self) -> list[Any]:
        """All cases, as a client reads them."""
        return decode(encode(list(self.sandbox.dataset.cases(self.sandbox.organizations[0]))))


class Running:
    """A sandbox with faults and a client of it."""

    def __init__(self, *faults: Fault, **settings: Any) -> None:
        self.sandbox = Sandbox(faults=faults, **{"cases": 50, "organizations": 1, **settings})
        self.session = aiohttp.ClientSession(auto_decompress=False)
        self.session._retry_connection = False  # aiohttp's client would repeat a request by itself when a connection is cut

    async def __aenter__(self) -> Http:
        await self.sandbox.start()
        return Http(self.sandbox, self.session)

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self.sandbox.stop()


def ids(pages: list[Any]) -> list[str]:
    """Return the ids of the cases on pages."""
    return [case["caseId"] for page in pages for case in page["data"]]


async def test_every_kind_is_tested_here():
    """No kind of fault is without a test in this file, or in that of the lists with numbered pages."""
    files = (Path(__file__), Path(__file__).with_name("test_sandbox_arm_streams.py"))
    text = "".join(file.read_text(encoding="utf-8") for file in files)  # nothing else runs
    assert [kind for kind in KINDS if f'Fault("{kind}"' not in text] == []


# Before anything is looked at.


async def test_latency():
    """Latency delays the answer; with a 95th percentile it varies around its median."""
    async with Running(Fault("latency", seconds=0.05, count=1)) as http:
        started = time.monotonic()
        await http.page()
        assert time.monotonic() - started >= 0.05
        http.sandbox.faults.add(Fault("latency", seconds=0.002, p95=0.01))
        for _ in range(12):
            await http.page("batches", PageSize=1)
        waits = [served.elapsed for served in http.sandbox.log.of("collection.batches.list")]
        assert len({round(wait, 4) for wait in waits}) > 1


async def test_rate_limit():
    """A rate limit comes with Retry-After in seconds, as a date, or without."""
    async with Running(
        Fault("rate_limit", at=(1,), retry_after=7),
        Fault("rate_limit", at=(2,), retry_after=60, form="date"),
        Fault("rate_limit", at=(3,), form="absent"),
    ) as http:
        response, body = await http.raw()
        assert (response.status, response.headers["Retry-After"]) == (429, "7")
        assert decode(body)["error"] == "rate_limited"
        response, _ = await http.raw()
        assert 50 < parsedate_to_datetime(response.headers["Retry-After"]).timestamp() - time.time() < 70
        response, _ = await http.raw()
        assert (response.status, response.headers.get("Retry-After")) == (429, None)
        assert (await http.raw())[0].status == 200


@pytest.mark.parametrize(
    ("body", "media_type", "start"),
    [
        ("json", "application/json", b"{"),
        ("html", "text/html", b"<!DOCTYPE"),
        ("text", "text/plain", b"upstream"),
        ("empty", "application/octet-stream", b""),
    ],
)
async def test_status(body, media_type, start):
    """A failure has the wanted status, a body of any form, and Retry-After on demand."""
    async with Running(Fault("status", status=502, body=body, retry_after=0.5, count=1)) as http:
        response, sent = await http.raw()
        assert (response.status, response.content_type) == (502, media_type)
        assert response.headers["Retry-After"] == "0.5"
        assert sent.startswith(start)
        assert bool(sent) == (body != "empty")
        assert (await http.raw())[0].status == 200


async def test_unauthorized():
    """A 401 strikes in mid-run, and only where a token is needed."""
    async with Running(Fault("unauthorized", at=(2,))) as http:
        async with http.session.get(f"{http.sandbox.url}/identity/health") as response:
            assert response.status == 200
        statuses = [(await http.raw())[0].status for _ in range(3)]
        assert statuses == [200, 401, 200]


async def test_token_down():
    """The token endpoint fails, by status or by a cut connection; nothing else does."""
    async with Running(Fault("token_down", at=(1,)), Fault("token_down", at=(2,), form="reset")) as http:
        url = f"{http.sandbox.url}/identity/token"
        assert (await http.raw())[0].status == 200
        async with http.session.post(url, data={}) as response:
            assert response.status == 503
        with pytest.raises(aiohttp.ClientError):
            await http.session.post(url, data={})
        async with http.session.post(url, data={}) as response:
            assert response.status == 400


async def test_expired_token():
    """A page token is refused as expired; a request without one is not touched."""
    async with Running(Fault("expired_token", count=1)) as http:
        first = await http.page(PageSize=20)
        token = first["cursorSummary"]["nextPageToken"]
        response, body = await http.raw(PageSize=20, PageToken=token)
        assert (response.status, decode(body)["error"]) == (400, "expired_page_token")
        assert (await http.raw(PageSize=20, PageToken=token))[0].status == 200


async def test_redirect():
    """A redirect leads where it was told."""
    async with Running(Fault("redirect", location="http://127.0.0.1:9/steal", status=307, count=1)) as http:
        response, _ = await http.raw()
        assert (response.status, response.headers["Location"]) == (307, "http://127.0.0.1:9/steal")


async def test_wrong_content_type():
    """A success can be an HTML page."""
    async with Running(Fault("wrong_content_type", count=1)) as http:
        response, body = await http.raw()
        assert (response.status, response.content_type) == (200, "text/html")
        assert body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("form", ["rst", "fin"])
async def test_reset_before(form):
    """The connection is cut before any answer, with a reset or quietly."""
    async with Running(Fault("reset_before", form=form, count=1)) as http:
        with pytest.raises(aiohttp.ClientOSError if form == "rst" else aiohttp.ServerDisconnectedError):
            await http.raw()
        assert (await http.raw())[0].status == 200
        assert [served.status for served in http.sandbox.log] == [0, 200]


# On the way out.


@pytest.mark.parametrize("form", ["rst", "fin"])
async def test_lost_answer(form):
    """A lost answer is one to a request that was carried out; before the reset of another kind nothing is."""
    invoice = {
        "type": "NOTICE",
        "invoiceNumber": "1",
        "originalInvoiceAmount": 10,
        "currency": "NOK",
        "invoiceDate": "2026-01-01",
        "dueDate": "2026-01-15",
    }

    async def create(http):
        url = f"{http.sandbox.url}/collection/v1/orgs/{http.sandbox.organizations[0]}/invoices"
        async with http.session.post(url, json={"invoices": [invoice]}, headers=http.headers) as response:
            return response.status, await response.read()

    async with Running(
        Fault("reset_before", at=(1,), match="collection.invoices.create"),
        Fault("lost_answer", at=(1,), form=form),
        Fault("lost_answer", at=(2,), status=504),
        Fault("reset_after_headers", at=(3,)),
        Fault("reset_in_body", at=(4,)),
    ) as http:
        for executed in (0, 1):
            with pytest.raises(aiohttp.ClientConnectionError):
                await create(http)
            assert http.sandbox.executed.total() == executed
        status, body = await create(http)
        assert (status, body[:9]) == (504, b"<!DOCTYPE")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await create(http)
        assert http.sandbox.executed == {"collection.invoices.create": 4}
        assert [served.status for served in http.sandbox.log] == [0, 0, 504, 202, 202]


async def test_reset_after_headers():
    """The connection is reset when the headers have been sent."""
    async with Running(Fault("reset_after_headers", count=1)) as http:
        url = f"{http.sandbox.url}/collection/v1/orgs/{http.sandbox.organizations[0]}/cases"
        async with http.session.get(url, headers=http.headers) as response:
            assert response.status == 200
            assert int(response.headers["Content-Length"]) > 10_000
            with pytest.raises(aiohttp.ClientError):
                await response.read()


@pytest.mark.parametrize("fraction", [0.5, 1.0])
async def test_reset_in_body(fraction):
    """The connection is reset when a part of the body has been sent, and never the whole."""
    async with Running(Fault("reset_in_body", fraction=fraction, count=1)) as http:
        url = f"{http.sandbox.url}/collection/v1/orgs/{http.sandbox.organizations[0]}/cases"
        async with http.session.get(url, headers=http.headers) as response:
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        assert (await http.raw())[0].status == 200


async def test_truncated_json():
    """The JSON ends too soon in an answer that is complete as HTTP."""
    async with Running(Fault("truncated_json", count=1)) as http:
        response, body = await http.raw()
        _, whole = await http.raw()
        assert response.status == 200
        assert int(response.headers["Content-Length"]) == len(body)
        assert len(body) < len(whole)
        with pytest.raises(ValueError, match="truncated"):
            decode(body)


async def test_slow_body():
    """A slow body comes whole in the end."""
    async with Running(Fault("slow_body", seconds=0.08, pieces=3, count=1)) as http:
        started = time.monotonic()
        page = await http.page()
        assert time.monotonic() - started >= 0.08
        assert page["data"] == http.truth


async def test_gzip():
    """A page comes as gzip to those who take it."""
    async with Running(Fault("gzip")) as http:
        response, body = await http.raw()
        assert response.headers["Content-Encoding"] == "gzip"
        assert decode(zlib.decompress(body, 31))["data"] == http.truth
        http.headers["Accept-Encoding"] = "identity"
        response, body = await http.raw()
        assert "Content-Encoding" not in response.headers
        assert decode(body)["data"] == http.truth


@pytest.mark.parametrize("form", ["truncated", "checksum", "plain"])
async def test_gzip_damage(form):
    """A gzip body can be cut short, damaged, or none at all."""
    async with Running(Fault("gzip_damage", form=form, count=1)) as http:
        response, body = await http.raw()
        assert response.headers["Content-Encoding"] == "gzip"
        with pytest.raises(zlib.error):
            zlib.decompress(body, 31)


async def test_gzip_bomb():
    """A small body unpacks to very much."""
    async with Running(Fault("gzip_bomb", megabytes=8, count=1)) as http:
        response, body = await http.raw()
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(body) < 50_000
        assert len(zlib.decompress(body, 31)) == 8 * 2**20


# On pages.


async def test_repeated_token():
    """A page says that it is its own next one; asked for again, it says the truth, so the rest can be had exactly."""
    async with Running(Fault("repeated_token", count=1)) as http:
        first = await http.page(PageSize=20)
        token = first["cursorSummary"]["nextPageToken"]
        wrong = await http.page(PageSize=20, PageToken=token)
        assert wrong["cursorSummary"]["nextPageToken"] == token
        rest = await http.walk(PageSize=20, PageToken=token)
        assert rest[0]["data"] == wrong["data"]
        assert ids([first, *rest]) == [case["caseId"] for case in http.truth]


async def test_empty_page():
    """An empty page has a token, and the rows come behind it: nothing is lost."""
    async with Running(Fault("empty_page", rate=0.4), seed=3) as http:
        pages = await http.walk(PageSize=10)
        assert [] in [page["data"] for page in pages]
        assert all(page["skipSummary"]["hasNextPage"] for page in pages[:-1])
        assert ids(pages) == [case["caseId"] for case in http.truth]


async def test_rows_shift():
    """Rows of the last page come again on the next, and none is lost, by token as by number."""
    async with Running(Fault("rows_shift", rows=2, count=2)) as http:
        pages = await http.walk(PageSize=20)
        truth = [case["caseId"] for case in http.truth]
        assert ids(pages) == [*truth[:20], *truth[18:40], *truth[38:]]
    async with Running(Fault("rows_shift", count=1), skip_only=True) as http:
        pages = [await http.page(PageSize=25, Page=number) for number in (1, 2)]
        assert ids(pages) == [*truth[:25], *truth[24:]]


async def test_total_drift():
    """The total is wrong, the rows are not."""
    async with Running(Fault("total_drift", by=-3, at=(2,))) as http:
        pages = await http.walk(PageSize=20)
        assert [page["skipSummary"]["totalCount"] for page in pages] == [50, 47, 50]
        assert ids(pages) == [case["caseId"] for case in http.truth]


@pytest.mark.parametrize(
    ("form", "wanted"), [("empty", {"nextPageToken": ""}), ("missing", {}), ("null", {"nextPageToken": None})]
)
async def test_no_token_variants(form, wanted):
    """The end is said in the wanted way, on the last page only."""
    async with Running(Fault("no_token_variants", form=form), last_token="missing") as http:
        pages = await http.walk("batches", PageSize=4)
        assert pages[-1]["summary"] == {"status": "SUCCESS", **wanted}
        assert all(page["summary"]["nextPageToken"] for page in pages[:-1])


# On rows.


async def test_unknown_enum():
    """Enum values are unknown ones, on every row or on some; all else is true."""
    async with Running(Fault("unknown_enum", value="NEW_VALUE", every=2)) as http:
        rows = (await http.page())["data"]
        assert [row["status"] == "NEW_VALUE" for row in rows] == [True, False] * 25
        assert rows[0]["debtors"][0]["type"] == rows[0]["claims"][0]["type"] == "NEW_VALUE"
        assert rows[1::2] == http.truth[1::2]
        assert decode_item(encode(rows[0]), Case).status.known is False


@pytest.mark.parametrize("form", ["leaves", "top"])
@pytest.mark.parametrize(
    ("stream", "key", "kind"),
    [("cases", "caseId", Case), ("batches", "batchId", Batch), ("invoices", "id", Invoice), ("settlements", "id", Settlement)],
)
async def test_nulls(stream, key, kind, form):
    """What may be null is, and rows still have their ids."""
    async with Running(Fault("nulls", form=form)) as http:
        rows = (await http.page(stream))["data"]
        truth = [row[key] for row in getattr(http.sandbox.dataset, stream)(http.sandbox.organizations[0])]
        assert [row[key] for row in rows] == truth[: len(rows)]
        assert None in rows[0].values()
        assert decode_item(encode(rows[0]), kind)


async def test_empty_object_currency():
    """Every currency is an empty object."""
    async with Running(Fault("empty_object_currency")) as http:
        case = (await http.page())["data"][0]
        assert [it["currency"] for it in (*case["claims"], *case["invoices"])] == [{}] * (
            len(case["claims"]) + len(case["invoices"])
        )
        assert (await http.page("settlements"))["data"][0]["currency"] == {}


async def test_string_case_number():
    """Case numbers are strings."""
    async with Running(Fault("string_case_number")) as http:
        rows = (await http.page())["data"]
        assert [row["caseNumber"] for row in rows] == [str(case["caseNumber"]) for case in http.truth]


async def test_extra_fields():
    """Rows and their parts have fields that nobody knows; the known ones are true."""
    async with Running(Fault("extra_fields")) as http:
        rows = (await http.page())["data"]
        assert rows[0].keys() > http.truth[0].keys()
        assert "sandboxExtra" in rows[0]["invoices"][0]
        assert [row["remainingAmount"] for row in rows] == [case["remainingAmount"] for case in http.truth]
        assert decode_item(encode(rows[0]), Case).case_id == rows[0]["caseId"]


@pytest.mark.parametrize(("form", "length"), [("date", 10), ("no_zone", 23), ("seven_digits", 28)])
async def test_bare_dates(form, length):
    """Date-times are bare dates, have no zone, or have seven digits."""
    async with Running(Fault("bare_dates", form=form)) as http:
        rows = (await http.page())["data"]
        assert {len(row["registeredAt"]) for row in rows} == {length}
        assert {len(it["dueDate"]) for row in rows for it in row["invoices"]} == {length}
        assert [row["registeredAt"][:10] for row in rows] == [case["registeredAt"][:10] for case in http.truth]


@pytest.mark.parametrize(("form", "wanted"), [("missing", "absent"), ("null", None), ("number", 12345)])
async def test_malformed_row(form, wanted):
    """One row has no proper id; the others are true."""
    async with Running(Fault("malformed_row", index=3, form=form, count=1)) as http:
        rows = (await http.page())["data"]
        assert rows[3].get("caseId", "absent") == wanted
        assert rows[3]["caseNumber"] == http.truth[3]["caseNumber"]
        assert rows[:3] + rows[4:] == http.truth[:3] + http.truth[4:]
        assert (await http.page())["data"] == http.truth


async def test_row_faults_on_single_rows():
    """Faults of rows strike those that are asked for by id too."""
    async with Running(Fault("unknown_enum", match="collection.batches.get")) as http:
        batch = (await http.page("batches"))["data"][0]
        damaged = await http.page(f"batches/{batch['batchId']}")
        assert damaged["data"]["status"] == "SANDBOX_UNKNOWN"
        assert damaged["data"]["batchId"] == batch["batchId"]


# All together.


async def test_storm(caplog):
    """Under many faults at once, a client that only repeats what failed gets every row exactly, and the server logs no error."""
    faults = [
        Fault("latency", rate=0.2, seconds=0.001),
        Fault("rate_limit", rate=0.1, retry_after=0),
        Fault("status", rate=0.1, status=500, body="html"),
        Fault("reset_before", rate=0.1),
        Fault("reset_in_body", rate=0.1),
        Fault("truncated_json", rate=0.1),
        Fault("empty_page", rate=0.1),
        Fault("empty_object_currency", rate=0.1),
    ]
    async with Running(*faults, cases=200, seed=9) as http:
        found: list[str] = []
        query: dict[str, Any] = {"PageSize": 5}
        failures = 0
        while True:
            try:
                response, body = await http.raw(**query)
                page = decode(body) if response.status == 200 else None
            except (aiohttp.ClientError, ValueError):
                page = None
            if page is None:
                failures += 1
                continue
            found += [row["caseId"] for row in page["data"]]
            if not (token := page["cursorSummary"]["nextPageToken"]):
                break
            query["PageToken"] = token
        assert found == [case["caseId"] for case in http.truth]
        served = list(http.sandbox.log)
        assert failures == sum(bool({*it.faults} - {"latency", "empty_page", "empty_object_currency"}) for it in served)
        assert sum(http.sandbox.faults.struck.values()) == sum(len(it.faults) for it in served)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_same_seed_same_faults():
    """The same requests meet the same faults with the same seed."""
    runs = []
    for seed in (1, 1, 2):
        async with Running(Fault("status", rate=0.3), Fault("latency", rate=0.3, seconds=0), seed=seed) as http:
            for _ in range(30):
                await http.raw("batches", PageSize=1)
            runs.append([served.faults for served in http.sandbox.log])
    assert runs[0] == runs[1] != runs[2]


# The log.


async def test_log():
    """The log tells what was asked for and what was served, in order."""
    async with Running(Fault("status", at=(2,), match=CASES)) as http:
        await http.page(PageSize=20, Status="")
        await http.raw()
        async with http.session.get(f"{http.sandbox.url}/identity/health") as response:
            await response.read()
        async with http.session.get(f"{http.sandbox.url}/nowhere") as response:
            assert response.status == 404
        log = http.sandbox.log
        first, second, third, fourth = log
        assert [served.ordinal for served in log] == [1, 2, 3, 4]
        assert (first.operation, first.method, first.status, first.faults) == (CASES, "GET", 200, ())
        assert first.query == (("PageSize", "20"), ("Status", ""))
        assert first.path.endswith("/cases")
        assert (first.rows, first.first_key, first.last_key) == (20, http.truth[0]["caseId"], http.truth[19]["caseId"])
        assert (first.authorization, third.authorization) == (True, False)
        assert (second.status, second.faults, second.rows) == (503, ("status",), 0)
        assert (fourth.operation, fourth.status) == ("", 404)
        assert 0 < first.elapsed < 5
        assert first.started <= second.started
        assert (log.count(CASES), log.count("identity.health"), log.count("identity.token"), log.count()) == (2, 1, 0, 4)
        assert log.counts == {CASES: 2, "identity.health": 1, "": 1}
        assert log.of(CASES) == [first, second]
        assert log.max_in_flight == 1
        log.clear()
        assert (len(log), log.count(), log.max_in_flight) == (0, 0, 0)


async def test_log_holds_no_secrets():
    """Neither tokens nor the client secret are in the log."""
    async with Running() as http:
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
        async with http.session.post(f"{http.sandbox.url}/identity/token", data=form) as response:
            token = decode(await response.read())["access_token"]
        http.headers = {"Authorization": f"Bearer {token}"}
        await http.page()
        async with http.session.get(f"{http.sandbox.url}/_sandbox/log") as response:
            shown = await response.text()
        assert token not in shown
        assert "sandbox-secret" not in shown
        assert len(decode(shown.encode())) == 2


async def test_log_is_bounded():
    """The log forgets the oldest requests, and counts them all the same."""
    async with Running(log_size=3) as http:
        for _ in range(5):
            await http.page("batches", PageSize=1)
        assert [served.ordinal for served in http.sandbox.log] == [3, 4, 5]
        assert http.sandbox.log.count() == 5


async def test_log_knows_requests_in_flight():
    """The log tells how many requests were in the server's hands at once."""
    async with Running(latency=0.05) as http:
        await asyncio.gather(*(http.page("batches", PageSize=1) for _ in range(6)))
        assert http.sandbox.log.max_in_flight == 6


async def test_answers_have_a_request_id():
    """Each answer carries an id that leads to its note in the log."""
    async with Running(Fault("status", at=(2,))) as http:
        found = [(await http.raw())[0].headers["X-Amili-Request-Id"] for _ in range(3)]
        assert found == [f"sandbox-{served.ordinal}" for served in http.sandbox.log]


# The control API.


async def control(http: Http, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Call the control API, without a token."""
    data = body if isinstance(body, bytes) else None if body is None else encode(body)
    async with http.session.request(method, f"{http.sandbox.url}/_sandbox/{path}", data=data) as response:
        return response.status, decode(await response.read())


async def test_control_of_faults():
    """Faults can be added, seen at work and cleared over HTTP."""
    async with Running() as http:
        status, state = await control(http, "POST", "faults", [{"kind": "status", "status": 502, "count": 1, "match": CASES}])
        assert (status, state["faults"], state["struck"]) == (200, ["status"], {"status": 0})
        assert [(await http.raw())[0].status for _ in range(2)] == [502, 200]
        assert (await control(http, "GET", ""))[1]["struck"] == {"status": 1}
        status, state = await control(http, "DELETE", "faults")
        assert (status, state["faults"]) == (200, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}",
        [{"kind": "rain"}],
        [{"kind": "gzip"}, {"kind": "status", "x": 1}],
        [1],
        [{"kind": "status", "at": ["x"]}],
        [{"kind": "status", "rate": "x"}],
    ],
)
async def test_control_refuses_wrong_faults(body):
    """Wrong faults are refused with a reason, and none of them is put in force."""
    async with Running() as http:
        status, answer = await control(http, "POST", "faults", body)
        assert (status, answer["error"]) == (400, "invalid_fault")
        assert len(http.sandbox.faults) == 0


async def test_control_of_data_and_tokens():
    """Cases can be inserted and tokens revoked over HTTP."""
    async with Running() as http:
        organization = http.sandbox.organizations[0]
        status, state = await control(http, "POST", "insert", {"organization": organization, "cases": 4})
        assert (status, state["organizations"][organization]["cases"]) == (200, 54)
        assert (await http.page())["skipSummary"]["totalCount"] == 54
        for wrong in (
            {"organization": "x"},
            {"organization": organization, "cases": 0},
            {"organization": organization, "cases": "9"},
            [],
            b"x",
        ):
            assert (await control(http, "POST", "insert", wrong))[0] == 400
        assert (await control(http, "POST", "revoke"))[0] == 200
        assert (await http.raw())[0].status == 401


async def test_control_of_the_log():
    """State and log can be read over HTTP, and the log cleared; reading them is not noted."""
    async with Running() as http:
        await http.page()
        _, state = await control(http, "GET", "")
        assert state["requests"] == {CASES: 1}
        assert state["operations"] == sorted(http.sandbox.routes())
        counts = state["organizations"][http.sandbox.organizations[0]]
        assert counts["invoices"] == sum(len(case["invoices"]) for case in http.truth)
        paid = sum(Decimal(it["paidAmount"]) > 0 for case in http.truth for it in case["invoices"])
        assert counts["settlements"] >= paid
        _, log = await control(http, "GET", "log")
        assert [served["operation"] for served in log] == [CASES]
        await control(http, "DELETE", "log")
        assert (await control(http, "GET", "log"))[1] == []
