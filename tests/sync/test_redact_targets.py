"""What is redacted is nowhere under a target: not in its rows, its parts, its ledger, nor in a file beside them."""

from __future__ import annotations

import pytest
from msgspec.structs import asdict

from amili_async import AmiliClient
from amili_async.sandbox import Sandbox
from amili_async.sync import Redaction, SyncJob
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import tables_of

from .places import TARGETS

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

FIELDS = ("identificationNumber", "email", "phone", "fullName", "first_name", "last_name")
ON_THE_WIRE = ("identificationNumber", "email", "phone", "fullName", "firstName", "lastName")
CASES, PARTS = STREAMS["cases"], ("debtors", "claims")


@pytest.fixture(params=[kind for kind, target in TARGETS.items() if target.lasting])
def target(request, tmp_path):
    """Give every kind of target that lasts, empty."""
    kind = request.param
    return TARGETS[kind](kind, tmp_path, request.getfixturevalue("postgres") if kind == "postgres" else None)


async def dumped(target, entries):
    """Return all that a target holds, as its files have it and as its tables read."""
    found = [path.read_bytes() for path in sorted(target.folder.rglob("*")) if path.is_file()]
    for table in tables_of(CASES, PARTS):
        found += [repr(row).encode() for row in await target.held(table)]
    found += [repr(asdict(entry)).encode() for entry in entries]
    if target.postgres:
        for found_table in await target.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            rows = await target.query(f'SELECT t::text AS dump FROM "{found_table["tablename"]}" t')  # noqa: S608  # names of its own catalogue
            found += [row["dump"].encode() for row in rows]
    return b"\n".join(found)


@pytest.mark.parametrize(
    "redaction",
    [Redaction(FIELDS), Redaction(FIELDS, key=b"secret of the test"), None],
    ids=["dropped", "hashed", "kept"],
)
async def test_nothing_is_left(target, redaction):
    """The values are searched for in every byte, after rows were replaced too; without the redaction they are found."""
    async with (
        Sandbox(cases=60, organizations=1) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili,
    ):
        (organization,) = sandbox.organizations
        truth = list(sandbox.truth("collection.cases.list", organization))
        debtors = [debtor for row in truth for debtor in row["debtors"]]
        values = {str(debtor[name]) for debtor in debtors for name in ON_THE_WIRE if debtor.get(name)}
        assert len(values) > 100
        sink = target.sink()
        job = SyncJob(amili, organizations=[organization], streams=["cases"], sink=sink, parts=PARTS, redact=redaction)
        assert (await job.run()).complete
        assert (await job.refresh()).rows == len(truth)
        held = await dumped(target, await job.status())
    assert {value for value in values if value.encode() in held} == (set() if redaction else values)
    assert all(row["caseId"].encode() in held for row in truth)
