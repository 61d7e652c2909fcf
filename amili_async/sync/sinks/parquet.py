"""Rows in Parquet files with exact types, laid out as Hive does it."""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING, Any, Self

from amili_async import __version__
from amili_async.sync.sinks.base import needed
from amili_async.sync.sinks.folder import FolderSink
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import FETCHED_AT, ORGANIZATION, WINDOW, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from amili_async.sync.converting import Converters
    from amili_async.sync.files import PartFile
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.tables import Table
    from amili_async.sync.windows import Window

__all__ = ["ParquetSink"]

GROUP = 5_000
"""Rows of a row group, about: what a reader takes at once, and what a writer holds in memory."""
_BATCH = 2_000


class ParquetSink(FolderSink):
    """Parquet files, one for each window and table, that are read as one: `read_parquet('lake/cases/**/*.parquet')` in DuckDB.

    Amounts are `decimal(38, 10)`, moments in UTC with microseconds, parts structs and lists. Needs the extra `arrow`.

    Args:
        path: the folder; made if need be.

    Raises:
        SinkError: pyarrow is not installed.
    """

    kind = "parquet"
    suffix = ".parquet"

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        needed("pyarrow", "arrow", "Parquet")
        self._converters: dict[str, Converters] = {}

    def _write(self, file: PartFile, table: Table, work: Work) -> int:
        from amili_async.sync.converting import Converters  # noqa: PLC0415  # needs an extra

        converters = self._converters.get(table.name)
        if converters is None:  # kept: they learn
            converters = self._converters[table.name] = Converters(table)
        odd = 0
        chunks = work.spools[table.name].chunks()
        with (
            _Writer(file.file, converters.schema) as writer,
            closing(converters.convert(chunks, work.window, work.read_at)) as found,
        ):
            for rows, misfit in found:
                writer.add(rows)
                odd += misfit
        return odd

    def _close(self) -> None:
        while self._converters:
            self._converters.popitem()[1].close()
        super()._close()

    def _are_alike(self, paths: Sequence[Path]) -> bool:
        import pyarrow.parquet as pq  # noqa: PLC0415  # an extra

        schemas = [pq.read_schema(path) for path in paths]  # those of another version of this package can differ
        return all(schema.equals(schemas[0]) for schema in schemas)

    def _join(self, paths: Sequence[Path], file: PartFile, window: Window) -> None:
        import pyarrow as pa  # noqa: PLC0415  # an extra
        import pyarrow.parquet as pq  # noqa: PLC0415

        with _Writer(file.file, pq.read_schema(paths[-1])) as writer:
            for path in paths:
                with pq.ParquetFile(path) as source:
                    for batch in source.iter_batches(_BATCH):
                        rows, place = pa.Table.from_batches([batch]), batch.schema.get_field_index(WINDOW)
                        names = pa.repeat(pa.scalar(window.name), batch.num_rows)
                        writer.add(rows.set_column(place, WINDOW, names))

    def _keys_in(self, path: Path, stream: str) -> Iterator[str]:
        import pyarrow.parquet as pq  # noqa: PLC0415  # an extra

        name = table_of(STREAMS[stream]).key.name
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[name]):
                yield from batch.column(name).to_pylist()


class _Writer:
    """Writes tables into a file, in row groups of a good size."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415  # an extra

        self._schema = schema.with_metadata({"amili_async": __version__})
        settings: dict[str, Any] = {"compression": "zstd", "use_dictionary": [ORGANIZATION, WINDOW, FETCHED_AT]}
        self._writer: Any = pq.ParquetWriter(file, self._schema, **settings)
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, table: pa.Table) -> None:
        """Take a table."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415  # an extra

        if self._waiting:
            group = pa.concat_tables(self._waiting).replace_schema_metadata(self._schema.metadata)
            self._writer.write_table(group, row_group_size=max(1, self._rows))
            self._waiting, self._rows = [], 0
            del group
            pa.default_memory_pool().release_unused()
