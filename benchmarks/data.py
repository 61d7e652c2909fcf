"""The rows that are served: invented cases and customers, encoded once."""

from __future__ import annotations

from functools import cache

from amili_async.sandbox import Sandbox
from amili_async.structs import encode

__all__ = ["case_pages", "customer_pages"]

DIFFERENT_PAGES = 16
"""Pages with rows of their own; a longer list repeats them, so that a million cases take no memory in the server."""


@cache
def case_pages(size: int) -> tuple[bytes, ...]:
    """Return pages of cases, each as the inside of a JSON array."""
    sandbox = Sandbox(cases=DIFFERENT_PAGES * size, organizations=1)
    return _pages([encode(row) for row in sandbox.truth("collection.cases.list", sandbox.organizations[0])], size)


@cache
def customer_pages(size: int) -> tuple[bytes, ...]:
    """Return pages of ARM customers, each as the inside of a JSON array."""
    sandbox = Sandbox(customers=DIFFERENT_PAGES * size, organizations=1)
    return _pages([encode(row) for row in sandbox.truth("arm.customers.list", sandbox.clients[0])], size)


def _pages(rows: list[bytes], size: int) -> tuple[bytes, ...]:
    return tuple(b",".join(rows[at : at + size]) for at in range(0, len(rows), size))
