"""A page: what a caller gets of it, and how it is read from the bytes of an answer.

Read whole first; only if that fails item by item, so that one odd row costs neither the page nor the speed of all others.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from decimal import DecimalException
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw

from amili_async.answers import NOT_JSON
from amili_async.cursors import Cursor
from amili_async.errors import DecodeError
from amili_async.records import Record
from amili_async.structs import decode, decode_item, decoder, encode, is_personal, keep_extra, keeps_extra, without_values
from amili_async.walks import CursorSummary, Facts, QuerySummary, SkipSummary, Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amili_async.operation import Paging

__all__ = ["AtOnce", "Envelope", "InvalidItem", "Page", "peek_token", "read_page"]

T = TypeVar("T")


class InvalidItem(Record, frozen=True):
    """A row that does not decode: its place in the page (from 0), its id if it has one, why, and its bytes.

    `raw` may hold personal data; `repr` shows its length only. With `personal` the id is personal data, too, and not shown.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"id", "raw"})

    index: int
    id: str | None
    error: str
    raw: bytes
    personal: bool = False

    def __repr__(self) -> str:
        """Leave out the bytes."""
        shown = "***" if self.personal and self.id else repr(self.id)
        return f"InvalidItem(index={self.index}, id={shown}, error={self.error!r}, raw=<{len(self.raw)} bytes>)"

    def __str__(self) -> str:
        """Say in a few words which it is."""
        name = f"id {'***' if self.personal else self.id}" if self.id else "without an id"
        return f"item {self.index} of the page ({name})"


