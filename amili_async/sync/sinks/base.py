"""What every sink offers the job, and the spool that a window's rows wait in until they are committed.

A window's rows are appended to its spool as they came; `commit` carries all of them over at once, or none. So no sink ever holds
half a window, whatever dies in between.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Protocol

from amili_async.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from amili_async.sync.ledger import Entry
    from amili_async.sync.streams import Stream
    from amili_async.sync.windows import Window

__all__ = ["Sink", "Spool", "Work", "needed"]

IN_MEMORY = 2**20
"""Bytes of a spool that wait in memory, about, before they are written to disk all at once."""
CHUNK = 2**20
"""Bytes that a spool gives back at once, about."""


def needed(module: str, extra: str, what: str) -> None:
    """Check that a package which is an extra is installed.

    Raises:
        SinkError: it is not.
    """
    if find_spec(module) is None:
        raise SinkError(f"{what} needs {module}: pip install 'amili-async[{extra}]'", usable=False)


class Spool:
    """Rows of a window as lines of JSON, waiting to be committed: in memory, and when they are many, in a file.

    The file has no name: nothing is left of it, whatever happens. Methods are called from one thread at a time; all but `append`
    block.

    Args:
        folder: where the file shall be, if there is one; None: where the system keeps such files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._waiting: list[bytes] = []
        self._kept = 0
        self.rows = 0
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether more waits in memory than should."""
        return self.bytes - self._kept > IN_MEMORY

    def append(self, lines: bytes, rows: int) -> None:
        """Append rows, each with its line break."""
        self._waiting.append(lines)
        self.rows += rows
        self.bytes += len(lines)

    def flush(self) -> None:
        """Write to disk what waits in memory.

        Raises:
            OSError: there is no room.
        """
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # closed by `close`
        self._file.seek(0, os.SEEK_END)
        self._file.writelines(self._waiting)
        self._waiting.clear()
        self._kept = self.bytes

    def chunks(self) -> Iterator[bytes]:
        """Yield all lines in order, about a megabyte of whole lines at a time. It can be called again."""
        file, place = self._all(), 0
        while True:
            file.seek(place)
            lines = file.read(CHUNK)
            if not lines.endswith(b"\n"):
                lines += file.readline()
            if not lines:
                break
            place += len(lines)
            yield lines

    def pour(self, file: IO[bytes]) -> None:
        """Write all lines into a file."""
        source = self._all()
        source.seek(0)
        copyfileobj(source, file, CHUNK)

    def _all(self) -> IO[bytes]:
        """Return a file with all rows; in memory, if there are few."""
        if self._file is None:
            return io.BytesIO(b"".join(self._waiting))
        self.flush()
        return self._file

    def close(self) -> None:
        """Let go of the rows."""
        self._waiting.clear()
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass(slots=True)
class Work:
    """A window on its way into a sink: its rows, and for the tables made of their parts, the rows of each.

    Attributes:
        window: what is being read.
        stream: its stream.
        read_at: when reading began, UTC.
        spools: rows by table; that of the stream itself has its name, that of parts `<stream>_<part>` (`cases_invoices`).
        digests: fingerprints of the keys of the rows in the stream's own spool, in their order.
    """

    window: Window
    stream: Stream
    read_at: datetime
    spools: dict[str, Spool] = field(default_factory=dict)
    digests: bytearray = field(default_factory=bytearray)

    @property
    def rows(self) -> Spool:
        """The rows of the stream itself."""
        return self.spools[self.stream.name]

    @property
    def full(self) -> bool:
        """Whether more rows wait in memory than should."""
        return any([spool.full for spool in self.spools.values()])  # noqa: C419  # faster than a generator

    def flush(self) -> None:
        """Write to disk what is too much for the memory. It blocks.

        Raises:
            OSError: there is no room.
        """
        for spool in self.spools.values():
            if spool.full:
                spool.flush()

    def close(self) -> None:
        """Let go of all rows."""
        for spool in self.spools.values():
            spool.close()


class Sink(Protocol):
    """Where a job's rows go, and where its ledger lies. One job uses it at a time; `commit` is never called twice at once.

    What goes wrong in the target is raised as `SinkError`, in one sentence that says what and what to do.
    """

    @property
    def target(self) -> str:
        """How the target is called on the command line, `parquet:lake`; without secrets."""
        ...

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:
        """Take hold of the target, make what is missing, sweep what a crash left, and return the ledger.

        Args:
            source: where the rows come from; a target that holds rows of another source is refused. None: wherever they are from.
            streams: which streams will come.
            parts: which of their members get tables of their own.

        Raises:
            SinkError: it cannot be used; `busy` if another run is using it.
        """
        ...

    async def peek(self) -> list[Entry]:
        """Return the ledger without taking hold of the target: also while a run is using it. Empty if there is no target yet.

        Raises:
            SinkError: it cannot be read.
        """
        ...

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger, all or none; their rows are not touched."""
        ...

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a committed window's rows."""
        ...

    def begin(self, work: Work) -> None:
        """Give a window's work the spools that it needs."""
        ...

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Replace what the target holds of the window by the rows of the work, and its entry in the ledger, at once.

        Returns:
            The entry as it stands in the ledger now, with its files and the pages that took the slower way.
        """
        ...

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys of the rows that the target itself holds of a window: what `verify` compares with the ledger."""
        ...

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows from the target and from the ledger, rows and all."""
        ...

    async def close(self) -> None:
        """Let go of the target."""
        ...
