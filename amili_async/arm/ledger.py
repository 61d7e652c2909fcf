"""The receivables ledger of an ARM client: its items, postings to it, and payments that are announced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from amili_async.arm import operations as ops
from amili_async.arm.models import AutoPostingResponse
from amili_async.arm.requests import AutoPosting, PaymentReservationRequest
from amili_async.arm.resource import ArmResource, bodies, body_of, with_user
from amili_async.errors import ConfigError
from amili_async.product import in_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import TypeVar

    from amili_async.arm.models import ArItem, OpaqueId, OperationResult, PaymentReservationResult
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    ArItemT = TypeVar("ArItemT", default=ArItem)

__all__ = ["ArItems", "AutoPostings", "PaymentReservations"]


class ArItems(ArmResource):
    """Items of the receivables ledger."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        expand: str | None = None,
        user_id: str | None = None,
        language: str | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[ArItemT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[ArItemT]:
        """List AR items that match given criteria.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name, as in `customers.list`.
            expand: asks for more detail; values are not documented (inferred).
            user_id: end user on whose behalf the call is made (inferred).
            language: language of texts in the answer (inferred).
            maximum_count: rows that the whole result may have, as in `customers.list`: one that is cut off is reported.
            page_size: items per request; the server takes at most 1,000.
            limit: items in all, over all pages.
            model: Struct to decode each item into, instead of `ArItem`.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Returns:
            A `Pager`; all that is not documented of an item is in its `extra`.

        Safe to repeat. `GET /clients/{clientno}/aritems`, walked by page number. Evidence: docs.
        """
        return self._list(
            ops.AR_ITEMS_LIST,
            client_no,
            filters=filters,
            expand=expand,
            user_id=user_id,
            language=language,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(
        self,
        client_no: int,
        ar_item_id: OpaqueId,
        *,
        expand: str | None = None,
        user_id: str | None = None,
        language: str | None = None,
        options: RequestOptions | None = None,
    ) -> ArItem:
        """Get one AR item by its id.

        Args:
            client_no: number of the ARM client.
            ar_item_id: id of the item, as it came.
            expand: asks for more detail and changes the shape of the answer; values are not documented.
            user_id: end user on whose behalf the call is made.
            language: language of texts in the answer (inferred).
            options: options of the call.

        Returns:
            The item; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such item.

        Safe to repeat. `GET /clients/{clientno}/aritems/{aritemid}`. Evidence: docs.
        """
        query = {"expand": expand, "userid": user_id}
        options = in_language(language, options)
        return (await self._calls.call(ops.AR_ITEMS_GET, client_no, ar_item_id, query=query, options=options)).data

    async def update(
        self, client_no: int, item: Mapping[str, Any], *, user_id: str | None = None, options: RequestOptions | None = None
    ) -> OperationResult:
        """Change details of an AR item, or credit an invoice or interest note.

        Args:
            client_no: number of the ARM client.
            item: the change with wire names, sent as it is. It has to say which item is meant, in all likelihood as `arItemId`;
                what can be changed, and how a credit note is asked for, is not documented.
            user_id: end user behind the write, sent as `metadata` beside the change (inferred).
            options: options of the call.

        Raises:
            WriteFailed: it was answered with a success whose result is FAILED.

        Never repeated when its outcome is unknown, though it is a PUT: a repeat may make a second credit note.
        `PUT /clients/{clientno}/aritems`. Evidence: docs.
        """
        return await self._write(ops.AR_ITEMS_UPDATE, client_no, body=with_user(body_of(item), user_id), options=options)


class AutoPostings(ArmResource):
    """Rule-driven entries in the ledgers."""

    __slots__ = ()

    async def create(
        self,
        client_no: int,
        method: str,
        postings: Iterable[AutoPosting | Mapping[str, Any]],
        *,
        validate_only: bool = False,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> AutoPostingResponse:
        """Book one or more events as sets of debit and credit entries: all of them, or none.

        Args:
            client_no: number of the ARM client.
            method: kind of posting; which there are is not documented.
            postings: events to book; what describes one is not documented, mappings are sent as they are.
            validate_only: have the set checked and nothing booked. Goes out as `validateOnly` on every posting; that one on any
                posting holds for the whole set is documented, its exact place is not.
            user_id: end user behind the write (inferred).
            options: options of the call.

        Returns:
            What became of the set. One posting that fails refuses all: `booked` is False then, `failed` has those that are to
            blame and `rejected` those that are valid and were refused with them (BATCH-REJECTED). `booked` is None if the answer
            does not tell.

        Raises:
            ConfigError: there is nothing to book.
            Unprocessable: the set was refused by HTTP status; the `body` of the error has what the server says.

        Never repeated when its outcome is unknown: a repeat books the entries a second time.
        `POST /clients/{clientno}/autopostings/{autopostingmethod}`. Evidence: docs; bodies are inferred.
        """
        rows = bodies(postings, AutoPosting)
        if validate_only:
            rows = [{**row, "validateOnly": True} for row in rows]
        body = with_user({"autoPostings": rows}, user_id)
        found = (await self._calls.call(ops.AUTO_POSTINGS_CREATE, client_no, method, body=body, options=options)).data
        return replace(found or AutoPostingResponse(), validate_only=any(row.get("validateOnly") for row in rows))


class PaymentReservations(ArmResource):
    """Announced payments that are not booked yet."""

    __slots__ = ()

    async def create(
        self,
        client_no: int,
        reservation: PaymentReservationRequest | Mapping[str, Any],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> PaymentReservationResult:
        """Reserve a payment for a document or a customer.

        Args:
            client_no: number of the ARM client.
            reservation: what to reserve, with a `payment_id` of your own that is unique.
            user_id: end user behind the write (inferred).
            options: options of the call.

        Raises:
            ConfigError: `payment_id` is missing, or nothing identifies a document or a customer.
            WriteFailed: it was answered with a success whose result is FAILED.

        Never repeated when its outcome is unknown. If you repeat it, use the same `payment_id`: with a new one the payment may be
        reserved twice. `POST /clients/{clientno}/paymentreservations`. Evidence: docs; members in part.
        """
        body = body_of(reservation, PaymentReservationRequest)
        if body.get("paymentId") in (None, ""):
            raise ConfigError("a payment reservation needs a payment_id that is unique")
        if all(body.get(name) in (None, "") for name in _IDENTIFIERS):
            raise ConfigError(f"a payment reservation needs one of {', '.join(_IDENTIFIERS)}: they tell what it is for")
        return await self._write(ops.PAYMENT_RESERVATIONS_CREATE, client_no, body=with_user(body, user_id), options=options)


_IDENTIFIERS = ("arItemId", "documentNo", "documentUuid", "referenceNo", "kid", "accountNo", "customerNo")
