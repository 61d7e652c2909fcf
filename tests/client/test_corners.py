"""Corners that everyday use does not reach, each with its own promise."""

from __future__ import annotations

import asyncio
import gzip
import importlib
import json
import logging
import sys

import aiohttp
import pytest

import amili_async
from amili_async import AmiliClient, ClientCredentials, Environment, Hooks, Limits, RequestOptions, TokenCache, errors
from amili_async.hooks import TokenEvent
from amili_async.identity.models import TokenResponse
from amili_async.inflate import inflate
from amili_async.testing import FakeClock, FakeTransport, Reply, Request, json_reply
from amili_async.transport import AiohttpTransport

from .kit import ORG, make_client, pages_by_token, query_of

pytestmark = pytest.mark.asyncio


async def test_a_library_does_not_write_to_the_terminal():
    """The package's logger has a handler that does nothing, and none that does something."""
    handlers = logging.getLogger("amili_async").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)
    assert amili_async.errors is errors


async def test_without_isal_zlib_does_it(monkeypatch):
    """The faster unpacker is optional."""
    monkeypatch.setitem(sys.modules, "isal", None)
    module = importlib.reload(importlib.import_module("amili_async.inflate"))
    try:
        assert module.inflate(gzip.compress(b"x"), "gzip", 10) == b"x"
    finally:
        monkeypatch.undo()
        importlib.reload(module)
    assert inflate(b"x", "identity", 10) == b"x"


async def test_a_late_token_call_says_that_nothing_was_sent():
    """When the total time ends inside the token call, the call that waits for the token was not sent."""

    class Oversleeping(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds + 500)

    clock = Oversleeping()
    async with make_client([errors.NotSentError("x")], credentials=ClientCredentials("a", "b"), clock=clock) as amili:
        with pytest.raises(errors.NotSentTimeout) as caught:
            await amili.collection.cases.list(ORG)
    assert caught.value.phase == "token"


async def test_a_token_call_under_way_does_not_hold_up_a_valid_token():
    """While somebody holds the lock, whoever has a valid token goes on with it."""
    clock = FakeClock()

    class Given:
        async def obtain(self, exchange):
            return amili_async.AccessToken("t", lifetime=100)

    cache = TokenCache(Given(), clock)

    async def exchange(form):
        return TokenResponse(access_token="t")

    token = await cache.get(exchange, exchange, Hooks())
    clock.advance(95)
    async with cache._lock:  # another task has it
        assert await asyncio.create_task(cache.get(exchange, exchange, Hooks())) is token
    assert TokenEvent(what="rejected").lifetime is None


async def test_identity_refresh_is_a_plain_call():
    """The guessed refresh sends what it is given, and is not repeated."""
    async with make_client([json_reply({"access_token": "x"})]) as amili:
        with pytest.warns(errors.UnconfirmedOperationWarning, match="refresh"):
            assert await amili.identity.refresh({"refresh_token": "r"}) == {"access_token": "x"}
    assert amili.transport.requests[0].body == b'{"refresh_token":"r"}'


async def test_bad_bytes_in_one_row_cost_that_row():
    """A row with bytes that are no UTF-8 is set aside, without an id where none can be read; the others come."""
    rows = b'{"data":[{"caseId":"a","status":7},{"caseId":"b","description":"\xff"},{"caseId":"c"}],"summary":{}}'
    async with make_client([Reply(200, {}, rows)]) as amili:
        page = await amili.collection.cases.list(ORG, on_invalid="collect")
    assert [case.case_id for case in page] == ["c"]
    assert [(bad.index, bad.id) for bad in page.invalid] == [(0, "a"), (1, None)]


async def test_a_page_that_is_odd_and_damaged_is_damaged():
    """A page whose first rows are odd and whose end is missing is asked for again."""
    cut = Reply(200, {}, b'{"data":[{"caseId":5},{"caseId":"b"}')
    async with make_client([cut, json_reply({"data": [{"caseId": "b"}]})]) as amili:
        assert [case.case_id async for case in amili.collection.cases.list(ORG)] == ["b"]


async def test_prefetch_hands_on_rows_that_do_not_decode():
    """A bad row read ahead is the error that it is without reading ahead, and a body of another shape too."""
    bad = json_reply({"data": [{"caseId": 5}], "summary": {"nextPageToken": "x"}})
    shape = json_reply({"data": {}, "summary": {"nextPageToken": "x"}})
    for reply in (bad, shape):
        async with make_client(lambda _, reply=reply: reply) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
            with pytest.raises(errors.DecodeError) as caught:
                await anext(pages)
            assert caught.value.resume is not None


