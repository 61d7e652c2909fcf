"""What stands behind a resource: a sync job in a thread, whose tables it yields and whose ledger it keeps in dlt's state."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa
from anyio.from_thread import start_blocking_portal
from msgspec.structs import replace

from amili_async.dlt.sink import Message, Seen, StateSink
from amili_async.errors import AmiliError, SinkError
from amili_async.sync.job import SyncJob
from amili_async.sync.ledger import Entry
from amili_async.sync.order import changeable
from amili_async.sync.shapes import schema_of
from amili_async.sync.tables import ORGANIZATION, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from datetime import datetime

    from amili_async.sync.remote import ClientSettings
    from amili_async.sync.report import Report
    from amili_async.sync.streams import Stream

__all__ = ["Reader", "one_run"]

_logger = logging.getLogger("amili_async")


class _Run(NamedTuple):
    rows: int
    failed: list[AmiliError]


_run: ContextVar[_Run | None] = ContextVar("_run", default=None)


@contextmanager
def one_run(rows: int) -> Generator[list[AmiliError]]:
    """Have readers be content with a part of what there is, and collect their errors in the list given instead of raising them.

    dlt drops all that a run has read, of every stream, when one of them raises.

    Args:
        rows: once a reader has yielded so many, it begins no window any more; those that are being read are finished.
    """
    run = _Run(rows, [])
    token = _run.set(run)
    try:
        yield run.failed
    finally:
        _run.reset(token)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads what the state of a stream's resource does not have yet.

    Attributes:
        stream: which one.
        settings: makes the settings of the client.
        options: of the job.
        since: windows read before it whose rows can have changed are read again; None: none are.
        seen: what this process has yielded already.
    """

    stream: Stream
    settings: Callable[[], ClientSettings]
    options: dict[str, Any]
    since: datetime | None
    seen: Seen = field(default_factory=Seen)

    def tables(self, state: dict[str, Any]) -> Generator[pa.Table]:
        """Yield tables, and write into the state before each what it completes: dlt may not come back for the next.

        At the end `left` in the state tells whether another run has anything to do.

        Raises:
            AmiliError: nothing can be read; in `one_run` it is collected, and another run is not worth while for this stream.
        """
        run = _run.get()
        try:
            state["left"] = yield from self._read(state, run.rows if run else None)
        except AmiliError as error:
            if run is None:
                raise
            state["left"] = False
            run.failed.append(error)

    def _read(self, state: dict[str, Any], most: int | None) -> Generator[pa.Table, None, bool]:
        windows: dict[str, Any] = state.setdefault("windows", {})
        entries = _ledger(windows.values())
        stale = [replace(entry, state="stale") for entry in entries if self._due(entry)]
        messages = SimpleQueue[Message | None]()
        messages.put(Message(entries=tuple(stale)))
        ledger = {entry.key: entry for entry in (*entries, *stale)}
        sink = StateSink(self.stream, tuple(ledger.values()), state.get("source"), self.seen, messages.put)
        schema, settings = self._schema(), self.settings()
        with start_blocking_portal() as portal:
            task = portal.start_task_soon(self._run, settings, sink, most)
            task.add_done_callback(lambda _: messages.put(None))
            try:
                while (message := messages.get()) is not None:
                    windows.update({"/".join(entry.key[1:]): _kept(entry) for entry in message.entries})
                    if message.source is not None:
                        state["source"] = message.source
                    if message.rows is not None:
                        yield pa.Table.from_arrays(message.rows.columns, schema=schema)
                        portal.call(sink.taken)
            finally:
                task.cancel()
            return self._conclude(task.result())

    def _due(self, entry: Entry) -> bool:
        if self.since is None or not entry.present or (entry.read_at is not None and entry.read_at >= self.since):
            return False
        return changeable(entry, self.since)

    def _schema(self) -> pa.Schema:
        """Return the schema of the stream's table, with keys that are never null: so dlt wants them."""
        table = table_of(self.stream)
        return pa.schema([part.with_nullable(part.name not in {ORGANIZATION, table.key.name}) for part in schema_of(table)])

    async def _run(self, settings: ClientSettings, sink: StateSink, most: int | None) -> Report:
        async with settings.client() as amili:
            job = SyncJob(amili, sink=sink, streams=[self.stream.name], **self.options)

            def committed(rows: int) -> None:
                if most is not None and rows >= most:
                    job.stop()

            sink.committed = committed
            return await job.run()

    def _conclude(self, report: Report) -> bool:
        """Say what is wrong, and tell whether another run has anything to do.

        Raises:
            AmiliError: something failed, and nothing was read.
        """
        failed = [f"{one.window or f'{one.stream}/{one.organization}'}: {one.reason}" for one in report.failures]
        for text in failed:
            _logger.warning("not read, the next run tries again: %s", text)
        if failed and not report.windows:
            more = f", and {len(failed) - 1} more" if failed[1:] else ""
            raise AmiliError(f"{failed[0]}{more}", status=report.failures[0].status)
        if report.unverified:
            _logger.warning("%d windows of %s differ from the server's count", report.unverified, self.stream.name)
        for one in report.differences:
            if one.missing > 0:
                _logger.warning(
                    "%s/%s: %d rows are in no window, by the server's count", one.stream, one.organization, one.missing
                )
        return bool(report.windows and (failed or report.interrupted))


def _kept(entry: Entry) -> Any:
    """Return what the state keeps of an entry."""
    return msgspec.to_builtins(replace(entry, owed=(), unread=0, pages=0, bytes=0))


def _ledger(kept: Iterable[Any]) -> list[Entry]:
    try:
        return [msgspec.convert(one, Entry) for one in kept]
    except msgspec.ValidationError:
        raise SinkError("the state of the pipeline is damaged, or of a later version of this program", usable=False) from None
