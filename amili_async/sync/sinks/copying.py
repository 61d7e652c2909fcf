"""Rows as PostgreSQL's COPY takes them, in its text form: bytes from the wire, with hardly a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from amili_async.sync.cells import Cells, stamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from amili_async.sync.sinks.base import Work
    from amili_async.sync.sinks.sql import SqlTable

__all__ = ["CopySource"]

BLOCK = 512 * 2**10
"""Bytes handed over at once, about. Few enough for the server to have work while the next ones are made."""
_NULL = b"\\N"


class CopySource:
    """The rows of a table as COPY takes them: made in a worker thread, block by block, while the server works on the one before.

    Attributes:
        odd: chunks that had a value which did not fit its column.
    """

    def __init__(self, table: SqlTable, work: Work, *, careful: bool) -> None:
        self.odd = 0
        self._blocks = self._make(Cells(table.table, careful=careful), work, table.table.name)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        block = await run_sync(next, self._blocks, None)
        if block is None:
            raise StopAsyncIteration
        return block

    def _make(self, cells: Cells, work: Work, name: str) -> Iterator[bytes]:
        head = _escaped(work.window.organization.encode())
        tail = b"\t%b\t%b\n" % (work.window.name.encode(), stamp(work.read_at).encode())
        block: list[bytes] = []
        size = 0
        for chunk in work.spools[name].chunks():
            fits = True
            for row, whole in cells.rows(chunk):
                fits = fits and whole
                line = _line(row)
                block += (head, b"\t", line, tail)
                size += len(line)
                if size > BLOCK:
                    yield b"".join(block)
                    block, size = [], 0
            self.odd += not fits
        yield b"".join(block)


def _line(cells: list[bytes | None]) -> bytes:
    r"""Return cells as COPY reads them: between tabs, `\N` for nothing, a backslash before what would mean something else."""
    line = b"\t".join([_NULL if cell is None else cell for cell in cells])
    plain = line.count(b"\\") == cells.count(None) and line.count(b"\t") == len(cells) - 1
    if plain and b"\n" not in line and b"\r" not in line:
        return line
    return b"\t".join([_NULL if cell is None else _escaped(cell) for cell in cells])


def _escaped(cell: bytes) -> bytes:
    return cell.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
