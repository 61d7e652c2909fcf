"""Distribution on a real socket: documents on their way, at most once, and byte for byte."""

from __future__ import annotations

import warnings
from datetime import date
from decimal import Decimal

import aiohttp
import pytest

from amili_async import AmiliClient, RequestOptions, StaticToken, errors
from amili_async.distribution.pdf import embed_pdf
from amili_async.distribution.requests import (
    AdditionalDocumentReference,
    Attachment,
    B2cInvoice,
    EhfCreditnote,
    EhfInvoice,
    Invoicer,
    LineDetail,
    LineDiscount,
)
from amili_async.sandbox import Fault, Sandbox, dispatch, paper
from amili_async.structs import encode

from .kit import QUICK, connect

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

SEND = "distribution.send.invoice"
INVOICE = B2cInvoice(
    identifier="inv-1",
    invoice_no="7500788961",
    due_date=date(2026, 3, 1),
    line_details=(
        LineDetail(
            currency_id="NOK",
            quantity=Decimal("1.00"),
            price=Decimal("788.20"),
            line_tot_incl_tax=Decimal("788.20"),
            discounts=(LineDiscount(discount_amount=Decimal("0.10")),),
        ),
        LineDetail(line_tot_incl_tax=Decimal("0.1234567890123456789")),
    ),
)


def running(**settings):
    """Return a sandbox in which nothing comes to its end by itself."""
    return Sandbox(**{"cases": 10, "seed": 5, "batch_seconds": 3_600, **settings})


async def ask(sandbox, path, body, *, media="application/json"):
    """Return status and body of the answer to a raw request."""
    headers = {"Authorization": f"Bearer {sandbox.tokens.issue()}", "Content-Type": media}
    data = body if isinstance(body, bytes) else encode(body)
    url = f"{sandbox.url}/distribution{path}"
    async with aiohttp.request("POST", url, data=data, headers=headers) as response:
        return response.status, await response.json()


async def test_a_document_is_queued_then_sent_then_delivered(monkeypatch):
    """Its status is asked for by its identifier, by GET and by POST."""
    async with running(batch_seconds=100) as sandbox, connect(sandbox) as amili:
        now = 0.0
        monkeypatch.setattr(sandbox._dispatch, "_clock", lambda: now)
        sent = await amili.distribution.send.invoice(INVOICE)
        assert (sent["Identifier"], sent["Status"]) == ("inv-1", "QUEUED")
        for now, state in ((49.0, "QUEUED"), (51.0, "SENT"), (99.0, "SENT"), (100.0, "DELIVERED"), (10_000.0, "DELIVERED")):  # noqa: B007
            status = await amili.distribution.send.status("inv-1")
            assert status == await amili.distribution.send.status_by_identifier("inv-1")
            assert (status["Status"], status["Identifier"]) == (state, "inv-1")
            (one,) = status["Transactions"]
            assert {"Identifier": "inv-1", **one} == {**sent, "Status": state}
        with pytest.raises(errors.NotFound):
            await amili.distribution.send.status("inv-2")


async def test_every_send_is_taken_and_counted():
    """All six documents, with their states; finishing delivers them at once."""
    async with running() as sandbox, connect(sandbox) as amili:
        send = amili.distribution.send
        await send.invoice(INVOICE)
        await send.ehf_creditnote(EhfCreditnote(identifier="note-1", id="1"))
        await send.ehf_invoice(EhfInvoice(identifier="ehf-1", id="2"))
        await send.letter({"Identifier": "letter-1", "FreeText": embed_pdf(paper.pdf(["a"]))})
        await send.swedish_invoice({"Invoice": {"Identifier": "se-1", "LineDetails": [{"LineTotInclTax": "1.10"}, 7]}})
        await send.danish_invoice({})
        kinds = ("invoice", "ehf_creditnote", "ehf_invoice", "letter", "swedish_invoice", "danish_invoice")
        assert sandbox.executed == {f"distribution.send.{kind}": 1 for kind in kinds} == sandbox.executed_items
        sandbox.finish_batches()
        everything = await send.status()
        assert await send.status_by_identifier({}) == everything
        assert [it["Identifier"] for it in everything] == ["inv-1", "note-1", "ehf-1", "letter-1", "se-1", None]
        assert [one["Type"] for it in everything for one in it["Transactions"]] == list(kinds)
        assert {it["Status"] for it in everything} == {"DELIVERED"}


