"""The lists of ARM on the wire: a query is kept by the server, and its pages are asked for by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.sandbox.arm_exchange import Refused, ledger_of
from amili_async.sandbox.arm_lists import LISTS, checked, matching
from amili_async.sandbox.arm_queries import Kept, Queries, held
from amili_async.sandbox.exchange import Answer
from amili_async.sandbox.paging import page_number, page_size
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from amili_async.sandbox.arm_ledger import Ledger
    from amili_async.sandbox.arm_lists import List
    from amili_async.sandbox.cache import EncodedPage, PageCache
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.exchange import Call
    from amili_async.sandbox.faults import Hit
    from amili_async.sandbox.settings import Settings

__all__ = ["ArmPages"]

_SMALLEST, _INSTEAD = 5, 10
"""A page size below the first is not refused: the server uses the second."""


class _Wish(NamedTuple):
    """What a request for a page comes down to."""

    query: Kept
    number: int
    new: bool


class ArmPages:
    """Answers the lists that come in pages.

    Args:
        ledgers: the clients by their numbers.
        settings: of the sandbox.
        queries: where queries are kept.
        pages: where encoded pages are kept.
        address: returns where ARM is served.
    """

    def __init__(
        self, ledgers: Mapping[int, Ledger], settings: Settings, queries: Queries, pages: PageCache, address: Callable[[], str]
    ) -> None:
        self._ledgers = ledgers
        self._settings = settings
        self._queries = queries
        self._pages = pages
        self._address = address

    def rows(self, operation: str, ledger: Ledger, criteria: Mapping[str, str]) -> Iterator[Row]:
        """Yield all rows that a list has under criteria, in its order, however many a query may hold."""
        about = LISTS[operation]
        return (about.row(ledger, number) for number in matching(about, ledger, checked(about, criteria)))

    def answer(self, call: Call) -> Answer:
        """Answer with a page of rows."""
        ledger = ledger_of(self._ledgers, call)
        name = call.operation.name
        about = LISTS[name]
        wish = self._known(call, ledger) if "query" in call.query else self._new(call, about, ledger)
        hits = call.strike("page", _traits(wish))
        for hit in hits:
            if hit.kind == "smaller_pages":
                wish = wish._replace(query=wish.query._replace(size=min(wish.query.size, hit["size"])))
            elif hit.kind == "hole":
                wish = wish._replace(query=wish.query._replace(hole=min(hit["page"], wish.query.pages)))
            elif hit.kind == "wrong_page":
                wish = wish._replace(number=wish.number - 1)
        if wish.new:
            wish = wish._replace(query=self._queries.keep(name, ledger.index, wish.query))
        begin, end = wish.query.places(wish.number)
        for hit in hits:
            if hit.kind == "empty_page":
                end = begin
            elif hit.kind == "rows_shift":
                begin = max(0, begin - hit["rows"])
        page = self._page(call, ledger, wish.query, hits, slice(begin, end))
        summary = self._summary(call, ledger, wish, hits, end - begin)
        items = next((hit["key"] for hit in hits if hit.kind == "other_key"), about.items)
        body = b'{"summary":%s,%s:[%s]}' % (encode(summary), encode(items), page.body)
        return Answer(body, rows=end - begin, first_key=page.first_key, last_key=page.last_key)

    def _known(self, call: Call, ledger: Ledger) -> _Wish:
        """Look up the query that a page is asked of."""
        if strange := call.query.keys() - {"query", "pageno", "userid"}:
            raise Refused(400, f"{', '.join(sorted(strange)[:5])[:200]} does not go with query: the query has it already.")
        query = self._queries.find(call.operation.name, ledger.index, call.query["query"])
        number = page_number(call.query, "pageno") or 1
        if number > max(query.pages, 1):
            raise Refused(400, "The query has no such page.")
        return _Wish(query, number, new=False)

    def _new(self, call: Call, about: List, ledger: Ledger) -> _Wish:
        """Look for the rows that are asked for."""
        expand = {"expand"} if about.expanded is not None else set[str]()
        criteria = checked(about, call.query, "maximumcount", "pagesize", "userid", *expand)
        maximum = page_size(call.query, "maximumcount", *about.maximum)
        size = page_size(call.query, "pagesize", *about.page_size)
        numbers, total = held(matching(about, ledger, criteria), maximum, beyond=self._settings.count_beyond_maximum)
        query = Kept(
            id="",
            numbers=numbers,
            total=total,
            maximum=maximum,
            size=size if size >= _SMALLEST else _INSTEAD,
            expand=bool(expand and call.query.get("expand")),
            key=(ledger.written.version, tuple(sorted(criteria.items()))),
        )
        return _Wish(query, 1, new=True)

    def _page(self, call: Call, ledger: Ledger, query: Kept, hits: list[Hit], shown: slice) -> EncodedPage:
        """Return rows as JSON, with the ids of the first and the last: undamaged ones from the cache, if they are there."""
        about = LISTS[call.operation.name]
        make = about.expanded if query.expand and about.expanded is not None else about.row
        key = (call.operation.name, ledger.index, ledger.written.version, query.key, query.expand, shown.start, shown.stop)
        return self._pages.page(key, (make(ledger, number) for number in query.numbers[shown]), about.key, hits)

    def _summary(self, call: Call, ledger: Ledger, wish: _Wish, hits: list[Hit], rows: int) -> Row:
        """Say where the page is, and where the next one."""
        query, number = wish.query, wish.number
        base = f"{self._address()}{call.operation.path.replace('{clientno}', str(ledger.number))}?query={query.id}&pageno="
        following = f"{base}{number + 1}" if number < query.pages else None
        total, form = query.total, self._settings.last_token
        for hit in hits:
            if hit.kind == "total_drift":
                total = max(0, total + hit["by"])
            elif hit.kind == "repeated_token":
                following = f"{base}{number}"
            elif hit.kind == "foreign_next":
                following = f"{hit['origin']}{(following or base).removeprefix(self._address())}"
            elif hit.kind == "no_token_variants":
                form = hit["form"]
        summary: dict[str, Any] = {
            "pageNo": number,
            "currentPageSize": rows,
            "pageSizeLimit": query.size,
            "totalPages": query.pages,
            "totalCount": total,
            "maximumCount": query.maximum,
            "nextPage": "" if following is None and form == "empty" else following,
            "lastPage": f"{base}{query.pages}" if query.pages else None,
            "queryId": query.id,
        }
        if following is None and form == "missing":
            del summary["nextPage"]
        return summary


def _traits(wish: _Wish) -> set[str]:
    """Say what a page has of that which faults need."""
    has = {
        "list": True,
        "tokens": True,
        "totals": True,
        "numbered": True,
        "start": wish.new,
        "page token": not wish.new,
        "rows": len(wish.query.numbers) > 0,
        "later": wish.number > 1,
        "next": wish.number < wish.query.pages,
        "last": wish.number >= wish.query.pages,
    }
    return {trait for trait, there in has.items() if there}
