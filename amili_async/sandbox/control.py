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
        app.router.add_get("/_sandbox/log", self._log)
        app.router.add_delete("/_sandbox/log", self._clear_log)

    async def _root(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{NOTICE}\n\nState and settings: /_sandbox/\n")

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

    async def _log(self, _: web.Request) -> web.Response:
        return _json([asdict(served) for served in self._sandbox.log])

    async def _clear_log(self, _: web.Request) -> web.Response:
        self._sandbox.log.clear()
        return _json(self._describe())

    def _describe(self) -> dict[str, Any]:
        sandbox = self._sandbox
        return {
            "notice": NOTICE,
            "organizations": {it: sandbox.dataset.counts(it) for it in sandbox.organizations},
            "operations": sorted(sandbox.routes()),
            "requests": sandbox.log.counts,
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
