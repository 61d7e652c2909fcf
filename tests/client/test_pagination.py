"""Lists: every row once, in order, whatever the pages look like; and resumable from anywhere."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from amili_async import Cursor, Operation, Page, Paging, RetryPolicy, errors
from amili_async.testing import Reply, json_reply

from .kit import ORG, Drifts, make_client, pages_by_token, query_of

pytestmark = pytest.mark.asyncio

THREE = [["a", "b"], ["c", "d"], ["e"]]


class Row(msgspec.Struct, rename="camel"):
    """A caller's own idea of a case."""

    case_id: str


def ids(rows):
    """Return the ids of cases."""
    return [row.case_id for row in rows]


@pytest.mark.parametrize("last", [None, "", "missing"])
@pytest.mark.parametrize("style", ["cursor", "cursor+skip"])
async def test_the_end_is_the_absence_of_a_token(last, style):
    """Null, empty and missing tokens alike end the list, in both envelopes."""
    serve = pages_by_token(THREE, style=style, last=None if last == "missing" else last)

    def handler(request):
        reply = serve(request)
        return reply._replace(body=reply.body.replace(b'"nextPageToken":null', b'"x":0')) if last == "missing" else reply

    async with make_client(handler) as amili:
        assert ids(await amili.collection.cases.list(ORG).collect()) == ["a", "b", "c", "d", "e"]
    assert len(amili.transport.requests) == 3


async def test_an_empty_page_with_a_token_does_not_end_the_list():
    """Rows behind empty pages are not lost."""
    async with make_client(pages_by_token([[], ["a"], [], [], ["b"], []])) as amili:
        assert ids([case async for case in amili.collection.cases.list(ORG)]) == ["a", "b"]


async def test_filters_go_with_every_token():
    """Each request repeats filters and page size, and carries the token of the page before."""
    async with make_client(pages_by_token(THREE)) as amili:
        await amili.collection.cases.list(ORG, status="OPEN", page_size=2).collect()
        queries = [query_of(request) for request in amili.transport.requests]
    assert [query.pop("PageToken", None) for query in queries] == [None, "t1", "t2"]
    assert queries == [{"Status": "OPEN", "PageSize": "2"}] * 3


async def test_awaiting_a_list_gives_the_first_page():
    """One request, its rows, the totals, and where to go on."""
    async with make_client(pages_by_token(THREE, style="skip")) as amili:
        page = await amili.collection.cases.list(ORG)
    assert isinstance(page, Page)
    assert (ids(page), page.number, page.total_count, page.total_pages, page.invalid) == (["a", "b"], 1, 5, 3, ())
    assert isinstance(page.resume, Cursor)
    assert len(amili.transport.requests) == 1
    assert repr(page) == "Page(number=1, items=<2>, invalid=<0>, total_count=5, total_pages=3, resume=set)"


