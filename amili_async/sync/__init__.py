"""Whole lists into files, databases and functions: resumable, exact, each row once.

Names are imported when they are first used (PEP 562): neither pyarrow nor a database driver is loaded before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amili_async.sync.events import (
        Event,
        PaceChanged,
        StreamFailed,
        WindowDone,
        WindowFailed,
        WindowKept,
        WindowPlanned,
        WindowRead,
        WindowRetried,
        WindowStarted,
    )
    from amili_async.sync.job import SyncJob
    from amili_async.sync.ledger import Entry, Owed
    from amili_async.sync.redact import Redaction
    from amili_async.sync.remote import ClientSettings, read_window
    from amili_async.sync.report import Difference, Failure, Figures, Report, Verification
    from amili_async.sync.sinks.base import Sink
    from amili_async.sync.sinks.duckdb import DuckdbSink
    from amili_async.sync.sinks.memory import CallableSink, Delivery, MemorySink
    from amili_async.sync.sinks.ndjson import NdjsonSink
    from amili_async.sync.sinks.parquet import ParquetSink
    from amili_async.sync.sinks.postgres import PostgresSink
    from amili_async.sync.sinks.sqlite import SqliteSink
    from amili_async.sync.streams import STREAMS, Stream
    from amili_async.sync.targets import sink_for
    from amili_async.sync.windows import Window

__all__ = [
    "STREAMS",
    "CallableSink",
    "ClientSettings",
    "Delivery",
    "Difference",
    "DuckdbSink",
    "Entry",
    "Event",
    "Failure",
    "Figures",
    "MemorySink",
    "NdjsonSink",
    "Owed",
    "PaceChanged",
    "ParquetSink",
    "PostgresSink",
    "Redaction",
    "Report",
    "Sink",
    "SqliteSink",
    "Stream",
    "StreamFailed",
    "SyncJob",
    "Verification",
    "Window",
    "WindowDone",
    "WindowFailed",
    "WindowKept",
    "WindowPlanned",
    "WindowRead",
    "WindowRetried",
    "WindowStarted",
    "read_window",
    "sink_for",
]

_HOMES = {
    "CallableSink": "sinks.memory",
    "ClientSettings": "remote",
    "Delivery": "sinks.memory",
    "Difference": "report",
    "Entry": "ledger",
    "Event": "events",
    "Failure": "report",
    "Figures": "report",
    "MemorySink": "sinks.memory",
    "Owed": "ledger",
    "PaceChanged": "events",
    "Redaction": "redact",
    "Report": "report",
    "STREAMS": "streams",
    "NdjsonSink": "sinks.ndjson",
    "ParquetSink": "sinks.parquet",
    "PostgresSink": "sinks.postgres",
    "DuckdbSink": "sinks.duckdb",
    "Sink": "sinks.base",
    "SqliteSink": "sinks.sqlite",
    "Stream": "streams",
    "StreamFailed": "events",
    "SyncJob": "job",
    "Verification": "report",
    "Window": "windows",
    "WindowDone": "events",
    "WindowFailed": "events",
    "WindowKept": "events",
    "WindowPlanned": "events",
    "WindowRead": "events",
    "WindowRetried": "events",
    "WindowStarted": "events",
    "read_window": "remote",
    "sink_for": "targets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"amili_async.sync.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
