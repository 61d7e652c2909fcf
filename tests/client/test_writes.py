"""Handing in and waiting: checked first, sent once, accounted for; batches waited for with patience."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async import RequestOptions, RetryPolicy, errors
from amili_async.collection.events import BatchCompletedEvent
from amili_async.collection.requests import InvalidItems, NewCorrection, NewInvoice, NewPayment, check
from amili_async.structs import encode
from amili_async.testing import Reply, json_reply
from amili_async.webhooks import Router, parse

from .kit import ORG, make_client, query_of

INVOICE = NewInvoice(
    type="NOTICE",
    invoice_number="INV-1",
    original_invoice_amount=Decimal("4500.10"),
    currency="NOK",
    invoice_date=date(2026, 1, 15),
    due_date=datetime(2026, 2, 15, tzinfo=UTC),
)
KEY = RequestOptions(idempotency_key="k1")
LOST = errors.OutcomeUnknownError("lost")


def accepted(batch_id="b1"):
    """Return the answer of a create."""
    return json_reply(
        {"summary": {"status": "SUCCESS"}, "data": {"batchId": batch_id, "batchUrl": "https://api.amili.no/co"}}, 202
    )


def batches(*ids):
    """Return a page of batches."""
    return json_reply({"data": [{"batchId": batch_id} for batch_id in ids], "summary": {}})


def batch(status, batch_id="b1", **more):
    """Return the answer for one batch."""
    return json_reply({"summary": {}, "data": {"batchId": batch_id, "status": status, **more}})


def test_items_go_out_as_they_were_written():
    """Wire names, exact digits, dates as given, unset fields left out, null where None was said, and members of one's own."""
    item = NewInvoice(
        type="NOTICE",
        invoice_number="1",
        original_invoice_amount=Decimal("1000.00"),
        currency="NOK",
        invoice_date="2026-02-17",
        due_date=date(2026, 3, 5),
        vat=True,
        collection_notice_date=None,
        extra={"debtor": {"customerNumber": "7"}},
    )
    assert encode(item.body()).decode() == (
        '{"type":"NOTICE","invoiceNumber":"1","originalInvoiceAmount":1000.00,"currency":"NOK","invoiceDate":"2026-02-17",'
        '"dueDate":"2026-03-05","vat":true,"collectionNoticeDate":null,"debtor":{"customerNumber":"7"}}'
    )
    payment = NewPayment(invoice_id="i1", amount=5, currency="NOK")
    assert payment.body() == {"invoiceId": "i1", "amount": 5, "currency": "NOK", "type": "DIRECT_PAYMENT"}
    assert "i1" not in repr(payment)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(bool))
def test_amounts_keep_their_digits(amount):
    """Any Decimal goes out as a JSON number that reads back as the same digits."""
    payment = NewPayment(invoice_id="i1", amount=amount, currency="NOK")
    check([payment], NewPayment)
    text = encode(payment.body()).decode()
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal)["amount"].as_tuple() == Decimal(str(amount)).as_tuple()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("original_invoice_amount", 4500.1, "float"),
        ("original_invoice_amount", Decimal("NaN"), "finite"),
        ("original_invoice_amount", Decimal("Infinity"), "finite"),
        ("original_invoice_amount", 0, "zero"),
        ("original_invoice_amount", True, "Decimal or an int"),
        ("original_invoice_amount", "1", "Decimal or an int"),
        ("currency", "nok", "three capital letters"),
        ("currency", "", "not empty"),
        ("invoice_number", " ", "not empty"),
        ("invoice_number", 7, "must be a text"),
        ("invoice_date", "17.02.2026", "ISO 8601"),
        ("due_date", None, "ISO 8601"),
        ("collection_notice_date", "x", "ISO 8601"),
        ("vat", "yes", "True or False"),
        ("extra", [1], "mapping"),
        ("extra", {"invoiceNumber": "2"}, "field of its own"),
    ],
)
def test_wrong_fields_are_named(field, value, reason):
    """Each wrong value has its problem, with index, field and reason, and without the value."""
    good = {name: getattr(INVOICE, name) for name in INVOICE.__struct_fields__}
    with pytest.raises(InvalidItems, match=reason) as caught:
        check([INVOICE, NewInvoice(**{**good, field: value})], NewInvoice)
    (problem,) = caught.value.problems
    assert (problem.index, problem.field.partition("[")[0]) == (1, field)
    assert isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems  # noqa: S301


