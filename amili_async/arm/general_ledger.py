"""The general ledger of an ARM client: items, movements, what was logged, and what is reckoned from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.arm import operations as ops
from amili_async.arm.resource import ArmResource, criteria
from amili_async.product import in_language

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from amili_async.arm.models import GlItem, GlMovement, LogItem, OpaqueId
    from amili_async.arm.resource import Filters
    from amili_async.config import RequestOptions
    from amili_async.pagination import OnInvalid, Pager

    GlItemT = TypeVar("GlItemT", default=GlItem)
    GlMovementT = TypeVar("GlMovementT", default=GlMovement)
    LogItemT = TypeVar("LogItemT", default=LogItem)

__all__ = ["GlItems", "GlMovements", "Insights", "LogItems"]


class GlItems(ArmResource):
    """Postings of the general ledger."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[GlItemT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[GlItemT]:
        """List GL items that match given criteria.

        Arguments and result are those of `customers.list`. What is not documented of an item is in its `extra`.

        Safe to repeat. `GET /clients/{clientno}/glitems`, walked by page number. Evidence: docs.
        """
        return self._list(
            ops.GL_ITEMS_LIST,
            client_no,
            filters=filters,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(
        self, client_no: int, gl_item_id: OpaqueId, *, language: str | None = None, options: RequestOptions | None = None
    ) -> GlItem:
        """Get one GL item.

        Args:
            client_no: number of the ARM client.
            gl_item_id: id of the item, as it came.
            language: language of texts in the answer.
            options: options of the call.

        Returns:
            The item; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such item.

        Safe to repeat. `GET /clients/{clientno}/glitems/{glitemid}`. Evidence: docs.
        """
        options = in_language(language, options)
        return (await self._calls.call(ops.GL_ITEMS_GET, client_no, gl_item_id, options=options)).data


class GlMovements(ArmResource):
    """Movements and balances of the general ledger. Unconfirmed: both paths are guesses."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[GlMovementT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[GlMovementT]:
        """List movements and balances. Unconfirmed: the path and the paging are guesses.

        Arguments and result are those of `customers.list`; the default and cap of `maximum_count` are not known.

        Safe to repeat. `GET /clients/{clientno}/glmovements`, walked by page number. Evidence: nav.
        """
        return self._list(
            ops.GL_MOVEMENTS_LIST,
            client_no,
            filters=filters,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def latest(
        self, client_no: int, *, filters: Filters | None = None, options: RequestOptions | None = None
    ) -> GlMovement:
        """Get movement and balance of the latest closed year and period. Unconfirmed: the path is a weak guess.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name, as in `customers.list`.
            options: options of the call.

        Returns:
            The movement; what has no field is in its `extra`.

        Safe to repeat. `GET /clients/{clientno}/glmovements/latest`. Evidence: nav.
        """
        query = criteria(filters)
        return (await self._calls.call(ops.GL_MOVEMENTS_LATEST, client_no, query=query, options=options)).data


class LogItems(ArmResource):
    """Log entries. Unconfirmed: both paths are guesses."""

    __slots__ = ()

    def list(
        self,
        client_no: int,
        *,
        filters: Filters | None = None,
        maximum_count: int | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        model: type[LogItemT] | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[LogItemT]:
        """List log items. Unconfirmed: the path and the paging are guesses.

        Arguments and result are those of `customers.list`; the default and cap of `maximum_count` are not known.

        Safe to repeat. `GET /clients/{clientno}/logitems`, walked by page number. Evidence: nav.
        """
        return self._list(
            ops.LOG_ITEMS_LIST,
            client_no,
            filters=filters,
            maximum_count=maximum_count,
            page_size=page_size,
            limit=limit,
            model=model,
            on_invalid=on_invalid,
            options=options,
        )

    async def get(self, client_no: int, log_item_id: OpaqueId, *, options: RequestOptions | None = None) -> LogItem:
        """Get one log item. Unconfirmed: the path is a guess.

        Args:
            client_no: number of the ARM client.
            log_item_id: id of the item, as it came.
            options: options of the call.

        Returns:
            The item; what has no field is in its `extra`.

        Raises:
            NotFound: there is no such item.

        Safe to repeat. `GET /clients/{clientno}/logitems/{logitemid}`. Evidence: nav.
        """
        return (await self._calls.call(ops.LOG_ITEMS_GET, client_no, log_item_id, options=options)).data


class Insights(ArmResource):
    """Aggregates over the ledgers. Unconfirmed."""

    __slots__ = ()

    async def adb_intervals(
        self, client_no: int, *, filters: Filters | None = None, options: RequestOptions | None = None
    ) -> Any:
        """List the intervals of the age distributed balance. Unconfirmed: path and shape are guesses.

        Args:
            client_no: number of the ARM client.
            filters: criteria by name, as in `customers.list`.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects, envelope included, because its shape is not documented.

        Safe to repeat. `GET /clients/{clientno}/insights/adbintervals`. Evidence: nav.
        """
        query = criteria(filters)
        return (await self._calls.call(ops.INSIGHTS_ADB_INTERVALS, client_no, query=query, options=options)).data
