"""Customers of an ARM client: read, created, changed and removed, one by one or in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from amili_async.arm import operations as ops
from amili_async.arm.requests import CustomerInput
from amili_async.arm.resource import ArmResource, bodies, body_of, with_user
from amili_async.errors import ConfigError
from amili_async.product import in_language

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import TypeVar

    from amili_async.arm.models import BatchReceipt, Customer, ItemResult
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    CustomerT = TypeVar("CustomerT", default=Customer)

__all__ = ["Customers"]


class Customers(ArmResource):
    """The customer register of an ARM client. The client number is the tenant: the company whose ledger it is, such as 2218."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        language: str | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[CustomerT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[CustomerT]:
        """List customers that match given criteria.

        The server keeps the result under a query id, and pages are numbered: `concurrent(n)` fetches several at once. When a kept
        query expires is not documented; the list then fails with `CursorExpired` and has to be started again.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name; each becomes a query parameter, its name in lower case. Which there are is not documented.
            language: language of texts in the answer (`Accept-Language`; inferred).
            maximum_count: rows that the whole result may have; the server's default and cap are 10,000. A result that reaches the
                number may lack rows: each page then has `cut_off` set, and it is reported once (`PageDrift` of kind `cut_off`, a
                warning in the log).
            page_size: customers per request, `Limits.page_size` if not given; the server takes at most 1,000, and 10 for less
                than 5.
            limit: customers in all, over all pages; the client stops there.
            model: Struct to decode each customer into, instead of `Customer`; fewer fields decode faster.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Returns:
            A `Pager`: await it for the first page, iterate it for every customer, in the server's order.

        Example:
            ```python
            async with amili.arm.customers.list(2218).concurrent(4) as pages:
                async for page in pages:
                    print(page.number, page.cut_off, len(page.items))
            ```

        Safe to repeat. `GET /clients/{clientno}/customers`, walked by page number. Evidence: docs.
        """
        return self._list(
            ops.CUSTOMERS_LIST,
            client_no,
            filters=filters,
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
        customer_no: str,
        *,
        expand: str | None = None,
        user_id: str | None = None,
        language: str | None = None,
        options: RequestOptions | None = None,
    ) -> Customer:
        """Get one customer by customer number.

        Args:
            client_no: number of the ARM client.
            customer_no: number of the customer.
            expand: asks for more detail; values are not documented (inferred).
            user_id: end user on whose behalf the call is made (inferred).
            language: language of texts in the answer (inferred).
            options: options of the call.

        Returns:
            The customer; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such customer.

        Safe to repeat. `GET /clients/{clientno}/customers/{customerno}`. Evidence: docs.
        """
        query = {"expand": expand, "userid": user_id}
        options = in_language(language, options)
        return (await self._calls.call(ops.CUSTOMERS_GET, client_no, customer_no, query=query, options=options)).data

    async def create(
        self,
        client_no: int,
        customer: CustomerInput | Mapping[str, Any],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> ItemResult:
        """Create one customer at once, or change it as `update` does if there is one already.

        Args:
            client_no: number of the ARM client.
            customer: the customer; a mapping with wire names is sent as it is.
            user_id: end user behind the write. The customer then goes out as `{"metadata": {"userId": ...}, "customer": ...}`,
                and bare without one; which of the two ARM expects is not documented.
            options: options of the call.

        Returns:
            What the server says, with warnings (`result.warned`). Without members if it answered without a body.

        Raises:
            WriteFailed: it was answered with a success whose result is FAILED; `result` on the error has the reasons.
            Unprocessable: it was refused (`WriteFailed` is one, too).

        Repeated by the client when its outcome is unknown: it is documented that a repeat makes no second customer.
        `POST /clients/{clientno}/customers`. Evidence: docs.
        """
        body = _wrapped(body_of(customer, CustomerInput), user_id)
        return await self._write(ops.CUSTOMERS_CREATE, client_no, body=body, options=options)

    async def update(
        self,
        client_no: int,
        customer: CustomerInput | Mapping[str, Any],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> ItemResult:
        """Change one customer at once.

        What is not sent, or sent as null (None), keeps its value; `""` blanks it; the postal address is replaced whole as soon as
        one of its members is sent. The customer is identified by `customer_no` or `account_no` in the body.

        Arguments, result and errors are those of `create`.

        Raises:
            ConfigError: nothing in the body can tell which customer is meant.

        Repeated by the client when its outcome is unknown: the same values are written again.
        `PUT /clients/{clientno}/customers`. Evidence: docs.
        """
        body = _wrapped(_identified(body_of(customer, CustomerInput)), user_id)
        return await self._write(ops.CUSTOMERS_UPDATE, client_no, body=body, options=options)

    async def delete(
        self, client_no: int, customer_no: str, *, user_id: str | None = None, options: RequestOptions | None = None
    ) -> ItemResult:
        """Remove a customer that has no documents and no AR items.

        Args:
            client_no: number of the ARM client.
            customer_no: number of the customer.
            user_id: end user behind the call (inferred).
            options: options of the call.

        Returns:
            What the server says. Without members if it answered without a body.

        Raises:
            NotFound: there is no such customer. If the client had to repeat the call (`attempts` on the error is above 1), an
                earlier try may have removed it: gone it is either way.
            Unprocessable: it still has documents or AR items.
            WriteFailed: it was answered with a success whose result is FAILED.

        Repeated by the client when its outcome is unknown. `DELETE /clients/{clientno}/customers/{customerno}`. Evidence: docs.
        """
        query = {"userid": user_id}
        return await self._write(ops.CUSTOMERS_DELETE, client_no, customer_no, query=query, options=options)

    async def create_batch(
        self,
        client_no: int,
        customers: Iterable[CustomerInput | Mapping[str, Any]],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> BatchReceipt:
        """Hand in many customers for creation. Unconfirmed: the path is inferred from the batch of changes.

        Args:
            client_no: number of the ARM client.
            customers: what to hand in, in one request; how many are allowed is not documented.
            user_id: end user behind the write.
            options: options of the call.

        Returns:
            The receipt; `batches.wait(client_no, receipt.batch_uuid)` tells what became of each. If `batch_uuid` is None, look at
            `receipt.extra`: how the server names it is inferred.

        Raises:
            ConfigError: there is nothing to hand in, or an item cannot be.

        Never repeated when its outcome is unknown. `POST /clients/{clientno}/customers/batches`. Evidence: inferred.
        """
        body = with_user({"customers": bodies(customers, CustomerInput)}, user_id)
        return await self._hand_in(ops.CUSTOMERS_CREATE_BATCH, client_no, body, options)

    async def update_batch(
        self,
        client_no: int,
        customers: Iterable[CustomerInput | Mapping[str, Any]],
        *,
        user_id: str | None = None,
        options: RequestOptions | None = None,
    ) -> BatchReceipt:
        """Hand in changes to many customers, each under the rules of `update`.

        Arguments, result and errors are those of `create_batch`.

        Repeated by the client when its outcome is unknown: a second batch then writes the same values again.
        `PUT /clients/{clientno}/customers/batches`. Evidence: docs.
        """
        rows = [_identified(row, f"item {index}: ") for index, row in enumerate(bodies(customers, CustomerInput))]
        body = with_user({"customers": rows}, user_id)
        return await self._hand_in(ops.CUSTOMERS_UPDATE_BATCH, client_no, body, options)


def _wrapped(customer: dict[str, Any], user_id: str | None) -> dict[str, Any]:
    return customer if user_id is None else with_user({"customer": customer}, user_id)


_FIELDS = frozenset(CustomerInput.__struct_encode_fields__)
_IDS = ("customerNo", "accountNo")
"""The members that identify a customer in the items of a batch."""


def _identified(body: dict[str, Any], which: str = "") -> dict[str, Any]:
    """Return a change that says which customer is meant; a member that is not known here may do that, too."""
    customer = body["customer"] if isinstance(body.get("customer"), Mapping) else body
    if all(customer.get(name) in (None, "") for name in _IDS) and customer.keys() <= _FIELDS:
        raise ConfigError(f"{which}a change needs customer_no or account_no: they tell which customer is meant")
    return body
