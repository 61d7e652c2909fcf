"""`python -m benchmarks [row ...]`: run the candidates side by side and print the table."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.harness import Server, as_json, compare
from benchmarks.report import Result, environment, table
from benchmarks.rows import ROWS, Row, contest
from benchmarks.sync_rows import run_sync

ROUNDS, QUICK_ROUNDS, SYNC_ROUNDS = 7, 2, 3


def main() -> int:
    """Run; return 0 if every goal is met, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run, such as P1; all P-rows if none is given")
    parser.add_argument("--rounds", type=int, default=None, help=f"rounds of each candidate (default {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="short lists and few rounds, for daily work")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--sync", action="store_true", help="run the rows of the sync job (S1 to S4) instead")
    options = parser.parse_args()
    if options.sync:
        cases, rounds = (10_000, 1) if options.quick else (100_000, options.rounds or SYNC_ROUNDS)
        rows = run_sync(cases, rounds, _tell)
        _tell("")
        sys.stdout.write(f"{rows}\n{environment()}; {cases:,} cases, {rounds} rounds\n")
        return int("MISSED" in rows)
    wanted = [row for row in ROWS if not options.rows or row.name in options.rows or row.name.rstrip("bc") in options.rows]
    if unknown := {name for name in options.rows if not any(name in {row.name, row.name.rstrip("bc")} for row in ROWS)}:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(row.name for row in ROWS)}")
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    started = time.perf_counter()
    results: list[Result] = []
    with Server() as server:
        entrants = contest(server.port, quick=options.quick)
        for group in _groups(wanted):
            needs = dict.fromkeys(name for row in group for name in row.needs)
            runs = compare(server, {name: entrants[name] for name in needs}, rounds, _tell)
            results += [Result.of(row, runs) for row in group]
    _tell("")
    results.sort(key=lambda result: [row.name for row in ROWS].index(result.row))
    sys.stdout.write(table(results) + f"\n{environment()}; {rounds} rounds, {time.perf_counter() - started:.0f} s\n")
    if options.json:
        options.json.write_text(as_json({"environment": environment(), "rounds": rounds, "rows": results}) + "\n")
    return 0 if all(result.met for result in results) else 1


def _groups(rows: list[Row]) -> list[list[Row]]:
    """Put together the rows that share candidates: those are to run in the same rounds."""
    groups: list[tuple[set[str], list[Row]]] = []
    for row in rows:
        needs = set(row.needs)
        joined = [group for group in groups if group[0] & needs]
        for group in joined:
            groups.remove(group)
            needs |= group[0]
        groups.append((needs, [*(found for group in joined for found in group[1]), row]))
    return [found for _, found in groups]


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
