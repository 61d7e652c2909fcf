"""Access tokens and passwords: where they come from, how long they are good for, and how one renewal serves everybody.

Life is measured from the moment a token was asked for, on the monotonic clock, so that neither a wrong clock here nor one there
matters. A token is renewed a little before its end; if that fails, the old one serves on while it is valid.
"""

from __future__ import annotations

import logging
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, ClassVar, Protocol

import anyio

from amili_async.errors import AmiliError, ConfigError, DeadlineExceeded, DecodeError
from amili_async.hooks import Hooks, TokenEvent, emit
from amili_async.records import Record

if TYPE_CHECKING:
    from amili_async.clock import Clock
    from amili_async.identity.models import TokenResponse

logger = logging.getLogger("amili_async")

__all__ = [
    "AccessToken",
    "BasicCredentials",
    "ClientCredentials",
    "Credentials",
    "StaticToken",
    "TokenCache",
    "TokenExchange",
    "api_credentials_from_env",
    "credentials_from_env",
    "lifetime_of",
]

TokenExchange = Callable[[Mapping[str, str]], "Awaitable[TokenResponse]"]
"""Posts a form to the identity host and returns its answer."""

MARGIN = 60.0
"""Seconds before its end at which a token is renewed, or a tenth of its life if that is less."""
EARLY_TIMEOUT = 2.0
"""Seconds that a renewal may take that nobody depends on yet."""
EARLY_PAUSE = 15.0
"""Seconds after a failed early renewal before the next."""


class AccessToken(Record, frozen=True):
    """What goes into the Authorization header: a scheme, and a value that is a secret.

    `lifetime` is in seconds from when it was asked for; None: good until the server refuses it.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"value"})

    value: str
    lifetime: float | None = None
    scheme: str = "Bearer"

    def __post_init__(self) -> None:
        """Refuse what cannot stand in a header."""
        if not self.value or not self.value.isascii() or not self.value.isprintable() or " " in self.value:
            raise ConfigError("an access token must be printable ASCII without blanks, and not empty")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", self.scheme):
            raise ConfigError("the scheme of an access token must be a word, such as Bearer")

    @property
    def authorization(self) -> str:
        """The Authorization header."""
        return f"{self.scheme} {self.value}"


class Credentials(Protocol):
    """Where tokens come from. Implement this to take them from a vault, a file or another service."""

    async def obtain(self, exchange: TokenExchange) -> AccessToken:
        """Return a new token. `exchange` posts a form to the identity host's token call, with the client's retries."""
        ...


class ClientCredentials(Record, frozen=True):
    """OAuth2 client credentials, exchanged for tokens at the identity host.

    Args:
        client_id: issued by Amili.
        client_secret: issued by Amili; never shown.
        scope: sent if given; whether the service takes one is not documented.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"client_secret"})

    client_id: str
    client_secret: str
    scope: str | None = None

    def __post_init__(self) -> None:
        """Refuse empty values."""
        if not self.client_id or not self.client_secret:
            raise ConfigError("client_id and client_secret must not be empty")

    def form(self) -> dict[str, str]:
        """Return the form of the token call."""
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        return form if self.scope is None else {**form, "scope": self.scope}

    async def obtain(self, exchange: TokenExchange) -> AccessToken:
        """Exchange the credentials for a token."""
        answer = await exchange(self.form())
        try:
            return AccessToken(answer.access_token, lifetime_of(answer))
        except ConfigError:
            pass
        raise DecodeError("the identity host answered with a token that cannot be sent")


class StaticToken(Record, frozen=True):
    """A token that the caller got elsewhere. When the server refuses it, the call fails with `Unauthorized`."""

    __hidden__: ClassVar[frozenset[str]] = frozenset({"token"})

    token: str

    def __post_init__(self) -> None:
        """Refuse what cannot stand in a header."""
        AccessToken(self.token)

    async def obtain(self, exchange: TokenExchange) -> AccessToken:  # noqa: ARG002  # the protocol's signature
        """Return the token."""
        return AccessToken(self.token)


class BasicCredentials(Record, frozen=True):
    """User name and password of one API, sent with each of its requests (HTTP Basic, RFC 7617, in UTF-8).

    Only the AutoCollect legacy API is documented to take them, on its older page. A refusal is `Unauthorized` at once.

    Args:
        username: never shown, as it may be personal; without a colon.
        password: never shown.

    Example:
        `AmiliClient(credentials, api_credentials={"autocollect": BasicCredentials("user", "password")})`
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"username", "password"})

    username: str
    password: str

    def __post_init__(self) -> None:
        """Refuse what cannot be sent."""
        for name, value in (("username", self.username), ("password", self.password)):
            if not value:
                raise ConfigError(f"BasicCredentials: {name} must not be empty")
            if re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", value):
                raise ConfigError(f"BasicCredentials: {name} must not hold control characters or halves of characters")
        if ":" in self.username:
            raise ConfigError("BasicCredentials: username must not hold a colon, which ends it on the wire")

    async def obtain(self, exchange: TokenExchange) -> AccessToken:  # noqa: ARG002  # the protocol's signature
        """Return both as one value of the header; nothing is asked for."""
        return AccessToken(b64encode(f"{self.username}:{self.password}".encode()).decode(), scheme="Basic")


def lifetime_of(answer: TokenResponse) -> float | None:
    """Return the seconds a token lives, by durations of the server's clock; None if it does not say."""
    if answer.expires_in is not None:
        return max(answer.expires_in, 0.0)
    if answer.expires_on is not None and answer.not_before is not None:
        return max(answer.expires_on - answer.not_before, 0.0)
    return None


