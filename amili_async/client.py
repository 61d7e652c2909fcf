"""The front door: `AmiliClient`, with one attribute per product."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from amili_async.auth import BasicCredentials, ClientCredentials, TokenCache, api_credentials_from_env, credentials_from_env
from amili_async.catalogue import named
from amili_async.clock import SystemClock
from amili_async.config import APIS, Environment, Limits, RequestOptions, RetryPolicy, Timeouts
from amili_async.errors import ConfigError
from amili_async.hooks import Hooks
from amili_async.keyring import Keyring
from amili_async.operation import Operation, Response, reaim
from amili_async.product import Calls
from amili_async.session import AmiliSession

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    import aiohttp

    from amili_async.arm.api import Arm
    from amili_async.auth import Credentials
    from amili_async.autocollect.api import AutoCollect
    from amili_async.clock import Clock
    from amili_async.collection.api import Collection
    from amili_async.distribution.api import Distribution
    from amili_async.exchange import Transport
    from amili_async.identity.api import Identity
    from amili_async.pagination import OnInvalid, Pager
    from amili_async.partner.api import Partner

__all__ = ["AmiliClient"]


class AmiliClient:
    """Async client of Amili's APIs. One serves any number of tasks in one event loop.

    Args:
        credentials: `ClientCredentials`, `StaticToken`, an object of your own with an `obtain` method, or a `TokenCache` to
            share tokens between clients. Without any, only calls that need no token work.
        api_credentials: other credentials for single APIs, by their names: `{"autocollect": BasicCredentials(...)}`. They go to
            that API alone, and the client's own not to it.
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
        api_credentials: Mapping[str, Credentials | TokenCache] | None = None,
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
        by_api = dict(api_credentials or {})
        for api, given in by_api.items():
            if api not in APIS:
                raise ConfigError(f"api_credentials: there is no API {api!r}; there are {', '.join(APIS)}")
            _check(given, f"api_credentials[{api!r}]")
        if credentials is not None:
            _check(credentials, "credentials")
        limits = limits or Limits()
        clock = clock or SystemClock()
        source = credentials.credentials if isinstance(credentials, TokenCache) else credentials
        if isinstance(source, BasicCredentials):
            raise ConfigError('BasicCredentials are those of one API: AmiliClient(api_credentials={"autocollect": ...})')
        tokens = None if credentials is None else _cached(credentials, clock)
        self._owner = True
        self._credentials = source if isinstance(source, ClientCredentials) else None
        self._session = AmiliSession(
            keyring=Keyring(tokens, {api: _cached(given, clock) for api, given in by_api.items()}, environment),
            environment=environment,
            timeouts=timeouts or Timeouts(),
            limits=limits,
            retry=retry or RetryPolicy(),
            hooks=hooks or Hooks(),
            overrides=_overrides(paths or {}),
            transport=transport or _aiohttp(limits, session, trust_env=trust_env),
            clock=clock,
        )
        self._calls = Calls(self._session, RequestOptions())

    @cached_property
    def collection(self) -> Collection:
        """Debt collection: organizations, cases, batches, invoices, payments, settlements."""
        from amili_async.collection.api import Collection  # noqa: PLC0415  # what is not used costs no import

        return Collection(self._calls)

    @cached_property
    def arm(self) -> Arm:
        """Accounts receivable: customers, items, documents and files of a client."""
        from amili_async.arm.api import Arm  # noqa: PLC0415

        return Arm(self._calls)

    @cached_property
    def autocollect(self) -> AutoCollect:
        """AutoCollect, the older interface of debt collection."""
        from amili_async.autocollect.api import AutoCollect  # noqa: PLC0415

        return AutoCollect(self._calls)

    @cached_property
    def distribution(self) -> Distribution:
        """Distribution of invoices."""
        from amili_async.distribution.api import Distribution  # noqa: PLC0415

        return Distribution(self._calls)

    @cached_property
    def partner(self) -> Partner:
        """The interface for partners."""
        from amili_async.partner.api import Partner  # noqa: PLC0415

        return Partner(self._calls)

    @cached_property
    def identity(self) -> Identity:
        """Access tokens as calls of their own; the client gets its tokens without them."""
        from amili_async.identity.api import Identity  # noqa: PLC0415

        return Identity(self._calls, self._credentials)

    def __repr__(self) -> str:
        """Name the environment; no secrets."""
        return f"AmiliClient(environment={self.environment.name!r})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Self:
        """Make a client from environment variables.

        `AMILI_CLIENT_ID` and `AMILI_CLIENT_SECRET`, or `AMILI_TOKEN`; `AMILI_ENVIRONMENT` (production, which is the default,
        staging, or the URL of a sandbox); `AMILI_<API>_URL` for single base URLs; `AMILI_AUTOCOLLECT_USERNAME` and
        `AMILI_AUTOCOLLECT_PASSWORD` for AutoCollect, with or without the others.

        Args:
            environ: variables to read instead of those of the process.
            settings: further arguments of the constructor.

        Raises:
            ConfigError: credentials are missing or half given; the text names the variables.
        """
        environ = os.environ if environ is None else environ
        settings.setdefault("environment", Environment.from_env(environ))
        settings.setdefault("api_credentials", api_credentials_from_env(environ))
        return cls(credentials_from_env(environ, required=not settings["api_credentials"]), **settings)

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
        other._calls = Calls(self._session, options.over(self._calls.defaults))
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
        operation = self._known(operation)
        if operation.paging is not None:
            if body is not None:
                raise ConfigError(f"{operation.name} takes no body")
            return await self._calls.first_page(operation, *path_values, query=query, options=options)
        return await self._calls.call(operation, *path_values, body=body, query=query, options=options)

    def pager(
        self,
        operation: Operation[Any] | str,
        *path_values: object,
        query: Mapping[str, object] | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        on_invalid: OnInvalid = "raise",
        options: RequestOptions | None = None,
    ) -> Pager[Any]:
        """Return any list by the name of its operation, or by an `Operation` of your own, as its method would.

        Args:
            operation: name as in `amili_async.operations()`, or an `Operation`.
            path_values: values of the path, in order.
            query: filters, names as on the wire.
            page_size: rows per request; `Limits.page_size` if not given.
            limit: rows in all.
            on_invalid: what to do with a row that does not decode: `"raise"`, or `"collect"` into `page.invalid`.
            options: options of each request.

        Raises:
            ConfigError: there is no such operation, or it is no list that comes in pages.
        """
        operation = self._known(operation)
        if operation.paging is None:
            raise ConfigError(f"{operation.name} is no list that comes in pages")
        return self._calls.list(
            operation,
            *path_values,
            filters=query or {},
            model=None,
            page_size=page_size,
            limit=limit,
            on_invalid=on_invalid,
            options=options,
        )

    def listening(self, hooks: Hooks) -> AbstractContextManager[None]:
        """Tell other hooks, too, as long as the context lasts: `with amili.listening(hooks): ...`."""
        return self._session.listening(hooks)

    @property
    def clock(self) -> Clock:
        """What tells the time."""
        return self._session.clock

    @staticmethod
    def _known(operation: Operation[Any] | str) -> Operation[Any]:
        """Find an operation by its name."""
        found = named(operation) if isinstance(operation, str) else operation
        if found is None:
            raise ConfigError(f"there is no operation {operation!r}; amili_async.operations() lists them")
        return found

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


def _check(credentials: object, what: str) -> None:
    if not isinstance(credentials, TokenCache) and not hasattr(credentials, "obtain"):
        raise ConfigError(f"{what} must be ClientCredentials, StaticToken, or have an `obtain` method")


def _cached(credentials: Credentials | TokenCache, clock: Clock) -> TokenCache:
    return credentials if isinstance(credentials, TokenCache) else TokenCache(credentials, clock)


def _overrides(paths: Mapping[str, str]) -> dict[str, Operation[Any]]:
    found: dict[str, Operation[Any]] = {}
    for name, target in paths.items():
        operation = named(name)
        if operation is None:
            raise ConfigError(f"paths: there is no operation {name!r}; amili_async.operations() lists them")
        found[name] = reaim(operation, target)
    return found


def _aiohttp(limits: Limits, session: aiohttp.ClientSession | None, *, trust_env: bool) -> Transport:
    from amili_async.transport import AiohttpTransport  # noqa: PLC0415  # aiohttp takes longer to import than all of this package

    return AiohttpTransport(limits, session=session, trust_env=trust_env)
