"""Whether, and when, to try again. Pure functions: no I/O, no clock of their own.

What counts is what is known of the try that failed, not the HTTP method alone:

- never sent (DNS, connect, TLS): any operation may be repeated;
- declined (429, 503 with Retry-After): any operation;
- outcome unknown (silence or a lost connection after sending, a damaged answer, other 5xx): only operations that are safe to
  repeat, or calls with an idempotency key;
- rejected (other 4xx and the rest): none.
"""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from amili_async.config import RetryPolicy

__all__ = ["Decision", "Failure", "classify_status", "decide", "parse_retry_after"]


class Failure(Enum):
    """What is known of a try that failed."""

    NOT_SENT = "not sent"
    DECLINED = "declined"
    UNKNOWN = "outcome unknown"
    REJECTED = "rejected"


class Decision(NamedTuple):
    """Try again after `delay` seconds, or not at all (None); `reason` says why, for people."""

    delay: float | None
    reason: str


def classify_status(status: int, *, has_retry_after: bool) -> Failure:
    """Return what a status that is no success says about the try."""
    if status in {425, 429} or (status == 503 and has_retry_after):
        return Failure.DECLINED
    if status == 408 or (500 <= status <= 599 and status not in {501, 505}):
        return Failure.UNKNOWN
    return Failure.REJECTED


def decide(
    policy: RetryPolicy,
    failure: Failure,
    *,
    attempt: int,
    repeatable: bool,
    remaining: float,
    jitter: float,
    retry_after: float | None = None,
) -> Decision:
    """Decide what comes after a failed try.

    Args:
        policy: the limits.
        failure: what is known of the try.
        attempt: number of the try that failed, counted from 1.
        repeatable: whether a repeat does no harm: the operation is safe, or the call has an idempotency key.
        remaining: seconds left of the total time.
        jitter: random number in [0, 1).
        retry_after: seconds that the server asked for.
    """
    if failure is Failure.REJECTED:
        return Decision(None, "the answer is final")
    if failure is Failure.UNKNOWN and not repeatable:
        return Decision(None, "it may have been carried out, and a repeat could do it twice")
    if attempt >= policy.attempts:
        return Decision(None, "no attempts are left")
    ceiling = min(policy.backoff_max, policy.backoff * 2.0 ** min(attempt - 1, 64))
    delay = ceiling * jitter
    if retry_after is not None:
        if retry_after > policy.retry_after_max:
            return Decision(None, "the server asks for a longer wait than allowed")
        delay = max(retry_after, 0.0) + delay * 0.1  # a little apart, so that those who were told the same do not come as one
    if delay >= remaining:
        return Decision(None, "the wait would outlast the total time of the call")
    return Decision(delay, failure.value)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, as seconds from `now` (unix); None if there is none that makes sense."""
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return max(seconds, 0.0) if math.isfinite(seconds) else None
