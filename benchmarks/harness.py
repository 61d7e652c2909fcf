"""Runs candidates side by side: in shuffled rounds, those of a row next to each other, until the verdicts stand."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from benchmarks.candidate import Target
    from benchmarks.rows import Row

__all__ = [
    "PATIENCE",
    "Failed",
    "Plan",
    "Run",
    "Runs",
    "Server",
    "busy",
    "compare",
    "environ",
    "heats",
    "ratios",
    "run",
    "take_turns",
    "values",
]

PATIENCE = 600
"""Seconds that a candidate may take."""
TURN = 0.05
"""Seconds of a turn: long enough that the caches, which others have filled meanwhile, hardly matter."""


class Failed(Exception):
    """A candidate broke off, or did not see all rows."""


@dataclass(slots=True)
class Run:
    """What one candidate took in one round. `server_cpu` is what the server worked meanwhile; it is missing without a server."""

    facts: dict[str, float]

    @property
    def busy(self) -> float | None:
        """Return the share of the time in which the server was at work; None without a server."""
        return self.facts["server_cpu"] / max(self.facts["wall"], 1e-9) if "server_cpu" in self.facts else None


Runs = dict[str, list[Run]]
"""The runs of candidates by name, in the order of the rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often to run.

    Attributes:
        rounds: of every row that does not say otherwise.
        at_most: rounds of a row that says otherwise.
        least: rounds of every row, whatever it says.
        stretch: how many times as many rounds a row may take whose verdict is open.
        until: monotonic time from which no such row gets another round.
        apart: run one candidate after the other also where they would take turns.
    """

    rounds: int
    at_most: int = 99
    least: int = 1
    stretch: int = 1
    until: float = float("inf")
    apart: bool = False


class Server:
    """The server, in a process of its own, on the last core where the system lets one choose."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        pin(self._process.pid, last=True)
        self.port = int(self._process.stdout.readline()) if self._process.stdout else 0

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it."""
        self._process.kill()
        self._process.communicate()


def run(entrants: Sequence[tuple[str, Target]]) -> list[Run]:
    """Run candidates, each in a process of its own, on the first core where the system lets one choose.

    Several share that core, turn by turn, so that whatever slows the machine down for a while slows down all of them, and their
    CPU times can be compared.
    """
    processes = [_started(name, target, together=len(entrants) > 1) for name, target in entrants]
    if len(processes) > 1 and all(process.stdout and process.stdout.readline() for process in processes):  # all are warm
        for process in processes:
            process.send_signal(signal.SIGSTOP)
            if process.stdin:
                process.stdin.write("\n")
                process.stdin.flush()
        take_turns([partial(_turn, process) for process in processes])
    outs = [process.communicate(timeout=PATIENCE) for process in processes]
    return [_run(*entrant, process.returncode, *out) for entrant, process, out in zip(entrants, processes, outs, strict=True)]


def take_turns(turns: Iterable[Callable[[], bool]]) -> None:
    """Let candidates run one at a time, turn by turn, until all are done: each call is a turn, and tells if it was the last."""
    waiting = deque(turns)
    while waiting:
        turn = waiting.popleft()
        if not turn():
            waiting.append(turn)


def _turn(process: subprocess.Popen[str]) -> bool:
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(TURN)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGSTOP)
        return False
    return True


def environ() -> dict[str, str]:
    """Return the environment of candidates: the bytecode of what they import is kept, as it is where a package is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _started(name: str, target: Target, *, together: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.candidate", name, msgspec.json.encode(target).decode()]
    command += ["together"] if together else []
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ())  # noqa: S603  # our own
    pin(process.pid, last=False)
    return process


def _run(name: str, target: Target, status: int, out: str, err: str) -> Run:
    if status:
        raise Failed(f"the candidate {name} failed: {err.strip().splitlines()[-1] if err.strip() else status}")
    facts: dict[str, float] = msgspec.json.decode(out.splitlines()[-1])
    if facts["rows"] < target.pages * target.size * 0.99:
        raise Failed(f"the candidate {name} saw {facts['rows']:.0f} rows of {target.pages * target.size}")
    return Run(facts)


def pin(pid: int, *, last: bool) -> None:
    """Keep a process on one core, away from the other side, where the system lets one choose."""
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(pid, {cores[-1] if last else cores[0]})


def heats(rows: Sequence[Row]) -> list[list[Row]]:
    """Put together the rows that are made from the same runs."""
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(row.heat or row.needs, []).append(row)
    return list(found.values())


def compare(
    rows: Sequence[Row],
    start: Callable[[list[str]], list[Run]],
    plan: Plan,
    tell: Callable[[str], None],
    failures: list[str],
) -> list[tuple[list[Row], Runs]]:
    """Run the candidates of rows, the rounds of all rows in turn; rows whose verdict is open get more rounds.

    Where a candidate fails, the rows that need its runs are left at the rounds that they have, and all others go on.

    Args:
        rows: what to find out.
        start: runs candidates by the names that the rows use, at the same time.
        plan: how often.
        tell: is told what runs.
        failures: where to say what failed.

    Returns:
        Rows with the runs that they were made from; none without a whole round.
    """
    all_heats = [(heat, _none(heat)) for heat in heats(rows)]
    number, broken = 0, set[str]()
    while pending := [found for found in all_heats if found[0][0].name not in broken and _wants(*found, plan)]:
        number += 1
        random.shuffle(pending)
        for heat, runs in pending:
            order = list(runs)
            random.shuffle(order)
            round_: list[tuple[str, Run]] = []
            try:
                for names in [order] if heat[0].together and not plan.apart else [[name] for name in order]:
                    tell(f"round {number}, {', '.join(row.name for row in heat)}: {', '.join(names)}")
                    round_ += zip(names, start(names), strict=True)
            except Failed as error:
                broken.add(heat[0].name)
                failures.append(f"round {number} of {', '.join(row.name for row in heat)}: {error}")
                continue
            for name, found in round_:
                runs[name].append(found)
    return [found for found in all_heats if all(found[1].values())]


def _none(heat: list[Row]) -> Runs:
    return {name: [] for row in heat for name in row.needs}


def _wants(heat: list[Row], runs: Runs, plan: Plan) -> bool:
    """Tell whether a heat is to be run again."""
    wanted = max(max(row.rounds or plan.rounds, plan.least) for row in heat)
    done, least = min(map(len, runs.values())), min(wanted, plan.at_most)
    if done < least:
        return True
    late = done >= least * plan.stretch or time.monotonic() > plan.until
    return not late and any(row.verdict(runs) == "too close to tell" for row in heat)


def busy(runs: Runs, names: Sequence[str]) -> float | None:
    """Return the server's share of the time: that of each candidate is the median of its rounds, and the largest counts."""
    found = [[share for run in runs[name] if (share := run.busy) is not None] for name in names]
    return max((median(shares) for shares in found if shares), default=None)


def ratios(runs: Runs, over: str, under: str, fact: str) -> list[float]:
    """Return the ratio of a figure of two candidates, round by round; for each row, if one of them reads a shorter list."""
    pairs = zip(runs[over], runs[under], strict=True)
    return [_each(a, fact) / max(_each(b, fact), 1e-12) for a, b in pairs]


def _each(run: Run, fact: str) -> float:
    return run.facts[fact] / (run.facts["rows"] or 1)


def values(runs: Sequence[Run], fact: str) -> list[float]:
    """Return a figure of one candidate, round by round."""
    return [run.facts[fact] for run in runs]
