"""The sandbox on a real socket: tokens, lists, filters, pages - against the truth, over raw HTTP."""

from __future__ import annotations

import asyncio
import gc
import time
from itertools import islice
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from amili_async.catalogue import operations
from amili_async.sandbox import Sandbox
from amili_async.structs import decode, encode

module = pytest.mark.asyncio(loop_scope="module")
CASES = 300
LISTS = {
    "batches": "collection.batches.list",
    "cases": "collection.cases.list",
    "invoices": "collection.invoices.list",
    "settlements": "collection.settlements.list",
}
KEYS = {"batches": "batchId", "cases": "caseId", "invoices": "id", "settlements": "id"}


class Http:
    """A client of nothing but HTTP."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.authorization: str | None = None

    async def login(self, **form: str) -> tuple[int, Any]:
        """Ask for a token, and use it from now on."""
        credentials = self.sandbox.credentials
        fields = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        }
        async with self.session.post(f"{self.sandbox.url}/identity/token", data={**fields, **form}) as response:
            body = decode(await response.read())
            if response.status == 200:
                self.authorization = f"Bearer {body['access_token']}"
            return response.status, body

    async def get(self, path: str, query: dict[str, str] | None = None, method: str = "GET") -> tuple[int, Any]:
        """Return status and body of an answer."""
        headers = {"Authorization": self.authorization} if self.authorization else {}
        async with self.session.request(method, self.sandbox.url + path, params=query, headers=headers) as response:
            return response.status, decode(await response.read())

    async def page(self, stream: str, query: dict[str, str] | None = None, organization: int = 0) -> tuple[int, Any]:
        """Return a page of a list."""
        return await self.get(f"/collection/v1/orgs/{self.sandbox.organizations[organization]}/{stream}", query)

    async def walk(self, stream: str, query: dict[str, str] | None = None) -> list[list[Any]]:
        """Return all pages of a list by its tokens."""
        pages: list[list[Any]] = []
        query = dict(query or {})
        while True:
            status, body = await self.page(stream, query)
            assert status == 200, body
            pages.append(body["data"])
            token = body.get("cursorSummary", body.get("summary"))["nextPageToken"]
            if not token:
                return pages
            query["pageToken" if stream == "settlements" else "PageToken"] = token


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http():
    """Give a client with a token, of a sandbox that all tests of this module read from."""
    async with Sandbox(cases=CASES, seed=5) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        assert (await client.login())[0] == 200
        yield client


def on_the_wire(rows):
    """Return rows as a client reads them."""
    return decode(encode(list(rows)))


@module
async def test_every_operation_has_a_route(http):
    """The sandbox serves every operation that the package has."""
    assert http.sandbox.routes() == {operation.name for operation in operations()}


@module
@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("size", [3, 100, 1_000])
async def test_pages_give_exactly_the_truth(http, stream, size):
    """The pages of a list hold every row once, unchanged and in order, whatever their size."""
    query = {} if stream == "invoices" else {"pageSize" if stream == "settlements" else "PageSize": str(size)}
    pages = await http.walk(stream, query)
    size = 100 if stream == "invoices" else size
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    truth = on_the_wire(getattr(http.sandbox.dataset, stream)(http.sandbox.organizations[0]))
    assert [row for page in pages for row in page] == truth


@module
async def test_all_batches(http):
    """The list of all batches has those of every organization in the older shape, in both directions."""
    truth = on_the_wire(row for it in http.sandbox.organizations for row in http.sandbox.dataset.legacy_batches(it))
    for direction, wanted in (("ASC", truth), ("DESC", truth[::-1])):
        rows, query = [], {"PageSize": "40", "SortDirection": direction}
        while True:
            status, body = await http.get("/collection/v1/batches", query)
            assert status == 200
            rows += body["data"]
            if not (token := body["summary"]["nextPageToken"]):
                break
            query["PageToken"] = token
        assert rows == wanted


@module
@pytest.mark.parametrize("stream", ["batches", "invoices", "settlements"])
async def test_get_gives_the_row_of_the_list(http, stream):
    """A row that is asked for by its id is the one of the list; ids of others are not found."""
    organization = http.sandbox.organizations[0]
    rows = on_the_wire(getattr(http.sandbox.dataset, stream)(organization))
    for row in (rows[0], rows[-1]):
        status, body = await http.get(f"/collection/v1/orgs/{organization}/{stream}/{row[KEYS[stream]].upper()}")
        assert (status, body["data"], body["summary"]["status"]) == (200, row, "SUCCESS")
    foreign = next(getattr(http.sandbox.dataset, stream)(http.sandbox.organizations[1]))[KEYS[stream]]
    case = next(http.sandbox.dataset.cases(organization))["caseId"]
    for wrong in (foreign, case, "4f163819-178d-470c-a246-d6768476a6ec", "x", "ø", "%2e%2e"):
        status, body = await http.get(f"/collection/v1/orgs/{organization}/{stream}/{wrong}")
        assert (status, body["error"]) == (404, "not_found")


@module
async def test_get_legacy(http):
    """A batch that is asked for by its id alone comes in the older shape, whichever organization it is of."""
    for organization in http.sandbox.organizations:
        batch = on_the_wire(islice(http.sandbox.dataset.legacy_batches(organization), 5))[4]
        status, body = await http.get(f"/collection/v1/batches/{batch['batchId']}")
        assert (status, body["data"]) == (200, batch)


@module
async def test_inserted_later_is_not_found_yet():
    """The id of a row that does not exist yet is not found."""
    async with Sandbox(cases=10) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        other = Sandbox(cases=20)
        path = f"/collection/v1/orgs/{sandbox.organizations[0]}/invoices/"
        late = list(other.dataset.invoices(other.organizations[0]))[-1]["id"]
        assert (await client.get(path + late))[0] == 404
        sandbox.insert(sandbox.organizations[0], 10)
        assert (await client.get(path + late))[0] == 200


def case_filters(cases):
    """Return filters on cases, each with what it keeps by brute force."""
    some = next(case for case in cases if len(case["debtors"]) == 2)
    numbered = next(it for case in cases for it in case["invoices"] if "uniqueSourceInvoiceId" in it)
    twice = cases[3]["debtors"][0]["customerNumber"]
    middle, later = cases[100]["registeredAt"], cases[200]["registeredAt"]
    term = some["debtors"][1]["lastName"]
    yield {"Status": "PAUSED"}, lambda it: it["status"] == "PAUSED"
    yield {"Status": "NO_SUCH"}, lambda _: False
    yield {"Status": "", "Type": ""}, lambda _: True
    yield {"status": "PAUSED", "Other": "x"}, lambda _: True
    yield {"Type": "COLLECTION_NOTICE"}, lambda it: it["type"] == "COLLECTION_NOTICE"
    yield {"Type": "COLLECTION_NOTICE", "Status": "OPEN"}, lambda it: (it["type"], it["status"]) == ("COLLECTION_NOTICE", "OPEN")
    yield {"CaseNumber": str(some["caseNumber"])}, lambda it: it["caseNumber"] == some["caseNumber"]
    yield {"CaseNumber": "no number"}, lambda _: False
    yield {"CustomerNumber": twice}, lambda it: any(debtor["customerNumber"] == twice for debtor in it["debtors"])
    yield {"CustomerNumber": some["debtors"][1]["customerNumber"]}, lambda it: it["caseId"] == some["caseId"]
    yield {"CustomerNumber": "200003"}, lambda _: False
    yield {"CustomerNumber": "0200001"}, lambda _: False
    yield {"UniqueSourceInvoiceId": numbered["uniqueSourceInvoiceId"]}, lambda it: it["caseId"] == numbered["caseId"]
    yield {"UniqueSourceInvoiceId": "erp-6"}, lambda _: False
    yield (
        {"SearchTerm": term.upper()},
        lambda it: any(term.casefold() in debtor["fullName"].casefold() for debtor in it["debtors"]),
    )
    yield {"SearchTerm": numbered["invoiceNumber"]}, lambda it: it["caseId"] == numbered["caseId"]
    yield {"FromCreatedAt": middle}, lambda it: it["registeredAt"] >= middle
    yield {"ToCreatedAt": middle}, lambda it: it["registeredAt"] < middle
    yield {"FromCreatedAt": middle, "ToCreatedAt": later}, lambda it: middle <= it["registeredAt"] < later
    yield {"FromCreatedAt": later, "ToCreatedAt": middle}, lambda _: False
    yield {"FromCreatedAt": "2023-01-01", "ToCreatedAt": "2024-01-01"}, lambda it: it["registeredAt"][:4] == "2023"
    yield {"FromCreatedAt": "2023-01-01T01:00:00+01:00"}, lambda it: it["registeredAt"][:4] >= "2023"
    yield (
        {"FromCreatedAt": "2023-01-01", "Status": "PAUSED"},
        lambda it: it["registeredAt"][:4] >= "2023" and it["status"] == "PAUSED",
    )


@module
async def test_case_filters(http):
    """Each filter on cases keeps exactly the cases that it should, and totalCount counts them."""
    cases = on_the_wire(http.sandbox.dataset.cases(http.sandbox.organizations[0]))
    for query, keeps in case_filters(cases):
        wanted = [case for case in cases if keeps(case)]
        pages = await http.walk("cases", {**query, "PageSize": "70"})
        assert [row for page in pages for row in page] == wanted, query
        _, body = await http.page("cases", {**query, "PageSize": "1"})
        assert body["skipSummary"]["totalCount"] == len(wanted)
        known = {name: text for name, text in query.items() if name[0].isupper() and name != "Other"}
        assert on_the_wire(http.sandbox.truth(LISTS["cases"], http.sandbox.organizations[0], **known)) == wanted


def invoice_filters(invoices, cases):
    """Return filters on invoices, each with what it keeps by brute force."""
    one = next(it for it in invoices if "uniqueSourceInvoiceId" in it)
    customer = cases[3]["debtors"][0]["customerNumber"]
    of_customer = {str(case["caseNumber"]) for case in cases if case["debtors"][0]["customerNumber"] == customer}
    begin, end = invoices[50]["createdAt"], invoices[90]["createdAt"]
    yield {"Status": "OPEN"}, lambda _: True
    yield {"Status": "CLOSED"}, lambda _: False
    for kind in ("NOTICE", "PAYMENT_REMINDER", "REMINDER"):
        yield {"Type": kind}, lambda it, kind=kind: it["type"] == kind
    yield {"InvoiceNumber": one["invoiceNumber"]}, lambda it: it["id"] == one["id"]
    yield {"InvoiceNumber": one["invoiceNumber"][2:]}, lambda _: False
    yield {"UniqueSourceInvoiceId": one["uniqueSourceInvoiceId"]}, lambda it: it["id"] == one["id"]
    yield {"CustomerNumber": customer}, lambda it: it["collectionCaseNumber"] in of_customer
    yield {"From": begin}, lambda it: it["createdAt"] >= begin
    yield {"From": begin, "To": end}, lambda it: begin <= it["createdAt"] < end


@module
async def test_invoice_filters(http):
    """Each filter on invoices keeps exactly the invoices that it should."""
    organization = http.sandbox.organizations[0]
    invoices = on_the_wire(http.sandbox.dataset.invoices(organization))
    cases = on_the_wire(http.sandbox.dataset.cases(organization))
    for query, keeps in invoice_filters(invoices, cases):
        wanted = [it for it in invoices if keeps(it)]
        assert [row for page in await http.walk("invoices", query) for row in page] == wanted, query


@module
async def test_settlement_filters(http):
    """The period of settlements is that of their dates."""
    rows = on_the_wire(http.sandbox.dataset.settlements(http.sandbox.organizations[0]))
    begin, end = rows[40]["settlementDate"], rows[80]["settlementDate"]
    for query, keeps in (
        ({"fromDate": begin[:10]}, lambda it: it["settlementDate"] >= begin),
        ({"fromDate": begin, "toDate": end}, lambda it: begin <= it["settlementDate"] < end),
        ({"FromDate": begin}, lambda _: True),
    ):
        shown = [row for page in await http.walk("settlements", query) for row in page]
        assert shown == [it for it in rows if keeps(it)], query


@module
async def test_batch_filters(http):
    """Each filter on batches keeps exactly the batches that it should, in both directions."""
    organization = http.sandbox.organizations[0]
    dataset = http.sandbox.dataset
    batches = on_the_wire(dataset.batches(organization))
    named = next(it for it in batches if it["succeeded"])
    empty = next(place for place, it in enumerate(batches) if not it["succeeded"])
    item = named["succeeded"][-1]
    filters: list[tuple[dict[str, str], Any]] = [
        *(({"State": it}, lambda row, it=it: row["status"] == it) for it in ("QUEUED", "SUCCESS", "PARTIAL", "FAILED", "X")),
        *(({"Type": it}, lambda row, it=it: row["type"] == it) for it in ("NONE", "INVOICE")),
        ({"SubjectId": item["invoiceId"]}, lambda row: row is named),
        ({"SubjectId": item["caseId"]}, lambda row: row is named),
        ({"SubjectId": named["batchId"]}, lambda _: False),
        ({"SubjectId": "x"}, lambda _: False),
        ({"IdempotencyKey": dataset.idempotency_key(organization, empty)}, lambda row: row is batches[empty]),
        ({"IdempotencyKey": item["caseId"]}, lambda _: False),
        ({"IdempotencyKey": dataset.idempotency_key(http.sandbox.organizations[1], 0)}, lambda _: False),
    ]
    for query, keeps in filters:
        wanted = [it for it in batches if keeps(it)]
        for direction, rows in (("asc", wanted), ("DESC", wanted[::-1])):
            shown = await http.walk("batches", {**query, "SortDirection": direction, "PageSize": "3"})
            assert [row for page in shown for row in page] == rows, query


@module
async def test_upper_bound_can_belong_to_the_period():
    """With `include_upper` the end of a period belongs to it."""
    async with Sandbox(cases=20, include_upper=True) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        tenth = list(sandbox.dataset.cases(sandbox.organizations[0]))[9]
        _, body = await client.page("cases", {"ToCreatedAt": tenth["registeredAt"]})
        assert (len(body["data"]), body["data"][-1]["caseId"]) == (10, tenth["caseId"])


@module
async def test_both_views_of_a_page_agree(http):
    """Page numbers and totals tell of the same page as the tokens, there and back."""
    query = {"PageSize": "80"}
    seen = []
    for number in range(1, 5):
        _, body = await http.page("cases", query)
        skip, cursor = body["skipSummary"], body["cursorSummary"]
        assert skip == {
            "status": "SUCCESS",
            "totalCount": CASES,
            "currentPage": number,
            "pageSize": 80,
            "totalPages": 4,
            "hasNextPage": number < 4,
            "hasPreviousPage": number > 1,
        }
        assert (cursor["nextPageToken"] is None) == (number == 4)
        assert (cursor["previousPageToken"] is None) == (number == 1)
        _, numbered = await http.page("cases", {"PageSize": "80", "Page": str(number)})
        assert numbered["data"] == body["data"]
        assert numbered["skipSummary"] == skip
        seen.append(body["data"])
        query = {"PageSize": "80", "PageToken": cursor["nextPageToken"] or cursor["previousPageToken"]}
    _, back = await http.page("cases", query)
    assert back["data"] == seen[2]


@module
async def test_page_beyond_the_end(http):
    """A page number beyond the last gives an empty page."""
    _, body = await http.page("cases", {"Page": "99"})
    assert body["data"] == []
    assert body["skipSummary"]["hasNextPage"] is False
    assert body["cursorSummary"]["nextPageToken"] is None


@module
async def test_page_size_is_capped(http):
    """More rows than the cap are not given, and the default is used if nothing is asked for."""
    _, body = await http.page("cases", {"PageSize": "999999999"})
    assert (body["skipSummary"]["pageSize"], len(body["data"])) == (1_000, CASES)
    _, body = await http.page("cases")
    assert len(body["data"]) == 100


@module
@pytest.mark.parametrize(
    ("stream", "query"),
    [
        ("cases", {"PageSize": "0"}),
        ("cases", {"PageSize": "-1"}),
        ("cases", {"PageSize": "many"}),
        ("cases", {"PageSize": "1.5"}),
        ("cases", {"PageSize": "9" * 5000}),
        ("cases", {"PageSize": "\u0664"}),
        ("cases", {"Page": "0"}),
        ("cases", {"FromCreatedAt": "yesterday"}),
        ("cases", {"ToCreatedAt": "2026-02-30"}),
        ("cases", {"PageToken": "garbage"}),
        ("batches", {"SortDirection": "UP"}),
        ("settlements", {"pageSize": "x"}),
        ("settlements", {"toDate": "x"}),
        ("invoices", {"From": "x"}),
    ],
)
async def test_malformed_parameters(http, stream, query):
    """A malformed parameter is answered with 400 and a JSON body."""
    status, body = await http.page(stream, query)
    assert status == 400
    assert body.keys() == {"error", "message"}


@module
async def test_page_tokens_are_bound(http):
    """A page token is good for its operation, organization and filters only; the page size may change."""
    _, body = await http.page("cases", {"PageSize": "10", "Status": "OPEN"})
    token = body["cursorSummary"]["nextPageToken"]
    status, _ = await http.page("cases", {"PageSize": "20", "Status": "OPEN", "PageToken": token})
    assert status == 200
    wrong = [
        await http.page("cases", {"PageToken": token}),
        await http.page("cases", {"Status": "PAUSED", "PageToken": token}),
        await http.page("cases", {"Status": "OPEN", "Type": "COLLECTION_NOTICE", "PageToken": token}),
        await http.page("cases", {"Status": "OPEN", "PageToken": token}, organization=1),
        await http.page("batches", {"Status": "OPEN", "PageToken": token}),
    ]
    assert [(status, body["error"]) for status, body in wrong] == [(400, "invalid_page_token")] * 5


@module
async def test_page_tokens_expire():
    """An expired page token is answered with 400."""
    async with Sandbox(cases=20, page_token_lifetime=0) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        _, body = await client.page("cases", {"PageSize": "10"})
        await asyncio.sleep(0.01)
        status, body = await client.page("cases", {"PageSize": "10", "PageToken": body["cursorSummary"]["nextPageToken"]})
        assert (status, body["error"]) == (400, "expired_page_token")


@module
async def test_skip_only():
    """Where cases have page numbers only, these lead through all of them, under the name that was set."""
    async with Sandbox(cases=45, skip_only=True, page_param="PageNumber") as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        rows: list[Any] = []
        number = 0
        more = True
        while more:
            number += 1
            _, body = await client.page("cases", {"PageSize": "10", "PageNumber": str(number), "Page": "3"})
            assert "cursorSummary" not in body
            assert body["skipSummary"]["currentPage"] == number
            rows += body["data"]
            more = body["skipSummary"]["hasNextPage"]
        assert rows == on_the_wire(sandbox.dataset.cases(sandbox.organizations[0]))
        assert (await client.page("cases", {"PageToken": "x"}))[0] == 400
        assert len(await client.walk("batches", {"PageSize": "3"})) > 1


@module
@pytest.mark.parametrize(
    ("form", "wanted"), [("null", {"nextPageToken": None}), ("missing", {}), ("empty", {"nextPageToken": ""})]
)
async def test_forms_of_the_end(form, wanted):
    """The last page can say in three ways that there is no next one."""
    async with Sandbox(cases=5, last_token=form) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        _, body = await client.page("invoices")
        assert body["summary"] == {"status": "SUCCESS", **wanted}


@module
async def test_inserts_while_somebody_pages():
    """Cases inserted in mid-walk come at its end; nothing is shifted, and totalCount grows."""
    async with Sandbox(cases=30) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        _, first = await client.page("cases", {"PageSize": "20"})
        sandbox.insert(sandbox.organizations[0], 5)
        _, second = await client.page("cases", {"PageSize": "20", "PageToken": first["cursorSummary"]["nextPageToken"]})
        assert (first["skipSummary"]["totalCount"], second["skipSummary"]["totalCount"]) == (30, 35)
        assert first["data"] + second["data"] == on_the_wire(sandbox.dataset.cases(sandbox.organizations[0]))


@module
async def test_no_cases_at_all():
    """An organization without cases has empty lists with complete summaries."""
    async with Sandbox(cases=0, organizations=1) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        for stream in LISTS:
            status, body = await client.page(stream)
            assert (status, body["data"]) == (200, [])
        _, body = await client.page("cases")
        assert (body["skipSummary"]["totalPages"], body["skipSummary"]["hasNextPage"]) == (0, False)


@module
async def test_cache_changes_nothing():
    """Pages from the cache are the pages that are made anew."""
    bodies = []
    for size in (0, 2**20):
        async with Sandbox(cases=50, page_cache=size) as sandbox, aiohttp.ClientSession() as session:
            client = Http(sandbox, session)
            await client.login()
            bodies.append([(await client.page(stream))[1]["data"] for stream in LISTS for _ in range(2)])
    assert bodies[0] == bodies[1]


# Tokens.


@module
async def test_token_answer(http):
    """The token call answers like the contract."""
    status, body = await http.login()
    assert status == 200
    assert body.keys() == {"access_token", "token_type", "not_before", "expires_in", "expires_on", "resource"}
    assert body["token_type"] == "Bearer"
    assert body["expires_on"] - body["not_before"] == body["expires_in"] == 3_600
    assert abs(body["not_before"] - time.time()) < 5


@module
@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": "ø"}, 401, "invalid_client"),
    ],
)
async def test_refused_token_calls(http, form, status, error):
    """A wrong grant is 400, a wrong client 401, each with a JSON body."""
    found, body = await http.login(**form)
    assert (found, body["error"]) == (status, error)


@module
async def test_clock_and_numbers_of_the_token_answer():
    """The clock of the answer can be wrong and its numbers strings, and the token is good all the same."""
    async with (
        Sandbox(cases=1, clock_skew=-900, token_lifetime=60, token_numbers_as_strings=True) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        client = Http(sandbox, session)
        _, body = await client.login()
        assert body["expires_in"] == "60"
        assert abs(int(body["not_before"]) - time.time() + 900) < 5
        assert (await client.page("cases"))[0] == 200


@module
async def test_bad_tokens(http):
    """Missing, foreign, damaged, expired and early tokens are answered with 401."""
    tokens = http.sandbox.tokens
    good = tokens.issue()
    async with Sandbox(cases=1) as other:
        foreign = other.tokens.issue()
    bad = [
        None,
        "",
        "Bearer",
        "Bearer x",
        f"Basic {good}",
        f"Bearer {foreign}",
        f"Bearer {good[:-4]}",
        f"Bearer {tokens.issue(lifetime=-1)}",
        f"Bearer {tokens.issue(valid_in=60)}",
    ]
    path = f"{http.sandbox.url}/collection/v1/orgs/{http.sandbox.organizations[0]}/cases"
    for authorization in bad:
        headers = {} if authorization is None else {"Authorization": authorization}
        async with http.session.get(path, headers=headers) as response:
            assert response.status == 401, authorization
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert (await response.json())["error"] == "unauthorized"
    async with http.session.get(path, headers={"Authorization": f"bearer {good}"}) as response:
        assert response.status == 200


@module
async def test_foreign_organizations(http):
    """An organization that the token gives no access to is 403, whether or not there is such a one."""
    first, second = http.sandbox.organizations
    client = Http(http.sandbox, http.session)
    client.authorization = f"Bearer {http.sandbox.tokens.issue(organizations=[first])}"
    assert (await client.get(f"/collection/v1/orgs/{first.upper()}/cases"))[0] == 200
    for organization in (second, "4f163819-178d-470c-a246-d6768476a6ec", "x"):
        status, body = await client.get(f"/collection/v1/orgs/{organization}/cases")
        assert (status, body["error"]) == (403, "forbidden")
    _, body = await client.get("/collection/v1/batches", {"PageSize": "1000"})
    assert {batch["organizationId"] for batch in body["data"]} == {first}
    foreign = next(http.sandbox.dataset.batches(second))["batchId"]
    assert (await client.get(f"/collection/v1/batches/{foreign}"))[0] == 404
    _, body = await client.get("/identity/refresh", method="POST")
    client.authorization = f"Bearer {body['access_token']}"
    assert (await client.get(f"/collection/v1/orgs/{second}/cases"))[0] == 403


@module
async def test_identity_operations(http):
    """A token can be verified and renewed, and the service asked for its health."""
    status, body = await http.get("/identity/verify")
    assert (status, body["active"], body["client_id"]) == (200, True, "sandbox")
    status, body = await http.get("/identity/refresh", method="POST")
    assert (status, body["token_type"]) == (200, "Bearer")
    nobody = Http(http.sandbox, http.session)
    assert (await nobody.get("/identity/verify"))[0] == 401
    assert (await nobody.get("/identity/refresh", method="POST"))[0] == 401
    assert (await nobody.get("/identity/health"))[0] == 200


@module
async def test_revocation():
    """Revoked tokens are refused, and a new one is good."""
    async with Sandbox(cases=1) as sandbox, aiohttp.ClientSession() as session:
        client = Http(sandbox, session)
        await client.login()
        assert (await client.page("cases"))[0] == 200
        sandbox.revoke_tokens()
        assert (await client.page("cases"))[0] == 401
        await client.login()
        assert (await client.page("cases"))[0] == 200
        assert sandbox.log.count("identity.token") == 2


# The server.


@module
async def test_unknown_paths(http):
    """Paths and methods that belong to no operation are 404, in JSON."""
    for path, method in (("/collection/v1/nothing", "GET"), ("/collection/v1/batches", "POST"), ("/orgs", "GET")):
        status, body = await http.get(path, method=method)
        assert (status, body["error"]) == (404, "not_found")


@module
async def test_says_that_its_data_is_invented(http):
    """Whoever looks at the sandbox in a browser is told that the data is invented."""
    async with http.session.get(http.sandbox.url) as response:
        assert "invented" in await response.text()
    _, body = await http.get("/_sandbox/")
    assert "invented" in body["notice"]


@module
async def test_listens_on_loopback(http):
    """The address is one of this machine, and the environment fits it."""
    assert http.sandbox.url.startswith("http://127.0.0.1:")
    assert http.sandbox.environment.url("collection") == f"{http.sandbox.url}/collection/v1"


@pytest.mark.asyncio
async def test_stops_at_once_and_cleanly():
    """A stop waits neither for idle connections nor for slow answers, and leaves no task, socket or warning."""
    before = asyncio.all_tasks()
    async with aiohttp.ClientSession() as session:
        async with Sandbox(cases=10, latency=30) as slow, Sandbox(cases=10) as sandbox:
            idle = Http(sandbox, session)
            await idle.login()
            waiting = asyncio.create_task(Http(slow, session).login())
            while not slow._api._in_flight:  # noqa: ASYNC110  # the server has no event for it
                await asyncio.sleep(0.001)
            url = sandbox.url
            started = time.monotonic()
        assert time.monotonic() - started < 1
        with pytest.raises(aiohttp.ClientError):
            await waiting
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
        assert asyncio.all_tasks() - before <= {asyncio.current_task()}
    gc.collect()


@pytest.mark.asyncio
async def test_starts_again_but_not_twice():
    """A sandbox that was stopped can be started again, one that runs cannot."""
    sandbox = Sandbox(cases=1)
    for _ in range(2):
        async with sandbox:
            with pytest.raises(Exception, match="is running"):
                await sandbox.start()
            async with aiohttp.ClientSession() as session:
                assert (await Http(sandbox, session).login())[0] == 200
    await sandbox.stop()


@pytest.mark.asyncio
async def test_port_in_use():
    """A port that is taken is an OSError, and leaves nothing behind."""
    async with Sandbox(cases=1) as sandbox:
        taken = int(sandbox.url.rpartition(":")[2])
        other = Sandbox(cases=1, port=taken)
        with pytest.raises(OSError, match="in use"):
            await other.start()
