"""A sandbox in a process of its own, for tests that kill whoever reads from it: `python -m tests.sync.served SETTINGS`.

It prints one line of JSON when it is ready: how to reach it, and the truth about the cases that it serves.
It ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from decimal import Decimal
from subprocess import PIPE, Popen

from amili_async.sandbox import Sandbox

AMOUNTS = ("remainingAmount", "remainingPrincipal")


async def _serve(settings):
    async with Sandbox(page_cache=2**30, **settings) as sandbox:
        keys, sums = [], dict.fromkeys(AMOUNTS, Decimal(0))
        for organization in sandbox.organizations:
            for row in sandbox.truth("collection.cases.list", organization):
                keys.append(row["caseId"])
                for name in AMOUNTS:
                    sums[name] += row[name] or 0
        ready = {
            "environ": {
                "AMILI_ENVIRONMENT": sandbox.url,
                "AMILI_CLIENT_ID": sandbox.credentials.client_id,
                "AMILI_CLIENT_SECRET": sandbox.credentials.client_secret,
            },
            "organizations": sandbox.organizations,
            "keys": keys,
            "sums": {name: str(value) for name, value in sums.items()},
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def served(**settings):
    """Run a sandbox with these settings; give what it says of itself."""
    command = [sys.executable, "-m", "tests.sync.served", json.dumps(settings)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:  # noqa: S603  # our own
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
