"""Access tokens: signed, expiring, bound to organizations, and revocable."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import secrets
import time
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Tokens"]


class Tokens:
    """Issues and checks the access tokens of one sandbox, signed with a secret that lives as long as it does.

    Args:
        client_id: whose tokens they are.
        organizations: what a token gives access to, unless told otherwise.
        clients: numbers of the ARM clients that it gives access to, unless told otherwise.
        lifetime: seconds that a token is valid.
        skew: seconds by which the clock told in `not_before` and `expires_on` is ahead of the true one.
        numbers_as_strings: send the numbers of the token answer as strings.
    """

    def __init__(
        self,
        *,
        client_id: str,
        organizations: Sequence[str],
        clients: Sequence[int] = (),
        resource: str,
        lifetime: float,
        skew: float,
        numbers_as_strings: bool,
    ) -> None:
        self._client_id = client_id
        self._organizations = organizations
        self._clients = clients
        self._resource = resource
        self._lifetime = lifetime
        self._skew = skew
        self._as_strings = numbers_as_strings
        self._secret = secrets.token_bytes(32)
        self._generation = 0

    def issue(
        self,
        *,
        lifetime: float | None = None,
        valid_in: float = 0.0,
        organizations: Iterable[str] | None = None,
        clients: Iterable[int] | None = None,
    ) -> str:
        """Return a token.

        Args:
            lifetime: seconds that it is valid from now; negative for one that has expired.
            valid_in: seconds from now before which it is not valid.
            organizations: what it gives access to.
            clients: numbers of the ARM clients that it gives access to.
        """
        now = time.time()
        claims = {
            "sub": self._client_id,
            "iat": now,
            "nbf": now + valid_in,
            "exp": math.ceil(now + (self._lifetime if lifetime is None else lifetime)),  # the check drops fractions
            "orgs": list(self._organizations if organizations is None else organizations),
            "clients": list(self._clients if clients is None else clients),
            "generation": self._generation,
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def answer(self, organizations: Iterable[str] | None = None, clients: Iterable[int] | None = None) -> dict[str, Any]:
        """Return the answer of a token call, with a new token for these organizations and ARM clients, or for all."""
        now = int(time.time() + self._skew)
        lifetime = int(self._lifetime) if self._lifetime == int(self._lifetime) else self._lifetime
        numbers = {"not_before": now, "expires_in": lifetime, "expires_on": int(now + lifetime)}
        return {
            "access_token": self.issue(organizations=organizations, clients=clients),
            "token_type": "Bearer",
            **({name: str(number) for name, number in numbers.items()} if self._as_strings else numbers),
            "resource": self._resource,
        }

    def revoke(self) -> None:
        """Refuse every token issued so far."""
        self._generation += 1

    def claims_of_password(self, authorization: str | None, password: str) -> dict[str, Any] | None:
        """Return what the client may who gives its id and password in an `Authorization` header; None if they are not good."""
        scheme, _, given = (authorization or "").partition(" ")
        try:
            known = base64.b64decode(given, validate=True)
        except (binascii.Error, ValueError):
            return None
        if scheme.lower() != "basic" or not hmac.compare_digest(known, f"{self._client_id}:{password}".encode()):
            return None
        return {"sub": self._client_id, "orgs": list(self._organizations), "clients": list(self._clients)}

    def claims(self, authorization: str | None) -> dict[str, Any] | None:
        """Return what the token in an `Authorization` header says, None if it is not good."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=["HS256"], options={"require": ["exp", "nbf", "iat"]}
            )
        except jwt.InvalidTokenError:
            return None
        return claims if claims.get("generation") == self._generation else None