@pytest.mark.parametrize("fault", ["lost_answer", "reset_after_headers", "reset_in_body"])
@pytest.mark.parametrize("key", [None, "k1"])
async def test_a_lost_answer_is_never_asked_for_again(fault, key):
    """The document is sent once, whatever the options say; its status then tells that it arrived."""
    async with running(faults=[Fault(fault, at=(1,), match=SEND)]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.OutcomeUnknownError) as caught:
            await amili.distribution.send.invoice(INVOICE, options=RequestOptions(idempotency_key=key))
        assert caught.value.attempts == sandbox.log.count(SEND) == sandbox.executed[SEND] == 1
        assert len((await amili.distribution.send.status("inv-1"))["Transactions"]) == 1


async def test_what_was_not_taken_is_sent_again():
    """Put off twice, and the token refused once: carried out once."""
    faults = [
        Fault("rate_limit", at=(1,), match=SEND, retry_after=0),
        Fault("status", at=(2,), match=SEND, status=503, retry_after=0),
        Fault("unauthorized", at=(3,), match=SEND),
    ]
    async with running(faults=faults) as sandbox, connect(sandbox) as amili:
        await amili.distribution.send.invoice(INVOICE)
        assert (sandbox.log.count(SEND), sandbox.executed[SEND]) == (4, 1)


async def test_a_reset_before_the_request_was_read_is_not_taken_for_harmless():
    """Nobody can know that it was not read: one request, none carried out."""
    async with running(faults=[Fault("reset_before", at=(1,), match=SEND)]) as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.OutcomeUnknownError):
            await amili.distribution.send.invoice(INVOICE)
        assert (sandbox.log.count(SEND), sandbox.executed[SEND]) == (1, 0)


async def test_an_identifier_that_comes_twice_is_sent_twice():
    """The sandbox honours no idempotency key here, and shows both sendings: that is what a repeat would cost."""
    async with running() as sandbox, connect(sandbox) as amili:
        options = RequestOptions(idempotency_key="k1")
        first = await amili.distribution.send.invoice(INVOICE, options=options)
        second = await amili.distribution.send.invoice({"Invoice": INVOICE}, options=options)
        status = await amili.distribution.send.status("inv-1")
        assert [it["TransactionRid"] for it in status["Transactions"]] == [first["TransactionRid"], second["TransactionRid"]]
        assert first["TransactionRid"] != second["TransactionRid"]
        assert sandbox.executed[SEND] == 2


async def test_amounts_arrive_with_their_digits():
    """The sandbox takes them as text only, and adds them up exactly."""
    async with running() as sandbox, connect(sandbox) as amili:
        await amili.distribution.send.invoice(INVOICE)
        (row,) = await amili.partner.invoices.list(invoice_number="7500788961")
        assert (row["Amount"], row["Currency"], row["DueDate"]) == ("788.3234567890123456789", "NOK", "2026-03-01")


async def test_a_pdf_arrives_byte_for_byte(tmp_path, monkeypatch):
    """From a file or from bytes, in the consumer invoice and in the attachment of one between businesses."""
    file = tmp_path / "faktura.pdf"
    file.write_bytes(paper.pdf(["Faktura (1)", "\\ og ½ – ☃"]))  # noqa: RUF001  # people write dashes
    large = b"%PDF-" + bytes(range(256)) * 4_096
    async with running() as sandbox, connect(sandbox) as amili:
        company = (await amili.partner.companies.list())[0]["CompanyId"]
        view = amili.partner.invoice_view.by_transaction_rid
        sent = await amili.distribution.send.invoice(B2cInvoice(free_text=embed_pdf(file)))
        assert await view(sent["TransactionRid"], company) == file.read_bytes()
        reference = AdditionalDocumentReference(attachment=Attachment.pdf(large, filename="large.pdf"))
        sent = await amili.distribution.send.ehf_invoice(EhfInvoice(additional_document_reference=(reference,)))
        assert await view(sent["TransactionRid"], company) == large
        monkeypatch.setattr(dispatch, "_KEPT", 10)
        last = await amili.distribution.send.letter({"FreeText": embed_pdf(b"%PDF-1.7")})
        assert await view(last["TransactionRid"], company) == b"%PDF-1.7"
        assert b"Oppdiktet" in await view(sent["TransactionRid"], company)  # the file has made room
        other = await amili.distribution.send.letter({"FreeText": "AAE="})
        assert await view(other["TransactionRid"], company) == b"\x00\x01"


