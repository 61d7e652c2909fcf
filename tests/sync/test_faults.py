"""A sync against a server that fails in every way, into every kind of target: exactly what is served, to the last digit."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from amili_async import AmiliClient
from amili_async.sandbox import Fault, Sandbox
from amili_async.sync import SyncJob

from .kit import Clock
from .places import TARGETS
from .places import texts as rows_of

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

FAULTS = (
    Fault("rate_limit", rate=0.05, retry_after=0),
    Fault("status", rate=0.05, match="collection", retry_after=0),
    Fault("reset_before", rate=0.02, match="collection"),
    Fault("unauthorized", count=1),  # a second one for the same call would mean that the credentials are refused
    Fault("expired_token", count=3),
    Fault("repeated_token", count=3),
    Fault("empty_page", at=(5, 10, 15)),  # scripts, since by rate there are runs in which none strikes
    Fault("rows_shift", at=(2, 5, 8)),
    Fault("total_drift", count=3),
    Fault("truncated_json", count=3, match="collection"),
)


@pytest.fixture(params=["ndjson", "parquet", "sqlite", "duckdb", "postgres"])
def target(request, tmp_path):
    """Give the kinds of targets in turn, empty."""
    kind = request.param
    return TARGETS[kind](kind, tmp_path, request.getfixturevalue("postgres") if kind == "postgres" else None)


@pytest.mark.parametrize("bounds", [{}, {"include_upper": True}, {"exclude_lower": True}], ids=["plain", "upper", "lower"])
async def test_faults(target, bounds):
    """Each fault strikes, and runs are repeated until one is complete; then keys and amounts are those that were served."""
    async with (
        Sandbox(cases=400, organizations=1, page_size_default=20, page_size_max=20, faults=list(FAULTS), **bounds) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment, clock=Clock()) as amili,
    ):
        (organization,) = sandbox.organizations
        job = SyncJob(amili, organizations=[organization], streams=["cases"], sink=target.sink(), max_rows=60)
        sandbox.insert(organization, 20)
        for _ in range(8):
            report = await job.run()
            if report.complete:
                break
        assert report.complete
        assert (await job.verify()).sound
        assert all(sandbox.faults.struck[fault.kind] for fault in FAULTS), sandbox.faults.struck
        truth = list(sandbox.truth("collection.cases.list", organization))
    held = await rows_of(target)
    assert Counter(row["caseId"] for row in held) == Counter(row["caseId"] for row in truth)
    for name in ("remainingAmount", "remainingPrincipal"):
        assert sum(Decimal(row[name]) for row in held) == sum(Decimal(str(row[name])) for row in truth)
