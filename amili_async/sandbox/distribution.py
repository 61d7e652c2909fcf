"""The Distribution API: takes in documents, and tells what became of them.

Of its answers the documentation shows none: their shapes are invented here; a client must not count on them. Requests are checked
as far as their shape is documented. An idempotency key means nothing to this API: whatever comes twice is sent twice.
"""

from __future__ import annotations

import base64
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from amili_async.distribution.requests import B2cInvoice, EhfCreditnote
from amili_async.sandbox.dispatch import Company, Dispatch, Sending, Sent
from amili_async.sandbox.exchange import Answer, Problem
from amili_async.sandbox.figures import stamp
from amili_async.sandbox.shapes import NUMBER, check_shape
from amili_async.sandbox.writes import document
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call, Handler

__all__ = ["Distribution", "state"]

_ENVELOPES: dict[str, tuple[str, type[Any]]] = {
    "invoice": ("Invoice", B2cInvoice),
    "ehf_creditnote": ("Creditnote", EhfCreditnote),
}
"""The documented bodies: their key, and what is under it."""
_FILES = {"FreeText", "Data"}
"""Members that hold a file as base64."""
_SAMPLES = {"PDF_attachment_encoded_in_Base64", "JVBERi0xLjUNCiW1tbW1DQoxIDA...CjE3ODU4Mg0KJSVFT0Y="}
"""What the samples of the documentation have in place of a file."""


class Distribution:
    """Answers the operations of the Distribution API.

    Args:
        dispatch: where everything is kept.
        address: returns where the API is served.
    """

    def __init__(self, dispatch: Dispatch, *, address: Callable[[], str]) -> None:
        self._dispatch = dispatch
        self._address = address
        sends = ("ehf_creditnote", "ehf_invoice", "invoice", "letter", "swedish_invoice", "danish_invoice")
        self.handlers: dict[str, Handler] = {
            **{f"distribution.send.{name}": self._send for name in sends},
            "distribution.send.status": lambda call: self._status(call, call.query.get("Identifier")),
            "distribution.send.status_by_identifier": self._status_by_identifier,
            "distribution.lookup.invoice": self._lookup,
            "distribution.organizations.create": self._register,
            "distribution.organizations.status": self._registered,
            "distribution.bank_agreements.register": self._agree,
            "distribution.bank_agreements.status": self._agreed,
        }

    def _send(self, call: Call) -> Answer:
        """Take in a document; it is queued, then sent, then delivered."""
        kind = call.operation.name.rpartition(".")[2]
        body = document(call)
        content = _content(kind, body)
        files = list(_files(body))
        sending = self._dispatch.send(call.operation.name, call.claims["orgs"], _read(kind, content), files[0] if files else None)
        return Answer(encode({"Identifier": sending.sent.identifier, **self._shown(sending)}), 202)

    def _status_by_identifier(self, call: Call) -> Answer:
        return self._status(call, _text(document(call, optional=True), "Identifier"))

    def _status(self, call: Call, identifier: str | None) -> Answer:
        """Answer with the state of a document, and every sending of it; without an identifier with those of all documents."""
        found: dict[str | None, list[Sending]] = {}
        for sending in self._sendings(call):
            found.setdefault(sending.sent.identifier, []).append(sending)
        shown = {
            key: {"Identifier": key, "Status": self._state(it[-1]), "Transactions": [*map(self._shown, it)]}
            for key, it in found.items()
        }
        return _chosen(shown, identifier, "document with this identifier")

    def _lookup(self, call: Call) -> Answer:
        """Answer with the link of a document; without an identifier with that of the page to look documents up on."""
        identifier = call.query.get("Identifier")
        if identifier is None:
            return Answer(encode({"Url": f"{self._address()}/lookup"}))
        found = [it for it in self._sendings(call) if it.sent.identifier == identifier]
        if not found:
            raise Problem(404, "not_found", "There is no document with this identifier.")
        return Answer(encode({"Url": f"{self._address()}/lookup/{found[-1].transaction}"}))

    def _register(self, call: Call) -> Answer:
        body = document(call)
        name, number = _text(body, "Name"), _text(body, "OrganizationNumber")
        company = self._dispatch.register(call.operation.name, call.claims["orgs"], name or "", number or "")
        return Answer(encode(self._company(company)), 202)

    def _registered(self, call: Call) -> Answer:
        companies = {it.id: self._company(it) for it in self._dispatch.companies(call.claims["orgs"])}
        return _chosen(companies, call.query.get("CompanyId"), "such company")

    def _agree(self, call: Call) -> Answer:
        document(call)
        agreement = self._dispatch.agree(call.operation.name, call.claims["orgs"])
        return Answer(encode({"AgreementId": agreement.id, "Status": self._pending(agreement.due)}), 202)

    def _agreed(self, call: Call) -> Answer:
        wanted = _text(document(call), "AgreementId")
        visible = self._dispatch.organizations(call.claims["orgs"])
        found = {
            it.id: {"AgreementId": it.id, "Status": self._pending(it.due)}
            for it in self._dispatch.agreements.values()
            if it.organization in visible
        }
        return _chosen(found, wanted, "such bank agreement")

    def _sendings(self, call: Call) -> list[Sending]:
        visible = self._dispatch.organizations(call.claims["orgs"])
        return [it for it in self._dispatch.sendings.values() if it.company.organization in visible]

    def _shown(self, sending: Sending) -> Row:
        return {
            "TransactionRid": sending.transaction,
            "Type": sending.sent.kind,
            "Status": self._state(sending),
            "ReceivedAt": stamp(sending.at),
        }

    def _state(self, sending: Sending) -> str:
        return state(self._dispatch.progress(sending.due))

    def _company(self, company: Company) -> Row:
        return {
            "CompanyId": company.id,
            "Name": company.name,
            "OrganizationNumber": company.organization_number,
            "Status": self._pending(company.due),
        }

    def _pending(self, due: float | None) -> str:
        return "ACTIVE" if self._dispatch.progress(due) >= 1 else "PENDING"


