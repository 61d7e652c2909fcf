"""The life of a call: attempts, deadlines, errors, redirects, hooks."""

from __future__ import annotations

import asyncio
import gzip
import logging
from datetime import date, datetime, timedelta, timezone

import anyio
import msgspec
import pytest

from amili_async import AmiliClient, Environment, Hooks, Limits, RequestOptions, RetryPolicy, Timeouts, errors, operations
from amili_async.collection.models import CaseStatus
from amili_async.operation import Operation
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

from .kit import ENVIRONMENT, ORG, damaged, make_client, query_of

pytestmark = pytest.mark.asyncio

INVOICE = json_reply({"summary": {"status": "SUCCESS"}, "data": {"id": "i1", "invoiceNumber": "7"}})
SUBMIT = Operation(
    name="collection.test.submit",
    method="POST",
    path="/orgs/{organizationId}/things",
    evidence="docs",
    source="",
    summary="",
    response=None,
    retry_safe=False,
    unwrap=None,
    body="json",
)


def failing(status, **headers):
    """Return an error answer."""
    return Reply(status, headers, b"")


class Recorder(Hooks):
    """Keeps every event."""

    def __init__(self):
        self.events = []
        for name in ("request", "attempt", "retry", "token", "page", "drift"):
            setattr(self, f"on_{name}", self.events.append)


@pytest.mark.parametrize(
    "trouble",
    [
        failing(500),
        failing(502),
        failing(503),
        failing(503, **{"retry-after": "2"}),
        failing(504),
        failing(408),
        failing(429),
        failing(429, **{"retry-after": "2"}),
        failing(429, **{"retry-after": "Tue, 14 Nov 2023 22:13:23 GMT"}),
        Reply(503, {"content-type": "text/html"}, b"<html>down</html>"),
        damaged(INVOICE),
        Reply(200, {"content-type": "text/html"}, b"<html>welcome</html>"),
        Reply(200, {}, b""),
        Reply(200, {}, INVOICE.body.replace(b"7", b"\xff")),
        Reply(200, {"content-encoding": "gzip"}, gzip.compress(INVOICE.body)[:-9]),
        Reply(200, {"content-encoding": "gzip"}, b"not gzip at all"),
        errors.NotSentError("no"),
        errors.OutcomeUnknownError("no"),
    ],
    ids=lambda trouble: repr(trouble)[:40],
)
async def test_reads_survive_passing_trouble(trouble):
    """A read whose first tries fail in any way that may pass is repeated, and counted."""
    async with make_client([trouble, trouble, INVOICE]) as amili:
        response = await amili.call("collection.invoices.get", ORG, "i1")
    assert (response.data.id, response.attempts, len(amili.transport.requests)) == ("i1", 3, 3)
    assert len(amili.clock.sleeps) >= 2


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (failing(400), errors.BadRequest),
        (failing(403), errors.Forbidden),
        (failing(404), errors.NotFound),
        (failing(409), errors.Conflict),
        (failing(422), errors.Unprocessable),
        (failing(423), errors.ApiError),
        (failing(501), errors.ServerError),
        (json_reply({"data": {"invoiceNumber": "7"}}), errors.DecodeError),
        (json_reply({"data": None}), errors.DecodeError),
        (json_reply({"error": "x"}), errors.DecodeError),
        (json_reply([1]), errors.DecodeError),
        (Reply(204, {}, b""), errors.DecodeError),
        (Reply(200, {"content-encoding": "br"}, b"x"), errors.DecodeError),
        (Reply(200, {}, b"[" * 100_000), errors.DecodeError),
        (failing(429, **{"retry-after": "61"}), errors.RateLimited),
    ],
)
async def test_final_answers_are_not_repeated(trouble, kind):
    """What asking again cannot mend is raised at once, though tries are left."""
    async with make_client([trouble, INVOICE]) as amili:
        with pytest.raises(kind) as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert (caught.value.attempts, len(amili.transport.requests)) == (1, 1)
    assert caught.value.path == "/orgs/{organizationId}/invoices/{invoiceId}"
    assert amili.clock.sleeps == []


async def test_attempts_end():
    """After the last attempt the last error is raised, with the number of tries."""
    async with make_client([failing(500)] * 4) as amili:
        with pytest.raises(errors.ServerError, match="4 attempts") as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert (caught.value.attempts, caught.value.method, len(amili.transport.requests)) == (4, "GET", 4)


