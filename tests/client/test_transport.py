"""The aiohttp transport, over aioresponses: what goes in, what comes out, and what is known of each failure."""

from __future__ import annotations

import asyncio
import ssl
from unittest.mock import Mock

import aiohttp
import pytest

from amili_async import AmiliClient, ClientCredentials, Limits, RetryPolicy, StaticToken, errors

from .kit import ENVIRONMENT, ORG, TOKEN_URL, URL

pytestmark = pytest.mark.asyncio

ONCE = RetryPolicy(attempts=1)


def client(**settings):
    """Return a client over aiohttp."""
    return AmiliClient(settings.pop("credentials", StaticToken("t0ken")), environment=ENVIRONMENT, **settings)


async def test_a_call_over_aiohttp(mocked):
    """Token call and read go out as documented, through aiohttp's session."""
    mocked.post(TOKEN_URL, payload={"access_token": "abc", "token_type": "Bearer", "expires_in": 3600})
    mocked.get(URL, payload={"data": [{"caseId": "c1"}], "cursorSummary": {"nextPageToken": None}})
    async with client(credentials=ClientCredentials("id", "hunter2")) as amili:
        cases = await amili.collection.cases.list(ORG, status="OPEN").collect()
    assert [case.case_id for case in cases] == ["c1"]
    (_, first), (key, second) = mocked.requests.items()
    assert first[0].kwargs["data"] == b"grant_type=client_credentials&client_id=id&client_secret=hunter2"
    assert key[1].query["Status"] == "OPEN"
    assert second[0].kwargs["headers"]["Authorization"] == "Bearer abc"
    assert second[0].kwargs["allow_redirects"] is False


async def test_headers_are_lower_case_joined_and_without_cookies(mocked):
    """Names in lower case; cookies stay out of reach."""
    mocked.get(URL, payload={"data": {"id": "i1"}}, headers={"X-Request-Id": "r1", "Set-Cookie": "session=hunter2"})
    async with client() as amili:
        response = await amili.call("collection.invoices.get", ORG, "i1")
    assert response.request_id == "r1"
    assert "set-cookie" not in response.headers