def credentials_from_env(environ: Mapping[str, str], *, required: bool = True) -> ClientCredentials | StaticToken | None:
    """Read credentials from environment variables; see `AmiliClient.from_env`. None if there are none and need not be."""
    client_id, secret, token = (
        environ.get(name, "").strip() for name in ("AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_TOKEN")
    )
    if not (required or client_id or secret or token):
        return None
    if token and (client_id or secret):
        raise ConfigError("set either AMILI_TOKEN or AMILI_CLIENT_ID and AMILI_CLIENT_SECRET, not both")
    if token:
        return StaticToken(token)
    if client_id and secret:
        return ClientCredentials(client_id, secret)
    missing = " and ".join(name for name, value in (("AMILI_CLIENT_ID", client_id), ("AMILI_CLIENT_SECRET", secret)) if not value)
    raise ConfigError(f"no credentials: set {missing} (or AMILI_TOKEN)")


def api_credentials_from_env(environ: Mapping[str, str]) -> dict[str, BasicCredentials]:
    """Read credentials of single APIs from environment variables; see `AmiliClient.from_env`."""
    names = ("AMILI_AUTOCOLLECT_USERNAME", "AMILI_AUTOCOLLECT_PASSWORD")
    values = [environ.get(name, "").strip() for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if len(missing) == 1:
        raise ConfigError(f"credentials of AutoCollect are half given: set {missing[0]}, too")
    return {} if missing else {"autocollect": BasicCredentials(*values)}


class TokenCache:
    """Keeps one token for any number of tasks and clients: whoever comes first fetches it, the others wait for that.

    Pass one `TokenCache` as the credentials of several clients to have them share their tokens.
    """

    def __init__(self, credentials: Credentials, clock: Clock | None = None) -> None:
        from amili_async.clock import SystemClock  # noqa: PLC0415

        self.credentials = credentials
        self._clock: Clock = clock or SystemClock()
        self._lock = anyio.Lock(fast_acquire=True)
        self._token: AccessToken | None = None
        self._expires = 0.0
        self._renew = 0.0
        self._failures = 0
        self._failure: AmiliError | None = None

    def __repr__(self) -> str:
        """Name the source, not the token."""
        return f"TokenCache({self.credentials!r})"

    async def get(
        self, exchange: TokenExchange, exchange_once: TokenExchange, hooks: Hooks, patience: float = EARLY_TIMEOUT
    ) -> AccessToken:
        """Return a token that is valid now, fetching one if need be.

        Args:
            exchange: the token call with the client's retries.
            exchange_once: the token call without retries, for a renewal that nobody depends on yet.
            hooks: who is told.
            patience: seconds that such a renewal may take of the caller's time.

        Raises:
            AmiliError: no token is valid and none can be had. Whoever waited for the same try gets the same error.
        """
        now = self._clock.monotonic()
        token = self._token
        if token is not None and now < self._renew:
            return token
        if token is not None and now < self._expires:
            return await self._renew_early(token, exchange_once, hooks, patience)
        failures = self._failures
        async with self._lock:
            if self._token is not None and self._clock.monotonic() < self._expires:
                return self._token
            if self._failures != failures and self._failure is not None:
                raise copy(self._failure)  # what we waited for has failed just now: asking again would not help
            try:
                return await self._fetch(exchange, hooks)
            except DeadlineExceeded:
                raise  # the fetcher's own time was up, which says nothing to those who wait
            except AmiliError as error:
                self._failures += 1
                self._failure = copy(error)  # without the traceback, which holds on to what it saw
                raise

    async def _renew_early(self, token: AccessToken, exchange: TokenExchange, hooks: Hooks, patience: float) -> AccessToken:
        """Renew ahead of time: one task tries, briefly; the others go on with the token they have."""
        try:
            self._lock.acquire_nowait()
        except anyio.WouldBlock:
            return token
        try:
            # Not before then does somebody else try, should this try fail or be cancelled.
            self._renew = self._clock.monotonic() + EARLY_PAUSE
            with anyio.move_on_after(min(EARLY_TIMEOUT, patience, max(self._expires - self._clock.monotonic(), 0.01))):
                return await self._fetch(exchange, hooks)
        except Exception as error:  # noqa: BLE001  # whatever it is, a token that is valid serves on
            logger.warning("a token could not be renewed ahead of time: %s", type(error).__name__)
        finally:
            self._lock.release()
        emit(hooks.on_token, TokenEvent(what="early_renewal_failed"))
        return token

    async def _fetch(self, exchange: TokenExchange, hooks: Hooks) -> AccessToken:
        asked = self._clock.monotonic()
        token = await self.credentials.obtain(exchange)
        event = TokenEvent(what="obtained" if self._token is None else "renewed", lifetime=token.lifetime)
        lifetime = float("inf") if token.lifetime is None else token.lifetime
        self._token = token
        self._expires = asked + lifetime
        self._renew = self._expires - min(MARGIN, lifetime * 0.1)
        emit(hooks.on_token, event)
        return token

    def reject(self, token: AccessToken, hooks: Hooks) -> None:
        """Drop a token that the server refused; late refusals of one that was replaced change nothing."""
        if self._token is token:
            self._token = None
            self._expires = self._renew = 0.0
            emit(hooks.on_token, TokenEvent(what="rejected"))
