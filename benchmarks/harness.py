"""Runs candidates side by side: each in a process of its own, in shuffled rounds, against a server in yet another process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Self
from urllib.request import urlopen

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from benchmarks.candidate import Target

__all__ = ["BUSY", "Ratio", "Run", "Server", "compare"]

BUSY = 0.85
"""Share of the time in which the server may be at work; above it the server may have been what was measured."""
PATIENCE = 600
"""Seconds that a candidate may take."""


@dataclass(slots=True)
class Run:
    """What one candidate took in one round: its own figures, and the server's share of the time."""

    facts: dict[str, float]
    server: dict[str, float] = field(default_factory=dict)

    @property
    def busy(self) -> float:
        """Return the share of the time in which the server was at work."""
        return self.server.get("cpu", 0.0) / max(self.facts["wall"], 1e-9)


@dataclass(slots=True)
class Ratio:
    """A ratio of two candidates: one value a round."""

    values: list[float]

    @property
    def middle(self) -> float:
        """Return the median."""
        return median(self.values)


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
        self._process.wait()

    def stats(self) -> dict[str, float]:
        """Return what it has counted so far."""
        with urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:
            found: dict[str, float] = msgspec.json.decode(answer.read())
        return found

    def run(self, name: str, target: Target) -> Run:
        """Run one candidate against the server."""
        before = self.stats()
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", "benchmarks.candidate", name, msgspec.json.encode(target).decode()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pin(process.pid, last=False)
        out, err = process.communicate(timeout=PATIENCE)
        if process.returncode:
            message = f"the candidate {name} failed: {err.strip().splitlines()[-1] if err.strip() else process.returncode}"
            raise RuntimeError(message)
        facts: dict[str, float] = msgspec.json.decode(out.splitlines()[-1])
        after = self.stats()
        if facts["rows"] < target.pages * target.size * 0.99:
            message = f"the candidate {name} saw {facts['rows']:.0f} rows of {target.pages * target.size}"
            raise RuntimeError(message)
        server = {key: after[key] - before[key] for key in ("cpu", "requests", "tokens")} | {"most": after["most"]}
        return Run(facts, server)


def pin(pid: int, *, last: bool) -> None:
    """Keep a process on one core, away from the other side, where the system lets one choose."""
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(pid, {cores[-1] if last else cores[0]})


def compare(
    server: Server, contest: dict[str, tuple[str, Target]], rounds: int, tell: Callable[[str], None]
) -> dict[str, list[Run]]:
    """Run several candidates in shuffled rounds.

    Args:
        server: what they run against.
        contest: candidate and target by the name that the row gives them.
        rounds: how often each runs.
        tell: is told what runs.

    Returns:
        The runs by that name, in the order of the rounds.
    """
    found: dict[str, list[Run]] = {name: [] for name in contest}
    order = list(contest)
    for number in range(rounds):
        random.shuffle(order)
        for name in order:
            tell(f"round {number + 1} of {rounds}: {name}")
            found[name].append(server.run(*contest[name]))
    return found


def ratios(runs: dict[str, list[Run]], over: str, under: str, fact: str) -> Ratio:
    """Return the ratio of a figure of two candidates, round by round."""
    pairs = zip(runs[over], runs[under], strict=True)
    return Ratio([a.facts[fact] / max(b.facts[fact], 1e-9) for a, b in pairs])


def values(runs: Sequence[Run], fact: str) -> Ratio:
    """Return a figure of one candidate, round by round."""
    return Ratio([run.facts[fact] if fact in run.facts else run.server[fact] for run in runs])


def as_json(value: Any) -> str:
    """Write results."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
