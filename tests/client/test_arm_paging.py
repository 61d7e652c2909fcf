"""Lists that the server keeps under a query id: every row once, in order, whatever it says about pages and totals."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amili_async import AmiliClient, Environment, RetryPolicy, StaticToken, errors
from amili_async.structs import decode
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

from .kit import Drifts, damaged, make_client, query_of

pytestmark = [pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

URL = "http://127.0.0.1:1/arm/v1/clients/2218/customers"
ID = "8NlwdOIM1YLVFApvQFONTw"
WAYS = ["pages", "prefetch", "concurrent"]
TEN = [[f"{page}-{row}" for row in range(3)] for page in range(10)]


def served(pages, *, key="customers", tamper=lambda _number, summary: summary):
    """Serve the pages of a kept query; `tamper` changes what the summary of a page says."""

    def handler(request):
        query = query_of(request)
        number = int(query.get("pageno", 1))
        assert query.get("query") == (None if number == 1 and "query" not in query else ID)
        if number > len(pages):
            return json_reply({"status": 404, "result": "FAILED"}, 404)
        summary = {
            "pageNo": number,
            "currentPageSize": len(pages[number - 1]),
            "pageSizeLimit": 3,
            "totalPages": len(pages),
            "totalCount": sum(map(len, pages)),
            "maximumCount": 10_000,
            "queryId": ID,
        }
        if number < len(pages):
            summary["nextPage"] = f"{URL}?query={ID}&pageno={number + 1}"
        rows = [{"customerNo": row, "new": row} for row in pages[number - 1]]
        return json_reply({"summary": tamper(number, summary), key: rows})

    return handler


def without(*names):
    """Leave members of every summary out."""
    return lambda _, summary: {name: value for name, value in summary.items() if name not in names}


async def collect(pages, into, stop):
    """Keep pages up to one of a number."""
    async for page in pages:
        into.append(page)
        if page.number >= stop:
            break


async def read(pager, way, *, depth=4, resume=None, into=None, stop=1_000):
    """Read a list in one of the ways; return its pages, or put them where they are wanted."""
    found = [] if into is None else into
    if way == "pages":
        await collect(pager.pages(resume=resume), found, stop)
    else:
        async with getattr(pager, way)(depth, resume=resume) as pages:
            await collect(pages, found, stop)
    return found


def names(pages):
    """Return the rows of pages, and see that what is unknown of a row came along."""
    found = [row for page in pages for row in page]
    assert all(row.extra == {"new": row.customer_no} for row in found)
    return [row.customer_no for row in found]


def flat(pages):
    """Return all rows that are served."""
    return [row for page in pages for row in page]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("link", ["absolute", "relative", "path", "missing", "null", "empty"])
async def test_every_form_of_a_link_leads_on(way, link):
    """Links of all harmless kinds are understood, and where there are none the numbers do."""
    forms = {
        "absolute": lambda text: text,
        "relative": lambda text: text.partition("/customers")[2],
        "path": lambda text: text.partition(":1")[2],
        "null": lambda _: None,
        "empty": lambda _: "",
    }

    def tamper(_, summary):
        if link == "missing":
            summary.pop("nextPage", None)
        else:
            summary["nextPage"] = forms[link](summary["nextPage"]) if "nextPage" in summary else None
        return summary

    async with make_client(served(TEN, tamper=tamper)) as amili:
        pages = await read(amili.arm.customers.list(2218), way)
    assert names(pages) == flat(TEN)
    assert [page.number for page in pages] == list(range(1, 11))
    assert pages[-1].resume is None
    assert len(amili.transport.requests) == 10


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "link",
    [
        f"https://evil.example/arm/v1/clients/2218/customers?query={ID}&pageno=3",
        f"https://127.0.0.1:1/arm/v1/clients/2218/customers?query={ID}&pageno=3",
        f"http://127.0.0.1:2/arm/v1/clients/2218/customers?query={ID}&pageno=3",
        f"http://127.0.0.1:1@evil.example/?query={ID}&pageno=3",
        f"//evil.example/?query={ID}&pageno=3",
        f"file:///etc?query={ID}&pageno=3",
        "http://[::1?query=Q&pageno=3",
    ],
)
async def test_links_to_elsewhere_are_refused(way, link):
    """Another host, port or scheme gets no request; the pages before it are handed out."""

    def tamper(number, summary):
        return {**summary, "nextPage": link} if number == 2 else summary

    got = []
    async with make_client(served(TEN, tamper=tamper)) as amili:
        pager = amili.arm.customers.list(2218)
        with pytest.raises(errors.PaginationError, match="foreign origin") as caught:
            await read(pager, way, depth=1, into=got)
    assert names(got) == TEN[0]
    assert caught.value.resume is not None
    assert all(request.url.startswith(URL) for request in amili.transport.requests)


@pytest.mark.asyncio
async def test_a_downgraded_link_is_foreign():
    """A link to http where https is configured leads to another origin."""
    link = f"http://api.staging.amili.no/arm/v1/clients/2218/customers?query={ID}&pageno=2"
    transport = FakeTransport([json_reply({"summary": {"pageNo": 1, "totalPages": 2, "nextPage": link}, "customers": []})])
    settings_ = {"environment": Environment.STAGING, "transport": transport, "clock": FakeClock()}
    async with AmiliClient(StaticToken("t"), **settings_) as amili:
        with pytest.raises(errors.PaginationError, match="foreign origin"):
            await amili.arm.customers.list(2218).collect()
    assert len(transport.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_the_id_in_the_link_counts(way):
    """A link may name another query than the summary, in a case of its own; it is followed as it is."""
    pages = {"1": ["a"], "2": ["b"], "3": ["c"]}

    def handler(request):
        query = query_of(request)
        number = int(query.get("pageno", "1"))
        if query.get("query") != (None if number == 1 else f"q{'Qq'[number % 2]}{number}"):
            return Reply(404, {}, b"")
        summary = {"pageNo": number, "totalPages": 3, "queryId": "other"}
        if number < 3:
            following = number + 1
            summary["nextPage"] = f"?PageNo={following}&Query=q{'Qq'[following % 2]}{following}"
        return json_reply({"summary": summary, "customers": [{"customerNo": row} for row in pages[str(number)]]})

    async with make_client(handler) as amili:
        found = await read(amili.arm.customers.list(2218), way, depth=1)
    assert [row.customer_no for page in found for row in page] == ["a", "b", "c"]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_a_link_cannot_leave_pages_out(way):
    """A link that jumps over a page is reported, and the page between is fetched."""
    hooks = Drifts()

    def tamper(number, summary):
        return {**summary, "nextPage": f"?query={ID}&pageno=5"} if number == 2 else summary

    async with make_client(served(TEN, tamper=tamper), hooks=hooks) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(TEN)
    assert hooks.all == [("page_skipped", 3, 5)]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("back", [1, 3])
async def test_a_link_that_leads_back_is_a_loop(way, back):
    """Neither the same page nor an earlier one is delivered again, after a resumption either."""

    def tamper(number, summary):
        return {**summary, "nextPage": f"?query={ID}&pageno={back}"} if number == 3 else summary

    async with make_client(served(TEN, tamper=tamper)) as amili:
        pager = amili.arm.customers.list(2218)
        first = await pager.pages().__anext__()
        with pytest.raises(errors.PageLoop):
            await read(pager, way)
        with pytest.raises(errors.PageLoop):
            await read(pager, way, resume=str(first.resume))


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [True, False])
async def test_an_answer_for_another_page_is_a_loop(way, told):
    """A server that does not understand the number is found out, by the number that it says or by sending the same again."""

    def handler(request):
        number = query_of(request).get("pageno", "1")
        request = request._replace(url=request.url.replace(f"pageno={number}", "pageno=1"))
        return served(TEN, tamper=without("nextPage", *([] if told else ["pageNo"])))(request)

    async with make_client(handler) as amili:
        with pytest.raises(errors.PageLoop):
            await read(amili.arm.customers.list(2218), way)


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_pages_without_numbers_are_walked_by_links(way):
    """A summary that tells nothing but the next page is enough."""
    tell = without("pageNo", "totalPages", "totalCount", "maximumCount", "queryId", "pageSizeLimit", "currentPageSize")
    async with make_client(served(TEN, tamper=tell)) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(TEN)


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "pages",
    [
        [["a", "b", "c"], [], ["d"]],
        [[], [], ["a"]],
        [["a"], ["b", "c", "d", "e"], ["f"], ["g", "h"]],
        [["a", "b"], ["c", "d"], []],
        [[]],
    ],
)
async def test_pages_of_any_size_are_read(way, pages):
    """Empty pages in the middle, growing and shrinking ones: every row once, in order, nothing odd about it."""
    hooks = Drifts()
    async with make_client(served(pages), hooks=hooks) as amili:
        found = await read(amili.arm.customers.list(2218, page_size=3), way)
    assert names(found) == flat(pages)
    assert [page.total_count for page in found] == [len(flat(pages))] * len(pages)
    assert hooks.kinds == []
    assert not any(page.cut_off for page in found)


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("then", "count"), [(12, 12), (6, 6), (3, 5)])
async def test_a_list_that_grows_or_shrinks_meanwhile_is_followed(way, then, count):
    """The number of pages is that of the last answer: further ones are fetched, and there is no need of those that are gone."""
    grown = [[str(page)] for page in range(12)]

    def tamper(number, summary):
        total = 10 if number < 5 else then
        summary |= {"totalPages": total, "totalCount": total}
        if number >= total:
            summary.pop("nextPage", None)
        return summary

    async with make_client(served(grown, tamper=tamper)) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(grown[:count])


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_the_last_number_ends_the_list(way):
    """The number of pages ends it, although there is a link, if all rows have come; else the link is followed and reported."""
    hooks = Drifts()

    def tamper(number, summary):
        return {**summary, "nextPage": f"?query={ID}&pageno={number + 1}"}

    async with make_client(served(TEN, tamper=tamper), hooks=hooks) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(TEN)
        assert hooks.kinds == []

    def shrunk(_, summary):
        return {**summary, "totalPages": 9}

    async with make_client(served(TEN, tamper=shrunk), hooks=hooks) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(TEN)
    assert hooks.all == [("page_after_last", 9, 10)]


@pytest.mark.asyncio
async def test_a_smaller_page_than_asked_for_is_normal():
    """The size in force is the server's affair; it is asked for once."""
    async with make_client(served(TEN)) as amili:
        assert names(await read(amili.arm.customers.list(2218, page_size=900), "concurrent")) == flat(TEN)
    assert [query_of(request).get("pagesize") for request in amili.transport.requests] == ["900", *[None] * 9]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [1, 2, 6, 10])