KEY = Mock(host="api", port=443, ssl=True, is_ssl=True)


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError(111, "Connection refused")), errors.NotSentError, "Connection refused"),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "x")), errors.NotSentError, "host name is not known"),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("x")), errors.NotSentError, "not trusted"),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "Nordmann")), errors.NotSentError, "TLS failed; the server may"),
        (ssl.SSLError(1, "Nordmann"), errors.OutcomeUnknownError, "connection was lost: TLS failed"),
        (aiohttp.ClientConnectorError(KEY, OSError(-1, "x")), errors.NotSentError, "ClientConnectorError"),
        (aiohttp.ConnectionTimeoutError("https://api/?SearchTerm=Nordmann"), errors.NotSentError, "timed out"),
        (aiohttp.InvalidURL("https://api/?SearchTerm=Nordmann"), errors.NotSentError, "InvalidUrl"),
        (aiohttp.ServerDisconnectedError(), errors.OutcomeUnknownError, "connection was lost"),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), errors.OutcomeUnknownError, "Connection reset by peer"),
        (aiohttp.ClientPayloadError("not enough data"), errors.OutcomeUnknownError, "connection was lost"),
        (aiohttp.SocketTimeoutError("x"), errors.OutcomeUnknownError, "no answer for"),
        (OSError("odd"), errors.OutcomeUnknownError, "connection was lost"),
        (UnicodeError("label too long: Nordmann"), errors.NotSentError, "cannot connect"),
        (ValueError("Nordmann"), errors.OutcomeUnknownError, "cannot be understood: ValueError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_each_failure_says_whether_it_was_sent(mocked, failure, kind, text):
    """Before the connection stands nothing was sent; after it the outcome is unknown. No text quotes the URL."""
    mocked.get(URL, exception=failure)
    async with client(retry=ONCE) as amili:
        with pytest.raises(kind) as caught:
            await amili.collection.cases.list(ORG, search_term="Nordmann")
    error = caught.value
    assert text.lower() in str(error).lower()
    assert "Nordmann" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__ or not isinstance(error.__context__, aiohttp.ClientError)


async def test_tls_that_breaks_has_no_errno_of_the_system(mocked):
    """The error number of SSL, which aiohttp passes on, is not read as one of the system."""
    failure = aiohttp.ClientOSError(1, "x")
    failure.__cause__ = ssl.SSLError(1, "x")
    mocked.get(URL, exception=failure)
    async with client(retry=ONCE) as amili:
        with pytest.raises(errors.OutcomeUnknownError, match=r"the connection was lost: TLS failed$"):
            await amili.collection.cases.list(ORG)


async def test_answers_beyond_the_limit_are_refused(mocked):
    """An answer larger than allowed is not read to its end, and not asked for again."""
    mocked.get(URL, body=b"x" * 2_000)
    async with client(limits=Limits(response_bytes=1_000)) as amili:
        with pytest.raises(errors.DecodeError, match="larger than 1,000 bytes") as caught:
            await amili.collection.invoices.get(ORG, "i1")
    assert caught.value.attempts == 1


async def test_a_session_passed_in_is_used_and_left_open(mocked):
    """The connector of the caller's session carries the traffic; the session stays the caller's."""
    mocked.get(URL, payload={"data": {"id": "i1"}}, repeat=True)
    async with aiohttp.ClientSession(raise_for_status=True, headers={"Authorization": "Basic x"}, cookies={"a": "b"}) as session:
        async with client(session=session) as amili:
            await amili.collection.invoices.get(ORG, "i1")
        ((call,),) = mocked.requests.values()
        assert call.kwargs["headers"]["Authorization"] == "Bearer t0ken"
        assert not session.closed
        assert not session.connector.closed
    again = client(session=session)
    with pytest.raises(errors.ConfigError, match="has been closed"):
        await again.collection.invoices.get(ORG, "i1")


async def test_a_session_closed_under_way_says_so(mocked):
    """When the caller closes the session that it passed in, the next call says what happened."""
    mocked.get(URL, payload={"data": {"id": "i1"}}, repeat=True)
    session = aiohttp.ClientSession()
    async with client(session=session) as amili:
        await amili.collection.invoices.get(ORG, "i1")
        await session.close()
        with pytest.raises(errors.ConfigError, match="has been closed"):
            await amili.collection.invoices.get(ORG, "i1")


async def test_no_proxy_by_default(mocked, monkeypatch):
    """Proxies of the environment are used on request only."""
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    mocked.get(URL, payload={"data": {"id": "i1"}})
    async with client() as amili:
        await amili.collection.invoices.get(ORG, "i1")
    ((call,),) = mocked.requests.values()
    assert "proxy" not in call.kwargs


@pytest.mark.parametrize("address", ["http://[bad", "ftp://proxy:21", "http://"])
async def test_a_proxy_that_is_none_is_said_so(monkeypatch, address):
    """A wrong address of a proxy in the environment is a ConfigError, without its login."""
    monkeypatch.setenv("http_proxy", address)
    async with client(trust_env=True) as amili:
        with pytest.raises(errors.ConfigError, match="proxy"):
            await amili.collection.invoices.get(ORG, "i1")


async def test_a_proxy_without_a_scheme_is_http(mocked, monkeypatch):
    """`proxy:3128` is how people write it; hosts that are excepted go without."""
    monkeypatch.setenv("http_proxy", "proxy:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    mocked.get(URL, payload={"data": {"id": "i1"}}, repeat=True)
    async with client(trust_env=True) as amili:
        await amili.collection.invoices.get(ORG, "i1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with client(trust_env=True) as amili:
        await amili.collection.invoices.get(ORG, "i1")
    ((first, second),) = mocked.requests.values()
    assert str(first.kwargs["proxy"]) == "http://proxy:3128"
    assert "proxy" not in second.kwargs


async def test_a_session_of_another_loop_is_refused():
    """An aiohttp session that was made in another event loop is said to be one."""

    async def make():
        return aiohttp.ClientSession()

    loop = asyncio.new_event_loop()
    try:
        session = await asyncio.to_thread(loop.run_until_complete, make())
        async with client(session=session) as amili:
            with pytest.raises(errors.ConfigError, match="another event loop"):
                await amili.collection.invoices.get(ORG, "i1")
        await asyncio.to_thread(loop.run_until_complete, session.close())
    finally:
        loop.close()


async def test_a_client_belongs_to_one_loop(mocked):
    """Use from a second event loop is refused in one clear sentence."""
    mocked.get(URL, payload={"data": {"id": "i1"}}, repeat=True)

    async def use():
        await amili.collection.invoices.get(ORG, "i1")

    async with client() as amili:
        await use()
        with pytest.raises(errors.ConfigError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, use())