class Page(Record, Generic[T], frozen=True, kw_only=True):
    """One page of a list. Iterating it gives its items.

    Attributes:
        items: the rows, in the server's order.
        resume: where the next page is; None after the last. `str()` of it can be kept and resumed from.
        number: position of the page in the list, counted from 1.
        total_count: rows in the whole list, if the server tells.
        total_pages: pages in the whole list, if the server tells.
        invalid: rows that did not decode (`on_invalid="collect"`).
        cut_off: whether the whole list has reached the number of rows that the server hands out at most (`maximum_count`), so
            that it may lack some. Set from the first page on if the server gives totals, else on the page that reaches it.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"items", "invalid", "resume"})

    items: tuple[T, ...]
    resume: Cursor | None = None
    number: int = 1
    total_count: int | None = None
    total_pages: int | None = None
    invalid: tuple[InvalidItem, ...] = ()
    cut_off: bool = False

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
            f"total_count={self.total_count}, total_pages={self.total_pages}, resume={'set' if self.resume else None}"
            f"{', cut_off=True' if self.cut_off else ''})"
        )


class Envelope(NamedTuple):
    """An answer taken apart: its rows, decoded or not, and what it says about the walk."""

    items: tuple[Any, ...]
    invalid: tuple[InvalidItem, ...]
    facts: Facts
    null: bool
    size: int
    key: str | None = None
    """The key that the rows stood under, where it is not the expected one."""


class AtOnce(ABC):
    """A kind of rows that can be read from the text of their list, without its brackets."""

    @abstractmethod
    def read(self, body: bytes, begin: int, end: int) -> tuple[Any, ...] | None:
        """Return what there is for each row, in their order; None if they have to be read as `Raw`.

        Args:
            body: an answer.
            begin: where in it what should be whole rows with commas between them begins. If it is not, the answer must be None.
            end: where that ends.
        """


def read_page(kind: Any, paging: Paging, status: int, body: bytes, *, copy: bool = True, response: Any = None) -> Envelope:
    """Take the answer of a list apart. Rows that do not decode are set aside; whether they raise is decided later.

    Undecoded rows get bytes of their own, or (not `copy`) are parts of the body. `response` is what rows are by default: a
    projection does not say what of them is personal.

    Raises:
        DecodeError: the answer is damaged, or is no page.
    """
    if status == 204:
        return Envelope((), (), Facts(0), null=False, size=0)
    if isinstance(kind, AtOnce):
        found = _read_at_once(kind, paging, body)
        if found is not None:
            return found
        kind = Raw
    key: str | None = None
    if paging.style == "query-page" and body.lstrip().startswith(b"["):
        key, body = "", b'{"%s":%s}' % (paging.items.encode(), body)  # rows without anything beside them
    found = _read(kind, paging, body, copy=copy, response=response)
    if found is None and paging.style == "query-page":
        key, body = _under_another_key(paging, body)
        found = _read(kind, paging, body, copy=copy, response=response)
    if found is None:
        raise DecodeError(f"the answer has no `{paging.items}`, so it is no page")
    return found._replace(key=key)


def _read_at_once(kind: AtOnce, paging: Paging, body: bytes) -> Envelope | None:
    """Read an answer in two parts: the text of the rows, and what is left when that is taken out, which has to be a page."""
    head = b'"%b":[' % paging.items.encode()
    begin, end = body.find(head + b"{") + len(head), body.rfind(b"}]") + 1
    around = body[:begin] + body[end:]
    if not len(head) <= begin < end or around.count(head[:-2]) > 1:  # another list of that name, or a text that says so
        return None
    try:
        rest = decoder(envelope_of(Raw, paging.items, paging.style)).decode(around)
    except NOT_JSON:
        return None
    found, rows = _envelope(rest, paging, body, copy=False), kind.read(body, begin, end)
    if found is None or found.items or rows is None:
        return None
    return found._replace(items=rows, facts=found.facts._replace(rows=len(rows)))


def _read(kind: Any, paging: Paging, body: bytes, *, copy: bool, response: Any) -> Envelope | None:
    """Read an answer whose rows stand where they should; None if they do not."""
    try:
        found = _envelope(
            decoder(envelope_of(kind, paging.items, paging.style)).decode(body), paging, body, copy=copy and kind is Raw
        )
        if found is not None and keeps_extra(kind):
            rows = decoder(envelope_of(Any, paging.items, paging.style)).decode(body)
            keep_extra(found.items, list(rows.items or ()))
        return found  # noqa: TRY300  # what it may raise is below
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
    if rows is None:
        return None
    items: list[Any] = []
    invalid: list[InvalidItem] = []
    for index, raw in enumerate(rows.items):
        try:
            items.append(raw.copy() if kind is Raw else decode_item(raw, kind))
        except NOT_JSON as error:
            name = _item_id(raw, paging.key)
            personal = is_personal(kind, paging.key) or is_personal(response, paging.key)
            invalid.append(InvalidItem(index, name, without_values(error), bytes(raw), personal))
    return rows._replace(items=tuple(items), invalid=tuple(invalid))


_NO_ROWS = frozenset({"summary", "skipSummary", "cursorSummary", "errors", "warnings"})
"""Members of an answer that never hold its rows."""


def _under_another_key(paging: Paging, body: bytes) -> tuple[str, bytes]:
    """Take the only list of an answer for its rows: of most lists of ARM the key is inferred."""
    members = decoder(dict[str, Raw]).decode(mend_surrogates(body))
    lists = [name for name, raw in members.items() if name not in _NO_ROWS and bytes(raw).startswith(b"[")]
    if len(lists) != 1:
        others = "more than one other list" if lists else "no other list"
        raise DecodeError(f"the answer has no `{paging.items}`, and {others} that could be meant, so it is no page")
    (key,) = lists
    rest = {name: members[name] for name in ("summary",) if name in members}
    return key, encode({paging.items: members[key], **rest})


def _envelope(found: Any, paging: Paging, body: bytes, *, copy: bool) -> Envelope | None:
    if found.items is UNSET:
        return None
    items = found.items or ()
    if copy:
        items = tuple(map(Raw.copy, items))
    token, skip = _token(found), found.skip_summary
    query = found.summary if isinstance(found.summary, QuerySummary) else None
    unmarked = token is None and skip is not None and skip.current_page is None
    if paging.style == "query-page":
        unmarked = query is None or query.page_no is None
    facts = Facts(rows=len(items), token=token, skip=skip, mark=hash(body) if unmarked else None, query=query)
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
