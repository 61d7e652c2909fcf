"""Tokens: single flight, early renewal, rejection by identity, shared failures."""

from __future__ import annotations

import asyncio

import pytest

from amili_async import (
    AccessToken,
    AmiliClient,
    ClientCredentials,
    Hooks,
    RequestOptions,
    RetryPolicy,
    StaticToken,
    TokenCache,
    errors,
)
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

from .kit import ENVIRONMENT, ORG, make_client

pytestmark = pytest.mark.asyncio

CREDENTIALS = ClientCredentials("client-1", "hunter2")
PAGE = json_reply({"data": [{"caseId": "c1"}]})


class Server:
    """Identity host and API in one function: issues tokens t1, t2 ... and accepts those it does not refuse."""

    def __init__(self, lifetime=3600.0, **answer):
        self.issued = 0
        self.calls = 0
        self.refused = set()
        self.identity = None
        self.answer = {"token_type": "Bearer", "expires_in": lifetime} | answer

    async def __call__(self, request):
        """Answer a request."""
        await asyncio.sleep(0)
        if request.url.endswith("/identity/token"):
            if self.identity is not None:
                return self.identity
            self.issued += 1
            return json_reply({"access_token": f"t{self.issued}"} | self.answer)
        self.calls += 1
        token = request.headers["Authorization"].removeprefix("Bearer ")
        return Reply(401, {}, b"") if token in self.refused else PAGE

    def token_requests(self, transport):
        """Count the token calls."""
        return sum(request.url.endswith("/token") for request in transport.requests)


def connect(server, clock=None, **settings):
    """Return a client with client credentials over the server."""
    return make_client(FakeTransport(server), credentials=CREDENTIALS, clock=clock, **settings)


async def read(amili):
    """Make one call."""
    return await amili.collection.cases.list(ORG)


async def test_a_thousand_first_calls_make_one_token_request():
    """Whoever comes first fetches the token, the others wait for it."""
    server = Server()
    async with connect(server) as amili:
        await asyncio.gather(*(read(amili) for _ in range(1_000)))
        form = next(request for request in amili.transport.requests if request.url.endswith("/token"))
    assert (server.issued, server.calls) == (1, 1_000)
    assert form.body == b"grant_type=client_credentials&client_id=client-1&client_secret=hunter2"
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in form.headers


async def test_fifty_late_refusals_cost_one_renewal():
    """A refused token is dropped by identity: those who come late with the same one find a new one."""
    server = Server()
    async with connect(server) as amili:
        await read(amili)
        server.refused = {"t1"}
        await asyncio.gather(*(read(amili) for _ in range(50)))
    assert server.issued == 2


async def test_a_refused_renewal_is_final():
    """A second 401, with a new token, is raised; the call was repeated once."""
    server = Server()
    server.refused = {"t1", "t2"}
    async with connect(server) as amili:
        with pytest.raises(errors.Unauthorized) as caught:
            await read(amili)
    assert (server.issued, server.calls, caught.value.attempts) == (2, 2, 2)


async def test_a_repeat_after_401_does_not_use_up_the_attempts():
    """The repeat with another token comes on top of the policy's attempts, also where that allows only one."""
    server = Server()
    server.refused = {"t1"}
    async with connect(server, retry=RetryPolicy(attempts=1)) as amili:
        response = await amili.call("collection.cases.list", ORG)
    assert response.attempts == 2


async def test_static_tokens_are_not_repeated():
    """There is nothing to renew, so a refusal is final."""
    server = Server()
    server.refused = {"t0ken"}
    async with make_client(FakeTransport(server), credentials=StaticToken("t0ken")) as amili:
        with pytest.raises(errors.Unauthorized):
            await read(amili)
    assert (server.issued, server.calls) == (0, 1)


@pytest.mark.parametrize(
    ("answer", "lifetime"),
    [
        ({"expires_in": 3600}, 3600),
        ({"expires_in": "3600"}, 3600),
        ({"expires_in": "3600", "expires_on": "1", "not_before": "x"[:0] or "0"}, 3600),
        ({"expires_in": None, "expires_on": "5000", "not_before": "2000"}, 3000),
    ],
)
async def test_life_is_measured_by_durations(answer, lifetime):
    """Numbers or strings; clocks that disagree do not matter: a token is renewed a minute before its end."""
    server, clock = Server(**answer), FakeClock(unix=9e9)
    async with connect(server, clock) as amili:
        await read(amili)
        clock.advance(lifetime - 61)
        await read(amili)
        assert server.issued == 1
        clock.advance(2)
        await read(amili)
        assert server.issued == 2


