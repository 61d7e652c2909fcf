"""What a client tells about its work: one frozen record per happening, handed to the hooks of the client.

Events carry no query, no body, no token and no filled-in path.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, TypeVar

from amili_async.errors import AmiliError
from amili_async.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


__all__ = ["AttemptEvent", "Chain", "Hooks", "PageDrift", "PageEvent", "RequestEvent", "RetryEvent", "TokenEvent", "emit"]

E = TypeVar("E")

logger = logging.getLogger("amili_async")


class RequestEvent(Record, frozen=True, kw_only=True):
    """A call has ended, well or badly. `elapsed` is in seconds, retries and waits included."""

    operation: str
    method: str
    path: str
    status: int | None
    attempts: int
    elapsed: float
    request_id: str | None
    error: AmiliError | None
    abandoned: bool = False
    """Whether it was cancelled, or ended by an error that is not of this package."""


class AttemptEvent(Record, frozen=True, kw_only=True):
    """One try has ended. `received` counts the bytes of the body on the wire, `elapsed` is in seconds."""

    operation: str
    method: str
    path: str
    attempt: int
    status: int | None
    received: int
    elapsed: float
    error: AmiliError | None


class RetryEvent(Record, frozen=True, kw_only=True):
    """A try failed and another one follows after `delay` seconds."""

    operation: str
    attempt: int
    delay: float
    reason: str
    status: int | None


class TokenEvent(Record, frozen=True, kw_only=True):
    """Something happened to the access token. `lifetime` is in seconds, None if unknown."""

    what: Literal["obtained", "renewed", "rejected", "early_renewal_failed"]
    lifetime: float | None = None


class PageEvent(Record, frozen=True, kw_only=True):
    """A page was decoded and is handed out. `size` is the length of its JSON in bytes."""

    operation: str
    number: int
    items: int
    invalid: int
    size: int


class PageDrift(Record, frozen=True, kw_only=True):
    """A list contradicts itself; the walk goes on the way that loses nothing.

    Kinds: `total_moved` (rows came or went meanwhile), `rows_differ_from_total` (at the end), `rows_differ_from_page` (what the
    page says of itself, when asked for twice, too), `nothing_behind_token` (no rows and no further token where a page was
    promised, when asked for twice, too), `token_without_next`, `next_without_token`, `pages_without_next`, `page_after_last`
    (summaries that disagree), `page_skipped` (a link that leaves pages out, which are fetched all the same), `cut_off` (the cap
    of the whole list was reached, so that rows may be missing; once in a walk), `rows_under_another_key` (once in a walk),
    `null_data`, `read_ahead_missed` (what was fetched ahead was not the next page).
    """

    operation: str
    kind: str
    page: int
    expected: object
    actual: object


class Hooks:
    """Base of a caller's hooks: override what is of interest. Methods are called in the event loop and must not block.

    An exception in a hook is logged and does no harm to the call.
    """

    def on_request(self, event: RequestEvent) -> None:
        """Take note that a call has ended."""

    def on_attempt(self, event: AttemptEvent) -> None:
        """Take note that one try has ended."""

    def on_retry(self, event: RetryEvent) -> None:
        """Take note that another try follows."""

    def on_token(self, event: TokenEvent) -> None:
        """Take note of the token's life."""

    def on_page(self, event: PageEvent) -> None:
        """Take note of a page."""

    def on_drift(self, event: PageDrift) -> None:
        """Take note of a list that contradicts itself."""


class Chain(Hooks):
    """Tells several hooks, one after the other; the failure of one is its own.

    Args:
        members: the hooks, in order.
    """

    def __init__(self, members: Iterable[Hooks]) -> None:
        self.members = list(members)

    def on_request(self, event: RequestEvent) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_request, event)

    def on_attempt(self, event: AttemptEvent) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_attempt, event)

    def on_retry(self, event: RetryEvent) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_retry, event)

    def on_token(self, event: TokenEvent) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_token, event)

    def on_page(self, event: PageEvent) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_page, event)

    def on_drift(self, event: PageDrift) -> None:
        """Tell all."""
        for member in tuple(self.members):
            emit(member.on_drift, event)


def emit(hook: Callable[[E], None], event: E) -> None:
    """Call a hook; its failure is its own."""
    try:
        hook(event)
    except Exception:
        logger.exception("a hook failed on %s", type(event).__name__)
