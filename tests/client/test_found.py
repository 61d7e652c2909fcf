"""What careful readers and hostile testers found: each would have been a lost row, a wrong promise or a hang."""

from __future__ import annotations

import asyncio
import gzip
import json
from decimal import Decimal

import anyio
import msgspec
import pytest

from amili_async import AmiliClient, Environment, Hooks, Limits, Operation, RequestOptions, RetryPolicy, errors
from amili_async import pagination as pagination_module
from amili_async.auth import AccessToken, ClientCredentials
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply
from amili_async.throttle import Throttle

from .kit import ENVIRONMENT, ORG, Drifts, make_client, pages_by_token, query_of

pytestmark = pytest.mark.asyncio

SUBMIT = Operation(
    name="collection.test.submit",
    method="POST",
    path="/things",
    evidence="docs",
    source="",
    summary="",
    response=None,
    retry_safe=False,
    unwrap=None,
    body="json",
)
KEY = RequestOptions(idempotency_key="k")
LOST, REFUSED = errors.OutcomeUnknownError, errors.NotSentError


def ids(rows):
    """Return the ids of cases."""
    return [row.case_id for row in rows]


async def test_not_sent_is_said_of_all_tries():
    """A write that may have been carried out by an earlier try is never called "not sent" because of the last one."""
    async with make_client([LOST("lost"), *(REFUSED("refused") for _ in range(3))]) as amili:
        with pytest.raises(errors.OutcomeUnknownError, match="earlier try") as caught:
            await amili.call(SUBMIT, body={}, options=KEY)
    assert caught.value.attempts == 4

    class Oversleeping(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds + 500)

    async with make_client([Reply(503, {"x-request-id": "r1"}, b"")], clock=Oversleeping()) as amili:
        with pytest.raises(errors.OutcomeUnknownTimeout) as caught:
            await amili.call(SUBMIT, body={}, options=KEY)
    assert (caught.value.status, caught.value.request_id) == (None, None)


@pytest.mark.parametrize(("error", "kind"), [(REFUSED, errors.NotSentTimeout), (LOST, errors.OutcomeUnknownTimeout)])
async def test_limits_that_end_with_the_total_time_say_so(error, kind):
    """A connection that takes all of the total time is a time-out of what was not sent; a silence one of what may have been."""

    def slow(request):
        amili.clock.advance(10)
        return error("x")

    amili = make_client(slow)
    with pytest.raises(kind) as caught:
        await amili.call(SUBMIT, body={}, options=RequestOptions(timeout=5))
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.phase == ("connect" if error is REFUSED else "request")


@pytest.mark.parametrize("how", ["hang", "break"])
async def test_an_early_renewal_that_hangs_or_breaks_is_not_noticed(how):
    """A caller in a hurry gets the valid token after a part of its time, and the others do not try again at once."""
    tries = []

    class Vault:
        async def obtain(self, exchange):
            tries.append(1)
            if len(tries) == 1:
                return AccessToken("t", lifetime=1_000)
            if how == "break":
                raise OSError
            return await asyncio.Event().wait()

    async with make_client(lambda _: json_reply({"data": []}), credentials=Vault()) as amili:
        await amili.collection.cases.list(ORG)
        amili.clock.advance(950)
        for _ in range(5):
            await amili.collection.cases.list(ORG, options=RequestOptions(timeout=0.2))
    assert len(tries) == 2


async def test_anyio_scopes_leave_nothing_running():
    """A scope that cancels again and again still waits for the work ahead to end."""

    async def stubborn(request):
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)

    async with make_client(stubborn) as amili:
        with anyio.move_on_after(0.01):
            async with amili.collection.cases.list(ORG).prefetch(1) as pages:
                await anext(pages)
        assert len(asyncio.all_tasks()) == 1


async def test_reading_ahead_needs_its_context():
    """Without `async with`, or with the same pages entered twice, it is an error and not a hang."""
    async with make_client(pages_by_token([["a"]])) as amili:
        pages = amili.collection.cases.list(ORG).prefetch(1)
        with pytest.raises(RuntimeError, match="async with"):
            await anext(pages)
        async with pages:
            assert ids(await anext(pages)) == ["a"]
        with pytest.raises(RuntimeError, match="entered before"):
            await pages.__aenter__()