def test_all_problems_are_named_at_once():
    """A hundred bad items are a hundred problems; the text shows the first few."""
    bad = NewCorrection(invoice_id="", amount=0, currency="x", date="x")
    with pytest.raises(InvalidItems, match=r"400 problems.*and 390 more") as caught:
        check([bad] * 100, NewCorrection)
    assert len(caught.value.problems) == 400
    with pytest.raises(InvalidItems, match="is a dict, not a NewPayment"):
        check([{"invoiceId": "x"}], NewPayment)
    with pytest.raises(InvalidItems, match="nothing to hand in"):
        check([], NewPayment)


@pytest.mark.asyncio
async def test_items_go_out_the_same_in_a_body_of_ones_own():
    """What `extra` holds stands beside the fields, whether the method or the caller puts the body together."""
    item = NewPayment(invoice_id="i1", amount=Decimal("1.10"), currency="NOK", extra={"paymentDate": "2026-02-17"})
    async with make_client([accepted(), accepted()]) as amili:
        await amili.collection.payments.create(ORG, [item])
        await amili.call("collection.payments.create", ORG, body={"payments": [item]})
    sent, by_call = (request.body for request in amili.transport.requests)
    assert sent == by_call
    assert b'"paymentDate":"2026-02-17"' in sent
    assert b"extra" not in sent


@pytest.mark.asyncio
async def test_nothing_is_sent_when_something_is_wrong():
    """One bad item among many keeps all of them here."""
    async with make_client([]) as amili:
        with pytest.raises(InvalidItems):
            await amili.collection.payments.create(ORG, [NewPayment(invoice_id="", amount=1, currency="NOK")])


@pytest.mark.asyncio
async def test_the_three_creates():
    """Each has its path and its member."""
    async with make_client(lambda _: accepted()) as amili:
        await amili.collection.invoices.create(ORG, [INVOICE])
        await amili.collection.payments.create(ORG, [NewPayment(invoice_id="i1", amount=5, currency="NOK")])
        created = await amili.collection.corrections.create(
            ORG, [NewCorrection(invoice_id="i1", amount=Decimal("-1.50"), currency="NOK", date=date(2026, 1, 1), description="x")]
        )
        sent = [(request.url.rpartition("/")[2], next(iter(json.loads(request.body)))) for request in amili.transport.requests]
    assert sent == [("invoices", "invoices"), ("payments", "payments"), ("corrections", "corrections")]
    assert (created.batch_id, created.batch_ids, created.chunks[0].count) == ("b1", ("b1",), 1)
    assert b'"amount":-1.50' in amili.transport.requests[2].body


@pytest.mark.asyncio
async def test_many_items_go_in_chunks():
    """One batch per chunk, in order, each under a key of its own."""
    replies = iter(["b1", "b2", "b3"])
    async with make_client(lambda _: accepted(next(replies))) as amili:
        created = await amili.collection.invoices.create(ORG, (INVOICE for _ in range(7)), chunk_size=3, options=KEY)
        requests = amili.transport.requests
    assert created.batch_ids == ("b1", "b2", "b3")
    assert [(chunk.start, chunk.count, chunk.batch_id) for chunk in created.chunks] == [(0, 3, "b1"), (3, 3, "b2"), (6, 1, "b3")]
    assert [len(json.loads(request.body)["invoices"]) for request in requests] == [3, 3, 1]
    assert [request.headers["IdempotencyKey"] for request in requests] == ["k1-0", "k1-1", "k1-2"]
    with pytest.raises(ValueError, match="too many"):
        _ = created.batch_id


@pytest.mark.asyncio
async def test_a_chunk_that_fails_tells_what_went_before():
    """The error holds the chunks that were accepted, and those after it are not sent."""
    async with make_client([accepted("b1"), Reply(403, {}, b"")]) as amili:
        with pytest.raises(errors.Forbidden) as caught:
            await amili.collection.invoices.create(ORG, [INVOICE] * 9, chunk_size=3)
    assert caught.value.accepted.batch_ids == ("b1",)
    assert caught.value.__notes__ == ["items 3 to 5 of 9 failed; those after them were not sent"]
    assert pickle.loads(pickle.dumps(caught.value)).accepted.batch_ids == ("b1",)  # noqa: S301


@pytest.mark.parametrize(("options", "requests"), [(None, 1), (KEY, 4)])
@pytest.mark.asyncio
async def test_lost_answers_are_not_repeated_without_a_key(options, requests):
    """Without a key a lost create is sent once; with one, as often as the policy says, always with that key."""
    async with make_client(lambda _: LOST) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.invoices.create(ORG, [INVOICE], options=options)
    assert len(amili.transport.requests) == requests


