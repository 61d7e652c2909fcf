"""Distribution: what goes out, digit by digit; what is refused before it goes; and that nothing goes out twice."""

from __future__ import annotations

import base64
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async import AmiliClient, ClientCredentials, Environment, RequestOptions, StaticToken, errors, operations
from amili_async.bodies import written
from amili_async.distribution.pdf import embed_pdf
from amili_async.distribution.requests import (
    AdditionalDocumentReference,
    Attachment,
    B2cInvoice,
    Channel,
    EhfCreditnote,
    EhfInvoice,
    InvoicePeriod,
    LineDetail,
    LineDiscount,
    PaymentInfo,
    TypedValue,
)
from amili_async.structs import decode, encode
from amili_async.testing import FakeTransport, Reply, json_reply

from .kit import make_client, query_of

guesses = pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
LOST = errors.OutcomeUnknownError("lost")
B2C = {
    "Channel": "EINVOICE",
    "ChannelSettings": {
        "Digipost": {"SenderId": "1234567"},
        "Email": {"SenderName": "Oppdiktet AS", "SenderEmailAddress": "no-reply@example.test", "Subject": "Faktura"},
    },
    "PaymentType": "",
    "DocumentCode": "380",
    "DueDate": "2019-11-25",
    "ExternalUrl": "https://example.test",
    "FreeText": "JVBERi0xLjc=",
    "LayoutID": "",
    "Note": "",
    "Identifier": "unique-1",
    "LanguageID": "NO",
    "InvoiceDate": "2019-10-25",
    "Invoicee": {
        "OrganizationNumber": "",
        "CustomerNo": "6854984",
        "EinvoiceRef": "1245",
        "EinvoiceIdentifier": "123456789",
        "NationalId": "010572xxxxx",
        "BirthDate": "01051972",
        "Name": "Ingen Oppdiktedal",
        "Address1": "Gata 1",
        "Address2": "Gata 2",
        "Address3": "Gata 3",
        "City": "Testland",
        "PostCode": "0001",
        "CountryCode": "NO",
        "Email": "ingen@example.test",
        "Mobile": "4700000000",
        "Reference": "Ref00001",
    },
    "InvoiceNo": "7500788961",
    "Invoicer": {
        "CompanyRegNo": "98741562",
        "Name": "Utleier AS",
        "Address1": "Veien 1",
        "City": "Testland",
        "PostCode": "0002",
        "CountryCode": "NO",
        "Email": "post@example.test",
        "Phone": "4700000001",
        "WebAddress": "www.example.test",
    },
    "LineDetails": [
        {
            "CurrencyId": "NOK",
            "SupplierProductCode": "0010",
            "SupplierProductText": "Vare",
            "Quantity": "1.00",
            "Price": "3941.00",
            "LineTotExclTax": "788.20",
            "LineTotInclTax": "788.20",
            "LineTotTax": "788.20",
            "TaxPercent": "25",
            "Discounts": [{"Description": "string", "DiscountBase": 0, "DiscountPercent": 0, "DiscountAmount": 0}],
            "Note": "Note",
            "PostingInformation": "Project 1234",
        }
    ],
    "MessageType": "B2C",
    "OrderDescription": "House rental March 2020",
    "OtherReferences": [{"Type": "urn:no:ccn:einvoice:latepayment:fee", "Value": "70.00"}],
    "PaymentInfo": {
        "KID": "127734800100051",
        "OtherPaymentInfo": [{"Type": "urn:no:ccn:einvoice:latepayment:fee", "Value": "70.00"}],
    },
}
"""The documented consumer invoice, member by member, with other names and addresses."""
PARTY = {
    "EndpointID": "5565268363",
    "SchemeID": "0088",
    "PartyIdentification": {"ID": ""},
    "PartyName": {"Name": "Oppdiktet AB"},
    "PostalAddress": {
        "StreetName": "Vägen 18",
        "CityName": "Testland",
        "PostalZone": "19251",
        "Country": {"IdentificationCode": "SE"},
    },
    "PartyTaxScheme": [{"CompanyID": "SE556478655501", "TaxScheme": {"ID": "VAT"}}],
    "PartyLegalEntity": {"RegistrationName": "Oppdiktet AB", "CompanyID": "962392687"},
    "Contact": {"Name": "Ingen Oppdiktedal", "Telephone": "4700000002", "ElectronicMail": "ingen@example.test"},
}
EHF = {
    "Identifier": "unique-2",
    "ID": "2019-112",
    "IssueDate": "2020-03-01",
    "DueDate": "2020-04-01",
    "Note": "Message to the receiver",
    "DocumentCurrencyCode": "NOK",
    "AccountingCost": "",
    "LanguageID": "NO",
    "BuyerReference": "ACE22",
    "InvoicePeriod": {"StartDate": "2020-11-01", "EndDate": "2020-11-30", "DescriptionCode": "35"},
    "OrderReference": {"ID": "PROSJEKT 574"},
    "BillingReference": [{"InvoiceDocumentReference": {"ID": "inv123", "IssueDate": ""}}],
    "DespatchDocumentReference": {"ID": "401707115400000753022"},
    "ContractDocumentReference": {"ID": ""},
    "AdditionalDocumentReference": [
        {
            "ID": "2019-112-01",
            "DocumentDescription": "Commercial invoice",
            "Attachment": {
                "EmbeddedDocumentBinaryObject": {
                    "MimeCode": "application/pdf",
                    "Filename": "Invoice_03_2020.pdf",
                    "Data": "JVBERi0xLjc=",
                },
                "ExternalReference": {"URI": ""},
            },
        }
    ],
    "AccountingSupplierParty": {"Party": PARTY},
    "AccountingCustomerParty": {"Party": {name: PARTY[name] for name in list(PARTY)[:5]}},
}
"""The documented credit note, likewise."""
LETTER = {"Letter": {"FreeText": "JVBERi0xLjc="}}
CALLS = {
    "distribution.send.invoice": (lambda it: it.send.invoice(B2cInvoice(note="x")), "/send/invoice", {"Invoice": {"Note": "x"}}),
    "distribution.send.ehf_creditnote": (
        lambda it: it.send.ehf_creditnote(EhfCreditnote(id="7")),
        "/send/ehf30/creditnote",
        {"Creditnote": {"ID": "7"}},
    ),
    "distribution.send.ehf_invoice": (
        lambda it: it.send.ehf_invoice(EhfInvoice(id="7")),
        "/send/ehf30/invoice",
        {"Invoice": {"ID": "7"}},
    ),
    "distribution.send.letter": (lambda it: it.send.letter(LETTER), "/send/letter", LETTER),
    "distribution.send.swedish_invoice": (lambda it: it.send.swedish_invoice({"a": 1}), "/send/se/invoice", {"a": 1}),
    "distribution.send.danish_invoice": (lambda it: it.send.danish_invoice({"a": None}), "/send/dk/invoice", {"a": None}),
    "distribution.send.status": (lambda it: it.send.status("a/b ø"), "/send/status", {"Identifier": "a/b ø"}),
    "distribution.send.status_by_identifier": (
        lambda it: it.send.status_by_identifier("a/b ø"),
        "/send/pstatus",
        {"Identifier": "a/b ø"},
    ),
    "distribution.lookup.invoice": (lambda it: it.lookup.invoice(), "/lookup/invoice", {}),
    "distribution.organizations.create": (lambda it: it.organizations.create({"a": 1}), "/organization", {"a": 1}),
    "distribution.organizations.status": (lambda it: it.organizations.status(), "/organization/status", {}),
    "distribution.bank_agreements.register": (
        lambda it: it.bank_agreements.register({"a": 1}),
        "/bankagreement/swedish",
        {"a": 1},
    ),
    "distribution.bank_agreements.status": (
        lambda it: it.bank_agreements.status({"a": 1}),
        "/bankagreement/swedish/status",
        {"a": 1},
    ),
}
"""Every operation: a call of its method, its path, and what goes out in the body (POST) or the query (GET)."""
KNOWN = {it.name: it for it in operations() if it.api == "distribution"}
WRITES = [name for name, it in KNOWN.items() if it.method == "POST"]


