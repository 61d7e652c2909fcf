"""How a sync ended: the closing tables, what has to be known, how to look at the data, and the exit code."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from amili_async.cli_access import ADVICE, COMPLETE, CREDENTIALS, FAILED, INTERRUPTED, REFUSED, UNREACHED
from amili_async.cli_output import console, fail, plain_table, say, several
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from rich.table import Table

    from amili_async.sync.report import Failure, Report
    from amili_async.sync.sinks.base import Sink

__all__ = ["closing", "code_of", "conclude", "how_to_look", "tell_failures"]

MOST = 10
"""Failures that are told one by one."""
LASTING = frozenset({400, 401, 403, 404, 409, 422})
"""Answers that stay the same if the same is asked for again."""


def conclude(report: Report, sink: Sink, given: str, *, json: bool) -> int:
    """Print what a sync has done, and return the exit code.

    Args:
        report: of the run.
        sink: the target.
        given: the target as it was written.
        json: whether all on stderr is to be JSON.
    """
    out = console()
    for table in closing(report):
        out.print(table)
        out.print()
    if any(figures.held_rows for figures in report.streams.values()):
        out.print(f"The data is in {sink.target}{_privacy(sink.target)}. To look at it:", soft_wrap=True)
        shown = next(name for name, figures in report.streams.items() if figures.held_rows)
        out.print(f"  {how_to_look(given, sink.target, shown)}", soft_wrap=True)
    code = code_of(report)
    if json:
        facts = {"event": "Report", "target": sink.target, "code": code, "complete": report.complete, "report": report}
        say(encode(facts).decode())
        return code
    throttled = f", requests waited {report.waited:,.1f} s in all to be repeated" if report.waited else ""
    say(f"{several(report.rows, 'row')} in {report.elapsed:,.1f} s{throttled}")
    for note in _notes(report):
        say(f"note: {note}")
    tell_failures(report.failures)
    if report.interrupted:
        say("interrupted; the next run goes on where this one stopped")
    elif not report.complete:
        left = f"{several(report.left, 'window')} left: " if report.left else ""
        lasting = bool(report.failures) and all(failure.status in LASTING for failure in report.failures)
        say(f"{left}run again {'when that is mended' if lasting else 'to go on'}")
    return code


def code_of(report: Report) -> int:
    """Return the exit code."""
    if report.interrupted:
        return INTERRUPTED
    if report.complete:
        return COMPLETE
    refused = bool(report.failures) and all(failure.status in REFUSED for failure in report.failures)
    return CREDENTIALS if refused else FAILED


def closing(report: Report) -> Iterable[Table]:
    """Yield the closing tables of a run: what was read, and what the cases still owe."""
    table = plain_table("stream", ">rows read", ">rows held", ">windows", ">verified", ">drift", ">retries", "state")
    lost = {(failure.stream, failure.organization) for failure in report.failures if failure.window is None}
    for figures in report.streams.values():
        unread = sum(stream == figures.stream for stream, _ in lost)
        state = f"{figures.left:,} left" if figures.left else f"{unread} unread" if unread else "complete"
        table.add_row(
            figures.stream,
            f"{figures.rows:,}",
            f"{figures.held_rows:,}",
            f"{figures.windows:,}",
            f"{figures.verified:,}" if figures.verified or figures.unverified else "no count" if figures.windows else "",
            f"{figures.drift:,}",
            f"{figures.retries:,}",
            "stopped" if report.interrupted and state == "complete" else state,
        )
    yield table
    sums = plain_table("case status", ">cases", ">remaining amount", "currency")
    for owed in report.owed:
        sums.add_row(owed.status, f"{owed.cases:,}", _amount(owed.remaining), owed.currency or "not told")
    if sums.row_count:
        yield sums


def how_to_look(given: str, target: str, table: str) -> str:
    """Return a command that shows something of the data.

    Args:
        given: the target as it was written, which for a database may say more than `target` does.
        target: what the sink calls itself.
        table: table to look at.
    """
    kind, _, place = target.partition(":")
    if kind.startswith("ndjson"):
        show = {"ndjson": "head -n 1 {}", "ndjson.gz": "gzip -dc {} | head -n 1", "ndjson.zst": "zstd -dc {} | head -n 1"}[kind]
        return show.format(f'"$(find {shlex.quote(f"{place}/{table}")} -type f | head -n 1)"')
    if kind == "parquet":
        folder = _text(f"{place}/{table}")
        return _python(f'import pyarrow.dataset as d; print(*d.dataset({folder}).head(3).to_pylist(), sep="\\n")')
    query = f"SELECT * FROM {table} LIMIT 3"  # noqa: S608  # shown, not run
    if kind == "sqlite":
        if shutil.which("sqlite3"):
            return f"sqlite3 {shlex.quote(place)} {shlex.quote(query)}"
        return _python(f'import sqlite3; print(*sqlite3.connect({_text(place)}).execute("{query}"), sep="\\n")')
    if kind == "duckdb":
        return _python(f'import duckdb; duckdb.connect({_text(place)}, read_only=True).sql("{query}").show()')
    if schema := dict(parse_qsl(urlsplit(given).query)).get("schema"):
        query = query.replace(table, f'"{schema}".{table}')
    url = re.sub(r"(?<=[?&])schema=[^&]*&?", "", given).rstrip("?&")  # psql does not know that one
    return f"psql {shlex.quote(url)} -c {shlex.quote(query)}"


def tell_failures(failures: Sequence[Failure]) -> None:
    """Print what could not be read, and what to do about it. A server that cannot be reached is one cause, told once."""
    unreached = list(dict.fromkeys(_unreached(failure) for failure in failures))
    told = {(failure.stream, failure.organization, failure.reason): failure for failure in reversed(failures)}
    others = [failure for failure in list(told.values())[::-1] if not _unreached(failure)]
    for cause in unreached:
        if cause:
            fail(f"{cause}; {UNREACHED}")
    for failure in others[:MOST]:
        fail(f"{failure.window or f'{failure.stream}/{failure.organization}'}: {failure.reason}")
    if len(others) > MOST:
        say(f"and {len(others) - MOST:,} more; `amili sync status` shows them")
    for advice in dict.fromkeys(ADVICE[failure.status] for failure in others if failure.status in ADVICE):
        say(advice)


def _unreached(failure: Failure) -> str:
    """Return why the server could not be reached, without the path and the number of attempts; empty if it could."""
    found = re.search(r"cannot connect.*?(?= \([^()]*\)$|$)", failure.reason) if failure.status is None else None
    return found[0] if found else ""


def _python(program: str) -> str:
    return f"python -c {shlex.quote(program)}"


def _text(text: str) -> str:
    """Write a text as Python does, between double quotes."""
    return encode(text).decode()


def _privacy(target: str) -> str:
    return "" if target.startswith("postgres") else ", readable by you only"


def _amount(amount: Decimal) -> str:
    """Write an amount with all its digits, and two behind the point at least."""
    digits = amount.as_tuple().exponent
    return f"{amount:,.2f}" if isinstance(digits, int) and digits > -2 else f"{amount:,f}"


def _notes(report: Report) -> Iterable[str]:
    """Yield what is not a failure, and has to be known all the same."""
    for figures in report.streams.values():
        name = figures.stream
        if figures.unverified:
            yield f"{name}: in {several(figures.unverified, 'window')} the rows differ from the number that the server gives"
        if figures.cut_off:
            yield f"{name}: the server gives only a part of {several(figures.cut_off, 'list')}; the rest cannot be read this way"
        if figures.kept:
            yield f"{name}: {several(figures.kept, 'window')} kept as read before, because rows and count differed this time"
        if figures.drift:
            yield f"{name}: {several(figures.drift, 'page')} not as documented; every row that came is kept, odd values in _extra"
    for difference in report.differences:
        yield (
            f"{difference.stream}/{difference.organization}: the server counts {several(difference.expected, 'row')}, "
            f"the target holds {difference.held:,}"
        )
    if report.unread:
        yield f"the amounts of {several(report.unread, 'case')} could not be added up; the rows are there"
