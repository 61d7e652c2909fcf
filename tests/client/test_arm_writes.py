"""ARM writes: what goes out, what is refused before it does, and what their answers mean."""

from __future__ import annotations

import copy
import pickle
from datetime import date
from decimal import Decimal

import pytest
from msgspec import UNSET

from amili_async import RequestOptions, RetryPolicy, errors
from amili_async.arm.files import file_entry
from amili_async.arm.models import CurrencyAmounts, Distribution, DocumentLine, OperationResult, PostalAddress
from amili_async.arm.requests import AutoPosting, CustomerInput, DocumentInput, PaymentReservationRequest, RequestMetadata
from amili_async.structs import decode
from amili_async.testing import Reply, json_reply

from .kit import damaged, make_client

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

OK = json_reply({"status": "PROCESSED", "result": "CREATED"})
KEYED = RequestOptions(idempotency_key="key")


async def sent(method, *values, **keywords):
    """Call a write of a client made for it, and return what it sent."""
    group, _, name = method.partition(".")
    async with make_client([OK]) as amili:
        await getattr(getattr(amili.arm, group), name)(2218, *values, **keywords)
    (request,) = amili.transport.requests
    return decode(request.body)


async def refused(method, *values, match, **keywords):
    """Call a write that must be refused before anything is sent."""
    group, _, name = method.partition(".")
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match=match) as caught:
            await getattr(getattr(amili.arm, group), name)(2218, *values, **keywords)
    assert amili.transport.requests == []
    return str(caught.value)


async def test_not_sent_null_and_empty_are_three_things():
    """What is not given does not go out, None goes out as null, and an empty text as one."""
    change = CustomerInput(customer_no="1", name=None, phone_no="", ssn=UNSET, extra={"stopReminderUntil": ""})
    assert await sent("customers.update", change) == {"customerNo": "1", "name": None, "phoneNo": "", "stopReminderUntil": ""}
    bare = {"customerNo": "1", "name": None, "phoneNo": ""}
    assert await sent("customers.update", bare) == bare


async def test_both_forms_of_an_address_can_be_sent():
    """Nested and flat addresses go out as they are given; of a nested one only what is set."""
    nested = CustomerInput(customer_no="1", postal_address=PostalAddress(address_line1="", city_name="Oslo", extra={"floor": 3}))
    assert await sent("customers.create", nested) == {
        "customerNo": "1",
        "postalAddress": {"addressLine1": "", "cityName": "Oslo", "floor": 3},
    }
    flat = CustomerInput(customer_no="1", postal_address1="Storgata 1", extra={"postalAddress2": "H0101"})
    assert await sent("customers.create", flat) == {
        "customerNo": "1",
        "postalAddress1": "Storgata 1",
        "postalAddress2": "H0101",
    }


async def test_a_customer_goes_out_with_the_digits_that_were_written():
    """Amounts and rates keep their digits, dates are dates, lists lists."""
    customer = CustomerInput(
        customer_no="1",
        limit_amount=Decimal("2000.10"),
        discount_rate=5,
        date_of_birth=date(1999, 1, 31),
        email_address_document=("a@example.com",),
        distribution=Distribution(type="H", einvoice_code=90),
    )
    async with make_client([OK]) as amili:
        await amili.arm.customers.create(2218, customer)
    assert b'"limitAmount":2000.10,' in amili.transport.requests[0].body
    assert decode(amili.transport.requests[0].body) == {
        "customerNo": "1",
        "limitAmount": Decimal("2000.10"),
        "discountRate": 5,
        "dateOfBirth": "1999-01-31",
        "emailAddressDocument": ["a@example.com"],
        "distribution": {"type": "H", "einvoiceCode": 90},
    }


async def test_a_document_goes_out_with_its_lines():
    """Parts of a document are said with the Structs that are read, and checked like the rest."""
    line = DocumentLine(
        line_no=1, line_type="PLH", price=Decimal("200.00"), currency_amounts=CurrencyAmounts(incl_vat=Decimal(250))
    )
    document = DocumentInput(document_no="88", due_date=date(2025, 3, 11), document_lines=(line,), attachment_files=())
    wanted = {
        "documentNo": "88",
        "dueDate": "2025-03-11",
        "documentLines": [{"lineNo": 1, "lineType": "PLH", "price": Decimal("200.00"), "currencyAmounts": {"inclVat": 250}}],
        "attachmentFiles": [],
    }
    assert await sent("documents.create", document) == wanted
    assert await sent("documents.create_batch", [document, wanted], user_id="kari") == {
        "documents": [wanted, wanted],
        "metadata": {"userId": "kari"},
    }


