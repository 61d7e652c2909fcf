"""The sandbox's own paths: what it is, and how it is steered over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from amili_async.errors import ConfigError
from amili_async.sandbox.faults import Fault
from amili_async.structs import encode

if TYPE_CHECKING:
    from amili_async.sandbox.server import Sandbox

__all__ = ["Control"]

T = TypeVar("T")

NOTICE = "This is a sandbox of amili-async. All its data is invented: no person, company, case or amount in it exists."

_PATHS = """\
GET    /_sandbox/            state, counts and operations
POST   /_sandbox/faults      add faults: [{"kind": "status", "count": 1}]
DELETE /_sandbox/faults      let everything go right again
POST   /_sandbox/insert      add cases: {"organization": "...", "cases": 10}
POST   /_sandbox/finish      end all batches at once
POST   /_sandbox/webhook     deliver webhooks to {"url": "http://127.0.0.1:9000/"}, or to nobody: {"url": null}
GET    /_sandbox/deliveries  the latest deliveries of webhooks
POST   /_sandbox/revoke      refuse all access tokens issued so far
GET    /_sandbox/log         the latest requests
DELETE /_sandbox/log         forget them
"""


class Control:
    """Answers below `/_sandbox/`, without tokens: whoever reaches the sandbox may steer it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def add_routes(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/", self._root)
        app.router.add_get("/_sandbox/", self._state)
        app.router.add_post("/_sandbox/faults", self._add_faults)
        app.router.add_delete("/_sandbox/faults", self._clear_faults)
        app.router.add_post("/_sandbox/revoke", self._revoke)
        app.router.add_post("/_sandbox/insert", self._insert)
        app.router.add_post("/_sandbox/webhook", self._webhook)
        app.router.add_post("/_sandbox/finish", self._finish)
        app.router.add_get("/_sandbox/deliveries", self._deliveries)
        app.router.add_get("/_sandbox/log", self._log)
        app.router.add_delete("/_sandbox/log", self._clear_log)

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{NOTICE}\n\n{_PATHS}")

    async def _state(self, _: web.Request) -> web.Response:
        return _json(self._describe())

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            items = _body(await request.read(), list[Any], "a list of faults")
            self._sandbox.faults.add(*[Fault.parse(item) for item in items])
        except ConfigError as error:
            return _json({"error": "invalid_fault", "message": str(error)}, 400)
        return _json(self._describe())

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._sandbox.faults.clear()
        return _json(self._describe())

    async def _revoke(self, _: web.Request) -> web.Response:
        self._sandbox.revoke_tokens()
        return _json(self._describe())

    async def _insert(self, request: web.Request) -> web.Response:
        try:
            wanted = _body(await request.read(), dict[str, Any], "an object with organization and cases")
            self._sandbox.insert(str(wanted.get("organization", "")), wanted.get("cases", 1))
        except ConfigError as error:
            return _json({"error": "invalid_insert", "message": str(error)}, 400)
        return _json(self._describe())

    async def _webhook(self, request: web.Request) -> web.Response:
        try:
            wanted = _body(await request.read(), dict[str, str | None], "an object with url")
            self._sandbox.set_webhook(wanted.get("url"))
        except ConfigError as error:
            return _json({"error": "invalid_webhook", "message": str(error)}, 400)
        return _json(self._describe())

    async def _finish(self, _: web.Request) -> web.Response:
        self._sandbox.finish_batches()
        return _json(self._describe())

    async def _deliveries(self, _: web.Request) -> web.Response:
        return _json(
            [
                {"event": it.event, "key": it.key, "repeat": it.repeat, "statuses": it.statuses, "taken": it.taken}
                for it in self._sandbox.deliveries
            ]
        )

    async def _log(self, _: web.Request) -> web.Response:
        return _json([asdict(served) for served in self._sandbox.log])

    async def _clear_log(self, _: web.Request) -> web.Response:
        self._sandbox.log.clear()
        return _json(self._describe())

    def _describe(self) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "notice": NOTICE,
            "organizations": {it: sandbox.counts(it) for it in sandbox.organizations},
            "clients": sandbox.clients,
            "operations": sorted(sandbox.routes()),
            "requests": sandbox.log.counts,
            "executed": sandbox.executed,
            "executed_items": sandbox.executed_items,
            "webhook": sandbox.webhook,
            "deliveries": len(sandbox.deliveries),
            "faults": [fault.kind for fault in sandbox.faults],
            "struck": sandbox.faults.struck,
        }


def _body(body: bytes, kind: type[T], words: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        raise ConfigError(f"the body must be JSON, {words}") from None


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=encode(content), status=status, content_type="application/json")