async def test_a_failed_page_is_the_first_of_the_rest(way, number):
    """The pages before it are handed out, and its cursor delivers exactly the rest, however that is read."""
    broken = [True]

    def handler(request):
        if broken and int(query_of(request).get("pageno", 1)) == number:
            return Reply(403, {}, b"")
        return served(TEN)(request)

    got = []
    async with make_client(handler) as amili:
        pager = amili.arm.customers.list(2218, filters={"name": "x"})
        with pytest.raises(errors.Forbidden) as caught:
            await read(pager, way, into=got)
        broken.clear()
        rest = await read(pager, "concurrent" if way == "pages" else "pages", resume=str(caught.value.resume))
        with pytest.raises(errors.CursorMismatch):
            amili.arm.customers.list(2218, filters={"name": "y"}).pages(resume=str(caught.value.resume))
    assert names(got) == flat(TEN[: number - 1])
    assert names(rest) == flat(TEN[number - 1 :])
    assert [page.number for page in rest] == list(range(number, 11))
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_an_expired_query_says_so(way, status):
    """A refused query id is CursorExpired; the same status on the first page is what it is."""

    def handler(request):
        return Reply(status, {}, b"") if query_of(request).get("pageno") == "4" else served(TEN)(request)

    async with make_client(handler) as amili:
        with pytest.raises(errors.CursorExpired) as caught:
            await read(amili.arm.customers.list(2218), way)
    assert caught.value.status == status
    async with make_client([Reply(status, {}, b"")]) as amili:
        with pytest.raises(errors.ApiError):
            await read(amili.arm.customers.list(2218), way)


