"""Large loads in many runs of a pipeline, so that a crash costs one of them at most."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from amili_async.config import whole
from amili_async.dlt.reader import one_run

if TYPE_CHECKING:
    from dlt.common.pipeline import LoadInfo  # pyright: ignore[reportMissingImports]
    from dlt.pipeline.pipeline import Pipeline  # pyright: ignore[reportMissingImports]
    from dlt.sources import DltSource  # pyright: ignore[reportMissingImports]

__all__ = ["load"]

ROWS = 500_000

_logger = logging.getLogger("amili_async")


def load(pipeline: Pipeline, source: DltSource, *, rows: int = ROWS, **options: Any) -> list[LoadInfo]:
    """Run a pipeline until its source has nothing left to read, some rows at a time.

    Each run is a load package of its own. It reaches the destination together with the state that says which windows are in it.
    Kill it at any moment and call it again, on the same machine or on another: what was extracted completely is loaded from the
    pipeline's folder if that is still there, and windows that were loaded are not read again. Read again are those of the one run
    that was killed while it was reading: at most `rows` rows of each stream, and windows that were being read besides.

    Args:
        pipeline: of dlt.
        source: what `amili_source` has made; its resources may have been selected and given other hints.
        rows: rows of each stream after which a run begins no window any more.
        options: for `pipeline.run`, such as `table_format="delta"`.

    Returns:
        What each run says of itself.

    Raises:
        AmiliError: something could not be read by the last run either; what could be read, of this stream and of all others, is
            in the destination. If streams fail one by one, it is the error of the first; the others' are logged.
        PipelineStepFailed: dlt cannot load it.
    """
    whole(rows, "rows")
    found: list[LoadInfo] = []
    while True:
        if pipeline.has_pending_data:  # a run that was killed after reading; dlt would do nothing else
            found.append(pipeline.run())
        with one_run(rows) as failed:
            found.append(pipeline.run(source, **options))
        state: Any = pipeline.state.get("sources", {}).get(source.name, {}).get("resources", {})
        if not any(state.get(name, {}).get("left") for name in source.selected_resources):
            break
    for error in failed[1:]:
        _logger.warning("not read either: %s", error)
    if failed:
        raise failed[0]
    return found
