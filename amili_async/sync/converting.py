"""Rows as Arrow tables, piece by piece: two pieces at a time, handed out in their order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import cycle
from typing import TYPE_CHECKING, TypeAlias

from amili_async.sync.arrow import Converter

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from datetime import datetime

    import pyarrow as pa

    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["Converters"]

LANES = 2
"""Pieces that are converted at a time; each adds some megabytes to what a commit needs."""

_Converted: TypeAlias = "tuple[pa.Table, bool]"


class Converters:
    """Converters of one table, each with a piece at a time. Whoever makes it closes it.

    All methods block; one thread at a time.

    Args:
        table: what stands where.

    Attributes:
        schema: of the tables that they make.
    """

    def __init__(self, table: Table) -> None:
        self._lanes = [Converter(table) for _ in range(LANES)]
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="amili-arrow")
        self.schema = self._lanes[0].schema

    def convert(self, chunks: Iterable[bytes], window: Window, read_at: datetime) -> Generator[_Converted]:
        """Yield the rows of each chunk as `Converter.convert` returns them. Whoever stops before the end closes it.

        Args:
            chunks: rows as JSON, each with its line break.
            window: where they belong.
            read_at: when they were read.
        """
        waiting: deque[Future[_Converted]] = deque()
        try:
            for lane, chunk in zip(cycle(self._lanes), chunks, strict=False):
                if len(waiting) == LANES:
                    yield waiting.popleft().result()  # it was this lane's
                waiting.append(self._pool.submit(lane.convert, chunk, window, read_at))
            while waiting:
                yield waiting.popleft().result()
        finally:
            wait(waiting)

    def close(self) -> None:
        """Tell the log how rows were read, and end the threads."""
        for lane in self._lanes:
            lane.log()
        self._pool.shutdown()
