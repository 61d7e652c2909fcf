"""dlt's own rest_api source, as its documentation says, in an environment of its own: READY KIND FOLDER PAGE_SIZE.

A KIND that begins with `flat` is set for speed: rows keep their parts, as ours do, instead of being split into child tables, and
DuckDB takes Parquet files.
"""
# run as a script by another interpreter

from __future__ import annotations

import json
import os
import sys

ready, kind, folder, page_size = json.loads(sys.argv[1]), sys.argv[2].split()[-1], sys.argv[3], int(sys.argv[4])
flat = sys.argv[2].startswith("flat")
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DESTINATION__FILESYSTEM__BUCKET_URL": f"file://{folder}/files",
    "DESTINATION__DUCKDB__CREDENTIALS": f"{folder}/data.duckdb",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt  # noqa: E402  # its settings come first
from dlt.sources.rest_api import rest_api_source  # noqa: E402

source = rest_api_source(
    {
        "client": {
            "base_url": f"{ready['url']}/collection/v1/",
            "auth": {
                "type": "oauth2_client_credentials",
                "access_token_url": f"{ready['url']}/identity/token",
                "client_id": ready["client_id"],
                "client_secret": ready["client_secret"],
            },
            "paginator": {"type": "cursor", "cursor_path": "cursorSummary.nextPageToken", "cursor_param": "PageToken"},
        },
        "resources": [
            {
                "name": "cases",
                "primary_key": "caseId",
                "write_disposition": "append",
                "endpoint": {
                    "path": f"orgs/{ready['organization']}/cases",
                    "params": {"PageSize": page_size},
                    "data_selector": "data",
                },
            }
        ],
    }
)
if flat:
    source.max_table_nesting = 0
pipeline = dlt.pipeline(
    "peer", pipelines_dir=f"{folder}/state", destination="duckdb" if kind == "duckdb" else "filesystem", dataset_name="peer"
)
pipeline.run(
    source, loader_file_format=("parquet" if flat else None) if kind == "duckdb" else {"ndjson": "jsonl"}.get(kind, kind)
)
rows = pipeline.last_trace.last_normalize_info.row_counts["cases"]
sys.stdout.write(f"{rows}\n")
