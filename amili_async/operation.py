"""An API operation as data, and what a call of it returns.

Every endpoint is one `Operation` in the `operations.py` of its product. Nothing else in the package knows a path.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar, cast, get_args
from urllib.parse import quote

import msgspec

from amili_async.errors import ConfigError
from amili_async.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ACCEPTED_EVIDENCE", "Evidence", "Operation", "Paging", "Response", "fill", "reaim"]

T = TypeVar("T")

PLACEHOLDER = re.compile(r"\{(\w+)\}")

Evidence = Literal["seed", "docs", "inferred", "nav"]
"""How an operation is known: a complete page, a page in part, by analogy, or only by its title."""

ACCEPTED_EVIDENCE: frozenset[str] = frozenset({"seed", "docs"})
"""The levels at which path and method are documented; all others are guesses and warn when used."""

HttpMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Paging(Record, frozen=True, kw_only=True):
    """How a list is walked. Names are those on the wire; None means that there is no such parameter.

    `items` names the array of rows, `key` the member of a row that tells it apart.

    `cursor`: `nextPageToken` of the answer goes back as `token_param`. `cursor+skip`: the answer has totals and page numbers
    beside it. `query-page`: the server keeps the result under `query_param`, pages are asked for by `page_param`.
    """

    style: Literal["cursor", "cursor+skip", "query-page", "none"]
    items: str = "data"
    key: str = "id"
    token_param: str | None = None
    size_param: str | None = None
    page_param: str | None = None
    query_param: str | None = None
    limit_param: str | None = None


class Operation(Record, Generic[T], frozen=True, kw_only=True):
    """One endpoint: where it is, how it is known, and what may be done with it.

    Attributes:
        name: dotted path of the method, `collection.cases.list`.
        method: HTTP method.
        path: template below the API's base URL, `/orgs/{organizationId}/cases`.
        evidence: how the operation is known.
        source: page of the documentation that it is known from.
        summary: what it does, in one line.
        retry_safe: whether the client may repeat it when the outcome of a try is unknown.
        retry_with_key: whether it may do so if the call has an idempotency key.
        response: what an answer, or an item of a list, decodes into; None where the shape is not known.
        unwrap: key of the answer whose content is returned; None if the answer itself is.
        lenient: whether numbers may come as strings.
        paging: how the list is walked; None if it is no list.
        query: names of the known query parameters, on the wire.
        body: what kind of body it takes.
        body_optional: whether a success may come without the expected answer; None is returned then.
        path_guessed: whether the path is a guess.
        method_guessed: whether the HTTP method is a guess.
        deprecated: whether the documentation announces its end.
        authenticated: whether a token goes with it.
        reaimed: whether the caller has set path or HTTP method.
    """

    name: str
    method: HttpMethod
    path: str
    evidence: Evidence
    source: str
    summary: str
    response: type[T] | None
    retry_safe: bool
    unwrap: str | None = "data"
    lenient: bool = False
    paging: Paging | None = None
    query: tuple[str, ...] = ()
    body: Literal["none", "json", "json-patch", "form"] = "none"
    body_optional: bool = False
    retry_with_key: bool = True
    path_guessed: bool = False
    method_guessed: bool = False
    deprecated: bool = False
    authenticated: bool = True
    reaimed: bool = False

    @property
    def api(self) -> str:
        """Name of the product, which is also the field of the base URL in `Environment`."""
        return self.name.partition(".")[0]

    @property
    def confirmed(self) -> bool:
        """Tell whether path and HTTP method are more than a guess: shown by the documentation, or set by the caller."""
        documented = self.evidence in ACCEPTED_EVIDENCE and not (self.path_guessed or self.method_guessed)
        return documented or self.reaimed


class Response(Record, Generic[T], frozen=True, kw_only=True):
    """What a call returned, with the circumstances.

    Attributes:
        data: content of the answer, decoded; a `Page` for lists.
        status: HTTP status.
        headers: headers of the answer, names in lower case, without cookies.
        request_id: id that the server gave the request, if any.
        attempts: how many requests were made.
        elapsed: seconds from the start of the call, waits included.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"data", "headers"})

    data: T
    status: int
    headers: dict[str, str]
    request_id: str | None
    attempts: int
    elapsed: float


def fill(template: str, values: Sequence[object]) -> str:
    """Put values into a path template, quoted.

    Raises:
        ConfigError: the number of values is wrong, or a value is empty or a dot segment, which would name another path.
    """
    return _filled(template, tuple("" if value is None else str(value) for value in values))


@lru_cache(maxsize=256)
def _filled(template: str, texts: tuple[str, ...]) -> str:
    """Fill a template; kept, since all pages of a list have the same path."""
    names = PLACEHOLDER.findall(template)
    if len(names) != len(texts):
        raise ConfigError(f"{template} takes {len(names)} values ({', '.join(names) or 'none'}), not {len(texts)}")
    for name, text in zip(names, texts, strict=True):
        if not text.strip() or text in {".", ".."}:
            raise ConfigError(f"{name} must not be empty or a dot segment")
    left = iter(texts)
    return PLACEHOLDER.sub(lambda _: quote(next(left), safe=""), template)


def reaim(operation: Operation[T], target: str) -> Operation[T]:
    """Return the operation with another path, or another HTTP method and path (`"PUT /orgs/{organizationId}/..."`).

    What was safe to repeat no longer is under another method, unless that is GET.

    Raises:
        ConfigError: the target is malformed or has other placeholders.
    """
    method, _, path = target.rpartition(" ")
    method = method.strip() or operation.method
    if not path.startswith("/") or method not in get_args(HttpMethod):
        raise ConfigError(f"paths[{operation.name!r}] must be a path, or an HTTP method and a path")
    if PLACEHOLDER.findall(path) != PLACEHOLDER.findall(operation.path):
        raise ConfigError(f"paths[{operation.name!r}] must have the placeholders of {operation.path}, in that order")
    return msgspec.structs.replace(
        operation,
        method=cast("HttpMethod", method),
        path=path,
        retry_safe=operation.retry_safe and method in {operation.method, "GET"},
        reaimed=True,
    )
