"""Encoded pages, kept so that a page is computed once however often it is asked for."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox.damage import DAMAGES_ROWS, damaged_rows
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.faults import Hit

__all__ = ["EncodedPage", "PageCache"]


class EncodedPage(NamedTuple):
    """Rows as JSON without the brackets, and the ids of the first and the last."""

    body: bytes
    first_key: str | None
    last_key: str | None


class PageCache:
    """The latest pages, up to so many bytes in all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._pages: OrderedDict[tuple[Any, ...], EncodedPage] = OrderedDict()

    def page(self, key: tuple[Any, ...], rows: Iterable[Row], id_field: str, hits: Iterable[Hit]) -> EncodedPage:
        """Return a page.

        Args:
            key: what its rows depend on.
            rows: its rows, not computed before they are needed.
            id_field: what a row is known by.
            hits: faults; a page whose rows some of them damage is neither kept nor taken from here.
        """
        if damaging := [hit for hit in hits if hit.kind in DAMAGES_ROWS]:
            return _damaged(list(rows), id_field, damaging)
        if (page := self._pages.get(key)) is not None:
            self._pages.move_to_end(key)
            return page
        page = _page_of(rows, id_field)
        self._put(key, page)
        return page

    def _put(self, key: tuple[Any, ...], page: EncodedPage) -> None:
        """Keep a page; those that were not asked for the longest make room."""
        self._pages[key] = page
        self._size += len(page.body)
        while self._size > self._limit:
            self._size -= len(self._pages.popitem(last=False)[1].body)


def _damaged(rows: list[Row], id_field: str, damaging: list[Hit]) -> EncodedPage:
    """Encode rows that faults have damaged; the ids are those from before."""
    if not rows:
        return EncodedPage(b"", None, None)
    first, last = (str(rows[place][id_field]) for place in (0, -1))
    return EncodedPage(encode(damaged_rows(rows, damaging, id_field))[1:-1], first, last)


def _page_of(rows: Iterable[Row], id_field: str) -> EncodedPage:
    """Encode rows one by one: a page of dicts would only keep the garbage collector busy."""
    ids: list[str] = []
    texts: list[bytes] = []
    for row in rows:
        ids.append(str(row[id_field]))
        texts.append(encode(row))
    return EncodedPage(b",".join(texts), ids[0] if ids else None, ids[-1] if ids else None)