@pytest.mark.parametrize(
    ("trouble", "key", "requests"),
    [
        (errors.OutcomeUnknownError("lost"), None, 1),
        (failing(500), None, 1),
        (failing(503), None, 1),
        (errors.NotSentError("refused"), None, 2),
        (failing(429), None, 2),
        (failing(503, **{"retry-after": "1"}), None, 2),
        (errors.OutcomeUnknownError("lost"), "k1", 2),
        (failing(500), "k1", 2),
    ],
)
async def test_writes_are_repeated_only_if_that_cannot_do_them_twice(trouble, key, requests):
    """An unknown outcome of a write is repeated only with an idempotency key, and then with the same key."""
    options = RequestOptions(idempotency_key=key)
    async with make_client([trouble, json_reply({"ok": True}, 202)]) as amili:
        try:
            response = await amili.call(SUBMIT, ORG, body={"a": 1}, options=options)
        except errors.AmiliError:
            assert requests == 1
        else:
            assert response.data == {"ok": True}
    assert len(amili.transport.requests) == requests
    assert {request.headers.get("IdempotencyKey") for request in amili.transport.requests} == {key}
    assert {request.body for request in amili.transport.requests} == {b'{"a":1}'}


class Standing(FakeClock):
    """A clock under which sleepers wake only when the test lets time go by."""

    def __init__(self):
        super().__init__()
        self.moved = asyncio.Event()

    def advance(self, seconds):
        """Let time go by, and wake whoever has slept enough."""
        super().advance(seconds)
        self.moved.set()
        self.moved = asyncio.Event()

    async def sleep(self, seconds):
        """Wait until the test has let so much time go by."""
        self.sleeps.append(seconds)
        until = self.now + seconds
        while self.now < until:
            await self.moved.wait()


async def test_retry_after_holds_back_everybody():
    """While a call sleeps after a 429 with Retry-After, another one to that host waits for the rest of that time."""
    clock = Standing()
    async with make_client([failing(429, **{"retry-after": "5"}), INVOICE, INVOICE], clock=clock) as amili:
        first = asyncio.create_task(amili.collection.invoices.get(ORG, "i1"))
        await anyio.wait_all_tasks_blocked()
        clock.advance(2)
        second = asyncio.create_task(amili.collection.invoices.get(ORG, "i1"))
        await anyio.wait_all_tasks_blocked()
        assert clock.sleeps[0] >= 5
        assert (clock.sleeps[1:], len(amili.transport.requests)) == ([3], 1)
        clock.advance(4)
        assert [(await call).id for call in (first, second)] == ["i1", "i1"]
    assert len(amili.transport.requests) == 3


async def test_total_time_is_not_outslept():
    """A wait that would outlast the deadline is not begun."""
    async with make_client([failing(429, **{"retry-after": "50"})]) as amili:
        with pytest.raises(errors.RateLimited) as caught:
            await amili.collection.invoices.get(ORG, "i1", options=RequestOptions(timeout=10))
    assert (caught.value.retry_after, amili.clock.sleeps) == (50, [])


@pytest.mark.parametrize(
    ("where", "kind", "phase"),
    [
        ("request", errors.OutcomeUnknownTimeout, "request"),
        ("token", errors.NotSentTimeout, "token"),
        ("throttle", errors.NotSentTimeout, "throttle"),
    ],
)
async def test_deadline_says_which_part_ran_out(where, kind, phase):
    """Past the total time comes an AmiliError that is a TimeoutError and tells whether the request was sent."""

    async def hang(request):
        await asyncio.Event().wait()

    class Stuck:
        async def obtain(self, exchange):
            await asyncio.Event().wait()

    amili = make_client(hang, credentials=Stuck() if where == "token" else None, limits=Limits(connections=1))
    blocker = None
    if where == "throttle":
        blocker = asyncio.create_task(amili.collection.invoices.get(ORG, "i0"))
        await asyncio.sleep(0.01)
    with pytest.raises(kind, match="total time") as caught:
        await amili.collection.invoices.get(ORG, "i1", options=RequestOptions(timeout=0.02))
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.phase == phase
    if blocker:
        blocker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await blocker
    await amili.aclose()


async def test_deadline_between_attempts():
    """When the time is up before an attempt begins, it does not begin."""

    def slow(request):
        amili.clock.advance(99)
        return failing(500)

    amili = make_client(slow)
    with pytest.raises(errors.ServerError):
        await amili.call("collection.invoices.get", ORG, "i1", options=RequestOptions(timeout=50))
    assert len(amili.transport.requests) == 1


