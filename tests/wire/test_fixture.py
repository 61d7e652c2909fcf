"""The fixture of the test kit gives a running sandbox."""

from __future__ import annotations

import pytest

from amili_async import AmiliClient
from amili_async.testing import sandbox_fixture

sandbox = sandbox_fixture(cases=7, organizations=1)


@pytest.mark.asyncio
async def test_the_fixture_gives_a_running_sandbox(sandbox):
    """A test module gets a sandbox of its own settings in one line."""
    async with AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili:
        assert len(await amili.collection.cases.list(sandbox.organizations[0]).collect()) == 7
