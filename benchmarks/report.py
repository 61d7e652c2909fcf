"""Results of rows, the tables that show them, and the file of figures that charts and tables are made from."""

from __future__ import annotations

import os
import platform
from importlib.metadata import distributions
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.verdicts import At, Verdict, interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.harness import Runs
    from benchmarks.rows import Row

__all__ = ["Figures", "Result", "environment", "markdown", "read", "table", "write"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a row.

    Attributes:
        row: its number.
        text: what it compares.
        unit: of the values; "x" for a ratio.
        goal: the bound; None if the figure is only shown.
        at: whether the median has to be at most or at least the goal.
        values: one of each round.
        median: of the values.
        low: lower bound of the median: see `benchmarks.verdicts.interval`.
        high: its upper bound.
        server: the server's share of the time; None where its speed could not matter.
        verdict: what the rounds say about the goal.
    """

    row: str
    text: str
    unit: str
    goal: float | None
    at: At
    values: list[float]
    median: float
    low: float
    high: float
    server: float | None
    verdict: Verdict

    @classmethod
    def of(cls, row: Row, runs: Runs) -> Result:
        """Make the result of a row."""
        values = row.figure(runs)
        low, high = interval(values)
        return cls(
            row=row.name,
            text=row.text,
            unit=row.unit,
            goal=row.goal,
            at=row.at,
            values=values,
            median=median(values),
            low=low,
            high=high,
            server=row.busy(runs),
            verdict=row.verdict(runs),
        )

    @property
    def bound(self) -> str:
        """Return the goal as text."""
        return "" if self.goal is None else f"{'<=' if self.at == 'most' else '>='} {self.goal:g}"

    @property
    def share(self) -> str:
        """Return the server's share of the time as text."""
        return "-" if self.server is None else f"{self.server:.0%}"


class Figures(msgspec.Struct, kw_only=True):
    """What a file of figures holds.

    Attributes:
        command: that made them.
        environment: versions and cores.
        seconds: that it took.
        notes: what was run, where that is not plain from the rows.
        failures: what could not be run to its end, and why.
        rows: the results.
        candidates: by candidate, what each of its rounds took: `rows` seen, seconds of `wall` and `cpu`, `server_cpu` that the
            server worked meanwhile, and what else it told.
    """

    command: str
    environment: str
    seconds: float = 0.0
    notes: list[str] = []
    failures: list[str] = []
    rows: list[Result] = []
    candidates: dict[str, list[dict[str, float]]] = {}

    def add(self, heats: Sequence[tuple[list[Row], Runs]]) -> None:
        """Take in rows with the runs that they were made from."""
        for rows, runs in heats:
            self.rows += [Result.of(row, runs) for row in rows]
            for name, found in runs.items():
                self.candidates.setdefault(name, []).extend(run.facts for run in found)

    def rate(self, name: str) -> float:
        """Return the rows a second of a candidate, wall time."""
        return median(run["rows"] / run["wall"] for run in self.candidates[name])

    def cost(self, name: str) -> float:
        """Return the microseconds of CPU time that a candidate takes for a row."""
        return median(run["cpu"] / run["rows"] for run in self.candidates[name]) * 1e6

    def result(self, row: str) -> Result | None:
        """Return the result of a row, if it was run."""
        return next((result for result in self.rows if result.row == row), None)


def write(figures: Figures, path: Path) -> None:
    """Write a file of figures."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


def read(paths: Sequence[Path]) -> list[Figures]:
    """Read files of figures."""
    return [msgspec.json.decode(path.read_bytes(), type=Figures) for path in paths]


def table(results: Sequence[Result]) -> str:
    """Return the table of results as text."""
    found = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("row", "", "goal", "median", "least", "most", "", "rounds", "server", "verdict"):
        found.add_column(column, justify="left" if column in {"row", "", "verdict"} else "right")
    for result in results:
        numbers = (f"{value:.3g}" for value in (result.median, min(result.values), max(result.values)))
        rounds = str(len(result.values))
        found.add_row(result.row, result.text, result.bound, *numbers, result.unit, rounds, result.share, result.verdict)
    console = Console(width=150, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(found)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def markdown(figures: Figures) -> str:
    """Return the results as a table for a README, with the command that made them."""
    lines = [
        f"`{figures.command}` ({figures.environment}):",
        "",
        "| row | what is compared | goal | median | least to most | rounds | server | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in figures.rows:
        unit = "" if result.unit == "x" else f" {result.unit}" if result.unit else ""
        spread = f"{min(result.values):.3g} to {max(result.values):.3g}"
        bound = result.bound.replace("<=", "≤").replace(">=", "≥")
        text = result.text.replace("|", "\\|")
        figure = f"**{result.median:.3g}**{unit}"
        cells = (result.row, text, bound, figure, spread, str(len(result.values)), result.share, result.verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


PACKAGES = ("aiohttp", "msgspec", "httpx", "pydantic", "orjson", "openai", "isal", "pyarrow", "duckdb")
"""What the figures of this environment depend on; dlt and the Singer SDK are in others."""


def environment() -> str:
    """Say what it runs on; nothing that tells the machine."""
    there = {found.name.lower(): found.version for found in distributions()}
    packages = ", ".join(f"{name} {there[name]}" for name in PACKAGES if name in there)
    return f"Python {platform.python_version()}, {packages}, {os.cpu_count()} cores, {platform.machine()}"