async def test_errors_carry_the_answer():
    """Status, code, request id, headers, body and path template are on the error; nothing personal in its text."""
    body = b'{"error": {"code": "ORG_LOCKED"}, "message": "Ola Nordmann"}'
    reply = Reply(403, {"x-request-id": "r-1", "content-type": "application/json"}, body)
    async with make_client([reply]) as amili:
        with pytest.raises(errors.Forbidden) as caught:
            await amili.collection.invoices.get(ORG, "i1")
    error = caught.value
    assert (error.status, error.code, error.request_id, error.body) == (403, "ORG_LOCKED", "r-1", body)
    assert error.headers["x-request-id"] == "r-1"
    assert str(error) == (
        "GET /orgs/{organizationId}/invoices/{invoiceId}: answered 403 Forbidden (code ORG_LOCKED, request id r-1)"
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type": "about:blank", "title": "x"}', "about:blank"),
        (b'{"statusCode": 403}', "403"),
        (b'{"error": "invalid_client"}', "invalid_client"),
        (b"[1]", None),
        (b"<html>", None),
        (b"\xff\xfe", None),
        (b"", None),
        (b"null", None),
        (b'{"title": "x"}', None),
    ],
)
async def test_error_bodies_of_any_shape_are_survived(body, code):
    """JSON, problem+json, HTML, text, nothing: the status decides the class, a code is found where there is one."""
    async with make_client([Reply(403, {}, body)]) as amili:
        with pytest.raises(errors.Forbidden) as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert caught.value.code == code


async def test_error_bodies_are_capped_and_unpacked():
    """A large packed error body is kept in part; a damaged one as it came."""
    big = gzip.compress(b"x" * 1_000_000)
    async with make_client([Reply(403, {"content-encoding": "gzip"}, body) for body in (big, big[:50])]) as amili:
        for expected in (b"x" * 65_536, big[:50]):
            with pytest.raises(errors.Forbidden) as caught:
                await amili.collection.invoices.get(ORG, "i1")
            assert caught.value.body == expected


async def test_gzip_is_unpacked_once_and_bounded():
    """A packed answer is read, also in several members; one that unpacks to too much is refused without a repeat."""
    packed = gzip.compress(INVOICE.body[:20]) + gzip.compress(INVOICE.body[20:])
    bomb = gzip.compress(b" " * 200_000)
    twice = gzip.compress(gzip.compress(INVOICE.body))
    replies = [Reply(200, {"content-encoding": "GZIP"}, body) for body in (packed, bomb, twice)]
    retry = RetryPolicy(attempts=1)
    async with make_client(replies, limits=Limits(response_bytes=100_000), retry=retry) as amili:
        assert (await amili.collection.invoices.get(ORG, "i1")).id == "i1"
        with pytest.raises(errors.DecodeError, match="unpacks to more"):
            await amili.collection.invoices.get(ORG, "i1")
        with pytest.raises(errors.DecodeError, match="not JSON"):
            await amili.collection.invoices.get(ORG, "i1")


async def test_byte_order_mark_is_passed_over():
    """A BOM before the JSON does no harm."""
    async with make_client([INVOICE._replace(body=b"\xef\xbb\xbf" + INVOICE.body)]) as amili:
        assert (await amili.collection.invoices.get(ORG, "i1")).id == "i1"


async def test_filters_on_the_wire():
    """Enums, dates, aware and naive date-times, numbers and text go out as documented; None does not go out."""
    cet = timezone(timedelta(hours=1))
    async with make_client(lambda _: json_reply({"data": []})) as amili:
        await amili.collection.cases.list(
            ORG,
            status=CaseStatus.OPEN,
            type="PAYMENT_REMINDER",
            case_number=12,
            customer_number="a&b=ø",
            unique_source_invoice_id="u",
            search_term="æ å",
            from_created_at=datetime(2026, 1, 1, 12, 0, 0, 5000, tzinfo=cet),
            to_created_at=date(2026, 2, 1),
        )
        await amili.collection.cases.list(ORG, from_created_at=datetime(2026, 1, 1), to_created_at="2026-01-02", page_size=7)  # noqa: DTZ001
        await amili.collection.settlements.list(ORG, from_date=date(2026, 1, 1), limit=3)
        await amili.collection.invoices.list(ORG, from_="2026-01-01", to=date(2026, 1, 2), page_size=9)
        first, second, third, fourth = map(query_of, amili.transport.requests)
    assert first == {
        "Status": "OPEN",
        "Type": "PAYMENT_REMINDER",
        "CaseNumber": "12",
        "CustomerNumber": "a&b=ø",
        "UniqueSourceInvoiceId": "u",
        "SearchTerm": "æ å",
        "FromCreatedAt": "2026-01-01T11:00:00.005000Z",
        "ToCreatedAt": "2026-02-01",
        "PageSize": "500",
    }
    assert second == {"FromCreatedAt": "2026-01-01T00:00:00", "ToCreatedAt": "2026-01-02", "PageSize": "7"}
    assert third == {"fromDate": "2026-01-01", "pageSize": "500"}
    assert fourth == {"From": "2026-01-01", "To": "2026-01-02"}


