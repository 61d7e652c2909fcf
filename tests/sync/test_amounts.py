"""Sums of what cases owe."""

from __future__ import annotations

from decimal import Decimal

import pytest

from amili_async.sync import amounts
from amili_async.sync.amounts import Amounts
from amili_async.sync.probe import Probe
from amili_async.sync.streams import STREAMS


def _sums(*rows: str) -> tuple[list[tuple[str, str, int, Decimal]], int]:
    found, probe = Amounts(), Probe(STREAMS["cases"])
    found.include([probe.look(row.encode()).priced for row in rows])
    return [(owed.status, owed.currency, owed.cases, owed.remaining) for owed in found], found.unread


def test_sums_are_exact():
    """Ten times 0.1 is 1.0, and big amounts keep their cents."""
    row = '{"status":"OPEN","remainingAmount":0.1}'
    big = '{"status":"OPEN","remainingAmount":12345678901234567890123.45}'
    assert _sums(*[row] * 10, big) == ([("OPEN", "", 11, Decimal("12345678901234567890124.45"))], 0)


@pytest.mark.parametrize(
    ("row", "status", "currency", "remaining"),
    [
        ('{"status":"OPEN","remainingAmount":"1.50"}', "OPEN", "", "1.50"),
        ('{"status":null,"remainingAmount":null}', "(none)", "", "0"),
        ("{}", "(none)", "", "0"),
        ('{"status":"OPEN","claims":[{"currency":"NOK"},{"currency":"NOK"}]}', "OPEN", "NOK", "0"),
        ('{"status":"OPEN","invoices":[{"currency":{}}],"claims":[{"currency":"SEK"}]}', "OPEN", "SEK", "0"),
        ('{"status":"OPEN","invoices":[{"currency":"NOK"}],"claims":[{"currency":"SEK"}]}', "OPEN", "(mixed)", "0"),
        ('{"status":"OPEN","invoices":[{"currency":{}},{}]}', "OPEN", "", "0"),
        ('{"status":"\\u001b[31m","claims":[{"currency":"\\u001b"}]}', "(other)", "(other)", "0"),
    ],
)
def test_status_and_currency(row, status, currency, remaining):
    """Status and currency are what the row tells, and never control characters."""
    assert _sums(row) == ([(status, currency, 1, Decimal(remaining))], 0)


@pytest.mark.parametrize(
    "amount",
    ['"NaN"', '"Infinity"', "1e999999999", "1e40", "1e-40", '"much"', "[]"],
)
def test_unreadable_amount_is_counted(amount):
    """An amount that is none is counted and spoils no sum."""
    good = '{"status":"OPEN","remainingAmount":1}'
    assert _sums(good, f'{{"status":"OPEN","remainingAmount":{amount}}}') == ([("OPEN", "", 1, Decimal(1))], 1)


def test_inexact_sum_is_counted(monkeypatch):
    """An amount that cannot be added exactly is not rounded in."""
    monkeypatch.setattr(amounts, "BEYOND", 100)
    rows = ['{"remainingAmount":1e60}', '{"remainingAmount":0.01}']
    assert _sums(*rows) == ([("(none)", "", 1, Decimal("1e60"))], 1)


def test_statuses_are_bounded(monkeypatch):
    """Endless new statuses end up together."""
    monkeypatch.setattr(amounts, "MANY", 2)
    found, _ = _sums(*(f'{{"status":"S{number}"}}' for number in range(5)))
    assert [(status, cases) for status, _, cases, _ in found] == [("(other)", 3), ("S0", 1), ("S1", 1)]