async def test_two_tasks_cannot_share_what_is_read_ahead():
    """Each would miss what the other gets, so one of them gets an error."""
    async with make_client(pages_by_token([["a"], ["b"]])) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        found = await asyncio.gather(anext(pages), anext(pages), return_exceptions=True)
        assert [type(one).__name__ for one in found] == ["Page", "RuntimeError"]
        assert ids(await anext(pages)) == ["b"]


async def test_a_cancelled_fetch_ahead_is_told():
    """Credentials whose shared work somebody cancelled do not leave the reader waiting for ever."""

    class Shared:
        async def obtain(self, exchange):
            raise asyncio.CancelledError

    async with make_client([], credentials=Shared()) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        with pytest.raises(RuntimeError, match="cancelled"):
            await asyncio.wait_for(anext(pages), 1)


async def test_a_token_that_changes_under_way_costs_a_request_only():
    """When what was read ahead is not the page the walk has come to, it is dropped, fetched again and reported."""
    served = []

    def handler(request):
        token = query_of(request).get("PageToken")
        served.append(token)
        nonce = served.count(token)
        if token is None:
            body = json.dumps({"data": [{"caseId": "a"}], "cursorSummary": {"nextPageToken": f"x{nonce}"}})
            return Reply(200, {}, (body.replace('"a"', '"a') if nonce == 1 else body).encode())
        return json_reply({"data": [{"caseId": "b"}], "cursorSummary": {}})

    hooks = Drifts()
    async with make_client(handler, hooks=hooks) as amili, amili.collection.cases.list(ORG).prefetch(2) as pages:
        assert ids([case async for case in pages.items()]) == ["a", "b"]
    assert hooks.kinds == ["read_ahead_missed"]
    assert served[-1] == "x2"


async def test_both_summaries_are_seen_from_the_end():
    """With a token in each summary the same one is taken ahead and in turn."""
    first = json_reply({"data": [{"caseId": "a"}], "summary": {"nextPageToken": "A"}, "cursorSummary": {"nextPageToken": "B"}})
    last = json_reply({"data": [{"caseId": "b"}]})
    for ahead in (False, True):
        async with make_client(lambda request: last if "PageToken" in request.url else first) as amili:
            pager = amili.collection.cases.list(ORG)
            if ahead:
                async with pager.prefetch(1) as pages:
                    assert ids([case async for case in pages.items()]) == ["a", "b"]
            else:
                assert ids(await pager.collect()) == ["a", "b"]
            assert query_of(amili.transport.requests[1])["PageToken"] == "A"


async def test_the_next_request_goes_out_before_the_page_is_decoded(monkeypatch):
    """Reading ahead would gain nothing if the decoder kept the next request waiting."""
    order = []
    serve = pages_by_token([["a"], ["b"], ["c"], ["d"]])
    read = pagination_module.read_page

    def handler(request):
        order.append(("sent", int(query_of(request).get("PageToken", "t0")[1:])))
        return serve(request)

    def reading(*args, **options):
        found = read(*args, **options)
        order.append(("decoded", "abcd".index(found.items[0].case_id)))
        return found

    monkeypatch.setattr(pagination_module, "read_page", reading)
    async with make_client(handler) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        async for _ in pages:
            for _ in range(20):
                await asyncio.sleep(0)
    for number in range(3):
        assert order.index(("sent", number + 1)) < order.index(("decoded", number))


@pytest.mark.parametrize(
    "skip", [{"totalCount": 20, "totalPages": 2, "hasNextPage": True}, {"hasNextPage": True}, {"totalCount": 99}]
)
async def test_a_server_that_ignores_page_numbers_and_does_not_count_is_found_out(skip):
    """The same page again for another number is a loop, also where nothing in it tells which page it is."""
    page = json_reply({"data": [{"caseId": str(number)} for number in range(10)], "skipSummary": skip})
    async with make_client(lambda _: page) as amili:
        with pytest.raises(errors.PageLoop):
            await amili.collection.cases.list(ORG).collect()
    assert len(amili.transport.requests) == 2


@pytest.mark.parametrize("view", [{}, {"pageSize": 2}, {"pageSize": 2, "totalPages": 2}])
async def test_totals_alone_lead_on(view):
    """A page that is not all that is counted is followed by the next number, although no flag says so."""

    def handler(request):
        number = int(query_of(request).get("Page", 1))
        skip = {"totalCount": 4, "currentPage": number, **view}
        return json_reply({"data": [{"caseId": f"c{number}{row}"} for row in range(2)], "skipSummary": skip})

    async with make_client(handler) as amili:
        assert len(await amili.collection.cases.list(ORG).collect()) == 4


