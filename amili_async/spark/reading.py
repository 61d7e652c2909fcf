"""What an executor does: it reads the windows of its partition, the next one while this one is used, into Arrow batches.

Each window is asked for a little wider than it is, so that no row on a bound is lost, whatever the service takes for the bounds;
a row there may come with the windows on both sides. It belongs to the earlier one. The later one learns which rows these are by
asking for what lies between its own lower bound and the upper bound of the earlier one, as these are sent. That is exact for
every service by which a row has to pass the lower and the upper bound independently of each other, be they part of the period
or not, cut down to seconds or days, or passed over: then what two windows share is what passes the higher of the lower bounds
and the lower of the upper ones. It is asked without filters and after the window, so that neither a row that has changed nor
one that has come meanwhile is taken by both.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from anyio.from_thread import start_blocking_portal
from anyio.to_thread import run_sync

from amili_async.errors import PaginationError
from amili_async.sync.arrow import Converter
from amili_async.sync.asking import asked, margin_of
from amili_async.sync.keys import share
from amili_async.sync.remote import begin, lone_puller, read_whole
from amili_async.sync.sinks.base import Work
from amili_async.sync.streams import stream_named
from amili_async.sync.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from msgspec import Raw

    from amili_async.client import AmiliClient
    from amili_async.pagination import Pager
    from amili_async.spark.options import Options
    from amili_async.spark.planning import Piece, Share
    from amili_async.sync.reading import Reading

__all__ = ["batches"]

_logger = logging.getLogger("amili_async")


def batches(options: Options, todo: Share) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a partition. A window's rows come once all of them have been read; up to two windows wait on disk.

    Args:
        options: what is read, and how.
        todo: the windows.

    Raises:
        AmiliError: a window cannot be read. Reading the partition again is always safe.
    """
    converter = Converter(table_of(options.kind))
    with (
        ExitStack() as stack,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(options.client(todo.rate)) as amili,
    ):
        reader = _Reader(amili, options)
        stack.callback(reader.close)  # once nothing runs any more: a reading may get ready while it is cancelled
        first, *others = todo.pieces
        coming = portal.start_task_soon(reader.read, first)
        try:
            for piece in (*others, None):
                reading = coming.result()
                try:
                    if piece is not None:
                        coming = portal.start_task_soon(reader.read, piece)
                    for chunk in reading.work.rows.chunks():
                        table, _ = converter.convert(chunk, reading.work.window, reading.work.read_at)
                        yield from table.combine_chunks().to_batches()
                finally:
                    reading.close()
        finally:
            coming.cancel()


class _Reader:
    """Reads windows whole, without the rows that belong to another one.

    Args:
        amili: client to read with.
        options: what is read, and how.
    """

    def __init__(self, amili: AmiliClient, options: Options) -> None:
        self._amili, self._options = amili, options
        self._last: Reading | None = None
        self._puller = lone_puller(amili, options.redaction)

    async def read(self, piece: Piece) -> Reading:
        """Read a window. Whoever gets the reading closes it.

        Raises:
            AmiliError: it cannot be read.
        """
        reading = await self._whole(piece, str(piece.window))
        if piece.follows:
            try:
                reading = await self._without_those_before(piece, reading)
            except BaseException:
                reading.close()
                raise
        self._last = reading
        return reading

    def close(self) -> None:
        """Close the last reading, which nobody may have got."""
        if self._last is not None:
            self._last.close()

    async def _whole(self, piece: Piece, name: str, rows: Pager[Raw] | None = None) -> Reading:
        """Read a list, and say so if not all of its rows came."""
        reading = await read_whole(self._puller, piece.window, rows)
        if reading.verified is False:
            problem = f"{name}: the service counts {reading.total} rows, and {reading.rows} came"
            if self._options.unverified == "fail":
                reading.close()
                raise PaginationError(problem)
            _logger.warning(problem)
        return reading

    async def _without_those_before(self, piece: Piece, reading: Reading) -> Reading:
        """Return a reading without the rows that the window before has."""
        window, stream = piece.window, stream_named(piece.window.stream)
        period = asked(stream, window.start, window.start, margin_of(stream))
        pager = self._amili.pager(stream.operation, window.organization, query=period).raw()
        shared = await self._whole(piece, f"the lower bound of {window}", pager)
        shared.close()
        flags = bytearray(reading.rows)
        if not await run_sync(partial(share, reading.work.digests, bytes(shared.work.digests), flags)):
            return reading
        work = Work(window, stream, reading.work.read_at)
        begin(work)
        try:
            rest, _ = await run_sync(reading.without, flags, work)
        except BaseException:
            work.close()
            raise
        reading.close()
        return rest
