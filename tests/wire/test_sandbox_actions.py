"""Actions on cases and invoices on a real socket, and the other calls of the first generation."""

from __future__ import annotations

import pytest

from amili_async.sandbox import Sandbox

from .test_sandbox_writes import INVOICE, Writer, invoices

pytestmark = pytest.mark.asyncio

PATHS = {
    "pause": "pause",
    "resume": "resume",
    "withdraw": "withdraw",
    "accept_debt_collection_list": "debt-collection-list/accept",
    "reject_debt_collection_list": "debt-collection-list/reject",
    "accept_eviction_request": "eviction-request/accept",
    "reject_eviction_request": "eviction-request/reject",
    "accept_eviction_confirmation": "eviction-confirmation/accept",
    "reject_eviction_confirmation": "eviction-confirmation/reject",
}


def fitting(writer, action):
    """Return a case that an action can be carried out on."""
    return next(writer.sandbox.cases_for(f"collection.cases.{action}", writer.organization))


async def test_pause_and_resume():
    """A paused case is shown as paused until it is resumed; the batch of the action names the case."""
    async with Writer() as writer:
        await writer.hand_in("invoices", INVOICE)
        for case_id in (fitting(writer, "pause"), writer.truth("cases")[-1]["caseId"]):
            before = await writer.case(case_id)
            status, answer = await writer.post(f"cases/{case_id}/pause")
            assert status == 202
            assert await writer.case(case_id) == {**before, "status": "PAUSED"}
            assert (await writer.get("cases?Status=PAUSED&PageSize=1000")).count({**before, "status": "PAUSED"}) == 1
            assert before not in await writer.get("cases?Status=OPEN&PageSize=1000")
            assert (await writer.post(f"cases/{case_id}/pause"))[0] == 409
            assert (await writer.get(f"batches/{answer['data']['batchId']}"))["status"] == "QUEUED"
            found = await writer.get(f"batches?SubjectId={case_id}&Type=NONE")
            assert [it["batchId"] for it in found] == [answer["data"]["batchId"]]
            writer.sandbox.finish_batches()
            batch = await writer.get(f"batches/{answer['data']['batchId']}")
            assert (batch["status"], batch["type"], batch["succeeded"]) == ("SUCCESS", "NONE", [{"caseId": case_id}])
            assert (await writer.get(f"/batches/{answer['data']['batchId']}"))["status"]["responses"][0]["objectname"] == "case"
            assert (await writer.post(f"cases/{case_id.upper()}/resume", {"reason": "paid"}))[0] == 202
            assert await writer.case(case_id) == before
            assert (await writer.post(f"cases/{case_id}/resume"))[0] == 409


async def test_withdraw():
    """A withdrawn case and its invoices are closed, and take neither actions nor payments any more."""
    async with Writer() as writer:
        case_id = fitting(writer, "withdraw")
        before = await writer.case(case_id)
        assert (await writer.post(f"cases/{case_id}/withdraw"))[0] == 202
        case = await writer.case(case_id)
        assert case == {**before, "closedAt": case["closedAt"]}
        assert case["closedAt"]
        invoice = await writer.get(f"invoices/{case['invoices'][0]['invoiceId']}")
        assert invoice["closureDate"] == case["closedAt"]
        for path in PATHS.values():
            status, answer = await writer.post(f"cases/{case_id}/{path}")
            assert (status, answer["error"]) == (409, "case_closed")
        item = {"invoiceId": invoice["id"], "amount": 1, "currency": case["claims"][0]["currency"]}
        for stream in ("payments", "corrections"):
            assert (await writer.hand_in(stream, item))["failed"][0]["code"] == "CASE_CLOSED"


async def test_paid_cases_take_no_actions():
    """A case of which nothing remains is closed too."""
    async with Writer() as writer:
        paid = next(it for it in writer.truth("cases") if it["closedAt"])
        assert (await writer.post(f"cases/{paid['caseId']}/pause"))[0] == 409


