"""What every product's methods stand on: a call and a list, over the session, with the client's default options."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from amili_async.answers import read_answer, read_open
from amili_async.config import RequestOptions
from amili_async.cursors import START, Position
from amili_async.errors import AmiliError, ConfigError
from amili_async.operation import Operation, Response
from amili_async.pagination import Pager
from amili_async.records import Record
from amili_async.session import AmiliSession
from amili_async.walker import Walker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.operation import Paging
    from amili_async.pages import Page
    from amili_async.pagination import OnInvalid

__all__ = ["Calls", "Resource", "in_language", "on_the_wire"]

T = TypeVar("T")


def on_the_wire(value: object) -> str:
    """Write the value of a query parameter: dates as ISO 8601, aware date-times in UTC, enums by their value."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise ConfigError(f"a query parameter cannot be a {type(value).__name__}")


def in_language(language: str | None, options: RequestOptions | None) -> RequestOptions | None:
    """Return options that also ask for texts in a language, if one is given."""
    if language is None:
        return options
    return RequestOptions(headers={"Accept-Language": language}).over(options or RequestOptions())


class Calls(Record, frozen=True):
    """Makes calls and lists for a client and all its methods."""

    session: AmiliSession
    defaults: RequestOptions

    def options(self, options: RequestOptions | None) -> RequestOptions:
        """Put a call's options over the client's defaults."""
        return self.defaults if options is None else options.over(self.defaults)

    async def call(
        self,
        operation: Operation[T],
        *values: object,
        body: object = None,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
        repeat: bool = True,
    ) -> Response[T]:
        """Make a call of an operation that is no list; `repeat=False`: never again when its outcome is unknown."""
        response: Response[Any] = await self.session.send(
            operation,
            values,
            query=_pairs(query or {}),
            body=body,
            options=self.options(options),
            repeat=repeat,
            read=lambda status, content: content if operation.response is None else read_answer(operation, status, content),
        )
        if operation.response is None:  # only the headers tell JSON from a file
            return msgspec.structs.replace(response, data=read_open(response.data, response.headers.get("content-type", "")))
        return response

    async def first_page(
        self,
        operation: Operation[Any],
        *values: object,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> Response[Page[Any]]:
        """Fetch the first page of a list, or that of a page token in the query, with the circumstances."""
        filters = dict(query or {})
        paging = cast("Paging", operation.paging)
        names = (paging.token_param, paging.size_param, paging.query_param, paging.query_param and paging.page_param)
        token, size, query_id, number = (filters.pop(name or "", None) for name in names)
        page_size = None if size is None else _whole(size, "the page size")
        pager: Pager[Any] = self.list(operation, *values, filters=filters, model=None, page_size=page_size, options=options)
        walker = Walker(pager, None)
        at = START if token is None else Position("token", str(token))
        if query_id is not None:
            at = Position("query", str(query_id), 1 if number is None else _whole(number, "the page"))
        elif number is not None:
            raise ConfigError(f"{paging.page_param} goes with {paging.query_param}, which names the result that a page is of")
        try:
            response = await pager.fetch(at, pager.read)
        except AmiliError as error:
            raise walker.failed(error, at) from None
        return Response(
            data=walker.accept(at, response.data),
            status=response.status,
            headers=response.headers,
            request_id=response.request_id,
            attempts=response.attempts,
            elapsed=response.elapsed,
        )

    def list(
        self,
        operation: Operation[Any],
        *values: object,
        filters: Mapping[str, object],
        model: type[T] | None,
        page_size: int | None = None,
        limit: int | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[T]:
        """Return a list that has not been fetched yet."""
        return Pager(
            session=self.session,
            operation=operation,
            values=values,
            filters=_pairs(filters),
            kind=model or operation.response or Any,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=self.options(options),
        )


def _pairs(query: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((name, on_the_wire(value)) for name, value in query.items() if value is not None)


def _whole(value: object, what: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise ConfigError(f"{what} must be a whole number")
    return int(str(value))


class Resource:
    """Base of what groups the methods of a product."""

    __slots__ = ("_calls",)

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