@pytest.mark.asyncio
async def test_rows_under_another_key_are_found(caplog):
    """The only list beside the summary is taken for the rows, in every way of reading, and that is reported once."""
    hooks = Drifts()
    async with make_client(served(TEN, key="arItemRows"), hooks=hooks) as amili:
        for way in WAYS:
            pages = await read(amili.arm.ar_items.list(2218), way)
            assert [row.customer_no for page in pages for row in page] == flat(TEN)
        raws = await amili.arm.ar_items.list(2218).raw().collect()
    assert bytes(raws[0]) == b'{"customerNo":"0-0","new":"0-0"}'
    assert hooks.all == [("rows_under_another_key", "arItems", "arItemRows")] * 4
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"summary": {}, "x-y": [{"a": 1}]}', 1),
        (b'  [{"a": 1}, {"a": 2}]', 2),
        (rb'{"summary": {"queryId": "\ud800"}, "\ud800": 1, "rows": [{"a": 1}]}', 1),
        (b'{"summary": null, "rows": [], "errors": ["x"], "meta": {"list": [1]}}', 0),
        (b'{"rows": [{"a": 1}, {"arItemId": [1]}]}', None),
    ],
)
async def test_rows_are_found_wherever_they_can_be_meant(body, rows):
    """A bare list is one page; what an answer says of errors is no row; odd rows are found there, too."""
    hooks = Drifts()
    async with make_client([Reply(200, {}, body)] * 2, hooks=hooks) as amili:
        if rows is None:
            with pytest.raises(errors.DecodeError, match="item 1 of the page"):
                await amili.arm.ar_items.list(2218)
        else:
            assert len(await amili.arm.ar_items.list(2218)) == rows
            async with amili.arm.ar_items.list(2218).prefetch() as pages:
                assert [len(page) async for page in pages] == [rows]
            assert hooks.kinds == ["rows_under_another_key"] * 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "match"),
    [
        (b"{}", "no other list"),
        (b'{"summary": {"totalCount": 5}, "rows": {"a": []}}', "no other list"),
        (b'{"errors": [{"field": "x"}], "warnings": [], "result": "FAILED"}', "no other list"),
        (b'{"rows": [1], "others": [2]}', "more than one other list"),
        (b'{"summary": [1]}', "promised shape"),
        (b"5", "promised shape"),
        (b'{"arItems": 5}', "promised shape"),
        (b'{"arItems": [{"a": 1}', "not JSON"),
        (b'[{"a": 1}', "not JSON"),
    ],
)
async def test_what_is_no_page_of_a_kept_query_is_not_taken_for_one(body, match):
    """None or several lists that could be meant, or no object at all: an error that says so, not an empty list."""
    async with make_client(lambda _: Reply(200, {}, body)) as amili:
        with pytest.raises(errors.DecodeError, match=match):
            await amili.arm.ar_items.list(2218)


