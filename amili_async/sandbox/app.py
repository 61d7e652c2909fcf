"""The life of a request: count it, let faults strike, check its token, answer it, send the answer, note it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from amili_async.catalogue import operations
from amili_async.config import APIS
from amili_async.operation import PLACEHOLDER
from amili_async.sandbox.exchange import Answer, Call, Handler, Problem
from amili_async.sandbox.log import Log, Served
from amili_async.sandbox.strike import refusal, send, sent_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.operation import Operation
    from amili_async.sandbox.faults import Faults, Hit
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.tokens import Tokens

__all__ = ["MOUNTS", "Api"]

MOUNTS = {api: f"/{api}/v1" if api in {"collection", "arm"} else f"/{api}" for api in APIS}
"""Where the products are; the same places as in `Environment.local`."""

_WITH_PASSWORD = {"autocollect"}
"""Products that take user name and password beside a token."""

_OPEN = {"collection.status.ping"}
"""Answered without a token: its sibling "ping the server to check if authorized" suggests it."""


@dataclass(slots=True)
class _Visit:
    """A request on its way, for the log."""

    ordinal: int
    operation: str
    in_flight: int
    started: float
    hits: list[Hit] = field(default_factory=list)
    answer: Answer | None = None
    status: int = 0


class Api:
    """Serves the operations that there is a handler for, each at its method and path.

    Args:
        handlers: what answers an operation, by its name.
        tokens: what access tokens are checked with.
        faults: what may go wrong.
        log: where requests are noted.
        settings: of the sandbox.
    """

    def __init__(self, handlers: Mapping[str, Handler], tokens: Tokens, faults: Faults, log: Log, settings: Settings) -> None:
        self._handlers = handlers
        self._tokens = tokens
        self._faults = faults
        self._log = log
        self._settings = settings
        self._requests = 0
        self._in_flight = 0

    @property
    def operations(self) -> tuple[Operation[Any], ...]:
        """The operations that are served."""
        return tuple(it for it in operations() if it.name in self._handlers)

    def add_routes(self, app: web.Application) -> None:
        """Add a route for each operation, and one for every other path, which is noted too."""
        for operation in self.operations:
            path = MOUNTS[operation.api] + operation.path
            app.router.add_route(operation.method, path, partial(self._serve, operation))
        app.router.add_route("*", "/{path:.*}", partial(self._serve, None))

    async def _serve(self, operation: Operation[Any] | None, request: web.Request) -> web.StreamResponse:
        self._requests += 1
        self._in_flight += 1
        visit = _Visit(self._requests, operation.name if operation else "", self._in_flight, time.monotonic())
        try:
            answer = visit.answer = await self._answer(operation, request, visit)
            answer.headers["X-Amili-Request-Id"] = f"sandbox-{visit.ordinal}"
            traits = {"answered"} if operation and answer.status < 300 else set[str]()
            if "gzip" in request.headers.get("Accept-Encoding", "").lower():
                traits.add("takes gzip")
            hits = self._strike(visit, "send", traits)
            visit.status = sent_status(answer, hits)
            return await send(request, answer, hits)
        except ConnectionResetError:
            return web.Response()  # goes nowhere: the connection is cut
        finally:
            self._in_flight -= 1
            self._log.add(self._note(request, visit))

    async def _answer(self, operation: Operation[Any] | None, request: web.Request, visit: _Visit) -> Answer:
        """Return the answer to a request, or the refusal.

        Raises:
            ConnectionResetError: a fault has cut the connection.
        """
        if operation is None:
            return Problem(404, "not_found", "There is no such path.").answer
        try:
            if self._settings.latency:
                await asyncio.sleep(self._settings.latency)
            for hit in self._strike(visit, "before", _traits(operation, request)):
                if (refused := await refusal(hit, request)) is not None:
                    return refused
            claims = self._claims(operation, request)
            form = await request.post() if operation.body == "form" else {}
            body = await _body(request) if operation.method in {"POST", "PUT"} and operation.body != "form" else b""
            call = Call(
                operation=operation,
                values=tuple(request.match_info[name] for name in PLACEHOLDER.findall(operation.path)),
                query=request.query,
                form={name: value for name, value in form.items() if isinstance(value, str)},
                claims=claims,
                strike=partial(self._strike, visit),
                body=body,
                media_type=request.content_type.lower(),
                key=request.headers.get(self._settings.idempotency_header) or None,
                headers=request.headers,
            )
            return self._handlers[operation.name](call)
        except Problem as problem:
            return problem.answer

    def _claims(self, operation: Operation[Any], request: web.Request) -> dict[str, Any]:
        if not operation.authenticated or operation.name in _OPEN:
            return {}
        authorization = request.headers.get("Authorization")
        claims = self._tokens.claims(authorization)
        if claims is None and operation.api in _WITH_PASSWORD:
            claims = self._tokens.claims_of_password(authorization, self._settings.client_secret)
        if claims is None:
            raise Problem(401, "unauthorized", "The token is missing or not good.", {"WWW-Authenticate": "Bearer"})
        return claims

    def _strike(self, visit: _Visit, stage: str, traits: set[str]) -> list[Hit]:
        if not len(self._faults):
            return []
        hits = self._faults.draw(stage, visit.ordinal, visit.operation, traits)
        visit.hits += hits
        return hits

    def _note(self, request: web.Request, visit: _Visit) -> Served:
        answer = visit.answer or Answer(b"")
        return Served(
            ordinal=visit.ordinal,
            operation=visit.operation,
            method=request.method,
            path=request.path,
            query=tuple(request.query.items()),
            status=visit.status,
            faults=tuple(hit.kind for hit in visit.hits),
            rows=answer.rows,
            first_key=answer.first_key,
            last_key=answer.last_key,
            authorization="Authorization" in request.headers,
            started=visit.started,
            elapsed=time.monotonic() - visit.started,
            in_flight=visit.in_flight,
        )


def _traits(operation: Operation[Any], request: web.Request) -> set[str]:
    """Say what a request has of that which faults need."""
    traits = set[str]()
    if operation.authenticated:
        traits.add("authenticated")
    if operation.name == "identity.token":
        traits.add("token call")
    paging = operation.paging
    if paging and any(request.query.get(name) for name in (paging.token_param, paging.query_param) if name):
        traits.add("page token")
    return traits


async def _body(request: web.Request) -> bytes:
    """Return the body of a request.

    Raises:
        Problem: 413; it is larger than the server reads.
    """
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Problem(413, "too_large", "The body is too large.") from None