def test_the_table_has_every_operation():
    """No operation goes untested."""
    assert CALLS.keys() == KNOWN.keys()


@guesses
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.asyncio
async def test_a_method_makes_its_request(name):
    """Method, path, query, body and headers; the answer comes whole, whatever it is."""
    call, path, sent = CALLS[name]
    answer = {"anything": [1, {"amount": Decimal("1.10")}], "nextPageToken": "not lost"}
    async with make_client([json_reply(answer)]) as amili:
        assert await call(amili.distribution) == answer
        (request,) = amili.transport.requests
    assert request.method == KNOWN[name].method
    assert request.url.partition("?")[0] == f"http://127.0.0.1:1/distribution{path}"
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert "application/json" in request.headers["Accept"]
    if request.method == "POST":
        assert request.headers["Content-Type"] == "application/json"
        assert decode(request.body) == sent
        assert "?" not in request.url
    else:
        assert request.body is None
        assert query_of(request) == sent


@guesses
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.asyncio
async def test_without_a_base_url_nothing_is_sent(name):
    """No base URL is public: the error names both ways to set one, before any token is asked for."""
    transport = FakeTransport([])
    async with AmiliClient(ClientCredentials("a", "b"), environment=Environment.PRODUCTION, transport=transport) as amili:
        with pytest.raises(errors.ConfigError, match=r"AMILI_DISTRIBUTION_URL or Environment\(distribution=") as caught:
            await CALLS[name][0](amili.distribution)
    assert not transport.requests
    assert caught.value.attempts == 0


