"""Credentials of one API: user name and password go there alone, the client's own token everywhere else."""

from __future__ import annotations

import base64
import logging
import pickle

import pytest

from amili_async import (
    AccessToken,
    AmiliClient,
    BasicCredentials,
    ClientCredentials,
    Environment,
    StaticToken,
    TokenCache,
    errors,
)
from amili_async.cli_access import Access, Stop, connect, credentials_of
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

from .kit import ENVIRONMENT, ORG, make_client

asynchronous = pytest.mark.asyncio

PASSWORD = "hunter2:ø s3cret"
HEADER = "Basic " + base64.b64encode(f"kari@example.no:{PASSWORD}".encode()).decode()
BASIC = BasicCredentials("kari@example.no", PASSWORD)
ELSEWHERE = Environment(
    "elsewhere",
    identity="https://identity.example",
    collection="https://api.example/collection/v1",
    arm="https://api.example/arm/v1",
    autocollect="https://autocollect.example/base",
)


def answer(request):
    """Answer for every API; a token call with tokens of one's own for each client."""
    if request.url.endswith("/token"):
        client_id = request.body.split(b"client_id=")[1].split(b"&")[0].decode()
        return json_reply({"access_token": f"token-of-{client_id}", "expires_in": 3600})
    return json_reply({"data": []})


def sent(amili):
    """Return the API and the Authorization header of every request but those for tokens."""
    found = [(request.url.split("/")[3], request.headers.get("Authorization")) for request in amili.transport.requests]
    return [it for it in found if it[0] != "identity"]


@asynchronous
async def test_each_api_gets_its_own_credentials():
    """One client: user name and password for AutoCollect, another token for ARM, the client's own for the rest."""
    own = {"autocollect": BASIC, "arm": ClientCredentials("other", "s"), "partner": StaticToken("p4rtner")}
    async with make_client(answer, credentials=ClientCredentials("main", "s"), api_credentials=own) as amili:
        await amili.autocollect.batch.get()
        await amili.collection.cases.list(ORG)
        await amili.call("arm.customers.list", 2218)
        with pytest.warns(UserWarning, match=r"partner\."):
            await amili.call("partner.companies.list")
        await amili.with_options(timeout=5).autocollect.batch.get()
        assert (await amili.identity.token()).access_token == "token-of-main"
    assert sent(amili) == [
        ("autocollect", HEADER),
        ("collection", "Bearer token-of-main"),
        ("arm", "Bearer token-of-other"),
        ("partner", "Bearer p4rtner"),
        ("autocollect", HEADER),
    ]


@asynchronous
async def test_a_password_alone_is_enough_for_its_api():
    """Other APIs have no credentials then, and say so before anything is sent."""
    transport = FakeTransport(answer)
    settings = {"environment": ENVIRONMENT, "transport": transport, "api_credentials": {"autocollect": BASIC}}
    async with AmiliClient(**settings) as amili:
        await amili.autocollect.batch.get()
        with pytest.raises(errors.ConfigError, match="no credentials"):
            await amili.collection.cases.list(ORG)
    assert [request.headers["Authorization"] for request in transport.requests] == [HEADER]


@asynchronous
async def test_without_credentials_of_its_own_an_api_gets_the_token():
    """AutoCollect takes a bearer token, too, and that is the default."""
    async with make_client(answer) as amili:
        await amili.autocollect.batch.get()
    assert sent(amili) == [("autocollect", "Bearer t0ken")]


@asynchronous
async def test_a_refused_password_is_final():
    """There is nothing to renew: one request, and `Unauthorized`; the client's own token is not touched by it."""
    refused = 0

    def handler(request):
        nonlocal refused
        if "autocollect" in request.url:
            refused += 1
            return Reply(401, {"www-authenticate": "Basic"}, b"")
        return answer(request)

    async with make_client(handler, credentials=ClientCredentials("main", "s"), api_credentials={"autocollect": BASIC}) as amili:
        await amili.collection.cases.list(ORG)
        for count in (1, 2):
            with pytest.raises(errors.Unauthorized) as caught:
                await amili.autocollect.batch.get()
            assert (caught.value.attempts, refused) == (1, count)
        with pytest.raises(errors.Unauthorized):
            await amili.autocollect.batch.submit({})
        await amili.collection.cases.list(ORG)
    assert sum(request.url.endswith("/token") for request in amili.transport.requests) == 1
    assert refused == 3


