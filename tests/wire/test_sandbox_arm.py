"""ARM of the sandbox over plain HTTP: access, lists, reads, writes, batches and files, as the contract says."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from amili_async.sandbox import Fault, Sandbox
from amili_async.structs import decode, encode

pytestmark = pytest.mark.asyncio

LISTS = {
    "aritems": "arItems",
    "customers": "customers",
    "documentbundles": "documentBundles",
    "documents": "documents",
    "glitems": "glItems",
    "glmovements": "glMovements",
    "logitems": "logItems",
    "clientconfigs": "clientConfigs",
}
OPERATIONS = {
    "aritems": "ar_items",
    "documentbundles": "document_bundles",
    "glitems": "gl_items",
    "glmovements": "gl_movements",
    "logitems": "log_items",
    "clientconfigs": "client_configs",
}


TOTAL = {"currencyAmounts": {"exclVat": 80, "vat": 20, "inclVat": 100}}


class Caller:
    """A client of nothing but HTTP."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http
        self.token = sandbox.tokens.issue()

    async def ask(self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """Return status and JSON of an answer, bytes if it is none."""
        url = path if "://" in path else f"{self.sandbox.url}/arm/v1/clients/{path}"
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        data = body if isinstance(body, bytes | None) else encode(body)
        params = {name: str(value) for name, value in query.items()}
        async with self.http.request(method, url, data=data, headers=sent, params=params) as response:
            content = await response.read()
            is_json = response.content_type == "application/json" and content != b""
            return response.status, decode(content) if is_json else content

    async def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a success."""
        status, content = await self.ask("GET", path, **query)
        assert status == 200, content
        return content

    async def walk(self, path: str, **query: Any) -> list[Any]:
        """Return the rows of a list, following every link."""
        rows, page = [], await self.get(f"2218/{path}", **query)
        while True:
            rows += page[LISTS[path]]
            if not (link := page["summary"].get("nextPage")):
                return rows
            page = await self.get(link)


class Running:
    """A sandbox and a caller."""

    def __init__(self, *faults: Fault, **settings: Any) -> None:
        self.sandbox = Sandbox(faults=faults, **{"customers": 40, "batch_seconds": 0, **settings})
        self.http = aiohttp.ClientSession()

    async def __aenter__(self) -> Caller:
        await self.sandbox.start()
        return Caller(self.sandbox, self.http)

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.sandbox.stop()


def truth(caller: Caller, path: str, **criteria: str) -> list[Any]:
    """Return the rows that the sandbox holds, as a client reads them."""
    rows = caller.sandbox.truth(f"arm.{OPERATIONS.get(path, path)}.list", 2218, **criteria)
    return decode(encode(list(rows)))


# Access.


async def test_who_may_see_which_client():
    """An unknown client is not found, one that the token is not good for is forbidden, and no token is none."""
    async with Running() as caller:
        assert caller.sandbox.clients == (2218, 2219)
        assert (await caller.ask("GET", "9999/customers"))[0] == 404
        assert (await caller.ask("GET", "x/customers"))[0] == 400
        caller.token = caller.sandbox.tokens.issue(clients=[2219])
        status, problem = await caller.ask("GET", "2218/customers")
        assert (status, problem["status"], problem["result"]) == (403, 403, "FAILED")
        assert (await caller.ask("GET", "2219/customers"))[0] == 200
        caller.token = "none"
        assert (await caller.ask("GET", "2218/customers"))[0] == 401


async def test_health_needs_no_token():
    """Whether ARM is up is told to anybody."""
    async with Running() as caller:
        assert await caller.get(f"{caller.sandbox.url}/arm/v1/health") == {"status": "Healthy"}


# Lists.


@pytest.mark.parametrize("path", LISTS)
async def test_lists_are_walked_by_links(path):
    """Following every link gives all rows once and in order, and the summary counts them rightly."""
    async with Running() as caller:
        rows = truth(caller, path)
        assert await caller.walk(path, pagesize=7) == rows
        first = await caller.get(f"2218/{path}", pagesize=7)
        query = first["summary"]["queryId"]
        assert len(query) == 22
        pages = -(-len(rows) // 7)
        link = f"{caller.sandbox.url}/arm/v1/clients/2218/{path}?query={query}&pageno="
        summary = first["summary"]
        assert (summary["nextPage"], summary["lastPage"]) == (f"{link}2", f"{link}{pages}")
        counts = {"pageNo": 1, "currentPageSize": 7, "pageSizeLimit": 7, "totalPages": pages, "totalCount": len(rows)}
        assert {name: summary[name] for name in counts} == counts
        last = await caller.get(f"2218/{path}", query=query, pageno=pages)
        assert last["summary"]["pageNo"] == pages
        assert last["summary"]["nextPage"] is None
        assert last[LISTS[path]] == rows[7 * (pages - 1) :]


@pytest.mark.parametrize(("form", "shown"), [("null", {"nextPage": None}), ("missing", {}), ("empty", {"nextPage": ""})])
async def test_the_last_page_has_no_next(form, shown):
    """That there is no next page is said in the way that the sandbox is told."""
    async with Running(last_token=form) as caller:
        summary = (await caller.get("2218/customers"))["summary"]
        assert {name: value for name, value in summary.items() if name == "nextPage"} == shown


@pytest.mark.parametrize(
    ("asked", "size", "maximum"),
    [
        ({}, 100, 10_000),
        ({"pagesize": 4}, 10, 10_000),
        ({"pagesize": 5}, 5, 10_000),
        ({"pagesize": 5_000, "maximumcount": 99_999}, 1_000, 10_000),
        ({"maximumcount": 7}, 100, 7),
    ],
)
async def test_sizes_have_defaults_and_caps(asked, size, maximum):
    """A size that is too small or too large is replaced, not refused."""
    async with Running() as caller:
        summary = (await caller.get("2218/customers", **asked))["summary"]
        assert (summary["pageSizeLimit"], summary["maximumCount"]) == (size, maximum)
        assert summary["totalCount"] == min(40, maximum)


async def test_what_is_cut_off_can_be_counted():
    """A list that maximumcount cuts off counts what it holds, or all there is if the sandbox is told so."""
    async with Running(count_beyond_maximum=True) as caller:
        page = await caller.get("2218/customers", maximumcount=12, pagesize=10)
        assert (page["summary"]["totalCount"], page["summary"]["totalPages"]) == (40, 2)
        assert len(await caller.walk("customers", maximumcount=12, pagesize=10)) == 12


async def test_a_client_without_customers():
    """Lists are empty, and have no pages."""
    async with Running(customers=0) as caller:
        for path, items in LISTS.items():
            page = await caller.get(f"2218/{path}")
            if path != "clientconfigs":
                assert page[items] == []
                assert (page["summary"]["totalPages"], page["summary"]["lastPage"]) == (0, None)


@pytest.mark.parametrize(
    ("path", "criteria"),
    [
        ("customers", {"customerno": "543214"}),
        ("customers", {"accountno": "500005"}),
        ("customers", {"customercategory": "cons", "currency": "nok"}),
        ("customers", {"name": "oppdiktet"}),
        ("customers", {"customerno": "543214", "name": "nobody has this"}),
        ("customers", {"customerno": "none"}),
        ("aritems", {"customerno": "543213"}),
        ("aritems", {"status": "closed", "fromdate": "2023-01-01", "todate": "2024-12-31"}),
        ("documents", {"documentno": "88776657"}),
        ("documents", {"documentbundleid": "310002"}),
        ("documents", {"customerno": "none"}),
        ("glitems", {"glyear": "2024", "glaccountno": "1500"}),
        ("glmovements", {"glyear": "2024", "glperiod": "2"}),
        ("logitems", {"customerno": "543213"}),
        ("clientconfigs", {"clientconfigkey": "AR.reminderdays"}),
    ],
)
async def test_criteria(path, criteria):
    """Criteria are those of the query: what is found is what a look through all rows finds."""
    async with Running() as caller:
        found = await caller.walk(path, pagesize=5, **criteria)
        names = {name.lower(): name for row in truth(caller, path) for name in row}

        def fits(row: Any) -> bool:
            for name, text in criteria.items():
                value = str(row.get("documentDate" if "date" in name else names[name], "")).casefold()
                good = {"name": text in value, "fromdate": value >= text, "todate": value <= text}.get(
                    name, value == text.casefold()
                )
                if not good:
                    return False
            return True

        assert found == [row for row in truth(caller, path) if fits(row)]
        assert found or "none" in criteria.values() or "nobody has this" in criteria.values()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("customers", {"shoesize": "42"}),
        ("customers", {"pageSize": "10"}),
        ("customers", {"expand": "all"}),
        ("customers", {"pageno": "2"}),
        ("customers", {"pagesize": "0"}),
        ("customers", {"maximumcount": "all"}),
        ("aritems", {"fromdate": "yesterday"}),
        ("files", {"filesize": "42"}),
        ("codes", {"x": "1"}),
        ("insights/adbintervals", {"date": "today"}),
        ("glmovements/latest", {"glaccountno": "none"}),
    ],
)
async def test_what_is_not_taken_is_refused(path, query):
    """A parameter that is unknown or malformed is answered with 400, in the form of ARM."""
    async with Running() as caller:
        status, problem = await caller.ask("GET", f"2218/{path}", **query)
        assert (status, problem["result"], problem["errors"]) == (400, "FAILED", [])


async def test_a_query_is_kept_as_it_was():
    """What is created and deleted while somebody pages shifts nothing, and repeats of a page are the same."""
    async with Running() as caller:
        before = truth(caller, "customers")
        first = await caller.get("2218/customers", pagesize=10)
        assert (await caller.ask("POST", "2218/customers", body={"customerNo": "new"}))[0] == 201
        assert (await caller.ask("DELETE", "2218/customers/543212"))[0] == 200
        query = first["summary"]["queryId"]
        pages = [await caller.get("2218/customers", query=query, pageno=number) for number in (1, 2, 3, 4)]
        assert [row for page in pages for row in page["customers"]] == before
        assert {page["summary"]["totalCount"] for page in pages} == {40}
        now = [row["customerNo"] for row in await caller.walk("customers")]
        assert now == [row["customerNo"] for row in before if row["customerNo"] != "543212"] + ["new"]


async def test_pages_of_a_query_are_asked_for_rightly():
    """A query belongs to one list of one client, has its criteria already, and no pages beyond its last."""
    async with Running() as caller:
        query = (await caller.get("2218/customers", pagesize=10))["summary"]["queryId"]
        assert (await caller.get("2218/customers", query=query))["summary"]["pageNo"] == 1
        for path, asked, status in [
            ("2218/customers", {"query": query, "pageno": 5}, 400),
            ("2218/customers", {"query": query, "pageno": 0}, 400),
            ("2218/customers", {"query": query, "pageno": 2, "pagesize": 10}, 400),
            ("2218/documents", {"query": query, "pageno": 1}, 404),
            ("2219/customers", {"query": query, "pageno": 1}, 404),
            ("2218/customers", {"query": query.swapcase(), "pageno": 1}, 404),
            ("2218/customers", {"query": "", "pageno": 1}, 404),
        ]:
            got, problem = await caller.ask("GET", path, **asked)
            assert (got, problem["result"]) == (status, "FAILED")


async def test_queries_expire():
    """After its time a query is not found."""
    async with Running(query_lifetime=0) as caller:
        page = await caller.get("2218/customers", pagesize=10)
        assert (await caller.ask("GET", page["summary"]["nextPage"]))[0] == 404


# Reads.


@pytest.mark.parametrize(
    ("path", "key", "more"),
    [
        ("customers", "customerNo", None),
        ("aritems", "arItemId", "document"),
        ("documents", "documentNo", "arItem"),
        ("documentbundles", "documentBundleId", "documents"),
        ("glitems", "glItemId", None),
        ("logitems", "logItemId", None),
        ("clientconfigs", "clientConfigKey", None),
    ],
)
async def test_one_thing(path, key, more):
    """One thing is read as its list shows it, with more in it where `expand` asks for that, and is not found under no name."""
    async with Running() as caller:
        row = truth(caller, path)[3]
        assert await caller.get(f"2218/{path}/{row[key]}") == row
        assert (await caller.ask("GET", f"2218/{path}/none"))[0] == 404
        if more:
            expanded = await caller.get(f"2218/{path}/{row[key]}", expand="all")
            assert {**row, more: expanded[more]}.items() <= expanded.items()
            page = await caller.get(f"2218/{path}", expand="all", pagesize=5)
            assert page[LISTS[path]][3] == expanded
            again = await caller.get(page["summary"]["lastPage"])
            assert more in again[LISTS[path]][0]


async def test_texts_come_in_the_language_asked_for():
    """GL items and codes have English texts on demand."""
    async with Running() as caller:
        for language, text, code in [("en-GB", "Invoice", "Consumer"), ("nb", "Faktura", "Privatperson")]:
            headers = {"Accept-Language": language}
            _, item = await caller.ask("GET", "2218/glitems/40000001", headers=headers)
            assert item["text"] == f"{text} 88776655"
            _, codes = await caller.ask("GET", "2218/codes", headers=headers, codetype="customercategory")
            assert codes["codes"][0] == {"codeType": "customerCategory", "code": "CONS", "text": code}
        assert len((await caller.get("2218/codes"))["codes"]) > 2


async def test_sums():
    """Intervals are those of the day asked for, and the latest movement that of the account asked for."""
    async with Running() as caller:
        items = truth(caller, "aritems")
        for query in ({}, {"date": "2024-01-01"}):
            intervals = (await caller.get("2218/insights/adbintervals", **query))["adbIntervals"]
            assert sum(it["itemCount"] for it in intervals) == len(items)
            assert sum(it["amount"] for it in intervals) == sum(it["remainingAmount"] for it in items)
        movements = truth(caller, "glmovements")
        for query, account in (({}, 1500), ({"glaccountno": 1920}, 1920)):
            latest = await caller.get("2218/glmovements/latest", **query)
            assert latest["glAccountNo"] == account
            assert latest in movements
            later = [it for it in movements if it["closed"] and it["glAccountNo"] == account][-1]
            assert latest == later


async def test_faults_strike_rows_of_single_reads():
    """What faults do to rows they do to one thing, too; its names stay."""
    async with Running(Fault("nulls", form="top")) as caller:
        row = await caller.get("2218/customers/543211")
        assert row.pop("customerNo") == "543211"
        assert set(row.values()) == {None}


# Writes of customers and documents.


async def test_customers_are_written():
    """A customer is created, updated by the same call, changed, read back, and deleted."""
    async with Running() as caller:
        new = {"customerNo": "A1", "name": "Kari", "dueDays": 5, "postalAddress": {"addressLine1": "X 1", "countryCode": "NO"}}
        status, result = await caller.ask("POST", "2218/customers", body=new)
        assert (status, result["status"], result["result"], result["customerNo"]) == (201, "PROCESSED", "CREATED", "A1")
        stored = {"clientNo": 2218, "accountNo": result["accountNo"], **new}
        assert await caller.get("2218/customers/a1") == stored
        wrapped = {"metadata": {"userId": "me"}, "customer": {"customerNo": "A1", "name": "Ola"}}
        assert (await caller.ask("POST", "2218/customers", body=wrapped))[1]["result"] == "UPDATED"
        change = {"customerNo": "A1", "dueDays": None, "postalAddress1": "Y 2", "customerMessage": ""}
        status, result = await caller.ask("PUT", "2218/customers", body=change)
        assert (status, result["result"]) == (200, "UPDATED")
        stored |= {"name": "Ola", "postalAddress": {"addressLine1": "Y 2"}, "customerMessage": ""}
        assert await caller.get("2218/customers/A1") == stored == truth(caller, "customers")[-1]
        status, result = await caller.ask("DELETE", "2218/customers/A1", userid="me")
        assert (status, result["result"]) == (200, "DELETED")
        assert (await caller.ask("GET", "2218/customers/A1"))[0] == 404
        assert (await caller.ask("DELETE", "2218/customers/A1"))[0] == 404
        counts = {"arm.customers.create": 2, "arm.customers.update": 1, "arm.customers.delete": 1}
        assert caller.sandbox.executed == caller.sandbox.executed_items == counts
        kinds = [it["type"] for it in truth(caller, "logitems")][-4:]
        assert kinds == ["CUSTOMERS-CREATE", "CUSTOMERS-CREATE", "CUSTOMERS-UPDATE", "CUSTOMERS-DELETE"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "customers", {"name": "Nobody"}, 422, "customerNo"),
        ("POST", "customers", {"customerNo": "1", "postalAddress": {"countryCode": "NX"}}, 422, "countryCode"),
        ("PUT", "customers", {"customerNo": "1"}, 404, "customerNo"),
        ("PUT", "customers", {"customerNo": "543210", "dueDays": "x"}, 422, "dueDays"),
        ("POST", "customers", b"{", 400, None),
        ("POST", "customers", [], 400, None),
        ("DELETE", "customers/543210", None, 422, "customerNo"),
        (
            "POST",
            "documents",
            {"customerNo": "543210", "documentNo": "88776655", "currencyAmounts": {"inclVat": 1}},
            422,
            "documentNo",
        ),
        ("POST", "documents", {"customerNo": "none", "documentNo": "1", "currencyAmounts": {"inclVat": 1}}, 422, "customerNo"),
        ("POST", "customers/batches", {"customers": []}, 400, None),
        ("POST", "customers/batches", {"customers": {}}, 400, None),
        ("POST", "documents/batches", [{"documentNo": "1"}], 400, None),
        ("POST", "customers/batches", {"customers": [{}] * 4}, 422, None),
        ("POST", "actions", [1], 400, None),
        ("POST", "files", {"files": []}, 400, None),
        ("POST", "files", {"files": ["x"]}, 422, "fileName"),
        ("PUT", "aritems", {"creditAmount": 1}, 422, "arItemId"),
        ("PUT", "aritems", {"arItemId": 1}, 404, "arItemId"),
        ("PUT", "aritems", {"arItemId": 7_000_001, "creditAmount": 0}, 422, "creditAmount"),
        ("PUT", "aritems", {"arItemId": 7_000_001, "creditAmount": "1"}, 422, "creditAmount"),
        ("PUT", "aritems", {"arItemId": 7_000_001, "dueDate": "soon"}, 422, "dueDate"),
        ("POST", "autopostings/PAYMENT", {"autoPostings": "all"}, 400, None),
        ("POST", "paymentreservations", {"documentNo": "88776655"}, 422, "paymentId"),
        ("POST", "paymentreservations", {"paymentId": "P"}, 422, "documentNo"),
        ("POST", "paymentreservations", {"paymentId": "P", "kid": "1"}, 422, "kid"),
    ],
)
async def test_what_is_refused_changes_nothing(method, path, body, status, field):
    """A write that is refused says why, is not counted, and nothing of it is kept."""
    async with Running(items_max=3) as caller:
        before = [truth(caller, it) for it in LISTS]
        got, problem = await caller.ask(method, f"2218/{path}", body=body)
        assert (got, problem["status"], problem["result"]) == (status, status, "FAILED")
        assert [it["field"] for it in problem["errors"]][:1] == ([field] if field else [])
        assert [truth(caller, it) for it in LISTS] == before
        assert not caller.sandbox.executed


async def test_the_sandbox_can_be_full():
    """Beyond writes_max nothing is taken."""
    async with Running(writes_max=3) as caller:
        statuses = [(await caller.ask("POST", "2218/customers", body={"customerNo": str(it)}))[0] for it in range(2)]
        assert statuses == [201, 422]


async def test_documents_are_written():
    """A document is created with its AR item and its entries, and read back as it came."""
    async with Running() as caller:
        amounts = {"exclVat": 80, "vat": 20, "inclVat": 100}
        new = {
            "documentType": "IN",
            "customerNo": "543212",
            "documentNo": "D-1",
            "documentDate": "2025-02-27",
            "dueDate": "2025-03-11",
            "purchaseOrderId": "",
            "currencyAmounts": amounts,
            "documentLines": [{"lineNo": 1, "lineType": "PLH", "quantity": Decimal("1.5"), "currencyAmounts": amounts}],
        }
        status, result = await caller.ask("POST", "2218/documents", body={**new, "metadata": {"userId": "me"}})
        assert (status, result["result"], result["customerNo"]) == (201, "CREATED", "543212")
        assert "warnings" not in result
        row = await caller.get("2218/documents/d-1")
        assert new.items() <= row.items()
        assert row["documentUuid"] == result["documentUuid"]
        item = await caller.get(f"2218/aritems/{row['arItemId']}")
        assert (item["remainingAmount"], item["dueDate"], item["status"]) == (100, "2025-03-11", "OPEN")
        entries = [it for it in truth(caller, "glitems") if it.get("documentNo") == "D-1"]
        assert [(it["glAccountNo"], it["amount"]) for it in entries] == [(1500, 100), (3000, -80), (2700, -20)]
        assert (await caller.ask("POST", "2218/documents", body=new))[0] == 422
        assert (await caller.ask("DELETE", "2218/customers/543212"))[0] == 422
        assert await caller.walk("documents", customerno="543212") == [row]


# Batches.


async def settle(caller: Caller, batch: str) -> Any:
    """Return the state of a batch that has ended."""
    caller.sandbox.finish_batches()
    return await caller.get(f"2218/batches/{batch}")


async def test_a_batch_of_customers_as_documented():
    """One item is taken with a warning, one fails: the answer is that of the documented example."""
    async with Running() as caller:
        customers = [
            {"customerNo": "X1", "organizationNo": "987654321"},
            {"customerNo": "543211", "postalAddress": {"countryCode": "NX"}},
        ]
        status, receipt = await caller.ask("POST", "2218/customers/batches", body={"customers": customers})
        assert (status, receipt["clientNo"], len(receipt["batchUuid"])) == (202, 2218, 22)
        batch = await settle(caller, receipt["batchUuid"])
        assert {**batch, "items": []} == {
            "clientNo": 2218,
            "batchUuid": receipt["batchUuid"],
            "status": "PROCESSED",
            "result": "PARTIAL-SUCCESS",
            "message": "The batch was processed",
            "countNotProcessed": 0,
            "countProcessed": 2,
            "countSuccessful": 1,
            "countFailed": 1,
            "items": [],
        }
        created, failed = batch["items"]
        message = "Business ID/organizationNo 987654321 is not a valid business ID (scheme code: 0192)"
        assert {**created, "accountNo": 0} == {
            "status": "PROCESSED",
            "result": "CREATED",
            "message": "Customer created",
            "clientNo": 2218,
            "accountNo": 0,
            "customerNo": "X1",
            "warnings": [{"field": "organizationNo", "message": message}],
        }
        message = "NX is not a valid ISO 3166-1 alpha-2 country code"
        assert failed == {
            "status": "PROCESSED",
            "result": "FAILED",
            "message": message,
            "clientNo": 2218,
            "accountNo": 500_003,
            "customerNo": "543211",
            "errors": [{"field": "countryCode", "message": message}],
        }
        assert caller.sandbox.executed_items == {"arm.customers.create_batch": 2}


async def test_a_batch_goes_through_its_states(monkeypatch):
    """A batch is first not begun (202), then treated in part (206), then to its end (200), and counts rightly all the way."""
    async with Running(batch_seconds=99) as caller:
        now = 0.0
        monkeypatch.setattr(caller.sandbox._arm._writes, "_clock", lambda: now)
        body = [{"customerNo": "543210", "name": f"Name {it}"} for it in range(10)]
        _, receipt = await caller.ask("PUT", "2218/customers/batches", body=body)
        seen: list[tuple[int, Any]] = []
        for now in (0.0, 32.0, 34.0, 66.0, 98.0, 99.0):  # noqa: B007
            seen.append(await caller.ask("GET", f"2218/batches/{receipt['batchUuid']}"))
        assert [status for status, _ in seen] == [202, 202, 206, 206, 206, 200]
        assert {body for status, body in seen if status == 202} == {b""}
        parts = [it for status, it in seen if status != 202]
        assert all(it["countProcessed"] == len(it["items"]) == 10 - it["countNotProcessed"] for it in parts)
        assert [it["countProcessed"] for it in parts] == sorted(it["countProcessed"] for it in parts)
        assert {it["status"] for it in parts[:-1]} == {"PROCESSING"}
        assert (parts[-1]["status"], parts[-1]["result"]) == ("PROCESSED", "SUCCESS")
        assert (await caller.get("2218/customers/543210"))["name"] == "Name 9"


async def test_a_batch_of_documents():
    """Documents of a batch are in one bundle, what cannot be taken is told per item, and a batch may fail as a whole."""
    async with Running() as caller:
        amounts = {"currencyAmounts": {"exclVat": 8, "vat": 2, "inclVat": 10}}
        good = [{"customerNo": "543210", "documentNo": f"B{it}", **amounts} for it in range(2)]
        body = {"metadata": {"userId": "me"}, "documents": [*good, good[0], 5]}
        _, receipt = await caller.ask("POST", "2218/documents/batches", body=body)
        batch = await settle(caller, receipt["batchUuid"])
        assert [it["result"] for it in batch["items"]] == ["CREATED", "CREATED", "FAILED", "FAILED"]
        assert batch["items"][2]["documentNo"] == "B0"
        rows = [await caller.get(f"2218/documents/{it['documentNo']}") for it in good]
        bundle = await caller.get(f"2218/documentbundles/{rows[0]['documentBundleId']}")
        assert (bundle["documentNos"], bundle["amount"]) == (["B0", "B1"], 20)
        _, receipt = await caller.ask("POST", "2218/documents/batches", body={"documents": [good[0]]})
        batch = await settle(caller, receipt["batchUuid"])
        assert (batch["result"], batch["countFailed"]) == ("FAILED", 1)


async def test_states_of_batches_are_asked_for_rightly():
    """A batch is found by its exact id in its client, and told in JSON alone."""
    async with Running() as caller:
        _, receipt = await caller.ask("POST", "2218/customers/batches", body={"customers": [{"customerNo": "1"}]})
        path = f"2218/batches/{receipt['batchUuid']}"
        for accept, status in [
            ("application/json", 200),
            ("text/html, */*;q=0.1", 200),
            ("application/*", 200),
            ("text/csv", 406),
            ("text/html, application/json;q=0", 406),
        ]:
            assert (await caller.ask("GET", path, headers={"Accept": accept}))[0] == status
        for wrong in (path.swapcase(), f"2219/batches/{receipt['batchUuid']}", "2218/batches/8NlwdOIM1YLVFP9-WOwkYQ"):
            assert (await caller.ask("GET", wrong))[0] == 404


# Bookings.


async def test_an_ar_item_is_changed():
    """What can be changed is, what nobody knows is warned of, and nothing is credited."""
    async with Running() as caller:
        body = {"arItemId": 7_000_001, "dueDate": "2030-01-01", "shoeSize": 42, "metadata": {"userId": "me"}}
        status, result = await caller.ask("PUT", "2218/aritems", body=body)
        assert (status, result["result"], [it["field"] for it in result["warnings"]]) == (200, "UPDATED", ["shoeSize"])
        item = await caller.get("2218/aritems/7000001")
        assert (item["dueDate"], item["creditedAmount"]) == ("2030-01-01", 0)


async def test_an_ar_item_is_credited():
    """A credit lessens what remains, makes a credit note, and balances the books; each call makes another one."""
    async with Running() as caller:
        before = await caller.get("2218/aritems/7000001")
        for _ in range(2):
            _, result = await caller.ask("PUT", "2218/aritems", body={"documentNo": "88776655", "creditAmount": 100})
            assert result["result"] == "CREDITED"
        item = await caller.get("2218/aritems/7000001")
        assert item["creditedAmount"] == 200
        assert item["remainingAmount"] == before["remainingAmount"] - 200
        note = await caller.get(f"2218/documents/{result['creditDocumentNo']}")
        assert (note["documentType"], note["currencyAmounts"]) == ("CN", {"exclVat": -80, "vat": -20, "inclVat": -100})
        assert (await caller.get(f"2218/aritems/{note['arItemId']}"))["remainingAmount"] == 0
        _, result = await caller.ask("PUT", "2218/aritems", body={"arItemId": 7_000_001, "credit": True})
        item = await caller.get("2218/aritems/7000001")
        assert (item["remainingAmount"], item["status"]) == (0, "CLOSED")
        receivables = [it["closingBalance"] for it in truth(caller, "glmovements") if it["glAccountNo"] == 1500][-1]
        assert receivables == sum(it["remainingAmount"] for it in truth(caller, "aritems"))
        assert (await caller.ask("PUT", "2218/aritems", body={"arItemId": 7_000_001, "credit": True}))[0] == 422
        assert caller.sandbox.executed == {"arm.ar_items.update": 3}


async def test_auto_postings_are_booked():
    """A set that is good is booked: payments at the bank, write-offs as losses, with or without a document."""
    async with Running() as caller:
        body = {"autoPostings": [{"amount": 10, "documentNo": "88776655"}, {"amount": Decimal("2.5")}]}
        for method in ("PAYMENT", "write-off"):
            status, result = await caller.ask("POST", f"2218/autopostings/{method}", body=body)
            assert (status, result["result"], [it["resultType"] for it in result["items"]]) == (200, "SUCCESS", ["POSTED"] * 2)
        entries = [await caller.get(f"2218/glitems/{it}") for it in result["items"][0]["glItemIds"]]
        assert [(it["glAccountNo"], it["amount"]) for it in entries] == [(7830, 10), (1500, -10)]
        assert (await caller.get("2218/aritems/7000001"))["paidAmount"] == 20
        last = [it for it in truth(caller, "glitems") if it["glAccountNo"] in {1920, 7830}][-4:]
        assert [(it["glAccountNo"], it["amount"]) for it in last] == [(1920, 10), (1920, 2.5), (7830, 10), (7830, 2.5)]
        assert caller.sandbox.executed_items == {"arm.auto_postings.create": 4}


@pytest.mark.parametrize(
    "bad",
    [{"amount": 0}, {"amount": "1"}, {}, {"amount": 1, "documentNo": "none"}, {"amount": 10**9, "documentNo": "88776655"}],
)
async def test_auto_postings_are_all_or_nothing(bad):
    """One posting that fails refuses all; those that are good are rejected with the set, and nothing is booked."""
    async with Running() as caller:
        before = [truth(caller, it) for it in ("aritems", "glitems", "logitems")]
        good = {"amount": 10, "documentNo": "88776655"}
        status, result = await caller.ask("POST", "2218/autopostings/PAYMENT", body={"autoPostings": [good, bad, good]})
        assert (status, result["result"]) == (200, "FAILED")
        assert [it["resultType"] for it in result["items"]] == ["BATCH-REJECTED", "FAILED", "BATCH-REJECTED"]
        assert result["items"][1]["errors"]
        assert [truth(caller, it) for it in ("aritems", "glitems", "logitems")] == before
        assert not caller.sandbox.executed


async def test_postings_of_a_set_count_together():
    """Two postings that each fit what remains, but not both, fail the set."""
    async with Running() as caller:
        remaining = (await caller.get("2218/aritems/7000001"))["remainingAmount"]
        body = {"autoPostings": [{"amount": remaining, "arItemId": 7_000_001}, {"amount": 1, "arItemId": 7_000_001}]}
        _, result = await caller.ask("POST", "2218/autopostings/PAYMENT", body=body)
        assert [it["resultType"] for it in result["items"]] == ["BATCH-REJECTED", "FAILED"]


async def test_postings_can_be_checked_only():
    """With validateOnly on any posting, all are checked and none is booked."""
    async with Running() as caller:
        before = truth(caller, "glitems")
        body = {"autoPostings": [{"amount": 1}, {"amount": 2, "validateOnly": True}]}
        _, result = await caller.ask("POST", "2218/autopostings/PAYMENT", body=body)
        assert (result["result"], {it["resultType"] for it in result["items"]}) == ("VALIDATED", {"VALIDATED"})
        assert truth(caller, "glitems") == before
        assert not caller.sandbox.executed


@pytest.mark.parametrize(
    "named", [{"documentNo": "88776655"}, {"customerNo": "543210"}, {"accountNo": 500_002}, {"arItemId": 7_000_001}]
)
async def test_payments_are_reserved_once(named):
    """A reservation is made for a document or a customer, and a paymentId is taken once."""
    async with Running() as caller:
        body = {"paymentId": 17, **named}
        status, result = await caller.ask("POST", "2218/paymentreservations", body=body)
        assert (status, result["result"], result["paymentId"]) == (201, "CREATED", 17)
        assert (await caller.ask("POST", "2218/paymentreservations", body=body))[0] == 422
        assert caller.sandbox.executed == {"arm.payment_reservations.create": 1}


# Files and actions.


async def test_files_go_up_and_come_down():
    """What was uploaded is listed, and downloaded byte by byte, inside JSON or raw."""
    async with Running() as caller:
        contents = bytes(range(256)) * 40
        entry = {"fileName": "Blåbær 🫐.pdf", "content": base64.b64encode(contents).decode()}
        status, result = await caller.ask("POST", "2218/files", body={"files": [entry], "metadata": {"userId": "me"}})
        assert (status, result["result"], result["items"][0]["result"]) == (200, "SUCCESS", "CREATED")
        path = f"2218/files/{result['items'][0]['fileId']}"
        row = await caller.get(path)
        assert (row["fileName"], row["mediaType"], row["size"]) == (entry["fileName"], "application/pdf", len(contents))
        assert base64.b64decode(row["content"]) == contents
        for accept in ("application/octet-stream", "text/html, application/octet-stream, application/json"):
            assert await caller.ask("GET", path, headers={"Accept": accept}) == (200, contents)
        for accept in (
            "application/json, application/octet-stream",
            "*/*, application/octet-stream",
            "application/octet-stream;q=0",
        ):
            assert (await caller.ask("GET", path, headers={"Accept": accept}))[1] == row
        del row["content"]
        assert (await caller.get("2218/files"))["files"][-1] == row
        assert (await caller.get("2218/files", filename="BLÅBÆR 🫐.pdf"))["files"] == [row]
        assert len((await caller.get("2218/files"))["files"]) == 7


async def test_some_files_are_taken():
    """A mixed outcome is told with 207, item by item; only what was taken is there."""
    async with Running() as caller:
        good = {"fileName": "a.txt", "content": "aGVp"}
        bad = [{**good, "fileName": "a.exe"}, {**good, "content": "a"}, {**good, "content": None}, {"content": "aGVp"}]
        status, result = await caller.ask("POST", "2218/files", body={"files": [*bad, good]})
        assert (status, result["result"]) == (207, "PARTIAL-SUCCESS")
        errors = [error["field"] for it in result["items"] for error in it.get("errors", ())]
        assert errors == ["fileName", "content", "content", "fileName"]
        assert (await caller.ask("POST", "2218/files", body={"files": bad}))[0] == 422
        assert caller.sandbox.executed_items == {"arm.files.upload": 1}
        assert len((await caller.get("2218/files"))["files"]) == 7


async def test_files_that_are_there_from_the_start():
    """The files of the data can be downloaded, and no others."""
    async with Running() as caller:
        rows = (await caller.get("2218/files"))["files"]
        row = await caller.get(f"2218/files/{rows[0]['fileId']}")
        assert len(base64.b64decode(row["content"])) == row["size"] == rows[0]["size"]
        assert (await caller.ask("GET", f"2219/files/{rows[0]['fileId']}"))[0] == 404
        assert (await caller.ask("GET", "2218/files/none"))[0] == 404


async def test_actions_are_noted():
    """Any action is taken on; a report becomes a file."""
    async with Running() as caller:
        assert (await caller.ask("POST", "2218/actions", body={"anything": 1}))[1]["result"] == "STARTED"
        status, result = await caller.ask("POST", "2218/actions/reports", body={"report": "counts"})
        assert (status, result["result"]) == (201, "CREATED")
        path = f"2218/files/{result['fileId']}"
        _, contents = await caller.ask("GET", path, headers={"Accept": "application/octet-stream"})
        assert contents == b"customers;40\r\ndocuments;50\r\nentries;200\r\n"
        assert [it["type"] for it in truth(caller, "logitems")][-2:] == ["ACTIONS-CREATE", "ACTIONS-CREATE-REPORT"]