@guesses
@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.asyncio
async def test_what_may_have_arrived_is_not_sent_again(name, key):
    """Silence, a lost connection, a 500: one request each, with an idempotency key too, by method and by `call`."""
    options = RequestOptions(idempotency_key=key)
    for failure in (LOST, Reply(500, {}, b""), Reply(503, {}, b""), Reply(504, {}, b"")):
        async with make_client([failure, json_reply({})]) as amili:
            with pytest.raises(errors.AmiliError) as caught:
                await amili.call(name, body={"a": 1}, options=options)
            assert len(amili.transport.requests) == caught.value.attempts == 1
        async with make_client([failure, json_reply({})]) as amili:
            with pytest.raises(errors.AmiliError):
                await CALLS[name][0](amili.with_options().distribution)
            assert len(amili.transport.requests) == 1


@guesses
@pytest.mark.parametrize("name", WRITES)
@pytest.mark.asyncio
async def test_what_surely_was_not_taken_is_sent_again(name):
    """A request that never left, one that was put off, and one whose token was refused do no harm when repeated."""
    put_off = {"retry-after": "1"}
    script = [errors.NotSentError("no route"), Reply(429, put_off, b""), Reply(503, put_off, b""), json_reply({"ok": True})]
    async with make_client(script) as amili:
        assert await CALLS[name][0](amili.distribution) == {"ok": True}
    tokens = iter(["t1", "t2"])

    def answer(request):
        if request.url.endswith("/identity/token"):
            return json_reply({"access_token": next(tokens), "expires_in": 3600})
        return json_reply({"ok": True}) if request.headers["Authorization"] == "Bearer t2" else Reply(401, {}, b"")

    async with make_client(answer, credentials=ClientCredentials("a", "b")) as amili:
        assert await CALLS[name][0](amili.distribution) == {"ok": True}


@guesses
@pytest.mark.parametrize("name", [name for name in CALLS if name not in WRITES])
@pytest.mark.asyncio
async def test_questions_are_asked_again(name):
    """A GET is repeated when its answer was lost."""
    async with make_client([LOST, json_reply({"ok": True})]) as amili:
        assert await CALLS[name][0](amili.distribution) == {"ok": True}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.asyncio
async def test_a_guess_warns_once_until_it_is_aimed(name):
    """A guessed path warns at its first use, at the caller's line; a documented one and one that was set do not."""
    call, path, _ = CALLS[name]
    async with make_client(lambda _: json_reply({})) as amili:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await call(amili.distribution)
            await call(amili.distribution)
    guessed = KNOWN[name].path_guessed or KNOWN[name].method_guessed
    assert [it.category for it in caught] == [errors.UnconfirmedOperationWarning] * guessed
    assert {it.filename for it in caught} <= {__file__}
    assert all(name in str(it.message) for it in caught)
    async with make_client(lambda _: json_reply({}), paths={name: f"PUT /api{path}"}) as amili:
        await call(amili.distribution)
        (request,) = amili.transport.requests
    assert request.method == "PUT"
    assert request.url.partition("?")[0] == f"http://127.0.0.1:1/distribution/api{path}"