async def test_numbers_after_tokens_pass_over_no_page():
    """An empty page among those that came by token is not counted into the number of the next."""

    def handler(request):
        query = query_of(request)
        if query.get("Page"):
            return json_reply(
                {"data": [{"caseId": f"p{query['Page']}"}], "skipSummary": {"hasNextPage": False, "currentPage": 3}}
            )
        token = query.get("PageToken")
        rows, following, page = {None: (["a"], "x", 1), "x": ([], "y", 1), "y": (["b"], None, 2)}[token]
        skip = {"totalCount": 3, "currentPage": page, "hasNextPage": True}
        data = [{"caseId": row} for row in rows]
        return json_reply({"data": data, "skipSummary": skip, "cursorSummary": {"nextPageToken": following}})

    async with make_client(handler) as amili:
        assert ids(await amili.collection.cases.list(ORG).collect()) == ["a", "b", "p3"]


ROWS = {"data": [{"caseId": 5}, {"caseId": "a"}, {"caseId": "b"}, {"caseId": "c"}], "summary": {}}


async def test_a_page_cut_by_a_limit_means_the_same_in_every_mode():
    """Rows are counted as they came, bad ones too: raw first and collected after, or the reverse, loses and doubles none."""
    async with make_client(lambda _: json_reply(ROWS)) as amili:
        cases = amili.collection.cases
        (first,) = [page async for page in cases.list(ORG, limit=2).raw().pages()]
        (rest,) = [page async for page in cases.list(ORG, on_invalid="collect").pages(resume=first.resume)]
        assert (len(first), ids(rest), len(rest.invalid)) == (2, ["b", "c"], 0)
        (first,) = [page async for page in cases.list(ORG, on_invalid="collect", limit=2).pages()]
        (rest,) = [page async for page in cases.list(ORG).raw().pages(resume=first.resume)]
        assert (ids(first), len(first.invalid), [json.loads(bytes(raw)) for raw in rest]) == (["a", "b"], 1, [{"caseId": "c"}])


async def test_a_cut_page_can_be_resumed_in_smaller_pages():
    """Rows that were counted into a larger page are passed over across smaller ones."""
    everything = [f"r{number}" for number in range(30)]

    def handler(request):
        query = query_of(request)
        start, size = int(query.get("PageToken", 0)), int(query["PageSize"])
        following = str(start + size) if start + size < 30 else None
        data = [{"caseId": row} for row in everything[start : start + size]]
        return json_reply({"data": data, "summary": {"nextPageToken": following}})

    async with make_client(handler) as amili:
        cases = amili.collection.cases
        (first,) = [page async for page in cases.list(ORG, page_size=20, limit=17).pages()]
        rest = [
            case for page in [page async for page in cases.list(ORG, page_size=5).pages(resume=first.resume)] for case in page
        ]
        assert ids(first) + ids(rest) == everything


async def test_answers_of_others_do_not_cost_our_token():
    """A 401 from where a read was redirected to says nothing about a token that never went there."""

    def handler(request):
        if request.url.endswith("/token"):
            return json_reply({"access_token": "t", "expires_in": 100})
        here = request.url.startswith("http://127.0.0.1:1/")
        return Reply(302, {"location": "https://files.example/x"}, b"") if here else Reply(401, {}, b"")

    async with make_client(handler, credentials=ClientCredentials("a", "b")) as amili:
        for _ in range(3):
            with pytest.raises(errors.Unauthorized):
                await amili.collection.invoices.get(ORG, "i1")
        assert sum(request.url.endswith("/token") for request in amili.transport.requests) == 1


async def test_bodies_do_not_follow_redirects():
    """Even a GET with a body takes none of it to another origin."""
    replies = iter([Reply(302, {"location": "https://files.example/x"}, b""), json_reply({})])
    async with make_client(lambda _: next(replies), paths={"identity.refresh": "GET /r", "identity.health": "GET /h"}) as amili:
        with pytest.raises(errors.ConfigError, match="takes no body"):
            await amili.call("identity.health", body={"a": 1})
        await amili.identity.refresh({"refresh_token": "hunter2"})
    assert amili.transport.requests[1].body is None


