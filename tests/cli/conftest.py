"""What the tests of the command line share: a clean environment, and a way to run commands in process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from amili_async.cli import run
from amili_async.testing import FakeClock, FakeTransport, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from amili_async.testing import Request


class Outcome(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    """Take away what the environment of the developer might say."""
    for name in list(os.environ):
        if name.startswith("AMILI_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)


@pytest.fixture
def amili(capfd):
    """Run a command in this process."""

    def command(*argv: object) -> Outcome:
        code = run([str(arg) for arg in argv])
        return Outcome(code, *capfd.readouterr())

    return command


@pytest.fixture
def server(monkeypatch) -> Callable[..., FakeTransport]:
    """Answer for the server: give a function from the request to its answer; credentials are set, and no time passes."""

    def serve(handler: Callable[[Request], object]) -> FakeTransport:
        transport = FakeTransport(handler)
        monkeypatch.setattr("amili_async.transport.AiohttpTransport", lambda *_, **__: transport)
        monkeypatch.setattr("amili_async.client.SystemClock", FakeClock)
        monkeypatch.setenv("AMILI_TOKEN", "t0ken")
        return transport

    return serve


def page(*rows: object, token: str | None = None):
    """Return the answer of a list."""
    return json_reply({"data": rows, "summary": {"nextPageToken": token}})


def rows_in(path) -> list[dict[str, object]]:
    """Read an NDJSON file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]