async def test_what_was_read_ahead_must_be_what_comes_next():
    """When the end of a page and its whole name different tokens, nobody guesses which is right."""
    body = b'{"cursorSummary":{"nextPageToken":"one"},"data":[{"caseId":"a"}],"summary":{"nextPageToken":"two"}}'
    odd = Reply(200, {}, body.replace(b'"cursorSummary"', b'"summary"', 1))
    two = json_reply({"data": [], "cursorSummary": {"nextPageToken": "b"}, "summary": {"nextPageToken": "a"}})
    async with make_client(lambda _: two) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        with pytest.raises(errors.PaginationError):
            async for _ in pages:
                pass
    async with make_client([odd, odd]) as amili, amili.collection.cases.list(ORG).prefetch(1) as pages:
        assert [case.case_id for case in await anext(pages)] == ["a"]


async def test_call_takes_page_token_and_size_from_the_query():
    """amili.call of a list can ask for any page, and sends neither parameter twice."""
    async with make_client(pages_by_token([["a"], ["b"], ["c"]])) as amili:
        page = (await amili.call("collection.cases.list", ORG, query={"PageToken": "t1", "PageSize": 7})).data
        assert [case.case_id for case in page] == ["b"]
        assert query_of(amili.transport.requests[0]) == {"PageToken": "t1", "PageSize": "7"}
        rest = [
            case.case_id
            async for page in amili.collection.cases.list(ORG, page_size=7).pages(resume=page.resume)
            for case in page
        ]
        for bad in ("x", "9" * 5_000, -1, "\uff11"):
            with pytest.raises(errors.ConfigError, match="page size"):
                await amili.call("collection.cases.list", ORG, query={"PageSize": bad})
    assert rest == ["c"]


async def test_unexpected_errors_ahead_reach_the_caller():
    """What is no AmiliError, such as an error in somebody's credentials, comes out as it is."""

    class Broken:
        async def obtain(self, exchange):
            raise ZeroDivisionError

    async with make_client([], credentials=Broken()) as amili:
        async with amili.collection.cases.list(ORG).prefetch(1) as pages:
            with pytest.raises(ZeroDivisionError):
                await anext(pages)
        with pytest.raises(ZeroDivisionError):
            await amili.collection.cases.list(ORG)


async def test_a_second_cancellation_does_not_leave_tasks_behind():
    """Whoever is cancelled while leaving still waits for the work ahead to end."""
    ending = asyncio.Event()

    async def stubborn(request):
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            for _ in range(20):
                await asyncio.sleep(0)

    async def read(amili):
        async with amili.collection.cases.list(ORG).prefetch(1) as pages:
            await anext(pages)

    async with make_client(stubborn) as amili:
        task = asyncio.create_task(read(amili))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await ending.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1


async def test_async_scripts_and_their_end():
    """The test kit tells when a script has come to its end."""
    transport = FakeTransport([])
    with pytest.raises(AssertionError, match="no answer left for GET"):
        async with AmiliClient(amili_async.StaticToken("t"), environment=Environment.STAGING, transport=transport) as amili:
            await amili.collection.invoices.get(ORG, "i1")


async def test_a_closed_transport_opens_nothing():
    """A call that was under way when the client was closed does not open a new session behind it."""
    transport = AiohttpTransport(amili_async.Limits())
    await transport.aclose()
    with pytest.raises(errors.ConfigError, match="closed"):
        await transport.send(Request("GET", "http://127.0.0.1:1/", {}, None, 1, 1))


async def test_deadlines_that_passed_before_an_attempt():
    """When the time is up before a try begins, it does not begin."""

    class Oversleeping(FakeClock):
        async def sleep(self, seconds):
            await super().sleep(seconds + 500)

    async with make_client([errors.NotSentError("x")], clock=Oversleeping()) as amili:
        with pytest.raises(errors.NotSentTimeout) as caught:
            await amili.collection.invoices.get(ORG, "i1", options=RequestOptions(timeout=5))
    assert caught.value.attempts == 1
    assert json.dumps(caught.value.headers) == "{}"
    assert aiohttp.__version__ >= "3.14"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab\x00de", b"ab\x00de"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\n\r\nabcde", b"abcde"),
    ],
)
async def test_a_body_is_what_came(answer, body):
    """Whatever length was announced: a body is the bytes that came, no more."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    transport = AiohttpTransport(Limits())
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reply = await transport.send(Request("GET", f"http://127.0.0.1:{port}/", {}, None, 5, 5))
        await transport.aclose()
    assert reply.body == body
