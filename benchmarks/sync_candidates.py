"""The candidates of the sync rows: whole processes, alone or turn by turn."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from benchmarks.harness import PATIENCE, Failed, Run, environ, take_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PAGE", "Bench"]

PAGE = "500"
"""Rows of a page that the peers ask for; it is the default of the sync job."""
TURN = 0.4
"""Seconds of a turn of those that take the least time."""
LONGER = {"dlt": 12, "source": 8, "singer": 6}
"""How many times as long the turns of the peers are, so that all candidates of a row end at about the same time."""
WORDS = 1500
"""Characters of what a process said before it failed: so many of its first and of its last."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Runs candidates against one server."""

    ready: dict[str, Any]
    cases: int
    peers: dict[str, Path]

    def run_all(self, names: Sequence[str]) -> list[Run]:
        """Run candidates, turn by turn: what slows the machine down for a while slows down all of them."""
        with ExitStack() as stack:
            pipelines = [Pipeline(self, name, stack, alone=len(names) == 1) for name in names]
            take_turns([pipeline.turn for pipeline in pipelines])
            return [pipeline.result() for pipeline in pipelines]

    def commands(self, name: str, folder: Path) -> list[list[str]]:
        """Return the commands of a candidate, each of which reads what the one before it prints."""
        here, ready = Path(__file__).parent, json.dumps(self.ready)
        peer, _, kind = name.partition(" ")
        if peer == "dlt":
            return [[str(self.peers["dlt"]), str(here / "dlt_peer.py"), ready, kind, str(folder), PAGE]]
        if peer == "source":
            return [[str(self.peers["source"]), str(here / "dlt_source.py"), ready, kind, str(folder)]]
        if peer == "singer":
            tap = [str(self.peers["singer"]), str(here / "singer_peer.py"), ready, PAGE]
            target = [str(self.peers["singer"]), str(here / "singer_target.py"), str(folder)]
            return [tap, target] if kind == "lines" else [tap]
        if name == "memory":
            return [[sys.executable, "-m", "benchmarks.sync_memory", ready, str(folder), str(self.cases)]]
        target_of = {
            "sqlite": f"sqlite:{folder}/a.db",
            "duckdb": f"duckdb:{folder}/a.duckdb",
            "postgres": f"{self.ready.get('postgres')}&schema={folder.name.replace('-', '_')}",
            "parquet": f"parquet:{folder}/lake",
        }
        options = {
            "windows": ["--concurrency", "32", "--max-rows", str(self.cases // 45)],  # two windows a lane
            "chain": ["--concurrency", "1", "--max-rows", str(self.cases)],
        }
        sync = ["sync", "run", "--org", self.ready["organization"], "--streams", "cases", *options.get(name, [])]
        return [[sys.executable, "-m", "amili_async", *sync, "--to", target_of.get(name, f"ndjson:{folder}/lake")]]

    def variables(self) -> dict[str, str]:
        """Return what the sync job reads from its environment."""
        return {
            "AMILI_ENVIRONMENT": self.ready["url"],
            "AMILI_CLIENT_ID": self.ready["client_id"],
            "AMILI_CLIENT_SECRET": self.ready["client_secret"],
        }

    def server_cpu(self) -> float:
        """Return what the server has worked so far, in seconds."""
        with urlopen(self.ready["cpu"], timeout=60) as answer:  # noqa: S310  # our own
            return float(answer.read())


class Pipeline:
    """One candidate on its way: its processes, begun and stopped, a folder for what it writes, and the time of its turns."""

    def __init__(self, bench: Bench, name: str, stack: ExitStack, *, alone: bool) -> None:
        self._bench = bench
        self._name = name
        self._folder = Path(tempfile.mkdtemp(prefix="amili-benchmark-"))
        stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._processes: list[subprocess.Popen[bytes]] = []
        stack.callback(self._end)
        self._length = PATIENCE if alone else TURN * LONGER.get(name.partition(" ")[0], 1)
        self._wall = self._server_cpu = 0.0
        with (self._folder / "stdout").open("wb") as out:
            for command in (commands := bench.commands(name, self._folder)):
                before = self._processes[-1].stdout if self._processes else subprocess.DEVNULL
                after = out if command is commands[-1] else subprocess.PIPE
                with self._stderr(len(self._processes)).open("wb") as err:
                    process = subprocess.Popen(  # noqa: S603  # our own
                        command, env=environ() | bench.variables(), stdin=before, stdout=after, stderr=err, process_group=0
                    )
                self._processes.append(process)
                self._signal(signal.SIGSTOP)
                if len(self._processes) > 1 and (pipe := self._processes[-2].stdout):
                    pipe.close()  # it is the next one's now

    def turn(self) -> bool:
        """Run for a while; tell whether it is done."""
        server_cpu, begun = self._bench.server_cpu(), time.perf_counter()
        self._signal(signal.SIGCONT)
        try:
            for process in reversed(self._processes):  # the last one ends last
                process.wait(max(begun + self._length - time.perf_counter(), 0))
            done = True
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGSTOP)
            done = False
        self._wall += time.perf_counter() - begun
        self._server_cpu += self._bench.server_cpu() - server_cpu
        if self._wall > PATIENCE:
            raise Failed(f"{self._name} was not done after {PATIENCE} s")
        return done

    def result(self) -> Run:
        """Return what it took; it has to have written every row."""
        failed = any(process.returncode for process in self._processes)
        facts = {} if failed else self._facts()
        if facts.get("rows") != self._bench.cases:
            said = [_shortened(self._stderr(number).read_text(errors="replace")) for number in range(len(self._processes))]
            codes = [process.returncode for process in self._processes]
            raise Failed(
                f"{self._name} failed: {facts.get('rows', 'no')} rows of {self._bench.cases}, exit codes {codes}; "
                + ("\n".join(filter(None, said)) or "it said nothing")
            )
        return Run({**facts, "wall": self._wall, "server_cpu": self._server_cpu})

    def _facts(self) -> dict[str, float]:
        """Return what a candidate has told; what the Singer SDK has written is counted."""
        out = self._folder / "stdout"
        if self._name == "singer tap":
            with out.open("rb") as lines:
                return {"rows": sum(b'"type":"RECORD"' in line[:40] for line in lines)}
        if self._name == "singer lines":
            with (self._folder / "cases.jsonl").open("rb") as lines:
                return {"rows": sum(1 for _ in lines)}
        text = out.read_text(encoding="utf-8")
        if self._name == "memory":
            found: dict[str, float] = json.loads(text)
            return found
        return {"rows": _rows_said(text)}

    def _stderr(self, number: int) -> Path:
        """Return the file with what a process has to say."""
        return self._folder / f"stderr{number}"

    def _signal(self, number: int) -> None:
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, number)

    def _end(self) -> None:
        self._signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()


def _shortened(text: str) -> str:
    """Return how a text begins and ends: of a message that quotes a row, neither alone says what went wrong."""
    return text.strip() if len(text) <= 2 * WORDS else f"{text[:WORDS].strip()}\n...\n{text[-WORDS:].strip()}"


def _rows_said(text: str) -> int:
    """Return the rows that were written: dlt's script prints their number alone, the sync job has them in its table."""
    found = re.search(r"(?:^|cases\s+)(\d[\d,]*)", text)
    return int(found[1].replace(",", "")) if found else 0
