"""What importing costs."""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks.candidate import Target, Watch, candidate

__all__: list[str] = []


def _timed(watch: Watch, module: str) -> int:
    with watch:
        import_module(module)
    watch.facts["aiohttp_modules"] = sum(name.partition(".")[0] == "aiohttp" for name in sys.modules)
    return 0


@candidate
def import_models(_: Target, watch: Watch) -> int:
    """Import the models."""
    return _timed(watch, "amili_async.collection.models")


@candidate
def import_client(_: Target, watch: Watch) -> int:
    """Import the client, aiohttp included."""
    return _timed(watch, "amili_async.client")


@candidate
def import_aiohttp(_: Target, watch: Watch) -> int:
    """Import aiohttp alone."""
    return _timed(watch, "aiohttp")
