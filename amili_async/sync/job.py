"""The sync job: lists of organizations and clients into a target, window by window, nothing lost and nothing doubled."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
from msgspec.structs import replace

from amili_async.ending import finished
from amili_async.errors import ConfigError
from amili_async.hooks import emit
from amili_async.sync.books import Books
from amili_async.sync.gaps import begin_of
from amili_async.sync.keys import among
from amili_async.sync.ledger import digest
from amili_async.sync.listening import Listener
from amili_async.sync.order import Order, changeable
from amili_async.sync.report import Figures, Report
from amili_async.sync.running import Run
from amili_async.sync.verifying import verify

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
    from datetime import date

    from amili_async.client import AmiliClient
    from amili_async.sync.events import Event
    from amili_async.sync.ledger import Entry
    from amili_async.sync.redact import Redaction
    from amili_async.sync.report import Verification
    from amili_async.sync.sinks.base import Sink
    from amili_async.sync.windows import Window

__all__ = ["SyncJob"]

LAG = timedelta(minutes=5)


class SyncJob:
    """Carries lists into a target, and knows from the target's ledger what is there already.

    It can be stopped or killed at any moment; `run` goes on where it was. Each row is in the target once: the ledger is written
    together with the rows (a callable as target gets rows at least once).

    Args:
        amili: client to read with.
        sink: the target; `sink_for("parquet:lake")` makes one.
        organizations: ids of organizations, whose cases, batches, invoices and settlements can be read.
        clients: numbers of ARM clients, whose customers, ar_items, documents and gl_items can be read.
        streams: names of streams; None: all that organizations and clients have.
        start: begin of the time to read, a date or date-time, in UTC if it has no zone; None: from the first row on. Lists that
            have no period are read as a whole.
        until: its end; at most, and by default, the last whole hour (settlements: day) that is over for `lag`.
        lag: how long rows may take until the list shows them.
        concurrency: windows that are read at the same time. Fewer requests are made while the server answers with 429 or 503,
            and never more than the client's `Limits(connections=...)` lets through.
        max_rows: rows that a window shall have at most, where the server counts them.
        memory: bytes of pages that are worked on at the same time, about; each window has one more page on its way.
        parts: parts of rows that get tables of their own besides (`invoices`, `debtors`, `claims`, `succeeded`, `documentLines`).
            What a target holds without them is read again; those that it has cannot be left out later.
        redact: what is taken out of rows before anything of them is kept.
        filters: further filters by stream, `{"cases": {"Status": "OPEN"}}`. A target keeps to the filters of its first run.
        source: what the ledger calls the origin of the rows; a target with rows of another origin is refused. By default the base
            URLs of the environment.
        on_event: called with each event in the event loop; it must not block, and its errors are logged only.

    Attributes:
        report: that of the latest run, or of the one under way; None before the first.

    Raises:
        ConfigError: a setting is wrong.

    Example:
        ```python
        job = SyncJob(amili, organizations=[org], streams=["cases"], sink=sink_for("parquet:lake"))
        report = await job.run()
        print(report.rows, report.complete)
        ```
    """

    def __init__(
        self,
        amili: AmiliClient,
        *,
        sink: Sink,
        organizations: Sequence[str] = (),
        clients: Sequence[str | int] = (),
        streams: Iterable[str] | None = None,
        start: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
        lag: timedelta = LAG,
        concurrency: int = 16,
        max_rows: int = 20_000,
        memory: int = 64 * 2**20,
        parts: Iterable[str] = (),
        redact: Redaction | None = None,
        filters: Mapping[str, Mapping[str, object]] | None = None,
        source: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._order = Order.checked(
            organizations=organizations,
            clients=clients,
            streams=streams,
            start=start,
            until=until,
            lag=lag,
            concurrency=concurrency,
            max_rows=max_rows,
            memory=memory,
            parts=parts,
            redact=redact,
            filters=filters or {},
        )
        if not hasattr(sink, "peek"):
            hint = "a function goes into CallableSink(function)" if callable(sink) else 'sink_for("parquet:lake") makes one'
            raise ConfigError(f"a SyncJob needs a sink as its target: {hint}")
        self._amili, self._sink = amili, sink
        self._source = source or " and ".join(filter(None, (amili.environment.collection, amili.environment.arm)))
        if redact is not None:
            self._source += f", {redact}"  # so that rows with and without these values are not mixed
        self._on_event = on_event
        self._opening = anyio.Lock()
        self._users = 0
        self._books: Books | None = None
        self._run: Run | None = None
        self._busy = self._stopped = False
        self.report: Report | None = None

    def __repr__(self) -> str:
        """Name streams and target."""
        return f"SyncJob({', '.join(stream.name for stream in self._order.streams)} -> {self._sink.target})"

    async def run(self, *, restart: bool = False) -> Report:
        """Read what is not in the target yet: time that has passed since the last run, and windows that failed or are stale.

        Windows that are there are not read again; `refresh` does that.

        Args:
            restart: read all windows of this job again. What is there is replaced window by window; if this run is interrupted,
                the next one goes on with the rest.

        Returns:
            The report. Windows and lists that failed are in it; they do not stop the others.

        Raises:
            SinkError: the target cannot be used or has failed; what was committed is safe.
            Unauthorized: the credentials are refused.
            ConfigError: a setting is missing.
        """
        return await self._go(lambda _: False, restart=restart)

    async def refresh(self, thaw_after: timedelta | None = None) -> Report:
        """Do what `run` does, and read those windows again whose rows can have changed.

        These are windows with rows that are not closed, windows that were not verified or were read within a day of their end,
        and lists that have no period. Settlements never change.

        Args:
            thaw_after: also read again what cannot have changed, if it was read longer ago than this.

        Returns and raises what `run` does.
        """
        now = self._now()
        return await self._go(lambda entry: changeable(entry, now, thaw_after))

    async def plan(self) -> list[Window]:
        """Return the windows that a run would read, in order. Nothing is written; the target may be in use.

        Lists that cannot be asked are in the `failures` of `report`.

        Raises:
            SinkError: the ledger cannot be read.
            Unauthorized: the credentials are refused.
        """
        books = Books(self._sink)
        books.load(await self._sink.peek())
        self._check(books)
        report = self._new_report()
        run = Run(self._amili, self._order, books, report, self._tell)
        missing = (entry for entry in books if entry.state != "done" or self._order.unfit(entry, run.now))
        windows = [entry.window for entry in missing if self._order.covers(entry.window, run.now)]
        with self._amili.listening(Listener(run.pace, report, self._order.streams, self._tell)):
            await run.plan(lambda window, _: windows.append(window))
        if not self._busy:
            self.report = report
        return sorted(windows, key=lambda window: (*window.key[:2], begin_of(window.start)))

    async def status(self) -> list[Entry]:
        """Return the ledger. The target may be in use.

        Raises:
            SinkError: it cannot be read.
        """
        return await self._sink.peek()

    async def verify(self) -> Verification:
        """Compare the target itself with its ledger. Windows with something amiss become `stale`: the next run mends them.

        Raises:
            SinkError: the target cannot be read.
            ConfigError: this job is running.
        """
        with self._alone():
            before = [entry for entry in await self._sink.peek() if entry.present and entry.key[:2] in self._order.known]
            async with self._opened(check=False) as books:
                return await verify(books, before)

    async def touch(self, *, case_id: str, organization: str | None = None) -> bool:
        """Mark the window of a case as stale, so that the next run reads it again: for a handler of CASE_UPDATED webhooks.

        While this job runs it may be called too. It is looked for in the windows of the job's organizations, or of the one given.

        Returns:
            Whether there is such a window. A case that is younger than the last run is in none, and comes with the next; one
            that a run is reading right now is read again by the next run.

        Raises:
            SinkError: the target cannot be used; `busy` while another process is using it: try again later.
        """
        async with self._opened(check=False) as books:
            mark = digest(case_id)
            for stream, owner in sorted(self._order.known):
                if stream == "cases" and organization in {None, owner}:
                    for entry in books.of(stream, owner):
                        if entry.present and among(mark, await books.digests(entry)):
                            await books.touch(entry)
                            return True
            books.await_row(mark)
        return False

    async def reset(self) -> int:
        """Remove the windows of this job from the target and from its ledger, rows and all.

        Those of its streams, organizations and clients, as far as they reach into the time from `start` to `until`.

        Returns:
            How many there were.

        Raises:
            SinkError: the target cannot be used.
            ConfigError: this job is running.
        """
        now = self._now()
        with self._alone():
            async with self._opened(check=False) as books:
                entries = [entry for entry in books if self._order.covers(entry.window, now)]
                await books.remove(entries)
                return len(entries)

    def stop(self) -> None:
        """Let a run finish the windows that it is reading, and begin nothing more. The next run goes on.

        A window that would have to wait until the server is well again counts as failed.

        To end it at once, cancel the task of `run`; that leaves the ledger consistent, too.
        """
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    async def _go(self, due: Callable[[Entry], bool], *, restart: bool = False) -> Report:
        with self._alone():
            self._stopped = False
            try:
                return await self._run_through(due, restart=restart)
            finally:
                self._run = None

    @contextmanager
    def _alone(self) -> Generator[None]:
        """See to it that windows are read, compared or removed by one caller only: each goes by what it has seen of the ledger.

        Raises:
            ConfigError: there is one already.
        """
        if self._busy:
            raise ConfigError("this job is running")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def _run_through(self, due: Callable[[Entry], bool], *, restart: bool) -> Report:
        self.report = report = self._new_report()
        started = self._amili.clock.monotonic()
        async with self._opened() as books:
            self._run = run = Run(self._amili, self._order, books, report, self._tell)
            known = [entry for entry in books if entry.present and self._order.covers(entry.window, run.now)]
            again = [entry for entry in known if restart or self._order.unfit(entry, run.now)]
            await books.put([replace(entry, state="stale") for entry in again])
            if self._stopped:
                run.stop()
            try:
                with self._amili.listening(Listener(run.pace, report, self._order.streams, self._tell)):
                    await run.go(lambda entry: entry.state != "done" or due(entry))
            except BaseException:
                report.interrupted = True
                raise
            finally:
                run.conclude()
                report.elapsed = self._amili.clock.monotonic() - started
        return report

    @asynccontextmanager
    async def _opened(self, *, check: bool = True) -> AsyncGenerator[Books]:
        """Take hold of the target, together with whoever of this job has it already; the last lets go of it."""
        async with self._opening:
            if self._books is None:
                books = Books(self._sink)
                await books.open(self._source, self._order.streams, self._order.parts)
                self._books = books
            books = self._books
            self._users += 1
        try:
            if check:
                self._check(books)
            yield books
        finally:
            await finished(self._leave(books))

    async def _leave(self, books: Books) -> None:
        async with self._opening:
            self._users -= 1
            if not self._users:
                self._books = None
                await books.close()

    def _check(self, books: Books) -> None:
        """Refuse other filters than those that the target was filled with: a row would be in two windows, or in none.

        And refuse to leave out parts that it has tables of: these would lose the rows of each window that is read again.

        Raises:
            ConfigError: they are others.
        """
        for whole in self._order.lists:
            for entry in books.of(*whole.key[:2]):
                if entry.window.filters != whole.filters:
                    raise ConfigError(
                        f"{self._sink.target} holds {whole.stream} that were read with other filters: "
                        "give the same, take another target, or reset this one"
                    )
                missing = {*entry.parts} - {*self._order.parts_of(whole)}
                if missing:
                    raise ConfigError(
                        f"{self._sink.target} has tables of the {' and '.join(sorted(missing))} of {whole.stream}: give these "
                        "parts too, take another target, or reset this one"
                    )

    def _new_report(self) -> Report:
        return Report(streams={stream.name: Figures(stream=stream.name) for stream in self._order.streams})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._amili.clock.time(), UTC)

    def _tell(self, event: Event) -> None:
        if self._on_event is not None:
            emit(self._on_event, event)
