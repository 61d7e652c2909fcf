"""Webhooks: check that a delivery is genuine, read it, and hand it to the right function.

How Amili signs its deliveries is not public. The default scheme, HMAC-SHA256 over the body as lower-case hex in
`X-Webhook-Signature`, is an assumption; set another one with `HmacSha256(...)`, or write your own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime  # msgspec reads the annotations at run time
from typing import Any, TypeVar

import msgspec

from amili_async.answers import NOT_JSON
from amili_async.collection.events import (
    BatchCompletedData,
    BatchCompletedEvent,
    CaseEvent,
    CaseEventData,
    CaseUpdatedData,
    CaseUpdatedEvent,
    EventSource,
    EventType,
    SettlementCreatedData,
    SettlementCreatedEvent,
    UnknownEvent,
    WebhookEvent,
)
from amili_async.config import whole
from amili_async.errors import ConfigError, WebhookError
from amili_async.signatures import DEFAULT_SCHEME, HmacSha256, SignatureScheme, keys_of, lower_names, verify
from amili_async.structs import decode, decode_item, without_values

__all__ = ["HmacSha256", "Receiver", "Router", "SignatureScheme", "parse", "verify"]

logger = logging.getLogger("amili_async")

Handler = Callable[[Any], Awaitable[object]]
H = TypeVar("H", bound=Handler)

EVENT = "X-Amili-Event"
DELIVERY = "IdempotencyKey"
REQUEST_ID = "X-Amili-Request-Id"


class _Wire(msgspec.Struct, rename="camel"):
    """An event as it comes."""

    id: str | None = None
    type: str | None = None
    event_type: str | None = None
    source: EventSource | None = None
    time_stamp: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_EVENTS: dict[str, tuple[Any, Any]] = {
    EventType.BATCH_COMPLETED: (BatchCompletedEvent, BatchCompletedData),
    EventType.SETTLEMENT_CREATED: (SettlementCreatedEvent, SettlementCreatedData),
    EventType.CASE: (CaseEvent, CaseEventData),
    EventType.CASE_UPDATED: (CaseUpdatedEvent, CaseUpdatedData),
}


def parse(body: bytes, headers: Mapping[str, str] | None = None) -> WebhookEvent:
    """Read a delivery. Check it with `verify` first: this function believes what it reads.

    The name of the event is taken from the header `X-Amili-Event`, or from `type` or `eventType` of the body.

    Returns:
        `BatchCompletedEvent`, `SettlementCreatedEvent`, `CaseEvent`, `CaseUpdatedEvent`, or `UnknownEvent` for any other.

    Raises:
        WebhookError: it is no event, or header and body name different ones.
    """
    lower = lower_names(headers or {})
    try:
        wire = decode_item(body, _Wire)
        named = {name for name in (lower.get(EVENT.lower(), "").strip(), wire.type, wire.event_type) if name}
        if len(named) != 1:
            raise WebhookError("the delivery names no event" if not named else "the delivery names different events")
        kind = EventType(named.pop())
        event, data = _EVENTS.get(kind, (UnknownEvent, None))
        content = decode(wire.data) if data is None else decode_item(wire.data, data)
    except NOT_JSON as error:
        failure = WebhookError(f"the delivery cannot be read: {without_values(error)}")
    else:
        found: WebhookEvent = event(
            id=wire.id,
            type=kind,
            source=wire.source,
            time_stamp=wire.time_stamp,
            delivery_id=lower.get(DELIVERY.lower()) or None,
            request_id=lower.get(REQUEST_ID.lower()) or None,
            data=content,
        )
        return found
    raise failure


class _Run:
    """A delivery that is being handled."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.failed = False


