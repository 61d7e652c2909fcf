"""What a row's rounds say about its goal: the interval of their median, and the verdict that follows from it."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BUSY", "CONFIDENCE", "At", "Verdict", "coverage", "interval", "verdict"]

At = Literal["most", "least"]
Verdict = Literal["met", "missed", "too close to tell", "void", "shown"]

CONFIDENCE = 0.98
"""How often the interval of a median holds the true median, at least, where there are rounds enough for it.

Where rounds are added until it decides, the truth has more chances to be missed, and it is less.
"""
BUSY = 0.5
"""Share of a candidate's time in which the server may be at work; above it the server is more than half of what was measured."""


def coverage(rounds: int, cut: int) -> float:
    """Return how often the true median lies between the values of so many rounds, `cut` of them left out at each end."""
    return 1 - 2 * sum(comb(rounds, wins) for wins in range(cut + 1)) / float(2**rounds)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return bounds of the true median: the narrowest pair of values that are sure enough, else the least and the most.

    It counts on nothing but that rounds do not depend on each other: no matter how the values are spread, the true median has as
    many chances to be above one of them as below.
    """
    ordered, cut = sorted(values), 0
    while coverage(len(ordered), cut + 1) >= CONFIDENCE:
        cut += 1
    return ordered[cut], ordered[-1 - cut]


def verdict(values: Sequence[float], goal: float | None, at: At, busy: float | None = None) -> Verdict:
    """Return what rounds say about a goal.

    Args:
        values: one of each round.
        goal: the bound; None: there is none.
        at: whether a value has to be at most or at least the goal.
        busy: the server's share of the time; None where there was no server.
    """
    if busy is not None and busy > BUSY:
        return "void"
    if goal is None:
        return "shown"
    held = {value <= goal if at == "most" else value >= goal for value in interval(values)}
    if len(held) > 1:
        return "too close to tell"
    return "met" if held.pop() else "missed"