@pytest.mark.parametrize("path", ["/send/letter", "/send/invoice", "/send/ehf30/creditnote", "/send/dk/invoice"])
async def test_what_is_no_base64_is_refused(path):
    """A file that cannot be read is not sent, wherever it stands; the documentation's own placeholders pass."""
    key = {"/send/invoice": "Invoice", "/send/ehf30/creditnote": "Creditnote"}.get(path, "Letter")
    async with running() as sandbox:
        for text in ("not base64!", "AAA", "ø", "AA\nAA"):
            for where in ({"FreeText": text}, {"List": [{"EmbeddedDocumentBinaryObject": {"Data": text}}]}):
                status, answer = await ask(sandbox, path, {key: where})
                assert (status, answer["error"]) == (400, "invalid_base64")
                assert text not in answer["message"]
        for text in ("PDF_attachment_encoded_in_Base64", "JVBERi0xLjUNCiW1tbW1DQoxIDA...CjE3ODU4Mg0KJSVFT0Y=", "", None):
            assert (await ask(sandbox, path, {key: {} if text is None else {"More": {"FreeText": text}}}))[0] == 202
        assert sum(sandbox.executed.values()) == 4


@pytest.mark.parametrize(
    ("invoice", "member"),
    [
        (
            {"LineDetails": [{"Price": "1.00"}, {"Price": 788.20}]},
            "Invoice.LineDetails[1].Price must be a decimal number as text.",
        ),
        ({"LineDetails": [{"Price": 788}]}, "a decimal number as text"),
        ({"LineDetails": [{"Price": "1E2"}]}, "a decimal number as text"),
        ({"LineDetails": [{"Price": ""}]}, "a decimal number as text"),
        (
            {"LineDetails": [{"Discounts": [{"DiscountBase": "1.00"}]}]},
            "Invoice.LineDetails[0].Discounts[0].DiscountBase must be a number.",
        ),
        ({"LineDetails": [{"Discounts": [{"DiscountBase": True}]}]}, "must be a number"),
        ({"LineDetails": {}}, "Invoice.LineDetails must be a list."),
        ({"Invoicee": []}, "Invoice.Invoicee must be an object."),
        ({"Invoicee": {"Name": 7}}, "Invoice.Invoicee.Name must be a text."),
        ({"Channel": 7}, "Invoice.Channel must be a text."),
        ({"DueDate": "01.02.2026"}, "Invoice.DueDate must be a date."),
        ({"DueDate": "20260201"}, "a date"),
        ({"DueDate": 20260201}, "a date"),
        (None, "The body must have Invoice, an object."),
        ([], "The body must have Invoice, an object."),
    ],
)
async def test_what_is_documented_otherwise_is_refused(invoice, member):
    """The sandbox says which member is of another kind, and not what it held."""
    async with running() as sandbox:
        status, answer = await ask(sandbox, "/send/invoice", {"Invoice": invoice})
        assert status == 400
        assert member in answer["message"]
        assert not sandbox.executed


async def test_what_is_not_documented_passes():
    """Nulls, unknown members, numbers as discounts, and bodies of which nothing is known."""
    async with running() as sandbox:
        line = {"Price": None, "Quantity": "-1.50", "Discounts": [{"DiscountBase": 1.5, "DiscountAmount": 2}], "New": [1.5]}
        invoice = {
            "LineDetails": [line],
            "Invoicee": None,
            "Totals": {"Sum": 1},
            "extra": 7,
            "Channel": "SMS",
            "DueDate": "2026-02-28",
        }
        assert (await ask(sandbox, "/send/invoice", {"Invoice": invoice, "More": 1}))[0] == 202
        assert (await ask(sandbox, "/send/ehf30/invoice", {"Faktura": {"ID": 7}}))[0] == 202
        assert (await ask(sandbox, "/send/letter", {"a": 1, "b": {"Identifier": "x"}}))[0] == 202


@pytest.mark.parametrize("path", ["/send/letter", "/organization", "/bankagreement/swedish", "/bankagreement/swedish/status"])
async def test_a_body_is_a_json_object(path):
    """Another media type, no JSON, no object: refused."""
    async with running() as sandbox:
        assert (await ask(sandbox, path, b"<xml/>", media="application/xml"))[0] == 400
        for body in (b"", b"{", b"[]", b"1"):
            assert (await ask(sandbox, path, body))[0] == 400
        assert not sandbox.executed


