"""What the first generation of the API told besides the lists: the parts of an invoice, reports, and the state of the service.

No answer of these is documented. Their shapes are invented here; a client must not count on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.sandbox import rows
from amili_async.sandbox.booking import find_invoice
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.figures import stamp
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.layout import END, first_settlement, payments
from amili_async.sandbox.store import ADDED
from amili_async.sandbox.writes import visible
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amili_async.sandbox.dataset import Dataset, Row
    from amili_async.sandbox.exchange import Call, Handler
    from amili_async.sandbox.layout import Portfolio
    from amili_async.sandbox.writes import Writes

__all__ = ["Parts"]


class Parts:
    """Answers what is asked about an invoice, an organization, or the service.

    Args:
        dataset: where the rows are.
        writes: what ends the batches whose time has come before anything is read.
    """

    def __init__(self, dataset: Dataset, writes: Writes) -> None:
        self._dataset = dataset
        self._writes = writes
        self._of_invoice: dict[str, Callable[[Portfolio, int], list[Row]]] = {
            "documents": self._documents,
            "history": self._history,
            "payments": self._payments,
        }
        self.handlers: dict[str, Handler] = {
            **{f"collection.invoices.{name}": self._part for name in self._of_invoice},
            "collection.reports.list": self._reports,
            "collection.status.ping": lambda _: Answer(b"pong", media_type="text/plain"),
            "collection.status.ping_authorized": lambda _: Answer(b"authorized", media_type="text/plain"),
            "collection.status.health": lambda _: Answer(encode({"status": "Healthy"})),
            "collection.banqsoft.call": lambda _: Answer(encode({"summary": {"status": "SUCCESS"}, "data": {}})),
        }

    def _part(self, call: Call) -> Answer:
        (portfolio,) = visible(self._dataset, call)
        self._writes.advance()
        invoice = find_invoice(self._dataset, portfolio, call.values[1])
        if invoice is None:
            raise Problem(404, "not_found", "There is no such invoice.")
        return _list(self._of_invoice[call.operation.name.rpartition(".")[2]](portfolio, invoice))

    def _documents(self, portfolio: Portfolio, number: int) -> list[Row]:
        """Return the one document that an invoice has: itself."""
        invoice = rows.invoice(self._dataset, portfolio, number)
        return [
            {
                "documentId": self._dataset.ids.make(Kind.DOCUMENT, portfolio.index, number),
                "name": f"{invoice['invoiceNumber']}.pdf",
                "mediaType": "application/pdf",
                "createdAt": invoice["createdAt"],
            }
        ]

    def _history(self, portfolio: Portfolio, number: int) -> list[Row]:
        """Return what happened to an invoice, in the order of time."""
        invoice = rows.invoice(self._dataset, portfolio, number)
        change = portfolio.written.cases.get(rows.the_case_of(number))
        events = [(invoice["createdAt"], "REGISTERED")]
        # A settlement has a date alone, which may be that of the registration.
        events += [(max(it["settlementDate"], invoice["createdAt"]), "PAID") for it in self._settlements(portfolio, number)]
        events += [(stamp(moment), name) for moment, name in (change.history if change else ())]
        if invoice["closureDate"] is not None:
            events.append((invoice["closureDate"], "CLOSED"))
        return [{"date": moment, "event": name} for moment, name in sorted(events, key=lambda event: event[0])]

    def _payments(self, portfolio: Portfolio, number: int) -> list[Row]:
        """Return the payments of an invoice; they add up to its paidAmount."""
        types = [portfolio.written.settlements[it - ADDED].type for it in portfolio.written.payments.get(number, ())]
        settlements = self._settlements(portfolio, number)
        computed = ["DIRECT_PAYMENT"] * (len(settlements) - len(types))
        return [
            {
                "settlementId": settlement["id"],
                "type": type_,
                "amount": settlement["paymentAmount"],
                "currency": settlement["currency"],
                "date": settlement["settlementDate"],
            }
            for settlement, type_ in zip(settlements, [*computed, *types], strict=True)
        ]

    def _settlements(self, portfolio: Portfolio, number: int) -> list[Row]:
        first = 0 if number >= ADDED else first_settlement(number)
        computed: Sequence[int] = () if number >= ADDED else range(first, first + payments(number))
        numbers = [*computed, *portfolio.written.payments.get(number, ())]
        return [rows.settlement(self._dataset, portfolio, settlement) for settlement in numbers]

    def _reports(self, call: Call) -> Answer:
        """Answer with one report, of how many rows there are."""
        (portfolio,) = visible(self._dataset, call)
        self._writes.advance()
        organization = self._dataset.organizations[portfolio.index]
        report = {
            "reportId": self._dataset.ids.make(Kind.REPORT, portfolio.index, 0),
            "name": "Porteføljerapport",
            "createdAt": stamp(END),
            **self._dataset.counts(organization),
        }
        return _list([report])


def _list(data: list[Row]) -> Answer:
    return Answer(encode({"summary": {"status": "SUCCESS"}, "data": data}), rows=len(data))
