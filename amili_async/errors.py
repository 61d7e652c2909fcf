"""The whole error tree. Imports nothing of the package; every error pickles and copies.

Errors carry plain data for programs (`status`, `body`, `resume`, ...) and a text for people. The text never holds a body, a
query string, a token or personal data: those reach a log only if a caller writes them there on purpose.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.collection.creating import Created
    from amili_async.cursors import Cursor

__all__ = [
    "AmiliError",
    "ApiError",
    "BadRequest",
    "BatchError",
    "BatchFailed",
    "BatchTimeout",
    "ConfigError",
    "Conflict",
    "CursorExpired",
    "CursorMismatch",
    "DeadlineExceeded",
    "DecodeError",
    "Forbidden",
    "NotFound",
    "NotSentError",
    "NotSentTimeout",
    "OutcomeUnknownError",
    "OutcomeUnknownTimeout",
    "PageLoop",
    "PaginationError",
    "RateLimited",
    "ServerError",
    "SinkError",
    "Unauthorized",
    "UnconfirmedOperationWarning",
    "Unprocessable",
    "WebhookError",
    "WriteFailed",
]

_PRINTABLE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_PRINTABLE_ID = re.compile(r"[A-Za-z0-9_.:|-]{1,128}")


class UnconfirmedOperationWarning(UserWarning):
    """An operation was used whose path or HTTP method is a guess; the documentation names it but does not show it."""


class AmiliError(Exception):
    """Whatever this package raises.

    Attributes:
        status: HTTP status of the answer, None if there was none.
        code: machine-readable code found in the answer, if any.
        request_id: id the server gave the request, if any.
        body: start of the answer's body as received. May hold personal data.
        headers: headers of the answer, names in lower case, without cookies.
        method: HTTP method of the request.
        path: template of the request's path (`/orgs/{organizationId}/cases`), never the filled-in path.
        attempts: how many requests were made for the call.
        retry_after: seconds the server asked to wait, if it did.
        resume: cursor of the page whose fetch failed; pass it to `pages(resume=...)` to get exactly the rest.
        accepted: of a create in several requests, what had been handed in before the one that failed (`Created`).
        idempotency_key: of a create, the key under which the request that failed was sent.
    """

    status: int | None
    code: str | None
    request_id: str | None
    body: bytes
    headers: dict[str, str]
    method: str | None
    path: str | None
    attempts: int
    retry_after: float | None
    resume: Cursor | None
    accepted: Created | None = None
    idempotency_key: str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
        path: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        resume: Cursor | None = None,
    ) -> None:
        """Keep the text and the plain data."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.body = body
        self.headers = dict(headers or {})
        self.method = method
        self.path = path
        self.attempts = attempts
        self.retry_after = retry_after
        self.resume = resume

    def __str__(self) -> str:
        """Tell what failed, where, and after how many attempts."""
        where = f"{self.method} {self.path}: " if self.method and self.path else ""
        facts: list[str] = []
        if self.code and _PRINTABLE.fullmatch(self.code):
            facts.append(f"code {self.code}")
        if self.request_id and _PRINTABLE_ID.fullmatch(self.request_id):
            facts.append(f"request id {self.request_id}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        if self.retry_after is not None:
            facts.append(f"retry after {self.retry_after:g} s")
        return f"{where}{self.message}" + (f" ({', '.join(facts)})" if facts else "")

    def __repr__(self) -> str:
        """Name the class and the text; never the body."""
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by class, text and attributes, whatever the constructor of a subclass takes."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[AmiliError], args: tuple[Any, ...], state: dict[str, Any]) -> AmiliError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(AmiliError, ValueError):
    """A setting is missing or wrong; nothing was sent."""


class ApiError(AmiliError):
    """The server answered with a status that is no success. `status` is always an int."""

    status: int  # pyright: ignore[reportIncompatibleVariableOverride]  # narrowed: an answer has a status

    @classmethod
    def for_status(cls, status: int, message: str | None = None, **facts: Any) -> ApiError:
        """Make the error class that belongs to a status."""
        kind = _BY_STATUS.get(status, ServerError if 500 <= status <= 599 else ApiError)
        return kind(message or f"answered {status} {_phrase(status)}".rstrip(), status=status, **facts)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class BadRequest(ApiError):
    """400: the request is malformed or invalid."""


class Unauthorized(ApiError):
    """401: the token was refused, and a renewed one too; or the identity host refused the client credentials."""


class Forbidden(ApiError):
    """403: the token does not give access to this."""


class NotFound(ApiError):
    """404: no such resource."""


class Conflict(ApiError):
    """409: the request conflicts with the state of the resource."""


class Unprocessable(ApiError):
    """422: the content was understood but cannot be processed."""


class WriteFailed(Unprocessable):
    """A write was answered with a success whose content says that it failed. `result` is that content, with the reasons."""

    def __init__(self, message: str = "", *, result: Any = None, **facts: Any) -> None:
        """Keep the result beside the facts of every error."""
        super().__init__(message, **facts)
        self.result = result


class RateLimited(ApiError):
    """429: too many requests. `retry_after` says how long the server wants to be left alone, in seconds."""


class ServerError(ApiError):
    """5xx: the server failed. For a write whose outcome matters, look before repeating it."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
    429: RateLimited,
}


class NotSentError(AmiliError):
    """The request never reached the server (DNS, connect, TLS, no free connection): repeating it is safe."""


class OutcomeUnknownError(AmiliError):
    """The request was sent and no complete answer came back: it may or may not have been carried out."""


class DeadlineExceeded(AmiliError, TimeoutError):
    """The total time of the call ran out. `phase` says in which part of it.

    Always one of the two subclasses, which tell whether the request may have been carried out.
    """

    def __init__(self, message: str = "", *, phase: str = "", **facts: Any) -> None:
        """Keep the phase beside the facts of every error."""
        super().__init__(message, **facts)
        self.phase = phase


class NotSentTimeout(DeadlineExceeded, NotSentError):
    """The total time ran out before the request was sent."""


class OutcomeUnknownTimeout(DeadlineExceeded, OutcomeUnknownError):
    """The total time ran out after the request was sent."""


class DecodeError(AmiliError):
    """An answer cannot be read: damaged, too large, or not of the promised shape.

    Attributes:
        index: position of the bad item in its page, counted from 0; None if the whole answer is bad.
        item_id: id of the bad item, if it has one.
        damaged: whether the answer was spoilt on its way (no JSON, cut short), so that asking again may help.
    """

    def __init__(
        self,
        message: str = "",
        *,
        index: int | None = None,
        item_id: str | None = None,
        damaged: bool = False,
        **facts: Any,
    ) -> None:
        """Keep where the bad item stands."""
        super().__init__(message, **facts)
        self.index = index
        self.item_id = item_id
        self.damaged = damaged


class PaginationError(AmiliError):
    """A list cannot be walked on without losing or doubling rows."""


class CursorExpired(PaginationError):
    """The server no longer accepts the cursor: start the list again."""


class CursorMismatch(PaginationError):
    """The cursor belongs to another list, or to other filters, or is not a cursor at all."""


class PageLoop(PaginationError):
    """The server sent a page token or a page number that it had sent before."""


class BatchError(AmiliError):
    """Something is wrong with a batch; `batch` is its last known state."""

    def __init__(self, message: str = "", *, batch: Any = None, **facts: Any) -> None:
        """Keep the batch beside the facts of every error."""
        super().__init__(message, **facts)
        self.batch = batch


class BatchFailed(BatchError):
    """The batch ended as FAILED."""


class BatchTimeout(BatchError, TimeoutError):
    """The batch had not ended when the time ran out."""


class SinkError(AmiliError):
    """The target of a sync cannot be used, or has failed; what was committed before is safe.

    `busy`: another run is using it. `usable` False: the target as given cannot serve, so the command has to change.
    """

    def __init__(self, message: str = "", *, busy: bool = False, usable: bool = True, **facts: Any) -> None:
        """Keep what kind of failure it is beside the facts of every error."""
        super().__init__(message, **facts)
        self.busy = busy
        self.usable = usable


class WebhookError(AmiliError):
    """A webhook delivery was refused or cannot be read."""
