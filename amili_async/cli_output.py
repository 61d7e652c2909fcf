"""What commands print: lines, JSON and tables. Data goes to stdout, all else to stderr."""

from __future__ import annotations

import logging
import os
import select
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Self

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from amili_async.cli_access import explain
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from types import TracebackType

    from amili_async.operation import Operation
    from amili_async.sync.simple import StreamReport, SyncReport

__all__ = [
    "SyncProgress",
    "console",
    "fail",
    "guesses",
    "log_errors_only",
    "logs",
    "operations_table",
    "plain_table",
    "print_json",
    "say",
    "several",
    "silence_stdout",
    "sync_failures",
    "sync_tables",
    "write_bytes",
]


class _Console(Console):
    """Leaves a closed pipe to the caller, where rich would end the process with code 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise it on."""
        raise BrokenPipeError


def console(*, stderr: bool = False, width: int = 250) -> Console:
    """Return a console for stdout or stderr. Colours only on a terminal, and not with NO_COLOR.

    Args:
        stderr: for stderr.
        width: columns where there is no terminal; there tables are for programs, which fold nothing.
    """
    found = _Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = width
    return found


def say(text: str) -> None:
    """Print a line for people on stderr."""
    with suppress(OSError, ValueError, AttributeError):  # closed, full, or not there: what was done stays done
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def fail(message: str) -> None:
    """Print an error on stderr, in one line."""
    say(f"error: {' '.join(message.split())}")


def several(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_bytes(chunk: bytes) -> None:
    """Write to stdout, past its buffer: what is written is out, and nothing is left to fail at exit."""
    handle, rest = sys.stdout.fileno(), memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(handle, rest) :]
        except BlockingIOError:  # a pipe that the reader made non-blocking: wait for room
            select.select([], [handle], [])


def print_json(data: object, *, pretty: bool) -> None:
    """Print data as JSON, one line or for people."""
    write_bytes(msgspec.json.format(encode(data), indent=2 if pretty else -1) + b"\n")


def silence_stdout() -> None:
    """Send what is still in the buffer of a closed stdout nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@contextmanager
def logs(level: int) -> Generator[logging.Logger]:
    """Show on stderr what the package logs, from a level on."""
    logger = logging.getLogger("amili_async")
    handler, before = logging.StreamHandler(), logger.level
    handler.setFormatter(_Lines("%(levelname)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Lines(logging.Formatter):
    """Begins lines with the level in small letters, as all our lines on stderr do."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        text = super().format(record)
        return text[: len(record.levelname)].lower() + text[len(record.levelname) :]


def log_errors_only() -> None:
    """Leave out the lines on retries, for a command that counts them; not when debugging."""
    logger = logging.getLogger("amili_async")
    logger.setLevel(logging.DEBUG if logger.level == logging.DEBUG else logging.ERROR)


class SyncProgress:
    """Shows how a sync comes along: a live view on a terminal, lines elsewhere.

    Args:
        live: whether to draw; without it `update` prints a line when a stream ends, and `tick` one for each that runs.
    """

    def __init__(self, *, live: bool) -> None:
        self.streams: dict[str, StreamReport] = {}
        self._tasks: dict[str, Any] = {}
        self._bars = (
            Progress(
                SpinnerColumn(finished_text=" "),
                TextColumn("{task.fields[name]:<11}"),
                TextColumn("{task.fields[rows]:>10,} rows {task.fields[rate]:>7,.0f}/s {task.fields[pages]:>6,} pages"),
                TextColumn("{task.fields[retries]:>3,} retries {task.fields[state]}"),
                console=console(stderr=True),
            )
            if live
            else None
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave the last picture standing."""
        if self._bars is not None:
            self._bars.stop()

    def update(self, stream: StreamReport) -> None:
        """Take note of a stream's numbers."""
        self.streams[stream.name] = stream
        if self._bars is not None:
            self._draw(self._bars, stream)
        elif stream.state in {"complete", "failed"}:
            say(f"{stream.name}: {stream.state}, {_numbers(stream)}, {stream.elapsed:,.1f} s")

    def tick(self) -> None:
        """Print a line for each stream that runs."""
        for stream in self.streams.values():
            if self._bars is None and stream.state == "running":
                say(f"{stream.name}: {_numbers(stream)}, {stream.rate:,.0f} rows/s")

    def _draw(self, bars: Progress, stream: StreamReport) -> None:
        fields: dict[str, Any] = {key: getattr(stream, key) for key in ("name", "rows", "rate", "pages", "retries", "state")}
        if stream.name not in self._tasks:
            self._tasks[stream.name] = bars.add_task(stream.name, total=1, **fields)
        bars.update(self._tasks[stream.name], completed=stream.state != "running", **fields)


def _numbers(stream: StreamReport) -> str:
    retries = "1 retry" if stream.retries == 1 else f"{stream.retries:,} retries"
    return f"{several(stream.rows, 'row')}, {several(stream.pages, 'page')}, {retries}"


def sync_tables(report: SyncReport) -> Iterable[Table]:
    """Return the closing tables of a sync: what was read, and what the cases still owe."""
    streams = plain_table("stream", ">rows", ">pages", ">retries", ">rows/s", ">bytes", "state")
    for stream in report.streams:
        numbers = (stream.rows, stream.pages, stream.retries, round(stream.rate), stream.bytes)
        streams.add_row(stream.name, *(f"{number:,}" for number in numbers), stream.state)
    yield streams
    sums = plain_table("case status", ">cases", ">remaining amount", "currency")
    for owed in report.amounts:
        sums.add_row(owed.status, f"{owed.cases:,}", f"{owed.remaining:,f}", owed.currency or "not told")
    if sums.row_count:
        yield sums


def sync_failures(report: SyncReport) -> Iterable[tuple[str, int]]:
    """Return a sentence and an exit code for each stream that failed, or for several that failed of the same."""
    found: dict[tuple[str, int], list[str]] = {}
    for stream in report.streams:
        if stream.failure is not None:
            sentence, code = explain(stream.failure)
            kept = f"; what it has so far ({several(stream.rows, 'row')}) is in {stream.part}" if stream.part else ""
            found.setdefault((sentence + kept, code), []).append(stream.name)
    return [(f"{', '.join(names)}: {sentence}", code) for (sentence, code), names in found.items()]


def operations_table(operations: Iterable[Operation[Any]]) -> Table:
    """Return the table of operations, with the guesses in plain words."""
    table = plain_table("operation", "method", "path", "evidence", "retry safe", "paging", "guessed")
    for operation in operations:
        table.add_row(
            operation.name,
            operation.method,
            operation.path,
            operation.evidence,
            "yes" if operation.retry_safe else "no",
            operation.paging.style if operation.paging else "",
            guesses(operation),
        )
    return table


def guesses(operation: Operation[Any]) -> str:
    """Say in plain words what of an operation is a guess."""
    parts = {"path": operation.path_guessed, "HTTP method": operation.method_guessed}
    guessed = " and ".join(name for name, guess in parts.items() if guess)
    return guessed or ("" if operation.confirmed else "known by analogy or by its title only")


def plain_table(*columns: str) -> Table:
    """Return an empty table without frames; columns whose name begins with `>` stand to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table
