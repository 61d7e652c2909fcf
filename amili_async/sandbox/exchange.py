"""One exchange: the call that an API gets to answer, its answer, and the refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from amili_async.structs import encode

if TYPE_CHECKING:
    from amili_async.operation import Operation
    from amili_async.sandbox.faults import Hit

__all__ = ["Answer", "Call", "Handler", "Problem"]


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose path and token are understood.

    Attributes:
        operation: what is asked for.
        values: those of the path, in its order.
        query: parameters.
        form: fields of a form, if the operation takes one.
        claims: what the token says; empty if the operation takes none.
        body: as it came, if the operation is a POST or PUT without a form.
        media_type: of the body, in lower case and without parameters.
        key: idempotency key of the request; None if it has none.
        headers: of the request, found by their names in any case.
        strike: returns the faults that strike at a stage, given the traits that the request has.
    """

    operation: Operation[Any]
    values: tuple[str, ...]
    query: Mapping[str, str]
    form: Mapping[str, str]
    claims: Mapping[str, Any]
    strike: Callable[[str, set[str]], list[Hit]]
    body: bytes = b""
    media_type: str = ""
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Answer:
    """What is to be sent, with the number of rows in it and the ids of the first and the last."""

    body: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    first_key: str | None = None
    last_key: str | None = None


Handler = Callable[[Call], Answer]


class Problem(Exception):
    """A request is refused. The form of the answer is the sandbox's own: the documentation shows no error body.

    Args:
        status: HTTP status.
        code: for programs.
        message: for people; holds nothing of the request.
        headers: to send with it.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = Answer(encode({"error": code, "message": message}), status, headers=headers or {})