def test_guesses_say_so():
    """The docstring of a guessed operation says "Unconfirmed"; that of a documented one does not. All name path and evidence."""
    amili = AmiliClient(StaticToken("t"))
    for name, operation in KNOWN.items():
        group, method = name.split(".")[1:]
        doc = getattr(getattr(amili.distribution, group), method).__doc__
        assert ("Unconfirmed" in doc) is not operation.confirmed
        assert f"`{operation.method} {operation.path}`. Evidence: {operation.evidence}" in " ".join(doc.split())


@pytest.mark.parametrize(("kind", "example"), [(B2cInvoice, B2C), (EhfCreditnote, EHF), (EhfInvoice, EHF)])
def test_the_documented_example_goes_out_as_it_is(kind, example):
    """It is read into our Structs, and comes out again with every member, digit and empty text."""
    read = msgspec.convert(example, kind)
    assert decode(encode(read.body())) == example
    assert decode(encode(written({"Invoice": [read]}))) == {"Invoice": [example]}


def test_an_example_is_read_into_python():
    """Amounts are Decimal, dates are dates, lists are tuples, parts are Structs; an unknown channel is let through."""
    invoice = msgspec.convert(B2C, B2cInvoice)
    assert invoice.line_details[0].quantity == Decimal("1.00")
    assert str(invoice.line_details[0].quantity) == "1.00"
    assert invoice.due_date == date(2019, 11, 25)
    assert invoice.channel is Channel.EINVOICE
    assert invoice.payment_info == PaymentInfo(
        kid="127734800100051", other_payment_info=(TypedValue(type="urn:no:ccn:einvoice:latepayment:fee", value="70.00"),)
    )
    assert B2cInvoice(channel="SMS").body() == {"Channel": "SMS"}


@pytest.mark.parametrize(("kind", "example"), [(B2cInvoice, B2C), (EhfCreditnote, EHF)])
def test_no_member_is_lost_on_the_way_in(kind, example):
    """A member that is not known is refused when a Struct is made of a mapping; the mapping itself sends it."""
    with pytest.raises(msgspec.ValidationError, match="unknown field `New`"):
        msgspec.convert({**example, "New": 1}, kind)


@given(st.decimals(allow_nan=False, allow_infinity=False).filter(lambda it: abs(it.adjusted()) < 60))
def test_amounts_go_out_as_text_with_their_digits(amount):
    """Any amount of a line is a text without an exponent that reads back as the same number with the same decimals."""
    text = LineDetail(price=amount).body()["Price"]
    assert isinstance(text, str)
    assert "E" not in text.upper()
    assert Decimal(text) == amount
    exponent = amount.as_tuple().exponent
    assert Decimal(text).as_tuple().exponent == min(exponent, 0)


@pytest.mark.parametrize(("amount", "text"), [("788.20", "788.20"), ("1E+2", "100"), ("1E-7", "0.0000001"), ("-0.50", "-0.50")])
def test_amounts_have_no_exponent(amount, text):
    """However a Decimal came about."""
    assert LineDetail(price=Decimal(amount), quantity=3).body() == {"Quantity": "3", "Price": text}


def test_discounts_go_out_as_numbers():
    """Unlike the line around them."""
    line = LineDetail(price=Decimal("10.00"), discounts=(LineDiscount(discount_base=Decimal("1.50"), discount_amount=2),))
    assert encode(line.body()) == b'{"Price":"10.00","Discounts":[{"DiscountBase":1.50,"DiscountAmount":2}]}'


def test_null_is_not_absence():
    """What is not set is not sent, None is null, an empty text is an empty text, and a date may be written as text."""
    invoice = B2cInvoice(note=None, layout_id="", due_date="2026-02-01", invoice_date=date(2026, 1, 1), invoicee=None)
    assert decode(encode(invoice.body())) == {
        "Note": None,
        "LayoutID": "",
        "DueDate": "2026-02-01",
        "InvoiceDate": "2026-01-01",
        "Invoicee": None,
    }


