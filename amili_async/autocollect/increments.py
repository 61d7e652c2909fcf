"""Settlements as they come: asked for behind the last one that is known, until an answer holds none that is new.

What the parameter `lastsettlementid` means exactly is not documented: whether the settlement that it names comes again, in which
order settlements come, whether an answer holds all of them, and what the `lastsettlementid` of a creditor names. The walk is made
so that none of these can lose or double a settlement:

- the end is an answer without anything new, never a position that stands still, an empty field or a short answer;
- what was handed out is known by its id, wherever it comes again; where an answer has several that say different things under
  one id, by both; without an id by all that it says, and then as often as one answer has it;
- the next position is the one that the creditor names, unless settlements may still be missing before it: if the answer does not
  hold the settlement that it names, though it holds some with names of that kind, the walk goes on behind the newest of those;
- a position is asked for at most twice, so that a server that goes in circles is found out.

What cannot be met: answers that are cut off, of a creditor that names its very last settlement by a name that settlements do not
show. Nothing suggests that answers are cut off.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from amili_async.alone import Alone
from amili_async.autocollect import operations as ops
from amili_async.autocollect.models import Settlement
from amili_async.errors import PageLoop, PaginationError
from amili_async.pagination import Items
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amili_async.autocollect.models import Batch, LegacySettlement
    from amili_async.config import RequestOptions
    from amili_async.product import Calls

    AnySettlement = Settlement | LegacySettlement

__all__ = ["Increment", "Increments", "next_position"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """What one answer has brought. Iterating it gives its settlements.

    Attributes:
        items: settlements that were not handed out before, at least one, in the server's order.
        after: where to go on from once these are stored; None: from the start.
        batch: the whole document that they came in.
    """

    items: tuple[AnySettlement, ...]
    after: str | None
    batch: Batch = field(repr=False)

    def __iter__(self) -> Iterator[AnySettlement]:
        """Iterate the settlements."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the settlements."""
        return len(self.items)

    def __repr__(self) -> str:
        """Count the settlements instead of showing them."""
        return f"Increment(items=<{len(self.items)}>, after={self.after!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Increments:
    """Settlements that have not been fetched yet. Nothing is sent before it is iterated; it can be used again and again.

    ```python
    async for settlement in increments: ...      # every settlement
    async for increment in increments.pages():   # answer by answer, with the position to go on from
        await store(increment.items, increment.after)
    ```
    """

    calls: Calls
    query: Mapping[str, Any]
    after: str | None = None
    options: RequestOptions | None = None

    def __repr__(self) -> str:
        """Name what it is; filters may be personal data."""
        return "Increments(autocollect.batch.settlements)"

    def __aiter__(self) -> Items[AnySettlement]:
        """Iterate every settlement, asking for more as long as there are; leaving early leaves nothing open."""
        return Items(self.pages())

    def pages(self) -> Answers:
        """Iterate answer by answer. After an error the same answer is asked for again."""
        return Answers(self)


class Answers:
    """Answers one after the other: the next is fetched when it is asked for."""

    def __init__(self, increments: Increments) -> None:
        self._increments = increments
        self._position = increments.after
        self._asked: Counter[str | None] = Counter()
        self._seen: set[object] = set()
        self._ended = False
        self._alone = Alone("settlements")

    def __aiter__(self) -> Answers:
        """Iterate."""
        return self

    async def __anext__(self) -> Increment:
        """Fetch the next answer that has something new.

        Raises:
            PageLoop: the server has sent new settlements, and yet twice the same position.
            PaginationError: the answer holds several creditors, each with a position of its own.
        """
        with self._alone:
            return await self._next()

    async def _next(self) -> Increment:
        if self._ended:
            raise StopAsyncIteration
        if self._asked[self._position] == 2:
            raise PageLoop(
                "the server sends new settlements without moving on", path=ops.BATCH_GET.path, method=ops.BATCH_GET.method
            )
        it = self._increments
        query = {**it.query, "lastsettlementid": self._position}
        batch = (await it.calls.call(ops.BATCH_GET, query=query, options=it.options)).data
        new = {key: row for key, row in _keyed(batch.settlement or ()) if key not in self._seen and not self._is_known(row)}
        fresh = tuple(new.values())
        if not fresh:
            self._ended = True
            raise StopAsyncIteration
        following = next_position(batch, fresh, self._position, it.query["creditorid"])
        self._asked[self._position] += 1
        self._seen.update(new)
        self._position = following
        return Increment(items=fresh, after=following, batch=batch)

    def _is_known(self, row: AnySettlement) -> bool:
        """Tell whether a row is the settlement that the walk began behind."""
        start = self._increments.after
        return start is not None and _name_like(row, start) == start


def next_position(batch: Batch, fresh: Sequence[AnySettlement], position: str | None, creditor: str | None) -> str | None:
    """Decide behind which settlement to ask next.

    Args:
        batch: the document at hand.
        fresh: its new settlements, at least one.
        position: what was asked for.
        creditor: the creditor that was asked for, if one was.

    Raises:
        PaginationError: several creditors have positions of their own: behind that of one, settlements of another may be missing.
    """
    creditors = batch.creditor or ()
    wanted = [one for one in creditors if one.idnumber == creditor] or creditors
    told = {one.lastsettlementid for one in wanted if one.lastsettlementid}
    if len(told) > 1:
        raise PaginationError(
            "the answer holds several creditors, each with a last settlement of its own: read them one by one, with creditor_id=",
            path=ops.BATCH_GET.path,
            method=ops.BATCH_GET.method,
        )
    newest = _newest(fresh)
    if not told:
        return _id(newest) or position
    (last,) = told
    if any(_name_like(row, last) == last for row in batch.settlement or ()):
        return last
    return _name_like(newest, last) or last


def _keyed(rows: Sequence[AnySettlement]) -> Iterator[tuple[object, AnySettlement]]:
    """Give each row what it is known by: its id; with what it says, if others share the id; or that, and how many came before."""
    named = Counter(_id(row) for row in rows)
    contents = [b"" if (name := _id(row)) and named[name] == 1 else _content(row) for row in rows]
    named = Counter(name for name, _ in {(_id(row), content) for row, content in zip(rows, contents, strict=True)})
    alike: Counter[bytes] = Counter()
    for row, content in zip(rows, contents, strict=True):
        if (name := _id(row)) is not None:
            yield (name if named[name] == 1 else (name, content)), row
            continue
        alike[content] += 1
        yield (content, alike[content]), row


def _content(row: AnySettlement) -> bytes:
    return hashlib.blake2b(encode(row), digest_size=16).digest()


def _newest(rows: Sequence[AnySettlement]) -> AnySettlement:
    """Return the row with the highest number; if they are not all numbered, the last one."""
    numbers = [row.settlement_number if isinstance(row, Settlement) else None for row in rows]
    if not all(isinstance(number, int) for number in numbers):
        return rows[-1]
    return rows[numbers.index(max(cast("list[int]", numbers)))]


def _id(row: AnySettlement) -> str | None:
    return (row.id or None) if isinstance(row, Settlement) else None


def _name_like(row: AnySettlement, other: str) -> str | None:
    """Return what a row can be named by that is of the same kind as another name: its id, else its number, else nothing."""
    names: list[Any] = [row.id, row.settlement_number] if isinstance(row, Settlement) else []
    return next((str(name) for name in names if name is not None and _look(str(name)) == _look(other)), None)


def _look(name: str) -> str:
    """Return what a name looks like: `#` for a number, `#-#-#-#-#` for a UUID."""
    return re.sub(r"[0-9a-fA-F]+", "#", name)