async def test_call_query_values_must_be_simple():
    """A parameter that has no form on the wire is refused; a bool has one."""
    async with make_client(lambda _: json_reply({"data": []})) as amili:
        with pytest.raises(errors.ConfigError):
            await amili.call("collection.cases.list", ORG, query={"Status": 1.5})
        await amili.call("collection.cases.list", ORG, query={"X": True, "Y": None})
    assert query_of(amili.transport.requests[0])["X"] == "true"


@pytest.mark.parametrize("value", ["", " ", ".", "..", None])
async def test_path_values_that_would_name_another_path_are_refused(value):
    """Empty values and dot segments never go out."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match="invoiceId"):
            await amili.collection.invoices.get(ORG, value)


async def test_path_values_are_quoted():
    """Slashes, queries and blanks in an id stay inside their segment."""
    async with make_client([INVOICE]) as amili:
        await amili.collection.invoices.get("a/../b", "x?y=z#ø %2e")
    assert amili.transport.requests[0].url.endswith("/orgs/a%2F..%2Fb/invoices/x%3Fy%3Dz%23%C3%B8%20%252e")


async def test_call_checks_name_and_number_of_values():
    """An unknown operation or a missing id is said before anything is sent."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match="no operation"):
            await amili.call("collection.cases.lst", ORG)
        with pytest.raises(errors.ConfigError, match="takes 2 values"):
            await amili.call("collection.invoices.get", ORG)


async def test_call_returns_the_circumstances():
    """Response has data, status, headers, request id, attempts and elapsed seconds; of a list, the first page."""
    reply = INVOICE._replace(headers={"X-Request-Id".lower(): "r1"})
    async with make_client([reply, json_reply({"data": [{"caseId": "c1"}]})]) as amili:
        response = await amili.call("collection.invoices.get", ORG, "i1")
        page = (await amili.call("collection.cases.list", ORG)).data
    assert (response.data.id, response.status, response.request_id, response.attempts) == ("i1", 200, "r1", 1)
    assert response.headers["x-request-id"] == "r1"
    assert response.elapsed >= 0
    assert [case.case_id for case in page] == ["c1"]
    assert len(page) == 1


async def test_user_supplied_headers_and_query_go_along():
    """Options of the client and of the call are both sent, the call's winning."""
    async with make_client([INVOICE, INVOICE]) as amili:
        other = amili.with_options(headers={"X-A": "1", "X-B": "1"}, query={"trace": "1"}, timeout=9)
        await other.collection.invoices.get(ORG, "i1", options=RequestOptions(headers={"X-B": "2"}))
        await amili.collection.invoices.get(ORG, "i1")
        await other.aclose()
        assert not amili.transport.closed
    first, second = amili.transport.requests
    assert (first.headers["X-A"], first.headers["X-B"], query_of(first)) == ("1", "2", {"trace": "1"})
    assert "X-A" not in second.headers
    assert amili.transport.closed


async def test_timeouts_reach_the_transport():
    """Connect and read limits never exceed what is left of the total."""
    async with make_client([INVOICE], timeouts=Timeouts(total=5, connect=10, read=3)) as amili:
        await amili.collection.invoices.get(ORG, "i1")
    assert (amili.transport.requests[0].connect, amili.transport.requests[0].read) == (5, 3)


async def test_unconfirmed_operations_warn_once_per_client():
    """A guessed method is used, with one warning that names it and how to re-aim it."""
    async with make_client(lambda _: Reply(200, {}, b"Healthy")) as amili:
        with pytest.warns(errors.UnconfirmedOperationWarning, match=r"identity.health: HTTP method") as caught:
            assert await amili.identity.health() == "Healthy"
        assert caught[0].filename == __file__
        assert await amili.identity.health() == "Healthy"


