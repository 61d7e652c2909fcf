"""The source: a resource for each stream, which runs a sync job in a thread and yields the tables that it makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dlt  # pyright: ignore[reportMissingImports]  # an extra, in neither `all` nor `dev`

from amili_async.auth import credentials_from_env
from amili_async.config import Environment
from amili_async.dlt.reader import Reader
from amili_async.errors import ConfigError
from amili_async.sync.job import LAG
from amili_async.sync.order import Order
from amili_async.sync.remote import ClientSettings
from amili_async.sync.tables import FETCHED_AT, ORGANIZATION, table_of
from amili_async.sync.values import DECIMALS, DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, timedelta

    from dlt.sources import DltSource  # pyright: ignore[reportMissingImports]

    from amili_async.sync.redact import Redaction

__all__ = ["amili_source"]

_engine: Any = dlt  # whether its types are known depends on whether it is installed
_SETTINGS = ("client_id", "client_secret", "token", "environment")


def amili_source(
    organizations: Sequence[str] = (),
    streams: Iterable[str] | None = None,
    *,
    clients: Sequence[str | int] = (),
    start: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    lag: timedelta = LAG,
    concurrency: int = 16,
    max_rows: int = 20_000,
    memory: int = 64 * 2**20,
    redact: Redaction | None = None,
    filters: Mapping[str, Mapping[str, object]] | None = None,
    refresh: bool = False,
    settings: ClientSettings | None = None,
) -> DltSource:
    """Make a source for dlt with a resource for each stream; its name is `amili`.

    A resource yields Arrow tables with the columns of the Parquet target: amounts `decimal(38, 10)`, parts nested (what dlt makes
    JSON of where a destination has no nested types). Its write disposition is "merge" by organization and key; of several rows
    with one key the one read last stays. A destination that cannot merge (files without a table format) gets what is read again
    beside what it has.

    Which windows have been read stands in the state of the resource, and dlt keeps a state together with the rows that belong to
    it. So a run reads what the destination does not have yet: time that has passed, and windows that failed. Use `load`, which
    cuts a large load into many runs. A plain `pipeline.run` reads everything in one: if it is killed while it reads, all that it
    has read is read again.

    What cannot be read does not stop the rest of its stream: it is logged and tried again by the next run. If for this reason
    nothing of a stream can be read, a plain `pipeline.run` fails, and nothing of that run is loaded, of no stream; `load` loads
    the other streams, and raises in the end.

    Args:
        organizations: as all that is not said here, what `SyncJob` takes.
        streams: names of streams; None: all that organizations and clients have.
        clients: numbers of ARM clients.
        start: begin of the time to read.
        until: its end.
        lag: how long rows may take until the list shows them.
        concurrency: windows of a stream that are read at the same time.
        max_rows: rows that a window shall have at most, where the server counts them.
        memory: bytes of pages that are worked on at the same time, about.
        redact: what is taken out of rows before anything of them is kept.
        filters: further filters by stream, `{"cases": {"Status": "OPEN"}}`.
        refresh: also read windows again whose rows can have changed since they were read, and lists that have no period.
        settings: how to make the client. Without credentials in them, those are `client_id` and `client_secret` (or `token`) of
            `[sources.amili]` in dlt's secrets, else what the environment variables of `AmiliClient.from_env` say; likewise the
            `environment`.

    Raises:
        ConfigError: a setting is wrong.

    Example:
        ```python
        pipeline = dlt.pipeline("amili", destination="duckdb", dataset_name="collection")
        load(pipeline, amili_source([org], ["cases", "batches"], start="2024-01-01"))
        ```
    """
    options: dict[str, Any] = {
        "organizations": organizations,
        "clients": clients,
        "start": start,
        "until": until,
        "lag": lag,
        "concurrency": concurrency,
        "max_rows": max_rows,
        "memory": memory,
        "redact": redact,
        "filters": filters or {},
    }
    if isinstance(streams, str):
        raise ConfigError("streams must be a list of names")
    order = Order.checked(streams=streams, parts=(), **options)
    since = datetime.now(UTC) if refresh else None
    given = settings or ClientSettings()
    resources = [
        _resource(Reader(stream=stream, settings=lambda: _with_secrets(given), options=options, since=since))
        for stream in order.streams
    ]
    source: DltSource = _engine.source(lambda: resources, name="amili", section="amili", max_table_nesting=0)()
    return source


def _resource(reader: Reader) -> Any:
    table = table_of(reader.stream)
    columns: dict[str, Any] = {
        column.name: {"data_type": "decimal", "precision": DIGITS, "scale": DECIMALS}
        for column in table.columns
        if column.kind == "decimal"
    }
    columns[FETCHED_AT] = {"dedup_sort": "desc"}

    def tables() -> Iterator[Any]:
        yield from reader.tables(_engine.current.resource_state())

    return _engine.resource(
        tables,
        name=reader.stream.name,
        write_disposition="merge",
        primary_key=[ORGANIZATION, table.key.name],
        columns=columns,
        file_format="parquet",
    )


def _with_secrets(settings: ClientSettings) -> ClientSettings:
    """Return settings with what dlt knows of those that are not given."""
    if settings.credentials is not None:
        return settings
    known = {name: str(_engine.secrets.get(f"sources.amili.{name}") or "") for name in _SETTINGS}
    environ = {f"AMILI_{name.upper()}": value for name, value in known.items() if value}
    if not environ:
        return settings
    environment = settings.environment or (Environment.from_env(environ) if known["environment"] else None)
    return replace(settings, environment=environment, credentials=credentials_from_env(environ, required=False))
