"""A page: what a caller gets of it, and how it is read from the bytes of an answer.

Read whole first; only if that fails item by item, so that one odd row costs neither the page nor the speed of all others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import DecimalException
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw

from amili_async.answers import NOT_JSON
from amili_async.errors import DecodeError
from amili_async.structs import decode, decode_item, decoder, without_values
from amili_async.walks import Cursor, CursorSummary, Facts, QuerySummary, SkipSummary, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amili_async.operation import Paging

__all__ = ["Envelope", "InvalidItem", "Page", "peek_token", "read_page"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InvalidItem:
    """A row that does not decode: its place in the page (from 0), its id if it has one, why, and its bytes.

    `raw` may hold personal data; `repr` shows its length only.
    """

    index: int
    id: str | None
    error: str
    raw: bytes

    def __repr__(self) -> str:
        """Leave out the bytes."""
        return f"InvalidItem(index={self.index}, id={self.id!r}, error={self.error!r}, raw=<{len(self.raw)} bytes>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list. Iterating it gives its items.

    Attributes:
        items: the rows, in the server's order.
        resume: where the next page is; None after the last. `str()` of it can be kept and resumed from.
        number: position of the page in the list, counted from 1.
        total_count: rows in the whole list, if the server tells.
        total_pages: pages in the whole list, if the server tells.
        invalid: rows that did not decode (`on_invalid="collect"`).
    """

    items: tuple[T, ...]
    resume: Cursor | None = None
    number: int = 1
    total_count: int | None = None
    total_pages: int | None = None
    invalid: tuple[InvalidItem, ...] = ()

    def __iter__(self) -> Iterator[T]:
        """Iterate the items."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count the items."""
        return len(self.items)

    def __repr__(self) -> str:
        """Count the items instead of showing them."""
        return (
            f"Page(number={self.number}, items=<{len(self.items)}>, invalid=<{len(self.invalid)}>, "
            f"total_count={self.total_count}, total_pages={self.total_pages}, resume={'set' if self.resume else None})"
        )


class Envelope(NamedTuple):
    """An answer taken apart: its rows, decoded or not, and what it says about the walk."""

    items: tuple[Any, ...]
    invalid: tuple[InvalidItem, ...]
    facts: Facts
    null: bool
    size: int


def read_page(kind: Any, paging: Paging, status: int, body: bytes) -> Envelope:
    """Take the answer of a list apart. Rows that do not decode are set aside; whether they raise is decided later.

    Raises:
        DecodeError: the answer is damaged, or is no page.
    """
    if status == 204:
        return Envelope((), (), Facts(0), null=False, size=0)
    try:
        return _envelope(decoder(envelope_of(kind, paging.items, paging.style)).decode(body), paging, body, copy=kind is Raw)
    except (msgspec.ValidationError, UnicodeDecodeError, DecimalException):
        pass  # a row may be odd: look at them one by one
    except NOT_JSON as error:
        mended = mend_surrogates(body)
        if mended == body:
            raise DecodeError(f"the page is not JSON: {without_values(error)}", damaged=True) from None
        body = mended
    try:
        rows = _envelope(decoder(envelope_of(Raw, paging.items, paging.style)).decode(body), paging, body, copy=False)
    except msgspec.ValidationError as error:
        raise DecodeError(f"the page is not of the promised shape: {without_values(error)}") from None
    except NOT_JSON as error:
        raise DecodeError(f"the page is not JSON: {without_values(error)}", damaged=True) from None
    items: list[Any] = []
    invalid: list[InvalidItem] = []
    for index, raw in enumerate(rows.items):
        try:
            items.append(raw.copy() if kind is Raw else decode_item(raw, kind))
        except NOT_JSON as error:
            invalid.append(InvalidItem(index, _item_id(raw, paging.key), without_values(error), bytes(raw)))
    return rows._replace(items=tuple(items), invalid=tuple(invalid))


def _envelope(found: Any, paging: Paging, body: bytes, *, copy: bool) -> Envelope:
    if found.items is UNSET:
        raise DecodeError(f"the answer has no `{paging.items}`, so it is no page")
    items = found.items or ()
    if copy:
        items = tuple(raw.copy() for raw in items)
    token, skip = _token(found), found.skip_summary
    unmarked = token is None and skip is not None and skip.current_page is None
    facts = Facts(
        rows=len(items),
        token=token,
        skip=skip,
        mark=hash(body) if unmarked else None,
        query=found.summary if isinstance(found.summary, QuerySummary) else None,
    )
    return Envelope(items, (), facts, null=found.items is None, size=len(body))


def _token(found: Any) -> str | None:
    token: str | int | None = None
    if isinstance(found.summary, Summary):
        token = found.summary.next_page_token
    if found.cursor_summary is not None and token in {None, ""}:
        token = found.cursor_summary.next_page_token
    return None if token in {None, ""} else str(token)


@lru_cache(maxsize=256)
def envelope_of(kind: Any, key: str, style: str) -> Any:
    """Return the Struct that a page of `kind` decodes into: one per type, so that its decoder is made once."""
    summary = QuerySummary if style == "query-page" else Summary
    return msgspec.defstruct(
        "PageEnvelope",
        [
            ("items", tuple[kind, ...] | None | msgspec.UnsetType, UNSET),
            ("summary", summary | None, None),
            ("skip_summary", SkipSummary | None, None),
            ("cursor_summary", CursorSummary | None, None),
        ],
        rename={"items": key, "skip_summary": "skipSummary", "cursor_summary": "cursorSummary"},
        frozen=True,
        gc=False,
    )


_ESCAPES = re.compile(rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})")


def mend_surrogates(body: bytes) -> bytes:
    """Replace halves of surrogate pairs by U+FFFD: a text that was cut in two there is no JSON, but no reason to lose rows."""
    return _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], body)


def _item_id(raw: Raw, key: str) -> str | None:
    """Find the id of a row that does not decode."""
    try:
        row = decode(raw)
    except NOT_JSON:
        return None
    found = row.get(key) if isinstance(row, dict) else None
    return str(found) if isinstance(found, str | int) else None


class _Tail(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """The end of a page's JSON, from one of its summaries on."""

    summary: Summary | None = None
    cursor_summary: CursorSummary | None = None


_TAIL = 4096
_tail = msgspec.json.Decoder(_Tail)


def peek_token(body: bytes) -> str | None:
    """Return the token of the next page without decoding the rows, or None if it cannot be seen from the end of the body.

    The text from a summary's key to the end is an object of its own but for the brace. A key of the same name inside a row
    cannot be mistaken for it: what follows would close more brackets than it opens.
    """
    end = body[-_TAIL:]
    places = sorted(end.rfind(key) for key in (b'"cursorSummary"', b'"summary"'))
    for at in places:  # from the first on, so that both are seen if both are there
        if at >= 0:
            try:
                return _token(_tail.decode(b"{" + end[at:]))
            except NOT_JSON:
                continue
    return None
