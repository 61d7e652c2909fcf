"""The sandbox as a whole: starts the server in the caller's event loop, and stops it."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from amili_async.config import Environment
from amili_async.errors import ConfigError
from amili_async.sandbox.app import Api
from amili_async.sandbox.collection import Collection
from amili_async.sandbox.control import Control
from amili_async.sandbox.dataset import Dataset
from amili_async.sandbox.faults import Fault, Faults
from amili_async.sandbox.filters import FILTERS
from amili_async.sandbox.identity import Identity
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.log import Log
from amili_async.sandbox.settings import LastToken, Settings
from amili_async.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from amili_async.auth import ClientCredentials
    from amili_async.sandbox.dataset import Row

__all__ = ["Sandbox"]


class Sandbox:
    """An HTTP server that answers as Amili's API contract says, with invented data.

    It listens on this machine only unless told otherwise, and runs in the event loop that enters it. The data follows from `seed`
    alone; none is stored, so a million cases cost no memory.

    Args:
        cases: cases of each organization.
        organizations: how many organizations there are.
        seed: of the data and of the draws of faults.
        faults: what goes wrong from the start; `sandbox.faults` takes more.
        token_lifetime: seconds that an access token is valid.
        clock_skew: seconds by which the clock in the token answer is ahead of the true one.
        token_numbers_as_strings: send the numbers of the token answer as strings.
        page_size_default: rows of a page if the request does not say.
        page_size_max: rows of a page at most; larger wishes get this many.
        page_token_lifetime: seconds that a page token is valid.
        page_param: query name of a page asked for by number, on lists that have page numbers.
        skip_only: cases have page numbers only, and no page tokens.
        last_token: how the last page says that there is no next: a token that is null, missing, or an empty string.
        include_upper: whether the end of a period belongs to it; its start always does.
        latency: seconds that every answer waits.
        page_cache: bytes of encoded pages to keep; 0 keeps none.
        log_size: how many requests the log keeps.
        client_id: of the one client that gets tokens.
        client_secret: of that client.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.

    Raises:
        ConfigError: a setting is wrong.

    Example:
        async with Sandbox(cases=10_000, seed=7) as sandbox:
            async with AmiliClient(sandbox.credentials, environment=sandbox.environment) as amili:
                async for case in amili.collection.cases.list(sandbox.organizations[0]):
                    ...
    """

    def __init__(
        self,
        *,
        cases: int = 1_000,
        organizations: int = 2,
        seed: int = 7,
        faults: Iterable[Fault] = (),
        token_lifetime: float = 3_600,
        clock_skew: float = 0,
        token_numbers_as_strings: bool = False,
        page_size_default: int = 100,
        page_size_max: int = 1_000,
        page_token_lifetime: float = 3_600,
        page_param: str = "Page",
        skip_only: bool = False,
        last_token: LastToken = "null",  # noqa: S107  # no password
        include_upper: bool = False,
        latency: float = 0,
        page_cache: int = 64 * 2**20,
        log_size: int = 100_000,
        client_id: str = "sandbox",
        client_secret: str = "sandbox-secret",  # noqa: S107  # it guards invented data on this machine
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._settings = Settings(
            cases=cases,
            organizations=organizations,
            seed=seed,
            token_lifetime=token_lifetime,
            clock_skew=clock_skew,
            token_numbers_as_strings=token_numbers_as_strings,
            page_size_default=page_size_default,
            page_size_max=page_size_max,
            page_token_lifetime=page_token_lifetime,
            page_param=page_param,
            skip_only=skip_only,
            last_token=last_token,
            include_upper=include_upper,
            latency=latency,
            page_cache=page_cache,
            log_size=log_size,
            client_id=client_id,
            client_secret=client_secret,
            host=host,
            port=port,
        )
        self.dataset = Dataset(seed=seed, organizations=organizations, cases=cases)
        self.faults = Faults(seed, faults)
        self.log = Log(log_size)
        self.tokens = Tokens(
            client_id=client_id,
            organizations=self.organizations,
            resource=self.dataset.ids.make(Kind.RESOURCE, 0, 0),
            lifetime=token_lifetime,
            skew=clock_skew,
            numbers_as_strings=token_numbers_as_strings,
        )
        secret = hashlib.blake2b(f"page tokens {seed}".encode(), digest_size=32).digest()
        self._collection = Collection(self.dataset, self._settings, secret)
        handlers = {**Identity(self.tokens, self._settings).handlers, **self._collection.handlers}
        self._api = Api(handlers, self.tokens, self.faults, self.log, self._settings)
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where the sandbox is, `http://127.0.0.1:8080`.

        Raises:
            ConfigError: it is not running.
        """
        if self._url is None:
            raise ConfigError("the sandbox is not running: enter it with `async with`")
        return self._url

    @property
    def environment(self) -> Environment:
        """The base URLs of the sandbox, for a client."""
        return replace(Environment.local(self.url), page_param=self._settings.page_param)

    @property
    def credentials(self) -> ClientCredentials:
        """What a client gets tokens with."""
        from amili_async.auth import ClientCredentials  # noqa: PLC0415  # the sandbox serves clients that do without it

        return ClientCredentials(self._settings.client_id, self._settings.client_secret)

    @property
    def organizations(self) -> tuple[str, ...]:
        """Ids of the organizations."""
        return self.dataset.organizations

    def routes(self) -> frozenset[str]:
        """Return the names of the operations that are served."""
        return frozenset(operation.name for operation in self._api.operations)

    def truth(self, operation: str, organization: str, **filters: str) -> Iterator[Row]:
        """Yield all rows that a list shows under filters, in its order, without going over the wire.

        Args:
            operation: name of a list, `collection.cases.list`.
            organization: id of an organization.
            **filters: names and values as on the wire, `Status="OPEN"`.

        Raises:
            ConfigError: there is no such list, filter or organization.
        """
        if operation not in FILTERS or operation == "collection.batches.list_all":
            raise ConfigError(f"{operation!r} is no list of one organization")
        if foreign := filters.keys() - set(FILTERS[operation]):
            raise ConfigError(f"{operation} has no filter {', '.join(sorted(foreign))}")
        return self._collection.rows(operation, organization, filters)

    def insert(self, organization: str, cases: int = 1) -> None:
        """Add cases, with all that belongs to them, behind those that an organization has.

        Raises:
            ConfigError: there is no such organization, or the number is not positive.
        """
        if not isinstance(cases, int) or isinstance(cases, bool) or cases < 1:
            raise ConfigError("the number of cases to insert must be a whole number from 1")
        self.dataset.insert(organization, cases)

    def revoke_tokens(self) -> None:
        """Refuse all access tokens issued so far with 401."""
        self.tokens.revoke()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ConfigError: it is running.
            OSError: the address cannot be listened on.
        """
        if self._runner is not None:
            raise ConfigError("the sandbox is running")
        app = web.Application()
        Control(self).add_routes(app)
        self._api.add_routes(app)
        # Whoever still waits for an answer at the end is not waited for; idle connections are closed at once.
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.05)
        try:
            await runner.setup()
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        host, port = str(runner.addresses[0][0]), runner.addresses[0][1]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened on
        self._url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    async def stop(self) -> None:
        """Stop listening and close all connections."""
        runner, self._runner, self._url = self._runner, None, None
        if runner is not None:
            await runner.cleanup()
            await asyncio.sleep(0)  # cancelled handlers end in the next round of the loop

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
