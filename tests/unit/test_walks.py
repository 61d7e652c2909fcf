"""Walks and cursors: where to go after a page, whatever the server says."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from amili_async import Cursor, Paging
from amili_async.cursors import START, Position, digest, parameters
from amili_async.errors import CursorMismatch, PageLoop, PaginationError
from amili_async.walks import MAX_EMPTY_PAGES, Facts, Progress, QuerySummary, SkipSummary, advance

CURSOR = Paging(style="cursor+skip", token_param="PageToken", size_param="PageSize")
QUERY = Paging(style="query-page", items="customers", query_param="query", page_param="pageno", size_param="pagesize")
ORIGIN = "https://api.example.no"


def token(text):
    """Return the position behind a token."""
    return Position("token", text)


def skip(**view):
    """Return the facts of a page of 10 rows with an offset view only."""
    return Facts(10, skip=SkipSummary(**view))


@pytest.mark.parametrize(
    ("facts", "following"),
    [
        (Facts(0, token="b"), token("b")),
        (Facts(10, token="b"), token("b")),
        (Facts(10), None),
        (Facts(0), None),
        (Facts(10, token="b", skip=SkipSummary(has_next_page=False)), token("b")),
        (skip(has_next_page=True, current_page=1), Position("number", number=2)),
        (skip(has_next_page=True), Position("number", number=2)),
        (skip(has_next_page=False, current_page=1), None),
        (skip(current_page=1, total_pages=3), Position("number", number=2)),
        (skip(current_page=1, total_pages=1), None),
        (skip(total_count=99), Position("number", number=2)),
        (skip(total_count=10), None),
        (skip(), None),
        (Facts(0, skip=SkipSummary(total_count=99)), None),
        (skip(has_next_page=True, current_page=0), Position("number", number=1)),
        (skip(has_next_page=False, current_page=1, total_pages=3, total_count=30), Position("number", number=2)),
        (skip(has_next_page=False, current_page=1, total_pages=3, total_count=10), None),
    ],
)
def test_after_the_first_page(facts, following):
    """A token wins; without one the flags decide; an empty page decides nothing; fewer rows than promised go on."""
    assert advance(CURSOR, START, facts, Progress()).next == following


def test_pages_by_number_count_from_where_the_server_counts():
    """A server that calls its first page 0 is asked for 1 next, and its last page is seen as the last."""
    view = {"total_pages": 2, "total_count": 20}
    first = advance(CURSOR, START, skip(current_page=0, **view), Progress())
    assert first.next == Position("number", number=1)
    assert advance(CURSOR, first.next, skip(current_page=1, **view), first.progress).next is None


def test_numbers_go_on_from_pages_walked_by_token():
    """Where the tokens end but more is promised, the number of pages walked so far gives the next."""
    before = Progress(pages=2, rows=20, total=40)
    step = advance(CURSOR, token("c"), Facts(10, skip=SkipSummary(total_count=40, has_next_page=True)), before)
    assert step.next == Position("number", number=4)


def test_flags_of_a_view_that_was_not_walked_do_not_repeat_rows():
    """When every promised row has come by token, a stale hasNextPage is reported, not followed."""
    facts = Facts(10, skip=SkipSummary(total_count=30, current_page=1, has_next_page=True))
    step = advance(CURSOR, token("c"), facts, Progress(pages=2, rows=20, total=30))
    assert step.next is None
    assert [kind for kind, *_ in step.drifts] == ["next_without_token"]


def test_a_server_that_ignores_the_page_number_is_found_out():
    """Page 2 was asked for and page 1 came: a loop, not rows."""
    with pytest.raises(PageLoop, match="not understood"):
        advance(CURSOR, Position("number", number=2), skip(current_page=1, has_next_page=True), Progress(pages=1))


def test_endless_empty_pages_are_a_loop():
    """Ever new tokens without rows come to an end."""
    with pytest.raises(PageLoop, match="empty pages"):
        advance(CURSOR, token("x"), Facts(0, token="y"), Progress(pages=1, empty=MAX_EMPTY_PAGES))
    assert advance(CURSOR, token("x"), Facts(1, token="y"), Progress(empty=MAX_EMPTY_PAGES)).progress.empty == 0


def test_a_token_without_a_parameter_is_not_passed_over():
    """A list that is not known to be paged and has a token after all would lose rows silently."""
    with pytest.raises(PaginationError, match="no parameter"):
        advance(Paging(style="none"), START, Facts(10, token="b"), Progress())


@pytest.mark.parametrize(
    ("facts", "before", "kinds"),
    [
        (Facts(10, token="b", skip=SkipSummary(total_count=31)), Progress(pages=1, rows=10, total=30), ["total_moved"]),
        (Facts(9, skip=SkipSummary(total_count=30)), Progress(pages=2, rows=20, total=30), ["rows_differ_from_total"]),
        (Facts(10, skip=SkipSummary(total_count=30)), Progress(pages=2, rows=20, total=30), []),
        (Facts(10, token="b", skip=SkipSummary(has_next_page=False)), Progress(), ["token_without_next"]),
        (
            Facts(10, skip=SkipSummary(has_next_page=False, current_page=1, total_pages=3, total_count=30)),
            Progress(),
            ["pages_without_next"],
        ),
    ],
)
def test_contradictions_are_reported(facts, before, kinds):
    """Totals that move, rows that miss, flags that disagree: each has its kind."""
    assert [kind for kind, *_ in advance(CURSOR, token("a"), facts, before).drifts] == kinds


def query(rows=2, **summary):
    """Return the facts of a page of a kept query."""
    return Facts(rows, query=QuerySummary(**summary))


def link(number, host=ORIGIN, query_id="Q"):
    """Return a link to a page."""
    return f"{host}/arm/v1/clients/1/customers?query={query_id}&pageno={number}"


@pytest.mark.parametrize(
    ("at", "facts", "following"),
    [
        (START, query(page_no=1, total_pages=3, query_id="Q", next_page=link(2)), Position("query", "Q", 2)),
        (START, query(page_no=1, total_pages=3, query_id="Q"), Position("query", "Q", 2)),
        (START, query(total_pages=3, query_id="Q"), Position("query", "Q", 2)),
        (START, query(next_page="/arm/v1/clients/1/customers?query=Q&pageno=2"), Position("query", "Q", 2)),
        (START, query(next_page=link(2).replace("query=", "QUERY=")), Position("query", "Q", 2)),
        (Position("query", "Q", 2), query(page_no=2, total_pages=3), Position("query", "Q", 3)),
        (Position("query", "Q", 3), query(page_no=3, total_pages=3, next_page=link(4)), None),
        (Position("query", "Q", 2), query(rows=0, page_no=2, total_pages=3), Position("query", "Q", 3)),
        (START, query(), None),
        (START, query(next_page=""), None),
        (START, Facts(2), None),
    ],
)
def test_numbered_pages(at, facts, following):
    """Links and numbers lead on, an empty page does not end the list, the last number does."""
    assert advance(QUERY, at, facts, Progress(), [ORIGIN]).next == following


@pytest.mark.parametrize(
    "bad",
    [
        query(page_no=1, next_page=link(2, host="https://evil.example")),
        query(page_no=1, next_page=link(2, host="http://api.example.no")),
        query(page_no=1, next_page=f"{ORIGIN}/customers?pageno=2"),
        query(page_no=1, next_page=f"{ORIGIN}/customers?query=Q&pageno=two"),
        query(page_no=1, total_pages=3),
    ],
)
def test_links_that_must_not_be_followed(bad):
    """A foreign origin, or a link without what it takes, is an error that loses nothing silently."""
    with pytest.raises(PaginationError):
        advance(QUERY, START, bad, Progress(), [ORIGIN])


def test_another_page_than_asked_for_is_a_loop():
    """A server that answers every page number with page 1 is found out."""
    with pytest.raises(PageLoop):
        advance(QUERY, Position("query", "Q", 2), query(page_no=1, total_pages=3), Progress())


def test_a_list_cut_off_by_its_cap_is_reported():
    """TotalCount at maximumCount means that there may be more."""
    step = advance(QUERY, START, query(page_no=1, total_pages=1, total_count=2, maximum_count=2), Progress())
    assert ("cut_off", 2, 2) in step.drifts


@pytest.mark.parametrize(
    ("summary", "before", "cut", "promised"),
    [
        ({"total_count": 9, "maximum_count": 10}, {}, False, 9),
        ({"total_count": 10, "maximum_count": 10}, {}, True, 10),
        ({"total_count": 99, "maximum_count": 10}, {}, True, 10),
        ({"total_count": 99}, {"cap": 10}, True, 10),
        ({"total_count": 9, "maximum_count": 10}, {"cap": 5}, False, 9),
        ({"total_count": 9, "maximum_count": 0}, {}, False, 9),
        ({}, {"cap": 10, "rows": 7}, False, None),
        ({}, {"cap": 10, "rows": 8}, True, None),
        ({"total_count": 9}, {}, False, 9),
        ({"maximum_count": 10}, {"total": 12}, True, 10),
    ],
)
def test_a_cap_is_the_servers_or_else_the_callers(summary, before, cut, promised):
    """Cut off is what reaches its cap, by total or by rows; more than the cap is not promised."""
    step = advance(QUERY, START, query(page_no=1, **summary), Progress(**before))
    assert (step.progress.cut_off, step.progress.promised) == (cut, promised)
    assert ("cut_off" in [kind for kind, _, _ in step.drifts]) is cut


@pytest.mark.parametrize(
    ("summary", "rows", "following"),
    [
        ({}, 8, None),
        ({}, 9, None),
        ({}, 7, 6),
        ({"next_page": link(6)}, 8, 6),
    ],
)
def test_pages_beyond_the_cap_are_counted_but_do_not_exist(summary, rows, following):
    """Where totals count beyond the cap, numbers alone do not lead on once as many rows have come; a link does."""
    facts = query(page_no=5, query_id="Q", total_pages=90, total_count=900, maximum_count=10, **summary)
    step = advance(QUERY, Position("query", "Q", 5), facts, Progress(pages=4, rows=rows), [ORIGIN])
    assert step.next == (following and Position("query", "Q", following))


def test_a_link_that_leaves_pages_out_is_not_believed():
    """The page between is fetched, and that is reported."""
    step = advance(QUERY, START, query(page_no=1, next_page=link(7)), Progress(), [ORIGIN])
    assert (step.next, step.drifts) == (Position("query", "Q", 2), (("page_skipped", 2, 7),))


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_link_that_leads_back_is_a_loop(number):
    """No page comes twice, whatever the walk has seen of it."""
    with pytest.raises(PageLoop):
        advance(QUERY, Position("query", "Q", 3), query(page_no=3, next_page=link(number)), Progress(), [ORIGIN])


@pytest.mark.parametrize(
    ("paging", "at", "expected"),
    [
        (CURSOR, START, []),
        (CURSOR, token("a b"), [("PageToken", "a b")]),
        (CURSOR, Position("number", number=2), [("Page", "2")]),
        (QUERY, Position("query", "Q", 2), [("query", "Q"), ("pageno", "2")]),
    ],
)
def test_parameters(paging, at, expected):
    """A position goes out under the names of the contract, or the one setting where there is none."""
    assert parameters(paging, at, "Page") == expected


cursors = st.builds(
    Cursor,
    st.sampled_from(["start", "token", "number", "query"]),
    st.text(),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 10_000),
    st.integers(0, 1),
    st.text("0123456789abcdef", min_size=16, max_size=16),
)


@given(cursors)
def test_a_cursor_survives_its_text(cursor):
    """Any cursor, with any token in it, comes back from a text that is safe in URLs and file names."""
    text = str(cursor)
    assert Cursor.parse(text) == cursor
    assert Cursor.parse(cursor) is cursor
    assert all(char.isalnum() or char in "-_." for char in text)
    assert repr(cursor)


@given(st.text() | st.binary().map(lambda data: "ac1." + base64.urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused(text):
    """Nothing but a cursor is taken for one, and nothing but CursorMismatch is raised."""
    try:
        cursor = Cursor.parse(text)
    except CursorMismatch:
        return
    assert Cursor.parse(str(cursor)) == cursor


@given(cursors, st.data())
def test_a_cut_cursor_is_refused(cursor, data):
    """A cursor that lost its end, as in a file half written, is no cursor."""
    text = str(cursor)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assume(cut != text)
    with pytest.raises(CursorMismatch):
        Cursor.parse(cut)


def test_the_text_of_no_cursor_is_explained():
    """str(page.resume) of the last page is "None"; resuming from it must not start all over."""
    with pytest.raises(CursorMismatch, match="complete"):
        Cursor.parse("None")


def test_digest_tells_lists_apart():
    """Operation, ids, filters and their values all count."""
    assert digest("a", ["o"], [("Status", "OPEN")]) == digest("a", ["o"], [("Status", "OPEN")])
    assert len({digest("a", ["o"], []), digest("a", ["p"], []), digest("b", ["o"], []), digest("a", ["o"], [("S", "x")])}) == 4
