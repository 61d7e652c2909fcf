"""Kept queries: a list that was asked for once stays as it was, under an id, until it expires or room is needed."""

from __future__ import annotations

import time
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox.arm_exchange import Refused
from amili_async.sandbox.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.sandbox.arm_ids import ShortIds

__all__ = ["KEPT", "Kept", "Queries", "held"]

KEPT = 256
"""How many queries are kept; the oldest make room. Each holds at most the numbers of its rows, 8 bytes each."""


class Kept(NamedTuple):
    """A query.

    Attributes:
        id: of 22 characters.
        numbers: of its rows.
        total: how many rows it counts, which may be more than it holds.
        maximum: how many rows it may hold.
        size: rows of a page.
        expand: whether its rows have more in them.
        key: what its rows depend on.
        hole: number of a page that is empty, before further ones; 0 if there is none.
    """

    id: str
    numbers: Sequence[int]
    total: int
    maximum: int
    size: int
    expand: bool
    key: tuple[Any, ...]
    hole: int = 0

    @property
    def pages(self) -> int:
        """How many pages it has."""
        return -(-len(self.numbers) // self.size) + bool(self.hole)

    def places(self, page: int) -> tuple[int, int]:
        """Return the place of a page's first row, and the place after its last."""
        begin = (page - 1 - (0 < self.hole < page)) * self.size
        return begin, begin if self.hole == page else min(begin + self.size, len(self.numbers))


def held(numbers: Sequence[int] | Iterable[int], maximum: int, *, beyond: bool) -> tuple[Sequence[int], int]:
    """Return the first of some numbers, and how many those are; with `beyond`, how many there are in all."""
    if isinstance(numbers, Sequence):
        first = numbers[:maximum]
        return first, len(numbers if beyond else first)
    rest = iter(numbers)
    first = array("q", islice(rest, maximum))
    return first, len(first) + (sum(1 for _ in rest) if beyond else 0)


class Queries:
    """The queries that are kept.

    Args:
        ids: what makes their ids.
        lifetime: seconds that a query is kept.
    """

    def __init__(self, ids: ShortIds, lifetime: float) -> None:
        self._ids = ids
        self._lifetime = lifetime
        self._clock = time.monotonic
        self._made = 0
        self._kept: OrderedDict[str, tuple[float, str, int, Kept]] = OrderedDict()

    def keep(self, operation: str, client: int, query: Kept) -> Kept:
        """Keep a query of a list of a client. Returns it with its id."""
        self._made += 1
        query = query._replace(id=self._ids.make(Kind.ARM_QUERY, client, self._made))
        self._kept[query.id] = self._clock() + self._lifetime, operation, client, query
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return query

    def find(self, operation: str, client: int, text: str) -> Kept:
        """Return a query by its id.

        Raises:
            Refused: 404; there is none of this list and client, or it has expired.
        """
        expires, of, whose, query = self._kept.get(text, (0.0, "", 0, None))
        if query is None or (of, whose) != (operation, client) or self._clock() > expires:
            raise Refused(404, "There is no such query of this list; it may have expired.")
        return query