class Router:
    """Hands events to the functions that asked for them, each delivery once.

    ```python
    router = Router()

    @router.on("BATCH_COMPLETED")
    async def completed(event: BatchCompletedEvent) -> None: ...
    ```

    A repeated delivery (same `delivery_id`, or same event id where there is none) is passed over after the first went well; one
    that comes meanwhile waits for the first and shares its fate. The id comes in a header, which a signature does not cover.

    Args:
        remember: how many deliveries are remembered.
    """

    def __init__(self, *, remember: int = 10_000) -> None:
        whole(remember, "remember")
        self._remember = remember
        self._handlers: dict[str, list[Handler]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._running: dict[str, _Run] = {}
        self._watched: dict[str, list[asyncio.Event]] = {}

    def on(self, *types: EventType | str) -> Callable[[H], H]:
        """Register a function for kinds of events; without any kind, for all."""

        def register(handler: H) -> H:
            for kind in types or ("",):
                self._handlers.setdefault(str(kind), []).append(handler)
            return handler

        return register

    async def dispatch(self, event: WebhookEvent) -> bool:
        """Run the functions for an event, one after the other.

        Returns:
            Whether it was handled; False if it had been delivered before.

        Raises:
            Exception: what a function raises; the delivery then counts as not handled.
        """
        key = event.delivery_id or event.id or None
        run = _Run()
        if key is not None:
            if (first := self._running.get(key)) is not None:
                await first.done.wait()
                if first.failed:
                    raise WebhookError("the same delivery has just failed")
                return False
            if key in self._seen:
                return False
            self._running[key] = run
        if isinstance(event, BatchCompletedEvent):
            for told in self._watched.get(str(event.data.batch_id), ()):
                told.set()
        try:
            for handler in [*self._handlers.get(str(event.type), ()), *self._handlers.get("", ())]:
                await handler(event)
        except BaseException:
            run.failed = True
            raise
        finally:
            if key is not None:
                del self._running[key]
            run.done.set()
        if key is not None:
            self._seen[key] = None
            while len(self._seen) > self._remember:
                self._seen.popitem(last=False)
        return True

    @contextmanager
    def watching(self, batch_id: str, told: asyncio.Event) -> Generator[None]:
        """Set `told` whenever a batch is reported as completed."""
        watchers = self._watched.setdefault(batch_id, [])
        watchers.append(told)
        try:
            yield
        finally:
            watchers.remove(told)
            if not watchers:
                self._watched.pop(batch_id, None)


class Receiver:
    """Takes deliveries in: limits their size, verifies, reads, answers fast, and runs the router's functions afterwards.

    One for all servers: `aiohttp_handler` and `asgi` are thin over `receive`. What was accepted is not lost on an orderly end:
    `aclose` waits for the functions that still run.

    Args:
        router: where events go.
        secrets: secrets that may have signed a delivery.
        scheme: how deliveries are signed. The default is an assumption.
        max_body: largest body taken, in bytes.
        max_pending: deliveries that may wait or run; beyond them a delivery is refused with 503, to be delivered again.
        answer_after: answer only when the functions have run, with 500 if one fails, so that a failed one is delivered again.
    """

    def __init__(
        self,
        router: Router,
        *,
        secrets: Sequence[str | bytes],
        scheme: SignatureScheme = DEFAULT_SCHEME,
        max_body: int = 1024 * 1024,
        max_pending: int = 1_000,
        answer_after: bool = False,
    ) -> None:
        if not keys_of(secrets):
            raise ConfigError("a receiver of webhooks needs a list of secrets, at least one, and none may be empty")
        whole(max_body, "max_body")
        whole(max_pending, "max_pending")
        self.router = router
        self.max_body = max_body
        self._secrets = tuple(secrets)
        self._scheme = scheme
        self._max_pending = max_pending
        self._answer_after = answer_after
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def __repr__(self) -> str:
        """Leave out the secrets."""
        return f"Receiver(running={len(self._running)})"

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Take a delivery in and return status and text of the answer."""
        if len(body) > self.max_body:
            return 413, "too large"
        try:
            verify(body, headers, secrets=self._secrets, scheme=self._scheme)
        except WebhookError as error:
            logger.warning("webhook refused: %s", error)
            return 401, "not verified"
        try:
            event = parse(body, headers)
        except WebhookError as error:
            logger.warning("webhook not understood: %s", error)
            return 400, "not understood"
        if self._closing or len(self._running) >= self._max_pending:
            return 503, "busy"
        task = asyncio.get_running_loop().create_task(self._handle(event))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if not self._answer_after:
            return 202, "accepted"
        try:
            await asyncio.shield(task)
        except Exception:  # noqa: BLE001  # logged where it happened
            return 500, "failed"
        return 200, "done"

    async def _handle(self, event: WebhookEvent) -> None:
        try:
            await self.router.dispatch(event)
        except Exception:
            logger.exception("a function for %s failed", event.type)
            if self._answer_after:
                raise

    async def aclose(self) -> None:
        """Take in nothing more, and wait for the functions that still run."""
        self._closing = True
        while self._running:
            await asyncio.wait(set(self._running))  # which does not cancel them when somebody cancels this

    async def aiohttp_handler(self, request: Any) -> Any:
        """Handle a request of `aiohttp.web`: `app.router.add_post("/webhooks", receiver.aiohttp_handler)`.

        Add `app.on_cleanup.append(receiver.on_cleanup)`, so that nothing accepted is lost at the end.
        """
        from aiohttp import web  # noqa: PLC0415  # a server of its own is not needed to verify and parse

        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            # The server would unpack it beyond the limit, and the signature is that of the bytes as sent.
            return web.Response(status=415, text="no content encoding is taken")
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
            chunks.append(chunk)
            if size > self.max_body:
                break
        status, text = await self.receive(b"".join(chunks), request.headers)
        return web.Response(status=status, text=text)

    async def on_cleanup(self, _app: Any) -> None:
        """Close with an aiohttp application."""
        await self.aclose()

    async def asgi(self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Handler) -> None:
        """Handle a request as an ASGI application, or a part of one."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await self.aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body, more = b"", scope["method"] == "POST"
        while more and len(body) <= self.max_body:
            message = await receive()
            body += message.get("body", b"")
            more = message["type"] == "http.request" and message.get("more_body", False)
        status, text = (405, "only POST") if scope["method"] != "POST" else await self.receive(body, headers)
        content = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": content})
        await send({"type": "http.response.body", "body": text.encode()})
