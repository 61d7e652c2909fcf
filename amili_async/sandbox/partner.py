"""The Partner API: what was distributed for companies, by file, by period, and as documents to look at.

Of its answers the documentation shows none: their shapes are invented here; a client must not count on them. A company is an
organization. Its invoices are those that the Collection API has of it from the start; they came in files, one for each batch that
created them. Invoices sent through the Distribution API follow, with no file.
"""

from __future__ import annotations

import hmac
from bisect import bisect_left, bisect_right
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from amili_async.sandbox.distribution import state
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.figures import invoice_number, stamp
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.layout import case_of, first_invoice
from amili_async.sandbox.matching import moment
from amili_async.sandbox.paper import html, pdf
from amili_async.sandbox.writes import document
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.dispatch import Company, Dispatch, Sending
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.tokens import Tokens

__all__ = ["Partner"]

_MOST = 20_000
"""Cases that a period may hold: every row of it is computed for one answer."""


class Partner:
    """Answers the operations of the Partner API.

    Args:
        dataset: where the organizations are.
        dispatch: what was sent.
        tokens: issues them.
        settings: of the sandbox.
    """

    def __init__(self, dataset: Dataset, dispatch: Dispatch, tokens: Tokens, settings: Settings) -> None:
        self._dataset = dataset
        self._dispatch = dispatch
        self._tokens = tokens
        self._settings = settings
        self.handlers: dict[str, Handler] = {
            "partner.companies.list": self._companies,
            "partner.files.list": lambda call: _list(self._files(call)),
            "partner.files.summary": lambda call: _summary(call, self._files(call), "FileCount"),
            "partner.files.invoices": self._of_file,
            "partner.invoices.list": lambda call: _list(self._invoices(call)),
            "partner.invoices.summary": lambda call: _summary(call, self._invoices(call), "InvoiceCount"),
            "partner.invoice_view.by_transaction_rid": lambda call: self._paper(call, "Faktura"),
            "partner.invoice_view.by_invoice_number": self._page,
            "partner.receipts.get": lambda call: self._paper(call, "Kvittering"),
            "partner.token.request": self._token,
        }

    def _companies(self, call: Call) -> Answer:
        ready = [it for it in self._dispatch.companies(call.claims["orgs"]) if self._dispatch.progress(it.due) >= 1]
        return _list([{"CompanyId": it.id, "Name": it.name, "OrganizationNumber": it.organization_number} for it in ready])

    def _asked(self, call: Call) -> list[Company]:
        """Return the companies that a request is about: the one named, or all that the token gives access to.

        Raises:
            Problem: 403; the token gives no access to it.
        """
        companies = self._dispatch.companies(call.claims["orgs"])
        wanted = call.query.get("CompanyId")
        found = [it for it in companies if wanted in {None, "", it.id}]
        if not found:
            raise Problem(403, "forbidden", "The token gives no access to this company.")
        return found

    def _portfolios(self, call: Call) -> Iterator[tuple[Company, Portfolio]]:
        """Yield the companies that have invoices from the start, with these: those that were registered have none."""
        return ((it, self._dataset.portfolios[it.organization]) for it in self._asked(call) if it.id.startswith("4"))

    def _files(self, call: Call) -> list[Row]:
        """Return the files of a period, in the order of companies and time."""
        found: list[Row] = []
        for company, portfolio in self._portfolios(call):
            batches = self._period(call, range(portfolio.batches), portfolio.created)
            _limit(sum(len(portfolio.cases_of(batch)) for batch in batches))
            for batch in batches:
                if portfolio.cases_of(batch):
                    rows = self._rows(company, portfolio, portfolio.cases_of(batch))
                    found.append(
                        {
                            "FileName": rows[0]["FileName"],
                            "CompanyId": company.id,
                            "ReceivedAt": stamp(portfolio.created(batch)),
                            "InvoiceCount": len(rows),
                            "Totals": _totals(rows),
                        }
                    )
        return found

    def _of_file(self, call: Call) -> Answer:
        """Answer with the invoices that a file brought."""
        company_id, _, number = _needed(call, "FileName").removesuffix(".zip").partition("-")
        for company, portfolio in self._portfolios(call):
            batch = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else -1
            if company.id == company_id and 0 <= batch < portfolio.batches and portfolio.cases_of(batch):
                return _list(self._rows(company, portfolio, portfolio.cases_of(batch)))
        raise Problem(404, "not_found", "There is no such file.")

    def _invoices(self, call: Call) -> list[Row]:
        """Return the invoices of a period, or with a number: those from the start by company, and then those that were sent."""
        found: list[Row] = []
        number = call.query.get("InvoiceNumber")
        for company, portfolio in self._portfolios(call):
            cases = self._period(call, range(portfolio.cases), portfolio.registered)
            if number:
                invoice = _number(number, portfolio)
                cases = range(case_of(invoice), case_of(invoice) + 1) if case_of(invoice) in cases else range(0)
            _limit(len(cases))
            found += self._rows(company, portfolio, cases)
        begin, end = _bounds(call)
        ids = {it.id for it in self._asked(call)}
        for sending in self._dispatch.sendings.values():
            within = (begin is None or sending.at >= begin) and (end is None or sending.at < end or self._at_end(sending.at, end))
            if within and sending.company.id in ids and sending.sent.kind.endswith("invoice"):
                found.append(self._sent(sending))
        return [row for row in found if not number or row["InvoiceNumber"] == number]

    def _at_end(self, when: float, end: float) -> bool:
        return self._settings.include_upper and when == end

    def _period(self, call: Call, numbers: range, when: Callable[[int], int]) -> range:
        """Return the numbers of a period; `when` gives the time of a number in milliseconds and rises."""
        begin, end = _bounds(call)
        start = 0 if begin is None else bisect_left(numbers, begin, key=when)
        find = bisect_right if self._settings.include_upper else bisect_left
        return numbers[start : len(numbers) if end is None else find(numbers, end, key=when)]

    def _rows(self, company: Company, portfolio: Portfolio, cases: Iterable[int]) -> list[Row]:
        """Return the invoices of cases as they are shown."""
        found: list[Row] = []
        for number in cases:
            case = self._dataset.case(portfolio, number)
            currency = self._dataset.traits(portfolio, number).currency
            file = f"{company.id}-{portfolio.batch_of(number):06d}.zip"
            for place, invoice in enumerate(case["invoices"]):
                transaction = self._dataset.ids.make(Kind.TRANSACTION, portfolio.index, first_invoice(number) + place)
                found.append(
                    {
                        "TransactionRid": transaction,
                        "Identifier": invoice.get("uniqueSourceInvoiceId"),
                        "InvoiceNumber": invoice["invoiceNumber"],
                        "CompanyId": company.id,
                        "FileName": file,
                        "ReceivedAt": case["registeredAt"],
                        "InvoiceDate": invoice["invoiceDate"][:10],
                        "DueDate": invoice["dueDate"][:10],
                        "Amount": f"{Decimal(invoice['originalAmount']):.2f}",
                        "Currency": currency,
                        "Status": "DELIVERED",
                    }
                )
        return found

    def _sent(self, sending: Sending) -> Row:
        sent = sending.sent
        return {
            "TransactionRid": sending.transaction,
            "Identifier": sent.identifier,
            "InvoiceNumber": sent.invoice_number,
            "CompanyId": sending.company.id,
            "FileName": None,
            "ReceivedAt": stamp(sending.at),
            "InvoiceDate": sent.invoice_date,
            "DueDate": sent.due_date,
            "Amount": None if sent.amount is None else f"{sent.amount:f}",
            "Currency": sent.currency,
            "Status": state(self._dispatch.progress(sending.due)),
        }

    def _paper(self, call: Call, title: str) -> Answer:
        """Answer with a PDF: the very one that came with an invoice, or one that says what is known."""
        rid = _needed(call, "TransactionRid")
        row = self._transaction(call, rid.lower())
        sending = self._dispatch.sendings.get(rid.lower())
        file = sending.file if sending and title == "Faktura" else None
        body = file or pdf(_lines(title, row))
        return Answer(body, media_type="application/pdf" if body.startswith(b"%PDF-") else "application/octet-stream")

    def _transaction(self, call: Call, rid: str) -> Row:
        companies = self._asked(call)
        sending = self._dispatch.sendings.get(rid)
        if sending is not None and sending.company.id in {it.id for it in companies}:
            return self._sent(sending)
        named = self._dataset.ids.read(rid)
        for company, portfolio in self._portfolios(call):
            if (
                named
                and (named.kind, named.organization) == (Kind.TRANSACTION, portfolio.index)
                and named.number < portfolio.invoices
            ):
                case = case_of(named.number)
                return self._rows(company, portfolio, [case])[named.number - first_invoice(case)]
        raise Problem(404, "not_found", "There is no such transaction.")

    def _page(self, call: Call) -> Answer:
        """Answer with an invoice as HTML; the latest, if several have its number."""
        _needed(call, "InvoiceNumber")
        found = self._invoices(call)
        if not found:
            raise Problem(404, "not_found", "There is no such invoice.")
        return Answer(html(_lines("Faktura", found[-1])).encode(), media_type="text/html")

    def _token(self, call: Call) -> Answer:
        """Answer with a token for the credentials of the sandbox, under whatever common names they come."""
        body = {name.lower().replace("_", ""): value for name, value in document(call).items()}
        given = [next((str(body[name]) for name in names if body.get(name)), "") for names in _CREDENTIALS]
        if not all(given):
            raise Problem(400, "invalid_body", "The body must have ClientId and ClientSecret.")
        ours = self._settings.client_id, self._settings.client_secret
        if not all(hmac.compare_digest(one.encode(), other.encode()) for one, other in zip(given, ours, strict=True)):
            raise Problem(401, "invalid_client", "The client is not known, or its secret is wrong.")
        return Answer(encode(self._tokens.answer()), headers={"Cache-Control": "no-store"})


