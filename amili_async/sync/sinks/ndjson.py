"""Rows in files of lines, with the bytes that came on the wire; plain, or compressed with gzip or Zstandard."""

from __future__ import annotations

import gzip
import io
from contextlib import contextmanager
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Literal, cast

from amili_async.errors import SinkError
from amili_async.sync.probe import probe_of
from amili_async.sync.sinks.base import needed
from amili_async.sync.sinks.folder import FolderSink
from amili_async.sync.streams import stream_named

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from amili_async.sync.files import PartFile
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["NdjsonSink"]

_GZIP_LEVEL = 4
"""Measured on cases: half the time of the usual 6 to 9, and a twentieth larger."""
_COPY = 2**20


class NdjsonSink(FolderSink):
    """Files of lines of JSON, one for each window and table: rows as received, without line breaks inside.

    Args:
        path: the folder; made if need be.
        compression: `gz`, or `zst`, which needs the extra `zstd`; None: none.

    Raises:
        SinkError: there is no such compression, or what it needs is not installed.
    """

    def __init__(self, path: str | Path, *, compression: Literal["gz", "zst"] | None = None) -> None:
        if compression not in {None, "gz", "zst"}:
            raise SinkError(f"there is no compression {compression!r} of NDJSON, only gz and zst", usable=False)
        if compression == "zst":
            needed("zstandard", "zstd", "NDJSON compressed with Zstandard")
        self.kind = f"ndjson.{compression}" if compression else "ndjson"
        self.suffix = f".{self.kind}"
        self._compression = compression
        super().__init__(path)

    def _write(self, file: PartFile, table: Table, work: Work) -> int:
        with self._packed(file.file) as lines:
            work.spools[table.name].pour(lines)
        return 0

    def _join(self, paths: Sequence[Path], file: PartFile, window: Window) -> None:  # noqa: ARG002  # rows do not tell
        for path in paths:  # compressed files one after the other are one compressed file
            with path.open("rb") as source:
                copyfileobj(source, file.file, _COPY)

    def _keys_in(self, path: Path, stream: str) -> Iterator[str]:
        probe = probe_of(stream_named(stream))
        with path.open("rb") as file, self._unpacked(file) as lines:
            for line in lines:
                yield probe.look(line.removesuffix(b"\n")).key

    @contextmanager
    def _packed(self, file: IO[bytes]) -> Generator[IO[bytes]]:
        """Give out what compresses into a file, or the file itself."""
        if self._compression == "gz":
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
                yield cast("IO[bytes]", packed)
        elif self._compression == "zst":
            import zstandard  # noqa: PLC0415  # an extra

            with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as packed:
                yield packed
        else:
            yield file

    @contextmanager
    def _unpacked(self, file: IO[bytes]) -> Generator[IO[bytes]]:
        if self._compression == "gz":
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        elif self._compression == "zst":
            import zstandard  # noqa: PLC0415  # an extra

            with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as unpacked:
                yield cast("IO[bytes]", io.BufferedReader(unpacked))
        else:
            yield file