@pytest.mark.parametrize("limit", range(8))
@pytest.mark.parametrize("ahead", [False, True])
async def test_limit_is_exact_and_fetches_nothing_more(limit, ahead):
    """limit= counts rows over all pages, and the page after the last needed one is not asked for."""
    async with make_client(pages_by_token(THREE)) as amili:
        pager = amili.collection.cases.list(ORG, limit=limit, page_size=2)
        if ahead:
            async with pager.prefetch(2) as pages:
                found = [case async for case in pages.items()]
                await asyncio.sleep(0)
        else:
            found = await pager.collect()
    assert ids(found) == ["a", "b", "c", "d", "e"][:limit]
    assert len(amili.transport.requests) == min(-(-limit // 2), 3)


async def test_limit_without_page_size_reads_ahead_only_when_needed():
    """Where the API takes no page size, a limited list does not run ahead of its verdict."""

    def handler(request):
        number = int(query_of(request).get("PageToken", 0))
        return json_reply({"data": [{"id": f"i{number}"}], "summary": {"nextPageToken": str(number + 1)}})

    async with make_client(handler) as amili, amili.collection.invoices.list(ORG, limit=3).prefetch(4) as pages:
        found = [invoice.id async for invoice in pages.items()]
    assert (found, len(amili.transport.requests)) == (["i0", "i1", "i2"], 3)


async def test_a_limited_page_can_be_resumed_in_its_middle():
    """The cursor of a page cut short by a limit skips exactly the rows that were handed out."""
    async with make_client(pages_by_token(THREE)) as amili:
        taken, resume = [], None
        for _ in range(6):
            pages = [page async for page in amili.collection.cases.list(ORG, limit=1, page_size=2).pages(resume=resume)]
            taken += [case.case_id for page in pages for case in page]
            resume = pages[-1].resume and str(pages[-1].resume)
            if resume is None:
                break
    assert taken == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("ahead", [False, True])
async def test_a_repeated_token_is_a_loop(ahead):
    """A token seen before ends in PageLoop; the page that bore it is not handed out, and a resume gets exactly the rest."""
    bad = True

    def handler(request):
        token = query_of(request).get("PageToken")
        following = {None: "x", "x": "y", "y": "x" if bad else None}[token]
        return json_reply({"data": [{"caseId": str(token)}], "summary": {"nextPageToken": following}})

    got = []
    async with make_client(handler) as amili:
        pager = amili.collection.cases.list(ORG)
        with pytest.raises(errors.PageLoop) as caught:
            if ahead:
                async with pager.prefetch(3) as pages:
                    async for page in pages:
                        got += ids(page)
            else:
                async for case in pager:
                    got.append(case.case_id)
        assert got == ["None", "x"]
        bad = False
        async for page in pager.pages(resume=str(caught.value.resume)):
            got += ids(page)
    assert got == ["None", "x", "y"]
    assert caught.value.path == "/orgs/{organizationId}/cases"


async def test_skip_only_answers_are_walked_by_number():
    """Without tokens the walk goes on by page number, under the name that the environment sets."""

    def handler(request):
        number = int(query_of(request).get("Page", 1))
        skip = {"totalCount": 3, "currentPage": number, "totalPages": 3, "hasNextPage": number < 3}
        return json_reply({"data": [{"caseId": f"c{number}"}], "skipSummary": skip})

    async with make_client(handler) as amili:
        assert ids(await amili.collection.cases.list(ORG).collect()) == ["c1", "c2", "c3"]
        async with amili.collection.cases.list(ORG).prefetch(2) as pages:
            assert [case.case_id async for case in pages.items()] == ["c1", "c2", "c3"]
        got, resume = [], None
        async for page in amili.collection.cases.list(ORG).pages():
            got, resume = ids(page), str(page.resume)
            break
        async for page in amili.collection.cases.list(ORG).pages(resume=resume):
            got += ids(page)
        assert got == ["c1", "c2", "c3"]
        with pytest.raises(errors.CursorMismatch):
            amili.collection.cases.list(ORG, page_size=7).pages(resume=resume)


async def test_a_server_without_page_numbers_does_not_loop():
    """A server that ignores the page number sends page 1 again: an error, not endless rows."""
    skip = {"totalCount": 3, "currentPage": 1, "hasNextPage": True}
    async with make_client(lambda _: json_reply({"data": [{"caseId": "c1"}], "skipSummary": skip})) as amili:
        with pytest.raises(errors.PageLoop):
            await amili.collection.cases.list(ORG).collect()
    assert len(amili.transport.requests) == 2


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_refused_token_is_an_expired_cursor(status):
    """A 4xx on a token that the server gave says that it is too old; the answer's facts are kept."""

    def handler(request):
        return Reply(status, {"x-request-id": "r1"}, b"") if "PageToken" in query_of(request) else pages_by_token(THREE)(request)

    async with make_client(handler) as amili:
        with pytest.raises(errors.CursorExpired, match="start the list again") as caught:
            await amili.collection.cases.list(ORG).collect()
    assert (caught.value.status, caught.value.request_id) == (status, "r1")
    assert caught.value.resume.token == "t1"


async def test_a_refusal_of_the_first_page_is_what_it_is():
    """Without a token a 400 is about the request."""
    async with make_client([Reply(400, {}, b"")]) as amili:
        with pytest.raises(errors.BadRequest) as caught:
            await amili.collection.cases.list(ORG)
        assert caught.value.resume is not None


async def test_cursors_fit_one_list_only():
    """Other filters, another organization, another operation: CursorMismatch before anything is sent."""
    async with make_client(pages_by_token(THREE)) as amili:
        resume = (await amili.collection.cases.list(ORG, status="OPEN")).resume
        sent = len(amili.transport.requests)
        for other in (
            amili.collection.cases.list(ORG),
            amili.collection.cases.list(ORG, status="PAUSED"),
            amili.collection.cases.list("other", status="OPEN"),
            amili.collection.settlements.list(ORG),
        ):
            with pytest.raises(errors.CursorMismatch):
                other.pages(resume=resume)
            with pytest.raises(errors.CursorMismatch):
                other.prefetch(resume=str(resume))
        assert len(amili.transport.requests) == sent
        rest = [ids(page) async for page in amili.collection.cases.list(ORG, status="OPEN", limit=9).pages(resume=resume)]
    assert rest == [["c", "d"], ["e"]]


@pytest.mark.parametrize("ahead", [False, True])
async def test_failed_pages_carry_their_cursor(ahead):
    """Whatever fails, `resume` on the error delivers exactly the rest, also when iterating items."""
    fail = True

    def handler(request):
        if fail and query_of(request).get("PageToken") == "t2":
            return Reply(500, {}, b"")
        return pages_by_token(THREE)(request)

    got = []
    async with make_client(handler) as amili:
        pager = amili.collection.cases.list(ORG)
        with pytest.raises(errors.ServerError) as caught:
            if ahead:
                async with pager.prefetch(2) as pages:
                    async for case in pages.items():
                        got.append(case.case_id)
            else:
                async for case in pager:
                    got.append(case.case_id)
        assert got == ["a", "b", "c", "d"]
        assert (caught.value.resume.pages, caught.value.resume.rows) == (2, 4)
        fail = False
        rest = [(page.number, ids(page)) async for page in pager.pages(resume=caught.value.resume)]
    assert rest == [(3, ["e"])]


async def test_iteration_goes_on_after_an_error():
    """Pages asked for again after an error are the same ones; a page that was handed out does not come again."""
    fail = True

    def handler(request):
        nonlocal fail
        if fail and query_of(request).get("PageToken") == "t1":
            fail = False
            return errors.OutcomeUnknownError("lost")
        return pages_by_token(THREE)(request)

    async with make_client(handler, retry=RetryPolicy(attempts=1)) as amili:
        items = aiter(amili.collection.cases.list(ORG))
        got = [(await anext(items)).case_id for _ in range(2)]
        with pytest.raises(errors.OutcomeUnknownError):
            await anext(items)
        got += [case.case_id async for case in items]
    assert got == ["a", "b", "c", "d", "e"]


MIXED = {
    "data": [
        {"caseId": "a", "status": "NEW_STATUS", "caseNumber": "0012", "extra": {"deep": [1]}},
        {"status": "OPEN"},
        {"caseId": "c", "invoices": [{"currency": {}, "dueDate": "2026-01-01"}], "registeredAt": "2026-01-01T10:00:00.1234567"},
        {"caseId": "d", "remainingAmount": "x'Ola'"},
        None,
    ],
    "summary": {},
}


async def test_bad_rows_raise_with_place_and_id():
    """By default the first bad row is an error that names index and id, with the cursor of its page; no value is quoted."""
    rows = {**MIXED, "data": [row for row in MIXED["data"] if row is None or "caseId" in row]}
    async with make_client([json_reply(rows)]) as amili:
        with pytest.raises(errors.DecodeError, match=r"item 2 of the page \(id d\)") as caught:
            await amili.collection.cases.list(ORG).collect()
    assert (caught.value.index, caught.value.item_id, caught.value.damaged) == (2, "d", False)
    assert caught.value.resume is not None
    assert "Ola" not in str(caught.value)


async def test_bad_rows_can_be_set_aside():
    """on_invalid="collect" delivers the good rows and keeps the bad ones with their bytes; odd but readable rows are good."""
    async with make_client([json_reply(MIXED)]) as amili:
        page = await amili.collection.cases.list(ORG, on_invalid="collect")
    first, second = page.items
    assert (first.case_id, first.status, first.status.known, first.case_number) == ("a", "NEW_STATUS", False, "0012")
    assert second.registered_at.isoformat() == "2026-01-01T10:00:00.123457"
    assert second.invoices[0].due_date.isoformat() == "2026-01-01T00:00:00"
    assert not second.invoices[0].currency
    assert [(bad.index, bad.id) for bad in page.invalid] == [(1, None), (3, "d"), (4, None)]
    assert json.loads(page.invalid[1].raw) == MIXED["data"][3]
    assert "Ola" not in repr(page.invalid)


async def test_rows_decode_into_the_callers_model():
    """model= projects rows into another Struct; raw() leaves them as bytes that outlive the page."""
    async with make_client(pages_by_token(THREE)) as amili:
        pager = amili.collection.cases.list(ORG, model=Row)
        assert [row async for row in pager] == [Row(name) for names in THREE for name in names]
        raws = [raw async for raw in amili.collection.cases.list(ORG).raw()]
        parts = [raw async for raw in amili.collection.cases.list(ORG).raw(copy=False)]
    assert [bytes(raw) for raw in raws] == [json.dumps({"caseId": name}, separators=(",", ":")).encode() for name in "abcde"]
    assert parts == raws


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"summary": {}}', b'{"error": "x"}', b"[]", b'{"data": {}}', b'{"data": [], "summary": 5}', b"null", b'"x"'],
)
async def test_what_is_no_page_is_not_taken_for_an_empty_one(body):
    """An answer without a list of rows is an error, not the end of the list."""
    async with make_client([Reply(200, {}, body)]) as amili:
        with pytest.raises(errors.DecodeError):
            await amili.collection.cases.list(ORG).collect()


