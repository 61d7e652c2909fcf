"""The methods of the Distribution API, by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.bodies import Part, accepted
from amili_async.distribution import operations as ops
from amili_async.distribution.requests import B2cInvoice, EhfCreditnote, EhfInvoice
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.config import RequestOptions
    from amili_async.operation import Operation

__all__ = ["BankAgreements", "Distribution", "Lookup", "Organizations", "Send"]


class _Posting(Resource):
    """Base of what groups the methods of Distribution, most of which hand something in."""

    __slots__ = ()

    async def _post(
        self,
        operation: Operation[Any],
        body: object,
        options: RequestOptions | None,
        *,
        kind: type[Part] | None = None,
        key: str = "",
    ) -> Any:
        """Hand in a body: a Struct of a kind under its key, a mapping as it is.

        Raises:
            ConfigError: it is neither, or a value cannot be sent.
        """
        handed = accepted(body, kind)
        content = {key: handed} if isinstance(handed, Part) else handed
        return (await self._calls.call(operation, body=content, options=options)).data


class Send(_Posting):
    """Documents sent to their receivers, and what became of them.

    A document is never sent again by the client when it may have arrived, with an idempotency key either: whether the API
    recognises a repeat, by a key or by the `Identifier` of the document, is not known. Repeated is only what surely was not
    taken: a request that never left, and one that the server put off (429, or 503 with `Retry-After`) or whose token it refused.
    After an `OutcomeUnknownError` ask for the status by the `Identifier` before you send again.

    What the API answers is not documented: every method returns the JSON of the answer as plain Python objects, all of it, or its
    text, its bytes, or None if there is nothing.
    """

    __slots__ = ()

    async def invoice(self, body: B2cInvoice | Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send a consumer invoice in a chosen channel.

        Args:
            body: a `B2cInvoice`, which goes out under the key `Invoice`; or the whole body as a mapping with the names of the
                wire, sent as it is. A mapping may hold a `B2cInvoice` too: `{"Invoice": invoice}`.
            options: options of the call.

        Raises:
            ConfigError: a value cannot be sent; nothing was sent.
            OutcomeUnknownError: the answer was lost; the invoice may be on its way.

        Example:
            ```python
            invoice = B2cInvoice(
                channel="EINVOICE", identifier="inv-1", invoice_no="1", due_date=date(2026, 3, 1), free_text=embed_pdf("1.pdf"),
                line_details=(LineDetail(currency_id="NOK", quantity=1, price=Decimal("788.20")),),
            )
            await amili.distribution.send.invoice(invoice)
            ```

        Never repeated when its outcome is unknown. `POST /send/invoice`. Evidence: docs; the body in part, the answer not at all.
        """
        return await self._post(ops.SEND_INVOICE, body, options, kind=B2cInvoice, key="Invoice")

    async def ehf_creditnote(self, body: EhfCreditnote | Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send a credit note between businesses over EHF/PEPPOL.

        Args:
            body: an `EhfCreditnote`, which goes out under the key `Creditnote`; or the whole body as a mapping, sent as it is.
            options: options of the call.

        Never repeated when its outcome is unknown. `POST /send/ehf30/creditnote`. Evidence: docs; the body in part, the
        answer not at all.
        """
        return await self._post(ops.SEND_EHF_CREDITNOTE, body, options, kind=EhfCreditnote, key="Creditnote")

    async def ehf_invoice(self, body: EhfInvoice | Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send an invoice between businesses over EHF/PEPPOL. Unconfirmed: path and body are inferred from the credit note.

        Args:
            body: an `EhfInvoice`, which goes out under the key `Invoice`, a guess; or the whole body as a mapping, sent as it is.
            options: options of the call.

        Never repeated when its outcome is unknown. `POST /send/ehf30/invoice`. Evidence: inferred.
        """
        return await self._post(ops.SEND_EHF_INVOICE, body, options, kind=EhfInvoice, key="Invoice")

    async def letter(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send a consumer a letter, that is a document that is no invoice.

        Args:
            body: JSON object, sent as it is; none of its members is documented.
            options: options of the call.

        Never repeated when its outcome is unknown. `POST /send/letter`. Evidence: docs; body and answer not at all.
        """
        return await self._post(ops.SEND_LETTER, body, options)

    async def swedish_invoice(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send a consumer invoice in Sweden.

        Unconfirmed: the path is a guess after that of the Danish invoice; `/send/swedish/invoice` is another candidate.

        Args:
            body: JSON object, sent as it is; none of its members is documented.
            options: options of the call.

        Never repeated when its outcome is unknown. `POST /send/se/invoice`. Evidence: inferred.
        """
        return await self._post(ops.SEND_SWEDISH_INVOICE, body, options)

    async def danish_invoice(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Send a consumer invoice in Denmark.

        Args:
            body: JSON object, sent as it is; none of its members is documented.
            options: options of the call.

        Never repeated when its outcome is unknown. `POST /send/dk/invoice`. Evidence: docs; body and answer not at all.
        """
        return await self._post(ops.SEND_DANISH_INVOICE, body, options)

    async def status(self, identifier: str | None = None, *, options: RequestOptions | None = None) -> Any:
        """Ask how far an invoice has come. Unconfirmed: the path is a guess, and so are name and place of the parameter.

        Args:
            identifier: your own identifier of the invoice, as sent with it; goes as the query parameter `Identifier`. Others can
                be sent with `RequestOptions(query=...)`.
            options: options of the call.

        Safe to repeat. `GET /send/status`. Evidence: nav.
        """
        return (await self._calls.call(ops.SEND_STATUS, query={"Identifier": identifier}, options=options)).data

    async def status_by_identifier(self, body: str | Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Ask how far an invoice has come, by its identifier.

        Args:
            body: your own identifier of the invoice, which goes out as `{"Identifier": ...}`, a guess; or the whole body as a
                mapping, sent as it is.
            options: options of the call.

        Not repeated when its outcome is unknown, because it is a POST; asking again yourself should do no harm.
        `POST /send/pstatus`. Evidence: docs; body and answer not at all.
        """
        if isinstance(body, str):
            body = {"Identifier": body}
        return await self._post(ops.SEND_STATUS_BY_IDENTIFIER, body, options)


class Lookup(Resource):
    """Links at which invoices can be looked up. Unconfirmed."""

    __slots__ = ()

    async def invoice(self, *, options: RequestOptions | None = None) -> Any:
        """Get the link at which an invoice can be looked up. Unconfirmed: HTTP method, path, parameters and answer are guesses.

        Args:
            options: options of the call; `RequestOptions(query=...)` takes the parameters, none of which is known.

        Returns:
            The JSON of the answer as plain Python objects, or its text.

        Safe to repeat if it is a GET. `GET /lookup/invoice`. Evidence: nav.
        """
        return (await self._calls.call(ops.LOOKUP_INVOICE, options=options)).data


class Organizations(_Posting):
    """Companies that send. Unconfirmed."""

    __slots__ = ()

    async def create(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Register a company that sends. Unconfirmed: HTTP method, path, body and answer are guesses.

        Args:
            body: JSON object, sent as it is; none of its members is known.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Never repeated when its outcome is unknown. `POST /organization`. Evidence: nav.
        """
        return await self._post(ops.ORGANIZATIONS_CREATE, body, options)

    async def status(self, *, options: RequestOptions | None = None) -> Any:
        """Ask how far the registration of a company has come. Unconfirmed: HTTP method, path, parameters and answer are guesses.

        Args:
            options: options of the call; `RequestOptions(query=...)` takes the parameters, none of which is known.

        Returns:
            The JSON of the answer as plain Python objects.

        Safe to repeat if it is a GET. `GET /organization/status`. Evidence: nav.
        """
        return (await self._calls.call(ops.ORGANIZATIONS_STATUS, options=options)).data


class BankAgreements(_Posting):
    """Agreements with banks; only Swedish ones are known of."""

    __slots__ = ()

    async def register(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Register a Swedish bank agreement.

        Unconfirmed: the path is inferred from that of the status; body and answer are guesses.

        Args:
            body: JSON object, sent as it is; none of its members is known.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Never repeated when its outcome is unknown. `POST /bankagreement/swedish`. Evidence: inferred.
        """
        return await self._post(ops.BANK_AGREEMENTS_REGISTER, body, options)

    async def status(self, body: Mapping[str, Any], *, options: RequestOptions | None = None) -> Any:
        """Ask how far a Swedish bank agreement has come.

        Args:
            body: JSON object, sent as it is; none of its members is documented.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Not repeated when its outcome is unknown, because it is a POST; asking again yourself should do no harm.
        `POST /bankagreement/swedish/status`. Evidence: docs; body and answer not at all.
        """
        return await self._post(ops.BANK_AGREEMENTS_STATUS, body, options)


class Distribution(Resource):
    """The Distribution API: documents sent to their receivers.

    No base URL of it is public: set `Environment(distribution=...)` or `AMILI_DISTRIBUTION_URL`, or every call is a
    `ConfigError`. Calls carry a bearer token as those of the other APIs do, which is inferred.
    """

    __slots__ = ("bank_agreements", "lookup", "organizations", "send")

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.send = Send(calls)
        self.lookup = Lookup(calls)
        self.organizations = Organizations(calls)
        self.bank_agreements = BankAgreements(calls)
