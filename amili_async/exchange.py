"""One HTTP exchange as the session sees it: a request, a reply, and what carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Reply", "Request", "Transport"]


class Request(NamedTuple):
    """What goes out. `url` is encoded already. `connect` and `read` are seconds."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    connect: float
    read: float

    def __repr__(self) -> str:
        """Leave out the token, the query and the body."""
        return f"Request({self.method}, {urlsplit(self.url).path})"


class Reply(NamedTuple):
    """What came back: the body as it was on the wire. Names of headers are in lower case, cookies left out."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Leave out the body."""
        return f"Reply({self.status}, body=<{len(self.body)} bytes>)"


class Transport(Protocol):
    """Carries one request and its answer."""

    async def send(self, request: Request) -> Reply:
        """Exchange a request for an answer.

        Raises:
            NotSentError: the request cannot have reached the server.
            OutcomeUnknownError: it may have, and no complete answer came back.
            DecodeError: the answer is larger than allowed.
        """
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...
