"""A sync that is killed again and again, at any moment, ends in exactly the rows that are served: for every kind of target."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal

import msgspec
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from .places import TARGETS
from .served import AMOUNTS, served
from .starting import starter

pytestmark = pytest.mark.slow

KILLS = 20
MOST = 0.8
"""Seconds that a run lives at the most."""
WINDOWS = ("--max-rows", "2500", "--concurrency", "3")
"""Few at once: so that even a short run has commits to be killed in."""
KINDS = ("ndjson", "parquet", "sqlite", "duckdb", "postgres")


@pytest.fixture(scope="module")
def truth():
    """Serve 100,000 cases."""
    with served(cases=50_000, organizations=2, seed=11) as ready:
        yield ready


def words(command, truth, target, *options):
    """Return the arguments for `sync COMMAND`."""
    organizations = [word for organization in truth["organizations"] for word in ("--org", organization)]
    return ["sync", command, "--to", target.address, "--streams", "cases", *organizations, *options]


def amili(truth, *argv):
    """Run the program, started as users do."""
    return subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-m", "amili_async", *argv],
        env={**os.environ, **truth["environ"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def cases_of(target, database):
    """Return keys, and sums of all amounts, as the target itself holds them."""
    if target.kind == "ndjson":
        row_of = msgspec.defstruct("Row", [("caseId", str), *((name, Decimal) for name in AMOUNTS)])
        decoder = msgspec.json.Decoder(row_of)
        rows = [
            decoder.decode(line)
            for path in (target.folder / "cases").rglob("*.ndjson")
            for line in path.read_bytes().splitlines()
        ]
        return [row.caseId for row in rows], [sum(getattr(row, name) for row in rows) for name in AMOUNTS]
    if target.kind == "parquet":
        table = ds.dataset(target.folder / "cases").to_table(["case_id", "remaining_amount", "remaining_principal"])
        return table["case_id"].to_pylist(), [pc.sum(table[name]).as_py() for name in ("remaining_amount", "remaining_principal")]
    rows = database("SELECT case_id, remaining_amount, remaining_principal FROM cases")
    found = [tuple(row.values()) for row in rows]
    return [key for key, *_ in found], [sum((Decimal(row[place]) for row in found), Decimal(0)) for place in (1, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_kills_lose_and_double_nothing(kind, truth, tmp_path, request):
    """Twenty kills at random moments, then runs until one is complete: keys and sums are those that were served."""
    folder = tmp_path / "target"
    folder.mkdir()
    target = TARGETS[kind](kind, folder, request.getfixturevalue("postgres") if kind == "postgres" else None)
    moments = random.Random(f"{kind} {time.time_ns()}")
    kills = ended = 0
    command, output = "run", tmp_path / "output"
    with starter(truth["environ"]) as start:
        while kills < KILLS:
            code = start(moments.uniform(0, MOST), output, *words(command, truth, target, *WINDOWS))
            assert code in {0, -signal.SIGKILL}, output.read_text()
            if code:
                kills += 1
            else:
                ended += 1
                command = "refresh"  # all is there: from now on windows are replaced while the kills go on
            assert ended < 10 * KILLS
    for _ in range(5):
        done = amili(truth, *words("run", truth, target, *WINDOWS))
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    query = None
    if kind == "postgres":

        def query(text):
            return asyncio.run(target.query(text))
    elif kind in {"sqlite", "duckdb"}:
        query = target.query
    keys, sums = cases_of(target, query)
    assert Counter(keys) == Counter(truth["keys"])
    assert [Decimal(total) for total in sums] == [Decimal(truth["sums"][name]) for name in AMOUNTS]
    assert target.debris() == []
    checked = amili(truth, *words("verify", truth, target))
    assert checked.returncode == 0, checked.stderr
