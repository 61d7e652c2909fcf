"""The commands of `amili sync`: run, plan, refresh, status, verify, reset, compact."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cyclopts import App

from amili_async.cli_access import COMPLETE, FAILED, INTERRUPTED, NOTHING, Access, Env, Flag, Stop
from amili_async.cli_job import Part, ReadOptions, Scope, chosen, held, job_of, sink_of, span_of, target_of
from amili_async.cli_ledger import ledger_picture
from amili_async.cli_output import console, fail, log_errors_only, print_json, say, several, warnings_as_lines
from amili_async.cli_progress import SyncProgress
from amili_async.cli_report import code_of, conclude, tell_failures
from amili_async.sync.streams import streams_named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from amili_async.sync.job import SyncJob
    from amili_async.sync.report import Report

__all__ = ["sync"]

sync = App(
    name="sync",
    help="Stream whole lists into files and databases; a run goes on where the last one stopped.",
    help_format="markdown",
)

NARROW = 80
"""Columns for a picture where there is no terminal: it may be shown on one later. For programs there is --json."""
SCOPE, PART, READ_OPTIONS, ENV = Scope(), Part(), ReadOptions(), Env()


@sync.command
def run(
    *,
    scope: Scope = SCOPE,
    options: ReadOptions = READ_OPTIONS,
    restart: Flag = False,
    dry_run: Flag = False,
    json_logs: Flag = False,
    access: Access = NOTHING,
) -> int:
    """Stream lists of organizations into files or a database; go on where the last run stopped.

    What is there is not read again. Ctrl-C finishes the windows that are being read, a second one stops at once; either way
    the next run goes on.

    Args:
        scope: What to read, and where to.
        options: How to read.
        restart: Read everything again; what is there is replaced window by window.
        dry_run: Only show what would be read.
        json_logs: Print progress as lines of JSON on stderr.
        access: How to reach the API.
    """
    if dry_run:
        if restart:
            raise Stop("--dry-run shows what is missing, and with --restart that is everything: leave out one of them")
        return plan(scope=scope, options=options, access=access)
    return asyncio.run(_read(access, scope, options, lambda job: job.run(restart=restart), json_logs=json_logs))


@sync.command
def refresh(
    *,
    scope: Scope = SCOPE,
    options: ReadOptions = READ_OPTIONS,
    thaw_after: str | None = None,
    json_logs: Flag = False,
    access: Access = NOTHING,
) -> int:
    """Read again what may have changed (windows with open cases, lists that cannot be cut), and what is new.

    Args:
        scope: What to read, and where to.
        options: How to read.
        thaw_after: Read also windows that should have changed no more, if they were read longer ago than this, such as 30d.
        json_logs: Print progress as lines of JSON on stderr.
        access: How to reach the API.
    """
    age = None if thaw_after is None else span_of(thaw_after)
    return asyncio.run(_read(access, scope, options, lambda job: job.refresh(thaw_after=age), json_logs=json_logs))


@sync.command
def plan(*, scope: Scope = SCOPE, options: ReadOptions = READ_OPTIONS, json: Flag = False, access: Access = NOTHING) -> int:
    """Show the windows that a run would read now. Nothing is written.

    Args:
        scope: What to read, and where to.
        options: How to read.
        json: Print JSON, one window a line.
        access: How to reach the API.
    """

    async def show() -> int:
        with warnings_as_lines():
            async with job_of(access, scope, options) as (job, sink):
                windows = await job.plan()
        for window in windows:
            if json:
                print_json(window, pretty=False)
            else:
                console().print(str(window), soft_wrap=True)
        report = job.report
        failures = report.failures if report else []
        say(f"{several(len(windows), 'window')} to read into {sink.target}" if windows or failures else "nothing to read")
        tell_failures(failures)
        return code_of(report) if report else COMPLETE

    return asyncio.run(show())


@sync.command
def verify(*, scope: Part = PART, env: Env = ENV) -> int:
    """Compare the keys of the rows that the target holds with its ledger. Windows that differ are read again by the next run.

    Rows that are missing, unknown or doubled are found; the contents of the rows are not compared.

    Args:
        scope: What to compare, and where it is.
        env: Where settings come from.
    """
    from amili_async.sync.books import Books  # noqa: PLC0415  # takes its time, and --help does without
    from amili_async.sync.verifying import verify as compare  # noqa: PLC0415

    async def work() -> int:
        sink = sink_of(scope.to, env)
        before = [entry for entry in chosen(await sink.peek(), scope) if entry.present]
        if not before:
            raise Stop(f"{sink.target} holds nothing that could be compared", FAILED)
        async with held(sink, streams_named(entry.window.stream for entry in before)) as entries:
            books = Books(sink)
            books.load(entries)
            found = await compare(books, before)
        say(f"{several(found.windows, 'window')} with {several(found.rows, 'row')} compared in {sink.target}")
        if found.sound:
            say("no difference found")
            return COMPLETE
        for window in found.damaged:
            say(f"  {window}")
        fail(
            f"{several(found.missing, 'row')} missing, {found.foreign:,} unknown to the ledger, {found.doubled:,} doubled; "
            "the windows above are read again by the next run"
        )
        return FAILED

    return asyncio.run(work())


@sync.command
def status(*, to: str | None = None, json: Flag = False, env: Env = ENV) -> int:
    """Show how far a target is: a picture of its windows on a time line, and the figures. Also while a run is going on.

    Args:
        to: Target, as for `run`.
        json: Print JSON, one window of the ledger a line.
        env: Where settings come from.
    """
    sink = sink_of(to, env)
    entries = asyncio.run(sink.peek())
    if json:
        for entry in entries:
            print_json(entry, pretty=False)
    elif not entries:
        say(f"{sink.target} holds nothing yet; `amili sync run` begins")
    else:
        out = console()
        width = out.width if out.is_terminal else NARROW
        for part in ledger_picture(entries, width=width, ascii_only=not out.encoding.lower().startswith("utf")):
            out.print(part)
    return COMPLETE


@sync.command
def reset(*, scope: Part = PART, yes: Flag = False, env: Env = ENV) -> int:
    """Remove what a sync has written: rows, files and ledger of the streams and organizations given, or all of it.

    Args:
        scope: What to remove, and where it is.
        yes: Really do it.
        env: Where settings come from.
    """

    async def work() -> int:
        sink = sink_of(scope.to, env)
        found = chosen(await sink.peek(), scope)
        if not found:
            say(f"{sink.target} holds nothing of that")
            return COMPLETE
        if yes:
            async with held(sink) as entries:
                found = chosen(entries, scope)
                await sink.remove(found)
        what = f"{several(len(found), 'window')} with {several(sum(entry.rows for entry in found), 'row')} from {sink.target}"
        if not yes:
            raise Stop(f"this would remove {what}; add --yes to do it")
        say(f"removed {what}")
        return COMPLETE

    return asyncio.run(work())


@sync.command
def compact(*, to: str | None = None, env: Env = ENV) -> int:
    """Put the files of neighbouring windows together: fewer and larger ones are read faster. Databases need none of it.

    Only windows that begin in the same month of creation go together, and none that the next run reads again.

    Args:
        to: Target, as for `run`.
        env: Where settings come from.
    """

    async def work() -> int:
        sink = sink_of(to, env)
        join: Callable[[], Awaitable[int]] | None = getattr(sink, "compact", None)
        if join is None:
            say(f"{sink.target} is no folder of files: there is nothing to put together")
            return COMPLETE
        gone, why = 0, "it holds nothing yet"
        if await sink.peek():  # else there would be a folder where there was none
            why = "only neighbouring windows of one month go together, if the next run does not read them again"
            async with held(sink):
                gone = await join()
        nothing = f"there is nothing to put together in {sink.target}: {why}"
        say(f"{several(gone, 'file')} fewer in {sink.target}" if gone else nothing)
        return COMPLETE

    return asyncio.run(work())


async def _read(
    access: Access, scope: Scope, options: ReadOptions, work: Callable[[SyncJob], Awaitable[Report]], *, json_logs: bool
) -> int:
    """Run a job that reads, show how it comes along, and say how it ended."""
    log_errors_only()
    progress = SyncProgress(live=console(stderr=True).is_terminal and not access.debug, json=json_logs)
    with warnings_as_lines():
        async with job_of(access, scope, options, on_event=progress.take) as (job, sink):
            ticking = asyncio.create_task(_tick(progress))
            try:
                with progress, _interrupts(job):
                    report = await work(job)
            except asyncio.CancelledError:
                text = f"stopped at once; what was committed is in {sink.target}, and the next run goes on"
                raise Stop(text, INTERRUPTED) from None
            finally:
                ticking.cancel()
    return conclude(report, sink, target_of(scope.to, access), json=json_logs)


@contextmanager
def _interrupts(job: SyncJob) -> Generator[None]:
    """Let the first Ctrl-C stop the job in order, and the second one at once."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    before, numbers = signal.getsignal(signal.SIGINT), (signal.SIGINT, signal.SIGTERM)
    pressed = False

    def interrupt() -> None:
        nonlocal pressed
        if pressed and task is not None:
            task.cancel()
        elif not pressed:
            pressed = True
            say("finishing the windows that are being read; Ctrl-C again stops at once")
            job.stop()

    trouble = (NotImplementedError, ValueError, RuntimeError)  # Windows, or not the main thread: there Ctrl-C stops at once
    with suppress(*trouble):
        for number in numbers:
            loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        with suppress(*trouble):
            for number in numbers:
                loop.remove_signal_handler(number)
            signal.signal(signal.SIGINT, before)


async def _tick(progress: SyncProgress) -> None:
    while True:
        await asyncio.sleep(0.25)
        progress.tick()
