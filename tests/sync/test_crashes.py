"""A run that is killed between any two steps leaves a target that the next run makes good, without a row lost or doubled."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from amili_async.sync.ledger import digest
from amili_async.sync.probe import Probe
from amili_async.sync.tables import tables_of
from tests.sync.conformance import CASES, SOURCE, all_same, later
from tests.sync.crashing import AFTER, BEFORE, PARTS, WHOLE, act, prepare
from tests.sync.places import TARGETS

ROOT = Path(__file__).parents[2]
LASTING = [kind for kind, target in TARGETS.items() if target.lasting and "." not in kind]
"""Compression makes no other steps."""
MEMORY = Path("/dev/shm")  # noqa: S108  # files that need not reach a disk: a process dies here, not a machine
MOST = 400
"""Steps that no run has."""


@pytest.fixture(params=LASTING)
def target(request, tmp_path):
    """Give every kind of target that outlives its process."""
    kind = request.param
    postgres = request.getfixturevalue("postgres") if kind == "postgres" else None
    with tempfile.TemporaryDirectory(prefix="amili-crash-", dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield TARGETS[kind](kind, Path(folder) / "target", postgres)


@pytest.fixture
def killer(target):
    """Start the process that dies on order."""
    command = [sys.executable, "-m", "tests.sync.crashing", target.kind, target.address]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603

        def order(number):
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield order
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("before", [{}, BEFORE], ids=["empty", "filled"])
async def test_killed_between_two_steps(target, killer, before):
    """Whatever the step: a window that the ledger calls present is whole, the next run makes all good, nothing else stays."""
    step = 6 if target.kind == "duckdb" else 1  # it takes its time: each run tries other steps of its
    for number in range(random.randint(1, step), MOST, step):
        await bring_to(target, before)
        outcome = killer(number)
        sink = target.sink()
        entries = await sink.open(SOURCE, [CASES], PARTS)
        if outcome != "done":
            assert outcome == "killed", number
            await check_what_is_left(target, sink, entries, before)
            await act(sink, entries)
            entries = await sink.peek()
        assert {entry.window for entry in entries} == {*AFTER}, number
        await check_windows(target, sink, AFTER)
        await sink.close()
        assert target.debris() == [], number
        if outcome == "done":
            break
    assert 20 < number < MOST - 1


async def bring_to(target, before):
    """Empty a target, and put what there was before into it."""
    if target.postgres:
        await target.postgres.execute("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", database=target.postgres.database)
    shutil.rmtree(target.folder, ignore_errors=True)
    saved = target.folder.with_name("saved")
    if saved.exists():
        shutil.copytree(saved, target.folder)
        return
    target.folder.mkdir()
    if before:
        await prepare(target.sink())
        if not target.postgres:
            shutil.copytree(target.folder, saved)


async def check_what_is_left(target, sink, entries, before):
    """Compare ledger, fingerprints and rows after the next run has taken hold of the target."""
    assert {entry.state for entry in entries} <= {"done", "planned"}
    versions = {}
    for window in {*before, *AFTER}:
        entry = next((entry for entry in entries if entry.window == window), None)
        if entry is None:
            assert window not in before or window not in AFTER
            versions[window] = []
        elif entry.present:
            versions[window] = (AFTER if entry.read_at == later(60) else BEFORE)[window]
        else:
            assert window != WHOLE or not before
    await check_windows(target, sink, versions)


async def check_windows(target, sink, versions):
    """Compare what a target holds of windows with what it should."""
    cases, claims = [await target.held(table) for table in tables_of(CASES, PARTS)]
    for window, rows in versions.items():
        place = window.key[1:]
        assert all_same(rows, [one.row for one in cases if (one.organization, one.window) == place])
        assert sum((one.organization, one.window) == place for one in claims) == 2 * len(rows)
        assert await sink.digests(window) == b"".join(digest(Probe(CASES).look(row).key) for row in rows)