async def test_a_refused_static_token_keeps_the_answer():
    """The error has what the server said: body, headers and code."""
    reply = Reply(401, {"x-request-id": "r1"}, b'{"error": "token_expired"}')
    async with make_client([reply]) as amili:
        with pytest.raises(errors.Unauthorized) as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert (caught.value.code, caught.value.request_id, caught.value.body) == ("token_expired", "r1", reply.body)


async def test_the_clients_policy_holds_for_tokens():
    """A caller who does not want repeats does not decide that for those who wait for the same token."""
    replies = iter([Reply(503, {}, b""), json_reply({"access_token": "t"})])

    def handler(request):
        return next(replies) if request.url.endswith("/token") else json_reply({"data": []})

    async with make_client(handler, credentials=ClientCredentials("a", "b")) as amili:
        await amili.call("collection.cases.list", ORG, options=RequestOptions(retry=RetryPolicy(attempts=1)))


async def test_headers_have_one_spelling():
    """A header given in another case replaces ours and does not stand beside it."""
    options = RequestOptions(headers={"accept": "text/plain", "user-agent": "mine"})
    async with make_client([json_reply({"data": {"id": "i1"}})]) as amili:
        await amili.with_options(headers={"Accept": "x"}).collection.invoices.get(ORG, "i1", options=options)
    names = [name.lower() for name in amili.transport.requests[0].headers]
    assert len(names) == len(set(names))
    assert amili.transport.requests[0].headers["accept"] == "text/plain"


