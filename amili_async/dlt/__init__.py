"""A dlt source: whole lists as Arrow tables into any destination of dlt, window by window, resumable. Needs the extra `dlt`."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("dlt") is None or find_spec("pyarrow") is None:
    raise ImportError("the source for dlt needs dlt and pyarrow: pip install 'amili-async[dlt]'")

from amili_async.dlt.loading import load
from amili_async.dlt.source import amili_source

__all__ = ["amili_source", "load"]
