"""What sinks on this machine have in common: a path, and a database file with the ledger, in whose worker thread all is done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from amili_async.errors import SinkError
from amili_async.sync.files import make_folder
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.databasefile import DatabaseFile
from amili_async.sync.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.sync.ledger import Entry
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.streams import Stream
    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["LocalSink"]

F = TypeVar("F", bound=DatabaseFile)


class LocalSink(ABC, Generic[F]):
    """All of a sink on this machine but what becomes of the rows.

    Args:
        path: the target; made if need be.
    """

    kind: str
    """How the target is called on the command line, before the colon. To be set before this class is initialized."""
    _file: F
    """Where the ledger is. To be set by whoever knows what it is."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._tables: dict[str, tuple[Table, ...]] = {}

    def __repr__(self) -> str:
        """Name the target."""
        return f"{type(self).__name__}({str(self._path)!r})"

    @property
    def target(self) -> str:
        """How the target is called."""
        return f"{self.kind}:{self._path}"

    @property
    def _own(self) -> Path:
        """The folder for what is not yet, or not only, rows."""
        return self._path.absolute().parent

    async def open(self, source: str | None, streams: Sequence[Stream], parts: Sequence[str]) -> list[Entry]:
        """Take hold of the target, make what is missing, sweep what a crash left, and return the ledger."""
        return await self._file.run(self._open, source, tuple(streams), tuple(parts))

    async def peek(self) -> list[Entry]:
        """Return the ledger, also while a run is using the target."""
        return await self._file.run(self._file.peek)

    async def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger."""
        await self._file.run(self._file.put, tuple(entries))

    async def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""
        return await self._file.run(self._digests_of, window)

    def begin(self, work: Work) -> None:
        """Give work its spools; what they have on disk is where the target is."""
        work.spools = {table.name: Spool(self._own) for table in self._tables[work.stream.name]}

    async def commit(self, work: Work, entry: Entry) -> Entry:
        """Replace the rows of a window and its entry."""
        return await self._file.run(self._commit, work, entry)

    async def keys(self, entry: Entry) -> Sequence[str]:
        """Return the keys of the rows that the target has of a window, as far as it can be read."""
        return await self._file.run(self._keys, entry)

    async def remove(self, entries: Sequence[Entry]) -> None:
        """Remove windows, rows and all."""
        await self._file.run(self._remove, tuple(entries))

    async def close(self) -> None:
        """Let go of the target."""
        await self._file.run(self._close)

    def _open(self, source: str | None, streams: tuple[Stream, ...], parts: tuple[str, ...]) -> list[Entry]:
        self._check_path()
        make_folder(self._own)
        self._file.take()
        try:
            self._tables = {stream.name: tables_of(stream, parts) for stream in streams}
            return self._prepare(source)
        except BaseException:
            self._close()
            raise

    def _check_path(self) -> None:
        """Refuse what cannot be the target.

        Raises:
            SinkError: it is something else already.
        """
        if self._path.is_dir():
            raise SinkError(f"{self.target} is a folder: name a file", usable=False)

    @abstractmethod
    def _prepare(self, source: str | None) -> list[Entry]:
        """Make what is missing, sweep what a crash left, and return the ledger."""

    def _digests_of(self, window: Window) -> bytes:
        return self._file.digests(window)

    @abstractmethod
    def _commit(self, work: Work, entry: Entry) -> Entry:
        """Replace the rows of a window and its entry, at once."""

    @abstractmethod
    def _keys(self, entry: Entry) -> list[str]:
        """Return the keys of the rows that the target has of a window."""

    @abstractmethod
    def _remove(self, entries: tuple[Entry, ...]) -> None:
        """Remove windows."""

    def _close(self) -> None:
        self._file.close()
