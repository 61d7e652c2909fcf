"""What commands print: lines, JSON and tables. Data goes to stdout, all else to stderr."""

from __future__ import annotations

import logging
import os
import select
import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from amili_async.errors import UnconfirmedOperationWarning
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from amili_async.operation import Operation

__all__ = [
    "console",
    "fail",
    "guesses",
    "log_errors_only",
    "logs",
    "operations_list",
    "operations_table",
    "plain_table",
    "print_json",
    "say",
    "several",
    "silence_stdout",
    "warnings_as_lines",
    "write_bytes",
]


class _Console(Console):
    """Leaves a closed pipe to the caller, where rich would end the process with code 1, and says of errors where they are."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        with _named("standard error" if self.stderr else "standard output"):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> NoReturn:
        """Raise it on."""
        raise BrokenPipeError


@contextmanager
def _named(name: str) -> Generator[None]:
    """Let an error in writing name what could not be written to."""
    try:
        yield
    except OSError as error:
        error.filename = name
        raise


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
    with _named("standard output"):
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


@contextmanager
def warnings_as_lines() -> Generator[None]:
    """Show the warning about an operation that rests on a guess as one line, and once."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        text = str(message).partition(";")[0]
        if text not in shown:
            shown.add(text)
            say(f"warning: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UnconfirmedOperationWarning)
        warnings.showwarning = show
        yield


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


def operations_list(operations: Iterable[Operation[Any]]) -> Text:
    """Return the operations for a narrow terminal, in two lines each."""
    found = Text()
    for operation in operations:
        paged = f", {operation.paging.style} paging" if operation.paging else ""
        guess = f", guessed: {guesses(operation)}" if guesses(operation) else ""
        safe = "" if operation.retry_safe else ", not repeated"
        found.append(operation.name, "bold").append(f"  {operation.evidence}{paged}{safe}{guess}\n", "dim")
        found.append(f"    {operation.method} {operation.path}\n")
    found.rstrip()
    return found


def guesses(operation: Operation[Any]) -> str:
    """Say in plain words what of an operation is a guess."""
    parts = {"path": operation.path_guessed, "HTTP method": operation.method_guessed}
    guessed = " and ".join(name for name, guess in parts.items() if guess)
    return guessed or ("" if operation.confirmed else "known by analogy or by its title only")


def plain_table(*columns: str) -> Table:
    """Return an empty table without frames; columns whose name begins with `>` stand to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return table
