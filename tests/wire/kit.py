"""What the wire ring shares: clients of a sandbox."""

from __future__ import annotations

from amili_async import AmiliClient, RetryPolicy

QUICK = RetryPolicy(attempts=8, backoff=0.01, backoff_max=0.02)


def connect(sandbox, **settings):
    """Return a client of the sandbox that does not wait long."""
    return AmiliClient(sandbox.credentials, environment=sandbox.environment, retry=QUICK, **settings)
