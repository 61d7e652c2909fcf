"""Streams over a real socket deliver exactly what the sandbox holds, through every fault it knows."""

from __future__ import annotations

import asyncio
import gc
import json
import time

import pytest

from amili_async import (
    AccessToken,
    AmiliClient,
    ClientCredentials,
    Environment,
    Hooks,
    Limits,
    RequestOptions,
    RetryPolicy,
    TokenCache,
    errors,
)
from amili_async.sandbox import Fault, Sandbox

from .kit import connect

pytestmark = pytest.mark.asyncio

CASES = "collection.cases.list"


def truth(sandbox, operation=CASES, key="caseId", **filters):
    """Return the ids that the sandbox holds, in its order."""
    return [row[key] for row in sandbox.truth(operation, sandbox.organizations[0], **filters)]


class Counter(Hooks):
    """Counts retries and keeps kinds of drift."""

    def __init__(self):
        self.retries = 0
        self.drifts = []

    def on_retry(self, event):
        """Count."""
        self.retries += 1

    def on_drift(self, event):
        """Keep the kind."""
        self.drifts.append(event.kind)


async def stream(amili, org, way):
    """Read all cases in one of the ways that there are."""
    pager = amili.collection.cases.list(org, page_size=20)
    if way == "items":
        return [case.case_id async for case in pager]
    if way == "raw":
        return [json.loads(bytes(raw))["caseId"] async for raw in pager.raw()]
    async with pager.prefetch(2) as pages:
        return [case.case_id async for case in pages.items()]


WAYS = ["items", "prefetch", "raw"]

PASSING = [
    Fault("reset_before", at=(2, 4)),
    Fault("reset_before", at=(1, 3), form="fin"),
    Fault("reset_after_headers", at=(2, 4)),
    Fault("reset_in_body", at=(1, 3, 5)),
    Fault("truncated_json", at=(1, 3), fraction=0.999),
    Fault("truncated_json", at=(2,), fraction=0.3),
    Fault("rate_limit", at=(2, 3), retry_after=0.02),
    Fault("rate_limit", at=(2, 3), retry_after=0, form="date"),
    Fault("rate_limit", at=(2, 3), form="absent"),
    Fault("status", at=(1, 4), status=500, body="html"),
    Fault("status", at=(2, 3), status=502, body="empty"),
    Fault("status", at=(2, 3), status=503, body="text", retry_after=0.01),
    Fault("status", at=(2, 3), status=503),
    Fault("wrong_content_type", at=(2, 4)),
    Fault("gzip_damage", at=(2, 4)),
    Fault("gzip_damage", at=(3,), form="checksum"),
    Fault("gzip_damage", at=(3,), form="plain"),
    Fault("unauthorized", at=(2, 5)),
    Fault("latency", rate=0.3, seconds=0.01),
    Fault("slow_body", count=2, seconds=0.02),
]
HARMLESS = [
    Fault("gzip"),
    Fault("empty_page", rate=0.4),
    Fault("no_token_variants"),
    Fault("no_token_variants", form="missing"),
    Fault("unknown_enum"),
    Fault("nulls", every=3),
    Fault("empty_object_currency"),
    Fault("string_case_number"),
    Fault("extra_fields"),
    Fault("bare_dates", every=5),
    Fault("bare_dates", form="no_zone"),
    Fault("bare_dates", form="seven_digits"),
    Fault("total_drift", at=(2,)),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fault", [*PASSING, *HARMLESS], ids=lambda fault: "-".join([fault.kind, *map(str, fault.params.values())])
)
async def test_every_row_once_through_any_fault(fault, way):
    """Trouble that passes is repeated through, oddities are read: the rows are those that the sandbox holds."""
    hooks = Counter()
    async with Sandbox(cases=115, seed=3, faults=[fault]) as sandbox, connect(sandbox, hooks=hooks) as amili:
        assert await stream(amili, sandbox.organizations[0], way) == truth(sandbox)
        assert sandbox.faults.struck[fault.kind] > 0
    if fault.at and fault.kind not in {"unauthorized", "total_drift"}:
        assert hooks.retries == len(fault.at)
    if fault.kind == "total_drift":
        assert "total_moved" in hooks.drifts


@pytest.mark.parametrize("way", WAYS)
async def test_lists_with_page_numbers_only(way):
    """Answers without tokens are walked by number to their end."""
    async with Sandbox(cases=115, skip_only=True) as sandbox, connect(sandbox) as amili:
        assert await stream(amili, sandbox.organizations[0], way) == truth(sandbox)
        assert sandbox.log.count(CASES) == 6