async def test_operations_can_be_re_aimed():
    """Path, and HTTP method, of any operation can be set; it then does not warn."""
    paths = {"identity.verify": "POST /check", "collection.invoices.get": "/o/{organizationId}/i/{invoiceId}"}
    async with make_client([json_reply({"ok": 1}), INVOICE], paths=paths) as amili:
        assert await amili.identity.verify() == {"ok": 1}
        await amili.collection.invoices.get(ORG, "i1")
    first, second = amili.transport.requests
    assert (first.method, first.url) == ("POST", ENVIRONMENT.url("identity") + "/check")
    assert second.url.endswith(f"/o/{ORG}/i/i1")


@pytest.mark.parametrize(("target", "requests"), [("/check", 2), ("GET /check", 2), ("POST /check", 1), ("PUT /check", 1)])
async def test_a_read_that_became_a_write_is_not_repeated(target, requests):
    """Nobody knows what a write does that was aimed by the caller: one whose outcome is unknown is not done twice."""
    async with make_client([errors.OutcomeUnknownError("lost"), json_reply({})], paths={"identity.verify": target}) as amili:
        try:
            await amili.identity.verify()
        except errors.OutcomeUnknownError:
            assert requests == 1
    assert len(amili.transport.requests) == requests


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("no.such", "/x"),
        ("identity.verify", "check"),
        ("identity.verify", "FETCH /check"),
        ("collection.invoices.get", "/i/{invoiceId}"),
        ("collection.invoices.get", "/i/{invoiceId}/{organizationId}"),
    ],
)
async def test_bad_overrides_are_refused_at_once(name, target):
    """Unknown operations, paths without a slash, other placeholders: said when the client is made."""
    with pytest.raises(errors.ConfigError, match="paths"):
        AmiliClient(paths={name: target})


def redirecting(script):
    """Serve redirects by URL."""

    def handler(request):
        return script[request.url]

    return FakeTransport(handler)


HERE = f"{ENVIRONMENT.url('collection')}/orgs/{ORG}/invoices/i1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_within_the_environment_keep_the_token(status):
    """A read that is redirected to one of our own origins goes on with the token."""
    transport = redirecting({HERE: Reply(status, {"location": "/new#frag"}, b""), "http://127.0.0.1:1/new": INVOICE})
    async with make_client(transport) as amili:
        assert (await amili.collection.invoices.get(ORG, "i1")).id == "i1"
    assert [request.headers["Authorization"] for request in transport.requests] == ["Bearer t0ken"] * 2


async def test_redirects_to_a_foreign_origin_carry_nothing_of_ours():
    """Elsewhere goes neither token nor key nor header of the caller."""
    transport = redirecting({HERE: Reply(302, {"location": "https://files.example/x"}, b""), "https://files.example/x": INVOICE})
    async with make_client(transport) as amili:
        options = RequestOptions(headers={"X-Key": "hunter2"}, idempotency_key="k")
        assert (await amili.collection.invoices.get(ORG, "i1", options=options)).id == "i1"
    assert set(transport.requests[1].headers) == {"Accept", "Accept-Encoding", "User-Agent"}


@pytest.mark.parametrize(
    "location", ["http://files.example/x", "https://u:p@files.example", "ftp://x/y", "https://", "http://[bad", "https://h:x/"]
)
async def test_redirects_that_are_not_followed(location):
    """Plain http elsewhere, credentials in the address, other schemes: an error with the status."""
    async with make_client([Reply(302, {"location": location}, b"")]) as amili:
        with pytest.raises(errors.ApiError) as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert caught.value.status == 302


async def test_redirect_loops_end():
    """After the allowed number of redirects it is an error, and not repeated."""
    async with make_client(lambda _: Reply(302, {"location": HERE}, b"")) as amili:
        with pytest.raises(errors.ApiError, match="too often"):
            await amili.collection.invoices.get(ORG, "i1")
    assert len(amili.transport.requests) == 6


async def test_writes_are_not_redirected():
    """A body goes nowhere but where the caller sent it."""
    async with make_client([Reply(307, {"location": "https://evil.example/"}, b"")]) as amili:
        with pytest.raises(errors.ApiError) as caught:
            await amili.call(SUBMIT, ORG, body={"a": 1})
    assert (caught.value.status, len(amili.transport.requests)) == (307, 1)


