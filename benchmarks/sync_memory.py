"""Row S5: a sync to Parquet in a process of its own that tells how much memory it took: READY FOLDER CASES."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path
from typing import Any

from amili_async import AmiliClient, ClientCredentials, Environment
from amili_async.sync import SyncJob, WindowDone, sink_for

__all__ = ["high_water"]


def high_water() -> float:
    """Return the most memory that this process has held so far, in MB."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:", 1)[1].split(None, 1)[0]) / 1024
    except OSError:  # no Linux: what an interpreter has taken from its parent counts, too
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


async def _run(ready: dict[str, Any], folder: str, cases: int) -> dict[str, float]:
    rows, marks = 0, dict[str, float]()

    def note(event: object) -> None:
        nonlocal rows
        if isinstance(event, WindowDone):
            rows += event.entry.rows
            marks.setdefault(f"mb_at_{rows * 10 // cases * 10}", high_water())

    credentials = ClientCredentials(ready["client_id"], ready["client_secret"])
    async with AmiliClient(credentials, environment=Environment.local(ready["url"])) as amili:
        sink = sink_for(f"parquet:{folder}/lake")
        job = SyncJob(amili, sink=sink, organizations=[ready["organization"]], streams=["cases"], on_event=note)
        report = await job.run()
    peak = high_water()
    early = next(mark for name, mark in marks.items() if name != "mb_at_0")
    return {"rows": report.rows, "peak_mb": peak, "growth_mb": peak - early, **marks}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_run(json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])))) + "\n")
