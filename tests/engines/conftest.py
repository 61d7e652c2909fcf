"""What the tests of dlt share: where it writes, and sandboxes."""

from __future__ import annotations

import pytest
from anyio.from_thread import start_blocking_portal

from amili_async.sandbox import Sandbox

from .kit_dlt import SILENT


@pytest.fixture
def dlt_environ(monkeypatch, tmp_path):
    """Keep what dlt writes in the folder of the test, and dlt silent."""
    for name, value in {**SILENT, "DLT_DATA_DIR": str(tmp_path), "DLT_PROJECT_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def serve(monkeypatch):
    """Run sandboxes in another thread, the latest of which the environment variables name."""
    with start_blocking_portal() as portal:
        managers = []

        def start(**settings):
            manager = portal.wrap_async_context_manager(Sandbox(**settings))
            sandbox = manager.__enter__()
            managers.append(manager)
            monkeypatch.setenv("AMILI_ENVIRONMENT", sandbox.url)
            monkeypatch.setenv("AMILI_CLIENT_ID", sandbox.credentials.client_id)
            monkeypatch.setenv("AMILI_CLIENT_SECRET", sandbox.credentials.client_secret)
            return sandbox

        yield start
        for manager in managers:
            manager.__exit__(None, None, None)