async def test_links_companies_and_agreements():
    """A link for each document; companies and bank agreements that become active in their time."""
    async with running() as sandbox, connect(sandbox) as amili:
        distribution = amili.distribution
        sent = await distribution.send.invoice(INVOICE)
        options = RequestOptions(query={"Identifier": "inv-1"})
        assert (await distribution.lookup.invoice(options=options))["Url"].endswith(
            f"/distribution/lookup/{sent['TransactionRid']}"
        )
        assert (await distribution.lookup.invoice())["Url"] == f"{sandbox.url}/distribution/lookup"
        with pytest.raises(errors.NotFound):
            await distribution.lookup.invoice(options=RequestOptions(query={"Identifier": "none"}))

        made = await distribution.organizations.create({"Name": "Nyoppdiktet AS", "OrganizationNumber": "399999999"})
        assert made["Status"] == "PENDING"
        companies = await distribution.organizations.status()
        assert [it["Status"] for it in companies] == ["ACTIVE", "ACTIVE", "PENDING"]
        assert len(await amili.partner.companies.list()) == 2
        agreed = await distribution.bank_agreements.register({"Bankgiro": "0"})
        assert agreed["Status"] == "PENDING"
        assert await distribution.bank_agreements.status({}) == [agreed]

        sandbox.finish_batches()
        asked = RequestOptions(query={"CompanyId": made["CompanyId"]})
        assert await distribution.organizations.status(options=asked) == {**made, "Status": "ACTIVE"}
        assert await distribution.bank_agreements.status({"AgreementId": agreed["AgreementId"]}) == {**agreed, "Status": "ACTIVE"}
        assert [it["CompanyId"] for it in await amili.partner.companies.list()] == ["40000", "40001", made["CompanyId"]]
        for question in (
            distribution.organizations.status(options=RequestOptions(query={"CompanyId": "0"})),
            distribution.bank_agreements.status({"AgreementId": "0"}),
        ):
            with pytest.raises(errors.NotFound):
                await question

        own = B2cInvoice(invoice_no="n-1", invoicer=Invoicer(company_reg_no="399999999"))
        await distribution.send.invoice(own)
        (row,) = await amili.partner.invoices.list(company_id=made["CompanyId"])
        assert row["InvoiceNumber"] == "n-1"


async def test_a_token_shows_what_it_gives_access_to():
    """What was sent for one organization is not there for the tokens of another; without any there is nothing to send for."""
    async with running() as sandbox:
        clients = []
        for allowed in (sandbox.organizations[:1], sandbox.organizations[1:], ()):
            token = StaticToken(sandbox.tokens.issue(organizations=allowed))
            clients.append(AmiliClient(token, environment=sandbox.environment, retry=QUICK))
        first, second, none = clients
        async with first, second, none:
            sent = await first.distribution.send.invoice(INVOICE)
            await first.distribution.bank_agreements.register({})
            assert await second.distribution.send.status() == await second.distribution.bank_agreements.status({}) == []
            with pytest.raises(errors.NotFound):
                await second.distribution.send.status("inv-1")
            with pytest.raises(errors.NotFound):
                await second.partner.receipts.get(sent["TransactionRid"], "40001")
            with pytest.raises(errors.Forbidden):
                await second.partner.receipts.get(sent["TransactionRid"], "40000")
            for call in (none.distribution.send.invoice(INVOICE), none.distribution.organizations.create({})):
                with pytest.raises(errors.Forbidden):
                    await call
        async with AmiliClient(StaticToken("none"), environment=sandbox.environment, retry=QUICK) as amili:
            with pytest.raises(errors.Unauthorized):
                await amili.distribution.send.invoice(INVOICE)
        assert sandbox.executed[SEND] == 1


async def test_a_full_sandbox_says_so():
    """It holds so many sends and no more."""
    async with running(writes_max=2) as sandbox, connect(sandbox) as amili:
        await amili.distribution.send.letter({})
        await amili.distribution.bank_agreements.register({})
        for call in (amili.distribution.send.letter({}), amili.distribution.organizations.create({})):
            with pytest.raises(errors.Unprocessable) as caught:
                await call
            assert caught.value.code == "sandbox_full"


async def test_documented_sends_do_not_warn():
    """Four sends and two questions are documented; using them is no guess."""
    async with running() as sandbox, connect(sandbox) as amili:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await amili.distribution.send.invoice(INVOICE)
            await amili.distribution.send.ehf_creditnote({"Creditnote": {}})
            await amili.distribution.send.letter({})
            await amili.distribution.send.danish_invoice({})
            await amili.distribution.send.status_by_identifier("inv-1")
            await amili.distribution.bank_agreements.status({})
            with pytest.raises(errors.UnconfirmedOperationWarning, match=r"send.status: path is not confirmed"):
                await amili.distribution.send.status("inv-1")
