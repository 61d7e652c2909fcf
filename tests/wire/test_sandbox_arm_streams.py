"""ARM through the client, over a real socket: lists give exactly what the sandbox holds, or a clear error; writes arrive once."""

from __future__ import annotations

import base64

import pytest

from amili_async import errors
from amili_async.sandbox import Fault, Sandbox
from tests.client.kit import Drifts

from .kit import connect

pytestmark = pytest.mark.asyncio

CUSTOMERS = "arm.customers.list"
WAYS = ["items", "prefetch", "concurrent"]


def truth(sandbox, **criteria):
    """Return the numbers of the customers that the sandbox holds, in its order."""
    return [row["customerNo"] for row in sandbox.truth(CUSTOMERS, 2218, **criteria)]


async def stream(amili, way, got=None, *, resume=None, **arguments):
    """Read the customers in one of the ways that there are; `got` shows what came before an error."""
    got = [] if got is None else got
    pager = amili.arm.customers.list(2218, **arguments)
    if way == "items":
        async for page in pager.pages(resume=resume):
            got += [it.customer_no for it in page.items]
        return got
    reading = pager.prefetch(2, resume=resume) if way == "prefetch" else pager.concurrent(8, resume=resume)
    async with reading as pages:
        async for page in pages:
            got += [it.customer_no for it in page.items]
    return got


@pytest.mark.parametrize("way", WAYS)
async def test_ten_thousand_customers(way):
    """All customers come once and in order, and each page is asked for once."""
    async with Sandbox(customers=10_000) as sandbox, connect(sandbox) as amili:
        assert await stream(amili, way, page_size=1_000) == truth(sandbox)
        assert sandbox.log.count(CUSTOMERS) == 10
        assert all(not query.keys() & {"pagesize"} for query in [dict(it.query) for it in sandbox.log.of(CUSTOMERS)][1:])


@pytest.mark.parametrize("way", WAYS)
async def test_criteria_hold_for_all_pages(way):
    """The query keeps its criteria: they go out once."""
    async with Sandbox(customers=400) as sandbox, connect(sandbox) as amili:
        expected = truth(sandbox, customercategory="CORP")
        assert len(expected) > 50
        assert await stream(amili, way, page_size=10, filters={"customerCategory": "corp"}) == expected


@pytest.mark.parametrize("last_token", ["null", "missing", "empty"])
@pytest.mark.parametrize("count_beyond", [False, True])
@pytest.mark.parametrize("way", WAYS)
async def test_what_is_cut_off_is_reported(way, count_beyond, last_token):
    """A list that maximumcount cuts off ends there, however the last page says so, and the cut is reported."""
    hooks = Drifts()
    settings = {"count_beyond_maximum": count_beyond, "last_token": last_token}
    async with Sandbox(customers=100, **settings) as sandbox, connect(sandbox, hooks=hooks) as amili:
        assert await stream(amili, way, page_size=10, maximum_count=35) == truth(sandbox)[:35]
        assert "cut_off" in hooks.kinds
        assert sandbox.log.count(CUSTOMERS) == 4


