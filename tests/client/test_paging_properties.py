"""Any sequence of pages, through any passing trouble."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amili_async import RetryPolicy, errors
from amili_async.pages import peek_token
from amili_async.testing import Reply

from .kit import ORG, damaged, make_client, pages_by_token


def test_tokens_can_be_seen_from_the_end():
    """peek_token reads what the whole page says, and nothing where a row only looks like a summary."""
    row = b'{"caseId":"a","summary":{"nextPageToken":"wrong"},"text":"\\"summary\\":{\\"nextPageToken\\":\\"wrong\\"}"}'
    assert peek_token(b'{"data":[' + row + b'],"summary":{"nextPageToken":"t"}}') == "t"
    assert peek_token(b'{"data":[' + row + b'],"skipSummary":{},"cursorSummary":{"nextPageToken":"t"}}\n') == "t"
    assert peek_token(b'{"data":[],"cursorSummary":{"nextPageToken":"t"},"summary":{"status":"x"}}') == "t"
    assert peek_token(b'{"data":[],"cursorSummary":{"nextPageToken":5},"skipSummary":{}}') == "5"
    for body in (
        b'{"data":[' + row + b"]}",
        b'{"summary":{"nextPageToken":"t"},"data":[' + row + b"]}"[:-1],
        b'{"data":[' + row + b'],"summary":{"nextPageToken":""}}',
        b'{"data":[' + row + b'],"summary":{"nextPageToken":"t"}',
        b"",
    ):
        assert peek_token(body) is None


rows = st.lists(st.lists(st.text(max_size=8), max_size=4), min_size=1, max_size=7)
trouble = st.sampled_from(["none", "cut", "500", "429", "lost", "html"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pages=rows,
    style=st.sampled_from(["cursor", "skip"]),
    troubles=st.lists(trouble, max_size=12),
    stop=st.integers(0, 7),
    depth=st.integers(0, 3),
)
def test_any_sequence_of_pages_is_delivered_exactly(pages, style, troubles, stop, depth):
    """Any pages, empty ones too, through any passing trouble, interrupted anywhere and resumed: every row once, in order."""
    serve = pages_by_token(pages, style=style)
    script = iter(troubles)

    def handler(request):
        reply = serve(request)
        return {
            "none": reply,
            "cut": damaged(reply),
            "500": Reply(500, {}, b"<html>"),
            "429": Reply(429, {"retry-after": "1"}, b""),
            "lost": errors.OutcomeUnknownError("lost"),
            "html": Reply(200, {"content-type": "text/html"}, b"<html></html>"),
        }[next(script, "none")]

    async def story():
        got, resume = [], None
        async with make_client(handler, retry=RetryPolicy(attempts=14)) as amili:
            async for page in amili.collection.cases.list(ORG).pages():
                got += [case.case_id for case in page]
                resume = page.resume and str(page.resume)
                if page.number >= stop:
                    break
            if resume is None:
                return got
            pager = amili.collection.cases.list(ORG)
            if not depth:
                return got + [case.case_id async for page in pager.pages(resume=resume) for case in page]
            async with pager.prefetch(depth, resume=resume) as rest:
                return got + [case.case_id async for case in rest.items()]

    assert asyncio.run(story()) == [row for page in pages for row in page]
