"""A call on its way, and what a try of it that failed means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amili_async.errors import (
    AmiliError,
    ApiError,
    ConfigError,
    DeadlineExceeded,
    DecodeError,
    NotSentError,
    NotSentTimeout,
    OutcomeUnknownError,
    OutcomeUnknownTimeout,
)
from amili_async.retry import Failure, classify_status

if TYPE_CHECKING:
    from amili_async.exchange import Reply
    from amili_async.operation import Operation

__all__ = ["Call", "annotate", "classify", "in_all", "out_of_time"]

_PHASES = {
    "throttle": "while it waited for its turn",
    "connect": "while it connected",
    "token": "while it waited for an access token",
    "request": "while it waited for the answer",
}


@dataclass(slots=True)
class Call:
    """One call on its way: what goes out, and what has become of it so far."""

    operation: Operation[Any]
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    repeatable: bool
    deadline: float
    phase: str = "throttle"
    sent: int = 0
    status: int | None = None
    request_id: str | None = None
    reached: bool = False
    """Whether a try may have been carried out."""
    answered_by: str = ""
    """Origin of whoever gave the last answer."""
    authorized: bool = False
    """Whether the last request carried a token."""
    rejection: Reply | None = field(default=None, repr=False)
    """The answer that refused the token."""


def annotate(error: AmiliError, call: Call) -> None:
    """Say in an error which call it is about; an error of the token call keeps its own."""
    if error.path is None:
        error.method, error.path, error.attempts = call.operation.method, call.operation.path, call.sent
        error.request_id = error.request_id or call.request_id
        error.status = call.status if error.status is None else error.status


def classify(error: AmiliError, call: Call) -> Failure:
    """Return what is known of the try that an error ended."""
    if call.phase != "request" or isinstance(error, ConfigError | DeadlineExceeded):
        return Failure.REJECTED  # not this call's own request has failed: nothing to repeat
    if isinstance(error, NotSentError):
        return Failure.NOT_SENT
    if isinstance(error, OutcomeUnknownError):
        return Failure.UNKNOWN
    if isinstance(error, DecodeError):
        return Failure.UNKNOWN if error.damaged else Failure.REJECTED
    if isinstance(error, ApiError):
        return classify_status(error.status, has_retry_after=error.retry_after is not None)
    return Failure.REJECTED


def in_all(error: AmiliError, call: Call) -> AmiliError:
    """Say of the call what holds for all of its tries: the last was not sent, but an earlier one may have been carried out."""
    if not call.reached or not isinstance(error, NotSentError) or isinstance(error, DeadlineExceeded):
        return error
    unknown = OutcomeUnknownError(f"{error.message}; an earlier try may have been carried out")
    unknown.__dict__.update({**error.__dict__, "message": unknown.message})
    return unknown


def out_of_time(call: Call) -> DeadlineExceeded:
    """Return the error of a call whose total time ran out, by what it was doing."""
    kind = OutcomeUnknownTimeout if call.phase == "request" or call.reached else NotSentTimeout
    return kind(f"the total time of the call ran out {_PHASES[call.phase]}", phase=call.phase)
