"""Partner: every operation is a guess, and says so; filters go out as written, answers come back whole, secrets stay unseen."""

from __future__ import annotations

import logging
import warnings
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from amili_async import AmiliClient, ClientCredentials, Environment, RequestOptions, StaticToken, errors, operations
from amili_async.testing import FakeTransport, Reply, json_reply

from .kit import ENVIRONMENT, make_client, query_of

pytestmark = pytest.mark.asyncio
guesses = pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")

PERIOD = {"from_date": date(2026, 1, 1), "to_date": "2026-02-01"}
SENT_PERIOD = {"FromDate": "2026-01-01", "ToDate": "2026-02-01", "CompanyId": "c 1"}
SECRETS = {"ClientId": "partner-1", "ClientSecret": "hunter2"}
LOST = errors.OutcomeUnknownError("lost")
CALLS = {
    "partner.companies.list": (lambda it: it.companies.list(), "/Companies", {}),
    "partner.files.list": (lambda it: it.files.list("c 1", **PERIOD), "/Files", SENT_PERIOD),
    "partner.files.summary": (lambda it: it.files.summary(company_id="c 1", **PERIOD), "/Files/Summary", SENT_PERIOD),
    "partner.files.invoices": (lambda it: it.files.invoices("a/ø.zip"), "/Files/Invoices", {"FileName": "a/ø.zip"}),
    "partner.invoices.summary": (lambda it: it.invoices.summary("c 1", **PERIOD), "/Invoice/Summary", SENT_PERIOD),
    "partner.invoices.list": (
        lambda it: it.invoices.list(invoice_number="1", company_id="c 1", **PERIOD),
        "/Invoices",
        {"InvoiceNumber": "1", **SENT_PERIOD},
    ),
    "partner.invoice_view.by_transaction_rid": (
        lambda it: it.invoice_view.by_transaction_rid("r1", "c 1"),
        "/InvoiceView/ByTransactionRid",
        {"TransactionRid": "r1", "CompanyId": "c 1"},
    ),
    "partner.invoice_view.by_invoice_number": (
        lambda it: it.invoice_view.by_invoice_number("1", "c 1"),
        "/InvoiceView/ByInvoiceNumber",
        {"InvoiceNumber": "1", "CompanyId": "c 1"},
    ),
    "partner.receipts.get": (
        lambda it: it.receipts.get("r1", company_id="c 1"),
        "/Receipt",
        {"TransactionRid": "r1", "CompanyId": "c 1"},
    ),
    "partner.token.request": (lambda it: it.token.request(SECRETS), "/Token", {}),
}
"""Every operation: a call of its method, its path, and its query."""
KNOWN = {it.name: it for it in operations() if it.api == "partner"}
TOKEN = "partner.token.request"


async def test_the_table_has_every_operation():
    """No operation goes untested."""
    assert CALLS.keys() == KNOWN.keys()


async def test_credentials_are_a_mapping():
    """Anything else is refused before it is sent."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match="must be a mapping, not NoneType"):
            await amili.partner.token.request(None)


@guesses
@pytest.mark.parametrize("name", CALLS)
async def test_a_method_makes_its_request(name):
    """Method, path, query and headers; the answer comes whole, whatever it is."""
    call, path, query = CALLS[name]
    answer = {"rows": [1, {"a": None}], "nextPageToken": "not lost"}
    async with make_client([json_reply(answer)]) as amili:
        assert await call(amili.partner) == answer
        (request,) = amili.transport.requests
    assert request.method == KNOWN[name].method == ("POST" if name == TOKEN else "GET")
    assert request.url.partition("?")[0] == f"http://127.0.0.1:1/partner{path}"
    assert query_of(request) == query
    assert "*/*" in request.headers["Accept"]
    assert (request.body is None) is (name != TOKEN)


@guesses
@pytest.mark.parametrize("name", CALLS)
async def test_without_a_base_url_nothing_is_sent(name):
    """No base URL is public: the error names both ways to set one."""
    transport = FakeTransport([])
    async with AmiliClient(ClientCredentials("a", "b"), environment=Environment.STAGING, transport=transport) as amili:
        with pytest.raises(errors.ConfigError, match=r"AMILI_PARTNER_URL or Environment\(partner="):
            await CALLS[name][0](amili.partner)
    assert not transport.requests


@pytest.mark.parametrize("name", CALLS)
async def test_a_guess_warns_once_until_it_is_aimed(name):
    """Each operation warns at its first use, at the caller's line, and not after it was aimed."""
    call, path, _ = CALLS[name]
    async with make_client(lambda _: json_reply({})) as amili:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await call(amili.partner)
            await call(amili.partner)
    (warning,) = caught
    assert (warning.category, warning.filename) == (errors.UnconfirmedOperationWarning, __file__)
    assert f"{name}: path and HTTP method" in str(warning.message)
    async with make_client(lambda _: json_reply({}), paths={name: f"POST /api/v2{path}"}) as amili:
        await call(amili.partner)
        (request,) = amili.transport.requests
    assert (request.method, request.url.partition("?")[0]) == ("POST", f"http://127.0.0.1:1/partner/api/v2{path}")


