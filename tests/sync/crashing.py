"""A process that dies on order: before the n-th step of a run that opens a target and writes to it.

Started once for a target, it forks a child for every order on its standard input (a number) and answers how that ended:
`killed`, or `done` when the run has fewer steps. Steps are whatever reaches the disk or a database: calls of the operating
system, statements, pieces of files. The package knows nothing of all this: the calls are replaced here, from outside.

To the order 0 it does not die, and answers which steps find the target other than the step before did: a death before any
other step leaves the very same files as the one before that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
from msgspec.structs import replace

from amili_async.sync.files import PartFile
from amili_async.sync.targets import sink_for
from amili_async.sync.windows import Window
from tests.sync.conformance import APRIL, CASES, MARCH, OTHER, SOURCE, case, commit, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amili_async.sync.ledger import Entry

PARTS = ("claims",)
THEIRS, WHOLE = replace(MARCH, organization=OTHER), Window("cases", "third")
BEFORE: dict[Window, list[bytes]] = {
    MARCH: [case(1), case(2), case(3)],
    APRIL: [case(5), case(6)],
    THEIRS: [case(1)],
    WHOLE: [case(7)],
}
AFTER: dict[Window, list[bytes]] = {
    MARCH: [case(2, status='"CLOSED"', remainingAmount="0"), case(3, unheardOf="[1.50]"), case(4, description='"a\\u0000b"')],
    THEIRS: [],
    WHOLE: BEFORE[WHOLE],
}
"""The first window is replaced, one is removed, one becomes empty, one is left alone."""

_CALLS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir")
_ARROW = ("amili_async.sync.arrow", "pyarrow.json", "pyarrow.compute", "pyarrow.parquet")
_LATE = {"parquet": _ARROW, "duckdb": (*_ARROW, "duckdb")}
"""Modules that a sink imports late: once is enough for all children."""


async def prepare(sink: Any) -> None:
    """Bring an empty target to where `act` begins on one that has rows already."""
    await sink.open(SOURCE, [CASES], PARTS)
    for window, rows in BEFORE.items():
        await commit(sink, window, rows, PARTS)
    await sink.close()


async def act(sink: Any, entries: list[Entry]) -> None:
    """Replace, remove and empty windows, on a target with this ledger; where there is none, write them."""
    await sink.remove([entry for entry in entries if entry.window == APRIL])
    for window in (MARCH, THEIRS):
        await commit(sink, window, AFTER[window], PARTS, read_at=later(60))
    if WHOLE not in {entry.window for entry in entries if entry.present}:
        await commit(sink, WHOLE, AFTER[WHOLE], PARTS)


async def run(sink: Any) -> None:
    """Be a run."""
    await act(sink, await sink.open(SOURCE, [CASES], PARTS))
    await sink.close()


async def compact(sink: Any) -> None:
    """Put windows together."""
    await sink.open(SOURCE, [CASES], PARTS)
    await sink.compact()
    await sink.close()


DEEDS = {"run": run, "compact": compact}


class Killer:
    """The process that dies on order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def order(self, number: int) -> str:
        """Have it die before a step of that number, and return how that ended."""
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def steps(self) -> list[int]:
        """Return the steps before which to die, each of which leaves another target; before the last one the run is done."""
        return list(map(int, self.order(0).split()))


@contextmanager
def killer(target: Any, deed: str = "run") -> Iterator[Killer]:
    """Start the process that dies on order."""
    command = [sys.executable, "-m", "tests.sync.crashing", target.kind, target.address, str(target.folder), deed]
    pipe, root = subprocess.PIPE, Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603  # our own
        yield Killer(process)
        process.stdin.close()


class Steps:
    """Counts steps, and ends the process before one of them."""

    def __init__(self, folder: Path | None) -> None:
        self.last: int | None = None
        self.taken = 0
        self.telling: list[int] = []
        self._folder, self._before = folder, None

    def look(self) -> None:
        """Note the step that comes next, if the target is not what it was; what a database server does nobody sees."""
        now = self._folder and {
            path: (path.stat().st_mode, path.is_file() and path.read_bytes()) for path in self._folder.rglob("*")
        }
        if not self.telling or now is None or now != self._before:
            self.telling.append(self.taken)
        self._before = now

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Make a call a step."""

        @wraps(call)
        def step(*args: Any, **options: Any) -> Any:
            if self.last is not None:
                self.taken += 1
                if self.last == 0:
                    self.look()
                if self.taken == self.last:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return step

    def replace_calls(self, kind: str) -> None:
        """Put counting calls in the place of those that reach the disk or the database."""
        for name in _CALLS:
            setattr(os, name, self.counted(getattr(os, name)))
        for name in ("write", "commit"):
            setattr(PartFile, name, self.counted(getattr(PartFile, name)))
        for name in ("execute", "executemany", "fetch", "fetchval", "copy_to_table"):
            setattr(asyncpg.Connection, name, self.counted(getattr(asyncpg.Connection, name)))
        counted = {
            name: self.counted(getattr(sqlite3.Connection, name)) for name in ("execute", "executemany", "executescript", "close")
        }
        connection = type("Connection", (sqlite3.Connection,), counted)
        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **options: connect(*args, factory=connection, **options)
        if kind == "duckdb":
            duckdb = import_module("duckdb")
            open_duckdb = duckdb.connect
            duckdb.connect = lambda *args, **options: _Counted(open_duckdb(*args, **options), self)
        if kind == "parquet":
            writer = import_module("pyarrow.parquet").ParquetWriter
            for name in ("write_table", "write_batch", "close"):
                setattr(writer, name, self.counted(getattr(writer, name)))


class _Counted:
    """A connection of DuckDB, whose class is written in C and cannot be changed."""

    def __init__(self, connection: Any, steps: Steps) -> None:
        self._connection, self._steps = connection, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        return self._steps.counted(found) if name == "execute" else found

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def main(kind: str, address: str, folder: str, deed: str) -> None:
    """Carry out orders until there are no more."""
    steps = Steps(None if kind == "postgres" else Path(folder))
    for module in ("anyio._backends._asyncio", *_LATE.get(kind, ())):
        import_module(module)
    sink_for(address)
    steps.replace_calls(kind)
    for order in sys.stdin:
        child = os.fork()
        if child == 0:
            steps.last = int(order)
            asyncio.run(DEEDS[deed](sink_for(address)))
            if not steps.last:
                print(*steps.telling, steps.taken + 1, flush=True)  # noqa: T201
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if int(order) or status:
            print({0: "done", signal.SIGKILL: "killed"}.get(status, f"status {status}"), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
