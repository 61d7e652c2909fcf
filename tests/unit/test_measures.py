"""Rates and lengths of time are read by one grammar, wherever they are written."""

from __future__ import annotations

from datetime import timedelta

import pytest

from amili_async.measures import length_of_time, requests_a_second


@pytest.mark.parametrize(
    ("text", "rate"),
    [("20", 20), ("20/s", 20), (" 1.5 / sec ", 1.5), ("600/min", 10), ("60/m", 1), ("3600/h", 1)]
    + [(text, None) for text in ("", "0", "0/s", "-1", "20/", "20/x", "20/d", "1e3", "9" * 400, "٢")],
)
def test_rates(text, rate):
    """A bare number is a second's; nothing, zero and other units are no rate."""
    assert requests_a_second(text) == rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5min", 300), ("12h", 43_200), (" 30 d ", 2_592_000), ("2w", 1_209_600), ("0s", 0)]
    + [(text, None) for text in ("", "d", "3", "3m", "-3d", "1.5d", "9999999d", "٣d")],
)
def test_lengths(text, seconds):
    """A length of time has a unit; `m` is none, since it might be months."""
    assert length_of_time(text) == (None if seconds is None else timedelta(seconds=seconds))
