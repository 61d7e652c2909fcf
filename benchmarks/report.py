"""Results, and the table of them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.harness import BUSY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Run
    from benchmarks.rows import Row

__all__ = ["Result", "environment", "table"]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a row: the median of its rounds, the least and the most, and whether the goal is met."""

    row: str
    text: str
    goal: str
    unit: str
    values: list[float]
    median: float
    least: float
    most: float
    met: bool
    held_up: float
    """Share of the time in which the server was at work, at the busiest of the candidates."""

    @classmethod
    def of(cls, row: Row, runs: dict[str, list[Run]]) -> Result:
        """Make the result of a row."""
        ratio = row.figure(runs)
        return cls(
            row=row.name,
            text=row.text,
            goal=f"{'<=' if row.at == 'most' else '>='} {row.goal:g}" if row.goal or row.at == "most" else "",
            unit=row.unit,
            values=ratio.values,
            median=ratio.middle,
            least=min(ratio.values),
            most=max(ratio.values),
            met=row.met(ratio),
            held_up=max(run.busy for name in row.needs for run in runs[name]),
        )

    @property
    def verdict(self) -> str:
        """Say what came of it."""
        if self.held_up > BUSY:
            return "void: the server was the bottleneck"
        if not self.goal:
            return "shown"
        return "met" if self.met else "MISSED"


def table(results: Sequence[Result]) -> str:
    """Return the table of results as text."""
    found = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in ("row", "", "goal", "median", "least", "most", "", "server", "verdict"):
        found.add_column(column, justify="right" if column in {"goal", "median", "least", "most", "server"} else "left")
    for result in results:
        numbers = (f"{value:.3g}" for value in (result.median, result.least, result.most))
        found.add_row(result.row, result.text, result.goal, *numbers, result.unit, f"{result.held_up:.0%}", result.verdict)
    console = Console(width=150, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(found)
    return capture.get()


def environment() -> str:
    """Say what it ran on; nothing that tells the machine."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec"))
    return f"Python {platform.python_version()}, {packages}, {os.cpu_count()} cores, {platform.machine()}"