async def test_short_lived_tokens_have_a_short_margin():
    """The margin is a tenth of the life, if that is less than a minute."""
    server, clock = Server(lifetime=100), FakeClock()
    async with connect(server, clock) as amili:
        for step, issued in [(0, 1), (89, 1), (2, 2)]:
            clock.advance(step)
            await read(amili)
            assert server.issued == issued


@pytest.mark.parametrize("answer", [{"expires_in": None}, {"expires_in": None, "expires_on": 5}])
async def test_a_token_of_unknown_life_serves_until_it_is_refused(answer):
    """Without durations in the answer only a 401 ends a token."""
    server, clock = Server(**answer), FakeClock()
    async with connect(server, clock) as amili:
        await read(amili)
        clock.advance(1e7)
        await read(amili)
        assert server.issued == 1
        server.refused = {"t1"}
        await read(amili)
    assert server.issued == 2


async def test_a_token_that_is_born_dead_serves_once():
    """A life of nothing, or less, does not loop: each call fetches one."""
    server = Server(lifetime=-5)
    async with connect(server) as amili:
        await read(amili)
        await read(amili)
    assert server.issued == 2


async def test_an_outage_of_the_identity_host_is_not_noticed_while_the_token_is_valid():
    """An early renewal that fails is tried once, without waits, and not again at once; the old token serves on."""
    events = []

    class Listening(Hooks):
        def on_token(self, event):
            events.append(event.what)

    server, clock = Server(), FakeClock()
    async with connect(server, clock, hooks=Listening()) as amili:
        await read(amili)
        server.identity = Reply(503, {}, b"")
        clock.advance(3600 - 59)
        before = clock.monotonic()
        await asyncio.gather(*(read(amili) for _ in range(20)))
        assert clock.monotonic() == before
        assert server.token_requests(amili.transport) == 2
        clock.advance(16)
        await read(amili)
        assert server.token_requests(amili.transport) == 3
        server.identity = None
        clock.advance(16)
        await read(amili)
    assert events == ["obtained", "early_renewal_failed", "early_renewal_failed", "renewed"]


async def test_nobody_waits_for_an_early_renewal():
    """While one task renews ahead of time, the others go on with the valid token."""
    server, clock = Server(), FakeClock()
    hold = asyncio.Event()

    async def slow(request):
        if request.url.endswith("/token") and server.issued:
            await hold.wait()
        return await server(request)

    async with connect(slow, clock) as amili:
        await read(amili)
        clock.advance(3600 - 30)
        renewing = asyncio.create_task(read(amili))
        await asyncio.sleep(0)
        await asyncio.wait_for(read(amili), 1)
        hold.set()
        await renewing
    assert server.issued == 2


async def test_a_cancelled_fetch_hands_over_to_the_next():
    """When the task that fetches the token is cancelled, another one fetches it."""
    server = Server()
    first = True

    async def handler(request):
        nonlocal first
        if request.url.endswith("/token") and first:
            first = False
            await asyncio.Event().wait()
        return await server(request)

    async with connect(handler) as amili:
        fetching = asyncio.create_task(read(amili))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(read(amili))
        await asyncio.sleep(0)
        fetching.cancel()
        await waiting
    assert server.issued == 1


async def test_those_who_wait_share_a_failure():
    """One outage costs one round of token requests, however many wait; later calls try anew."""
    server = Server()
    server.identity = Reply(400, {}, b'{"error": "invalid_client"}')
    async with connect(server) as amili:
        results = await asyncio.gather(*(read(amili) for _ in range(16)), return_exceptions=True)
        assert {type(result) for result in results} == {errors.BadRequest}
        assert {result.path for result in results} == {"/token"}
        assert server.token_requests(amili.transport) == 1
        server.identity = None
        await read(amili)
    assert server.issued == 1


async def test_a_deadline_of_the_fetcher_is_not_shared():
    """That one caller's time was up says nothing about the others."""
    server = Server()
    first = True

    async def handler(request):
        nonlocal first
        if request.url.endswith("/token") and first:
            first = False
            await asyncio.Event().wait()
        return await server(request)

    async with connect(handler) as amili:
        hurried = asyncio.create_task(amili.call("collection.cases.list", ORG, options=RequestOptions(timeout=0.03)))
        await asyncio.sleep(0)
        patient = asyncio.create_task(read(amili))
        with pytest.raises(errors.NotSentTimeout) as caught:
            await hurried
        await patient
    assert caught.value.phase == "token"


@pytest.mark.parametrize("trouble", [errors.OutcomeUnknownError("lost"), errors.NotSentError("refused")])
async def test_no_token_means_not_sent(trouble):
    """When the token call is lost, the call that needed it was not sent, and says so; it is not repeated on top."""
    server = Server()
    server.identity = trouble
    async with connect(server) as amili:
        with pytest.raises(errors.NotSentError):
            await read(amili)
        assert server.token_requests(amili.transport) == 4
    assert server.calls == 0