async def test_guesses_say_so():
    """Every docstring says "Unconfirmed", and names path and evidence."""
    amili = AmiliClient(StaticToken("t"))
    for name, operation in KNOWN.items():
        group, method = name.split(".")[1:]
        doc = getattr(getattr(amili.partner, group), method).__doc__
        assert "Unconfirmed" in doc
        assert f"`{operation.method} {operation.path}`. Evidence: nav." in doc


@guesses
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (date(2026, 3, 29), "2026-03-29"),
        (datetime(2026, 3, 29, 1, 30), "2026-03-29T01:30:00"),  # noqa: DTZ001  # what has no zone goes out without one
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "2026-03-29T01:30:00Z"),
        (datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=1))), "2026-03-29T00:30:00Z"),
        ("29.03.2026 & more", "29.03.2026 & more"),
        (None, None),
    ],
)
async def test_a_period_is_dates_date_times_or_texts(value, sent):
    """Whether the API takes a time of day is not known, so any will do; what is None is not sent."""
    async with make_client([json_reply([])]) as amili:
        await amili.partner.invoices.list(from_date=value, to_date=value)
        (request,) = amili.transport.requests
    assert query_of(request) == ({} if sent is None else {"FromDate": sent, "ToDate": sent})


@guesses
@pytest.mark.parametrize(
    ("media", "body", "answer"),
    [
        ("application/pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        ("application/pdf", b"%PDF-1.7 plain", b"%PDF-1.7 plain"),
        ("text/html; charset=utf-8", b"<!DOCTYPE html>\n<p>\xc3\x85 betale</p>", "<!DOCTYPE html>\n<p>Å betale</p>"),
        ("application/json", b'{"Html":"<p>"}', {"Html": "<p>"}),
        ("", b'{"Html":"<p>"}', {"Html": "<p>"}),
        ("", b"\xff\xd8\xff", b"\xff\xd8\xff"),
        ("application/json", b"", None),
    ],
)
async def test_views_and_receipts_may_be_files(media, body, answer):
    """A PDF comes as bytes, a page as a text, JSON as what it says."""
    headers = {"content-type": media} if media else {}
    async with make_client(lambda _: Reply(200, headers, body)) as amili:
        assert await amili.partner.invoice_view.by_transaction_rid("r", "c") == answer
        assert await amili.partner.invoice_view.by_invoice_number("1", "c") == answer
        assert await amili.partner.receipts.get("r", "c") == answer


@guesses
async def test_a_token_is_asked_for_without_one():
    """The mapping goes out as it is, no token goes with it, and no credentials are needed."""
    transport = FakeTransport([json_reply({"access_token": "s3cret"})])
    async with AmiliClient(environment=ENVIRONMENT, transport=transport) as amili:
        assert await amili.partner.token.request(SECRETS) == {"access_token": "s3cret"}
    (request,) = transport.requests
    assert request.body == b'{"ClientId":"partner-1","ClientSecret":"hunter2"}'
    assert "Authorization" not in request.headers


@guesses
async def test_credentials_and_tokens_are_not_shown(caplog):
    """Neither in logs, nor in an error's text, nor in the repr of a response."""
    caplog.set_level(logging.DEBUG, "amili_async")
    script = [json_reply({"access_token": "s3cret"}), json_reply({"error": "bad", "sent": SECRETS}, 400), LOST]
    async with make_client(script) as amili:
        response = await amili.call(TOKEN, body=SECRETS)
        assert response.data == {"access_token": "s3cret"}
        shown = [repr(response)]
        for kind in (errors.BadRequest, errors.OutcomeUnknownError):
            with pytest.raises(kind) as caught:
                await amili.partner.token.request(SECRETS)
            shown += [str(caught.value), repr(caught.value)]
    shown.append(caplog.text)
    assert not [text for text in shown if "hunter2" in text or "s3cret" in text or "partner-1" in text]


@guesses
@pytest.mark.parametrize("name", CALLS)
async def test_reads_are_repeated_and_the_token_call_is_not(name):
    """A GET is asked again when its answer was lost; a POST is not, with an idempotency key either."""
    async with make_client([LOST, json_reply({"ok": True})]) as amili:
        if name == TOKEN:
            with pytest.raises(errors.OutcomeUnknownError):
                await amili.partner.token.request(SECRETS, options=RequestOptions(idempotency_key="k"))
            assert len(amili.transport.requests) == 1
        else:
            assert await CALLS[name][0](amili.partner) == {"ok": True}