@pytest.mark.parametrize("way", WAYS)
async def test_a_repeated_token_is_an_error_and_its_resume_the_rest(way):
    """A loop is found at once, nothing of the page that bore it was handed out, and the cursor gives exactly the rest."""
    fault = Fault("repeated_token", at=(3,))
    async with Sandbox(cases=115, faults=[fault]) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        got = []
        pager = amili.collection.cases.list(org, page_size=20)
        with pytest.raises(errors.PageLoop) as caught:
            if way == "prefetch":
                async with pager.prefetch(2) as pages:
                    async for case in pages.items():
                        got.append(case.case_id)
            else:
                async for case in pager:
                    got.append(case.case_id)
        resume = str(caught.value.resume)
        got += [case.case_id async for page in pager.pages(resume=resume) for case in page]
        assert got == truth(sandbox)


async def test_a_malformed_row_under_both_modes():
    """Raising names the row and its page can be resumed; collecting delivers all the others."""
    fault = Fault("malformed_row", at=(2,), index=4, form="number")
    async with Sandbox(cases=60, faults=[fault]) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        expected = truth(sandbox)
        with pytest.raises(errors.DecodeError) as caught:
            await amili.collection.cases.list(org, page_size=20).collect()
        assert caught.value.index == 4
        rest = amili.collection.cases.list(org, page_size=20).pages(resume=str(caught.value.resume))
        assert [case.case_id async for page in rest for case in page] == expected[20:]
    async with Sandbox(cases=60, faults=[fault]) as sandbox, connect(sandbox) as amili:
        pages = [page async for page in amili.collection.cases.list(org, page_size=20, on_invalid="collect").pages()]
        assert [len(page.invalid) for page in pages] == [0, 1, 0]
        assert [case.case_id for page in pages for case in page] == expected[:24] + expected[25:]


async def test_an_expired_cursor_says_so():
    """A page token that the server no longer knows is CursorExpired, with the cursor that failed."""
    async with Sandbox(cases=60, faults=[Fault("expired_token", at=(2,))]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.CursorExpired) as caught:
            await amili.collection.cases.list(sandbox.organizations[0], page_size=20).collect()
    assert (caught.value.status, caught.value.resume.rows) == (400, 40)


async def test_a_token_that_dies_in_mid_stream_costs_one_renewal():
    """Revoked tokens are replaced once, whoever notices first; every row comes once."""
    async with Sandbox(cases=115) as sandbox, connect(sandbox) as amili:
        got = []
        async for page in amili.collection.cases.list(sandbox.organizations[0], page_size=20).pages():
            got += [case.case_id for case in page]
            if page.number == 2:
                sandbox.revoke_tokens()
        assert got == truth(sandbox)
        assert sandbox.log.count("identity.token") == 2


async def test_a_hundred_first_calls_make_one_token_request():
    """And fifty late refusals one renewal, on the wire too."""
    async with Sandbox(cases=5) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        await asyncio.gather(*(amili.collection.cases.list(org) for _ in range(100)))
        assert sandbox.log.count("identity.token") == 1
        assert sandbox.log.max_in_flight <= 17
        sandbox.revoke_tokens()
        await asyncio.gather(*(amili.collection.cases.list(org) for _ in range(50)))
        assert sandbox.log.count("identity.token") == 2


async def test_an_outage_of_the_identity_host_is_not_noticed():
    """While the token is valid a dead token endpoint does no harm, also when renewal is due."""
    async with Sandbox(cases=60, token_lifetime=100) as sandbox:
        clock = Shifted()
        async with connect(sandbox, clock=clock) as amili:
            org = sandbox.organizations[0]
            await amili.collection.cases.list(org)
            sandbox.faults.add(Fault("token_down"))
            clock.shift = 95
            assert await stream(amili, org, "items") == truth(sandbox)


class Shifted:
    """The machine's clock, some seconds ahead."""

    shift = 0.0

    def monotonic(self):
        """Return the time."""
        return time.monotonic() + self.shift

    def time(self):
        """Return the unix time."""
        return time.time() + self.shift

    async def sleep(self, seconds):
        """Wait."""
        await asyncio.sleep(seconds)