def recovering(*creates, under_key=("b7",), ignores_filter=False):
    """Serve creates from a script, and a list of batches by key."""
    script = iter(creates)

    def handler(request):
        if request.method == "POST":
            return next(script)
        if query_of(request)["IdempotencyKey"] == "k1" or ignores_filter:
            return batches(*under_key)
        return batches()

    return handler


@pytest.mark.parametrize("trouble", [LOST, Reply(500, {}, b""), Reply(202, {}, b""), Reply(202, {}, b'{"data": {"batch')])
@pytest.mark.asyncio
async def test_recover_finds_the_batch_of_a_lost_answer(trouble):
    """After a lost, failed or unreadable answer the batch is found by its key, and the create is not sent again."""
    async with make_client(recovering(trouble)) as amili:
        created = await amili.collection.invoices.create(ORG, [INVOICE], recover=True, options=KEY)
        posts = [request for request in amili.transport.requests if request.method == "POST"]
    assert (created.batch_id, created.chunks[0].idempotency_key, len(posts)) == ("b7", "k1", 1)


@pytest.mark.asyncio
async def test_recover_looks_and_does_not_repeat():
    """Where no batch shows up under the key, the loss is raised after some looks; the create was sent once."""
    async with make_client(recovering(LOST, under_key=())) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.invoices.create(ORG, [INVOICE], recover=True, options=KEY)
        methods = [request.method for request in amili.transport.requests]
    assert methods == ["POST", "GET", "GET", "GET", "GET"]
    assert amili.clock.sleeps == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("ignores_filter", [False, True])
@pytest.mark.asyncio
async def test_recover_looks_behind_empty_pages(ignores_filter):
    """An empty page with a token decides nothing: neither that the batch is missing, nor that the filter works."""

    def handler(request):
        if request.method == "POST":
            return errors.OutcomeUnknownError("lost")
        query = query_of(request)
        if "PageToken" not in query:
            return json_reply({"data": [], "summary": {"nextPageToken": "t"}})
        return batches("b7") if query["IdempotencyKey"] == "k1" or ignores_filter else batches()

    async with make_client(handler) as amili:
        create = amili.collection.invoices.create(ORG, [INVOICE], recover=True, options=KEY)
        if ignores_filter:
            with pytest.raises(errors.OutcomeUnknownError):
                await create
        else:
            assert (await create).batch_id == "b7"


@pytest.mark.asyncio
async def test_recover_does_not_trust_a_filter_that_is_ignored():
    """A server that shows batches under any key is not believed: no wrong batch; the loss is raised."""
    async with make_client(recovering(LOST, ignores_filter=True)) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.invoices.create(ORG, [INVOICE], recover=True, options=KEY)
        posts = [request for request in amili.transport.requests if request.method == "POST"]
    assert len(posts) == 1


@pytest.mark.parametrize("trouble", [Reply(403, {}, b""), errors.NotSentError("refused"), Reply(200, {}, b"{}")])
@pytest.mark.asyncio
async def test_a_failed_look_does_not_hide_the_loss(trouble):
    """Whatever comes of looking, the error says what is known of the create, with the key that it was sent under."""

    def handler(request):
        return errors.OutcomeUnknownError("lost") if request.method == "POST" else copy.copy(trouble)

    async with make_client(handler, retry=RetryPolicy(attempts=1)) as amili:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await amili.collection.invoices.create(ORG, [INVOICE], recover=True)
        posts = [request for request in amili.transport.requests if request.method == "POST"]
    assert [request.headers["IdempotencyKey"] for request in posts] == [caught.value.idempotency_key]


@pytest.mark.parametrize("extra", [{"x": object()}, {"x": Decimal("NaN")}, {"x": "\ud800"}, {None: 1}, {"x": [1.5]}, None])
def test_what_cannot_be_written_is_a_problem(extra):
    """Members that are no JSON, or floats, are found before the first chunk goes out."""
    bad = NewPayment(invoice_id="i1", amount=1, currency="NOK", extra=extra)
    with pytest.raises(InvalidItems) as caught:
        check([bad], NewPayment)
    assert caught.value.problems[0].field == "extra"


