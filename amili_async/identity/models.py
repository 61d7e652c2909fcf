"""What the Identity API answers."""

from __future__ import annotations

from amili_async.structs import Model

__all__ = ["TokenResponse"]


class TokenResponse(Model, frozen=True, kw_only=True, rename=None):
    """An access token with its life span. Numbers may come as strings on the wire; here they are numbers.

    `expires_in` is in seconds; `not_before` and `expires_on` are unix seconds of the server's clock.
    """

    __personal__ = frozenset({"access_token"})

    access_token: str
    token_type: str | None = None
    not_before: float | None = None
    expires_in: float | None = None
    expires_on: float | None = None
    resource: str | None = None
    scope: str | None = None