PASSING = [
    Fault("reset_before", at=(2, 4)),
    Fault("reset_in_body", at=(1, 3, 5)),
    Fault("truncated_json", at=(1, 3), fraction=0.9),
    Fault("rate_limit", at=(2, 3), retry_after=0.02),
    Fault("status", at=(1, 4), status=500, body="html"),
    Fault("status", at=(2, 3), status=503, retry_after=0.01),
    Fault("wrong_content_type", at=(2, 4)),
    Fault("gzip_damage", at=(2, 4)),
    Fault("unauthorized", at=(2, 5)),
    Fault("latency", rate=0.3, seconds=0.01),
    Fault("slow_body", count=2, seconds=0.02),
    Fault("lost_answer", at=(2, 5)),
]
HARMLESS = [
    Fault("gzip"),
    Fault("no_token_variants"),
    Fault("no_token_variants", form="missing"),
    Fault("smaller_pages", size=7),
    Fault("unknown_enum"),
    Fault("nulls", form="top"),
    Fault("extra_fields"),
    Fault("hole"),
    Fault("other_key"),
    Fault("hole", page=5),
    Fault("empty_page", at=(1,)),
    Fault("empty_page", at=(3,)),
    Fault("rows_shift", at=(2,)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fault", [*PASSING, *HARMLESS], ids=lambda fault: "-".join([fault.kind, *map(str, fault.params.values())])
)
async def test_every_row_once_through_any_fault(fault, way):
    """Trouble that passes is repeated through, oddities are read: the rows are those that the sandbox holds."""
    async with Sandbox(customers=115, seed=3, faults=[fault]) as sandbox, connect(sandbox) as amili:
        assert await stream(amili, way, page_size=20) == truth(sandbox)
        assert sandbox.faults.struck[fault.kind] > 0


HOSTILE = [
    Fault("foreign_next", at=(2,)),
    Fault("foreign_next"),
    Fault("repeated_token", at=(2,)),
    Fault("wrong_page", at=(2,)),
    Fault("expired_token", at=(2,)),
    Fault("nulls", every=3, at=(2,)),
    Fault("empty_object_currency", at=(2,)),
    Fault("malformed_row", at=(2,), form="number"),
    Fault("total_drift", at=(3,)),
    Fault("total_drift", at=(3,), by=-1),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", HOSTILE, ids=lambda fault: "-".join([fault.kind, *map(str, fault.params.values())]))
async def test_exact_or_a_clear_error(fault, way):
    """Either all rows come, or an error: then what came is the beginning, and from the error's cursor on comes the rest."""
    got = []
    async with Sandbox(customers=115, faults=[fault]) as sandbox, connect(sandbox) as amili:
        expected = truth(sandbox)
        try:
            await stream(amili, way, got, page_size=20)
        except errors.AmiliError as error:
            assert got == expected[: len(got)]
            sandbox.faults.clear()
            await stream(amili, way, got, page_size=20, resume=error.resume)
        assert got == expected


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [Fault("empty_page"), Fault("rows_shift")], ids=lambda fault: fault.kind)
async def test_a_page_with_other_rows_than_its_own_is_no_secret(fault, way):
    """Rows that the server leaves out or sends twice, on a page that looks sound, cannot pass unnoticed: the counts tell."""
    got, hooks = [], Drifts()
    async with Sandbox(customers=115, faults=[fault]) as sandbox, connect(sandbox, hooks=hooks) as amili:
        expected = truth(sandbox)
        try:
            await stream(amili, way, got, page_size=20)
        except errors.AmiliError as error:
            assert got == expected[: len(got)]
            sandbox.faults.clear()
            await stream(amili, way, got, page_size=20, resume=error.resume)
            assert got == expected
        else:
            assert "rows_differ_from_total" in hooks.kinds


@pytest.mark.parametrize("way", WAYS)
async def test_a_foreign_link_is_refused(way):
    """A next page on a foreign origin is an error, and nothing is sent there."""
    fault = Fault("foreign_next", origin="http://127.0.0.1:9", at=(2,))
    async with Sandbox(customers=115, faults=[fault]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.PaginationError, match="foreign origin"):
            await stream(amili, way, page_size=20)


@pytest.mark.parametrize("way", WAYS)
async def test_a_query_that_expires_is_an_error_with_its_place(way):
    """When the query is gone in the middle, the error says so; the list can be started again and gives all."""
    got = []
    async with Sandbox(customers=115) as sandbox, connect(sandbox) as amili:
        pager = amili.arm.customers.list(2218, page_size=20)
        first = await pager
        assert first.resume is not None
        for _ in range(256):  # as many queries as are kept: the first one makes room
            await amili.arm.customers.list(2218, page_size=5, limit=1)
        with pytest.raises(errors.CursorExpired) as caught:
            await stream(amili, way, got, page_size=20, resume=first.resume)
        assert caught.value.status == 404
        assert (got, str(caught.value.resume)) == ([], str(first.resume))
        assert await stream(amili, way, page_size=20) == truth(sandbox)


@pytest.mark.parametrize("way", WAYS)
async def test_inserts_shift_nothing(way):
    """Customers that are created while somebody pages do not come, and do not move those that do."""
    async with Sandbox(customers=115) as sandbox, connect(sandbox) as amili:
        expected = truth(sandbox)
        got = []
        first = await amili.arm.customers.list(2218, page_size=20)
        got += [it.customer_no for it in first.items]
        await amili.arm.customers.create(2218, {"customerNo": "0-new"})
        await amili.arm.customers.delete(2218, "543212")
        await stream(amili, way, got, page_size=20, resume=first.resume)
        assert got == expected
        assert truth(sandbox) == [*(it for it in expected if it != "543212"), "0-new"]


async def test_a_batch_is_waited_for(monkeypatch):
    """The client asks through 202 and 206 until 200, and has the outcome of every item."""
    async with Sandbox(customers=10, batch_seconds=99) as sandbox, connect(sandbox) as amili:
        now = 0.0
        monkeypatch.setattr(sandbox._arm._writes, "_clock", lambda: now)
        rows = [{"customerNo": "A"}, {"customerNo": "B", "ssnCountry": "NX"}, {"customerNo": "C", "organizationNo": "987654321"}]
        with pytest.warns(UserWarning, match="create_batch"):
            receipt = await amili.arm.customers.create_batch(2218, rows)
        seen = []
        for now in (32.0, 98.0, 99.0):  # noqa: B007
            seen.append(await amili.arm.batches.get(2218, receipt.batch_uuid))
        assert [(it.http_status, it.finished) for it in seen] == [(202, False), (206, False), (200, True)]
        batch = await amili.arm.batches.wait(2218, receipt.batch_uuid)
        assert [it.result for it in batch.items] == ["CREATED", "FAILED", "CREATED"]
        assert ([it.customer_no for it in batch.failed], [it.customer_no for it in batch.warned]) == ([None], ["C"])
        assert sandbox.executed == {"arm.customers.create_batch": 1}


async def test_a_lost_answer_makes_no_second_customer():
    """A create whose answer is lost is repeated, and updates what the first one made."""
    fault = Fault("lost_answer", count=1, match="arm.customers.create")
    async with Sandbox(customers=10, faults=[fault]) as sandbox, connect(sandbox) as amili:
        result = await amili.arm.customers.create(2218, {"customerNo": "A", "name": "Kari"})
        assert result.result == "UPDATED"
        assert sandbox.executed == {"arm.customers.create": 2}
        assert truth(sandbox)[10:] == ["A"]


@pytest.mark.parametrize("form", ["rst", "fin"])
async def test_a_credit_is_never_repeated(form):
    """A credit whose answer is lost has been made once, and the client says that it does not know."""
    fault = Fault("lost_answer", count=1, match="arm.ar_items.update", form=form)
    async with Sandbox(customers=10, faults=[fault]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.arm.ar_items.update(2218, {"arItemId": 7_000_001, "creditAmount": 1})
        assert sandbox.executed == {"arm.ar_items.update": 1}
        assert (await amili.call("arm.ar_items.get", 2218, 7_000_001)).status == 200


@pytest.mark.filterwarnings("ignore::amili_async.errors.UnconfirmedOperationWarning")
async def test_files_go_up_and_come_down():
    """The client uploads a file, sees which one was refused, and downloads what it has sent."""
    async with Sandbox(customers=10) as sandbox, connect(sandbox) as amili:
        contents = bytes(range(256))
        good = {"fileName": "a.pdf", "content": base64.b64encode(contents).decode()}
        result = await amili.arm.files.upload(2218, [good, {**good, "fileName": "a.exe"}])
        assert result.http_status == 207
        listed = (await amili.call("arm.files.list", 2218)).data["files"][-1]
        found = await amili.arm.files.get(2218, listed["fileId"])
        assert base64.b64decode(found["content"]) == contents