_CREDENTIALS = (("clientid", "username"), ("clientsecret", "password"))


def _needed(call: Call, name: str) -> str:
    value = call.query.get(name)
    if not value:
        raise Problem(400, "missing_parameter", f"{name} is missing.")
    return value


def _bounds(call: Call) -> tuple[float | None, float | None]:
    begin, end = (moment(text) if (text := call.query.get(name)) else None for name in ("FromDate", "ToDate"))
    return begin, end


def _limit(cases: int) -> None:
    if cases > _MOST:
        raise Problem(422, "period_too_long", "The period holds too much for one answer; ask for a shorter one.")


def _number(text: str, portfolio: Portfolio) -> int:
    """Return which of the invoices from the start has a number; -1 if none has."""
    digits = text.removeprefix("F-")
    number = int(digits) - 1_000_000 if digits.isascii() and digits.isdecimal() and len(digits) < 16 else -1
    return number if 0 <= number < portfolio.invoices and invoice_number(number) == text else -1


def _totals(rows: Iterable[Row]) -> list[Row]:
    """Add up the amounts by currency."""
    sums: dict[str, Decimal] = {}
    with localcontext(prec=100):
        for row in rows:
            if row["Amount"] is not None:
                sums[row["Currency"]] = sums.get(row["Currency"], Decimal()) + Decimal(row["Amount"])
    return [{"Currency": currency, "Amount": f"{amount:f}"} for currency, amount in sorted(sums.items())]


def _list(rows: list[Row]) -> Answer:
    return Answer(encode(rows), rows=len(rows))


def _summary(call: Call, rows: list[Row], count: str) -> Answer:
    """Add up a list of files or invoices."""
    parts = [part for row in rows for part in row.get("Totals", [row])]
    found: dict[str, Any] = {name: call.query.get(name) for name in ("CompanyId", "FromDate", "ToDate")}
    found[count] = len(rows)
    if count == "FileCount":
        found["InvoiceCount"] = sum(row["InvoiceCount"] for row in rows)
    return Answer(encode({**found, "Totals": _totals(parts)}))


def _lines(title: str, row: Row) -> list[str]:
    """Say on paper what a row says."""
    amount = "-" if row["Amount"] is None else f"{row['Amount']} {row['Currency']}"
    return [
        f"{title} {row['InvoiceNumber'] or ''}".strip(),
        f"Transaksjon {row['TransactionRid']}",
        f"Fakturadato {row['InvoiceDate'] or '-'}, forfall {row['DueDate'] or '-'}",
        f"Å betale {amount}",
        "Oppdiktet av en sandkasse: ingen skylder dette.",
    ]
