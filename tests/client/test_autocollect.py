"""AutoCollect: the batch document in all its shapes, what goes out, and the outcome of a batch that was sent."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from amili_async import AmiliClient, Environment, RequestOptions, StaticToken, UnconfirmedOperationWarning, errors
from amili_async.autocollect.models import (
    Batch,
    BatchStatus,
    Case,
    LegacyCase,
    LegacySettlement,
    Settlement,
)
from amili_async.structs import decode, decode_item, encode
from amili_async.testing import FakeTransport, Reply, json_reply

from .kit import ENVIRONMENT, make_client, query_of

MOMENT = "2019-08-24T14:15:22.123Z"
UUID = "497f6eca-6276-4993-bfeb-53cbbbba6f08"
FLAGS = ("isinvoicequery", "isremittancereport", "isorderconfirmation", "iscollectionlist", "isweb")
PERSON = {"fullname": "string", "workphone": "string", "email": "string", **dict.fromkeys(FLAGS, True)}
SHARES = {"collector": 0, "creditor": 0}
SUMS = {f"{what}{of}": 0 for of in ("sum", "principal", "fee", "interest") for what in ("original", "paid", "remaining")}
LEGACY_CASE = {
    **dict.fromkeys(("customerref", "customername", "ledgerref", "referencenumber", "casenumber", "currencycode"), "string"),
    **dict.fromkeys(("regdate", "closuredate", "billdate", "duedate"), MOMENT),
    "isdebtcollection": True,
    **SUMS,
    **dict.fromkeys(("service_description", "status_statuscode"), "string"),
    **dict.fromkeys(("reminders", "debtcollectionlist"), 0),
    "history": [
        {
            "type": 1,
            "loggedat": MOMENT,
            **dict.fromkeys(("message", "subject", "conversationid", "attachmentid"), "string"),
        }
    ],
    "paymentDetails": {
        "paymentValue": 0,
        "currency": "string",
        "kid": "string",
        "bankAccount": "string",
        "dueDate": MOMENT,
    },
}
SETTLEMENT = {
    "caseNumber": "string",
    "collectionType": "REMINDER",
    "currency": "string",
    "customerReference": "string",
    "exchangeRate": 0,
    "feeDistribution": SHARES,
    "id": UUID,
    "interestDistribution": SHARES,
    "invoice": {
        "id": UUID,
        **dict.fromkeys(("invoiceNumber", "uniqueSourceInvoiceId", "collectionCaseNumber"), "string"),
        "type": "REMINDER",
        "status": "OPEN",
        "closureDate": MOMENT,
    },
    "ledgerRef": "string",
    "organization": {"id": UUID, "organizationNumber": "string", "name": "string"},
    "paymentAmount": 0,
    "principalDistribution": SHARES,
    "remittanceDate": MOMENT,
    "settlementDate": MOMENT,
    "settlementNumber": 0,
    "settlementType": "COLLECTOR_PAYMENT",
    "vat": 0,
}
DOCUMENT = {
    "batchid": "string",
    "offline": True,
    "creditor": [
        {
            **dict.fromkeys(("idnumber", "parentidnumber", "fullname", "street", "city", "zipcode", "countrycode"), "string"),
            **dict.fromkeys(("bankaccountno", "lastsettlementid"), "string"),
            **dict.fromkeys(("onlydebtcollection", "hasforeigndebtors", "hasforeigncurrency", "disabled"), True),
            **dict.fromkeys(("vattype", "sourceid", "reminderflow", "debtcollectiontransfer", "invoicearchive"), 0),
            "contact": PERSON,
            "casehandler": PERSON,
        }
    ],
    "case": [LEGACY_CASE],
    "settlement": [SETTLEMENT],
}
"""The documented answer, with every member that it has."""
NEWER_CASE = {
    "caseId": UUID,
    "caseNumber": 7,
    "status": "OPEN",
    "caseToken": "s3cret-t0ken",
    "registeredAt": MOMENT,
    "closedAt": None,
    "remainingAmount": Decimal("100.10"),
    "invoices": [{"invoiceId": UUID, "originalAmount": 3, "currency": {}}],
    "debtors": [{"debtorId": UUID, "fullName": "Kari Oppdiktedal"}],
}
LEGACY_SETTLEMENT = {
    "creditorid": "string",
    "customerref": "string",
    "ledgerref": "string",
    "referencenumber": "string",
    "casenumber": "string",
}
LOST = errors.OutcomeUnknownError("lost")
TAKEN = json_reply({"statuscode": 0, "errors": [], "responses": [{"objectname": "invoice", "objectindex": 0}]})


def essence(value):
    """Reduce JSON to what it says: null is absence, a date-time is an instant."""
    if isinstance(value, dict):
        return {key: essence(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [essence(item) for item in value]
    return datetime.fromisoformat(value) if isinstance(value, str) and value.startswith("20") else value


def read(**parts):
    """Decode a document of these parts."""
    return decode_item(encode(parts), Batch)


def test_the_documented_answer_survives():
    """Every documented member is read, and goes out again as it came."""
    batch = decode_item(encode(DOCUMENT), Batch)
    assert essence(decode(encode(batch))) == essence(decode(encode(DOCUMENT)))
    (creditor,), (case,), (settlement,) = batch.creditor, batch.case, batch.settlement
    assert (type(case), type(settlement)) == (LegacyCase, Settlement)
    assert (creditor.lastsettlementid, creditor.contact.isweb) == ("string", True)
    assert case.regdate == datetime(2019, 8, 24, 14, 15, 22, 123_000, tzinfo=UTC)
    assert case.payment_details.payment_value == 0


def test_shapes_are_told_apart_row_by_row():
    """A document may mix shapes; each row is read as what its members say, and none loses a member."""
    parts = {"case": [NEWER_CASE, LEGACY_CASE], "settlement": [LEGACY_SETTLEMENT, SETTLEMENT]}
    batch = read(**parts)
    assert [type(row) for row in batch.case] == [Case, LegacyCase]
    assert [type(row) for row in batch.settlement] == [LegacySettlement, Settlement]
    assert essence(decode(encode(batch))) == essence(decode(encode(parts)))
    assert batch.case[0].case_token == "s3cret-t0ken"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"id": "1"}, Settlement),
        ({"caseNumber": 5, "vat": 1}, Settlement),
        ({"id": "1", "casenumber": "2"}, Settlement),
        ({"creditorid": "1"}, LegacySettlement),
        ({"something": "new"}, LegacySettlement),
    ],
)
def test_what_a_settlement_is(row, kind):
    """`id` or `caseNumber` make it one of the newer shape; all else is of the older, which keeps what it does not know."""
    (settlement,) = read(settlement=[row]).settlement
    assert type(settlement) is kind


def test_unknown_members_of_the_older_settlement_are_kept():
    """Only its first members are documented: its amounts are found all the same, with their digits, and go out again."""
    row = {**LEGACY_SETTLEMENT, "paidsum": Decimal("10.50"), "parts": [{"fee": Decimal("0.10")}]}
    (settlement,) = read(settlement=[row]).settlement
    assert settlement.extra == {"paidsum": Decimal("10.50"), "parts": [{"fee": Decimal("0.10")}]}
    assert decode(encode(settlement)) == row


def test_amounts_are_exact_and_dates_lenient():
    """Amounts keep their digits; dates may lack the zone, the time, or everything."""
    case = {
        "casenumber": "1",
        "originalsum": Decimal("1000.10"),
        "regdate": "2026-01-02T03:04:05.1234567",
        "duedate": "2026-01-02",
    }
    case |= {"billdate": "", "paymentDetails": {"dueDate": "2026-03-04", "paymentValue": Decimal("0.30")}}
    (found,) = read(case=[case]).case
    assert str(found.originalsum) == "1000.10"
    assert found.regdate.replace(microsecond=0) == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # the zone is missing
    assert (found.duedate, found.billdate) == (datetime(2026, 1, 2), None)  # noqa: DTZ001
    assert found.payment_details.due_date == datetime(2026, 3, 4)  # noqa: DTZ001


@pytest.mark.parametrize("document", [{}, {"creditor": None, "case": None, "settlement": None}, {"case": [], "unknown": 1}])
def test_empty_documents(document):
    """What is missing is None, what is empty is empty; unknown members do no harm."""
    batch = decode_item(encode(document), Batch)
    assert (batch.case or ()) == (batch.settlement or ()) == ()
    assert (batch.case is None) is (document.get("case") is None)


def test_personal_data_and_secrets_are_masked():
    """Nothing that tells who somebody is, and no token, is in a repr."""
    shown = {**DOCUMENT, "case": [LEGACY_CASE, NEWER_CASE], "settlement": [{**LEGACY_SETTLEMENT, "payer": "Kari Oppdiktedal"}]}
    secret = decode(encode(shown).replace(b'"string"', b'"s3cret"'))
    for name in ("fullname", "street", "city", "zipcode", "countrycode", "idnumber", "parentidnumber", "lastsettlementid"):
        secret["creditor"][0][name] = "open"  # of a company
    for row in (secret["case"][0], *secret["settlement"]):
        row.update(dict.fromkeys(row.keys() - {"customerref", "customername", "history", "paymentDetails", "payer"}))
    secret["case"][0]["history"][0] |= {"conversationid": "open", "attachmentid": "open"}
    secret["case"][0]["paymentDetails"]["currency"] = secret["batchid"] = "open"
    text = repr(decode_item(encode(secret), Batch))
    assert "s3cret" not in text
    assert "Oppdiktedal" not in text


@pytest.mark.parametrize(
    ("document", "index", "item_id"),
    [
        ({"case": [LEGACY_CASE, {"caseId": 7}]}, 1, "7"),
        ({"case": [{"caseId": "c1", "remainingAmount": "much"}]}, 0, "c1"),
        ({"settlement": [{"id": "s1"}, {"id": "s2", "invoice": []}]}, 1, "s2"),
        ({"settlement": [None]}, 0, None),
        ({"case": [{"casenumber": "K1", "reminders": {}}]}, 0, "K1"),
    ],
)
@pytest.mark.asyncio
async def test_a_row_that_does_not_decode_is_named(document, index, item_id):
    """One bad row is an error that says which one it is; what stands in it is not shown."""
    async with make_client([json_reply(document)]) as amili:
        with pytest.raises(errors.DecodeError) as caught:
            await amili.autocollect.batch.get()
    assert (caught.value.index, caught.value.item_id, caught.value.path) == (index, item_id, "/webapi/api/Batch")
    assert f"{next(iter(document))} {index} " in str(caught.value)
    assert "much" not in str(caught.value)


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [b"[]", b"null", b"", b"<html>", b'{"case": 5}'])
async def test_what_is_no_document_is_a_decode_error(body):
    """Another answer is never taken for an empty document."""
    async with make_client(lambda _: Reply(200, {}, body)) as amili:
        with pytest.raises(errors.DecodeError):
            await amili.autocollect.batch.get()


@pytest.mark.asyncio
async def test_all_parameters_go_out_under_their_wire_names():
    """Every filter has its place in the query; what is not given is not sent."""
    async with make_client(lambda _: json_reply(DOCUMENT)) as amili:
        batch = await amili.autocollect.batch.get(
            sender_id="s",
            creditor_id="c",
            customer_ref="k/1",
            ledger_ref="l",
            include_closed=False,
            last_settlement_id="70001",
            remittance_date=date(2026, 1, 31),
            language_code="no",
        )
        assert batch == decode_item(encode(DOCUMENT), Batch)
        await amili.autocollect.batch.get()
        response = await amili.call("autocollect.batch.get", query={"senderid": "x"})
    first, second, _ = amili.transport.requests
    assert query_of(first) == {
        "senderid": "s",
        "creditorid": "c",
        "customerref": "k/1",
        "ledgerref": "l",
        "includeclosed": "false",
        "lastsettlementid": "70001",
        "remittancedate": "2026-01-31",
        "languagecode": "no",
    }
    assert first.url.startswith("http://127.0.0.1:1/autocollect/webapi/api/Batch?")
    assert second.url == "http://127.0.0.1:1/autocollect/webapi/api/Batch"
    assert response.data == batch


@pytest.mark.asyncio
async def test_without_a_base_url_the_setting_is_named():
    """No host is public, so one has to be given."""
    transport = FakeTransport([])
    for environment in (Environment.PRODUCTION, Environment.STAGING):
        async with AmiliClient(StaticToken("t"), environment=environment, transport=transport) as amili:
            for call in (amili.autocollect.batch.get(), amili.autocollect.batch.submit({})):
                with pytest.raises(errors.ConfigError, match="AMILI_AUTOCOLLECT_URL"):
                    await call
    assert transport.requests == []


@pytest.mark.asyncio
async def test_a_document_is_sent_unchanged():
    """Members keep their order, numbers their digits; the media type is that of the page, although it is no JSON patch."""
    document = {"z": [{"sum": Decimal("100.10"), "name": "Åse", "none": None}], "a": 1, "offline": True}
    async with make_client([TAKEN, TAKEN]) as amili:
        outcome = await amili.autocollect.batch.submit(document, sender_id="s")
        await amili.autocollect.batch.submit({})
    request, empty = amili.transport.requests
    assert request.body == '{"z":[{"sum":100.10,"name":"Åse","none":null}],"a":1,"offline":true}'.encode()
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json-patch+json")
    assert (query_of(request), empty.body, query_of(empty)) == ({"senderid": "s"}, b"{}", {})
    assert outcome.ok
    assert outcome.raise_for_errors() is outcome


@pytest.mark.asyncio
@pytest.mark.parametrize("document", [[], "{}", b"{}", None, {"a": object()}, {"a": Decimal("NaN")}])
async def test_what_is_no_document_is_not_sent(document):
    """A mapping that can be written as JSON is wanted; anything else is refused before it is sent."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError):
            await amili.autocollect.batch.submit(document)
    assert amili.transport.requests == []