@pytest.mark.parametrize("method", ["customers.create", "customers.update", "documents.create", "ar_items.update"])
@pytest.mark.parametrize(("given", "match"), [({}, "nothing to hand in"), (None, "NoneType"), ("text", "not str")])
async def test_what_is_no_body_is_refused(method, given, match):
    """Nothing at all, or something else than a Struct or mapping, is said in one sentence."""
    await refused(method, given, match=match)


@pytest.mark.parametrize("method", ["customers.create_batch", "customers.update_batch", "documents.create_batch", "files.upload"])
@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([], "nothing to hand in"),
        (None, "several"),
        ("text", "several"),
        ({"customerNo": "1"}, "several"),
        (CustomerInput(customer_no="1"), "several"),
        ([{"customerNo": "1"}, 5], "item 1: .* not int"),
        ([{"customerNo": "1"}, {}], "item 1: there is nothing"),
    ],
)
async def test_what_are_no_bodies_is_refused(method, given, match):
    """One that cannot be handed in is named by its place."""
    await refused(method, given, match=match)


ENDLESS: dict[str, object] = {}
ENDLESS["itself"] = ENDLESS


@pytest.mark.parametrize(
    ("customer", "match"),
    [
        (CustomerInput(customer_no="1", limit_amount=5.5), "limitAmount"),
        (CustomerInput(customer_no="1", limit_amount="5.5"), "limitAmount"),
        (CustomerInput(customer_no="1", limit_amount=Decimal("NaN")), "limitAmount"),
        (CustomerInput(customer_no=17), "customerNo"),
        (CustomerInput(customer_no="1", date_of_birth="01019921717"), "dateOfBirth"),
        (CustomerInput(customer_no="1", extra={"x": [1.5]}), "float"),
        (CustomerInput(customer_no="1", extra={"customerNo": "2"}), "field of its own"),
        ({"customerNo": "1", "x": object()}, "JSON"),
        ({"customerNo": "1", "limitAmount": float("nan")}, "body.limitAmount.*finite"),
        ({"customerNo": "1", "limitAmount": [Decimal("-Infinity")]}, "finite"),
        ({"customerNo": "1", "x": ENDLESS}, "nested too deeply"),
    ],
)
async def test_wrong_values_are_refused_without_showing_them(customer, match):
    """A value that is not of its kind is named by its member; the value stays out of the text."""
    text = await refused("customers.update", customer, match=match)
    assert "0101" not in text


async def test_floats_in_parts_are_refused():
    """A float inside a part of a Struct is found, too."""
    amounts = CurrencyAmounts(vat=0.1)
    await refused("documents.create", DocumentInput(document_no="1", currency_amounts=amounts), match="currencyAmounts.vat")


@pytest.mark.parametrize("customer", [{"name": "A"}, CustomerInput(name="A", ssn="x"), {"customerNo": "", "accountNo": None}])
async def test_a_change_of_nobody_is_refused(customer):
    """A change that names no customer is useless, alone and in a batch."""
    await refused("customers.update", customer, match="needs customer_no or account_no")
    await refused("customers.update_batch", [{"customerNo": "1"}, customer], match="item 1: a change needs")


@pytest.mark.parametrize(
    "customer",
    [{"accountNo": 5}, {"name": "A", "customerUuid": "u"}, CustomerInput(name="A", extra={"customerId": 5})],
)
async def test_a_change_of_somebody_is_sent(customer):
    """An account number does, and so may a member that is not known here."""
    assert await sent("customers.update", customer)


async def test_a_change_in_its_envelope_is_looked_into():
    """A mapping that is wrapped already is checked inside, and sent as it is."""
    wrapped = {"metadata": {"userId": "u"}, "customer": {"customerNo": "1"}}
    assert await sent("customers.update", wrapped) == wrapped
    await refused("customers.update", {"customer": {"name": "A"}}, match="needs customer_no")


async def test_metadata_keeps_what_else_it_has():
    """The user is put beside other metadata; a Struct may carry it, too."""
    assert await sent("documents.create", {"documentNo": "1", "metadata": {"system": "x"}}, user_id="kari") == {
        "documentNo": "1",
        "metadata": {"system": "x", "userId": "kari"},
    }
    reservation = PaymentReservationRequest(payment_id=1, kid="5", metadata=RequestMetadata(user_id="ola"))
    assert await sent("payment_reservations.create", reservation) == {
        "paymentId": 1,
        "kid": "5",
        "metadata": {"userId": "ola"},
    }
    assert (await sent("payment_reservations.create", reservation, user_id="kari"))["metadata"] == {"userId": "kari"}


