"""ARM, the accounts receivable API. Its methods, by what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.arm import operations as ops
from amili_async.arm.batches import Batches
from amili_async.arm.customers import Customers
from amili_async.arm.documents import DocumentBundles, Documents
from amili_async.arm.files import Files
from amili_async.arm.general_ledger import GlItems, GlMovements, Insights, LogItems
from amili_async.arm.ledger import ArItems, AutoPostings, PaymentReservations
from amili_async.arm.resource import ArmResource, criteria, with_user
from amili_async.bodies import accepted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.arm.models import OperationResult
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager
    from amili_async.product import Calls

__all__ = [
    "Actions",
    "ArItems",
    "Arm",
    "AutoPostings",
    "Batches",
    "ClientConfigs",
    "Codes",
    "Customers",
    "DocumentBundles",
    "Documents",
    "Files",
    "GlItems",
    "GlMovements",
    "Insights",
    "LogItems",
    "PaymentReservations",
    "Status",
]


class Actions(ArmResource):
    """Things that ARM is asked to carry out. Unconfirmed: of both only the titles are documented."""

    __slots__ = ()

    async def create(
        self, client_no: int, action: Mapping[str, Any], *, user_id: str | None = None, options: RequestOptions | None = None
    ) -> OperationResult:
        """Start an action. Unconfirmed: path, body and answer are guesses.

        Args:
            client_no: number of the ARM client.
            action: the body, sent as it is.
            user_id: end user behind it, sent as `metadata` in the body.
            options: options of the call.

        Raises:
            ConfigError: the action is no mapping.
            WriteFailed: it was answered with a success whose result is FAILED.

        Never repeated when its outcome is unknown. `POST /clients/{clientno}/actions`. Evidence: nav.
        """
        return await self._write(ops.ACTIONS_CREATE, client_no, body=with_user(accepted(action), user_id), options=options)

    async def create_report(
        self, client_no: int, report: Mapping[str, Any], *, user_id: str | None = None, options: RequestOptions | None = None
    ) -> OperationResult:
        """Generate a report. Unconfirmed: path, body and answer are guesses. Arguments and errors are those of `create`.

        Never repeated when its outcome is unknown. `POST /clients/{clientno}/actions/reports`. Evidence: nav.
        """
        return await self._write(ops.ACTIONS_CREATE_REPORT, client_no, body=with_user(accepted(report), user_id), options=options)


class ClientConfigs(ArmResource):
    """Settings of an ARM client. Unconfirmed: both paths and shapes are guesses."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[Any] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[Any]:
        """List configuration values of the client. Unconfirmed: the path and the paging are guesses.

        Arguments are those of `customers.list`; the default and cap of `maximum_count` are not known.

        Returns:
            A `Pager` of values as they came, as plain Python objects, because no member is documented.

        Safe to repeat. `GET /clients/{clientno}/clientconfigs`, walked by page number. Evidence: nav.
        """
        return self._list(
            ops.CLIENT_CONFIGS_LIST,
            client_no,
            filters=filters,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(self, client_no: int, client_config_key: str, *, options: RequestOptions | None = None) -> Any:
        """Get the values held under one configuration key. Unconfirmed: path and shape are guesses.

        Args:
            client_no: number of the ARM client.
            client_config_key: the key.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Raises:
            NotFound: there is no such key.

        Safe to repeat. `GET /clients/{clientno}/clientconfigs/{clientconfigkey}`. Evidence: nav.
        """
        return (await self._calls.call(ops.CLIENT_CONFIGS_GET, client_no, client_config_key, options=options)).data


class Codes(ArmResource):
    """Code lists of the ARM system. Unconfirmed."""

    __slots__ = ()

    async def list(self, client_no: int, *, filters: Filters | None = None, options: RequestOptions | None = None) -> Any:
        """Get code values of the ARM system. Unconfirmed: path and shape are guesses.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name, as in `customers.list`.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, envelope included.

        Safe to repeat. `GET /clients/{clientno}/codes`. Evidence: nav.
        """
        return (await self._calls.call(ops.CODES_LIST, client_no, query=criteria(filters), options=options)).data


class Status(ArmResource):
    """How the service is. Unconfirmed."""

    __slots__ = ()

    async def health(self, *, options: RequestOptions | None = None) -> Any:
        """Ask for the health of ARM, without a token. Unconfirmed: HTTP method and path are guesses.

        Args:
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, or its text.

        Safe to repeat if it is a GET. `GET /health`. Evidence: nav.
        """
        return (await self._calls.call(ops.STATUS_HEALTH, options=options)).data


class Arm(ArmResource):
    """ARM, the accounts receivable API. Its tenant is a client number, an integer such as 2218.

    Lists are results that the server keeps under a query id, in numbered pages: they can be read by `concurrent(n)`. All writes
    take a Struct of `amili_async.arm.requests` or a mapping with wire names. A write of one thing whose answer says FAILED raises
    `WriteFailed`, whatever the HTTP status; one of many things tells the outcome per item.
    """

    __slots__ = (
        "actions",
        "ar_items",
        "auto_postings",
        "batches",
        "client_configs",
        "codes",
        "customers",
        "document_bundles",
        "documents",
        "files",
        "gl_items",
        "gl_movements",
        "insights",
        "log_items",
        "payment_reservations",
        "status",
    )

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls)
        self.actions = Actions(calls)
        self.ar_items = ArItems(calls)
        self.auto_postings = AutoPostings(calls)
        self.batches = Batches(calls)
        self.client_configs = ClientConfigs(calls)
        self.codes = Codes(calls)
        self.customers = Customers(calls)
        self.document_bundles = DocumentBundles(calls)
        self.documents = Documents(calls)
        self.files = Files(calls)
        self.gl_items = GlItems(calls)
        self.gl_movements = GlMovements(calls)
        self.insights = Insights(calls)
        self.log_items = LogItems(calls)
        self.payment_reservations = PaymentReservations(calls)
        self.status = Status(calls)