@pytest.mark.asyncio
async def test_recover_makes_a_key_up():
    """Without a key in the options one is made, and told."""
    async with make_client([accepted()]) as amili:
        created = await amili.collection.invoices.create(ORG, [INVOICE], recover=True)
    assert amili.transport.requests[0].headers["IdempotencyKey"] == created.chunks[0].idempotency_key
    assert len(created.chunks[0].idempotency_key) == 32


@pytest.mark.asyncio
async def test_wait_asks_with_growing_pauses():
    """A batch is asked for until it has ended; the pauses grow to their ceiling."""
    replies = [batch("QUEUED")] * 9 + [batch("PARTIAL", succeeded=[{"invoiceId": "i1"}], failed=[{"code": "x"}])]
    async with make_client(replies) as amili:
        ended = await amili.collection.batches.wait(ORG, "b1", poll=2)
        assert amili.clock.sleeps == [2, 3, 4.5, 6.75, 10.125, 15, 15, 15, 15]
    assert (ended.status, ended.failed) == ("PARTIAL", ({"code": "x"},))
    assert "failed='***'" in repr(ended)


@pytest.mark.asyncio
async def test_a_failed_batch_is_an_error_that_holds_it():
    """FAILED raises, with the reasons on the batch."""
    async with make_client([batch("FAILED", failed=[{"a": 1}, None])]) as amili:
        with pytest.raises(errors.BatchFailed, match="2 refused") as caught:
            await amili.collection.batches.wait(ORG, "b1")
    assert caught.value.batch.status == "FAILED"


@pytest.mark.asyncio
async def test_the_wait_ends_in_time():
    """Past the time it is a TimeoutError with the last known state, and the pauses do not overrun it."""
    async with make_client(lambda _: batch("QUEUED")) as amili:
        start = amili.clock.monotonic()
        with pytest.raises(errors.BatchTimeout, match="10 s") as caught:
            await amili.collection.batches.wait(ORG, "b1", timeout=10)
        assert amili.clock.monotonic() - start == pytest.approx(10)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.batch.status == "QUEUED"


@pytest.mark.asyncio
async def test_passing_trouble_does_not_end_the_wait():
    """Failed questions are asked again; a batch that is not there yet gets some seconds."""
    trouble = [Reply(404, {}, b""), Reply(500, {}, b""), LOST, errors.NotSentError("x"), Reply(429, {"retry-after": "999"}, b"")]
    async with make_client([*trouble, batch("SUCCESS")], retry=RetryPolicy(attempts=1)) as amili:
        assert (await amili.collection.batches.wait(ORG, "b1")).status == "SUCCESS"
    async with make_client(lambda _: Reply(404, {}, b"")) as amili:
        with pytest.raises(errors.NotFound):
            await amili.collection.batches.wait(ORG, "b1")
    async with make_client(lambda _: Reply(403, {}, b"")) as amili:
        with pytest.raises(errors.Forbidden):
            await amili.collection.batches.wait(ORG, "b1")
    async with make_client(lambda _: LOST, retry=RetryPolicy(attempts=1)) as amili:
        with pytest.raises(errors.BatchTimeout, match="last: lost"):
            await amili.collection.batches.wait(ORG, "b1", timeout=5)


@pytest.mark.asyncio
async def test_unknown_states_are_ends_only_with_a_time_of_ending():
    """A state that is not known here keeps the wait going, unless the batch says when it ended."""
    done = batch("ARCHIVED", finishedAt="2026-01-01T00:00:00Z")
    async with make_client([batch("PROCESSING"), batch(None), batch("QUEUED", finishedAt="2026-01-01"), done]) as amili:
        assert (await amili.collection.batches.wait(ORG, "b1")).status == "ARCHIVED"


