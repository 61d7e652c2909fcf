"""What the package shows to the world."""

from __future__ import annotations

import subprocess
import sys

import pytest

import amili_async

NAMES = [
    "AccessToken",
    "AmiliClient",
    "AmiliError",
    "BasicCredentials",
    "ClientCredentials",
    "Credentials",
    "Cursor",
    "Environment",
    "Hooks",
    "InvalidItem",
    "Limits",
    "Operation",
    "Page",
    "Pager",
    "Paging",
    "RequestOptions",
    "Response",
    "RetryPolicy",
    "StaticToken",
    "Timeouts",
    "TokenCache",
    "UnconfirmedOperationWarning",
    "errors",
    "operations",
]


def loaded(code):
    """Run code in a fresh interpreter and return the modules that it loads."""
    program = f"import sys; {code}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())  # noqa: S603


def test_public_names_are_exactly_these():
    """__all__, dir() and what can be imported agree with the list that is kept here on purpose."""
    assert amili_async.__all__ == NAMES == sorted(NAMES)
    assert dir(amili_async) == NAMES
    for name in NAMES:
        assert getattr(amili_async, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = amili_async.nonsense


def test_models_come_without_aiohttp():
    """Who only decodes pays for msgspec, not for a network stack."""
    modules = loaded("import amili_async.collection.models, amili_async.identity.models, amili_async.errors")
    assert "msgspec" in modules
    assert not modules & {"aiohttp", "anyio", "asyncio", "ssl", "cyclopts", "rich", "jwt"}


def test_client_comes_without_extras():
    """The core imports no extra and no server."""
    modules = loaded("from amili_async import AmiliClient; from amili_async import Pager; AmiliClient().collection")
    assert "aiohttp" in modules
    assert not modules & {"cyclopts", "rich", "jwt", "opentelemetry", "pyarrow", "amili_async.cli", "amili_async.sandbox"}


def test_aiohttp_comes_with_the_first_client():
    """Importing the client, or one with another transport, does not wait for a network stack."""
    modules = loaded(
        "from amili_async import AmiliClient, StaticToken; from amili_async.testing import FakeTransport; "
        "AmiliClient(StaticToken('t'), transport=FakeTransport([])).collection"
    )
    assert "amili_async.session" in modules
    assert not modules & {"aiohttp", "amili_async.transport"}
