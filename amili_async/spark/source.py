"""The data source as Spark sees it. All of this is pickled, so nothing in here holds a secret."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema

try:
    from pyspark.sql.streaming import datasource as _admission

    admission: Any = _admission
except ImportError:  # before 4.2 Spark asks for no limits
    admission = None

from amili_async.errors import ConfigError
from amili_async.spark.offsets import Offset, beginning, farthest, limited
from amili_async.spark.options import Options
from amili_async.spark.planning import now, plan
from amili_async.spark.pushing import NOTHING, narrowed
from amili_async.spark.reading import batches
from amili_async.sync.arrow import schema_of
from amili_async.sync.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping
    from datetime import datetime

    import pyarrow as pa
    from pyspark.sql.datasource import Filter
    from pyspark.sql.types import StructType

    from amili_async.spark.planning import Share

__all__ = ["AmiliDataSource"]

ALL = 10**15
"""Rows that a batch may have where no option says."""

_AvailableNow: Any = getattr(admission, "SupportsTriggerAvailableNow", object)


class AmiliDataSource(DataSource):
    """Lists of organizations or of ARM clients: `spark.read.format("amili")` and `spark.readStream.format("amili")`.

    Columns are those of the Parquet target: amounts are `decimal(38,10)`, moments are in UTC, parts are structs and arrays. Each
    key is there once, also if tasks are retried: rows on the bound between two windows belong to the earlier one, whatever the
    service takes for the bounds of a period. What comes into the time of a window after that was read is not in it, hence `lag`.
    At `from` and `to` themselves there may be rows from up to a millisecond outside (settlements: a day), because the service's
    bounds are not known. Rows come in no order.

    Credentials are read where they are used: `AMILI_CLIENT_ID` and `AMILI_CLIENT_SECRET` in the environment of the driver and of
    the executors, or a provider. amili_async must be installed on both.

    Options:
        stream: cases, batches, invoices, settlements, or customers, ar_items, documents, gl_items of ARM.
        organizations: ids, with commas between them.
        clients: numbers of ARM clients, likewise.
        from: begin of the time to read, a date or a date-time, in UTC if it has no zone. Without it all is read; streams need it.
        to: its end; at most, and by default, the last whole hour that is over for `lag` (in a stream: minute; settlements: day).
        lag: how long rows may take until the list shows them, `5min` by default.
        maxrows: rows of a window at most where the service counts them, 20,000 by default.
        maxpartitions: partitions at most; they have several windows then. By default each window is one.
        rate: requests a second of all partitions together, `20/s` or `600/min`.
        concurrency: partitions that Spark runs at once, over which the rate is divided; by default all of them.
        environment: production, staging or the URL of a sandbox; by default what `AMILI_ENVIRONMENT` says.
        credentials: `package.module:function` that returns `Credentials`, called where they are used.
        redact: names of members left out; with `AMILI_REDACT_KEY` in the environment a keyed hash takes their place. The key has
            to be the same on the driver and on the executors; a task that finds another one, or none, fails.
        unverified: `log` (default), or `fail` the task, if not as many rows come as the service counts.
        filter.NAME: a parameter of the list, `filter.status`.
        pushfilters: `true` has the service apply filters of the query, beside Spark: `=` on status and type, and on the
            organization. Needs Spark 4.1 and `spark.sql.python.filterPushdown.enabled`, without which Spark refuses it.
        created: column that the period is about, `registered_at`: bounds of it in the query narrow the period too. Which date
            the service compares is not documented, and a wrong column loses rows.
        maxspanperbatch: time that a batch of a stream covers at most, `1d`.
        maxrowsperbatch: rows that a batch of a stream has at most, where the service counts them.

    The offsets of a stream are moments of creation: each batch goes on where the last one ended, and ends `lag` before the
    present. What changes later is not read again. If `lag` is raised, `to` set earlier or the clock put back, the stream waits
    until it is up to its checkpoint again. Limits of batches and `Trigger.AvailableNow` need Spark 4.2.

    Raises:
        ConfigError: an option is unknown, missing or wrong; the text says which. One that looks like a secret is refused.
    """

    def __init__(self, options: MutableMapping[str, str]) -> None:
        super().__init__(options)
        self._options = Options.read(options)  # here, so that a secret among them gets no further

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return "amili"

    def schema(self) -> StructType:
        """Return the columns."""
        return from_arrow_schema(schema_of(table_of(self._options.kind)))

    def reader(self, schema: StructType) -> DataSourceReader:
        """Return what reads a DataFrame."""
        self._check(schema)
        return _FilteringReader(self._options) if self._options.pushfilters else _Reader(self._options)

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802  # Spark's name
        """Return what reads a stream."""
        self._check(schema)
        beginning(self._options)
        if admission is None and (self._options.maxrowsperbatch or self._options.maxspanperbatch):
            raise ConfigError("the options maxrowsperbatch and maxspanperbatch need Spark 4.2")
        return _StreamReader(self._options)

    def _check(self, schema: StructType) -> None:
        if schema != self.schema():
            raise ConfigError("the columns of a stream are given: select from them, instead of giving a schema")


class _Reader(DataSourceReader):
    """Reads a DataFrame."""

    def __init__(self, options: Options) -> None:
        self._options, self._narrowed = options, NOTHING

    def partitions(self) -> list[InputPartition]:
        """Plan, on the driver."""
        options = self._narrowed.options(self._options)
        if options is None:
            return []
        span = self._narrowed.span(options.order.span(options.kind, now()))
        return _partitions(plan(options, span, span[0]))

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read a partition, on an executor."""
        return _read(self._options, partition)