def capped(cap, *, beyond, told=True):
    """Tamper with summaries as a server does that cuts results off: totals count what it keeps, or all that there is."""

    def tamper(_, summary):
        summary["maximumCount"] = cap
        if beyond:
            summary |= {"totalCount": 28_000, "totalPages": 9_334}
        if not told:
            del summary["maximumCount"]
        return summary

    return tamper


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("beyond", [False, True])
@pytest.mark.parametrize("links", [True, False])
async def test_a_list_that_is_cut_off_is_reported(way, beyond, told, links, caplog):
    """Every page says so, the hook and the log once, whatever the total counts and whoever names the maximum."""
    hooks = Drifts()
    cut = capped(30, beyond=beyond, told=told)

    def tamper(number, summary):
        return cut(number, summary if links else without("nextPage")(number, summary))

    async with make_client(served(TEN, tamper=tamper), hooks=hooks) as amili:
        pages = await read(amili.arm.customers.list(2218, maximum_count=30), way)
        assert query_of(amili.transport.requests[0])["maximumcount"] == "30"
        assert all("maximumcount" not in query_of(request) for request in amili.transport.requests[1:])
    assert names(pages) == flat(TEN)
    assert [page.cut_off for page in pages] == [True] * 10
    assert "cut_off=True" in repr(pages[0])
    assert hooks.all == [("cut_off", 30, 28_000 if beyond else 30)]
    assert [(record.levelno, "cut_off" in record.message) for record in caplog.records] == [(logging.WARNING, True)]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_a_cut_is_seen_without_totals(way):
    """Where the server tells no total, it is seen when as many rows have come as were asked for at most."""
    hooks = Drifts()
    tamper = without("totalCount", "maximumCount", "totalPages")
    async with make_client(served(TEN, tamper=tamper), hooks=hooks) as amili:
        pages = await read(amili.arm.customers.list(2218, maximum_count=30), way)
    assert [page.cut_off for page in pages] == [False] * 9 + [True]
    assert hooks.all == [("cut_off", 30, 30)]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("cap", "asked"), [(31, None), (10_000, 50), (0, None), (None, 31)])
