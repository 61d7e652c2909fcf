"""Whether and when to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async import RetryPolicy
from amili_async.retry import Failure, classify_status, decide, parse_retry_after

POLICY = RetryPolicy()
NOW = 1_700_000_000.0


def decide_(failure, **changes):
    """Decide under everyday circumstances."""
    facts = {"attempt": 1, "repeatable": True, "remaining": 100.0, "jitter": 0.5} | changes
    return decide(POLICY, failure, **facts)


@pytest.mark.parametrize(
    ("failure", "repeatable", "again"),
    [
        (Failure.NOT_SENT, False, True),
        (Failure.NOT_SENT, True, True),
        (Failure.DECLINED, False, True),
        (Failure.DECLINED, True, True),
        (Failure.UNKNOWN, False, False),
        (Failure.UNKNOWN, True, True),
        (Failure.REJECTED, False, False),
        (Failure.REJECTED, True, False),
    ],
)
def test_what_is_known_decides(failure, repeatable, again):
    """An unknown outcome is repeated only where a repeat does no harm; a rejection never is."""
    assert (decide_(failure, repeatable=repeatable).delay is not None) is again


@pytest.mark.parametrize(
    ("status", "has_retry_after", "failure"),
    [
        (429, False, Failure.DECLINED),
        (429, True, Failure.DECLINED),
        (425, False, Failure.DECLINED),
        (503, True, Failure.DECLINED),
        (503, False, Failure.UNKNOWN),
        (500, True, Failure.UNKNOWN),
        (502, False, Failure.UNKNOWN),
        (504, False, Failure.UNKNOWN),
        (408, False, Failure.UNKNOWN),
        (501, False, Failure.REJECTED),
        (505, False, Failure.REJECTED),
        *((status, False, Failure.REJECTED) for status in (301, 400, 401, 403, 404, 409, 422, 423)),
    ],
)
def test_statuses(status, has_retry_after, failure):
    """A 503 is a clear refusal only if it says when to come back."""
    assert classify_status(status, has_retry_after=has_retry_after) is failure


def test_backoff_doubles_up_to_its_ceiling():
    """The interval that the wait is drawn from is 0.5, 1, 2, 4, 8, 8 ... seconds."""
    policy = RetryPolicy(attempts=100)
    ceilings = [
        decide(policy, Failure.UNKNOWN, attempt=n, repeatable=True, remaining=1e9, jitter=1.0).delay
        for n in (1, 2, 3, 4, 5, 6, 99)
    ]
    assert ceilings == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@given(
    failure=st.sampled_from(Failure),
    attempt=st.integers(1, 2_000),
    attempts=st.integers(1, 2_000),
    remaining=st.floats(-10, 1_000),
    jitter=st.floats(0, 1, exclude_max=True),
    retry_after=st.none() | st.floats(0, 1e6),
    repeatable=st.booleans(),
)
def test_a_wait_never_outlasts_the_total_time(failure, attempt, attempts, remaining, jitter, retry_after, repeatable):
    """Whatever happens, a repeat comes within attempts and time, not before the server's wish, and only where allowed."""
    policy = RetryPolicy(attempts=attempts)
    delay, reason = decide(
        policy,
        failure,
        attempt=attempt,
        repeatable=repeatable,
        remaining=remaining,
        jitter=jitter,
        retry_after=retry_after,
    )
    assert reason
    if delay is None:
        return
    assert 0 <= delay < remaining
    assert attempt < attempts
    assert failure is not Failure.REJECTED
    assert repeatable or failure is not Failure.UNKNOWN
    if retry_after is None:
        assert delay <= policy.backoff_max
    else:
        assert retry_after <= delay <= policy.retry_after_max + policy.backoff_max


def test_a_long_retry_after_is_not_slept():
    """Beyond the cap the caller is told instead."""
    assert decide_(Failure.DECLINED, retry_after=60.0).delay is not None
    assert decide_(Failure.DECLINED, retry_after=60.1).delay is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        (format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(datetime.fromtimestamp(NOW, UTC) - timedelta(seconds=30), usegmt=True), 0.0),
        ("Tue, 14 Nov 2023 22:13:30 -0000", 10.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_both_forms(value, expected):
    """Seconds and HTTP dates are read; nonsense is as good as nothing."""
    assert parse_retry_after(value, NOW) == expected


@given(st.text())
def test_any_retry_after_is_survived(value):
    """No header value raises, and none gives a negative wait."""
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
