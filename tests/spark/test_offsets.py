"""Offsets of streams: moments of creation, with the limits of batches."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from amili_async.errors import ConfigError
from amili_async.spark import offsets
from amili_async.spark.offsets import Offset, beginning, farthest, limited
from tests.sync.kit import Server, at

from .kit import answer_by, options

BASE = at("2026-01-01")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def stream(**given):
    """Read options of a stream."""
    return options(**{"from_": "2026-01-01", **given})


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    """It is a little after noon."""
    monkeypatch.setattr(offsets, "now", lambda: at("2026-03-15T12:30:45"))


def test_in_a_checkpoint():
    """An offset goes through JSON, and is taken by the stream that has written it only."""
    first = beginning(stream(organizations="o,p"))
    assert (first.origin, first.until) == (BASE, BASE)
    written = json.loads(json.dumps(first.written()))
    assert written["until"] == "2026-01-01T00:00:00Z"
    assert Offset.read(written, stream(organizations="p,o", from_="2026-02-01")) == first  # where it began is in the checkpoint
    for other in (stream(), stream(organizations="o,p", filter__status="OPEN"), stream(stream="invoices", organizations="o,p")):
        with pytest.raises(ConfigError, match="the checkpoint was begun with another stream"):
            Offset.read(written, other)
    for broken in ({}, {**written, "until": "noon"}, {"lists": written["lists"], "until": written["until"]}):
        with pytest.raises(ConfigError, match="the checkpoint holds no offset"):
            Offset.read(broken, stream(organizations="o,p"))


def test_what_can_be_streamed():
    """A stream needs a list with a period, and a begin."""
    with pytest.raises(ConfigError, match="batches cannot be streamed"):
        beginning(options(stream="batches"))
    with pytest.raises(ConfigError, match="the option from is missing"):
        beginning(options())
    assert beginning(stream(stream="settlements", from_="2026-01-01T17:00:00")).origin == BASE


def test_how_far():
    """Up to the last minute or day that is over for the lag, and to the end that is given."""
    assert farthest(stream()) == at("2026-03-15T12:25")
    assert farthest(stream(lag="1h")) == at("2026-03-15T11:30")
    assert farthest(stream(stream="settlements")) == at("2026-03-15")
    assert farthest(stream(to="2026-02-01T12:00:01.5")) == at("2026-02-01T12:00:01")
    assert farthest(stream(stream="settlements", to="2026-02-01T12:00")) == at("2026-02-01")
    assert farthest(stream(to="2027-02-01")) == at("2026-03-15T12:25")


def test_batches_of_time():
    """A batch covers no more time than the option says, and at least a day of a list of days."""
    target = at("2026-03-15")
    start = beginning(stream())
    assert limited(stream(), start, target).until == target
    assert limited(stream(maxspanperbatch="36h"), start, target).until == BASE + 36 * HOUR
    assert limited(stream(maxspanperbatch="90d"), start, target).until == target
    daily = stream(stream="settlements", maxspanperbatch="36h")
    assert limited(daily, beginning(daily), target).until == BASE + DAY
    short = stream(stream="settlements", maxspanperbatch="1h")
    assert limited(short, beginning(short), target).until == BASE + DAY


def test_batches_of_rows(monkeypatch):
    """A batch has no more rows than the option says, and all batches together take each moment once."""
    server = Server()
    for organization, count in (("o", 300), ("p", 100)):
        server.add("cases", organization, *(BASE + number * HOUR / 4 for number in range(count)))
    answer_by(monkeypatch, server)
    found = stream(organizations="o,p", maxrowsperbatch="50")
    target = BASE + 5 * DAY
    place, sizes = beginning(found), []
    while place.until < target:
        following = limited(found, place, target)
        assert following.until > place.until
        moments = [moment for rows in server.rows.values() for moment, _ in rows if place.until <= moment < following.until]
        sizes.append(len(moments))
        place = following
    assert sum(sizes) == 400
    assert max(sizes) <= 50
    assert len(sizes) < 20
    assert {query["PageSize"] for *_, query in server.asked} == {"1"}
    assert limited(stream(organizations="o,p", maxrowsperbatch="5000"), beginning(found), target).until == target


def test_more_rows_in_a_second(monkeypatch):
    """A second with more rows than a batch may have comes as a whole: the stream goes on."""
    server = Server()
    server.add("cases", "o", *[BASE + HOUR] * 20)
    answer_by(monkeypatch, server)
    found = stream(maxrowsperbatch="5")
    place, target = beginning(found), BASE + DAY
    steps = []
    while place.until < target:
        place = limited(found, place, target)
        steps.append(place.until)
    assert steps[-1] == target
    assert any(timedelta(0) < step - (BASE + HOUR) <= timedelta(seconds=1) for step in steps)


def test_a_service_that_does_not_count(monkeypatch):
    """Rows that nobody counts cannot be limited: that is said, and not passed over."""
    server = Server(totals=False, size=1)
    server.add("cases", "o", BASE, BASE + HOUR)
    answer_by(monkeypatch, server)
    found = stream(maxrowsperbatch="5")
    with pytest.raises(ConfigError, match="the service does not count; give maxspanperbatch"):
        limited(found, beginning(found), BASE + DAY)