async def test_identity_trouble_that_passes_is_survived():
    """The token call is repeated like any read."""
    server = Server()
    server.identity = Reply(503, {}, b"")

    async def handler(request):
        answer = await server(request)
        server.identity = None
        return answer

    async with connect(handler) as amili:
        await read(amili)
    assert server.issued == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX: y"},
        {"access_token": 5},
        {"access_token": "ø"},
    ],
)
async def test_tokens_that_cannot_be_sent_are_refused(answer):
    """A missing token, or one that would break the header, is a DecodeError of the token call."""
    async with make_client([json_reply(answer)], credentials=CREDENTIALS) as amili:
        with pytest.raises(errors.DecodeError):
            await read(amili)


async def test_user_made_credentials():
    """Any object with `obtain` serves; it may use the token call, and gets its renewals asked for."""
    made = []

    class Vault:
        async def obtain(self, exchange):
            made.append(1)
            return AccessToken(f"v{len(made)}", lifetime=100)

    server, clock = Server(), FakeClock()
    async with make_client(FakeTransport(server), credentials=Vault(), clock=clock) as amili:
        await read(amili)
        clock.advance(95)
        await read(amili)
    assert len(made) == 2


async def test_clients_can_share_tokens():
    """A TokenCache given to two clients is asked once."""
    server = Server()
    cache = TokenCache(CREDENTIALS)
    async with (
        make_client(FakeTransport(server), credentials=cache) as one,
        make_client(FakeTransport(server), credentials=cache) as two,
    ):
        await read(one)
        await read(two)
        assert (await two.identity.token()).access_token == "t2"
    assert server.issued == 2


async def test_scope_is_sent_if_given():
    """Whether the service takes a scope is not documented, so none goes out by default."""
    server = Server()
    credentials = ClientCredentials("a", "b", scope="write:collection.case")
    async with make_client(FakeTransport(server), credentials=credentials) as amili:
        await read(amili)
    assert b"scope=write%3Acollection.case" in amili.transport.requests[0].body


async def test_no_credentials_says_what_to_set():
    """A call that needs a token, without any, names the ways to give one."""
    async with AmiliClient(environment=ENVIRONMENT, transport=FakeTransport([])) as amili:
        with pytest.raises(errors.ConfigError, match="AMILI_CLIENT_ID"):
            await read(amili)
        with pytest.raises(errors.ConfigError, match="ClientCredentials"):
            await amili.identity.token()


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
        ({"AMILI_CLIENT_ID": "a"}, "set AMILI_CLIENT_SECRET"),
        ({"AMILI_CLIENT_SECRET": "hunter2"}, "set AMILI_CLIENT_ID"),
        ({"AMILI_CLIENT_ID": "a", "AMILI_CLIENT_SECRET": "hunter2", "AMILI_TOKEN": "t"}, "not both"),
    ],
)
async def test_credentials_from_variables_are_whole_or_nothing(environ, missing):
    """Missing or contradictory variables are named, their values not."""
    with pytest.raises(errors.ConfigError, match=missing) as caught:
        AmiliClient.from_env(environ)
    assert "hunter2" not in str(caught.value)


async def test_client_from_variables():
    """Credentials and environment come from the variables; arguments go on top."""
    environ = {"AMILI_CLIENT_ID": "client-1", "AMILI_CLIENT_SECRET": "hunter2", "AMILI_ENVIRONMENT": "http://127.0.0.1:1"}
    transport = FakeTransport(Server())
    async with AmiliClient.from_env(environ, transport=transport) as amili:
        assert amili.environment == ENVIRONMENT
        await read(amili)
    transport = FakeTransport(Server())
    async with AmiliClient.from_env({"AMILI_TOKEN": "abc"}, transport=transport) as amili:
        await read(amili)
    assert transport.requests[0].headers["Authorization"] == "Bearer abc"


@pytest.mark.parametrize("bad", [("", "x"), ("x", "")])
async def test_empty_credentials_are_refused(bad):
    """Empty values fail where they are written."""
    with pytest.raises(errors.ConfigError):
        ClientCredentials(*bad)


async def test_reprs_hide_secrets():
    """No repr of anything that holds a secret shows it."""
    server = Server()
    cache = TokenCache(CREDENTIALS)
    async with make_client(FakeTransport(server), credentials=cache) as amili:
        await read(amili)
        answer = await amili.identity.token()
        shown = "".join(
            map(repr, [CREDENTIALS, StaticToken("t0p"), AccessToken("t0p"), cache, amili, answer, *amili.transport.requests])
        )
    assert not any(secret in shown for secret in ("hunter2", "t0p", "t1", "'t2'"))
