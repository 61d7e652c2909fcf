"""What the methods of ARM share: how lists are asked for, how bodies are put together, and what a failed write raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from amili_async.arm.models import BatchReceipt, OperationResult
from amili_async.bodies import Part, accepted
from amili_async.config import whole
from amili_async.errors import ConfigError, WriteFailed
from amili_async.product import Resource, in_language

if TYPE_CHECKING:
    from amili_async.config import RequestOptions
    from amili_async.operation import Operation
    from amili_async.pagination import OnInvalid, Pager

__all__ = ["ArmResource", "Filters", "bodies", "body_of", "criteria", "with_user"]

R = TypeVar("R", bound=OperationResult)

Filters = Mapping[str, Any]
"""Criteria by name: each becomes a query parameter, its name in lower case. Which there are is not documented."""

OWN = frozenset({"maximumcount", "pagesize", "query", "pageno", "expand", "userid"})
"""Parameters that are no criteria: they have keywords of their own, or are the walk's."""


def criteria(filters: Filters | None) -> dict[str, Any]:
    """Return criteria as query parameters.

    Raises:
        ConfigError: a name is that of a parameter with another meaning, or comes twice.
    """
    found: dict[str, Any] = {}
    for name, value in (filters or {}).items():
        wire = name.lower()
        if wire in OWN or wire in found:
            raise ConfigError(f"filters: {name!r} comes twice, or is no criterion but has a keyword of its own")
        found[wire] = value
    return found


def body_of(given: object, kind: type[Part] | None = None) -> dict[str, Any]:
    """Return the members of what is handed in: a Struct, if there is one for it, or a mapping with wire names.

    Raises:
        ConfigError: it is neither, a value is not of its kind, or there is nothing in it.
    """
    taken = accepted(given, kind)
    members = taken.body() if isinstance(taken, Part) else dict(taken)
    if not members:
        raise ConfigError("there is nothing to hand in")
    return members


def bodies(given: object, kind: type[Part] | None = None) -> list[dict[str, Any]]:
    """Return the members of several things that are handed in together.

    Raises:
        ConfigError: there are none, or one of them cannot be handed in; the text says which, counted from 0.
    """
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        raise ConfigError("what is handed in must be several, such as a list")
    found: list[dict[str, Any]] = []
    for index, one in enumerate(given):
        try:
            found.append(body_of(one, kind))
        except ConfigError as error:
            problem = f"item {index}: {error.message}"
            break
    else:
        if found:
            return found
        problem = "there is nothing to hand in"
    raise ConfigError(problem)


def with_user(body: Mapping[str, Any], user_id: str | None) -> dict[str, Any]:
    """Return a body that names the end user in its metadata, if there is one to name."""
    if user_id is None:
        return dict(body)
    metadata = body.get("metadata")
    return {**body, "metadata": {**(metadata if isinstance(metadata, Mapping) else {}), "userId": user_id}}


class ArmResource(Resource):
    """Base of what groups the methods of ARM."""

    __slots__ = ()

    def _list(
        self,
        operation: Operation[Any],
        client_no: int,
        *,
        filters: Filters | None,
        expand: str | None = None,
        user_id: str | None = None,
        language: str | None = None,
        maximum_count: int | None,
        page_size: int | None,
        limit: int | None,
        model: type[Any] | None,
        on_invalid: OnInvalid,
        options: RequestOptions | None,
    ) -> Pager[Any]:
        """Return a list; its arguments are those of `Customers.list` and `ArItems.list`."""
        if maximum_count is not None:
            whole(maximum_count, "maximum_count")
        return self._calls.list(
            operation,
            client_no,
            filters={**criteria(filters), "expand": expand, "userid": user_id, "maximumcount": maximum_count},
            model=model,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=in_language(language, options),
        )

    async def _write(
        self,
        operation: Operation[R],
        *values: object,
        body: object = None,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None,
    ) -> R:
        """Make a write of one thing.

        Raises:
            WriteFailed: the answer is a success that says that the write failed.
        """
        response = await self._calls.call(operation, *values, body=body, query=query, options=options)
        result = response.data or cast("type[R]", operation.response)()  # an answer may have no body
        if result.failed:
            fields = [it.field for it in result.errors or () if it.field and re.fullmatch(r"[A-Za-z][\w.\[\]]{0,63}", it.field)]
            raise WriteFailed(
                "the answer is a success, but its result says that the write failed"
                + (f" (fields: {', '.join(dict.fromkeys(fields))})" if fields else ""),
                result=result,
                status=response.status,
                headers=response.headers,
                request_id=response.request_id,
                method=operation.method,
                path=operation.path,
                attempts=response.attempts,
            )
        return result

    async def _hand_in(
        self, operation: Operation[BatchReceipt], client_no: int, body: Mapping[str, Any], options: RequestOptions | None
    ) -> BatchReceipt:
        """Hand in a batch; an answer without a body is a receipt without members."""
        return (await self._calls.call(operation, client_no, body=body, options=options)).data or BatchReceipt()
