"""What goes out for a call: URL, headers and body, made from the operation and the caller's values."""

from __future__ import annotations

import inspect
import platform
import warnings
from typing import TYPE_CHECKING, Any, TypedDict, cast
from urllib.parse import urlencode

import msgspec

from amili_async import __version__
from amili_async.bodies import written
from amili_async.config import merge_headers
from amili_async.errors import ConfigError, UnconfirmedOperationWarning
from amili_async.operation import fill
from amili_async.structs import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amili_async.config import Environment, RequestOptions
    from amili_async.operation import Operation

__all__ = ["FOREIGN_HEADERS", "outgoing", "warn_unconfirmed"]

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"amili-async/{__version__} Python/{platform.python_version()}",
}
FOREIGN_HEADERS = {**_HEADERS, "Accept": "*/*"}
"""All that another origin gets to see when a read is redirected to it."""


class Outgoing(TypedDict):
    """The parts of a `Call` that go out."""

    url: str
    headers: dict[str, str]
    body: bytes | None


def outgoing(
    operation: Operation[Any],
    environment: Environment,
    *,
    values: Sequence[object],
    query: Sequence[tuple[str, str]],
    body: object,
    options: RequestOptions,
) -> Outgoing:
    """Make URL, headers and body of a call.

    Raises:
        ConfigError: the base URL is not known, the values do not fit the path, or the body cannot be written.
    """
    url = environment.url(operation.api)
    try:
        url += fill(operation.path, values)
        if pairs := [*query, *options.query.items()]:
            url += "?" + urlencode(pairs)
    except UnicodeEncodeError:
        raise ConfigError("an id or a query parameter holds half a character (a lone surrogate)") from None
    content: bytes | None = None
    media: dict[str, str] = {}
    if body is not None and operation.body == "form":
        content = urlencode(cast("Mapping[str, str]", msgspec.to_builtins(body))).encode()
        media = {"Content-Type": "application/x-www-form-urlencoded"}
    elif body is not None:
        if operation.body == "none" and operation.method == "GET":
            raise ConfigError(f"{operation.name} takes no body")
        sent = written(body)
        try:
            content = encode(sent)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the body cannot be written as JSON ({type(error).__name__})") from None
        media = {"Content-Type": f"application/{'json-patch+json' if operation.body == 'json-patch' else 'json'}"}
    if operation.response is None and operation.paging is None:
        media["Accept"] = "application/json, */*"  # what it answers is not known: it may be a file
    headers = {**_HEADERS, **media}
    if options.headers:
        headers = merge_headers(headers, options.headers)
    if options.idempotency_key is not None:
        headers[environment.idempotency_header] = options.idempotency_key
    return {"url": url, "headers": headers, "body": content}


def warn_unconfirmed(operation: Operation[Any]) -> None:
    """Say that an operation rests on a guess."""
    guesses = {"path": operation.path_guessed, "HTTP method": operation.method_guessed}
    guessed = " and ".join(what for what, guess in guesses.items() if guess) or "the operation"
    warnings.warn(
        f"{operation.name}: {guessed} is not confirmed by documentation (evidence: {operation.evidence}); "
        f"re-aim it with AmiliClient(paths={{{operation.name!r}: ...}})",
        UnconfirmedOperationWarning,
        stacklevel=_frames_here(),
    )


def _frames_here() -> int:
    """Count the frames up to the caller of the package: methods differ in how much is between them and this."""
    frame, count = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "amili_async":
        frame, count = frame.f_back, count + 1
    return count