@pytest.mark.parametrize("verb", ["accept", "reject"])
async def test_debt_collection_list(verb):
    """A case on the list leaves it by either decision; one that is not on it takes none."""
    async with Writer() as writer:
        case_id = fitting(writer, f"{verb}_debt_collection_list")
        assert (await writer.case(case_id))["subStatus"] == "DEBT_COLLECTION_LIST_MANUAL"
        assert (await writer.post(f"cases/{case_id}/debt-collection-list/{verb}"))[0] == 202
        assert "subStatus" not in await writer.case(case_id)
        assert (await writer.post(f"cases/{case_id}/debt-collection-list/{verb}"))[0] == 409


async def test_eviction():
    """An eviction that was asked for can be accepted and then confirmed, each once; other cases have none."""
    async with Writer() as writer:
        case_id = fitting(writer, "accept_eviction_request")
        number = next(place for place, it in enumerate(writer.truth("cases")) if it["caseId"] == case_id)
        assert number % 16 == 12
        assert list(writer.sandbox.cases_for("collection.cases.accept_eviction_confirmation", writer.organization)) == []
        steps = [
            ("eviction-confirmation/accept", 409),
            ("eviction-request/accept", 202),
            ("eviction-request/reject", 409),
            ("eviction-confirmation/reject", 202),
            ("eviction-confirmation/accept", 409),
        ]
        for path, wanted in steps:
            assert (await writer.post(f"cases/{case_id}/{path}"))[0] == wanted, path
        none = next(it["caseId"] for place, it in enumerate(writer.truth("cases")) if place % 16 != 12 and not it["closedAt"])
        assert (await writer.post(f"cases/{none}/eviction-request/accept"))[0] == 422


async def test_every_action_fits_some_case():
    """For each action there is a case that takes it, after the actions that lead there."""
    async with Writer(cases=200) as writer:
        assert (await writer.post(f"cases/{fitting(writer, 'accept_eviction_request')}/eviction-request/accept"))[0] == 202
        for action in ("accept_eviction_confirmation", *PATHS):
            if action == "reject_eviction_confirmation":
                await writer.post(f"cases/{fitting(writer, 'accept_eviction_request')}/eviction-request/accept")
            status, _ = await writer.post(f"cases/{fitting(writer, action)}/{PATHS[action]}")
            assert status == 202, action
        with pytest.raises(Exception, match="no action"):
            writer.sandbox.cases_for("collection.cases.list", writer.organization)


async def test_wrong_cases_and_bodies():
    """Unknown cases are 404, bodies that are no JSON object 400."""
    async with Writer() as writer:
        foreign = next(writer.sandbox.dataset.cases(writer.sandbox.organizations[1]))["caseId"]
        longer = Sandbox(cases=41, seed=5)
        late = list(longer.dataset.cases(longer.organizations[0]))[-1]["caseId"]
        for case_id in ("x", foreign, late, writer.truth("invoices")[0]["id"]):
            assert (await writer.post(f"cases/{case_id}/pause"))[0] == 404
        case_id = fitting(writer, "pause")
        for body in (b"{", b"[]"):
            assert (await writer.post(f"cases/{case_id}/pause", body))[0] == 400
        assert (await writer.post(f"cases/{case_id}/pause", b"{}", **{"Content-Type": "text/plain"}))[0] == 400
        assert not writer.sandbox.executed


async def test_action_without_a_batch():
    """An action can be set to be answered with nothing at all; then it has no batch."""
    async with Writer(action_batches=False) as writer:
        before = writer.sandbox.counts(writer.organization)["batches"]
        case_id = fitting(writer, "pause")
        for _ in range(2):
            assert await writer.post(f"cases/{case_id}/pause", IdempotencyKey="k") == (202, b"")
        assert writer.sandbox.executed == {"collection.cases.pause": 1}
        assert writer.sandbox.counts(writer.organization)["batches"] == before


