"""Rates and lengths of time as people write them: `20/s`, `600/min`, `30d`. Whoever asked for one says what is wrong with it."""

from __future__ import annotations

import re
from datetime import timedelta

__all__ = ["length_of_time", "requests_a_second"]

_RATE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(?:/\s*(s|sec|m|min|h))?\s*", re.ASCII)
_LENGTH = re.compile(r"\s*(\d{1,6})\s*(s|min|h|d|w)\s*", re.ASCII)  # no `m`: it might be months
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def requests_a_second(text: str) -> float | None:
    """Read a rate above 0 from `20/s`, `600/min`, `3600/h` or a bare number; None if it is none."""
    found = _RATE.fullmatch(text)
    return float(found[1]) / _SECONDS[found[2] or "s"] or None if found else None


def length_of_time(text: str) -> timedelta | None:
    """Read a length of time from `90s`, `90min`, `12h`, `30d` or `2w`; None if it is none."""
    found = _LENGTH.fullmatch(text)
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None
