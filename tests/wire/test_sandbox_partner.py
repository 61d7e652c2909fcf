"""Partner on a real socket: lists by period that agree with one another and with the sandbox's truth, documents to look at."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import aiohttp
import pytest

from amili_async import AmiliClient, StaticToken, errors
from amili_async.distribution.requests import B2cInvoice, EhfCreditnote, LineDetail
from amili_async.sandbox import Fault, Sandbox, paper, partner

from .kit import connect

pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")]

ALWAYS = {"from_date": date(2020, 1, 1), "to_date": date(2100, 1, 1)}
COLLECTED = "collection.invoices.list"


def running(**settings):
    """Return a sandbox in which nothing comes to its end by itself."""
    return Sandbox(**{"cases": 60, "seed": 5, "batch_seconds": 3_600, **settings})


def totals(rows):
    """Add up amounts by currency, as the sandbox shows them."""
    sums = defaultdict(Decimal)
    for row in rows:
        sums[row["Currency"]] += Decimal(row["Amount"])
    return [{"Currency": currency, "Amount": f"{amount:f}"} for currency, amount in sorted(sums.items())]


async def raw(sandbox, path, **query):
    """Return the status of the answer to a raw request."""
    headers = {"Authorization": f"Bearer {sandbox.tokens.issue()}"}
    async with aiohttp.request("GET", f"{sandbox.url}/partner{path}", params=query, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (date(2020, 1, 1), date(2100, 1, 1)),
        (date(2022, 1, 1), date(2023, 7, 1)),
        (date(2026, 6, 1), date(2026, 7, 1)),
        (date(2023, 1, 1), date(2022, 1, 1)),
    ],
)
async def test_a_period_has_what_the_collection_api_has_of_it(begin, end):
    """The invoices of a company are those of its organization, and no other: same numbers, same times, same amounts."""
    async with running() as sandbox, connect(sandbox) as amili:
        companies = await amili.partner.companies.list()
        assert [it["CompanyId"] for it in companies] == ["40000", "40001"]
        for company, organization in zip(companies, sandbox.organizations, strict=True):
            rows = await amili.partner.invoices.list(company_id=company["CompanyId"], from_date=begin, to_date=end)
            truth = [*sandbox.truth(COLLECTED, organization, From=begin.isoformat(), To=end.isoformat())]
            assert [(it["InvoiceNumber"], it["ReceivedAt"]) for it in rows] == [
                (it["invoiceNumber"], it["createdAt"]) for it in truth
            ]
            assert {it["CompanyId"] for it in rows} <= {company["CompanyId"]}
            cases = [it for case in sandbox.truth("collection.cases.list", organization) for it in case["invoices"]]
            amounts = {it["invoiceNumber"]: Decimal(it["originalAmount"]) for it in cases}
            assert all(Decimal(it["Amount"]) == amounts[it["InvoiceNumber"]] for it in rows)
            named = next(iter(sandbox.truth("collection.settlements.list", organization)))["organization"]
            assert (company["Name"], company["OrganizationNumber"]) == (named["name"], named["organizationNumber"])


async def test_lists_agree_with_one_another():
    """Files hold all invoices once; every summary is the sum of its list; periods side by side are the whole."""
    async with running() as sandbox, connect(sandbox) as amili:
        company = "40000"
        files = await amili.partner.files.list(company, **ALWAYS)
        invoices = await amili.partner.invoices.list(company_id=company)
        assert len(invoices) == sandbox.counts(sandbox.organizations[0])["invoices"]
        of_files = [row for file in files for row in await amili.partner.files.invoices(file["FileName"])]
        assert of_files == invoices
        assert len({row["TransactionRid"] for row in invoices}) == len(invoices)
        for file in files:
            rows = [row for row in invoices if row["FileName"] == file["FileName"]]
            assert (file["InvoiceCount"], file["Totals"]) == (len(rows), totals(rows))
            assert file["ReceivedAt"] <= rows[0]["ReceivedAt"]

        period = {"CompanyId": company, "FromDate": "2020-01-01", "ToDate": "2100-01-01"}
        summary = {**period, "InvoiceCount": len(invoices), "Totals": totals(invoices)}
        assert await amili.partner.invoices.summary(company, **ALWAYS) == summary
        assert await amili.partner.files.summary(company, **ALWAYS) == {**summary, "FileCount": len(files)}

        cuts = [
            date(2020, 1, 1),
            *(date.fromisoformat(it["ReceivedAt"][:10]) + timedelta(1) for it in files[::2]),
            date(2100, 1, 1),
        ]
        parts = [
            (
                await amili.partner.files.list(company, from_date=begin, to_date=end),
                await amili.partner.invoices.list(company_id=company, from_date=begin, to_date=end),
            )
            for begin, end in itertools.pairwise(cuts)
        ]
        assert [it for part, _ in parts for it in part] == files
        assert [it for _, part in parts for it in part] == invoices
        assert len(cuts) > 3
        assert [file["ReceivedAt"] for file in files] == sorted(file["ReceivedAt"] for file in files)


@pytest.mark.parametrize("include_upper", [False, True])
async def test_the_end_of_a_period(include_upper):
    """Whether it belongs to it is a setting of the sandbox, because it is not known; the start always does."""
    async with running(include_upper=include_upper, batch_seconds=0) as sandbox, connect(sandbox) as amili:
        await amili.distribution.send.invoice(B2cInvoice(invoice_no="sent"))
        for rows in (
            await amili.partner.invoices.list(company_id="40000"),
            await amili.partner.invoices.list(invoice_number="sent"),
        ):
            when = rows[-1]["ReceivedAt"]
            same = [row for row in rows if row["ReceivedAt"] == when]
            query = {"company_id": "40000", "from_date": when, "to_date": when}
            assert await amili.partner.invoices.list(**query) == (same if include_upper else [])
        (file, *_) = await amili.partner.files.list("40000", **ALWAYS)
        when = file["ReceivedAt"]
        assert await amili.partner.files.list("40000", from_date=when, to_date=when) == ([file] if include_upper else [])


async def test_what_is_sent_shows_up():
    """An invoice that was sent is in the lists, with its state, its period and its sum; a credit note is not."""
    async with running() as sandbox, connect(sandbox) as amili:
        before = await amili.partner.invoices.list(company_id="40000")
        invoice = B2cInvoice(
            identifier="i-1",
            invoice_no="n-1",
            invoice_date=date(2026, 1, 1),
            line_details=(LineDetail(currency_id="EUR", line_tot_incl_tax=Decimal("10.10")),) * 3,
        )
        sent = await amili.distribution.send.invoice(invoice)
        await amili.distribution.send.invoice(B2cInvoice())
        await amili.distribution.send.ehf_creditnote(EhfCreditnote(id="n-1"))
        row, empty = (await amili.partner.invoices.list(company_id="40000"))[len(before) :]
        assert row == {
            "TransactionRid": sent["TransactionRid"],
            "Identifier": "i-1",
            "InvoiceNumber": "n-1",
            "CompanyId": "40000",
            "FileName": None,
            "ReceivedAt": sent["ReceivedAt"],
            "InvoiceDate": "2026-01-01",
            "DueDate": None,
            "Amount": "30.30",
            "Currency": "EUR",
            "Status": "QUEUED",
        }
        assert (empty["Amount"], empty["InvoiceNumber"]) == (None, None)
        assert await amili.partner.invoices.list(invoice_number="n-1") == [row]
        assert await amili.partner.invoices.list(company_id="40001", invoice_number="n-1") == []
        assert await amili.partner.invoices.list(invoice_number="n-1", to_date=sent["ReceivedAt"][:4] + "-01-01") == []
        assert await amili.partner.invoices.list(invoice_number="n-1", from_date="2100-01-01") == []
        summary = await amili.partner.invoices.summary("40000", **ALWAYS)
        assert summary["InvoiceCount"] == len(before) + 2
        assert summary["Totals"] == totals([*before, row])
        sandbox.finish_batches()
        assert (await amili.partner.invoices.list(invoice_number="n-1"))[0]["Status"] == "DELIVERED"


async def test_an_invoice_is_found_by_its_number():
    """In each company that has it, unless one is named; what is no number of an invoice finds nothing."""
    async with running() as sandbox, connect(sandbox) as amili:
        find = amili.partner.invoices.list
        both = await find(invoice_number="F-1000007")
        assert [(it["CompanyId"], it["InvoiceNumber"]) for it in both] == [("40000", "F-1000007"), ("40001", "F-1000007")]
        assert await find(invoice_number="F-1000007", company_id="40001") == both[1:]
        assert await find(invoice_number="F-1000007", to_date="2020-01-01") == []
        last = 1_000_000 + sandbox.counts(sandbox.organizations[0])["invoices"]
        for number in (f"F-{last}", "F-999999", "F-", "1000007", "F-01000007", "F-²", "F-" + "9" * 40):
            assert await find(invoice_number=number) == []
        assert await find(invoice_number=f"F-{last - 1}")


async def test_invoices_and_receipts_can_be_looked_at():
    """By transaction a PDF, by number a page, and a receipt; each shows number and amount."""
    async with running() as sandbox, connect(sandbox) as amili:
        await amili.distribution.send.invoice(B2cInvoice(invoice_no="<n>&(1", due_date=date(2026, 3, 1)))
        view = amili.partner.invoice_view
        rows = await amili.partner.invoices.list(company_id="40000")
        for row in (rows[0], rows[-2]):
            for file in (
                await view.by_transaction_rid(row["TransactionRid"], "40000"),
                await amili.partner.receipts.get(row["TransactionRid"].upper(), "40000"),
            ):
                assert file.startswith(b"%PDF-")
                assert file.rstrip().endswith(b"%%EOF")
                assert f"{row['InvoiceNumber']}".encode() in file
                assert f"{row['Amount']} {row['Currency']}".encode() in file
            page = await view.by_invoice_number(row["InvoiceNumber"], "40000")
            assert page.startswith("<!DOCTYPE html>")
            assert f"Å betale {row['Amount']} {row['Currency']}" in page
        assert "&lt;n&gt;&amp;(1" in await view.by_invoice_number("<n>&(1", "40000")
        sent = await view.by_transaction_rid(rows[-1]["TransactionRid"], "40000")
        assert b"(Faktura <n>&\\(1)" in sent
        assert b"betale -)" in sent
        for call in (
            view.by_transaction_rid(rows[0]["TransactionRid"], "40001"),
            view.by_transaction_rid(sandbox.organizations[0], "40000"),
            view.by_transaction_rid("none", "40000"),
            view.by_invoice_number("none", "40000"),
            amili.partner.receipts.get("none", "40000"),
        ):
            with pytest.raises(errors.NotFound):
                await call


async def test_a_pdf_is_one():
    """Its table tells where each object begins, and its stream is as long as it says."""
    file = paper.pdf(["Å (b) \\ c", "☃"])
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", file)[1])
    assert file[start:].startswith(b"xref\n0 6\n")
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n ", file)]
    assert [file[place:].split(b"\n")[0] for place in places] == [b"%d 0 obj" % number for number in range(1, 6)]
    length, stream = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", file, re.DOTALL).groups()
    assert int(length) == len(stream)
    assert b"(\xc5 \\(b\\) \\\\ c) Tj" in stream
    assert b"(?) Tj" in stream


async def test_data_follow_from_the_seed():
    """The same seed shows the same, another one does not."""
    found = []
    for seed in (5, 5, 6):
        async with running(seed=seed) as sandbox, connect(sandbox) as amili:
            found.append(await amili.partner.invoices.list())
    assert found[0] == found[1]
    assert found[0] != found[2]


async def test_a_token_shows_what_it_gives_access_to():
    """Companies and files of other organizations are not there."""
    async with running() as sandbox:
        token = StaticToken(sandbox.tokens.issue(organizations=sandbox.organizations[1:]))
        async with AmiliClient(token, environment=sandbox.environment) as amili:
            assert [it["CompanyId"] for it in await amili.partner.companies.list()] == ["40001"]
            assert {it["CompanyId"] for it in await amili.partner.invoices.list()} == {"40001"}
            for call in (amili.partner.files.list("40000", **ALWAYS), amili.partner.invoices.summary("0", **ALWAYS)):
                with pytest.raises(errors.Forbidden):
                    await call
            with pytest.raises(errors.NotFound):
                await amili.partner.files.invoices("40000-000000.zip")
            assert await amili.partner.files.invoices("40001-000000.zip")


@pytest.mark.parametrize(
    "name", ["40000-000004.zip", "40000-999999.zip", "40000-.zip", "40000--1.zip", "x", "40000-²", "50000-1.zip"]
)
async def test_there_is_no_other_file(name):
    """A batch that brought no invoices has none, and what is no number is none."""
    async with running() as sandbox, connect(sandbox) as amili:
        with pytest.raises(errors.NotFound):
            await amili.partner.files.invoices(name)


async def test_malformed_questions_are_refused():
    """No date, and nothing to look for."""
    async with running() as sandbox:
        for path in ("/Files", "/Invoices", "/Invoice/Summary", "/Files/Summary"):
            assert await raw(sandbox, path) == 200
            assert await raw(sandbox, path, FromDate="") == 200
            assert await raw(sandbox, path, FromDate="yesterday") == 400
            assert await raw(sandbox, path, ToDate="32.01.2026") == 400
        for path in ("/Files/Invoices", "/InvoiceView/ByTransactionRid", "/InvoiceView/ByInvoiceNumber", "/Receipt"):
            assert await raw(sandbox, path) == 400


async def test_too_long_a_period_is_refused(monkeypatch):
    """Rows are computed one by one: there is an end to what one answer may hold."""
    monkeypatch.setattr(partner, "_MOST", 59)
    async with running() as sandbox, connect(sandbox) as amili:
        for call in (amili.partner.invoices.list(), amili.partner.files.list("40000", **ALWAYS)):
            with pytest.raises(errors.Unprocessable) as caught:
                await call
            assert caught.value.code == "period_too_long"
        assert await amili.partner.invoices.list(from_date="2023-01-01")


@pytest.mark.parametrize(
    ("id_name", "secret_name"), [("ClientId", "ClientSecret"), ("client_id", "client_secret"), ("userName", "password")]
)
async def test_a_token_of_its_own_serves_the_api(id_name, secret_name):
    """Credentials under common names get a token; a client that is given it is let in."""
    async with running() as sandbox, AmiliClient(environment=sandbox.environment) as anonymous:
        ours = sandbox.credentials
        answer = await anonymous.partner.token.request({id_name: ours.client_id, secret_name: ours.client_secret})
        async with AmiliClient(StaticToken(answer["access_token"]), environment=sandbox.environment) as amili:
            assert len(await amili.partner.companies.list()) == 2
        with pytest.raises(errors.Unauthorized):
            await anonymous.partner.token.request({id_name: ours.client_id, secret_name: "wrong"})
        for body in ({}, {id_name: ours.client_id}, {id_name: "", secret_name: ours.client_secret}):
            with pytest.raises(errors.BadRequest):
                await anonymous.partner.token.request(body)
        assert not any(served.authorization for served in sandbox.log.of("partner.token.request"))


async def test_faults_strike_here_too():
    """What the sandbox does to other APIs it does to this one, and reads are repeated."""
    faults = [
        Fault("status", at=(1,), match="partner.invoices.list", status=500),
        Fault("reset_in_body", at=(1,), match="partner.invoices.list"),
        Fault("gzip_damage", at=(2,), match="partner.invoices.list"),
    ]
    async with running(faults=faults) as sandbox, connect(sandbox) as amili:
        rows = await amili.partner.invoices.list(company_id="40000")
        assert len(rows) == sandbox.counts(sandbox.organizations[0])["invoices"]
        assert [served.rows for served in sandbox.log.of("partner.invoices.list")][-1] == len(rows)
        assert sandbox.log.count("partner.invoices.list") == 4