@pytest.mark.parametrize(
    ("reservation", "match"),
    [
        ({"kid": "5"}, "payment_id"),
        ({"paymentId": "", "kid": "5"}, "payment_id"),
        (PaymentReservationRequest(payment_id="P"), "needs one of arItemId"),
        ({"paymentId": "P", "amount": 5, "kid": None, "customerNo": ""}, "needs one of arItemId"),
        (PaymentReservationRequest(payment_id="P", extra={"amount": 5}), "needs one of arItemId"),
    ],
)
async def test_a_reservation_of_nothing_is_refused(reservation, match):
    """It needs an id of its own, and something that it is for."""
    await refused("payment_reservations.create", reservation, match=match)


@pytest.mark.parametrize(
    "name", ["ar_item_id", "document_no", "document_uuid", "reference_no", "kid", "account_no", "customer_no"]
)
async def test_each_identifier_is_enough_for_a_reservation(name):
    """Any one of the documented identifiers will do, and the outcome has the id of the payment."""
    value = 5 if name in {"ar_item_id", "account_no"} else "5"
    reservation = PaymentReservationRequest(payment_id="P", extra={"amount": Decimal("1.10")}, **{name: value})
    async with make_client([json_reply({"result": "CREATED", "paymentId": "P"})]) as amili:
        assert (await amili.arm.payment_reservations.create(2218, reservation)).payment_id == "P"
    body = decode(amili.transport.requests[0].body)
    assert body.pop("amount") == Decimal("1.10")
    assert sorted(body.values(), key=str) == [value, "P"]


@pytest.mark.parametrize("method", ["actions.create", "actions.create_report"])
async def test_an_action_is_a_mapping(method):
    """None of its members is known, so an empty one goes out too; anything else is refused."""
    assert await sent(method, {}) == {}
    await refused(method, [("a", 1)], match="must be a mapping, not list")


FAILED = {
    "status": "PROCESSED",
    "result": "failed",
    "message": "01019921717 is taken",
    "errors": [{"field": "ssn", "message": "01019921717"}, {"field": "ssn"}, {"field": "01019921717 x"}, {"message": "x"}],
}
SINGLE = {
    "actions.create": ({"a": 1},),
    "actions.create_report": ({"a": 1},),
    "ar_items.update": ({"arItemId": 1},),
    "customers.create": ({"customerNo": "1"},),
    "customers.update": ({"customerNo": "1"},),
    "customers.delete": ("1",),
    "documents.create": ({"documentNo": "1"},),
    "payment_reservations.create": ({"paymentId": "P", "kid": "1"},),
}


@pytest.mark.parametrize("method", SINGLE)
async def test_a_success_that_failed_does_not_look_like_one(method):
    """HTTP 200 with the result FAILED raises, with the reasons on the error and nothing personal in its text."""
    group, _, name = method.partition(".")
    async with make_client([json_reply(FAILED, headers={"x-request-id": "r1"})]) as amili:
        with pytest.raises(errors.WriteFailed) as caught:
            await getattr(getattr(amili.arm, group), name)(2218, *SINGLE[method])
    error = caught.value
    assert isinstance(error, errors.Unprocessable)
    assert (error.status, error.request_id, error.attempts, error.result.errors[0].field) == (200, "r1", 1, "ssn")
    assert "(fields: ssn)" in str(error)
    assert "0101" not in f"{error!s} {error!r}"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301  # our own
        assert (str(other), other.result, other.status) == (str(error), error.result, 200)


@pytest.mark.parametrize("method", SINGLE)
async def test_a_success_may_have_warnings(method):
    """What was taken with a warning is a success, and says so."""
    group, _, name = method.partition(".")
    reply = json_reply({"result": "UPDATED", "warnings": [{"field": "x", "message": "y"}], "new": 1})
    async with make_client([reply]) as amili:
        result = await getattr(getattr(amili.arm, group), name)(2218, *SINGLE[method])
    assert (result.failed, result.warned, result.result, result.extra) == (False, True, "UPDATED", {"new": 1})


@pytest.mark.parametrize("method", sorted(SINGLE))
@pytest.mark.parametrize(
    ("reply", "extra"),
    [
        (Reply(204, {}, b""), {}),
        (Reply(201, {}, b" "), {}),
        (Reply(200, {"content-type": "text/plain"}, b"Thank you"), {"": "Thank you"}),
        (json_reply([{"result": "x"}]), {"": [{"result": "x"}]}),
        (json_reply({"result": 5, "x": 1.5}), {"result": 5, "x": Decimal("1.5")}),
    ],
)
async def test_an_answer_of_another_shape_is_no_failure(method, reply, extra):
    """It was carried out: an answer that was not expected is kept, and the write neither fails nor is repeated."""
    group, _, name = method.partition(".")
    async with make_client([reply]) as amili:
        result = await getattr(getattr(amili.arm, group), name)(2218, *SINGLE[method])
    assert (result.failed, result.extra, len(amili.transport.requests)) == (False, extra, 1)


