"""What sinks of files have in common: a file for each window and table in a folder, and the ledger beside them.

A window is written to files named `.part`, which are on the disk before the ledger says `committing`; then they get their names,
then the ledger says what the window holds. Whatever dies in between: the next run finds a window that is whole, or one to read
again.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.files import PartFile, make_folder
from amili_async.sync.ledger import Entry
from amili_async.sync.sinks.joining import groups, joined
from amili_async.sync.sinks.local import LocalSink
from amili_async.sync.sinks.sql import POSSIBLE, check_source
from amili_async.sync.sinks.sqlitefile import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from amili_async.sync.sinks.base import Work
    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["FolderSink"]

OWN = "_amili"
"""Folder of the ledger and the lock; names that begin with `_` are passed over by what reads folders of files."""

_NAME = re.compile(r"(?:all|(?:begin|\d{8}T\d{6}Z)_\d{8}T\d{6}Z)(?:_[0-9a-f]{8})?(\.[a-z.]+?)(?:\.part)?", re.ASCII)
_SUFFIXES = frozenset({".ndjson", ".ndjson.gz", ".ndjson.zst", ".parquet"})


class FolderSink(LocalSink[SqliteFile]):
    """Files in a folder, one for each window and table: `cases/org=<id>/created=2026-03/<window>.<suffix>`.

    Files are readable by their owner only. An empty window has none. Rows of a window are in their order on the wire.
    A window whose files are missing or have another size is to be read again.

    Args:
        path: the folder; made if need be.
    """

    suffix: str
    """How the names of its files end."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._file = SqliteFile(self._own / "ledger.sqlite", self.target, self._own / "lock")

    @property
    def _own(self) -> Path:
        return self._path / OWN

    @abstractmethod
    def _write(self, file: PartFile, table: Table, work: Work) -> int:
        """Write the rows of a table, and return how many pieces of them took the slower way."""

    @abstractmethod
    def _keys_in(self, path: Path, stream: str) -> Iterator[str]:
        """Yield the keys of the rows in a file of a stream; raise whatever its reader raises where it is damaged."""

    def _are_alike(self, paths: Sequence[Path]) -> bool:  # noqa: ARG002  # for those to whom it matters
        """Tell whether files can be joined."""
        return True

    @abstractmethod
    def _join(self, paths: Sequence[Path], file: PartFile, window: Window) -> None:
        """Write the rows of files one after the other into one, as those of a window."""

    async def compact(self) -> int:
        """Put the files of neighbouring windows together, and return how many files there are less. The target has to be open."""
        return await self._file.run(self._compact)

    def _check_path(self) -> None:
        if self._path.exists() and not self._path.is_dir():
            raise SinkError(f"{self.target} is a file: name a folder", usable=False)

    def _prepare(self, source: str | None) -> list[Entry]:
        self._file.open()
        ledger = self._file.settle()
        entries = ledger.entries()
        check_source(self.target, ledger.meta("source"), source, entries)
        self._check_files(ledger.meta("suffix"))
        with self._file.transaction():
            ledger.set_meta("suffix", self.suffix)
            if source is not None:
                ledger.set_meta("source", source)
            lost = [entry for entry in entries if not self._is_whole(entry)]
            ledger.remove(entry.window for entry in lost)
            ledger.put(Entry(window=entry.window) for entry in lost)
        entries = ledger.entries()
        self._sweep({name for entry in entries for name, _ in entry.files})
        return entries

    def _check_files(self, held: str | None) -> None:
        """Refuse a folder of other files, and one whose ledger is gone: what is in it would stand there twice."""
        if held is None:
            found = next(self._files(), None)
            if found is not None:
                raise SinkError(
                    f"{self.target} has files of an earlier run ({found.relative_to(self._path)}) but not its ledger: name "
                    "another folder, or remove them",
                    usable=False,
                )
        elif held != self.suffix and next(self._files(), None) is not None:
            raise SinkError(f"{self.target} holds files that end in {held}: name another folder", usable=False)

    def _is_whole(self, entry: Entry) -> bool:
        """Tell whether the files of an entry are what it says; nothing is known of those that were being put in place."""
        if entry.state == "committing":
            return False
        try:
            return all((self._path / name).stat().st_size == size for name, size in entry.files)
        except FileNotFoundError:
            return False

    def _sweep(self, named: set[str]) -> None:
        """Remove what a crash has left: files that are not complete, and files of windows that the ledger does not name."""
        for path in self._files():
            if path.relative_to(self._path).as_posix() not in named:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        """Yield all files that are ours by their names. Links are not followed."""
        for name in sorted({table for tables in POSSIBLE.values() for table in tables}):
            for folder, _, files in os.walk(self._path / name):
                for file in files:
                    found = _NAME.fullmatch(file)
                    if found and found[1] in _SUFFIXES and Path(folder).relative_to(self._path / name).parts:
                        yield Path(folder, file)

    def _commit(self, work: Work, entry: Entry) -> Entry:
        drift = entry.drift
        with self._parts() as parts:
            for table in self._tables[work.stream.name]:
                if work.spools[table.name].rows:
                    file = self._part(parts, table.name, entry.window)
                    drift += self._write(file, table, work)
            before = self._file.ledger.entry(entry.window)
            entry = replace(entry, drift=drift, files=self._sizes(parts))
            with self._file.transaction():
                self._file.ledger.put([replace(entry, state="committing")])
            for part in parts:
                part.commit()
            self._unlink((before.files if before else ()), keep=entry.files)
            with self._file.transaction():
                self._file.ledger.put([entry])
                self._file.ledger.set_digests(work.window, bytes(work.digests))
        return entry

    @contextmanager
    def _parts(self) -> Generator[list[PartFile]]:
        """Files in the making; what has not got its name at the end is removed."""
        parts: list[PartFile] = []
        try:
            yield parts
        finally:
            for part in parts:
                part.discard()

    def _part(self, parts: list[PartFile], table: str, window: Window) -> PartFile:
        folder = self._path / table / f"org={quote(window.organization, safe='')}"
        if not window.whole:
            folder /= f"created={window.start.astimezone(UTC):%Y-%m}" if window.start else "created=begin"
        make_folder(folder)
        parts.append(PartFile(folder / f"{window.name}{self.suffix}"))
        return parts[-1]

    def _sizes(self, parts: Iterable[PartFile]) -> tuple[tuple[str, int], ...]:
        """Bring files to the disk, and return how the ledger names them."""
        return tuple((part.path.relative_to(self._path).as_posix(), part.sync()) for part in parts)

    def _unlink(self, files: Iterable[tuple[str, int]], keep: Iterable[tuple[str, int]] = ()) -> None:
        """Remove files, and folders that are empty then."""
        kept = {name for name, _ in keep}
        for name in (name for name, _ in files if name not in kept):
            path = self._path / name
            path.unlink(missing_ok=True)
            with suppress(OSError):  # as soon as one is not empty
                for folder in path.relative_to(self._path).parents[:-1]:
                    (self._path / folder).rmdir()

    def _keys(self, entry: Entry) -> list[str]:
        found: list[str] = []
        for name, _ in entry.files:
            if name.startswith(f"{entry.window.stream}/"):
                with suppress(Exception):  # a damaged file has fewer keys than the ledger, which is what `verify` looks for
                    found.extend(self._keys_in(self._path / name, entry.window.stream))
        return found

    def _remove(self, entries: tuple[Entry, ...]) -> None:
        with self._file.transaction():
            held = [found for entry in entries if (found := self._file.ledger.entry(entry.window))]
            self._file.ledger.remove(entry.window for entry in held)
        for entry in held:
            self._unlink(entry.files)
        self._file.forget()

    def _compact(self) -> int:
        gone = 0
        for run in list(groups(self._file.ledger.entries(), datetime.now(UTC))):
            gone += self._put_together(run)
        return gone

    def _put_together(self, run: Sequence[Entry]) -> int:
        """Make one window of some. Until the ledger says so the file that is new belongs to nobody, then the others do."""
        whole = joined(run)
        tables: dict[str, list[Path]] = {}
        for name, _ in (file for entry in run for file in entry.files):
            tables.setdefault(name.partition("/")[0], []).append(self._path / name)
        if not all(map(self._are_alike, tables.values())):
            return 0
        with self._parts() as parts:
            for table, paths in tables.items():
                self._join(paths, self._part(parts, table, whole.window), whole.window)
            whole = replace(whole, files=self._sizes(parts))
            for part in parts:
                part.commit()
            with self._file.transaction():
                digests = b"".join(self._file.ledger.digests(entry.window) for entry in run)
                self._file.ledger.remove(entry.window for entry in run)
                self._file.ledger.put([whole])
                self._file.ledger.set_digests(whole.window, digests)
        for entry in run:
            self._unlink(entry.files)
        return sum(map(len, tables.values())) - len(tables)