async def test_a_list_below_its_cap_is_whole(way, cap, asked):
    """Fewer rows than the maximum are all there are; a maximum of 0 is none."""
    hooks = Drifts()
    tamper = capped(cap, beyond=False, told=cap is not None)
    async with make_client(served(TEN, tamper=tamper), hooks=hooks) as amili:
        pages = await read(amili.arm.customers.list(2218, maximum_count=asked), way)
    assert not any(page.cut_off for page in pages)
    assert hooks.kinds == []


@pytest.mark.asyncio
@pytest.mark.parametrize("beyond", [False, True])
async def test_a_cut_is_reported_once_more_after_a_resumption(beyond):
    """Each walk reports it once: whoever reads the rest only has to know, too."""
    hooks = Drifts()
    async with make_client(served(TEN, tamper=capped(30, beyond=beyond)), hooks=hooks) as amili:
        pager = amili.arm.customers.list(2218)
        first = await pager
        rest = await read(pager, "concurrent", resume=str(first.resume))
    assert names([first, *rest]) == flat(TEN)
    assert all(page.cut_off for page in rest)
    assert hooks.kinds == ["cut_off", "cut_off"]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("total", [30, 28_000])
async def test_rows_that_miss_are_still_found_out(way, total):
    """A cap explains the rows beyond it, not those below: rows that are gone are reported."""
    hooks = Drifts()

    def tamper(_, summary):
        return {**summary, "maximumCount": 30, "totalCount": total}

    async with make_client(served([*TEN[:4], [], *TEN[5:]], tamper=tamper), hooks=hooks) as amili:
        assert len(names(await read(amili.arm.customers.list(2218), way))) == 27
    assert hooks.all == [("cut_off", 30, total), ("rows_differ_from_total", 30, 27)]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_leaving_early_leaves_nothing_running(way):
    """Leaving the loop leaves no task, and no request after it."""
    async with make_client(served(TEN)) as amili:
        assert len(await read(amili.arm.customers.list(2218), way, depth=3, stop=2)) == 2
        made = len(amili.transport.requests)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        assert len(amili.transport.requests) == made