def test_members_of_ones_own_go_out_as_they_are():
    """At every level, and also for a known member that has to be written in another way than its field allows."""
    invoice = B2cInvoice(
        payment_info=PaymentInfo(kid="1", extra={"AccountNumber": "00011112222", "Amount": Decimal("1.10")}),
        line_details=(LineDetail(price=1, extra={"Unit": None, "Quantity": ""}),),
        extra={"Total": "788.20", "Attachments": [Attachment(extra={"Kind": "x"})], "DueDate": ""},
    )
    assert encode(invoice.body()) == (
        b'{"LineDetails":[{"Price":"1","Unit":null,"Quantity":""}],'
        b'"PaymentInfo":{"KID":"1","AccountNumber":"00011112222","Amount":1.10},'
        b'"Total":"788.20","Attachments":[{"Kind":"x"}],"DueDate":""}'
    )


@pytest.mark.parametrize(
    ("invoice", "where"),
    [
        (B2cInvoice(note=7), r"body.Invoice cannot be sent: .*`\$.Note`"),
        (B2cInvoice(due_date="01.02.2026"), r"`\$.DueDate`"),
        (B2cInvoice(due_date=datetime(2026, 1, 1, tzinfo=UTC)), r"`\$.DueDate`"),
        (B2cInvoice(invoicee={"Name": 1}), r"`\$.Invoicee.Name`"),
        (B2cInvoice(line_details=(LineDetail(), LineDetail(price=788.2))), r"body.Invoice.LineDetails\[1\] cannot.*`\$.Price`"),
        (B2cInvoice(line_details=(LineDetail(price="788.20"),)), r"body.Invoice.LineDetails\[0\] cannot.*`\$.Price`"),
        (B2cInvoice(line_details=(LineDetail(price=True),)), r"`\$.Price`"),
        (B2cInvoice(line_details=(LineDetail(price=Decimal("NaN")),)), r"body.Invoice.LineDetails\[0\].Price.*finite"),
        (B2cInvoice(line_details=(LineDetail(price=Decimal("-Infinity")),)), "finite"),
        (B2cInvoice(extra={"Total": 788.2}), r"body.Invoice.Total cannot be sent: a float"),
        (B2cInvoice(extra={"Totals": [{"Tax": [788.2]}]}), r"body.Invoice.Totals\[0\].Tax\[0\] cannot be sent: a float"),
        (B2cInvoice(extra=[1]), "`extra` must be a mapping"),
        (B2cInvoice(note="a", extra={"Note": "b"}), "`extra` has Note, which is a field of its own"),
        (B2cInvoice(extra={"Odd": object()}), r"cannot be written as JSON \(TypeError\)"),
        (B2cInvoice(note="\ud800"), "cannot be written as JSON"),
        (EhfCreditnote(id="788.2"), r"must be B2cInvoice or a mapping, not EhfCreditnote"),
        ("788.2", "must be B2cInvoice or a mapping, not str"),
        ({"Invoice": B2cInvoice(line_details=(LineDetail(price=788.2),))}, r"body.Invoice.LineDetails\[0\] cannot"),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_be_sent_is_named(invoice, where):
    """One clear sentence that says where, without the value; nothing is sent."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match=where) as caught:
            await amili.distribution.send.invoice(invoice)
        assert not amili.transport.requests
    assert "788.2" not in str(caught.value)


@pytest.mark.parametrize("send", ["letter", "danish_invoice", "status_by_identifier"])
@pytest.mark.asyncio
async def test_a_body_of_unknown_shape_is_a_mapping(send):
    """Any mapping will do, with our Structs in it if need be; anything else is refused."""
    async with make_client(lambda _: json_reply({})) as amili:
        method = getattr(amili.distribution.send, send)
        with pytest.raises(errors.ConfigError, match="must be a mapping, not list"):
            await method([1])
        await method(MappingProxyType({"Invoice": B2cInvoice(note="x"), "List": (1, MappingProxyType({"a": Decimal("1.10")}))}))
        (request,) = amili.transport.requests
    assert request.body == b'{"Invoice":{"Note":"x"},"List":[1,{"a":1.10}]}'


@pytest.mark.asyncio
async def test_the_inferred_invoice_takes_no_credit_note():
    """The two are alike, and still not the same."""
    async with make_client([]) as amili:
        with pytest.raises(errors.ConfigError, match="must be EhfInvoice or a mapping, not EhfCreditnote"):
            await amili.distribution.send.ehf_invoice(EhfCreditnote(id="1"))


@guesses
@pytest.mark.parametrize(
    ("body", "answer"),
    [(b"", None), (b" \n", None), (b'{"a":1}', {"a": 1}), (b"queued", "queued"), (b"%PDF-\xff", b"%PDF-\xff")],
)
@pytest.mark.asyncio
async def test_an_answer_of_any_kind_is_handed_out(body, answer):
    """JSON, text, bytes, or nothing: no answer of a send is documented, so none of them is an error."""
    async with make_client([Reply(200, {}, body)]) as amili:
        assert await amili.distribution.send.letter({}) == answer


@guesses
@pytest.mark.asyncio
async def test_unknown_parameters_go_by_the_options():
    """An operation whose parameters are not known takes them from the options; without an identifier none is sent."""
    async with make_client(lambda _: json_reply({})) as amili:
        options = RequestOptions(query={"InvoiceNo": "1"})
        await amili.distribution.lookup.invoice(options=options)
        await amili.distribution.organizations.status(options=options)
        await amili.distribution.send.status(options=options)
        assert [query_of(request) for request in amili.transport.requests] == [{"InvoiceNo": "1"}] * 3


def test_what_is_sent_is_not_shown():
    """Names, numbers and files appear in no repr, of a part neither."""
    invoice = msgspec.convert(B2C, B2cInvoice)
    assert repr(invoice) == "B2cInvoice(...)"
    assert repr(invoice.invoicee) == "Invoicee(...)"
    assert "Oppdiktedal" not in repr([invoice, msgspec.convert(EHF, EhfCreditnote)])


def test_a_pdf_is_embedded_as_base64(tmp_path):
    """From bytes, a path or its text; it comes back byte for byte, with its name if it has one."""
    file = tmp_path / "faktura ø.pdf"
    file.write_bytes(PDF)
    assert base64.b64decode(embed_pdf(PDF)) == PDF
    assert embed_pdf(file) == embed_pdf(str(file)) == embed_pdf(PDF)
    embedded = {"MimeCode": "application/pdf", "Data": embed_pdf(PDF)}
    named = {**embedded, "Filename": "faktura ø.pdf"}
    assert Attachment.pdf(PDF).body() == {"EmbeddedDocumentBinaryObject": embedded}
    assert Attachment.pdf(file).body() == Attachment.pdf(str(file)).body() == {"EmbeddedDocumentBinaryObject": named}
    reference = AdditionalDocumentReference(id="1", attachment=Attachment.pdf(file, filename="1.pdf"))
    note = EhfCreditnote(additional_document_reference=(reference,))
    (sent,) = note.body()["AdditionalDocumentReference"]
    assert sent["Attachment"]["EmbeddedDocumentBinaryObject"] == {**embedded, "Filename": "1.pdf"}


@pytest.mark.parametrize("embed", [embed_pdf, Attachment.pdf])
def test_what_is_no_pdf_is_not_embedded(embed, tmp_path):
    """Another kind of file, one that is too large, and one that is not there."""
    file = tmp_path / "hemmelig-navn.pdf"
    for content in (b"<html>", b"%PD", b" %PDF-1.7", b"\x00" * 20):
        with pytest.raises(errors.ConfigError, match="no PDF"):
            embed(content)
    with pytest.raises(errors.ConfigError) as caught:
        embed(file)
    assert "hemmelig" not in str(caught.value)
    file.write_bytes(PDF)
    assert embed(file, limit=len(PDF))
    for content in (file, PDF):
        with pytest.raises(errors.ConfigError, match=f"larger than {len(PDF) - 1} bytes"):
            embed(content, limit=len(PDF) - 1)


def test_ten_megabytes_are_the_limit():
    """Unless told otherwise."""
    assert len(embed_pdf(PDF + bytes(10 * 2**20 - len(PDF)))) > 13_000_000
    with pytest.raises(errors.ConfigError, match="larger than 10485760 bytes"):
        embed_pdf(PDF + bytes(10 * 2**20))


def test_a_period_is_one_of_dates():
    """Dates inside a part are checked like those of the document."""
    period = InvoicePeriod(start_date=date(2026, 1, 1), end_date="2026-01-31")
    assert decode(encode(EhfInvoice(invoice_period=period).body())) == {
        "InvoicePeriod": {"StartDate": "2026-01-01", "EndDate": "2026-01-31"}
    }
    with pytest.raises(errors.ConfigError, match=r"EhfInvoice.InvoicePeriod cannot be sent: .*`\$.EndDate`"):
        EhfInvoice(invoice_period=InvoicePeriod(end_date="soon")).body()
