"""ARM batches: what the documented answer says, and waiting through all that may come before it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async import RequestOptions, RetryPolicy, errors
from amili_async.arm.models import BatchReceipt, BatchStatus, ItemResult
from amili_async.structs import decode, decode_item, encode
from amili_async.testing import Reply, json_reply

from .kit import damaged, make_client

UUID = "8NlwdOIM1YLVFP9-WOwkYQ"
DOCUMENTED = {
    "clientNo": 2218,
    "batchUuid": UUID,
    "status": "PROCESSED",
    "result": "PARTIAL-SUCCESS",
    "message": "The batch was processed",
    "countNotProcessed": 0,
    "countProcessed": 2,
    "countSuccessful": 1,
    "countFailed": 1,
    "items": [
        {
            "status": "PROCESSED",
            "result": "CREATED",
            "message": "Customer created",
            "clientNo": 2218,
            "accountNo": 500002,
            "customerNo": "543210",
            "warnings": [
                {
                    "field": "organizationNo",
                    "message": "Business ID/organizationNo 987654321 is not a valid business ID (scheme code: 0192)",
                }
            ],
        },
        {
            "status": "PROCESSED",
            "result": "FAILED",
            "message": "NX is not a valid ISO 3166-1 alpha-2 country code",
            "clientNo": 2218,
            "accountNo": 500029,
            "customerNo": "765432",
            "errors": [{"field": "countryCode", "message": "NX is not a valid ISO 3166-1 alpha-2 country code"}],
        },
    ],
}
"""The answer in the documentation."""
NOT_YET = Reply(202, {}, b"")


def batch(**members):
    """Return a batch as the server sends it."""
    return decode_item(encode(members), BatchStatus)


def test_the_documented_answer_decodes_and_goes_out_whole():
    """Every member has its field, and none is lost or made up on the way back."""
    found = decode_item(encode(DOCUMENTED), BatchStatus)
    assert decode(encode(found)) == DOCUMENTED
    assert (found.extra, [item.extra for item in found.items]) == ({}, [{}, {}])


def test_failed_and_warned_items_are_at_hand():
    """What failed has its errors, what was taken with a warning its warning; texts that repeat input stay out of repr."""
    found = decode_item(encode(DOCUMENTED), BatchStatus)
    (failed,), (warned,) = found.failed, found.warned
    assert (failed.customer_no, failed.errors[0].field) == ("765432", "countryCode")
    assert (warned.customer_no, warned.warnings[0].field, warned.failed) == ("543210", "organizationNo", False)
    assert not found.all_failed
    assert "987654321" not in repr(found)
    assert "765432" not in repr(found)


@pytest.mark.parametrize(
    ("members", "finished"),
    [
        ({"http_status": 200}, True),
        ({"http_status": 202}, False),
        ({"http_status": 206, "count_not_processed": 3}, False),
        ({"http_status": 206, "count_not_processed": 0}, True),
        ({"http_status": 202, "count_not_processed": 0, "count_processed": 0}, False),
        ({"http_status": 206, "count_not_processed": 0, "count_processed": 2}, True),
        ({"http_status": 202, "status": "Processed"}, True),
        ({"http_status": 206, "status": "PROCESSING"}, False),
        ({}, False),
    ],
)
def test_the_end_is_told_by_status_or_counters(members, finished):
    """HTTP 200, PROCESSED in any case, or nothing left to process; not a batch that has not been counted yet."""
    assert BatchStatus(**members).finished is finished


@pytest.mark.parametrize(
    ("members", "all_failed"),
    [
        ({"countSuccessful": 0, "countFailed": 2}, True),
        ({"countSuccessful": 1, "countFailed": 2}, False),
        ({"countSuccessful": 0, "countFailed": 0}, False),
        ({"items": [{"result": "FAILED"}, {"result": "failed"}]}, True),
        ({"items": [{"result": "FAILED"}, {"result": "SOMETHING-NEW"}]}, False),
        ({"items": [{"result": "NOT-TAKEN", "errors": [{"field": "x"}]}]}, True),
        ({"items": [{"result": "CREATED", "errors": [{"field": "x"}]}]}, False),
        ({"result": "FAILED"}, True),
        ({"result": "FAILED", "countSuccessful": 1}, False),
        ({}, False),
    ],
)
def test_everything_failed_only_if_nothing_succeeded(members, all_failed):
    """By the counters, else by the items, else by the result; known words are the same in any case."""
    assert batch(**members).all_failed is all_failed


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "clientNo": st.integers(0, 10**9),
            "status": st.text(max_size=9),
            "countFailed": st.integers(-5, 10**15),
            "new": st.recursive(
                st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                max_leaves=6,
            ),
            "items": st.lists(st.fixed_dictionaries({"result": st.text(max_size=5)}, optional={"x": st.integers()}), max_size=3),
        },
    )
)
def test_any_batch_goes_out_as_it_came(members):
    """Known members or not, nested or not: decoding and encoding loses nothing."""
    found = decode_item(encode(members), BatchStatus)
    assert decode(encode(found)) == members
    assert isinstance(found.failed, tuple)


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [202, 206])
async def test_a_batch_that_is_not_treated_may_have_no_body(status):
    """Then what is known is said: which batch, and with which HTTP status."""
    async with make_client([Reply(status, {}, b" "), json_reply({"countNotProcessed": 2}, status)]) as amili:
        bare = await amili.arm.batches.get(2218, UUID)
        assert bare == BatchStatus(client_no=2218, batch_uuid=UUID, http_status=status)
        assert not bare.finished
        part = await amili.arm.batches.get(2218, UUID)
    assert (part.count_not_processed, part.http_status, part.client_no) == (2, status, None)


@pytest.mark.asyncio
async def test_the_call_under_the_method_tells_the_status():
    """amili.call returns nothing for an answer without a body, and the status beside it."""
    async with make_client([NOT_YET]) as amili:
        response = await amili.call("arm.batches.get", 2218, UUID)
    assert (response.data, response.status) == (None, 202)


@pytest.mark.asyncio
async def test_wait_goes_through_all_stages():
    """Not found yet, not treated yet, in part, trouble, damage, and at last treated: asked with growing pauses."""
    part = json_reply({"countNotProcessed": 1, "countProcessed": 1, "items": [{"result": "CREATED"}]}, 206)
    html = Reply(502, {}, b"<html>")
    end = json_reply(DOCUMENTED)
    replies = [Reply(404, {}, b""), NOT_YET, part, html, damaged(end), Reply(200, {}, b""), end]
    once = RequestOptions(retry=RetryPolicy(attempts=1))
    async with make_client(replies) as amili:
        found = await amili.arm.batches.wait(2218, UUID, poll=2, options=once)
    assert (found.http_status, found.result, len(found.failed), len(found.warned)) == (200, "PARTIAL-SUCCESS", 1, 1)
    assert amili.clock.sleeps == [2, 3, 4.5, 6.75, 10.125, 15]
    assert {request.url for request in amili.transport.requests} == {f"http://127.0.0.1:1/arm/v1/clients/2218/batches/{UUID}"}


@pytest.mark.asyncio
async def test_wait_raises_if_everything_failed():
    """HTTP 200 with nothing but failures is BatchFailed, with the batch on it."""
    content = {**DOCUMENTED, "result": "FAILED", "countSuccessful": 0, "countFailed": 1, "items": DOCUMENTED["items"][1:]}
    async with make_client([json_reply(content)]) as amili:
        with pytest.raises(errors.BatchFailed) as caught:
            await amili.arm.batches.wait(2218, UUID)
    assert caught.value.batch.failed[0].errors[0].field == "countryCode"
    assert "NX" not in str(caught.value)


@pytest.mark.asyncio
async def test_wait_ends_with_the_time():
    """Past the time-out comes BatchTimeout with the last known state."""
    async with make_client(lambda _: json_reply({"countNotProcessed": 4}, 206)) as amili:
        with pytest.raises(errors.BatchTimeout, match="had not ended after 60 s") as caught:
            await amili.arm.batches.wait(2218, UUID, timeout=60)
    assert (caught.value.batch.count_not_processed, sum(amili.clock.sleeps)) == (4, pytest.approx(60))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(403, {}, b""), errors.Forbidden),
        (Reply(406, {}, b"<no>"), errors.ApiError),
        (json_reply([1]), errors.DecodeError),
    ],
)
async def test_wait_raises_what_does_not_pass(reply, kind):
    """No access, 406 whatever it means, and what is no batch end the wait at once."""
    async with make_client([reply]) as amili:
        with pytest.raises(kind):
            await amili.arm.batches.wait(2218, UUID)
    assert amili.clock.sleeps == []


@pytest.mark.asyncio
async def test_a_batch_that_stays_unknown_is_not_found():
    """Ten seconds after the first question a 404 is believed."""
    async with make_client(lambda _: Reply(404, {}, b"")) as amili:
        with pytest.raises(errors.NotFound):
            await amili.arm.batches.wait(2218, UUID)
    assert 10 < sum(amili.clock.sleeps) < 30


@pytest.mark.asyncio
async def test_a_treated_batch_without_an_outcome_is_an_error():
    """HTTP 200 without a body tells nothing: it is not taken for a success."""
    async with make_client(lambda _: Reply(200, {}, b"")) as amili:
        with pytest.raises(errors.DecodeError, match="without a body") as caught:
            await amili.arm.batches.get(2218, UUID)
    assert (caught.value.damaged, caught.value.status) == (True, 200)


@pytest.mark.asyncio
async def test_a_damaged_batch_is_asked_for_again():
    """A read whose answer was cut short is repeated like any other, although it may have no body at all."""
    async with make_client([damaged(json_reply(DOCUMENTED)), json_reply(DOCUMENTED)]) as amili:
        assert (await amili.arm.batches.get(2218, UUID)).count_failed == 1
    assert len(amili.transport.requests) == 2


@pytest.mark.asyncio
async def test_a_cancelled_wait_leaves_nothing_behind():
    """Whoever gives up waiting leaves no task."""
    async with make_client(lambda _: NOT_YET) as amili:
        waiting = asyncio.create_task(amili.arm.batches.wait(2218, UUID))
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.asyncio
async def test_a_receipt_without_an_id_cannot_be_waited_for():
    """No id is said at once, before anything is sent."""
    async with make_client([]) as amili:
        for ask in (amili.arm.batches.get, amili.arm.batches.wait):
            with pytest.raises(errors.ConfigError, match="batchuuid must not be empty"):
                await ask(2218, BatchReceipt().batch_uuid)


@pytest.mark.asyncio
@pytest.mark.parametrize(("timeout", "poll"), [(0, 1), (5, 0), (5, -1)])
async def test_times_must_make_sense(timeout, poll):
    """Seconds are numbers above 0."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError):
            await amili.arm.batches.wait(2218, UUID, timeout=timeout, poll=poll)


def test_an_item_fails_by_what_it_says():
    """FAILED in any case fails; errors fail where the result is no known success; warnings do not."""
    assert ItemResult(result="Failed").failed
    assert batch(items=[{"warnings": [{"field": "x"}], "result": "UPDATED"}]).failed == ()