@asynchronous
async def test_a_refused_token_of_one_api_is_renewed_alone():
    """A 401 renews the token of the API that gave it, not the client's own."""
    issued = []

    def handler(request):
        if request.url.endswith("/token"):
            issued.append(request.body.split(b"client_id=")[1].split(b"&")[0].decode())
            return json_reply({"access_token": f"{issued[-1]}{len(issued)}", "expires_in": 3600})
        return Reply(401, {}, b"") if request.headers["Authorization"].endswith("other2") else json_reply({"data": []})

    own = {"autocollect": ClientCredentials("other", "s")}
    async with make_client(handler, credentials=ClientCredentials("main", "s"), api_credentials=own) as amili:
        await amili.collection.cases.list(ORG)
        await amili.autocollect.batch.get()
        await amili.collection.cases.list(ORG)
    assert issued == ["main", "other", "other"]
    assert sent(amili)[-1] == ("collection", "Bearer main1")


@asynchronous
@pytest.mark.parametrize(
    ("location", "header"),
    [
        ("/base/webapi/other", HEADER),
        ("https://autocollect.example/base/x?y=1", HEADER),
        ("https://AUTOCOLLECT.example:443/base/x", HEADER),
        ("/elsewhere", None),
        ("/basement/x", None),
        ("https://autocollect.example/base/../collection/v1", None),
        ("https://autocollect.example/base/%2e%2e/collection", None),
        ("https://autocollect.example/base/%252e%252e/collection", None),
        ("https://autocollect.example/base/x\\..\\..\\collection", None),
        ("https://autocollect.example/base/%5c..%5ccollection", None),
        ("https://api.example/collection/v1/orgs", None),
        ("https://identity.example/token", None),
        ("https://autocollect.example:8443/base/x", None),
        ("https://autocollect.example.evil.example/base/x", None),
        ("https://evil.example/base/x", None),
    ],
)
async def test_a_password_goes_nowhere_else_by_redirect(location, header):
    """It stays below the base URL of its API: another API, even at the same host, does not get to see it."""
    transport = FakeTransport([Reply(302, {"location": location}, b""), json_reply({})])
    settings = {"environment": ELSEWHERE, "transport": transport, "api_credentials": {"autocollect": BASIC}}
    async with AmiliClient(StaticToken("t0ken"), **settings) as amili:
        await amili.autocollect.batch.get()
    first, second = (request.headers.get("Authorization") for request in transport.requests)
    assert (first, second) == (HEADER, header)


@asynchronous
@pytest.mark.parametrize(("own", "header"), [({"autocollect": BASIC}, None), (None, "Bearer t0ken")])
async def test_the_token_does_not_go_to_an_api_with_credentials_of_its_own(own, header):
    """A redirect from another API to it carries the client's token only if that is the one it takes."""
    location = "https://autocollect.example/base/webapi/api/Batch"
    transport = FakeTransport([Reply(302, {"location": location}, b""), json_reply({"data": []})])
    settings = {"environment": ELSEWHERE, "transport": transport, "api_credentials": own}
    async with AmiliClient(StaticToken("t0ken"), **settings) as amili:
        await amili.collection.cases.list(ORG)
    assert transport.requests[1].headers.get("Authorization") == header


@asynchronous
@pytest.mark.parametrize(
    ("autocollect", "location", "header"),
    [
        ("/legacy", "/arm/v1/clients", "Bearer t0ken"),
        ("/legacy", "/legacyarm/x", "Bearer t0ken"),
        ("/legacy", "/other", "Bearer t0ken"),
        ("/legacy", "/legacy", None),
        ("/legacy", "/legacy/webapi/api/Batch", None),
        ("/legacy", "https://API.example:443//LEGACY/webapi", None),
        ("/legacy", "/%6cegacy/webapi", None),
        ("/legacy", "/%256cegacy/webapi", None),
        ("/legacy", "/arm/v1/../../legacy/webapi", None),
        ("/legacy", "/arm/v1/%2e%2e%5c..%2flegacy/webapi", None),
        ("/legacy", "/\\arm\\..\\legacy\\webapi", None),
        ("/arm", "/arm/v1/clients", "Bearer t0ken"),
        ("/arm", "/arm/v2/clients", None),
        ("", "/arm/v1/clients", "Bearer t0ken"),
        ("", "/webapi/api/Batch", None),
        ("/arm/v1", "/arm/v1/clients", "Bearer t0ken"),
    ],
)
async def test_the_token_does_not_go_below_an_api_at_the_same_host(autocollect, location, header):
    """Of two APIs at one host the longer base path counts; where both have the same, a path is anybody's."""
    urls = {"arm": "https://api.example/arm/v1", "autocollect": f"https://api.example{autocollect}"}
    transport = FakeTransport([Reply(302, {"location": location}, b""), json_reply({"customers": []})])
    settings = {"environment": Environment("shared", **urls), "transport": transport, "api_credentials": {"autocollect": BASIC}}
    async with AmiliClient(StaticToken("t0ken"), **settings) as amili:
        await amili.arm.customers.get(2218, "a/../%2e%2e 1")
    first, second = (request.headers.get("Authorization") for request in transport.requests)
    assert (first, second) == ("Bearer t0ken", header)