@pytest.mark.asyncio
async def test_a_webhook_ends_the_pause():
    """A BATCH_COMPLETED of this batch has it asked for at once; one of another batch does not."""
    router = Router()
    status = "QUEUED"

    class Patient:
        """A clock whose sleeps last until the test ends."""

        def monotonic(self):
            return 0.0

        def time(self):
            return 0.0

        async def sleep(self, seconds):
            await asyncio.Event().wait()

    async with make_client(lambda _: batch(status), clock=Patient()) as amili:
        waiting = asyncio.create_task(amili.collection.batches.wait(ORG, "b1", events=router))
        for other in ("b0", "b1"):
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            status = "SUCCESS"
            event = parse(json.dumps({"type": "BATCH_COMPLETED", "data": {"batchId": other}}).encode(), {"IdempotencyKey": other})
            assert isinstance(event, BatchCompletedEvent)
            await router.dispatch(event)
        assert (await asyncio.wait_for(waiting, 1)).status == "SUCCESS"
    assert router._watched == {}
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.asyncio
async def test_a_cancelled_wait_leaves_nothing_behind():
    """Neither a task nor an interest in events stays."""
    router = Router()
    async with make_client(lambda _: batch("QUEUED")) as amili:
        waiting = asyncio.create_task(amili.collection.batches.wait_all(ORG, ["b1", "b2"], events=router, timeout=1e6))
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert router._watched == {}
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.asyncio
async def test_many_batches_are_waited_for_together():
    """The result is in the order of the ids, failed ones included; one that does not end is BatchTimeout."""
    states = {"b1": "SUCCESS", "b2": "FAILED", "b3": "PARTIAL"}

    def handler(request):
        batch_id = request.url.rpartition("/")[2]
        return batch(states.get(batch_id, "QUEUED"), batch_id)

    async with make_client(handler) as amili:
        ended = await amili.collection.batches.wait_all(ORG, ["b3", "b1", "b2"])
        assert [one.status for one in ended] == ["PARTIAL", "SUCCESS", "FAILED"]
        with pytest.raises(errors.BatchTimeout):
            await amili.collection.batches.wait_all(ORG, ["b1", "b4"], timeout=5)


ACTIONS = [
    "pause",
    "withdraw",
    "resume",
    "accept_debt_collection_list",
    "reject_debt_collection_list",
    "accept_eviction_request",
    "reject_eviction_request",
    "accept_eviction_confirmation",
    "reject_eviction_confirmation",
]


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.asyncio
async def test_case_actions(name):
    """Each warns that its path is a guess, sends a body only if given, and takes an answer with or without a batch."""
    async with make_client([accepted(), Reply(202, {}, b""), Reply(200, {}, b"<html>ok")]) as amili:
        action = getattr(amili.collection.cases, name)
        with pytest.warns(errors.UnconfirmedOperationWarning, match=f"cases.{name}: path"):
            found = await action(ORG, "c1")
        assert found.batch_id == "b1"
        assert await action(ORG, "c1", body={"reason": "x"}) is None
        assert await action(ORG, "c1") is None
    first, second, _ = amili.transport.requests
    assert (first.method, first.body, second.body) == ("POST", None, b'{"reason":"x"}')
    assert first.url.endswith(
        f"/orgs/{ORG}/cases/c1/" + name.replace("accept_", "").replace("reject_", "").replace("_", "-") + tail(name)
    )


def tail(name):
    """Return what follows the subject of an action in its path."""
    verb = name.partition("_")[0]
    return f"/{verb}" if verb in {"accept", "reject"} else ""


@pytest.mark.asyncio
async def test_actions_are_not_repeated_when_their_outcome_is_unknown():
    """A lost answer of an action is raised at once."""
    async with make_client([LOST], paths={"collection.cases.pause": "/orgs/{organizationId}/cases/{caseId}/hold"}) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.collection.cases.pause(ORG, "c1")
    assert amili.transport.requests[0].url.endswith("/c1/hold")


@pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")
@pytest.mark.asyncio
async def test_the_older_calls():
    """What only the first generation of the API has is returned as it comes, envelope and all."""
    answer = {"data": [{"a": 1}], "summary": {"nextPageToken": "t"}}
    async with make_client(lambda request: json_reply(answer) if request.method == "GET" else Reply(202, {}, b"")) as amili:
        collection = amili.collection
        for read in (
            collection.invoices.documents(ORG, "i1"),
            collection.invoices.history(ORG, "i1"),
            collection.invoices.payments(ORG, "i1"),
            collection.reports.list(ORG),
            collection.status.ping(),
            collection.status.ping_authorized(),
            collection.status.health(),
            collection.banqsoft.call(),
        ):
            assert await read == answer
        for act in (collection.invoices.pause, collection.invoices.withdraw, collection.invoices.resume):
            assert await act(ORG, "i1") is None
    paths = [request.url.partition("/collection/v1")[2].replace(ORG, "o") for request in amili.transport.requests]
    assert paths == [
        *(f"/orgs/o/invoices/i1/{part}" for part in ("documents", "history", "payments")),
        "/orgs/o/reports",
        "/ping",
        "/ping/authorized",
        "/health",
        "/banqsoft",
        *(f"/orgs/o/invoices/i1/{part}" for part in ("pause", "withdraw", "resume")),
    ]