async def test_actions_with_a_key():
    """A repeated action with its key answers the same batch; on another case it is a conflict."""
    async with Writer() as writer:
        first, second = list(writer.sandbox.cases_for("pause", writer.organization))[:2]
        answer = await writer.post(f"cases/{first}/pause", IdempotencyKey="k")
        assert await writer.post(f"cases/{first}/pause", IdempotencyKey="k") == answer
        assert (await writer.post(f"cases/{second}/pause", IdempotencyKey="k"))[0] == 409
        assert (await writer.post(f"cases/{first}/pause", IdempotencyKey="other"))[0] == 409
        assert writer.sandbox.executed == {"collection.cases.pause": 1}


async def test_actions_on_invoices():
    """The first generation acts on the case of an invoice, answers without a body, and 400 if it cannot."""
    async with Writer() as writer:
        batches = writer.sandbox.counts(writer.organization)["batches"]
        case = await writer.case(fitting(writer, "pause"))
        invoice_id = case["invoices"][0]["invoiceId"]
        for action, status in (("pause", 202), ("pause", 400), ("resume", 202), ("resume", 400), ("withdraw", 202)):
            found, body = await writer.post(f"invoices/{invoice_id}/{action}")
            assert found == status, action
            assert (body == b"") == (status == 202)
        assert (await writer.case(case["caseId"]))["closedAt"]
        assert (await writer.post(f"invoices/{invoice_id}/resume"))[0] == 400
        assert (await writer.post(f"invoices/{case['caseId']}/pause"))[0] == 400
        assert writer.sandbox.counts(writer.organization)["batches"] == batches


async def test_parts_of_an_invoice():
    """Documents, history and payments of an invoice can be read, of a computed and of a written one."""
    async with Writer() as writer:
        await writer.hand_in("invoices", *invoices(1))
        computed = next(it for it in writer.truth("settlements"))["invoice"]["id"]
        written = writer.truth("invoices")[-1]["id"]
        for invoice_id in (computed, written):
            status, body = await writer.ask("GET", f"invoices/{invoice_id}/documents")
            assert (status, body["summary"]["status"], len(body["data"])) == (200, "SUCCESS", 1)
        assert {it["event"] for it in await writer.get(f"invoices/{computed}/history")} >= {"REGISTERED", "PAID"}
        assert await writer.get(f"invoices/{written}/payments") == []
        assert [it["event"] for it in await writer.get(f"invoices/{written}/history")] == ["REGISTERED"]
        item = {"invoiceId": written, "amount": 400, "currency": "NOK"}
        await writer.hand_in("corrections", item)
        await writer.hand_in("payments", {**item, "amount": 600, "type": "CASH"})
        (payment,) = await writer.get(f"invoices/{written}/payments")
        assert (payment["amount"], payment["type"]) == (600, "CASH")
        history = await writer.get(f"invoices/{written}/history")
        assert history == sorted(history, key=lambda it: it["date"])
        assert {it["event"] for it in history} == {"REGISTERED", "PAID", "CORRECTED", "CLOSED"}
        for part in ("documents", "history", "payments"):
            assert (await writer.ask("GET", f"invoices/x/{part}"))[0] == 404


async def test_service():
    """Reports, pings, health and the Banqsoft call answer; the plain ping needs no token."""
    async with Writer() as writer:
        (report,) = await writer.get("reports")
        assert report["cases"] == 40
        assert await writer.ask("GET", "/ping/authorized") == (200, b"authorized")
        assert await writer.ask("GET", "/health") == (200, {"status": "Healthy"})
        assert await writer.get("/banqsoft") == {}
        assert await writer.ask("GET", "/ping", Authorization="") == (200, b"pong")
        for path in ("/ping/authorized", "/health", "/banqsoft", "reports"):
            assert (await writer.ask("GET", path, Authorization=""))[0] == 401
