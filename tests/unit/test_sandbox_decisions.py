"""What the sandbox decides without a socket: faults, settings, page tokens, filters."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.errors import ConfigError
from amili_async.sandbox import KINDS, Fault, Faults, Sandbox
from amili_async.sandbox.dataset import Dataset
from amili_async.sandbox.exchange import Problem
from amili_async.sandbox.filters import Selector
from amili_async.sandbox.matching import moment
from amili_async.sandbox.paging import PageTokens, part

NAME = "collection.cases.list"
ALL = {trait for kind in KINDS.values() for trait in kind.needs}


def strikes(faults, requests=20, operation=NAME, traits=frozenset(ALL), stage="before"):
    """Return the ordinals of the requests that anything strikes."""
    return [it for it in range(1, requests + 1) if faults.draw(stage, it, operation, set(traits))]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_made(kind):
    """Each kind has defaults for all that it takes, and shows them."""
    fault = Fault(kind)
    assert fault.params.keys() == KINDS[kind].params.keys()
    assert kind in repr(fault)
    assert fault == Fault(kind)
    assert len({fault, Fault(kind)}) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kind": "rain"}, "no kind of fault"),
        ({"kind": "latency", "second": 1}, "no parameter 'second'"),
        ({"kind": "gzip", "level": 1}, "it has none"),
        ({"kind": "latency", "seconds": -1}, "seconds of fault latency must be a number from 0"),
        ({"kind": "latency", "seconds": None}, "seconds of fault latency"),
        ({"kind": "latency", "seconds": True}, "seconds of fault latency"),
        ({"kind": "latency", "seconds": float("nan")}, "seconds of fault latency"),
        ({"kind": "status", "status": 200}, "whole number from 400 to 599"),
        ({"kind": "status", "status": 500.0}, "whole number"),
        ({"kind": "status", "body": "xml"}, "json or html or text or empty"),
        ({"kind": "redirect", "location": ""}, "must be a text"),
        ({"kind": "redirect", "status": 200}, "302 or 301"),
        ({"kind": "status", "rate": 1.5}, "rate of a fault"),
        ({"kind": "status", "count": 0}, "count of a fault"),
        ({"kind": "status", "at": (0,)}, "at of a fault"),
        ({"kind": "status", "at": ()}, "at of a fault"),
        ({"kind": "status", "at": "2"}, "at of a fault"),
        ({"kind": "status", "rate": "1"}, "rate of a fault"),
        ({"kind": "status", "count": 1.5}, "count of a fault"),
        ({"kind": "status", "match": 1}, "match of a fault"),
        ({"kind": "status", "at": (1,), "count": 1}, "goes with neither"),
    ],
)
def test_wrong_faults(arguments, text):
    """A fault that makes no sense is refused where it is written, by JSON too."""
    with pytest.raises(ConfigError, match=text):
        Fault(**arguments)
    with pytest.raises(ConfigError, match=text):
        Fault.parse(arguments)


@pytest.mark.parametrize("item", [None, [], {}, {"kind": 1}, "status"])
def test_faults_of_wrong_json(item):
    """What is no object with a kind is no fault."""
    with pytest.raises(ConfigError, match="object with a kind"):
        Fault.parse(item)


def test_without_a_measure_always():
    """A fault without rate, count and script strikes whenever it fits."""
    assert strikes(Faults(1, [Fault("status")])) == list(range(1, 21))


def test_count_strikes_the_first():
    """A count strikes so many of the fitting requests, the first ones."""
    faults = Faults(1, [Fault("status", count=3)])
    assert strikes(faults) == [1, 2, 3]
    assert faults.struck == {"status": 3}


def test_script_counts_fitting_requests():
    """A script counts the requests that fit, from when the fault was added."""
    faults = Faults(1, [Fault("status", at=(2, 4), match=NAME)])
    assert strikes(faults, 10, "identity.token") == []
    assert strikes(faults) == [2, 4]


def test_rate_is_kept_and_seeded():
    """A rate is kept in the long run, and which requests it strikes follows from seed and ordinal alone."""
    fault = Fault("status", rate=0.2)
    struck = strikes(Faults(1, [fault]), 5_000)
    assert 800 < len(struck) < 1_200
    assert struck == strikes(Faults(1, [fault]), 5_000)
    assert struck != strikes(Faults(2, [fault]), 5_000)
    assert strikes(Faults(1, [Fault("status", rate=0.0)])) == []
    assert len(strikes(Faults(1, [Fault("status", rate=0.5, count=4)]), 100)) == 4


def test_faults_of_a_kind_draw_apart():
    """Two faults with the same rate do not strike the same requests."""
    faults = Faults(1, [Fault("latency", rate=0.5), Fault("status", rate=0.5)])
    together = [len(faults.draw("before", it, NAME, ALL)) for it in range(200)]
    assert set(together) == {0, 1, 2}


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (None, True),
        (NAME, True),
        ("collection", True),
        ("collection.cases", True),
        ("collection.case", False),
        ("identity", False),
    ],
)
def test_match(match, fits):
    """A match is a name, or whole parts of the beginning of one."""
    assert bool(strikes(Faults(1, [Fault("status", match=match)]))) == fits


def test_waits_for_what_it_needs():
    """A fault that would change nothing waits, and its count with it."""
    faults = Faults(1, [Fault("repeated_token", count=1)])
    assert strikes(faults, 5, traits={"list", "next"}, stage="page") == []
    assert strikes(faults, 5, traits={"page token", "next"}, stage="page") == [1]


def test_clear():
    """After a clear nothing goes wrong any more."""
    faults = Faults(1, [Fault("status"), Fault("latency")])
    assert [fault.kind for fault in faults] == ["status", "latency"]
    faults.clear()
    assert (len(faults), strikes(faults), faults.struck) == (0, [], {})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"cases": -1}, "cases of a sandbox must be a whole number from 0"),
        ({"cases": 1.5}, "whole number"),
        ({"cases": True}, "whole number"),
        ({"organizations": 0}, "organizations"),
        ({"seed": "x"}, "seed"),
        ({"token_lifetime": 0}, "token_lifetime of a sandbox must be a number from 1"),
        ({"latency": -0.1}, "latency"),
        ({"latency": float("nan")}, "latency"),
        ({"page_size_default": 2_000}, "must not be above page_size_max"),
        ({"last_token": "none"}, "last_token"),
        ({"skip_only": 1}, "skip_only of a sandbox must be True or False"),
        ({"client_secret": ""}, "client_secret"),
        ({"port": 70_000}, "port"),
        ({"batch_seconds": -1}, "batch_seconds"),
        ({"items_max": 0}, "items_max"),
        ({"honour_idempotency": None}, "honour_idempotency of a sandbox must be True or False"),
        ({"idempotency_header": ""}, "idempotency_header"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"webhook_duplicates": 1.5}, "webhook_duplicates"),
        ({"webhook_url": "nowhere"}, "webhook_url of a sandbox must be the URL of a receiver"),
        ({"webhook_url": "ftp://127.0.0.1/"}, "URL of a receiver"),
        ({"webhook_url": "http://127.0.0.1:99999/"}, "URL of a receiver"),
        ({"webhook_url": 7}, "URL of a receiver"),
        ({"webhook_url": "http://example.no/hook"}, "must be on this machine"),
    ],
)
def test_wrong_settings(settings, text):
    """A wrong setting is refused with its name, before anything starts."""
    with pytest.raises(ConfigError, match=text):
        Sandbox(**settings)


def test_webhooks_beyond_this_machine_need_leave():
    """Webhooks leave this machine only if that is said."""
    assert Sandbox(cases=1, webhook_url="https://example.no/hook", webhook_anywhere=True).webhook == "https://example.no/hook"
    sandbox = Sandbox(cases=1, webhook_url="http://[::1]:9000/hook")
    with pytest.raises(ConfigError, match="on this machine"):
        sandbox.set_webhook("https://example.no/hook")
    assert sandbox.webhook == "http://[::1]:9000/hook"
    sandbox.set_webhook(None)
    assert sandbox.webhook is None


def test_not_running():
    """A sandbox that is not running has no URL, and says what to do."""
    with pytest.raises(ConfigError, match="async with"):
        _ = Sandbox(cases=1).url


def test_truth_names_what_it_does_not_know():
    """Unknown lists, filters and organizations are errors."""
    sandbox = Sandbox(cases=1)
    organization = sandbox.organizations[0]
    for operation, filters in (("collection.case.list", {}), ("collection.batches.list_all", {}), (NAME, {"State": "OPEN"})):
        with pytest.raises(ConfigError):
            sandbox.truth(operation, organization, **filters)
    with pytest.raises(ConfigError, match="no such organization"):
        sandbox.insert("nobody")
    for number in (0, -1, True, "3"):
        with pytest.raises(ConfigError, match="whole number from 1"):
            sandbox.insert(organization, number)


KEY = b"k" * 32


@given(st.integers(0, 2**50))
def test_page_tokens_read_back(row):
    """A page token holds its row, and no two tokens are alike."""
    tokens = PageTokens(KEY, 60)
    bound = tokens.digest("a")
    first, second = tokens.make(bound, row), tokens.make(bound, row)
    assert first != second
    assert tokens.read(bound, first) == tokens.read(bound, second) == row


def test_page_tokens_fit_nothing_else():
    """A token for another list, a damaged, foreign or expired one is refused with 400."""
    tokens = PageTokens(KEY, 60)
    bound = tokens.digest("a")
    token = tokens.make(bound, 7)
    wrong = [
        (tokens, tokens.digest("b"), token),
        (PageTokens(b"x" * 32, 60), bound, token),
        (tokens, bound, PageTokens(KEY, -1).make(bound, 7)),
        *(
            (tokens, bound, text)
            for text in (
                "",
                "garbage",
                "ø",
                token[:-1],
                ("B" if token[0] == "A" else "A") + token[1:],
                token + "AAAA",
                "!" * len(token),
            )
        ),
    ]
    for reader, binding, text in wrong:
        with pytest.raises(Problem) as caught:
            reader.read(binding, text)
        assert caught.value.answer.status == 400


@given(st.integers(0, 50), st.integers(1, 12), st.booleans())
def test_parts_cover_a_list(count, size, descending):
    """Going on from where a part ends gives every row once, by row and by page number, in both directions."""
    rows = [3 * it for it in range(count)][:: -1 if descending else 1]
    by_row, by_number = [], []
    start = rows[0] if rows else None
    number = 0
    while start is not None:
        shown = part(rows, size, start=start, descending=descending)
        number += 1
        assert shown.number == number
        by_row += rows[shown.begin : shown.end]
        paged = part(rows, size, number=number)
        by_number += rows[paged.begin : paged.end]
        start = rows[shown.end] if shown.end < shown.total else None
    assert by_row == by_number == rows
    assert number == (part(rows, size).pages if rows else 0)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("1970-01-01T01:00:01+01:00", 1_000),
        ("1970-01-01T00:00:00.0005000Z", 0.5),
    ],
)
def test_moments(text, milliseconds):
    """Dates and date-times are read in the forms that clients send."""
    assert moment(text) == milliseconds


@pytest.mark.parametrize(
    "text", ["", "x", "2026-13-01", "2026-02-30", "01.02.2026", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00 01:00"]
)
def test_malformed_moments(text):
    """Anything else is refused."""
    with pytest.raises(Problem):
        moment(text)


def test_periods_are_fast():
    """A period of a million cases is found without looking at them."""
    dataset = Dataset(seed=1, organizations=1, cases=1_000_000)
    selector = Selector(dataset, include_upper=False)
    started = time.process_time()
    rows = selector.rows(NAME, dataset.portfolios, {"FromCreatedAt": "2023-01-01", "ToCreatedAt": "2023-02-01"})
    assert time.process_time() - started < 0.5
    assert 15_000 < len(rows) < 19_000
