"""The methods of the Identity API. A client renews its tokens by itself: none of these is needed for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amili_async.errors import ConfigError
from amili_async.identity import operations as ops
from amili_async.product import Calls, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.auth import ClientCredentials
    from amili_async.config import RequestOptions
    from amili_async.identity.models import TokenResponse

__all__ = ["Identity"]


class Identity(Resource):
    """Tokens."""

    __slots__ = ("_credentials",)

    def __init__(self, calls: Calls, credentials: ClientCredentials | None) -> None:
        super().__init__(calls)
        self._credentials = credentials

    async def token(
        self, credentials: ClientCredentials | None = None, *, options: RequestOptions | None = None
    ) -> TokenResponse:
        """Exchange client credentials for a new access token, which the client itself does not use.

        Args:
            credentials: credentials to use instead of the client's own.
            options: options of the call.

        Raises:
            ConfigError: the client has no client credentials, and none are given.
            Unauthorized: the identity host refuses the credentials.

        Safe to repeat. `POST /token`. Evidence: docs.
        """
        credentials = credentials or self._credentials
        if credentials is None:
            raise ConfigError("identity.token needs ClientCredentials: give the client some, or pass them")
        return (await self._calls.call(ops.TOKEN, body=credentials.form(), options=options)).data

    async def refresh(self, body: Mapping[str, Any] | None = None, *, options: RequestOptions | None = None) -> Any:
        """Renew a token. Unconfirmed: HTTP method (POST), body and answer are guesses.

        Args:
            body: JSON object to send, if any.
            options: options of the call.

        Returns:
            The JSON of the answer as plain Python objects.

        Not repeated when its outcome is unknown. `POST /refresh`. Evidence: nav.
        """
        return (await self._calls.call(ops.REFRESH, body=body, options=options)).data

    async def verify(self, *, options: RequestOptions | None = None) -> Any:
        """Check whether the client's token is valid. Unconfirmed: HTTP method (GET) and answer are guesses.

        Returns:
            The JSON of the answer as plain Python objects.

        Raises:
            Unauthorized: it is not.

        Safe to repeat if it is a GET. `GET /verify`. Evidence: nav.
        """
        return (await self._calls.call(ops.VERIFY, options=options)).data

    async def health(self, *, options: RequestOptions | None = None) -> Any:
        """Tell whether the identity service is up. Unconfirmed: HTTP method (GET) and answer are guesses.

        Returns:
            The JSON of the answer as plain Python objects, or its text.

        Safe to repeat if it is a GET. `GET /health`. Evidence: nav.
        """
        return (await self._calls.call(ops.HEALTH, options=options)).data
