"""The life of a call, from top to bottom: deadline -> attempts -> throttle -> auth -> transport -> decode.

The only place with an attempt loop. A retry sleeps after its answer was read and its connection given back.
"""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio

from amili_async.answers import error_code, read_answer, request_id
from amili_async.call import Call, annotate, classify, in_all, out_of_time
from amili_async.config import RequestOptions, RetryPolicy, origin
from amili_async.errors import (
    AmiliError,
    ApiError,
    ConfigError,
    DeadlineExceeded,
    DecodeError,
    NotSentError,
    OutcomeUnknownError,
)
from amili_async.exchange import Reply, Request
from amili_async.hooks import AttemptEvent, Chain, RequestEvent, RetryEvent, emit
from amili_async.identity.operations import TOKEN
from amili_async.inflate import inflate
from amili_async.operation import Response
from amili_async.outgoing import FOREIGN_HEADERS, outgoing, warn_unconfirmed
from amili_async.redirects import REDIRECTS, redirected
from amili_async.retry import Failure, decide, parse_retry_after
from amili_async.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from amili_async.auth import AccessToken
    from amili_async.clock import Clock
    from amili_async.config import Environment, Limits, Timeouts
    from amili_async.exchange import Transport
    from amili_async.hooks import Hooks
    from amili_async.identity.models import TokenResponse
    from amili_async.keyring import Keyring
    from amili_async.operation import Operation

__all__ = ["AmiliSession"]

T = TypeVar("T")

