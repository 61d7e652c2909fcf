"""Targets as they are written on the command line: `parquet:./lake`, `sqlite:cases.db`, `postgres://host/database`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from amili_async.errors import SinkError

if TYPE_CHECKING:
    from amili_async.sync.sinks.base import Sink

__all__ = ["FORMS", "sink_for"]

_HOMES = {
    "ndjson": ("ndjson", "NdjsonSink"),
    "ndjson.gz": ("ndjson", "NdjsonSink"),
    "ndjson.zst": ("ndjson", "NdjsonSink"),
    "parquet": ("parquet", "ParquetSink"),
    "sqlite": ("sqlite", "SqliteSink"),
    "duckdb": ("duckdb", "DuckdbSink"),
}
_DATABASES = ("postgres", "postgresql")
FORMS = "ndjson:FOLDER, ndjson.gz:FOLDER, ndjson.zst:FOLDER, parquet:FOLDER, sqlite:FILE, duckdb:FILE or postgres://HOST/DATABASE"


def sink_for(target: str) -> Sink:
    """Return the sink of a target. A folder without a kind gets Parquet where pyarrow is installed, else NDJSON.

    Raises:
        SinkError: there is no such kind of target, it has no place, or it carries a password; `usable` is False.
    """
    kind, colon, place = target.partition(":")
    if colon and kind in _DATABASES:
        if _has_password(target):
            raise SinkError(
                "a password has no place in a target, where others can see it: put it in PGPASSWORD or ~/.pgpass",
                usable=False,
            )
        sink: Sink = import_module("amili_async.sync.sinks.postgres").PostgresSink(target)
        return sink
    if not colon or (len(kind) == 1 and place[:1] in {"\\", "/"}):  # no kind, or the drive of a path on Windows
        kind, place = ("parquet" if find_spec("pyarrow") else "ndjson"), target
    if kind not in _HOMES:
        raise SinkError(f"there is no target {kind!r}, only {FORMS}", usable=False)
    if not place.strip():
        raise SinkError(
            f"the target {kind}: has no place; write {kind}:{'FILE' if kind in {'sqlite', 'duckdb'} else 'FOLDER'}", usable=False
        )
    module, name = _HOMES[kind]
    _, _, suffix = kind.partition(".")
    settings = {"compression": suffix} if suffix else {}
    found: Sink = getattr(import_module(f"amili_async.sync.sinks.{module}"), name)(Path(place).expanduser(), **settings)
    return found


def _has_password(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        raise SinkError("the target is not a URL: write postgres://HOST/DATABASE", usable=False) from None
    return parts.password is not None or "password=" in parts.query.lower()