async def test_missing_base_url_names_the_setting():
    """An API without a URL is a ConfigError before anything is sent."""
    async with AmiliClient(environment=Environment("x"), transport=FakeTransport([])) as amili:
        with pytest.raises(errors.ConfigError, match="AMILI_COLLECTION_URL"):
            await amili.collection.invoices.get(ORG, "i1")


async def test_hooks_see_the_life_of_a_call():
    """Attempts, retry and request are reported in order, without ids."""
    hooks = Recorder()
    async with make_client([failing(500), INVOICE], hooks=hooks) as amili:
        await amili.collection.invoices.get(ORG, "i1")
    kinds = [type(event).__name__ for event in hooks.events]
    assert kinds == ["TokenEvent", "AttemptEvent", "RetryEvent", "AttemptEvent", "RequestEvent"]
    _, attempt, retry, _, request = hooks.events
    assert (attempt.status, attempt.attempt, retry.reason, request.attempts, request.status) == (
        500,
        1,
        "outcome unknown",
        2,
        200,
    )
    assert request.error is None
    assert ORG not in repr(hooks.events)


async def test_hooks_see_failures():
    """A call that fails is reported with its error, and so is a try without an answer."""
    hooks = Recorder()
    async with make_client([errors.OutcomeUnknownError("lost")], hooks=hooks, retry=RetryPolicy(attempts=1)) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.invoices.get(ORG, "i1")
    attempt, request = hooks.events[1:]
    assert (attempt.status, request.status, type(request.error)) == (None, None, errors.OutcomeUnknownError)


async def test_a_hook_that_fails_does_no_harm(caplog):
    """An exception in a hook is logged, the call goes on."""

    class Bad(Hooks):
        def on_request(self, event):
            raise RuntimeError("oops")

    async with make_client([INVOICE], hooks=Bad()) as amili:
        assert (await amili.collection.invoices.get(ORG, "i1")).id == "i1"
    assert "a hook failed on RequestEvent" in caplog.text


async def test_one_debug_line_per_attempt_and_one_warning_per_retry(caplog):
    """The log names method, template, status and time; never ids or queries."""
    caplog.set_level(logging.DEBUG, logger="amili_async")
    async with make_client([failing(500), json_reply({"data": []})]) as amili:
        await amili.collection.cases.list(ORG, search_term="Nordmann")
    levels = [record.levelname for record in caplog.records]
    assert levels == ["DEBUG", "WARNING", "DEBUG"]
    assert "GET /orgs/{organizationId}/cases: attempt 1, 500" in caplog.text
    assert "Nordmann" not in caplog.text
    assert ORG not in caplog.text


async def test_abandoned_attempts_are_logged_as_such(caplog):
    """A cancelled try leaves one line too."""
    caplog.set_level(logging.DEBUG, logger="amili_async")

    async def hang(request):
        await asyncio.Event().wait()

    async with make_client(hang) as amili:
        task = asyncio.create_task(amili.collection.invoices.get(ORG, "i1"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert "abandoned" in caplog.text


async def test_a_closed_client_says_so():
    """Calls after aclose fail with one clear sentence; closing twice does no harm."""
    amili = make_client([])
    await amili.aclose()
    await amili.aclose()
    with pytest.raises(errors.ConfigError, match="closed"):
        await amili.collection.invoices.get(ORG, "i1")


async def test_open_shapes_are_read_as_they_come():
    """Where no shape is known: JSON with exact numbers, text, or nothing."""
    bodies = [b'{"a": 1.10}', b"Healthy", b"", b"\xff"]
    async with make_client([Reply(200, {}, body) for body in bodies], paths={"identity.health": "/health"}) as amili:
        found = [await amili.identity.health() for _ in bodies]
    assert (str(found[0]["a"]), *found[1:]) == ("1.10", "Healthy", None, b"\xff")


async def test_own_struct_as_body():
    """A Struct goes out under its wire names, Decimals as numbers."""

    class Thing(msgspec.Struct, rename="camel"):
        big_amount: int

    async with make_client([json_reply({}, 202)]) as amili:
        await amili.call(SUBMIT, ORG, body=Thing(5))
    request = amili.transport.requests[0]
    assert (request.body, request.headers["Content-Type"]) == (b'{"bigAmount":5}', "application/json")


async def test_operations_are_one_sorted_table():
    """operations() gives every operation once, by name."""
    names = [operation.name for operation in operations()]
    assert names == sorted(set(names))
    assert {"collection.cases.list", "identity.token"} <= set(names)
