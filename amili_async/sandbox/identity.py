"""The Identity API: tokens for client credentials."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from amili_async.sandbox.exchange import Answer, Call, Handler, Problem
from amili_async.structs import encode

if TYPE_CHECKING:
    from amili_async.sandbox.settings import Settings
    from amili_async.sandbox.tokens import Tokens

__all__ = ["Identity"]


class Identity:
    """Answers the operations of the Identity API."""

    def __init__(self, tokens: Tokens, settings: Settings) -> None:
        self._tokens = tokens
        self._settings = settings
        self.handlers: dict[str, Handler] = {
            "identity.token": self._token,
            "identity.refresh": self._refresh,
            "identity.verify": self._verify,
            "identity.health": self._health,
        }

    def _token(self, call: Call) -> Answer:
        form = call.form
        if form.get("grant_type") != "client_credentials":
            raise Problem(400, "unsupported_grant_type", "grant_type must be client_credentials.")
        known = (
            (form.get("client_id", ""), self._settings.client_id),
            (form.get("client_secret", ""), self._settings.client_secret),
        )
        if not all(hmac.compare_digest(given.encode(), ours.encode()) for given, ours in known):
            raise Problem(401, "invalid_client", "The client is not known, or its secret is wrong.")
        return Answer(encode(self._tokens.answer()), headers={"Cache-Control": "no-store"})

    def _refresh(self, call: Call) -> Answer:
        renewed = self._tokens.answer(call.claims["orgs"], call.claims["clients"])
        return Answer(encode(renewed), headers={"Cache-Control": "no-store"})

    def _verify(self, call: Call) -> Answer:
        claims = call.claims
        return Answer(encode({"active": True, "client_id": claims["sub"], "exp": int(claims["exp"]), "nbf": int(claims["nbf"])}))

    def _health(self, _: Call) -> Answer:
        return Answer(encode({"status": "Healthy"}))
