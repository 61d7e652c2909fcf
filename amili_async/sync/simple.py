"""The simple sync: every row of every stream, streamed into one NDJSON file per stream. No state: each run reads all again.

Rows keep the bytes that came on the wire. Streams run at the same time, the organizations of a stream one after the other.
Nothing is printed here.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import anyio
import msgspec
from anyio.to_thread import run_sync

from amili_async.errors import ConfigError
from amili_async.hooks import Hooks
from amili_async.sync.amounts import Amounts
from amili_async.sync.files import PartFile, own_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from msgspec import Raw

    from amili_async.client import AmiliClient
    from amili_async.hooks import PageDrift, RetryEvent
    from amili_async.pagination import Pager

__all__ = ["STREAMS", "Meter", "StreamReport", "SyncReport", "lines", "rows_of", "sync"]

STREAMS = ("cases", "batches", "invoices", "settlements")
"""The lists of the Collection API that belong to an organization."""


class Meter(Hooks):
    """Counts retries and drifts by operation. Give it to the client as its hooks and to `sync`; one serves one run."""

    def __init__(self) -> None:
        self.retries: Counter[str] = Counter()
        self.drifts: Counter[str] = Counter()

    def on_retry(self, event: RetryEvent) -> None:
        """Count a retry."""
        self.retries[event.operation] += 1

    def on_drift(self, event: PageDrift) -> None:
        """Count a contradiction; rows that come and go meanwhile are none."""
        if event.kind != "total_moved":
            self.drifts[event.operation] += 1


@dataclass(slots=True)
class StreamReport:
    """How far a stream has come; its numbers move while it runs.

    Attributes:
        name: name of the stream.
        path: where the complete file is, or will be.
        state: what the stream is doing, or how it ended.
        rows: rows written.
        pages: pages read.
        retries: requests that had to be repeated (counted by the `Meter`).
        drifts: times that the list contradicted itself (counted by the `Meter`).
        bytes: bytes written.
        elapsed: seconds since the stream began.
        failure: why it failed.
        part: where the rows of a stream are that did not end; None if there are none.
    """

    name: str
    path: Path
    state: Literal["running", "complete", "failed", "interrupted"] = "running"
    rows: int = 0
    pages: int = 0
    retries: int = 0
    drifts: int = 0
    bytes: int = 0
    elapsed: float = 0.0
    failure: Exception | None = None
    part: Path | None = None

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.elapsed if self.elapsed else 0.0


@dataclass(slots=True)
class SyncReport:
    """What a sync has done: its streams, and the remaining amounts of the cases it read, by status."""

    streams: tuple[StreamReport, ...]
    amounts: Amounts = field(default_factory=Amounts)

    @property
    def complete(self) -> bool:
        """Tell whether every stream ended well."""
        return all(stream.state == "complete" for stream in self.streams)


async def sync(
    amili: AmiliClient,
    organizations: Sequence[str],
    *,
    to: Path,
    streams: Sequence[str] = STREAMS,
    meter: Meter | None = None,
    on_progress: Callable[[StreamReport], None] | None = None,
) -> SyncReport:
    """Stream lists of organizations into `<to>/<stream>.ndjson`, one JSON object per line.

    A file is called `.ndjson.part` until it is complete, for all organizations, and on the disk; it is readable by its owner
    only. A stream that fails does not stop the others, and what it has so far stays in its part file.

    Args:
        amili: client to read with.
        organizations: ids issued by Amili.
        to: folder, made if need be.
        streams: names out of `STREAMS`.
        meter: the hooks of the client, for the number of retries and drifts.
        on_progress: called in the event loop with the stream's report: at its begin, after each page, and at its end.

    Returns:
        The report; the failures of streams are in it.

    Raises:
        ConfigError: there is no such stream.
        OSError: the folder or its files cannot be made, or another sync is using it (`BlockingIOError`).
    """
    for name in streams:
        if name not in STREAMS:
            raise ConfigError(f"there is no stream {name!r}, only {', '.join(STREAMS)}")
    names, organizations = dict.fromkeys(streams), tuple(dict.fromkeys(organizations))
    report = SyncReport(tuple(StreamReport(name, to / f"{name}.ndjson") for name in names))
    meter = meter or Meter()
    with own_folder(to), ExitStack() as stack:
        files = [stack.enter_context(PartFile(stream.path)) for stream in report.streams]
        async with anyio.create_task_group() as group:
            for stream, file in zip(report.streams, files, strict=True):
                amounts = report.amounts if stream.name == "cases" else None
                work = _Stream(amili, organizations, stream, file, amounts, meter, on_progress or _silent)
                group.start_soon(work.run, name=stream.name)
    return report


def rows_of(amili: AmiliClient, stream: str, organization: str, **filters: object) -> Pager[Raw]:
    """Return the rows of a stream as they come on the wire; `filters` are the keywords of the method."""
    lists = cast("Callable[..., Pager[object]]", getattr(amili.collection, stream).list)
    return lists(organization, **filters).raw()


def lines(rows: Sequence[Raw]) -> bytes:
    """Write rows as NDJSON: bytes as they are, without the line breaks that some may have between their tokens."""
    chunk = b"\n".join((*rows, b""))
    if chunk.count(b"\n") == len(rows) and b"\r" not in chunk:
        return chunk
    return b"".join(msgspec.json.format(bytes(row), indent=-1) + b"\n" for row in rows)


def _silent(report: StreamReport) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Stream:
    """One stream on its way into its file."""

    amili: AmiliClient
    organizations: Sequence[str]
    report: StreamReport
    file: PartFile
    amounts: Amounts | None
    meter: Meter
    tell: Callable[[StreamReport], None]

    async def run(self) -> None:
        """Read every organization, then give the file its name."""
        report = self.report
        started = time.perf_counter()
        self.tell(report)
        try:
            for organization in self.organizations:
                await self._read(organization, started)
            await run_sync(self.file.commit)
            report.state = "complete"
        except Exception as error:  # noqa: BLE001  # one stream's failure, whatever it is, does not stop the others
            report.state, report.failure = "failed", error
        finally:
            if report.state == "running":
                report.state = "interrupted"
            if report.state != "complete" and self.file.size:
                report.part = self.file.part
            self._measure(started)

    async def _read(self, organization: str, started: float) -> None:
        async with rows_of(self.amili, self.report.name, organization).prefetch(1) as pages:
            async for page in pages:
                await run_sync(partial(self._take, page.items))
                self._measure(started)

    def _take(self, rows: Sequence[Raw]) -> None:
        """Write a page, in a worker thread: while the disk works the next page can come in."""
        self.file.write(lines(rows))
        if self.amounts is not None:
            self.amounts.add(rows)
        self.report.rows += len(rows)
        self.report.pages += 1

    def _measure(self, started: float) -> None:
        report, operation = self.report, f"collection.{self.report.name}.list"
        report.retries, report.drifts = self.meter.retries[operation], self.meter.drifts[operation]
        report.bytes, report.elapsed = self.file.size, time.perf_counter() - started
        self.tell(report)
