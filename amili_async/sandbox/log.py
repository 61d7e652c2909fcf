"""What was asked for and what was served, so that a test can hold the client's account against the server's."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Log", "Served"]


@dataclass(frozen=True, slots=True)
class Served:
    """One request and what became of it. Tokens, secrets and bodies are not kept.

    Attributes:
        ordinal: number of the request, from 1.
        operation: name of the operation; empty if the path belongs to none.
        method: HTTP method.
        path: path as asked for.
        query: parameters in their order.
        status: status sent; 0 if the connection was cut before any was.
        faults: kinds of faults that struck it.
        rows: how many rows the answer holds, or held before it was damaged.
        first_key: id of the first row.
        last_key: id of the last row.
        authorization: whether an Authorization header came with it.
        started: when it came, in seconds of the monotonic clock.
        elapsed: seconds until the answer was handed to the connection.
        in_flight: how many requests, with this one, were in the server's hands when it came.
    """

    ordinal: int
    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    faults: tuple[str, ...]
    rows: int
    first_key: str | None
    last_key: str | None
    authorization: bool
    started: float
    elapsed: float
    in_flight: int


class Log:
    """The latest requests in the order in which they were answered, and counts of all. Iterates over `Served`."""

    def __init__(self, size: int) -> None:
        self._served: deque[Served] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Served]:
        return iter(tuple(self._served))

    def __len__(self) -> int:
        return len(self._served)

    def add(self, served: Served) -> None:
        """Note a request; the oldest note makes room if need be."""
        self._served.append(served)
        self._counts[served.operation] += 1

    def clear(self) -> None:
        """Forget all requests and counts."""
        self._served.clear()
        self._counts.clear()

    def of(self, operation: str) -> list[Served]:
        """Return the notes about an operation."""
        return [served for served in self if served.operation == operation]

    def count(self, operation: str | None = None) -> int:
        """Return how often an operation was asked for, or how many requests there were in all, those without a note too."""
        return self._counts.total() if operation is None else self._counts[operation]

    @property
    def counts(self) -> dict[str, int]:
        """How often each operation was asked for."""
        return dict(self._counts)

    @property
    def max_in_flight(self) -> int:
        """How many requests were in the server's hands at once, at most."""
        return max((served.in_flight for served in self), default=0)
