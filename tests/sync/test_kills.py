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

pytestmark = pytest.mark.slow

KILLS = 20
KINDS = ("ndjson", "parquet", "sqlite", "duckdb", "postgres")


@pytest.fixture(scope="module")
def truth():
    """Serve 100,000 cases."""
    with served(cases=50_000, organizations=2, seed=11) as ready:
        yield ready


def start(command, truth, target, *options):
    """Start `amili sync COMMAND` in a process group of its own."""
    words = [sys.executable, "-m", "amili_async", "sync", command, "--to", target.address, "--streams", "cases"]
    for organization in truth["organizations"]:
        words += ["--org", organization]
    return subprocess.Popen(  # noqa: S603  # our own
        [*words, *options],
        env={**os.environ, **truth["environ"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
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
    command = "run"
    while kills < KILLS:
        process = start(command, truth, target, "--max-rows", "2500")
        try:
            process.communicate(timeout=moments.uniform(0.5, 1.7))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
        else:
            assert process.returncode == 0
            ended += 1
            command = "refresh"  # all is there: from now on windows are replaced while the kills go on
        assert ended < 10 * KILLS
    for _ in range(5):
        process = start(command, truth, target, "--max-rows", "2500")
        output, _ = process.communicate(timeout=120)
        if process.returncode == 0:
            break
    assert process.returncode == 0, output
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
    checked = start("verify", truth, target)
    output, _ = checked.communicate(timeout=120)
    assert checked.returncode == 0, output