@pytest.mark.parametrize("skew", [-3_000, 3_000])
async def test_clock_skew_is_tolerated(skew):
    """A server clock that is off by most of an hour changes nothing."""
    async with Sandbox(cases=5, clock_skew=skew, token_numbers_as_strings=True) as sandbox, connect(sandbox) as amili:
        for _ in range(3):
            await amili.collection.cases.list(sandbox.organizations[0])
        assert sandbox.log.count("identity.token") == 1


@pytest.mark.parametrize(
    ("name", "key", "operation"),
    [
        ("batches", "batchId", "collection.batches.list"),
        ("invoices", "id", "collection.invoices.list"),
        ("settlements", "id", "collection.settlements.list"),
    ],
)
async def test_the_other_lists(name, key, operation):
    """Batches, invoices and settlements stream like cases, and each row can be got by its id."""
    async with Sandbox(cases=130, page_size_default=50) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        resource = getattr(amili.collection, name)
        rows = await resource.list(org).collect()
        ids = [getattr(row, "batch_id" if name == "batches" else "id") for row in rows]
        assert ids == truth(sandbox, operation, key)
        assert len(ids) > 10
        assert await resource.get(org, ids[3]) == rows[3]


async def test_batches_in_their_older_shape():
    """list_all and get_legacy answer with a status object."""
    async with Sandbox(cases=30) as sandbox, connect(sandbox) as amili:
        batches = await amili.collection.batches.list_all().collect()
        batch = await amili.collection.batches.get_legacy(batches[0].batch_id)
    assert {batch.organization_id for batch in batches} == set(sandbox.organizations)
    assert batch.status.statuscode is not None


async def test_filters_on_the_wire():
    """What the client sends is what the sandbox filters by."""
    async with Sandbox(cases=300) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        cases = amili.collection.cases
        found = await cases.list(org, status="PAUSED", type="PAYMENT_REMINDER").collect()
        assert [case.case_id for case in found] == truth(sandbox, Status="PAUSED", Type="PAYMENT_REMINDER")
        assert 0 < len(found) < 300
        some = found[0]
        assert await cases.list(org, case_number=some.case_number).collect() == [some]
        moment = some.registered_at
        since = await cases.list(org, from_created_at=moment).collect()
        before = await cases.list(org, to_created_at=moment).collect()
        assert len(since) + len(before) == 300
        assert some in since


async def test_other_organizations_and_unknown_ids():
    """403 and 404 are what they are, at once."""
    async with Sandbox(cases=5) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.Forbidden):
            await amili.collection.cases.list("7bc05553-4b68-44e8-b7bc-37be63c6d9e9")
        with pytest.raises(errors.NotFound) as caught:
            await amili.collection.invoices.get(sandbox.organizations[0], "7bc05553-4b68-44e8-b7bc-37be63c6d9e9")
        assert caught.value.attempts == 1


async def test_wrong_credentials():
    """A wrong secret is Unauthorized from the token call, without repeats."""
    async with Sandbox(cases=5) as sandbox:
        async with AmiliClient(ClientCredentials("sandbox", "wrong"), environment=sandbox.environment) as amili:
            with pytest.raises(errors.Unauthorized) as caught:
                await amili.collection.cases.list(sandbox.organizations[0])
        assert caught.value.path == "/token"
        assert sandbox.log.count() == 1


async def test_rows_inserted_while_paging():
    """Rows that come meanwhile are delivered too, and the total that moved is reported."""
    hooks = Counter()
    async with Sandbox(cases=45) as sandbox, connect(sandbox, hooks=hooks) as amili:
        org = sandbox.organizations[0]
        got = []
        async for page in amili.collection.cases.list(org, page_size=20).pages():
            got += [case.case_id for case in page]
            if page.number == 1:
                sandbox.insert(org, 10)
        assert got == truth(sandbox)
        assert len(got) == 55
    assert hooks.drifts == ["total_moved"]


async def test_attempts_are_what_the_server_saw():
    """No request is repeated behind our back, not even a read on a reused connection that died."""
    fault = Fault("reset_before", at=(2,), match=CASES)
    async with Sandbox(cases=5, faults=[fault]) as sandbox, connect(sandbox) as amili:
        org = sandbox.organizations[0]
        await amili.call(CASES, org)
        response = await amili.call(CASES, org)
        assert response.attempts == 2
        assert sandbox.log.count(CASES) == 3
        sandbox.faults.add(Fault("reset_before", match=CASES))
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await amili.call(CASES, org, options=RequestOptions(retry=RetryPolicy(attempts=1)))
        assert (caught.value.attempts, sandbox.log.count(CASES)) == (1, 4)