@pytest.mark.asyncio
async def test_a_cancelled_reader_leaves_nothing_running():
    """Whoever is cancelled in the middle of concurrent pages takes the requests in flight along."""
    hold, full = asyncio.Event(), asyncio.Event()

    async def handler(request):
        if "pageno" in query_of(request):
            if query_of(request)["pageno"] == "5":
                full.set()
            await hold.wait()
        return served(TEN)(request)

    async with make_client(handler) as amili:
        reading = asyncio.create_task(read(amili.arm.customers.list(2218), "concurrent"))
        await full.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert len(asyncio.all_tasks()) == 1
    assert len(amili.transport.requests) == 5


@pytest.mark.asyncio
@pytest.mark.parametrize("requests", [1, 2, 5, 8])
async def test_no_more_requests_are_in_flight_than_allowed(requests):
    """As many as allowed where there are as many pages; each page is fetched once, and they come in order."""
    inside = most = 0

    async def handler(request):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _ in range(1 + hash(request.url) % 5):  # the first may come last
            await asyncio.sleep(0)
        inside -= 1
        return served(TEN)(request)

    async with make_client(handler) as amili:
        assert names(await read(amili.arm.customers.list(2218), "concurrent", depth=requests)) == flat(TEN)
    assert most == requests
    assert sorted(int(query_of(it).get("pageno", 1)) for it in amili.transport.requests) == list(range(1, 11))