class _FilteringReader(_Reader):
    """Reads a DataFrame, and has the service apply filters. Spark refuses this class where its settings do not allow it."""

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:  # noqa: N802  # Spark's name
        """Take what the service can apply, and leave all to Spark as well."""
        self._narrowed = narrowed(self._options, filters)
        return filters


class _StreamReader(DataSourceStreamReader, _AvailableNow):
    """Reads a stream. One object of it plans all batches; others read."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._target: datetime | None = None
        self._reached: Offset | None = None

    def initialOffset(self) -> dict[str, str]:  # noqa: N802  # Spark's name
        """Return where the stream begins."""
        return beginning(self._options).written()

    def getDefaultReadLimit(self) -> Any:  # noqa: N802  # Spark's name
        """Tell Spark that batches have limits: it gives this back, or says that there are none (`Trigger.Once`)."""
        return admission.ReadMaxRows(self._options.maxrowsperbatch or ALL)

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802  # Spark's name
        """Go no further than the present."""
        self._target = farthest(self._options)

    def latestOffset(self, start: dict[str, Any] | None = None, limit: Any = None) -> dict[str, str]:  # noqa: N802  # Spark's name
        """Return the end of the next batch, which is never before `start`.

        Before Spark 4.2 there is no `start`. A stream that goes on has then been asked for the empty `partitions` at the last
        offset of its checkpoint.
        """
        offset = (self._reached or beginning(self._options)) if start is None else Offset.read(start, self._options)
        target = self._target or farthest(self._options)
        if target > offset.until:
            everything = limit is None or isinstance(limit, admission.ReadAllAvailable)
            offset = replace(offset, until=target) if everything else limited(self._options, offset, target)
        return self._reach(offset).written()

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> list[InputPartition]:
        """Plan a batch, on the driver.

        Raises:
            ConfigError: it ends before it starts, so that the next batch would read rows again.
        """
        first, last = Offset.read(start, self._options), Offset.read(end, self._options)
        if last.until < first.until:
            raise ConfigError(
                f"the offsets of the checkpoint go back, from {start['until']} to {end['until']}, which would double rows: "
                "give a new checkpointLocation"
            )
        self._reach(last)
        return _partitions(plan(self._options, (first.until, last.until), first.origin))

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read a partition, on an executor."""
        return _read(self._options, partition)

    def _reach(self, offset: Offset) -> Offset:
        if self._reached is None or offset.until >= self._reached.until:
            self._reached = offset
        return offset


def _partitions(shares: Iterable[Share]) -> list[InputPartition]:
    return [InputPartition(share) for share in shares]


def _read(options: Options, partition: InputPartition) -> Iterator[pa.RecordBatch]:
    share: Share | None = partition.value  # None: Spark reads a partition even if there is none
    return iter(()) if share is None else batches(options, share)
