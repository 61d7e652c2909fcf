"""Our source for dlt, in an environment that has dlt: READY KIND FOLDER."""
# run as a script by another interpreter

from __future__ import annotations

import json
import os
import sys

ready, kind, folder = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DESTINATION__FILESYSTEM__BUCKET_URL": f"file://{folder}/files",
    "DESTINATION__DUCKDB__CREDENTIALS": f"{folder}/data.duckdb",
    "AMILI_ENVIRONMENT": ready["url"],
    "AMILI_CLIENT_ID": ready["client_id"],
    "AMILI_CLIENT_SECRET": ready["client_secret"],
}

import dlt  # noqa: E402  # its settings come first

from amili_async.dlt import amili_source, load  # noqa: E402

pipeline = dlt.pipeline(
    "ours", pipelines_dir=f"{folder}/state", destination="duckdb" if kind == "duckdb" else "filesystem", dataset_name="ours"
)
load(pipeline, amili_source([ready["organization"]], ["cases"]))
rows = pipeline.last_trace.last_normalize_info.row_counts["cases"]
sys.stdout.write(f"{rows}\n")