async def test_a_server_that_is_not_there():
    """Connection refused is not sent, whatever the operation."""
    async with Sandbox(cases=1) as sandbox:
        environment, credentials = sandbox.environment, sandbox.credentials
    async with AmiliClient(credentials, environment=environment, retry=RetryPolicy(attempts=2, backoff=0.01)) as amili:
        with pytest.raises(errors.NotSentError, match="cannot connect") as caught:
            await amili.collection.cases.list("org")
    assert caught.value.attempts == 2


async def test_a_gzip_bomb_is_refused():
    """What unpacks to more than allowed is an error, not a full memory; it is not asked for again."""
    fault = Fault("gzip_bomb", megabytes=50)
    async with Sandbox(cases=5, faults=[fault]) as sandbox, connect(sandbox, limits=Limits(response_bytes=2**20)) as amili:
        amili_token = TokenCache(sandbox.credentials)
        assert "secret" not in repr(amili_token)
        with pytest.raises(errors.DecodeError, match="unpacks to more"):
            await amili.collection.cases.list(sandbox.organizations[0])
        assert sandbox.log.count() <= 2


async def test_redirects_to_a_foreign_origin_go_without_the_token():
    """Another server that a read is redirected to never sees the token."""
    async with Sandbox(cases=5, seed=1) as other, Sandbox(cases=5, seed=2) as sandbox:
        path = f"{other.url}/collection/v1/orgs/{other.organizations[0]}/cases"
        sandbox.faults.add(Fault("redirect", match=CASES, location=path))
        async with connect(sandbox) as amili:
            with pytest.raises(errors.Unauthorized):
                await amili.collection.cases.list(sandbox.organizations[0])
        assert other.log.count(CASES) > 0
        assert not any(served.authorization for served in other.log)


@pytest.mark.parametrize("way", ["items", "pages", "prefetch"])
async def test_leaving_early_leaves_nothing_behind(way):
    """After a break there is no task, no connection and no place of the throttle left."""
    async with Sandbox(cases=115) as sandbox:
        tasks = asyncio.all_tasks()
        async with connect(sandbox, limits=Limits(connections=1)) as amili:
            pager = amili.collection.cases.list(sandbox.organizations[0], page_size=20)
            for _ in range(3):
                if way == "prefetch":
                    async with pager.prefetch(2) as pages:
                        async for _ in pages:
                            break
                else:
                    async for _ in pager if way == "items" else pager.pages():
                        break
            await asyncio.wait_for(pager, 2)
            assert {task for task in asyncio.all_tasks() - tasks if "amili" in repr(task.get_coro())} == set()
        del amili, pager
        gc.collect()


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_at_any_moment_leaves_the_client_whole(way):
    """However far a stream has come when it is cancelled, the next one delivers every row, through one connection."""
    async with Sandbox(cases=115, latency=0.002) as sandbox, connect(sandbox, limits=Limits(connections=1)) as amili:
        org = sandbox.organizations[0]
        outcomes = []
        for step in range(0, 30, 2):
            task = asyncio.create_task(stream(amili, org, way))
            await asyncio.sleep(step / 1000)
            task.cancel()
            outcomes += await asyncio.gather(task, return_exceptions=True)
        assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert await asyncio.wait_for(stream(amili, org, way), 5) == truth(sandbox)


async def test_proxies_get_their_credentials(monkeypatch):
    """With trust_env a proxy of the environment is used, and gets the login that stands in its URL."""
    seen = []

    async def proxy(reader, writer):
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        body = b'{"data": {"id": "i1"}}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://user:hunter2@127.0.0.1:{port}")
    environment = Environment("x", collection="http://api.invalid/c", identity="http://api.invalid/i", allow_http=True)
    async with server, AmiliClient(TokenCache(Fixed()), environment=environment, trust_env=True) as amili:
        assert (await amili.collection.invoices.get("org", "i1")).id == "i1"
    assert seen[0].startswith("GET http://api.invalid/c/orgs/org/invoices/i1 HTTP/1.1")
    assert "Proxy-Authorization: Basic dXNlcjpodW50ZXIy" in seen[0]


class Fixed:
    """Credentials of the test's own."""

    async def obtain(self, exchange):
        """Return a token."""
        return AccessToken("t0ken")
