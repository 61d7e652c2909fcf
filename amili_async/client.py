"""The front door: `AmiliClient`, with one attribute per product."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from amili_async.auth import ClientCredentials, StaticToken, TokenCache
from amili_async.catalogue import operations
from amili_async.clock import SystemClock
from amili_async.collection.api import Collection
from amili_async.config import Environment, Limits, RequestOptions, Timeouts
from amili_async.errors import ConfigError
from amili_async.hooks import Hooks
from amili_async.identity.api import Identity
from amili_async.operation import Operation, Response, reaim
from amili_async.product import Calls
from amili_async.retry import RetryPolicy
from amili_async.session import AmiliSession
from amili_async.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import aiohttp

    from amili_async.auth import Credentials
    from amili_async.clock import Clock
    from amili_async.transport import Transport

__all__ = ["AmiliClient"]


class AmiliClient:
    """Async client of Amili's APIs. One serves any number of tasks in one event loop.

    Args:
        credentials: `ClientCredentials`, `StaticToken`, an object of your own with an `obtain` method, or a `TokenCache` to
            share tokens between clients. Without any, only calls that need no token work.
        environment: where the APIs are; production if not given.
        timeouts: time limits, in seconds.
        limits: requests in flight, requests a second, sizes.
        retry: how often and how patiently to try again.
        hooks: who is told of requests, attempts, retries, tokens, pages and drift.
        paths: other paths, or HTTP methods and paths, for operations by name:
            `{"collection.cases.pause": "/orgs/{organizationId}/cases/{caseId}/hold"}`.
        session: an aiohttp session whose connector carries the traffic; it is not closed here.
        trust_env: take proxies from the environment (`HTTPS_PROXY` ...).
        transport: what carries requests instead of aiohttp, for tests.
        clock: what tells the time, for tests.

    Raises:
        ConfigError: a setting is wrong.

    Example:
        ```python
        async with AmiliClient(ClientCredentials("id", "secret"), environment=Environment.STAGING) as amili:
            async for case in amili.collection.cases.list(org):
                ...
        ```
    """

    def __init__(
        self,
        credentials: Credentials | TokenCache | None = None,
        *,
        environment: Environment = Environment.PRODUCTION,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        hooks: Hooks | None = None,
        paths: Mapping[str, str] | None = None,
        session: aiohttp.ClientSession | None = None,
        trust_env: bool = False,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(environment, Environment):
            raise ConfigError(
                f"environment must be an Environment, such as Environment.STAGING, not a {type(environment).__name__}"
            )
        if credentials is not None and not isinstance(credentials, TokenCache) and not hasattr(credentials, "obtain"):
            raise ConfigError("credentials must be ClientCredentials, StaticToken, or have an `obtain` method")
        limits = limits or Limits()
        clock = clock or SystemClock()
        tokens = credentials if isinstance(credentials, TokenCache) or credentials is None else TokenCache(credentials, clock)
        source = tokens.credentials if tokens else None
        self._owner = True
        self._credentials = source if isinstance(source, ClientCredentials) else None
        self._session = AmiliSession(
            tokens=tokens,
            environment=environment,
            timeouts=timeouts or Timeouts(),
            limits=limits,
            retry=retry or RetryPolicy(),
            hooks=hooks or Hooks(),
            overrides=_overrides(paths or {}),
            transport=transport or AiohttpTransport(limits, session=session, trust_env=trust_env),
            clock=clock,
        )
        self._open(RequestOptions())

    def _open(self, defaults: RequestOptions) -> None:
        self._calls = Calls(self._session, defaults)
        self.collection = Collection(self._calls)
        self.identity = Identity(self._calls, self._credentials)

    def __repr__(self) -> str:
        """Name the environment; no secrets."""
        return f"AmiliClient(environment={self.environment.name!r})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Self:
        """Make a client from environment variables.

        `AMILI_CLIENT_ID` and `AMILI_CLIENT_SECRET`, or `AMILI_TOKEN`; `AMILI_ENVIRONMENT` (production, which is the default,
        staging, or the URL of a sandbox); `AMILI_<API>_URL` for single base URLs.

        Args:
            environ: variables to read instead of those of the process.
            settings: further arguments of the constructor.

        Raises:
            ConfigError: credentials are missing or half given; the text names the variables.
        """
        environ = os.environ if environ is None else environ
        settings.setdefault("environment", Environment.from_env(environ))
        return cls(credentials_from_env(environ), **settings)

    @property
    def environment(self) -> Environment:
        """Where the APIs are."""
        return self._session.environment

    def with_options(
        self,
        *,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        retry: RetryPolicy | None = None,
    ) -> Self:
        """Return a client with other defaults that shares connections, tokens and throttle with this one.

        Only closing this one closes them.
        """
        options = RequestOptions(timeout=timeout, headers=headers or {}, query=query or {}, retry=retry)
        other = object.__new__(type(self))
        other._owner = False
        other._credentials = self._credentials
        other._session = self._session
        other._open(options.over(self._calls.defaults))
        return other

    async def call(
        self,
        operation: Operation[Any] | str,
        *path_values: object,
        body: object = None,
        query: Mapping[str, object] | None = None,
        options: RequestOptions | None = None,
    ) -> Response[Any]:
        """Call any operation by its name, or by an `Operation` of your own.

        Args:
            operation: name as in `amili_async.operations()`, or an `Operation`.
            path_values: values of the path, in order.
            body: Struct or mapping, sent as JSON, or as a form where the operation says so.
            query: query parameters, names as on the wire.
            options: options of the call.

        Returns:
            The content of the answer with status, headers, request id, attempts and elapsed seconds. Of a list: the first `Page`.

        Raises:
            ConfigError: there is no such operation, or the path values do not fit.

        Repeated by the client as the operation's `retry_safe` allows.
        """
        if isinstance(operation, str):
            known = {known.name: known for known in operations()}
            if operation not in known:
                raise ConfigError(f"there is no operation {operation!r}; amili_async.operations() lists them")
            operation = known[operation]
        if operation.paging is not None:
            if body is not None:
                raise ConfigError(f"{operation.name} takes no body")
            return await self._calls.first_page(operation, *path_values, query=query, options=options)
        return await self._calls.call(operation, *path_values, body=body, query=query, options=options)

    async def aclose(self) -> None:
        """Close the connections; calls fail from now on. Closing twice does no harm."""
        if self._owner:
            await self._session.aclose()

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connections."""
        await self.aclose()


def credentials_from_env(environ: Mapping[str, str]) -> ClientCredentials | StaticToken:
    """Read credentials from environment variables; see `AmiliClient.from_env`."""
    client_id, secret, token = (
        environ.get(name, "").strip() for name in ("AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_TOKEN")
    )
    if token and (client_id or secret):
        raise ConfigError("set either AMILI_TOKEN or AMILI_CLIENT_ID and AMILI_CLIENT_SECRET, not both")
    if token:
        return StaticToken(token)
    if client_id and secret:
        return ClientCredentials(client_id, secret)
    missing = " and ".join(name for name, value in (("AMILI_CLIENT_ID", client_id), ("AMILI_CLIENT_SECRET", secret)) if not value)
    raise ConfigError(f"no credentials: set {missing} (or AMILI_TOKEN)")


def _overrides(paths: Mapping[str, str]) -> dict[str, Operation[Any]]:
    known = {operation.name: operation for operation in operations()}
    for name in paths:
        if name not in known:
            raise ConfigError(f"paths: there is no operation {name!r}; amili_async.operations() lists them")
    return {name: reaim(known[name], target) for name, target in paths.items()}