@pytest.mark.asyncio
@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize(
    "trouble", [LOST, Reply(500, {}, b""), Reply(503, {}, b""), Reply(200, {}, b'{"statu'), Reply(200, {}, b"")]
)
async def test_a_document_is_never_sent_twice(trouble, key):
    """When it may have been taken over it is not sent again, with an idempotency key either."""
    async with make_client([trouble, TAKEN]) as amili:
        with pytest.raises((errors.OutcomeUnknownError, errors.ServerError, errors.DecodeError)):
            await amili.autocollect.batch.submit({"a": 1}, options=RequestOptions(idempotency_key=key))
    assert len(amili.transport.requests) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("trouble", [errors.NotSentError("refused"), Reply(429, {"retry-after": "1"}, b"")])
async def test_a_document_that_was_not_taken_is_sent_again(trouble):
    """What surely was not taken over may be repeated."""
    async with make_client([trouble, TAKEN]) as amili:
        assert (await amili.autocollect.batch.submit({"a": 1})).ok
    assert len(amili.transport.requests) == 2


@pytest.mark.asyncio
async def test_items_refused_inside_a_success_are_hard_to_overlook():
    """A 200 can hold refused items: the outcome is not `ok`, names them, and raises on demand."""
    answer = {
        "statuscode": 0,
        "errors": [{"objectname": "invoice", "objectindex": 1, "message": "Kari Oppdiktedal", "severity": "high"}],
        "responses": [
            {"objectname": "invoice", "objectindex": 0, "ledgerref": "L1", "status_statuscode": "5", "new": Decimal("1.50")}
        ],
        "batchid": "b1",
    }
    async with make_client([json_reply(answer)]) as amili:
        outcome = await amili.autocollect.batch.submit({"invoice": [{}, {}]})
    (error,), (response,) = outcome.errors, outcome.responses
    assert not outcome.ok
    assert (error.objectname, error.objectindex, error.message, error.extra) == (
        "invoice",
        1,
        "Kari Oppdiktedal",
        {"severity": "high"},
    )
    assert (response.ledgerref, response.status_statuscode, response.extra) == ("L1", "5", {"new": Decimal("1.50")})
    assert outcome.extra == {"batchid": "b1"}
    assert decode(encode(outcome)) == answer
    with pytest.raises(errors.BatchFailed, match="status code 0, 1 items refused, 1 taken over") as caught:
        outcome.raise_for_errors()
    assert pickle.loads(pickle.dumps(caught.value)).batch == outcome  # noqa: S301  # our own
    assert "Oppdiktedal" not in repr(outcome) + str(caught.value)