async def test_null_rows_and_no_content_are_empty_pages():
    """`"data": null` is an empty page, and reported as odd; so is 204, which is not, unless there was to be a page."""
    hooks = Drifts()
    replies = [Reply(204, {}, b""), json_reply({"data": None, "summary": {"nextPageToken": "x"}}), *[Reply(204, {}, b"")] * 2]
    async with make_client(replies, hooks=hooks) as amili:
        assert await amili.collection.cases.list(ORG).collect() == []
        assert hooks.kinds == []
        assert await amili.collection.cases.list(ORG).collect() == []
    assert hooks.kinds == ["null_data", "nothing_behind_token"]


@pytest.mark.parametrize("way", ["pages", "prefetch"])
@pytest.mark.parametrize(
    "nothing",
    [Reply(204, {}, b""), json_reply({"data": [], "summary": {"status": "ERROR"}}), json_reply({"data": None, "summary": {}})],
)
async def test_a_page_that_was_promised_is_asked_for_again(nothing, way):
    """Nothing behind a token, and no totals to check it by, may be a slip: the list does not end there."""
    hooks = Drifts()
    pages = [
        json_reply({"data": [{"caseId": "a"}], "summary": {"nextPageToken": "x"}}),
        nothing,
        json_reply({"data": [{"caseId": "b"}], "summary": {"nextPageToken": "y"}}),
        json_reply({"data": [{"caseId": "c"}], "summary": {}}),
    ]
    async with make_client(pages, hooks=hooks) as amili:
        pager = amili.collection.cases.list(ORG)
        if way == "pages":
            found = await pager.collect()
        else:
            async with pager.prefetch() as ahead:
                found = [case async for case in ahead.items()]
    assert [case.case_id for case in found] == ["a", "b", "c"]
    assert "nothing_behind_token" not in hooks.kinds


