"""Windows read elsewhere."""

from __future__ import annotations

import asyncio
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

from amili_async import AmiliClient, ClientCredentials, Environment, StaticToken
from amili_async.errors import ConfigError, Forbidden, SinkError
from amili_async.sandbox import Fault, Sandbox
from amili_async.sync import ClientSettings, MemorySink, Redaction, SyncJob, Window, read_window

pytestmark = pytest.mark.asyncio


def _settings(sandbox):
    return ClientSettings(environment=sandbox.environment, credentials=sandbox.credentials)


async def _plan(sandbox, **settings):
    async with AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili:
        return await SyncJob(amili, organizations=sandbox.organizations, sink=MemorySink(), **settings).plan()


async def test_tables_of_windows():
    """All windows together hold every row; it works in threads, with a redaction, and where a loop is running."""
    async with Sandbox(cases=60, organizations=1) as sandbox:
        plan = await _plan(sandbox, streams=["cases"], max_rows=20)
        read = partial(read_window, _settings(sandbox), redact=Redaction())
        tables = await asyncio.gather(*(asyncio.to_thread(read, window) for window in plan))
        truth = {row["caseId"] for row in sandbox.truth("collection.cases.list", sandbox.organizations[0])}
    keys = [key for table in tables for key in table.column("case_id").to_pylist()]
    assert len(plan) > 2
    assert set(keys) == truth
    assert len(keys) == len(truth)
    debtors = [debtor for table in tables for row in table.column("debtors").to_pylist() for debtor in row or ()]
    assert debtors
    assert {debtor["email"] for debtor in debtors} == {None}


def _in_a_loop(settings, window):
    async def read():
        return read_window(settings, window).num_rows  # blocks this loop, and works

    return asyncio.run(read())


async def test_where_a_loop_is_running():
    """In a notebook there is a loop already; a table comes all the same, and so do errors."""
    async with Sandbox(cases=10, organizations=1) as sandbox:
        (window,) = await _plan(sandbox, streams=["batches"])
        assert await asyncio.to_thread(_in_a_loop, _settings(sandbox), window) > 0
        with pytest.raises(Forbidden):
            await asyncio.to_thread(_in_a_loop, _settings(sandbox), Window("batches", "nobody"))


async def test_in_other_processes():
    """Settings and windows travel to other processes, and the tables that come back hold every row once."""
    async with Sandbox(cases=30, organizations=1) as sandbox:
        plan = await _plan(sandbox, streams=["cases"], max_rows=10)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(read_window, _settings(sandbox), window) for window in plan]
            tables = [await asyncio.wrap_future(future) for future in futures]
        truth = [row["caseId"] for row in sandbox.truth("collection.cases.list", sandbox.organizations[0])]
    assert len(plan) > 2
    assert sorted(key for table in tables for key in table.column("case_id").to_pylist()) == sorted(truth)


async def _client_of(settings):
    """Return where a client of these settings goes, and with which credentials."""
    async with settings.client() as amili:
        return amili.environment.identity, amili._session._keyring.tokens("collection").credentials


async def test_settings_hold_no_secret(monkeypatch):
    """By default nothing of the process that makes the settings is in them: the one that reads looks around for itself."""
    monkeypatch.setenv("AMILI_TOKEN", "t0ken-here")
    monkeypatch.setenv("AMILI_ENVIRONMENT", "http://127.0.0.1:9")
    settings = ClientSettings()
    assert await _client_of(settings) == ("http://127.0.0.1:9/identity", StaticToken("t0ken-here"))
    pickled = pickle.dumps(settings)
    assert b"t0ken" not in pickled
    monkeypatch.setenv("AMILI_TOKEN", "t0ken-there")
    monkeypatch.setenv("AMILI_ENVIRONMENT", "http://127.0.0.1:8")
    found = pickle.loads(pickled)  # noqa: S301  # our own
    assert await _client_of(found) == ("http://127.0.0.1:8/identity", StaticToken("t0ken-there"))
    monkeypatch.delenv("AMILI_TOKEN")
    with pytest.raises(ConfigError, match="no credentials"):
        found.client()


@pytest.mark.parametrize("credentials", [ClientCredentials("id", "hidden"), StaticToken("hidden")], ids=["client", "token"])
async def test_credentials_that_settings_are_given(credentials):
    """They travel with the settings, in a pickle alone: nothing shows them."""
    settings = ClientSettings(environment=Environment.local("http://127.0.0.1:9"), credentials=credentials)
    pickled = pickle.dumps(settings)
    assert b"hidden" in pickled
    assert await _client_of(pickle.loads(pickled)) == ("http://127.0.0.1:9/identity", credentials)  # noqa: S301  # our own
    assert "hidden" not in f"{settings} {settings!r}"


async def test_without_pyarrow(monkeypatch):
    """Without pyarrow it is said what to install."""
    monkeypatch.setitem(sys.modules, "amili_async.sync.arrow", None)
    with pytest.raises(SinkError, match="pip install") as caught:
        read_window(ClientSettings(), Window("cases", "o"))
    assert not caught.value.usable


@pytest.mark.parametrize(("times", "verified"), [(1, b"yes"), (2, b"no")])
async def test_whether_all_has_come(times, verified):
    """Where the service counts other rows than come, the window is read once more, and then the table says so."""
    async with Sandbox(cases=10, organizations=1) as sandbox:
        (window,) = await _plan(sandbox, streams=["cases"])
        sandbox.faults.add(Fault("total_drift", count=times))
        asked = sandbox.log.count("collection.cases.list")
        table = await asyncio.to_thread(read_window, _settings(sandbox), window)
        assert sandbox.log.count("collection.cases.list") == asked + 2
    assert (table.num_rows, table.schema.metadata) == (10, {b"amili_verified": verified})