@pytest.mark.parametrize("method", ["customers.create_batch", "customers.update_batch", "documents.create_batch"])
async def test_a_receipt_names_the_batch(method):
    """The id to wait for is in the receipt; an answer of another shape is kept in it."""
    group, _, name = method.partition(".")
    replies = [json_reply({"batchUuid": "8NlwdOIM1YLVFP9-WOwkYQ", "x": 1}, 202), Reply(202, {}, b""), json_reply("8Nlw", 202)]
    async with make_client(replies) as amili:
        receipts = [await getattr(getattr(amili.arm, group), name)(2218, [{"customerNo": "1"}]) for _ in replies]
    assert [(it.batch_uuid, it.extra) for it in receipts] == [
        ("8NlwdOIM1YLVFP9-WOwkYQ", {"x": 1}),
        (None, {}),
        (None, {"": "8Nlw"}),
    ]


@pytest.mark.parametrize(
    "method", sorted({*SINGLE, "customers.create_batch", "customers.update_batch", "documents.create_batch"})
)
@pytest.mark.parametrize("options", [None, KEYED])
async def test_only_what_is_safe_is_repeated(method, options):
    """A write whose outcome is unknown is repeated where that is known to do no harm; a key changes nothing about that."""
    safe = {"customers.create", "customers.update", "customers.delete", "customers.update_batch"}
    group, _, name = method.partition(".")
    values = SINGLE.get(method, ([{"customerNo": "1"}],))
    async with make_client(lambda _: errors.OutcomeUnknownError("lost"), retry=RetryPolicy(attempts=3)) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await getattr(getattr(amili.arm, group), name)(2218, *values, options=options)
    assert len(amili.transport.requests) == (3 if method in safe else 1)


async def test_a_repeated_delete_may_find_nobody():
    """The 404 of a repeat is raised with the number of tries, which tells that an earlier one may have done it."""
    async with make_client([errors.OutcomeUnknownError("lost"), Reply(404, {}, b"")]) as amili:
        with pytest.raises(errors.NotFound) as caught:
            await amili.arm.customers.delete(2218, "1")
    assert caught.value.attempts == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.BadRequest), (403, errors.Forbidden), (404, errors.NotFound), (422, errors.Unprocessable)],
)
async def test_errors_carry_what_the_server_says(status, kind):
    """An error of any shape keeps status and body; the text shows neither body nor number of the customer."""
    body = {"status": "PROCESSED", "result": "FAILED", "message": "secret", "errors": [{"field": "x"}]}
    async with make_client([json_reply(body, status)]) as amili:
        with pytest.raises(kind) as caught:
            await amili.arm.customers.update(2218, {"customerNo": "543210"})
    assert decode(caught.value.body) == body
    assert type(caught.value) is kind
    assert not any(text in str(caught.value) for text in ("secret", "543210"))


async def test_a_rejected_set_tells_who_is_to_blame():
    """All or nothing: the postings that failed are told apart from those that were refused with them."""
    answer = {
        "result": "FAILED",
        "items": [
            {"resultType": "BATCH-REJECTED", "n": 1},
            {"resultType": "Failed", "errors": [{"field": "amount"}], "n": 2},
            {"resultType": "batch-rejected", "errors": [{"field": "x"}], "n": 3},
        ],
    }
    async with make_client([json_reply(answer)]) as amili:
        found = await amili.arm.auto_postings.create(2218, "m", [AutoPosting(extra={"amount": 5}), {"a": 1}, {"b": 2}])
    assert (found.booked, found.accepted, found.validate_only) == (False, False, False)
    assert [item.extra["n"] for item in found.failed] == [2]
    assert [item.extra["n"] for item in found.rejected] == [1, 3]
    assert decode(amili.transport.requests[0].body) == {"autoPostings": [{"amount": 5}, {"a": 1}, {"b": 2}]}


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ({"items": [{"resultType": "BOOKED"}, {"resultType": "BOOKED", "warnings": [{"field": "x"}]}]}, True),
        ({"result": "CREATED"}, True),
        ({"result": "FAILED"}, False),
        ({"status": "FAILED"}, False),
        ({"items": [{"resultType": "BATCH-REJECTED"}]}, False),
        ({"items": [{"resultType": "NEW", "errors": [{"field": "x"}]}]}, False),
        ({"items": [], "status": "PROCESSED"}, None),
        ({"postings": [{"resultType": "FAILED"}]}, None),
        (None, None),
    ],
)
async def test_a_set_is_booked_only_if_the_answer_says_so(answer, accepted):
    """Where the answer does not tell, neither do we; a set that was to be checked only is never booked."""
    async with make_client([json_reply(answer) if answer else Reply(200, {}, b"")] * 2) as amili:
        found = await amili.arm.auto_postings.create(2218, "m", [{"a": 1}])
        checked = await amili.arm.auto_postings.create(
            2218, "m", [{"a": 1}, AutoPosting(validate_only=False)], validate_only=True
        )
    assert (found.booked, found.accepted) == (accepted, accepted)
    assert (checked.booked, checked.accepted, checked.validate_only) == (False, accepted, True)
    body = decode(amili.transport.requests[1].body)
    assert body == {"autoPostings": [{"a": 1, "validateOnly": True}, {"validateOnly": True}]}