logger = logging.getLogger("amili_async")

ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are kept."""
GRACE = 0.05
"""Seconds that the total time of a call may be overrun to find out whether the request was sent."""
NO_OPTIONS = RequestOptions()


class AmiliSession:
    """Makes calls. One per client; clients made with `with_options` share it."""

    def __init__(
        self,
        *,
        keyring: Keyring,
        environment: Environment,
        timeouts: Timeouts,
        limits: Limits,
        retry: RetryPolicy,
        hooks: Hooks,
        overrides: Mapping[str, Operation[Any]],
        transport: Transport,
        clock: Clock,
    ) -> None:
        self.environment = environment
        self.limits = limits
        self.hooks = hooks
        self.clock = clock
        self._keyring = keyring
        self._origins = environment.origins
        self._timeouts = timeouts
        self._retry = retry
        self._overrides = overrides
        self._transport = transport
        self._throttle = Throttle(limits, clock)
        self._warned: set[str] = set()
        self._closed = False

    @contextmanager
    def listening(self, hooks: Hooks) -> Generator[None]:
        """Tell other hooks, too, as long as the context lasts."""
        if not isinstance(self.hooks, Chain):
            self.hooks = Chain([self.hooks])
        members = self.hooks.members
        members.append(hooks)
        try:
            yield
        finally:
            del members[next(place for place, member in enumerate(members) if member is hooks)]

    async def aclose(self) -> None:
        """Give back the connections; no call can be made afterwards."""
        self._closed = True
        await self._transport.aclose()

    async def send(
        self,
        operation: Operation[Any],
        values: Sequence[object],
        *,
        read: Callable[[int, bytes], T],
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        options: RequestOptions | None = None,
        repeat: bool = True,
    ) -> Response[T]:
        """Make a call: as many attempts as policy and deadline allow.

        Args:
            operation: which endpoint.
            values: values of its path, in order.
            read: turns status and body of a success into what is returned; a damaged answer counts as a failed attempt.
            query: query parameters, names as on the wire.
            body: Struct or mapping, sent as the operation says.
            options: options of this call.
            repeat: whether it may be repeated when its outcome is unknown, as far as operation and options allow that.
        """
        if self._closed:
            raise ConfigError("this client is closed")
        options = options or NO_OPTIONS
        started = self.clock.monotonic()
        operation = self._overrides.get(operation.name, operation)
        if not operation.confirmed and operation.name not in self._warned:
            self._warned.add(operation.name)
            warn_unconfirmed(operation)
        call = Call(
            operation=operation,
            repeatable=repeat and (operation.retry_safe or (operation.retry_with_key and options.idempotency_key is not None)),
            deadline=started + (options.timeout or self._timeouts.total),
            **outgoing(operation, self.environment, values=values, query=query, body=body, options=options),
        )
        policy = options.retry or self._retry
        error: AmiliError | None = None
        abandoned = True
        try:
            response = await self._attempts(call, read, policy, started)
            abandoned = False
            return response  # noqa: TRY300  # `finally` looks at how it went
        except AmiliError as failure:
            error, abandoned = failure, False
            raise
        finally:
            emit(
                self.hooks.on_request,
                RequestEvent(
                    operation=call.operation.name,
                    method=call.operation.method,
                    path=call.operation.path,
                    status=call.status,
                    attempts=call.sent,
                    elapsed=self.clock.monotonic() - started,
                    request_id=call.request_id,
                    error=error,
                    abandoned=abandoned,
                ),
            )

    async def _attempts(self, call: Call, read: Callable[[int, bytes], T], policy: RetryPolicy, started: float) -> Response[T]:
        """Try until it works, or until `decide` says that it is enough."""
        refused: AccessToken | None = None
        while True:
            token: AccessToken | None = None
            try:
                reply, token = await self._attempt(call, refused)
                tokens = self._keyring.tokens(call.operation.api)
                if reply.status == 401 and token is not None and refused is None and tokens is not None:
                    # Declined before anything was done, so any operation may be repeated: once, with another token.
                    tokens.reject(token, self.hooks)
                    refused, call.rejection = token, reply
                    continue
                data = self._read(reply, read)
            except AmiliError as error:
                failure = error
            else:
                return Response(
                    data=data,
                    status=reply.status,
                    headers=reply.headers,
                    request_id=call.request_id,
                    attempts=call.sent,
                    elapsed=self.clock.monotonic() - started,
                )
            if self.clock.monotonic() >= call.deadline and type(failure) in {NotSentError, OutcomeUnknownError}:
                call.phase = "connect" if isinstance(failure, NotSentError) else "request"
                failure = out_of_time(call)
            annotate(failure, call)
            kind = classify(failure, call)
            call.reached |= kind is Failure.UNKNOWN
            decision = decide(
                policy,
                kind,
                attempt=call.sent - (refused is not None),
                repeatable=call.repeatable,
                remaining=call.deadline - self.clock.monotonic(),
                jitter=random.random(),  # noqa: S311  # spreads load, guards nothing
                retry_after=failure.retry_after,
            )
            wait = failure.retry_after
            if kind is Failure.DECLINED and wait is not None and wait <= policy.retry_after_max:
                self._throttle.hold_off(call.answered_by, wait)
            if decision.delay is None:
                raise in_all(failure, call)
            logger.warning(
                "%s %s: attempt %d failed (%s), next in %.2f s",
                call.operation.method,
                call.operation.path,
                call.sent,
                failure.message,
                decision.delay,
            )
            emit(
                self.hooks.on_retry,
                RetryEvent(
                    operation=call.operation.name,
                    attempt=call.sent,
                    delay=decision.delay,
                    reason=decision.reason,
                    status=failure.status,
                ),
            )
            await self.clock.sleep(decision.delay)

    async def _attempt(self, call: Call, refused: AccessToken | None) -> tuple[Reply, AccessToken | None]:
        """Make one try, within what is left of the total time. Returns the token only if whoever answered has seen it."""
        call.phase, call.status, call.request_id = "throttle", None, None
        remaining = call.deadline - self.clock.monotonic()
        if remaining <= 0:
            raise out_of_time(call)
        # A little later than the limits of connecting and reading, which know better what they waited for.
        with anyio.move_on_after(remaining + GRACE):
            if call.operation.name == TOKEN.name:
                # No slot: the call that waits for the token holds one already.
                await self._throttle.wait(origin(call.url))
                return await self._exchange(call, None), None
            async with self._throttle.slot(origin(call.url)):
                token = await self._token(call, refused) if call.operation.authenticated else None
                reply = await self._exchange(call, token)
                return reply, token if call.authorized else None
        raise out_of_time(call)

    async def _token(self, call: Call, refused: AccessToken | None) -> AccessToken:
        tokens = self._keyring.tokens(call.operation.api)
        if tokens is None:
            raise ConfigError(
                "no credentials: pass ClientCredentials or StaticToken to AmiliClient, or set AMILI_CLIENT_ID and "
                "AMILI_CLIENT_SECRET (or AMILI_TOKEN) for AmiliClient.from_env()"
            )
        call.phase = "token"

        async def exchange(form: Mapping[str, str], retry: RetryPolicy | None = None) -> TokenResponse:
            # By the client's own policy: others wait for this token too.
            left = max(call.deadline - self.clock.monotonic(), 0.001)
            response = await self.send(
                TOKEN,
                (),
                body=form,
                options=RequestOptions(timeout=left, retry=retry),
                read=lambda status, body: cast("TokenResponse", read_answer(TOKEN, status, body)),
            )
            return response.data

        async def exchange_once(form: Mapping[str, str]) -> TokenResponse:
            return await exchange(form, RetryPolicy(attempts=1))

        try:
            patience = (call.deadline - self.clock.monotonic()) / 4
            token = await tokens.get(exchange, exchange_once, self.hooks, patience)
        except DeadlineExceeded as error:
            raise out_of_time(call) from error
        except OutcomeUnknownError as error:
            # Of the token call, that is; the call that waits for the token has not been sent.
            raise NotSentError(f"no access token could be had: {error.message}") from error
        if refused is not None and call.rejection is not None and token.value == refused.value:
            raise self._error(call.rejection)
        return token

    async def _exchange(self, call: Call, token: AccessToken | None) -> Reply:
        """Send one request, following redirects of reads; the token goes where the keyring lets it."""
        call.phase = "request"
        call.sent += 1
        started = self.clock.monotonic()
        reply: Reply | None = None
        failure: AmiliError | None = None
        try:
            reply = await self._follow(call, token)
            return reply  # noqa: TRY300  # `finally` looks at it
        except AmiliError as error:
            failure = error
            raise
        finally:
            elapsed = self.clock.monotonic() - started
            call.status = reply.status if reply else None
            call.request_id = request_id(reply.headers) if reply else None
            logger.debug(
                "%s %s: attempt %d, %s, %.0f ms",
                call.operation.method,
                call.operation.path,
                call.sent,
                reply.status if reply else failure.message if failure else "abandoned",
                elapsed * 1000,
            )
            emit(
                self.hooks.on_attempt,
                AttemptEvent(
                    operation=call.operation.name,
                    method=call.operation.method,
                    path=call.operation.path,
                    attempt=call.sent,
                    status=call.status,
                    received=len(reply.body) if reply else 0,
                    elapsed=elapsed,
                    error=failure,
                ),
            )

    async def _follow(self, call: Call, token: AccessToken | None) -> Reply:
        url = call.url
        hops = 0
        while True:
            call.answered_by = origin(url)
            own = call.answered_by in self._origins
            headers = call.headers if own else FOREIGN_HEADERS
            call.authorized = False
            if token is not None and self._keyring.may_see(call.operation.api, url):
                call.authorized, headers = True, {**headers, "Authorization": token.authorization}
            left = max(call.deadline - self.clock.monotonic(), 0.001)
            connect, read = min(self._timeouts.connect, left), min(self._timeouts.read, left)
            request = Request(call.operation.method, url, headers, call.body if own else None, connect, read)
            reply = await self._transport.send(request)
            location = reply.headers.get("location")
            if reply.status not in REDIRECTS or not location or request.method != "GET":
                return reply
            if hops == self.limits.redirects:
                raise ApiError("redirected too often", status=reply.status)
            hops += 1
            url = redirected(url, location, reply.status, allow_http=self.environment.allow_http)

    def _read(self, reply: Reply, read: Callable[[int, bytes], T]) -> T:
        encoding = reply.headers.get("content-encoding", "").strip().lower()
        if 200 <= reply.status <= 299:
            return read(reply.status, inflate(reply.body, encoding, self.limits.response_bytes))
        raise self._error(reply)

    def _error(self, reply: Reply) -> ApiError:
        encoding = reply.headers.get("content-encoding", "").strip().lower()
        try:
            body = inflate(reply.body, encoding, self.limits.response_bytes)[:ERROR_BODY]
        except DecodeError:
            body = reply.body[:ERROR_BODY]
        return ApiError.for_status(
            reply.status,
            code=error_code(body),
            body=body,
            headers=reply.headers,
            request_id=request_id(reply.headers),
            retry_after=parse_retry_after(reply.headers.get("retry-after"), self.clock.time()),
        )
