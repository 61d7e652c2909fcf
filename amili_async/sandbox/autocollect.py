"""The AutoCollect legacy API: batch documents of the same cases and settlements that the Collection API shows.

What the contract does not know is decided here: a position is the id of a settlement, and holds for its creditor alone, so that
others come whole; closed cases come only if they are asked for; a sent document changes nothing that can be read, because what
its members mean is not documented.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amili_async.sandbox import rows
from amili_async.sandbox.autocollect_rows import creditor, creditor_names, legacy_case, legacy_settlement, newer_case
from amili_async.sandbox.damage import DAMAGES_ROWS, damaged_rows
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.figures import stamp
from amili_async.sandbox.filters import Selector
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.matching import moment
from amili_async.sandbox.paper import pdf
from amili_async.sandbox.writes import document, visible
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.writes import Writes

__all__ = ["AutoCollect"]

MEDIA_TYPE = "application/json-patch+json"


class AutoCollect:
    """Answers the operations of the AutoCollect legacy API.

    Args:
        dataset: where the rows are.
        settings: of the sandbox.
        writes: what ends the batches whose time has come before anything is read, and counts what is sent.
    """

    def __init__(self, dataset: Dataset, settings: Settings, writes: Writes) -> None:
        self._dataset = dataset
        self._settings = settings
        self._writes = writes
        self._selector = Selector(dataset, include_upper=settings.include_upper)
        self.handlers: dict[str, Handler] = {
            "autocollect.batch.get": self._get,
            "autocollect.batch.submit": self._submit,
            "autocollect.attachments.get": self._attachment,
            "autocollect.status.ping": lambda _: Answer(b"pong", media_type="text/plain"),
        }

    def _get(self, call: Call) -> Answer:
        """Answer with the document."""
        self._writes.advance()
        wanted = call.query.get("creditorid", "")
        portfolios = visible(self._dataset, call, ())
        if wanted:
            portfolios = [it for it in portfolios if wanted in creditor_names(self._dataset, it)]
        creditors: list[Row] = []
        cases: list[Row] = []
        settlements: list[Row] = []
        for portfolio in portfolios:
            numbers = self._selector.rows("collection.settlements.list", [portfolio], {})
            creditors.append(creditor(self._dataset, portfolio, numbers[-1] if numbers else None))
            cases += self._cases(call, portfolio)
            settlements += self._settlements(call, portfolio, numbers)
        traits = {"rows"} if cases or settlements else set[str]()
        hits = [hit for hit in call.strike("page", traits) if hit.kind in DAMAGES_ROWS]
        whole = {
            "batchid": self._dataset.ids.make(Kind.BATCH, 0, 0),
            "offline": False,
            "creditor": creditors,
            "case": damaged_rows(cases, hits, "caseId") if cases else cases,
            "settlement": damaged_rows(settlements, hits, "id") if settlements else settlements,
        }
        return Answer(encode(whole), rows=len(cases) + len(settlements))

    def _cases(self, call: Call, portfolio: Portfolio) -> Iterator[Row]:
        query = call.query
        closed = _switch(query.get("includeclosed", ""))
        english = query.get("languagecode", "").lower().startswith("en")
        customer, ledger = query.get("customerref", ""), query.get("ledgerref", "")
        filters = {"CustomerNumber": customer} if customer else {}
        for number in self._selector.rows("collection.cases.list", [portfolio], filters):
            case = rows.case(self._dataset, portfolio, number)
            if (case["closedAt"] is not None and not closed) or (ledger and case["invoices"][0]["invoiceNumber"] != ledger):
                continue
            if self._is_older(number):
                yield legacy_case(self._dataset, portfolio, number, case, english=english)
            else:
                yield newer_case(self._dataset, portfolio, number, case)

    def _settlements(self, call: Call, portfolio: Portfolio, numbers: Sequence[int]) -> Iterator[Row]:
        query = call.query
        customer, ledger, paid_out = (query.get(name, "") for name in ("customerref", "ledgerref", "remittancedate"))
        day = stamp(int(moment(paid_out)))[:10] if paid_out else None
        for number in numbers[self._behind(portfolio, numbers, query.get("lastsettlementid", "")) :]:
            row = rows.settlement(self._dataset, portfolio, number)
            if (customer and row["customerReference"] != customer) or (ledger and row["ledgerRef"] != ledger):
                continue
            if day is not None and (row["remittanceDate"] or "")[:10] != day:
                continue
            yield legacy_settlement(self._dataset, portfolio, row) if self._is_older(number) else row

    def _behind(self, portfolio: Portfolio, numbers: Sequence[int], position: str) -> int:
        """Return the place of the first settlement that belongs behind a position."""
        if not position:
            return 0
        named = self._dataset.ids.read(position)
        if named is None or named.kind != Kind.SETTLEMENT:
            raise Problem(400, "invalid_parameter", "lastsettlementid names no settlement.")
        if named.organization != portfolio.index:
            return 0
        return (bisect_left if self._settings.legacy_inclusive else bisect_right)(numbers, named.number)

    def _is_older(self, number: int) -> bool:
        """Tell whether a row is shown in its older shape."""
        shape = self._settings.legacy_shape
        return shape == "older" or (shape == "mixed" and number % 2 == 1)

    def _submit(self, call: Call) -> Answer:
        """Take a document over item by item, but for items that are no objects, are empty, or have an empty ledgerref."""
        if call.media_type != MEDIA_TYPE:
            raise Problem(415, "unsupported_media_type", f"The body must be {MEDIA_TYPE}.")
        body = document(replace(call, media_type="application/json"))
        errors: list[Row] = []
        responses: list[Row] = []
        lists: dict[str, list[Any]] = {name: items for name, items in body.items() if isinstance(items, list)}
        for name, items in lists.items():
            for index, item in enumerate(items):
                place: Row = {"objectname": name, "objectindex": index}
                if isinstance(item, dict) and item and item.get("ledgerref") != "":
                    responses.append({**place, "ledgerref": str(item.get("ledgerref", "")), "status_statuscode": "0"})
                else:
                    errors.append({**place, "message": "Elementet mangler innhold."})
        self._writes.count(call.operation.name, len(responses))
        return Answer(encode({"statuscode": 1 if errors else 0, "errors": errors, "responses": responses}))

    def _attachment(self, call: Call) -> Answer:
        """Answer with the document that the history of a case names."""
        attachment = call.query.get("attachmentid", "")
        named = self._dataset.ids.read(attachment)
        indexes = {portfolio.index for portfolio in visible(self._dataset, call, ())}
        if named is None or named.kind != Kind.DOCUMENT or named.organization not in indexes:
            raise Problem(404, "not_found", "There is no such attachment.")
        return Answer(pdf(["Oppdiktet vedlegg", attachment]), media_type="application/pdf")


def _switch(text: str) -> bool:
    if text.lower() not in {"", "true", "false"}:
        raise Problem(400, "invalid_parameter", "includeclosed must be true or false.")
    return text.lower() == "true"
