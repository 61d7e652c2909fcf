"""Converters that work at the same time: the order of the pieces stays, and no converter ever has two of them."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from amili_async.sync import converting
from amili_async.sync.converting import LANES, Converters
from tests.sync.conformance import MARCH, READ_AT
from tests.sync.test_arrow import THINGS, lines, thing


@pytest.fixture
def converters():
    """Return converters, and close them."""
    with closing(Converters(THINGS)) as found:
        yield found


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_the_order_stays(converters, count):
    """Tables come in the order of their pieces; what is odd about a piece is told of it alone."""
    pieces = [lines(thing(thingNo=f'"{number}"', flag="17" if number == 3 else "true")) for number in range(count)]
    found = list(converters.convert(pieces, MARCH, READ_AT))
    assert [rows["thing_no"].to_pylist() for rows, _ in found] == [[str(number)] for number in range(count)]
    assert [odd for _, odd in found] == [number == 3 for number in range(count)]


def test_pieces_are_converted_at_the_same_time(monkeypatch, converters):
    """As many pieces are on their way as there are converters; each of these has one at a time, and no more are taken."""
    meet, busy, taken = threading.Barrier(LANES, timeout=10), set(), []
    convert = converting.Converter.convert

    def watched(self, *args):
        assert self not in busy
        busy.add(self)
        meet.wait()
        try:
            return convert(self, *args)
        finally:
            busy.discard(self)

    def pieces():
        for number in range(3 * LANES):
            taken.append(number)
            yield lines(thing(thingNo=f'"{number}"'))

    monkeypatch.setattr(converting.Converter, "convert", watched)
    for done, _ in enumerate(converters.convert(pieces(), MARCH, READ_AT)):
        assert len(taken) <= done + LANES + 1


def test_whoever_stops_leaves_nothing_under_way(monkeypatch, converters):
    """When one piece fails, or no more are wanted, the others are waited for: the converters are free again."""
    running = []
    convert = converting.Converter.convert

    def watched(self, chunk, *args):
        running.append(self)
        try:
            if b"bad" in chunk:
                raise MemoryError
            return convert(self, chunk, *args)
        finally:
            running.remove(self)

    monkeypatch.setattr(converting.Converter, "convert", watched)
    pieces = [lines(thing(thingNo=f'"{name}"')) for name in ("bad", "a", "b")]
    with pytest.raises(MemoryError):
        list(converters.convert(pieces, MARCH, READ_AT))
    assert not running
    with closing(converters.convert(pieces[1:], MARCH, READ_AT)) as found:
        next(found)
    assert not running