async def test_drift_is_reported_and_nothing_lost(caplog):
    """A total that moves and rows that miss are events and log lines; the rows come all the same."""
    hooks = Drifts()
    replies = [
        json_reply({"data": [{"caseId": "a"}], "skipSummary": {"totalCount": 3}, "cursorSummary": {"nextPageToken": "x"}}),
        json_reply({"data": [{"caseId": "b"}], "skipSummary": {"totalCount": 4}, "cursorSummary": {}}),
    ]
    async with make_client(replies, hooks=hooks) as amili:
        assert ids(await amili.collection.cases.list(ORG).collect()) == ["a", "b"]
    assert hooks.kinds == ["total_moved", "rows_differ_from_total"]
    assert "rows_differ_from_total (expected 4, found 2)" in caplog.text


async def test_two_tasks_cannot_share_an_iteration():
    """Each would miss what the other gets, so it is an error."""
    async with make_client(pages_by_token(THREE)) as amili:
        pages = amili.collection.cases.list(ORG).pages()
        results = await asyncio.gather(anext(pages), anext(pages), return_exceptions=True)
    assert isinstance(results[0], Page)
    assert isinstance(results[1], RuntimeError)


async def test_cancelling_a_page_loses_nothing():
    """After a cancelled fetch the same page comes next."""
    hold = asyncio.Event()

    async def handler(request):
        await hold.wait()
        return pages_by_token(THREE)(request)

    async with make_client(handler) as amili:
        pages = amili.collection.cases.list(ORG).pages()
        fetching = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        hold.set()
        assert [ids(page) async for page in pages] == THREE


