"""A pipeline of dlt in a folder; as a program, `python -m tests.engines.kit_dlt FOLDER KIND ORGANIZATION...` loads into it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from amili_async.sync.streams import STREAMS

UNTIL = "2026-06-01"
SILENT = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
KINDS = ("duckdb", "parquet")
MARKS = [
    pytest.mark.usefixtures("dlt_environ"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::dlt.common.warnings.DltDeprecationWarning"),
]


def pipeline_of(folder: Path, kind: str):
    """Return a pipeline whose state and data are in a folder."""
    import dlt  # noqa: PLC0415  # it may not be installed

    (folder / "data").mkdir(parents=True, exist_ok=True)
    destinations = {
        "duckdb": lambda: dlt.destinations.duckdb(str(folder / "data" / "lake.duckdb")),
        "parquet": lambda: dlt.destinations.filesystem((folder / "data").as_uri()),
    }
    return dlt.pipeline("amili", pipelines_dir=str(folder / "state"), destination=destinations[kind](), dataset_name="amili")


def rows_of(folder: Path, kind: str, table: str):
    """Return the rows of a table in the destination as an Arrow table."""
    if kind == "duckdb":
        import duckdb  # noqa: PLC0415

        with duckdb.connect(str(folder / "data" / "lake.duckdb"), read_only=True) as db:
            return db.sql(f"SELECT * FROM amili.{table}").to_arrow_table()  # noqa: S608
    import pyarrow.dataset as ds  # noqa: PLC0415

    return ds.dataset(folder / "data" / "amili" / table).to_table()


def truth(sandbox, stream):
    """Return the rows that a sandbox serves until the end of the tests' time."""
    operation, period = STREAMS[stream].operation.name, STREAMS[stream].period
    filters = {period[1]: UNTIL} if period else {}
    return [row for organization in sandbox.organizations for row in sandbox.truth(operation, organization, **filters)]


def keys(sandbox, stream):
    """Count the keys that are served."""
    return Counter(str(row[STREAMS[stream].key]) for row in truth(sandbox, stream))


def main() -> None:
    """Load cases."""
    from amili_async.dlt import amili_source, load  # noqa: PLC0415

    folder, kind, *organizations = sys.argv[1:]
    source = amili_source(organizations, ["cases"], until=UNTIL, max_rows=500, concurrency=4)
    load(pipeline_of(Path(folder), kind), source, rows=2_000)


if __name__ == "__main__":
    os.environ |= SILENT
    main()