def _chosen(rows: Mapping[Any, Row], key: str | None, what: str) -> Answer:
    """Answer with one row; without a key with all.

    Raises:
        Problem: 404; there is none with this key.
    """
    if key is None:
        return Answer(encode([*rows.values()]), rows=len(rows))
    if key not in rows:
        raise Problem(404, "not_found", f"There is no {what}.")
    return Answer(encode(rows[key]))


def state(progress: float) -> str:
    """Return the state of a document that has come so far, from 0 to 1."""
    return "DELIVERED" if progress >= 1 else "SENT" if progress >= 0.5 else "QUEUED"


def _content(kind: str, body: Row) -> Row:
    """Return what is in the envelope of a body, checked as far as its shape is documented.

    Raises:
        Problem: 400; it is of another shape.
    """
    if kind not in _ENVELOPES:  # of these nothing is known: perhaps there is an envelope, perhaps not
        inner = [*body.values()]
        return inner[0] if len(inner) == 1 and isinstance(inner[0], dict) else body
    key, shape = _ENVELOPES[kind]
    content = body.get(key)
    if not isinstance(content, dict):
        raise Problem(400, "invalid_body", f"The body must have {key}, an object.")
    check_shape(content, shape, key)
    return content


def _files(value: object) -> Iterator[bytes]:
    """Yield the files that are embedded anywhere.

    Raises:
        Problem: 400; one is not base64.
    """
    if isinstance(value, list):
        for item in value:
            yield from _files(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name in _FILES and isinstance(item, str) and item and item not in _SAMPLES:
            try:
                yield base64.b64decode(item, validate=True)
            except ValueError:
                raise Problem(400, "invalid_base64", f"{name} is not base64.") from None
        yield from _files(item)


def _read(kind: str, content: Row) -> Sent:
    """Return what a document says of itself; in one of unknown shape the names of the others are looked for."""
    lines = [line for line in _list(content, "LineDetails") if isinstance(line, dict)]
    totals = [_text(line, "LineTotInclTax") or "" for line in lines]
    amounts = [Decimal(text) for text in totals if NUMBER.fullmatch(text)]
    currencies = [text for line in lines if (text := _text(line, "CurrencyId"))]
    with localcontext(prec=100):
        amount = sum(amounts, Decimal()) if amounts else None
    return Sent(
        kind=kind,
        identifier=_text(content, "Identifier"),
        invoice_number=_text(content, "InvoiceNo") or _text(content, "ID"),
        sender=_text(content, "Invoicer", "CompanyRegNo")
        or _text(content, "AccountingSupplierParty", "Party", "PartyLegalEntity", "CompanyID"),
        amount=amount,
        currency=next(iter(currencies), None) or _text(content, "DocumentCurrencyCode") or "NOK",
        invoice_date=_text(content, "InvoiceDate") or _text(content, "IssueDate"),
        due_date=_text(content, "DueDate"),
    )


def _text(content: object, *way: str) -> str | None:
    """Return the text at the end of a way of names; None if there is none, or an empty one."""
    for name in way:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, str) and content else None


def _list(content: Row, name: str) -> list[Any]:
    found = content.get(name)
    return found if isinstance(found, list) else []