@pytest.mark.parametrize(
    ("method", "values"),
    [("list", {"page_size": 0}), ("list", {"limit": -1}), ("list", {"on_invalid": "skip"}), ("prefetch", 0), ("concurrent", 0)],
)
async def test_numbers_of_a_list_must_make_sense(method, values):
    """Wrong sizes and modes are said before anything is sent."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError):
            if method == "list":
                amili.collection.cases.list(ORG, **values)
            else:
                getattr(amili.collection.cases.list(ORG), method)(values)


async def test_lists_by_token_cannot_be_read_concurrently():
    """The address of a page is in the page before it, and the error says what to use instead."""
    async with make_client([]) as amili:
        pager = amili.collection.cases.list(ORG)
        with pytest.raises(errors.ConfigError, match="prefetch"):
            pager.concurrent(4)
        assert repr(pager) == "Pager(collection.cases.list)"


NUMBERED = Operation(
    name="collection.test.list",
    method="GET",
    path="/clients/{clientno}/customers",
    evidence="docs",
    source="",
    summary="",
    response=Row,
    retry_safe=True,
    paging=Paging(style="query-page", items="customers", query_param="query", page_param="pageno", size_param="pagesize"),
)


def numbered(amili, **settings):
    """Return a list of numbered pages."""
    return amili._calls.list(NUMBERED, 2218, filters={"name": "x"}, model=None, **settings)


def pages_by_number(pages, *, links=True):
    """Serve pages of a kept query, counted from 1."""

    def handler(request):
        query = query_of(request)
        number = int(query.get("pageno", 1))
        assert query.get("query") == (None if number == 1 else "Q")
        assert ("name" in query) is (number == 1)
        summary = {"pageNo": number, "totalPages": len(pages), "totalCount": sum(map(len, pages)), "queryId": "Q"}
        if links and number < len(pages):
            summary["nextPage"] = f"http://127.0.0.1:1/arm/v1/clients/2218/customers?query=Q&pageno={number + 1}"
        return json_reply({"summary": summary, "customers": [{"caseId": row} for row in pages[number - 1]]})

    return handler


TEN = [[f"r{page}{row}" for row in range(2)] for page in range(10)]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("way", ["sequential", "prefetch", "concurrent"])
async def test_numbered_pages_come_in_order_however_they_are_read(way, links):
    """Sequentially, read ahead or several at once: the same rows in the same order, each page fetched once."""
    async with make_client(pages_by_number(TEN, links=links)) as amili:
        pager = numbered(amili)
        if way == "sequential":
            found = await pager.collect()
        else:
            async with getattr(pager, way)(4) as pages:
                found = [row async for row in pages.items()]
    assert ids(found) == [row for page in TEN for row in page]
    assert len(amili.transport.requests) == 10


async def test_concurrent_keeps_to_its_number():
    """Never more requests in flight than allowed, and more than one when there is something to fetch."""
    inside = most = 0

    async def handler(request):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _ in range(3):
            await asyncio.sleep(0)
        inside -= 1
        return pages_by_number(TEN)(request)

    async with make_client(handler) as amili, numbered(amili).concurrent(3) as pages:
        assert [page.number async for page in pages] == list(range(1, 11))
    assert most == 3


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 99])
async def test_concurrent_limit_fetches_nothing_more(limit):
    """A limit bounds the window."""
    async with make_client(pages_by_number(TEN)) as amili, numbered(amili, limit=limit, page_size=2).concurrent(4) as pages:
        found = [row async for row in pages.items()]
    assert len(found) == min(limit, 20)
    assert len(amili.transport.requests) == min(-(-limit // 2), 10)


async def test_concurrent_failure_comes_in_its_turn_and_resumes():
    """The pages before a failed one are handed out, its cursor delivers exactly the rest, nothing is left running."""
    fail = True

    def handler(request):
        return Reply(403, {}, b"") if fail and query_of(request).get("pageno") == "5" else pages_by_number(TEN)(request)

    got = []
    async with make_client(handler) as amili:
        with pytest.raises(errors.Forbidden) as caught:
            async with numbered(amili).concurrent(4) as pages:
                async for page in pages:
                    got += ids(page)
        assert got == [row for page in TEN[:4] for row in page]
        fail = False
        async with numbered(amili).concurrent(4, resume=str(caught.value.resume)) as pages:
            got += [row.case_id async for row in pages.items()]
    assert got == [row for page in TEN for row in page]
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("way", ["prefetch", "concurrent"])
async def test_damage_in_a_page_read_ahead_is_mended(way):
    """A body that proves damaged only when it is decoded is fetched again in its turn."""
    hurt = {"3"}

    def handler(request):
        reply = pages_by_number(TEN)(request)
        number = query_of(request).get("pageno")
        if number in hurt:
            hurt.discard(number)
            return reply._replace(body=reply.body.replace(b'"customers":[', b'"customers":[?'))
        return reply

    async with make_client(handler) as amili, getattr(numbered(amili), way)(3) as pages:
        assert [row.case_id async for row in pages.items()] == [row for page in TEN for row in page]
    assert not hurt


async def test_links_to_a_foreign_origin_are_refused():
    """A nextPage that points elsewhere is an error; nothing is sent there."""

    def handler(request):
        summary = {"pageNo": 1, "totalPages": 2, "nextPage": "https://evil.example/arm?query=Q&pageno=2"}
        return json_reply({"summary": summary, "customers": []})

    async with make_client(handler) as amili:
        with pytest.raises(errors.PaginationError, match="foreign origin"):
            await numbered(amili).collect()
    assert len(amili.transport.requests) == 1


@pytest.mark.parametrize("depth", [1, 2, 5])
async def test_prefetch_keeps_to_its_depth(depth):
    """At most `depth` pages are fetched or in flight beyond the one handed out."""
    pages_served = [[f"r{number}"] for number in range(12)]
    async with make_client(pages_by_token(pages_served)) as amili, amili.collection.cases.list(ORG).prefetch(depth) as pages:
        async for page in pages:
            for _ in range(30):
                await asyncio.sleep(0)
            assert len(amili.transport.requests) == min(page.number + depth, 12)


@pytest.mark.parametrize("way", ["prefetch", "concurrent"])
async def test_leaving_early_leaves_nothing_running(way):
    """break, an exception or a cancellation inside `async with` ends the work ahead."""
    async with make_client(pages_by_number(TEN)) as amili:
        async with getattr(numbered(amili), way)(3) as pages:
            async for _ in pages:
                break
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(ZeroDivisionError):
            async with getattr(numbered(amili), way)(3) as pages:
                async for _ in pages:
                    raise ZeroDivisionError
        assert len(asyncio.all_tasks()) == 1
        with pytest.raises(RuntimeError, match="async with"):
            await anext(pages)


@pytest.mark.parametrize("way", ["prefetch", "concurrent"])
async def test_a_cancelled_wait_for_a_page_read_ahead_loses_nothing(way):
    """A time-out around one page, and then going on, delivers every row once."""
    hold = asyncio.Event()

    async def handler(request):
        if query_of(request).get("pageno") == "2":
            await hold.wait()
        return pages_by_number(TEN)(request)

    got = []
    async with make_client(handler) as amili, getattr(numbered(amili), way)(3) as pages:
        got += ids(await anext(pages))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.005):
                    await anext(pages)
        hold.set()
        async for page in pages:
            got += ids(page)
    assert got == [row for page in TEN for row in page]


async def test_errors_read_ahead_are_raised_again():
    """After an error the pages do not pretend that the list has ended."""
    async with make_client([Reply(403, {}, b"")]) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        for _ in range(2):
            with pytest.raises(errors.Forbidden):
                await anext(pages)
