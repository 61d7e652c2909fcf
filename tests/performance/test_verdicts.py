"""How the benchmarks judge: the interval of a median, the verdict, and how many rounds it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness import Failed, Plan, Run, compare, heats, ratios
from benchmarks.rows import ROWS, Row
from benchmarks.sync_rows import SYNC_ROWS, stages
from benchmarks.verdicts import BUSY, CONFIDENCE, coverage, interval, verdict


@pytest.mark.parametrize(("rounds", "cut", "expected"), [(1, 0, 0.0), (2, 0, 0.5), (7, 0, 0.984375), (9, 1, 0.9609375)])
def test_coverage(rounds, cut, expected):
    """As in the tables of the sign test."""
    assert coverage(rounds, cut) == expected


@pytest.mark.parametrize(
    ("rounds", "expected"), [(1, (0, 0)), (3, (0, 2)), (7, (0, 6)), (10, (0, 9)), (11, (1, 9)), (12, (1, 10)), (21, (4, 16))]
)
def test_interval(rounds, expected):
    """It leaves out as much at both ends as it can be sure without; with few rounds, nothing."""
    assert interval(list(range(rounds))[::-1]) == expected


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_intervals_hold_what_they_say(values):
    """The bounds are values of rounds, and one narrower pair would not be sure enough."""
    low, high = interval(values)
    cut = sorted(values).index(low)
    assert low <= sorted(values)[len(values) // 2] <= high
    assert coverage(len(values), cut) >= CONFIDENCE or (low, high) == (min(values), max(values))


@pytest.mark.parametrize(
    ("values", "goal", "at", "busy", "expected"),
    [
        ([1.1] * 7, 1.15, "most", 0.1, "met"),
        ([1.15] * 7, 1.15, "most", None, "met"),
        ([1.2] * 7, 1.15, "most", 0.1, "missed"),
        ([1.1] * 6 + [1.2], 1.15, "most", 0.1, "too close to tell"),
        ([1.1] * 10 + [1.2], 1.15, "most", 0.1, "met"),
        ([5.1] * 7, 5, "least", 0.1, "met"),
        ([4.9] * 7, 5, "least", 0.1, "missed"),
        ([5.1] * 7, None, "least", 0.1, "shown"),
        ([5.1] * 7, 5, "least", BUSY + 0.01, "void"),
        ([5.1] * 7, None, "least", BUSY + 0.01, "void"),
        ([4.9], 5, "least", None, "missed"),
    ],
)
def test_verdict(values, goal, at, busy, expected):
    """The whole interval decides; a server that was the bottleneck voids everything."""
    assert verdict(values, goal, at, busy) == expected


def row(goal=1.0, **settings):
    """Return a row that compares a with b."""
    plain = Row(name="X", text="a / b", goal=goal, at="most", needs=("a", "b"), figure=lambda runs: ratios(runs, "a", "b", "cpu"))
    return replace(plain, **settings)


def compare_all(rows, start, plan):
    """Compare what must not fail."""
    failures = []
    found = compare(rows, start, plan, lambda _: None, failures)
    assert failures == []
    return found


def starting(costs, server=0.0):
    """Return a way to run candidates that takes what is said, by candidate, over and over."""
    turns = dict.fromkeys(costs, 0)

    def one(name):
        cost = costs[name][turns[name] % len(costs[name])]
        turns[name] += 1
        return Run({"cpu": cost, "wall": 1.0, "server_cpu": server, "rows": 1})

    return lambda names: list(map(one, names))


@pytest.mark.parametrize(
    ("costs", "rounds", "expected"),
    [
        ([0.9], 7, "met"),
        ([1.1], 7, "missed"),
        ([1.1] + [0.9] * 30, 11, "met"),  # one bad round is outlived
        ([0.9, 1.1], 21, "too close to tell"),
    ],
)
def test_rounds_go_on_until_the_verdict_stands(costs, rounds, expected):
    """What is clear takes the fewest rounds, what is open as many as are allowed."""
    one = row()
    ((_, runs),) = compare_all([one], starting({"a": costs, "b": [1.0]}), Plan(rounds=7, stretch=3))
    assert (len(runs["a"]), len(runs["b"]), one.verdict(runs)) == (rounds, rounds, expected)


def test_time_ends_the_rounds():
    """From the agreed moment no row gets more rounds than the others."""
    ((_, runs),) = compare_all([row()], starting({"a": [0.9, 1.1], "b": [1.0]}), Plan(rounds=7, stretch=3, until=0))
    assert len(runs["a"]) == 7


def test_a_busy_server_voids():
    """A row is refused where the server took more than half of a candidate's time; and no further rounds are wasted on it."""
    one = row()
    start = starting({"a": [0.9, 1.1], "b": [1.0]}, server=0.6)
    ((_, runs),) = compare_all([one], start, Plan(rounds=3, stretch=3))
    assert (one.verdict(runs), one.busy(runs), len(runs["a"])) == ("void", 0.6, 3)
    assert replace(one, served=False).verdict(runs) == "too close to tell"


def test_rows_without_a_server_have_no_share():
    """What never asked the server cannot have been held up by it."""
    assert row().busy({"a": [Run({"cpu": 1, "wall": 1})], "b": [Run({"cpu": 1, "wall": 1})]}) is None


def test_a_heat_shares_its_runs():
    """Rows of a heat are made from the same runs, each candidate once a round."""
    two = [row(name="X", heat="h"), row(name="Y", needs=("c", "b"), heat="h"), row(name="Z")]
    assert [[one.name for one in heat] for heat in heats(two)] == [["X", "Y"], ["Z"]]
    found = compare_all(two[:2], starting({"a": [0.5], "b": [1.0], "c": [0.5]}), Plan(rounds=2))
    assert {name: len(runs) for name, runs in found[0][1].items()} == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize("broken", [1, 2])
def test_what_fails_takes_nothing_along(broken):
    """Where a candidate fails, its rows keep the rounds that were whole, and others go on."""
    costs, times, failures = starting({"a": [0.5], "b": [1.0], "c": [0.5]}), [], []

    def start(names):
        times.append(names)
        if "c" in names and sum("c" in each for each in times) == broken:
            raise Failed("c failed: no reason")
        return costs(names)

    rows = [row(name="X"), row(name="Y", needs=("c", "b"))]
    found = compare(rows, start, Plan(rounds=3), lambda _: None, failures)
    assert {heat[0].name: sorted(map(len, runs.values())) for heat, runs in found} == {"X": [3, 3]} | (
        {"Y": [1, 1]} if broken == 2 else {}
    )
    assert failures == [f"round {broken} of Y: c failed: no reason"]


def test_every_row_can_be_run():
    """Row names are unique, and each row of the sync job finds its candidates on one server."""
    names = [one.name for one in (*ROWS, *SYNC_ROWS)]
    assert len(names) == len(set(names))
    for one in SYNC_ROWS:
        assert sum(stage.candidates.issuperset(one.needs) for stage in stages(quick=True)) == 1