@asynchronous
async def test_a_stranger_that_refuses_renews_nothing():
    """A 401 of somebody who has not seen the password says nothing about it."""
    transport = FakeTransport([Reply(302, {"location": "https://evil.example/"}, b""), Reply(401, {}, b"")])
    settings = {"environment": ELSEWHERE, "transport": transport, "api_credentials": {"autocollect": BASIC}}
    async with AmiliClient(**settings) as amili:
        with pytest.raises(errors.Unauthorized) as caught:
            await amili.autocollect.batch.get()
    assert caught.value.attempts == 1


@pytest.mark.parametrize(
    ("username", "password", "text"),
    [
        ("", "p", "username must not be empty"),
        ("u", "", "password must not be empty"),
        ("u:v", "p", "colon"),
        ("u\n", "p", "username must not hold control"),
        ("u", "p\x00", "password must not hold control"),
        ("u", "p\x85", "password must not hold control"),
        ("u", "p\ud800", "password must not hold control"),
    ],
)
def test_passwords_that_cannot_be_sent_are_refused(username, password, text):
    """A wrong value fails where it is written, and is not shown."""
    with pytest.raises(errors.ConfigError, match=text) as caught:
        BasicCredentials(username, password)
    assert "u:v" not in str(caught.value)


def test_a_scheme_is_a_word():
    """A token carries its scheme into the header; one that would break the header is refused."""
    assert AccessToken("x").authorization == "Bearer x"
    assert AccessToken("x", scheme="Basic").authorization == "Basic x"
    for scheme in ("", "Basic x", "Bea\nrer", "1st"):
        with pytest.raises(errors.ConfigError, match="scheme"):
            AccessToken("x", scheme=scheme)


@pytest.mark.parametrize("credentials", [BASIC, TokenCache(BASIC)])
def test_a_password_is_not_for_all_apis(credentials):
    """As the client's own it would go to every API: that is refused, with what to write instead."""
    with pytest.raises(errors.ConfigError, match="api_credentials="):
        AmiliClient(credentials)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ({"autocolect": BASIC}, "there is no API 'autocolect'; there are identity"),
        ({"autocollect": ("user", "s3cret")}, r"api_credentials\['autocollect'\] must be"),
        ({"autocollect": None}, r"api_credentials\['autocollect'\] must be"),
    ],
)
def test_credentials_of_single_apis_are_checked(own, text):
    """Names of APIs that do not exist, and what is no credentials, fail when the client is made."""
    with pytest.raises(errors.ConfigError, match=text) as caught:
        AmiliClient(StaticToken("t"), api_credentials=own)
    assert "s3cret" not in str(caught.value)


@asynchronous
async def test_nothing_shows_a_password(caplog):
    """No repr, log line, error or pickle of an error holds the user name, the password or the header made of them."""
    caplog.set_level(logging.DEBUG, "amili_async")
    cache = TokenCache(BASIC)
    async with make_client(lambda _: Reply(401, {}, b""), api_credentials={"autocollect": cache}) as amili:
        with pytest.raises(errors.Unauthorized) as caught:
            await amili.autocollect.batch.get()
        token = await BASIC.obtain(None)
        shown = [BASIC, cache, token, amili, caught.value, *amili.transport.requests, pickle.dumps(caught.value)]
    text = caplog.text + "".join(map(repr, shown))
    assert not any(secret in text for secret in ("kari", "hunter2", "s3cret", HEADER.split()[1]))
    assert "Bearer" in text or "Basic" in text


VARIABLES = {"AMILI_AUTOCOLLECT_USERNAME": "kari@example.no", "AMILI_AUTOCOLLECT_PASSWORD": PASSWORD}
SANDBOX = {"AMILI_ENVIRONMENT": "http://127.0.0.1:1"}


