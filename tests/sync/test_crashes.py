"""A run that is killed between any two steps leaves a target that the next run makes good, without a row lost or doubled."""

from __future__ import annotations

import shutil

import pytest

from amili_async.sync.ledger import digest
from amili_async.sync.probe import Probe
from amili_async.sync.tables import tables_of
from tests.sync.conformance import CASES, SOURCE, all_same, later
from tests.sync.crashing import AFTER, BEFORE, PARTS, WHOLE, act, killer, prepare
from tests.sync.places import TARGETS

LASTING = [kind for kind, target in TARGETS.items() if target.lasting and "." not in kind]
"""Compression makes no other steps."""


@pytest.fixture(params=LASTING)
def target(request, memory_folder):
    """Give every kind of target that outlives its process."""
    kind = request.param
    return TARGETS[kind](kind, memory_folder / "target", request.getfixturevalue("postgres") if kind == "postgres" else None)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("before", [{}, BEFORE], ids=["empty", "filled"])
async def test_killed_between_two_steps(target, before):
    """Whatever the step: a window that the ledger calls present is whole, the next run makes all good, nothing else stays."""
    with killer(target) as killed:
        await bring_to(target, before)
        steps = killed.steps()
        for number in steps:
            await bring_to(target, before)
            assert killed.order(number) == ("killed" if number < steps[-1] else "done")
            sink = target.sink()
            entries = await sink.open(SOURCE, [CASES], PARTS)
            if number < steps[-1]:
                await check_what_is_left(target, sink, entries, before)
                await act(sink, entries)
                entries = await sink.peek()
            assert {entry.window for entry in entries} == {*AFTER}, number
            await check_windows(target, sink, AFTER)
            await sink.close()
            assert target.debris() == [], number
    assert steps[-1] > 20
    assert len(steps) > 5


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
