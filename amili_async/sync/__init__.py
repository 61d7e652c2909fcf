"""Whole lists into files: for now the simple sync, which reads everything anew on each run."""

from amili_async.sync.simple import STREAMS, Meter, StreamReport, SyncReport, sync

__all__ = ["STREAMS", "Meter", "StreamReport", "SyncReport", "sync"]