@pytest.mark.parametrize(
    ("answer", "ok"),
    [
        (b'{"statuscode": 0}', True),
        (b'{"statuscode": 0, "errors": null, "responses": []}', True),
        (b'{"statuscode": 0, "errors": [], "more": 1}', True),
        (b'{"statuscode": 0, "errors": [{}]}', False),
        (b'{"statuscode": 0, "errors": ["no"]}', False),
        (b'{"statuscode": 0, "errors": {"0": "no"}}', False),
        (b'{"statuscode": 0, "responses": [5]}', False),
        (b'{"statuscode": 3}', False),
        (b'{"statuscode": "0"}', False),
        (b"{}", False),
        (b'"OK"', False),
        (b"[1]", False),
        (b"null", False),
    ],
)
def test_in_doubt_an_outcome_is_not_ok(answer, ok):
    """Whatever the answer says is kept, and only what is known to be good counts as that."""
    outcome = decode_item(answer, BatchStatus)
    assert outcome.ok is ok
    content = decode(answer)
    kept = decode(encode(outcome))
    assert essence(kept) == essence(content if isinstance(content, dict) else {"answer": content})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("media", "body", "found"),
    [
        ("application/pdf", b"%PDF-1.7 \xff\x00", b"%PDF-1.7 \xff\x00"),
        ("application/octet-stream", b"17", b"17"),
        ("text/plain; charset=utf-8", "Årsak".encode(), "Årsak".encode()),
        ("", b"%PDF-1.7", b"%PDF-1.7"),
        ("application/json", b'{"file": "eA=="}', {"file": "eA=="}),
        ("application/pdf", b"", None),
    ],
)
async def test_an_attachment_is_bytes(media, body, found):
    """A file comes as bytes, also if it could be read as text; JSON as objects."""
    async with make_client([Reply(200, {"content-type": media}, body)]) as amili:
        with pytest.warns(UnconfirmedOperationWarning, match=r"autocollect\.attachments\.get: HTTP method"):
            assert await amili.autocollect.attachments.get("a1", sender_id="s") == found
    assert query_of(amili.transport.requests[0]) == {"senderid": "s", "attachmentid": "a1"}


@pytest.mark.asyncio
async def test_ping_warns_once_and_can_be_re_aimed():
    """The method is a guess; once it is set by the caller it is none any more."""
    async with make_client([Reply(200, {}, b"pong")]) as amili:
        with pytest.warns(UnconfirmedOperationWarning):
            assert await amili.autocollect.status.ping() == "pong"
    paths = {"autocollect.status.ping": "POST /webapi/api/Ping"}
    transport = FakeTransport([json_reply({"ok": True})])
    async with AmiliClient(StaticToken("t"), environment=ENVIRONMENT, transport=transport, paths=paths) as amili:
        assert await amili.autocollect.status.ping() == {"ok": True}
    assert transport.requests[0].method == "POST"