@asynchronous
@pytest.mark.parametrize("main", [{}, {"AMILI_TOKEN": "t0ken"}, {"AMILI_CLIENT_ID": "main", "AMILI_CLIENT_SECRET": "s"}])
async def test_client_from_variables(main):
    """The variables of AutoCollect serve with or without the client's own."""
    transport = FakeTransport(answer)
    async with AmiliClient.from_env({**SANDBOX, **VARIABLES, **main}, transport=transport, clock=FakeClock()) as amili:
        await amili.autocollect.batch.get()
        if main:
            await amili.collection.cases.list(ORG)
        else:
            with pytest.raises(errors.ConfigError, match="no credentials"):
                await amili.collection.cases.list(ORG)
    assert transport.requests[0].headers["Authorization"] == HEADER
    assert all(request.headers.get("Authorization") != HEADER for request in transport.requests[1:])


@asynchronous
async def test_arguments_go_before_variables():
    """What is written in the program counts."""
    transport = FakeTransport(answer)
    environ = {**SANDBOX, **VARIABLES, "AMILI_TOKEN": "t0ken"}
    async with AmiliClient.from_env(environ, transport=transport, api_credentials={}) as amili:
        await amili.autocollect.batch.get()
    assert transport.requests[0].headers["Authorization"] == "Bearer t0ken"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"AMILI_AUTOCOLLECT_USERNAME": "kari"}, "set AMILI_AUTOCOLLECT_PASSWORD"),
        ({"AMILI_AUTOCOLLECT_PASSWORD": "hunter2", "AMILI_AUTOCOLLECT_USERNAME": " "}, "set AMILI_AUTOCOLLECT_USERNAME"),
        ({**VARIABLES, "AMILI_CLIENT_ID": "main"}, "set AMILI_CLIENT_SECRET"),
        ({}, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
    ],
)
def test_half_given_variables_are_named(environ, missing):
    """Which variable is missing is said, what the others hold is not."""
    with pytest.raises(errors.ConfigError, match=missing) as caught:
        AmiliClient.from_env({**environ, "AMILI_TOKEN": ""})
    assert not any(secret in str(caught.value) for secret in ("kari", "hunter2"))


@pytest.fixture
def variables(monkeypatch):
    """Set the environment of a command."""

    def put(**values):
        for name in ("AMILI_TOKEN", "AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_ENVIRONMENT", *VARIABLES):
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


@asynchronous
async def test_a_command_that_calls_one_api_needs_its_credentials_only(variables):
    """`amili call autocollect...` works with user name and password alone; other commands ask for the client's own."""
    variables(**SANDBOX, **VARIABLES)
    async with connect(Access(), api="autocollect") as (amili, _):
        amili._session._transport = transport = FakeTransport(answer)
        await amili.call("autocollect.batch.get")
    assert transport.requests[0].headers["Authorization"] == HEADER
    for api in ("collection", None):
        with pytest.raises(Stop, match="no credentials"):
            async with connect(Access(), api=api):
                pass
    variables(AMILI_TOKEN="t", AMILI_AUTOCOLLECT_USERNAME="kari")
    with pytest.raises(Stop, match="set AMILI_AUTOCOLLECT_PASSWORD") as caught:
        async with connect(Access()):
            pass
    assert caught.value.code == 4


@asynchronous
async def test_a_file_replaces_credentials_group_by_group(variables, tmp_path):
    """User name and password come from the file or the environment as a pair, and leave the token alone."""
    variables(**SANDBOX, AMILI_TOKEN="t0ken", AMILI_AUTOCOLLECT_USERNAME="old", AMILI_AUTOCOLLECT_PASSWORD="old")
    path = tmp_path / "amili.env"
    path.write_text("AMILI_AUTOCOLLECT_USERNAME=kari@example.no\n")
    with pytest.raises(Stop, match="set AMILI_AUTOCOLLECT_PASSWORD"):
        async with connect(Access(env_file=path)):
            pass
    path.write_text("".join(f"{name}={value}\n" for name, value in VARIABLES.items()))
    assert credentials_of(Access(env_file=path)) == StaticToken("t0ken")
    async with connect(Access(env_file=path)) as (amili, _):
        amili._session._transport = transport = FakeTransport(answer)
        await amili.autocollect.batch.get()
    assert transport.requests[0].headers["Authorization"] == HEADER