async def test_a_posting_may_ask_for_a_check_itself():
    """What asks for a check on one posting makes the whole set one."""
    async with make_client([json_reply({"result": "OK"})]) as amili:
        found = await amili.arm.auto_postings.create(2218, "m", [{"a": 1}, AutoPosting(validate_only=True)])
    assert (found.booked, found.accepted) == (False, True)


@pytest.mark.parametrize(
    ("status", "answer", "complete", "failed"),
    [
        (200, {"items": [{"result": "CREATED"}]}, True, 0),
        (200, {}, True, 0),
        (207, {"items": [{"result": "CREATED"}, {"result": "FAILED", "errors": [{"field": "name"}]}]}, False, 1),
        (207, {"results": ["?"]}, False, 0),
        (200, {"items": [{"result": "FAILED"}]}, False, 1),
        (200, {"result": "Failed"}, False, 0),
    ],
)
async def test_a_mixed_upload_is_not_complete(status, answer, complete, failed):
    """207 raises nothing and is never complete, whatever of its body is understood."""
    async with make_client([json_reply(answer, status)]) as amili:
        found = await amili.arm.files.upload(2218, [file_entry(b"abc", name="a.txt", fileType="T")])
    assert (found.http_status, found.complete, len(found.failed)) == (status, complete, failed)
    assert decode(amili.transport.requests[0].body) == {
        "files": [{"fileName": "a.txt", "content": "YWJj", "fileType": "T"}],
    }


@pytest.mark.parametrize(("status", "complete"), [(200, True), (207, False)])
@pytest.mark.parametrize(
    ("body", "extra"), [(b"", {}), (b" ", {}), (b"Thank you", {"": "Thank you"}), (b'{"items": [', {"": '{"items": ['})]
)
async def test_an_upload_without_a_readable_answer_is_no_failure(status, complete, body, extra):
    """The files arrived: the status counts then, and nothing is uploaded twice."""
    async with make_client([Reply(status, {}, body)]) as amili:
        found = await amili.arm.files.upload(2218, [file_entry(b"abc", name="a.txt")])
    assert (found.http_status, found.complete, found.items, found.extra) == (status, complete, None, extra)
    assert len(amili.transport.requests) == 1


async def test_an_entry_is_made_of_a_file(tmp_path):
    """The name is that of the path; members can be called otherwise; without path and name it is refused."""
    path = tmp_path / "terms.txt"
    path.write_bytes(b"abc")
    assert file_entry(path) == {"fileName": "terms.txt", "content": "YWJj"}
    assert file_entry(str(path), name="x", name_member="n", content_member="c") == {"n": "x", "c": "YWJj"}
    with pytest.raises(errors.ConfigError, match="name"):
        file_entry(b"abc")
    with pytest.raises(errors.ConfigError, match="larger than 2 bytes"):
        file_entry(path, limit=2)


@pytest.mark.parametrize("method", sorted(SINGLE))
async def test_a_damaged_answer_to_a_write_is_kept(method):
    """A write whose answer was cut short was carried out: it is not repeated, and what came of the answer is kept."""
    group, _, name = method.partition(".")
    async with make_client([damaged(OK)]) as amili:
        result = await getattr(getattr(amili.arm, group), name)(2218, *SINGLE[method])
    assert isinstance(result, OperationResult)
    assert result.extra[""].startswith('{"status"')


async def test_requests_show_nothing_personal():
    """What is handed in stays out of repr."""
    assert "Owe" not in repr(CustomerInput(name="Owe", customer_no="1"))
