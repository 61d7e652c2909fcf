"""The AutoCollect legacy API. Its methods, by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.autocollect import operations as ops
from amili_async.autocollect.increments import Increments
from amili_async.bodies import accepted
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from amili_async.autocollect.models import Batch, BatchStatus
    from amili_async.config import RequestOptions

__all__ = ["Attachments", "AutoCollect", "Batches", "Status"]


class Batches(Resource):
    """The exchange of batch documents: one document holds creditors, cases and settlements, and one hands work over."""

    __slots__ = ()

    async def get(
        self,
        *,
        sender_id: str | None = None,
        creditor_id: str | None = None,
        customer_ref: str | None = None,
        ledger_ref: str | None = None,
        include_closed: bool | None = None,
        last_settlement_id: str | None = None,
        remittance_date: date | str | None = None,
        language_code: str | None = None,
        options: RequestOptions | None = None,
    ) -> Batch:
        """Fetch creditors, cases and settlements as one document.

        None of the parameters is known to be required; on the wire their names have no underscores.

        Args:
            sender_id: identifier of the sending system or party.
            creditor_id: only this creditor.
            customer_ref: only this customer of the creditor.
            ledger_ref: only this entry of the creditor's ledger.
            include_closed: whether closed cases come too; the default of the server is not known.
            last_settlement_id: only settlements behind this one, the last that was received; `settlements` does this by itself.
            remittance_date: only settlements paid out on, or since, this day.
            language_code: language of texts in the answer; values are not documented.
            options: options of the call.

        Returns:
            The whole document. Its cases and settlements are of the older or the newer shape, row by row: `LegacyCase` or `Case`,
            `LegacySettlement` or `Settlement`. There are no pages: mind `Limits.response_bytes`.

        Raises:
            ConfigError: the base URL is not set; no host is public.
            DecodeError: a row is not of its shape; `index` and `item_id` name it.

        Safe to repeat. `GET /webapi/api/Batch`. Evidence: seed.
        """
        query = {
            "senderid": sender_id,
            "creditorid": creditor_id,
            "customerref": customer_ref,
            "ledgerref": ledger_ref,
            "includeclosed": include_closed,
            "lastsettlementid": last_settlement_id,
            "remittancedate": remittance_date,
            "languagecode": language_code,
        }
        return (await self._calls.call(ops.BATCH_GET, query=query, options=options)).data

    def settlements(
        self,
        *,
        sender_id: str | None = None,
        creditor_id: str | None = None,
        after: str | None = None,
        remittance_date: date | str | None = None,
        options: RequestOptions | None = None,
    ) -> Increments:
        """Read the settlements of one creditor, each exactly once, from the start or behind the last one of an earlier run.

        ```python
        async for increment in amili.autocollect.batch.settlements(creditor_id="987654321", after=saved).pages():
            await store(increment.items); saved = increment.after    # in one transaction: then nothing is lost or doubled
        ```

        Args:
            sender_id: identifier of the sending system or party.
            creditor_id: only this creditor: needed as soon as an answer holds several.
            after: `increment.after` of an earlier run with the same filters; None: from the start.
            remittance_date: only settlements paid out on, or since, this day.
            options: options of each request.

        Returns:
            `Increments`: iterate it for every settlement, in the server's order; or its `pages()`, which tell where to go on from
            and hold the whole document. The last answer, which has nothing new, is not handed out.

        Raises, when it is iterated:
            PaginationError: an answer holds several creditors, each with a position of its own; nothing of it was handed out.
            PageLoop: the server keeps sending new settlements without moving on.
            DecodeError: a row is not of its shape.

        Within one run no settlement comes twice, whatever the server repeats. In a later run those come again that lie behind the
        `after` it was given; and the one at `after`, if it has the older shape, whose id is not known, and the server sends it.

        Safe to repeat. `GET /webapi/api/Batch` with `lastsettlementid`. Evidence: seed; that only newer settlements come is
        documented by a system that uses it, the rest is not: see `amili_async.autocollect.increments`.
        """
        query = {"senderid": sender_id, "creditorid": creditor_id, "remittancedate": remittance_date}
        return Increments(self._calls, query, after, options)

    async def submit(
        self, document: Mapping[str, Any], *, sender_id: str | None = None, options: RequestOptions | None = None
    ) -> BatchStatus:
        """Send a batch document: new creditors, invoices, payments and credits, change requests, messages.

        Args:
            document: the document with the names of the wire, which are not documented; sent unchanged, order and digits kept.
            sender_id: identifier of the sending system or party.
            options: options of the call.

        Returns:
            The outcome, item by item. **Items may be refused inside a success**: look at `ok`, or call `raise_for_errors()`.

        Raises:
            ConfigError: the document is no mapping, or cannot be written as JSON; nothing was sent.
            OutcomeUnknownError: the answer was lost; the document may have been taken over.
            DecodeError: the answer of a success cannot be read; the document was presumably taken over.

        Never repeated when its outcome is unknown, with an idempotency key either: whether a repeat is recognised is not known.
        `POST /webapi/api/Batch`, as `application/json-patch+json`. Evidence: docs; shape of the outcome: inferred.
        """
        query = {"senderid": sender_id}
        return (await self._calls.call(ops.BATCH_SUBMIT, query=query, body=accepted(document), options=options)).data


class Attachments(Resource):
    """Files that belong to messages or cases. Unconfirmed."""

    __slots__ = ()

    async def get(
        self, attachment_id: str | None = None, *, sender_id: str | None = None, options: RequestOptions | None = None
    ) -> Any:
        """Fetch an attachment. Unconfirmed: only the path is known; the HTTP method (GET) and both parameters are guesses.

        Args:
            attachment_id: presumably the `attachmentid` of an entry of a case's history.
            sender_id: identifier of the sending system or party.
            options: options of the call.

        Returns:
            The file as bytes; or, if the answer is JSON, that as plain Python objects.

        Safe to repeat if it is a GET. `GET /webapi/api/Attachment`. Evidence: nav.
        """
        query = {"senderid": sender_id, "attachmentid": attachment_id}
        answer = (await self._calls.call(ops.ATTACHMENTS_GET, query=query, options=options)).data
        return answer.encode() if isinstance(answer, str) else answer


class Status(Resource):
    """Whether the server is there. Unconfirmed."""

    __slots__ = ()

    async def ping(self, *, options: RequestOptions | None = None) -> Any:
        """Check that the server answers. Unconfirmed: the HTTP method (GET) is a guess.

        Whether credentials are needed is not known; they are sent.

        Returns:
            The JSON of the answer as plain Python objects, or its text.

        Safe to repeat if it is a GET. `GET /webapi/api/Ping`. Evidence: nav.
        """
        return (await self._calls.call(ops.STATUS_PING, options=options)).data


class AutoCollect(Resource):
    """The AutoCollect legacy API. No host is public: set `AMILI_AUTOCOLLECT_URL`, or `Environment(autocollect=...)`.

    Its older documentation asks for user name and password, the newer for a token. Both are served:
    `AmiliClient(credentials, api_credentials={"autocollect": BasicCredentials("user", "password")})`.
    """

    __slots__ = ("attachments", "batch", "status")

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.batch = Batches(calls)
        self.attachments = Attachments(calls)
        self.status = Status(calls)