async def test_cancelled_sleepers_use_up_nobodys_turn():
    """Calls that gave up waiting for the rate do not push those who come after them back."""

    class Stuck(FakeClock):
        stuck = True

        async def sleep(self, seconds):
            if self.stuck:
                await asyncio.Event().wait()
            await super().sleep(seconds)

    clock = Stuck()
    throttle = Throttle(Limits(rate=5, connections=100), clock)
    await throttle.wait("o")
    waiting = [asyncio.create_task(throttle.wait("o")) for _ in range(50)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    clock.stuck = False
    start = clock.monotonic()
    await throttle.wait("o")
    assert clock.monotonic() - start == pytest.approx(0.2)


async def test_the_rate_holds_after_a_hold_off():
    """When the server may be asked again, requests go out one by one as before."""
    clock = FakeClock()
    throttle = Throttle(Limits(rate=10), clock)
    throttle.hold_off("o", 5)
    start = clock.monotonic()
    times = []
    for _ in range(3):
        await throttle.wait("o")
        times.append(round(clock.monotonic() - start, 6))
    assert times == [5.0, 5.1, 5.2]


@pytest.mark.parametrize("number", ["1e99999999999999999999999", "1e-99999999999999999999999"])
async def test_numbers_beyond_all_bounds_cost_their_row(number):
    """An exponent that no Decimal can hold is a bad row, not a crash; in the body of an error it is passed over."""
    body = b'{"data":[{"caseId":"a","remainingAmount":' + number.encode() + b'},{"caseId":"b"}],"summary":{}}'
    failing = Reply(400, {}, b'{"code": ' + number.encode() + b"}")
    async with make_client([Reply(200, {}, body), Reply(200, {}, body), failing]) as amili:
        page = await amili.collection.cases.list(ORG, on_invalid="collect")
        assert (ids(page), page.invalid[0].index) == (["b"], 0)
        with pytest.raises(errors.DecodeError):
            await amili.collection.cases.list(ORG)
        with pytest.raises(errors.BadRequest):
            await amili.collection.cases.list(ORG)


async def test_half_characters_do_not_stop_a_list():
    """A text cut between two halves of a character is mended with U+FFFD; whole pairs and escaped backslashes stay."""
    texts = rb'"\ud83d","\ude00x","\ud83d\ude00","\\ud83d","\u00e6"'
    body = b'{"data":[{"caseId":"a","creditorNumber":"n"},{"caseId":"b","x":[' + texts + b"]}]}"

    class Mine(msgspec.Struct, rename="camel"):
        case_id: str
        x: list[str] = []

    async with make_client(lambda _: Reply(200, {}, body)) as amili:
        rows = await amili.collection.cases.list(ORG, model=Mine).collect()
        assert rows[1].x == ["\ufffd", "\ufffdx", "\U0001f600", "\\ud83d", "\u00e6"]
        assert len(await amili.collection.cases.list(ORG).raw().collect()) == 2
        assert len(amili.transport.requests) == 2


async def test_gzip_of_very_many_members_is_refused():
    """Members that unpack to nothing must not keep the loop busy."""
    reply = Reply(200, {"content-encoding": "gzip"}, gzip.compress(b"") * 5_000)
    async with make_client([reply]) as amili:
        with pytest.raises(errors.DecodeError, match="members"):
            await amili.collection.invoices.get(ORG, "i1")


async def test_token_answers_are_read_for_what_is_needed():
    """Odd members that nobody needs do not cost the token."""
    answer = {"access_token": "t", "scope": ["a"], "resource": 5, "expires_in": "", "not_before": {}}
    async with make_client([json_reply(answer), json_reply({"data": []})], credentials=ClientCredentials("a", "b")) as amili:
        await amili.collection.cases.list(ORG)
    assert amili.transport.requests[1].headers["Authorization"] == "Bearer t"


async def test_bare_dates_beside_anything():
    """A date is mended in a model with raw members too, and odd neighbours do not get in its way."""

    class Mine(msgspec.Struct, rename="camel"):
        case_id: str
        when: __import__("datetime").datetime
        parts: msgspec.Raw = msgspec.Raw(b"")

    globals()["Mine"] = Mine
    row = {"caseId": "a", "when": "2026-01-01", "parts": [1.50]}
    async with make_client([json_reply({"data": [row]})]) as amili:
        (found,) = await amili.collection.cases.list(ORG, model=Mine).collect()
    assert (found.when.year, json.loads(bytes(found.parts), parse_float=Decimal)) == (2026, [Decimal("1.5")])


@pytest.mark.parametrize("bad", ["\ud83d", "x\udcff"])
async def test_half_characters_in_ids_and_filters_are_said(bad):
    """What cannot be sent is a ConfigError, before anything goes out."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError):
            await amili.collection.invoices.get(ORG, bad)
        with pytest.raises(errors.ConfigError):
            await amili.collection.cases.list(ORG, search_term=bad)


async def test_wrong_kinds_of_arguments_are_said_at_once():
    """A text for an environment, a tuple for credentials, a number for a cursor, an API that there is not."""
    with pytest.raises(errors.ConfigError, match="environment must be"):
        AmiliClient(environment="staging")  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="credentials must be"):
        AmiliClient(("id", "secret"))  # type: ignore[arg-type]
    with pytest.raises(errors.ConfigError, match="must be a text"):
        RequestOptions(headers={"x": 1})  # type: ignore[dict-item]
    with pytest.raises(errors.ConfigError, match="not a header"):
        RequestOptions(headers={"x": "a\x01"})
    with pytest.raises(errors.ConfigError, match="collection URL"):
        Environment("x", collection="https://a..b")
    with pytest.raises(errors.ConfigError, match="no API"):
        ENVIRONMENT.url("mine")
    async with make_client([]) as amili:
        with pytest.raises(errors.CursorMismatch):
            amili.collection.cases.list(ORG).pages(resume=5)  # type: ignore[arg-type]
        with pytest.raises(errors.ConfigError, match="takes no body"):
            await amili.call("collection.cases.list", ORG, body={})


async def test_abandoned_calls_are_reported_as_such():
    """A cancelled call is neither a success nor a failure of ours."""
    events = []

    class Log(Hooks):
        def on_request(self, event):
            events.append((event.abandoned, event.error))

    async def hang(request):
        await asyncio.Event().wait()

    async with AmiliClient(AccessTokens(), environment=ENVIRONMENT, transport=FakeTransport(hang), hooks=Log()) as amili:
        task = asyncio.create_task(amili.collection.invoices.get(ORG, "i1"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert events == [(True, None)]


class AccessTokens:
    """Credentials of the test's own."""

    async def obtain(self, exchange):
        """Return a token."""
        return AccessToken("t")


@pytest.mark.parametrize(
    "location", ["/caf\xe9", "/a b", "/\x01x", "http://" + "a" * 70 + ".localhost/x", "https://a\uff41pi%2f/x"]
)
async def test_odd_redirects_stay_inside_the_tree(location):
    """Blanks and letters are quoted, control characters and impossible hosts refused: never another resource or a raw error."""

    def handler(request):
        first = request.url.endswith("/i1")
        return Reply(302, {"location": location}, b"") if first else json_reply({"data": {"id": "x"}})

    async with make_client(handler) as amili:
        try:
            await amili.collection.invoices.get(ORG, "i1")
        except errors.AmiliError:
            return
        assert amili.transport.requests[1].url.isascii()
        assert " " not in amili.transport.requests[1].url
