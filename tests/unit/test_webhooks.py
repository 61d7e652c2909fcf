"""Webhooks: what is genuine, what an event says, who is told, and that nothing else gets through."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.collection.events import (
    BatchCompletedEvent,
    CaseEvent,
    CaseUpdatedEvent,
    SettlementCreatedEvent,
    UnknownEvent,
)
from amili_async.errors import ConfigError, WebhookError
from amili_async.webhooks import HmacSha256, Receiver, Router, parse, verify

SECRET = "hunter2"
ID = "db6a7ff4-3a20-4042-b271-a9485ded6334"
BATCH = {
    "id": "897e1f80-ceb5-4b58-a2aa-c895aff6ce3e",
    "type": "BATCH_COMPLETED",
    "source": "COLLECTION",
    "timeStamp": "2025-08-15T11:42:00Z",
    "data": {"batchId": "b1", "organizationId": ID, "status": "SUCCESS"},
}
BODY = json.dumps(BATCH).encode()


def signed(body=BODY, scheme=None, secret=SECRET, timestamp=None, **headers):
    """Return the headers of a genuine delivery."""
    scheme = scheme or HmacSha256()
    found = {scheme.header: scheme.sign(body, secret.encode(), timestamp), **headers}
    return {**found, scheme.timestamp_header: timestamp} if timestamp else found


SCHEMES = [
    (HmacSha256(), None),
    (HmacSha256(encoding="base64"), None),
    (HmacSha256(prefix="sha256=", header="X-Sig"), None),
    (HmacSha256(timestamp_header="X-Time"), "1000"),
    (HmacSha256(timestamp_header="X-Time", encoding="base64", prefix="v1="), "1000"),
]


@pytest.mark.parametrize(("scheme", "timestamp"), SCHEMES)
def test_genuine_deliveries_pass(scheme, timestamp):
    """A signature made with any of the secrets is taken; names of headers may be in any case."""
    headers = {name.upper(): value for name, value in signed(scheme=scheme, timestamp=timestamp).items()}
    verify(BODY, headers, secrets=["old", SECRET], scheme=scheme, now=1_200)
    verify(BODY, headers, secrets=[b"hunter2"], scheme=scheme, now=800)


def test_the_default_scheme_is_plain_hmac():
    """The assumption, spelt out: lower-case hex of HMAC-SHA256 over the body in X-Webhook-Signature."""
    digest = hmac.new(b"hunter2", BODY, hashlib.sha256).hexdigest()
    verify(BODY, {"X-Webhook-Signature": digest}, secrets=[SECRET])


@pytest.mark.parametrize(
    ("headers", "secrets", "text"),
    [
        (signed(), [], "no secret"),
        (signed(), [""], "no secret"),
        (signed(), [SECRET, ""], "no secret"),
        ({}, [SECRET], "no signature"),
        ({"X-Webhook-Signature": "  "}, [SECRET], "no signature"),
        ({"X-Webhook-Signature": "zz" * 32}, [SECRET], "length"),
        ({"X-Webhook-Signature": "ab" * 31}, [SECRET], "length"),
        ({"X-Webhook-Signature": "ab" * 33}, [SECRET], "length"),
        ({"X-Webhook-Signature": "ab" * 32}, [SECRET], "not that of this body"),
        (signed(secret="other"), [SECRET], "not that of this body"),
        (signed(body=BODY + b" "), [SECRET], "not that of this body"),
    ],
)
def test_everything_else_is_refused(headers, secrets, text):
    """No secret, no header, wrong length, wrong letters, another body or secret: WebhookError, never a pass."""
    with pytest.raises(WebhookError, match=text) as caught:
        verify(BODY, headers, secrets=secrets)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("timestamp", "now"), [("1000", 1_301), ("1000", 699), ("", 1_000), ("1e3", 1_000), ("٣", 3), ("9" * 13, 1_000)]
)
def test_replays_are_refused(timestamp, now):
    """A signed timestamp that is old, from the future or no number ends it; the limit is the tolerance."""
    scheme = HmacSha256(timestamp_header="X-Time")
    headers = {**signed(scheme=scheme, timestamp=timestamp or "0"), "X-Time": timestamp}
    with pytest.raises(WebhookError):
        verify(BODY, headers, secrets=[SECRET], scheme=scheme, now=now)


def test_a_prefix_that_was_agreed_must_be_there():
    """The same digest in another dress is not taken."""
    with pytest.raises(WebhookError, match="form"):
        verify(BODY, signed(), secrets=[SECRET], scheme=HmacSha256(prefix="sha256="))


CASE = {
    "orgId": ID,
    "caseId": "c1",
    "caseNumber": "5000001",
    "type": "COLLECTION_NOTICE",
    "status": "OPEN",
    "invoices": ["i1", "i2"],
}
SETTLEMENT = {
    "settlementId": "s1",
    "organizationId": ID,
    "settlementDate": "2025-08-15",
    "invoiceId": "i1",
    "caseNumber": "1234567",
}


@pytest.mark.parametrize(
    ("kind", "data", "event"),
    [
        ("BATCH_COMPLETED", BATCH["data"], BatchCompletedEvent),
        ("SETTLEMENT_CREATED", SETTLEMENT, SettlementCreatedEvent),
        ("CASE", CASE, CaseEvent),
        ("CASE_UPDATED", {**CASE, "fields": ["amounts", "status"]}, CaseUpdatedEvent),
        ("SOMETHING_NEW", {"a": 1}, UnknownEvent),
    ],
)
@pytest.mark.parametrize("where", ["type", "eventType", "header"])
@pytest.mark.parametrize("organization", ["organizationId", "orgId"])
def test_events_are_read_wherever_their_name_and_organization_stand(kind, data, event, where, organization):
    """The name may be in type, eventType or X-Amili-Event, the organization in organizationId or orgId."""
    data = {organization if key in {"organizationId", "orgId"} else key: value for key, value in data.items()}
    body = {"id": "e1", "timeStamp": "2025-08-15T11:42:00Z", "data": data, **({} if where == "header" else {where: kind})}
    headers = {"x-amili-event": kind} if where == "header" else {}
    found = parse(json.dumps(body).encode(), {**headers, "IdempotencyKey": "d1", "X-Amili-Request-Id": "r1"})
    assert type(found) is event
    assert (found.type, found.id, found.delivery_id, found.request_id) == (kind, "e1", "d1", "r1")
    if event is UnknownEvent:
        assert found.data == data
        assert not found.type.known
        assert "***" in repr(found)
    else:
        assert found.data.organization_id == found.data.org_id == ID


def test_details_of_events():
    """Dates, numbers and lists come out typed."""
    found = parse(json.dumps({"type": "SETTLEMENT_CREATED", "data": SETTLEMENT}).encode())
    assert found.data.settlement_date.isoformat() == "2025-08-15T00:00:00"
    found = parse(json.dumps({"eventType": "CASE_UPDATED", "data": {**CASE, "fields": ["status"]}}).encode())
    assert (found.data.fields, found.data.invoices, found.data.case_number) == (("status",), ("i1", "i2"), "5000001")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"[]", {}),
        (b"{}", {}),
        (b"\xff\xfe", {}),
        (b'{"type": "CASE"', {}),
        (b'{"type": 5}', {}),
        (b'{"type": "CASE", "data": []}', {}),
        (b'{"type": "CASE", "data": {"caseId": 5}}', {}),
        (b'{"type": "CASE", "eventType": "CASE_UPDATED"}', {}),
        (b'{"type": "CASE"}', {"X-Amili-Event": "BATCH_COMPLETED"}),
        (b"[" * 100_000, {}),
    ],
)
def test_what_is_no_event_is_an_error(body, headers):
    """Anything unreadable, nameless or contradictory is WebhookError."""
    with pytest.raises(WebhookError):
        parse(body, headers)


texts = st.text(max_size=60)
headers_ = st.dictionaries(
    st.sampled_from(["X-Webhook-Signature", "x-webhook-signature", "X-Time", "X-Amili-Event", "IdempotencyKey"]) | texts, texts
)


@given(body=st.binary(max_size=300), headers=headers_, scheme=st.sampled_from([scheme for scheme, _ in SCHEMES]))
def test_no_forgery_passes_and_nothing_else_is_raised(body, headers, scheme):
    """Whatever body and headers say, without the secret it is WebhookError."""
    with pytest.raises(WebhookError):
        verify(body, headers, secrets=[SECRET], scheme=scheme, now=1_000)
    with contextlib.suppress(WebhookError):
        parse(body, headers)


@given(cut=st.integers(0, len(BODY) - 1), flip=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_changed_body_never_passes(cut, flip, bit):
    """A body cut anywhere, or with any bit changed, is not the one that was signed."""
    changed = bytearray(BODY)
    changed[flip] ^= 1 << bit
    for body in (BODY[:cut], bytes(changed)):
        with pytest.raises(WebhookError):
            verify(body, signed(), secrets=[SECRET])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        max_leaves=8,
    )
)
def test_genuine_nonsense_is_survived(data):
    """A signed body of any JSON is an event or WebhookError."""
    for name in ("CASE", "BATCH_COMPLETED", "SETTLEMENT_CREATED", "X"):
        with contextlib.suppress(WebhookError):
            assert parse(json.dumps({"type": name, "data": data}).encode()).type == name


@pytest.mark.asyncio
async def test_handlers_run_once_per_delivery():
    """A flood of duplicates runs each function once, also at the same time; other deliveries run too."""
    router, ran = Router(), []

    @router.on("BATCH_COMPLETED", "CASE")
    async def some(event):
        await asyncio.sleep(0)
        ran.append(("some", event.delivery_id))

    @router.on()
    async def every(event):
        ran.append(("every", event.delivery_id))

    def event(key):
        return parse(BODY, {"IdempotencyKey": key})

    results = await asyncio.gather(*(router.dispatch(event("d1")) for _ in range(200)))
    assert results.count(True) == 1
    assert await router.dispatch(event("d2"))
    assert sorted(ran) == [("every", "d1"), ("every", "d2"), ("some", "d1"), ("some", "d2")]


@pytest.mark.asyncio
async def test_events_without_any_id_are_always_handled():
    """What cannot be told apart is not passed over."""
    router, ran = Router(), []
    router.on("X")(lambda event: asyncio.sleep(0, ran.append(event)))
    for body in (b'{"type": "X"}', b'{"type": "X", "id": ""}') * 2:
        assert await router.dispatch(parse(body))
    assert len(ran) == 4


@pytest.mark.asyncio
async def test_a_failed_delivery_is_handled_again():
    """When a function fails, the next delivery of the same event is not taken for a duplicate."""
    router, tries = Router(), []

    @router.on("BATCH_COMPLETED")
    async def flaky(event):
        tries.append(1)
        if len(tries) == 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await router.dispatch(parse(BODY))
    assert await router.dispatch(parse(BODY))
    assert not await router.dispatch(parse(BODY))


@pytest.mark.asyncio
async def test_the_memory_for_duplicates_is_bounded():
    """The oldest deliveries are forgotten first."""
    router = Router(remember=3)
    for key in "abcd":
        await router.dispatch(parse(BODY, {"IdempotencyKey": key}))
    assert len(router._seen) == 3
    assert not await router.dispatch(parse(BODY, {"IdempotencyKey": "d"}))
    assert await router.dispatch(parse(BODY, {"IdempotencyKey": "a"}))


@pytest.mark.parametrize("secrets", [[], [""], ["a", ""]])
def test_a_receiver_needs_secrets(secrets):
    """Without a secret there is no receiver that takes everything."""
    with pytest.raises(ConfigError):
        Receiver(Router(), secrets=secrets)


@pytest.mark.asyncio
async def test_receiver_answers_first_and_loses_nothing_at_the_end():
    """An accepted delivery is answered before its functions end, and aclose waits for them; then nothing is taken in."""
    router, done, hold = Router(), [], asyncio.Event()

    @router.on("BATCH_COMPLETED")
    async def slow(event):
        await hold.wait()
        done.append(event.delivery_id)

    receiver = Receiver(router, secrets=[SECRET], max_pending=2)
    for key in "ab":
        assert await receiver.receive(BODY, signed(IdempotencyKey=key)) == (202, "accepted")
    assert (await receiver.receive(BODY, signed(IdempotencyKey="c")))[0] == 503
    assert done == []
    hold.set()
    await receiver.aclose()
    assert done == ["a", "b"]
    assert (await receiver.receive(BODY, signed(IdempotencyKey="d")))[0] == 503
    assert SECRET not in repr(receiver)


@pytest.mark.asyncio
async def test_receiver_refuses_what_is_not_genuine_or_too_large(caplog):
    """401, 400 and 413, with a log line that holds nothing of the body."""
    receiver = Receiver(Router(), secrets=[SECRET], max_body=1_000)
    assert (await receiver.receive(BODY, {}))[0] == 401
    assert (await receiver.receive(b'{"name": "Nordmann"}', signed(b'{"name": "Nordmann"}')))[0] == 400
    assert (await receiver.receive(b"x" * 1_001, signed(b"x" * 1_001)))[0] == 413
    assert "webhook refused" in caplog.text
    assert "Nordmann" not in caplog.text


@pytest.mark.asyncio
async def test_receiver_can_answer_after(caplog):
    """With answer_after a failing function is a 500, so that the delivery comes again; without, it is logged."""
    router, tries = Router(), []

    @router.on("BATCH_COMPLETED")
    async def flaky(event):
        tries.append(1)
        if len(tries) % 2:
            raise ZeroDivisionError

    after = Receiver(router, secrets=[SECRET], answer_after=True)
    assert [(await after.receive(BODY, signed()))[0] for _ in range(2)] == [500, 200]
    first = Receiver(router, secrets=[SECRET])
    assert (await first.receive(BODY, signed(IdempotencyKey="x")))[0] == 202
    await first.aclose()
    assert "a function for BATCH_COMPLETED failed" in caplog.text


@pytest.mark.asyncio
async def test_asgi():
    """The ASGI application reads bodies in pieces, bounds them, and takes POST only."""
    router, seen = Router(), []
    router.on()(lambda event: asyncio.sleep(0, seen.append(event.type)))
    receiver = Receiver(router, secrets=[SECRET], max_body=1_000)

    async def ask(body, headers, method="POST", kind="http"):
        pieces = [body[start : start + 50] for start in range(0, len(body), 50)] or [b""]
        messages = iter(
            [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces] + [{"type": "http.disconnect"}]
        )
        sent = []

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message)

        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await receiver.asgi({"type": kind, "method": method, "headers": raw}, receive, send)
        return sent[0]["status"] if sent else None

    assert await ask(BODY, signed()) == 202
    assert await ask(BODY, {}) == 401
    assert await ask(b"x" * 5_000, {}) == 413
    assert await ask(b"", {}, method="GET") == 405
    assert await ask(b"", {}, kind="websocket") is None
    await receiver.aclose()
    assert seen == ["BATCH_COMPLETED"]


def test_base64_digests_are_strict():
    """Letters outside the alphabet do not slip through a lenient decoder."""
    scheme = HmacSha256(encoding="base64")
    good = scheme.sign(BODY, b"hunter2")
    assert len(base64.b64decode(good)) == 32
    with pytest.raises(WebhookError):
        verify(BODY, {scheme.header: good[:10] + "\n" + good[10:]}, secrets=[SECRET], scheme=scheme)


@pytest.mark.parametrize("secrets", ["hunter2", b"hunter2", [5], [""], ["\udc80"], None])
def test_secrets_must_be_a_list_of_them(secrets):
    """One text is not taken for a list of its letters, and nothing odd gets through."""
    with pytest.raises(ConfigError):
        Receiver(Router(), secrets=secrets)
    with pytest.raises(WebhookError):
        verify(BODY, signed(secret="h"), secrets=secrets)


@pytest.mark.asyncio
async def test_a_repeat_shares_the_fate_of_the_first():
    """While the first delivery is handled, another of the same waits: 500 if it fails, so that it comes again."""
    router, hold = Router(), asyncio.Event()

    @router.on("BATCH_COMPLETED")
    async def failing(event):
        await hold.wait()
        raise ZeroDivisionError

    receiver = Receiver(router, secrets=[SECRET], answer_after=True)
    answers = [asyncio.create_task(receiver.receive(BODY, signed(IdempotencyKey="a"))) for _ in range(2)]
    await asyncio.sleep(0)
    hold.set()
    assert [status for status, _ in await asyncio.gather(*answers)] == [500, 500]


@pytest.mark.asyncio
async def test_a_cancelled_end_does_not_cancel_the_work():
    """A bounded wait for the end leaves what was accepted running."""
    router, hold, done = Router(), asyncio.Event(), []

    @router.on("BATCH_COMPLETED")
    async def slow(event):
        await hold.wait()
        done.append(1)

    receiver = Receiver(router, secrets=[SECRET])
    await receiver.receive(BODY, signed())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(receiver.aclose(), 0.01)
    hold.set()
    await receiver.aclose()
    assert done == [1]


@pytest.mark.asyncio
async def test_asgi_ends_orderly():
    """At the end of an ASGI server what was accepted is finished first."""
    router, done = Router(), []
    router.on()(lambda event: asyncio.sleep(0.01, done.append(1)))
    receiver = Receiver(router, secrets=[SECRET])
    await receiver.receive(BODY, signed())
    messages, sent = iter(["lifespan.startup", "lifespan.shutdown"]), []

    async def receive():
        return {"type": next(messages)}

    async def send(message):
        sent.append((message["type"], len(done)))

    await receiver.asgi({"type": "lifespan"}, receive, send)
    assert sent == [("lifespan.startup.complete", 0), ("lifespan.shutdown.complete", 1)]
