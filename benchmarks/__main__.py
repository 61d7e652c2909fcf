"""`python -m benchmarks [ROW ...]`: run the candidates side by side, and print what came of each row."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.environments import Missing
from benchmarks.harness import Failed, Plan, Server, compare, run
from benchmarks.report import Figures, environment, markdown, read, table, write
from benchmarks.rows import ROWS, Row, contest
from benchmarks.sync_rows import SYNC_ROWS, run_sync

ROUNDS, QUICK_ROUNDS, SYNC_ROUNDS = 7, 1, 3
STRETCH = 3
"""How many times as many rounds a row gets whose verdict is open."""
BUDGET = 480.0
"""Seconds after which no row gets more rounds than the others."""


def main() -> int:
    """Run; return 0 if every goal is met, 1 if not, 2 if nothing could be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="rows to run, such as P1 or S4; P1 to P16 if none is given")
    parser.add_argument("--sync", action="store_true", help="run the rows of the sync job, S1 to S6")
    parser.add_argument("--quick", action="store_true", help="short lists and one round, for daily work; decides little")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"rounds of each row (P: {ROUNDS}, S: {SYNC_ROUNDS})")
    parser.add_argument("--apart", action="store_true", help="let the candidates of the sync rows not take turns")
    parser.add_argument("--install-peers", action="store_true", help="make the virtual environments of dlt and the Singer SDK")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument(
        "--report", type=Path, nargs="+", metavar="FILE", help="run nothing: draw the charts and print the tables of such files"
    )
    options = parser.parse_args()
    if options.report:
        return _report(options.report)
    wanted = _wanted(options.rows, sync=options.sync)
    if unknown := [name for name in options.rows if not any(_is(row, name) for row in (*ROWS, *SYNC_ROWS))]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(row.name for row in (*ROWS, *SYNC_ROWS))}")
    figures = Figures(command=" ".join(["python -m benchmarks", *_said(sys.argv[1:])]), environment=environment())
    started = time.monotonic()
    try:
        if core := [row for row in wanted if row in ROWS]:
            _core(figures, core, quick=options.quick, rounds=options.rounds)
        if synced := [row for row in wanted if row in SYNC_ROWS]:
            rounds = options.rounds or (1 if options.quick else SYNC_ROUNDS)
            plan = Plan(rounds=rounds, least=options.rounds or 1, apart=options.apart)
            run_sync(figures, synced, plan, _tell, quick=options.quick, install=options.install_peers)
    except (Failed, Missing) as error:
        figures.failures.append(str(error))
    figures.seconds = time.monotonic() - started
    _tell("")
    sys.stderr.write("".join(f"{failure}\n" for failure in figures.failures))
    if not figures.rows:
        return 2
    order = [row.name for row in (*ROWS, *SYNC_ROWS)]
    figures.rows.sort(key=lambda result: order.index(result.row))
    sys.stdout.write("\n".join([table(figures.rows), *figures.notes, f"{figures.environment}; {figures.seconds:.0f} s"]) + "\n")
    if options.json:
        write(figures, options.json)
    done = len(figures.rows) == len(wanted) and not figures.failures
    return 0 if done and all(result.verdict in {"met", "shown"} for result in figures.rows) else 1


def _core(figures: Figures, rows: list[Row], *, quick: bool, rounds: int | None) -> None:
    plan = Plan(rounds=rounds or ROUNDS, least=rounds or 1, stretch=1 if rounds else STRETCH, until=time.monotonic() + BUDGET)
    if quick:
        figures.notes.append("short lists, few rounds: too little to judge by")
        plan = Plan(rounds=rounds or QUICK_ROUNDS, at_most=rounds or QUICK_ROUNDS)
    with Server() as server:
        entrants = contest(server.port, quick=quick)
        figures.add(compare(rows, lambda names: run([entrants[name] for name in names]), plan, _tell, figures.failures))


def _report(paths: list[Path]) -> int:
    from benchmarks.charts import draw

    found = read(paths)
    for path in draw(found, Path(__file__).parent / "charts"):
        sys.stderr.write(f"{path}\n")
    sys.stdout.write("\n".join(map(markdown, found)))
    return 0


def _wanted(names: list[str], *, sync: bool) -> list[Row]:
    if not names:
        return list(SYNC_ROWS if sync else ROWS)
    return [row for row in (*ROWS, *SYNC_ROWS) if any(_is(row, name) for name in names)]


def _is(row: Row, name: str) -> bool:
    """Tell whether a row is meant: P6 means P6b, too."""
    return name.upper() in {row.name.upper(), row.name.rstrip("abcdefgh").upper()}


def _said(arguments: list[str]) -> list[str]:
    """Return the arguments without those that have no part in the figures."""
    kept: list[str] = []
    for word, before in zip(arguments, ["", *arguments], strict=False):
        if word not in {"--json", "--install-peers"} and before != "--json" and not word.startswith("--json="):
            kept.append(word)
    return kept


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