lists = st.lists(st.lists(st.text("abc", min_size=1, max_size=3), max_size=3), min_size=1, max_size=8)
trouble = st.sampled_from(["none", "none", "cut", "500", "429", "lost"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pages=lists,
    hidden=st.sets(st.sampled_from(["nextPage", "totalCount", "maximumCount", "pageSizeLimit"])),
    beyond=st.booleans(),
    troubles=st.lists(trouble, max_size=10),
    ways=st.tuples(st.sampled_from(WAYS), st.sampled_from(WAYS)),
    stop=st.integers(1, 9),
    limit=st.none() | st.integers(0, 20),
)
def test_any_kept_query_is_delivered_exactly(pages, hidden, beyond, troubles, ways, stop, limit):
    """Any pages, whatever the summary leaves out, through any passing trouble, resumed anywhere in any way: every row once."""
    rows = flat(pages)
    numbered = [[f"{page}-{place}" for place in range(len(content))] for page, content in enumerate(pages)]
    script = iter(troubles)

    def tamper(number, summary):
        if beyond and rows:
            summary |= {"maximumCount": len(rows), "totalCount": len(rows) + 7}
        return without(*(hidden - {"maximumCount"} if beyond else hidden))(number, summary)

    def handler(request):
        reply = served(numbered, tamper=tamper)(request)
        return {
            "none": reply,
            "cut": damaged(reply),
            "500": Reply(500, {}, b"<html>"),
            "429": Reply(429, {"retry-after": "1"}, b""),
            "lost": errors.OutcomeUnknownError("lost"),
        }[next(script, "none")]

    async def story():
        async with make_client(handler, retry=RetryPolicy(attempts=14)) as amili:
            got = await read(amili.arm.customers.list(2218, limit=limit), ways[0], stop=stop)
            resume = got[-1].resume if got else None
            if resume is not None:
                got += await read(amili.arm.customers.list(2218), ways[1], resume=str(resume))
            return names(got)

    assert asyncio.run(story()) == ([] if limit == 0 else flat(numbered))


def sometimes(odd, times, tamper=lambda _number, summary: summary):
    """Serve ten pages of which one is odd so many times: it has only a part of its rows, or some too many."""
    left = [times]
    sound = served(TEN, tamper=tamper)

    def handler(request):
        reply = sound(request)
        number = int(query_of(request).get("pageno", 1))
        if number != 4 or not left[0]:
            return reply
        left[0] -= 1
        body = decode(reply.body)
        body["customers"] = odd(body["customers"])
        return json_reply(body)

    return handler


ODD = {
    "empty": lambda _: [],
    "short": lambda rows: rows[:2],
    "long": lambda rows: [{"customerNo": "2-2", "new": "2-2"}, *rows],
    "wrong summary": lambda rows: rows[:1],
}


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("odd", ODD)
async def test_a_page_without_its_rows_is_asked_for_again(way, odd):
    """A page in the middle that has not the rows that belong on it, by what it says, is asked for once more."""
    counts = without("totalCount") if odd == "wrong summary" else without("currentPageSize")
    hooks = Drifts()
    async with make_client(sometimes(ODD[odd], 1, counts), hooks=hooks) as amili:
        pages = await read(amili.arm.customers.list(2218), way)
        assert len(amili.transport.requests) == 11
    assert names(pages) == flat(TEN)
    assert hooks.kinds == []


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_a_page_that_contradicts_itself_for_good_is_reported(way):
    """Where the second answer is no better, the walk goes on with it and says so, though nothing tells the total."""
    hooks = Drifts()
    async with make_client(sometimes(ODD["short"], 2, without("totalCount")), hooks=hooks) as amili:
        pages = await read(amili.arm.customers.list(2218), way)
        assert len(amili.transport.requests) == 11
    assert names(pages) == [row for row in flat(TEN) if row != "3-2"]
    assert hooks.all == [("rows_differ_from_page", 3, 2)]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_the_better_of_two_answers_counts(way):
    """If the second answer has fewer rows than the first, that stays."""
    shown = iter([2, 0])
    async with make_client(sometimes(lambda rows: rows[: next(shown)], 2)) as amili:
        pages = await read(amili.arm.customers.list(2218), way)
    assert names(pages) == [row for row in flat(TEN) if row != "3-2"]


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_lists_whose_pages_are_short_are_not_asked_for_twice(way):
    """Once a short page has been confirmed, short ones are the list's way; and a capped list is short at its end."""
    short = [page[:2] for page in TEN]
    async with make_client(served(short)) as amili:
        assert names(await read(amili.arm.customers.list(2218), way)) == flat(short)
        assert len(amili.transport.requests) == 11
    capped = [*TEN[:3], TEN[3][:1], [], []]
    async with make_client(served(capped, tamper=without("totalCount", "maximumCount"))) as amili:
        assert names(await read(amili.arm.customers.list(2218, maximum_count=10), way)) == flat(capped)
        assert len(amili.transport.requests) == 6


@pytest.mark.asyncio
@pytest.mark.parametrize("way", WAYS)
async def test_a_second_question_that_fails_loses_nothing(way):
    """If asking again fails, the error has the cursor of that very page."""
    sound, asked, got = served(TEN), [], []

    def handler(request):
        number = int(query_of(request).get("pageno", 1))
        asked.append(number)
        if number == 4 and asked.count(4) < 3:
            return sometimes(ODD["empty"], 1)(request) if asked.count(4) == 1 else Reply(400, {}, b"")
        return sound(request)

    async with make_client(handler) as amili:
        pager = amili.arm.customers.list(2218)
        with pytest.raises(errors.CursorExpired) as caught:
            await read(pager, way, into=got)
        await read(pager, way, into=got, resume=caught.value.resume)
    assert names(got) == flat(TEN)


class Currencies(msgspec.Struct, frozen=True):
    """A projection that says nothing of what is personal."""

    currency: str


@pytest.mark.asyncio
@pytest.mark.parametrize("model", [None, Currencies])
async def test_a_customer_that_does_not_decode_stays_nameless(model):
    """The number of a customer is personal: it is on the error and on the item, but in no text, whatever it is decoded into."""
    rows = [{"customerNo": "4711-07", "currency": 5}]
    projection = {} if model is None else {"model": model}
    async with make_client(lambda _: json_reply({"customers": rows})) as amili:
        with pytest.raises(errors.DecodeError, match=r"item 0 of the page \(id \*\*\*\)") as caught:
            await amili.arm.customers.list(2218, **projection)
        (bad,) = (await amili.arm.customers.list(2218, **projection, on_invalid="collect")).invalid
    assert caught.value.item_id == bad.id == "4711-07"
    assert "4711" not in f"{caught.value} {caught.value!r} {bad} {bad!r}"
    assert "on_invalid" in str(caught.value)
