"""AutoCollect over a real socket: documents of both shapes, settlements read on, batches sent, user name and password."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal

import aiohttp
import pytest

from amili_async import AmiliClient, BasicCredentials, RequestOptions, StaticToken, errors
from amili_async.autocollect.models import Case, LegacyCase, LegacySettlement, Settlement
from amili_async.collection.requests import NewPayment
from amili_async.sandbox import Fault, Sandbox
from amili_async.structs import decode

from .kit import connect

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

BATCH = "autocollect.batch.get"
SUBMIT = "autocollect.batch.submit"
SHAPES = {
    "newer": ({Case}, {Settlement}),
    "older": ({LegacyCase}, {LegacySettlement}),
    "mixed": ({Case, LegacyCase}, {Settlement, LegacySettlement}),
}


def truth(sandbox, organization=0, stream="settlements"):
    """Return what the Collection API shows, in its order."""
    return list(sandbox.truth(f"collection.{stream}.list", sandbox.organizations[organization]))


def number_of(case):
    """Return the number of a case in either shape."""
    return int(case.case_number if isinstance(case, Case) else case.casenumber)


def name_of(settlement):
    """Return what a settlement is called in the ledger, in either shape."""
    return settlement.ledgerref if isinstance(settlement, LegacySettlement) else settlement.ledger_ref


async def creditors(amili):
    """Return the ids of the creditors."""
    return [creditor.idnumber for creditor in (await amili.autocollect.batch.get()).creditor]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_document_says_what_the_collection_api_says(shape):
    """Cases and settlements of all creditors, with the same numbers and amounts in either shape."""
    async with Sandbox(cases=40, seed=3, legacy_shape=shape) as sandbox, connect(sandbox) as amili:
        batch = await amili.autocollect.batch.get(include_closed=True)
        cases = [row for index in range(2) for row in truth(sandbox, index, "cases")]
        settlements = [row for index in range(2) for row in truth(sandbox, index)]
    assert ({type(row) for row in batch.case}, {type(row) for row in batch.settlement}) == SHAPES[shape]
    assert [number_of(case) for case in batch.case] == [row["caseNumber"] for row in cases]
    assert [name_of(row) for row in batch.settlement] == [row["ledgerRef"] for row in settlements]
    assert [creditor.lastsettlementid for creditor in batch.creditor] == [truth(sandbox, index)[-1]["id"] for index in range(2)]
    for found, row in zip(batch.case, cases, strict=True):
        if isinstance(found, Case):
            assert found.case_token
            assert found.remaining_amount == row["remainingAmount"]
        else:
            assert found.remainingsum == found.remainingprincipal == row["remainingAmount"] == found.payment_details.payment_value
            assert found.originalsum == found.paidsum + found.remainingsum
            assert found.remainingfee == found.remaininginterest == 0
            assert (found.closuredate is None) is (row["closedAt"] is None)
            assert found.customerref == row["debtors"][0]["customerNumber"]


async def test_filters():
    """One creditor, one customer, one entry, one day; closed cases only on demand; texts in another language."""
    async with Sandbox(cases=60, seed=3, legacy_shape="older") as sandbox, connect(sandbox) as amili:
        get = amili.autocollect.batch.get
        everything, open_ones = await get(include_closed=True), await get()
        first, second = [it.idnumber for it in everything.creditor]
        one = await get(creditor_id=second, include_closed=True)
        nobody = await get(creditor_id="999999999")
        customer = await get(customer_ref="200001", creditor_id=first, include_closed=True)
        entry = await get(ledger_ref=everything.settlement[3].ledgerref, creditor_id=first)
        bill = await get(ledger_ref=everything.case[3].ledgerref, creditor_id=first, include_closed=True)
        paid = next(row["remittanceDate"] for row in truth(sandbox) if row["remittanceDate"])
        day = await get(remittance_date=paid[:10], creditor_id=first)
        english = await get(language_code="en", creditor_id=first)
        with pytest.raises(errors.BadRequest):
            await amili.call(BATCH, query={"includeclosed": "perhaps"})
        with pytest.raises(errors.BadRequest):
            await get(remittance_date="soon")
        expected = [row["ledgerRef"] for row in truth(sandbox) if (row["remittanceDate"] or "")[:10] == paid[:10]]
    assert len(everything.case) == 120 > len(open_ones.case) > 0
    assert all(case.closuredate is None for case in open_ones.case)
    assert [creditor.idnumber for creditor in one.creditor] == [second]
    assert (len(one.case), nobody.creditor, nobody.case, nobody.settlement) == (60, (), (), ())
    assert one.settlement == tuple(row for row in everything.settlement if row.creditorid == second)
    assert {case.customerref for case in customer.case} == {"200001"}
    assert len(customer.case) == 2
    assert {row.customerref for row in customer.settlement} <= {"200001"}
    assert [row.ledgerref for row in entry.settlement] == [everything.settlement[3].ledgerref]
    assert [case.casenumber for case in bill.case] == [everything.case[3].casenumber]
    assert [row.ledgerref for row in day.settlement] == expected
    assert {case.service_description for case in english.case} == {"Reminder", "Collection notice"}
    assert {case.service_description for case in open_ones.case} == {"Purring", "Inkassovarsel"}


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
async def test_settlements_come_once_and_new_ones_are_found(shape, inclusive):
    """Creditor by creditor each settlement comes once, also those that are made meanwhile; a later run gets only what is new."""
    settings = {"cases": 50, "seed": 3, "legacy_shape": shape, "legacy_inclusive": inclusive}
    async with Sandbox(**settings) as sandbox, connect(sandbox) as amili:
        feed = amili.autocollect.batch.settlements
        for index, creditor in enumerate(await creditors(amili)):
            found, after = [], None
            async for increment in feed(creditor_id=creditor).pages():
                found += [name_of(row) for row in increment]
                after = increment.after
                if len(found) < 80:
                    sandbox.insert(sandbox.organizations[index], 20)
            assert found == [row["ledgerRef"] for row in truth(sandbox, index)]
            assert after == truth(sandbox, index)[-1]["id"]
            assert len(found) > 80
            known = len(found)
            sandbox.insert(sandbox.organizations[index], 8)
            later = [name_of(row) async for row in feed(creditor_id=creditor, after=after)]
            expected = [row["ledgerRef"] for row in truth(sandbox, index)]
            # Of the older shape no id is known: the one at the position cannot be told from a new one.
            again = expected[known - 1 : known] if inclusive and expected[known - 1] == later[0] else []
            assert later == again + expected[known:]
            assert not again or shape != "newer"
        with pytest.raises(errors.PaginationError, match="creditor_id="):
            await anext(feed().pages())


async def test_a_payment_becomes_a_settlement_behind_the_last():
    """What is written to the Collection API is read on here."""
    async with Sandbox(cases=16, organizations=1, legacy_shape="newer") as sandbox, connect(sandbox) as amili:
        (organization,) = sandbox.organizations
        (increment,) = [it async for it in amili.autocollect.batch.settlements().pages()]
        parts = [part async for case in amili.collection.cases.list(organization) for part in case.invoices]
        invoice = next(part.invoice_id for part in parts if part.remaining_amount > 1 and part.currency == "NOK")
        await amili.collection.payments.create(
            organization, [NewPayment(invoice_id=invoice, amount=Decimal("0.50"), currency="NOK")]
        )
        sandbox.finish_batches()
        (settlement,) = [row async for row in amili.autocollect.batch.settlements(after=increment.after)]
    assert (settlement.payment_amount, settlement.invoice.id) == (Decimal("0.50"), invoice)


PASSING = [
    Fault("reset_before", at=(1, 3)),
    Fault("reset_in_body", at=(1, 2)),
    Fault("reset_after_headers", at=(2,)),
    Fault("truncated_json", at=(1, 3), fraction=0.99),
    Fault("rate_limit", at=(2,), retry_after=0.02),
    Fault("status", at=(1, 2), status=502, body="html"),
    Fault("lost_answer", at=(1,)),
    Fault("gzip_damage", at=(2,)),
    Fault("unauthorized", at=(1, 3)),
    Fault("wrong_content_type", at=(1,)),
    Fault("slow_body", count=1, seconds=0.02),
    Fault("gzip", match=BATCH),
    Fault("extra_fields"),
    Fault("unknown_enum"),
    Fault("empty_object_currency"),
    Fault("string_case_number"),
    Fault("bare_dates"),
    Fault("bare_dates", form="no_zone"),
    Fault("bare_dates", form="seven_digits"),
    Fault("nulls", every=3),
]


@pytest.mark.parametrize("shape", ["newer", "older"])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: "-".join([fault.kind, *map(str, fault.params.values())]))
async def test_settlements_come_once_through_any_fault(fault, shape):
    """Trouble that passes is repeated through, oddities are read."""
    async with Sandbox(cases=30, organizations=1, legacy_shape=shape) as sandbox, connect(sandbox) as amili:
        expected = [row["ledgerRef"] for row in truth(sandbox)]
        await amili.autocollect.status.ping()  # so that the token is there
        sandbox.faults.add(fault)
        rows = [row async for row in amili.autocollect.batch.settlements()]
        assert sandbox.faults.struck[fault.kind] > 0
        if fault.kind == "nulls":
            assert len(rows) == len(expected)
        else:
            assert [name_of(row) for row in rows] == expected


async def test_a_malformed_row_is_named():
    """A case whose id is a number is no case of the newer shape: the error says which it is."""
    faults = [Fault("malformed_row", index=2, form="number")]
    async with Sandbox(cases=8, legacy_shape="newer", faults=faults) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.DecodeError, match=r"case 2 of the document \(id 12345\)") as caught:
            await amili.autocollect.batch.get()
    assert (caught.value.index, caught.value.status) == (2, 200)


async def test_the_outcome_of_a_batch_is_told_item_by_item():
    """Refused items come inside a 200; each is named by its list and its place."""
    document = {
        "batchid": "b1",
        "invoice": [{"ledgerref": "L1", "sum": Decimal("10.50")}, {}, {"ledgerref": ""}],
        "message": [{"a": 1}],
    }
    async with Sandbox() as sandbox, connect(sandbox) as amili:
        outcome = await amili.autocollect.batch.submit(document, sender_id="erp")
        fine = await amili.autocollect.batch.submit({"invoice": [{"ledgerref": "L2"}]})
        assert (sandbox.executed[SUBMIT], sandbox.executed_items[SUBMIT]) == (2, 3)
        assert sandbox.log.of(SUBMIT)[0].query == (("senderid", "erp"),)
    assert [(it.objectname, it.objectindex) for it in outcome.errors] == [("invoice", 1), ("invoice", 2)]
    assert [(it.objectname, it.objectindex, it.ledgerref) for it in outcome.responses] == [
        ("invoice", 0, "L1"),
        ("message", 0, ""),
    ]
    assert (outcome.ok, outcome.statuscode) == (False, 1)
    assert (fine.ok, fine.raise_for_errors().errors) == (True, ())


@pytest.mark.parametrize("form", ["rst", "fin"])
@pytest.mark.parametrize("key", [None, "k1"])
async def test_a_batch_whose_answer_is_lost_was_sent_once(form, key):
    """The connection breaks after the document was taken over: nobody knows, and it is not sent again."""
    faults = [Fault("lost_answer", match=SUBMIT, form=form)]
    async with Sandbox(faults=faults) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.autocollect.batch.submit({"invoice": [{"a": 1}]}, options=RequestOptions(idempotency_key=key))
        assert (sandbox.executed[SUBMIT], sandbox.log.count(SUBMIT)) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "executed"),
    [
        (Fault("rate_limit", count=2, match=SUBMIT, retry_after=0.01), 1),
        (Fault("unauthorized", count=1, match=SUBMIT), 1),
        (Fault("status", count=1, match=SUBMIT, status=500), 0),
        (Fault("truncated_json", count=1, match=SUBMIT), 1),
        (Fault("reset_before", count=1, match=SUBMIT), 0),
    ],
)
async def test_a_batch_is_taken_over_at_most_once(fault, executed):
    """Whatever goes wrong, the document is carried out once or not at all."""
    async with Sandbox(faults=[fault]) as sandbox, connect(sandbox) as amili:
        with suppress(errors.ServerError, errors.OutcomeUnknownError, errors.DecodeError):
            assert (await amili.autocollect.batch.submit({"invoice": [{"a": 1}]})).ok
        assert sandbox.executed[SUBMIT] == executed


async def post(sandbox, body, media_type, authorization):
    """Send a batch as raw HTTP; return status and answer."""
    url = f"{sandbox.url}/autocollect/webapi/api/Batch"
    headers = {"Content-Type": media_type, **({"Authorization": authorization} if authorization else {})}
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as response:
        return response.status, decode(await response.read())


async def test_what_the_sandbox_refuses():
    """Another media type, other contents, another scheme, a wrong password: nothing of it is carried out."""
    media = "application/json-patch+json"
    async with Sandbox() as sandbox:
        basic = (await BasicCredentials("sandbox", "sandbox-secret").obtain(None)).authorization
        wrong = (BasicCredentials("sandbox", "wrong"), BasicCredentials("other", "sandbox-secret"))
        bad = [(await it.obtain(None)).authorization for it in wrong]
        for authorization in (None, "Basic", "Basic ***", "Digest x", "Bearer x", *bad, basic.replace("Basic", "Bearer")):
            assert (await post(sandbox, b"{}", media, authorization))[0] == 401
        assert (await post(sandbox, b"{}", "application/json", basic))[0] == 415
        for body in (b"", b"[]", b"{", b"\xff"):
            assert (await post(sandbox, body, media, basic))[0] == 400
        assert sandbox.executed[SUBMIT] == 0
        expected = {"statuscode": 0, "errors": [], "responses": []}
        assert await post(sandbox, b'{"invoice": "none"}', f"{media}; charset=utf-8", basic) == (200, expected)
        assert sandbox.executed[SUBMIT] == 1


async def test_user_name_and_password_open_autocollect_alone():
    """The sandbox takes them there and nowhere else; the same client reads the rest with a token."""
    async with Sandbox(cases=8) as sandbox:
        own = {"autocollect": BasicCredentials(sandbox.credentials.client_id, sandbox.credentials.client_secret)}
        async with connect(sandbox, api_credentials=own) as amili:
            assert len((await amili.autocollect.batch.get()).creditor) == 2
            sandbox.revoke_tokens()
            assert (await amili.autocollect.batch.submit({})).ok
            assert sandbox.log.count("identity.token") == 0
            assert len(await amili.collection.cases.list(sandbox.organizations[0])) == 8
        bearer = {"collection": own["autocollect"], "autocollect": BasicCredentials("sandbox", "wrong")}
        async with connect(sandbox, api_credentials=bearer) as amili:
            with pytest.raises(errors.Unauthorized) as caught:
                await amili.collection.cases.list(sandbox.organizations[0])
            assert caught.value.attempts == 1
            with pytest.raises(errors.Unauthorized):
                await amili.autocollect.batch.get()
        assert sandbox.log.count("identity.token") == 1


async def test_a_redirect_to_another_api_shows_it_no_password():
    """At the same host, too: below another base URL the request comes without Authorization."""
    async with Sandbox(cases=8) as sandbox:
        own = {"autocollect": BasicCredentials(sandbox.credentials.client_id, sandbox.credentials.client_secret)}
        organization = sandbox.organizations[0]
        sandbox.faults.add(Fault("redirect", match=BATCH, location=f"/collection/v1/orgs/{organization}/cases"))
        async with connect(sandbox, api_credentials=own) as amili:
            with pytest.raises(errors.Unauthorized):
                await amili.autocollect.batch.get()
        first, second = sandbox.log
    assert (first.operation, first.authorization) == (BATCH, True)
    assert (second.operation, second.authorization, second.status) == ("collection.cases.list", False, 401)


async def test_a_token_sees_its_own_creditors_only():
    """A token for one organization gets one creditor, and no attachment of another."""
    async with Sandbox(cases=8, legacy_shape="older") as sandbox:
        token = StaticToken(sandbox.tokens.issue(organizations=sandbox.organizations[1:]))
        async with connect(sandbox) as everybody, AmiliClient(token, environment=sandbox.environment) as amili:
            whole, own = await everybody.autocollect.batch.get(), await amili.autocollect.batch.get()
            assert own.creditor == whole.creditor[1:]
            assert own.case == whole.case[-len(own.case) :]
            assert (await amili.autocollect.attachments.get(own.case[0].history[0].attachmentid)).startswith(b"%PDF-")
            with pytest.raises(errors.NotFound):
                await amili.autocollect.attachments.get(whole.case[0].history[0].attachmentid)


async def test_attachments_and_ping():
    """An attachment that a history names is a file; others are not found. The server answers a ping."""
    async with Sandbox(cases=8, legacy_shape="older") as sandbox, connect(sandbox) as amili:
        batch = await amili.autocollect.batch.get()
        attachment = batch.case[0].history[0].attachmentid
        content = await amili.autocollect.attachments.get(attachment, sender_id="erp")
        for unknown in ("", "x", batch.settlement[0].ledgerref, truth(sandbox)[0]["id"]):
            with pytest.raises(errors.NotFound):
                await amili.autocollect.attachments.get(unknown)
        assert await amili.autocollect.status.ping() == "pong"
    assert content.startswith(b"%PDF-")
    assert attachment.encode() in content


async def test_positions_that_name_nothing_are_refused():
    """A position is the id of a settlement; that of another creditor says nothing about this one."""
    async with Sandbox(cases=8, legacy_shape="newer") as sandbox, connect(sandbox) as amili:
        first, second = await creditors(amili)
        for unknown in ("x", truth(sandbox, 0, "cases")[0]["caseId"]):
            with pytest.raises(errors.BadRequest):
                await amili.autocollect.batch.get(last_settlement_id=unknown)
        last = truth(sandbox, 0)[-1]["id"]
        assert (await amili.autocollect.batch.get(creditor_id=first, last_settlement_id=last)).settlement == ()
        assert len((await amili.autocollect.batch.get(creditor_id=second, last_settlement_id=last)).settlement) == len(
            truth(sandbox, 1)
        )


@pytest.mark.parametrize(("name", "value"), [("legacy_shape", "oldest"), ("legacy_inclusive", 1)])
async def test_settings_are_checked(name, value):
    """A wrong setting fails when the sandbox is made."""
    with pytest.raises(errors.ConfigError, match=name):
        Sandbox(**{name: value})


async def test_an_empty_sandbox_has_creditors_only():
    """Without cases there is nothing to read on from."""
    async with Sandbox(cases=0, organizations=1) as sandbox, connect(sandbox) as amili:
        (creditor,) = (await amili.autocollect.batch.get()).creditor
        assert creditor.lastsettlementid is None
        assert re.fullmatch(r"3\d{8}", creditor.idnumber)
        assert [row async for row in amili.autocollect.batch.settlements()] == []
