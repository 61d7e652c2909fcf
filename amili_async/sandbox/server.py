"""The sandbox as a whole: starts the server in the caller's event loop, and stops it."""

from __future__ import annotations

import asyncio
import hashlib
import math
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web
from msgspec.structs import replace

from amili_async.config import Environment
from amili_async.errors import ConfigError
from amili_async.sandbox.actions import ACTIONS, Actions
from amili_async.sandbox.app import MOUNTS, Api
from amili_async.sandbox.arm import Arm, arm_clients
from amili_async.sandbox.autocollect import AutoCollect
from amili_async.sandbox.collection import Collection
from amili_async.sandbox.control import Control
from amili_async.sandbox.dataset import Dataset
from amili_async.sandbox.dispatch import Dispatch
from amili_async.sandbox.distribution import Distribution
from amili_async.sandbox.faults import Fault, Faults
from amili_async.sandbox.filters import FILTERS
from amili_async.sandbox.identity import Identity
from amili_async.sandbox.ids import Kind
from amili_async.sandbox.log import Log
from amili_async.sandbox.partner import Partner
from amili_async.sandbox.parts import Parts
from amili_async.sandbox.settings import LastToken, LegacyShape, Settings
from amili_async.sandbox.tokens import Tokens
from amili_async.sandbox.webhooks import Webhooks
from amili_async.sandbox.writes import Writes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from amili_async.auth import ClientCredentials
    from amili_async.sandbox.dataset import Row
    from amili_async.sandbox.webhooks import Delivery

__all__ = ["Sandbox"]

_LARGEST_BODY = 32 * 2**20
_LATER = 0.001
"""Seconds after the end of a batch that it is looked after, if nobody has asked for anything before."""


class Sandbox:
    """An HTTP server that answers as Amili's API contract says, with invented data.

    It listens on this machine only unless told otherwise, and runs in the event loop that enters it. The data follows from `seed`
    alone; none is stored, so a million cases cost no memory. What is written is kept beside it until the sandbox is gone, and
    shows up in every later read.

    Args:
        cases: cases of each organization.
        organizations: how many organizations there are; each has an ARM client, and there are no others.
        customers: customers of each ARM client.
        seed: of the data and of the draws of faults.
        faults: what goes wrong from the start; `sandbox.faults` takes more.
        token_lifetime: seconds that an access token is valid.
        clock_skew: seconds by which the clock in the token answer is ahead of the true one.
        token_numbers_as_strings: send the numbers of the token answer as strings.
        page_size_default: rows of a page if the request does not say.
        page_size_max: rows of a page at most, where a size can be asked for; larger wishes get this many.
        page_token_lifetime: seconds that a page token is valid.
        query_lifetime: seconds that the query of an ARM list is kept, from when it was made.
        page_param: query name of a page asked for by number, on lists that have page numbers.
        skip_only: cases have page numbers only, and no page tokens.
        count_beyond_maximum: whether totalCount of an ARM list counts the rows that maximumcount cuts off.
        last_token: how the last page says that there is no next: a token, or nextPage in ARM, that is null, missing, or an
            empty string.
        include_upper: whether the end of a period belongs to it.
        exclude_lower: whether the start of a period of cases, invoices and settlements does not belong to it.
        legacy_shape: shape of cases and settlements in AutoCollect's batch document: newer, older, or some of each.
        legacy_inclusive: whether the settlement that lastsettlementid names comes again.
        latency: seconds that every answer waits.
        page_cache: bytes of encoded pages to keep; 0 keeps none.
        log_size: how many requests the log keeps.
        batch_seconds: seconds until a batch of something written ends.
        items_max: items that a create takes at once; more are answered with 422.
        writes_max: items and requests that may be written to an organization in all; more are answered with 422.
        idempotency_header: header that idempotency keys come in.
        honour_idempotency: whether a key that came before is recognised; if not, it is only what batches can be found by.
        action_batches: whether an action on a case is answered with a batch; if not, with nothing.
        webhook_url: where webhooks are delivered; None delivers none. `set_webhook` changes it.
        webhook_secret: that deliveries are signed with.
        webhook_duplicates: share of the deliveries that are made once more, 0 to 1, drawn from the seed.
        webhook_retries: how often a delivery is tried again that was not answered with 2xx.
        webhook_anywhere: whether webhooks may be delivered beyond this machine.
        client_id: of the one client that gets tokens; also its user name for AutoCollect.
        client_secret: of that client; also its password for AutoCollect.
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
        customers: int = 1_000,
        seed: int = 7,
        faults: Iterable[Fault] = (),
        token_lifetime: float = 3_600,
        clock_skew: float = 0,
        token_numbers_as_strings: bool = False,
        page_size_default: int = 100,
        page_size_max: int = 1_000,
        page_token_lifetime: float = 3_600,
        query_lifetime: float = 3_600,
        page_param: str = "Page",
        skip_only: bool = False,
        count_beyond_maximum: bool = False,
        last_token: LastToken = "null",  # noqa: S107  # no password
        include_upper: bool = False,
        exclude_lower: bool = False,
        legacy_shape: LegacyShape = "mixed",
        legacy_inclusive: bool = False,
        latency: float = 0,
        page_cache: int = 64 * 2**20,
        log_size: int = 100_000,
        batch_seconds: float = 0.05,
        items_max: int = 1_000,
        writes_max: int = 200_000,
        idempotency_header: str = "IdempotencyKey",
        honour_idempotency: bool = True,
        action_batches: bool = True,
        webhook_url: str | None = None,
        webhook_secret: str = "sandbox-webhook-secret",  # noqa: S107  # likewise
        webhook_duplicates: float = 0.0,
        webhook_retries: int = 3,
        webhook_anywhere: bool = False,
        client_id: str = "sandbox",
        client_secret: str = "sandbox-secret",  # noqa: S107  # it guards invented data on this machine
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._settings = Settings(
            cases=cases,
            organizations=organizations,
            customers=customers,
            seed=seed,
            token_lifetime=token_lifetime,
            clock_skew=clock_skew,
            token_numbers_as_strings=token_numbers_as_strings,
            page_size_default=page_size_default,
            page_size_max=page_size_max,
            page_token_lifetime=page_token_lifetime,
            query_lifetime=query_lifetime,
            page_param=page_param,
            skip_only=skip_only,
            count_beyond_maximum=count_beyond_maximum,
            last_token=last_token,
            include_upper=include_upper,
            exclude_lower=exclude_lower,
            legacy_shape=legacy_shape,
            legacy_inclusive=legacy_inclusive,
            latency=latency,
            page_cache=page_cache,
            log_size=log_size,
            batch_seconds=batch_seconds,
            items_max=items_max,
            writes_max=writes_max,
            idempotency_header=idempotency_header,
            honour_idempotency=honour_idempotency,
            action_batches=action_batches,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            webhook_duplicates=webhook_duplicates,
            webhook_retries=webhook_retries,
            webhook_anywhere=webhook_anywhere,
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
            clients=self.clients,
            resource=self.dataset.ids.make(Kind.RESOURCE, 0, 0),
            lifetime=token_lifetime,
            skew=clock_skew,
            numbers_as_strings=token_numbers_as_strings,
        )
        secret = hashlib.blake2b(f"page tokens {seed}".encode(), digest_size=32).digest()
        self._webhooks = Webhooks(seed, self.dataset.ids, self._settings)
        emit = self._webhooks.emit
        self._writes = Writes(self.dataset, self._settings, address=lambda: self.url + MOUNTS["collection"], emit=emit)
        self._writes.on_queued = partial(self._webhooks.call_later, batch_seconds + _LATER, self._writes.advance)
        self._actions = Actions(self.dataset, self._settings, self._writes, emit)
        self._collection = Collection(self.dataset, self._settings, secret, self._writes)
        self._arm = Arm(
            self.dataset,
            self._settings,
            self._collection.pages,
            address=lambda: self.url + MOUNTS["arm"],
            count=self._writes.count,
        )
        self._dispatch = Dispatch(self.dataset, self._settings, self._writes)
        handlers = {
            **Identity(self.tokens, self._settings).handlers,
            **self._collection.handlers,
            **self._writes.handlers,
            **self._actions.handlers,
            **Parts(self.dataset, self._writes).handlers,
            **AutoCollect(self.dataset, self._settings, self._writes).handlers,
            **self._arm.handlers,
            **Distribution(self._dispatch, address=lambda: self.url + MOUNTS["distribution"]).handlers,
            **Partner(self.dataset, self._dispatch, self.tokens, self._settings).handlers,
        }
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

    @property
    def clients(self) -> tuple[int, ...]:
        """Numbers of the ARM clients, one for each organization."""
        return arm_clients(len(self.organizations))

    def routes(self) -> frozenset[str]:
        """Return the names of the operations that are served."""
        return frozenset(operation.name for operation in self._api.operations)

    def truth(self, operation: str, organization: str | int, **filters: str) -> Iterator[Row]:
        """Yield all rows that a list shows under filters, in its order, without going over the wire.

        Args:
            operation: name of a list, `collection.cases.list`.
            organization: id of an organization, or number of an ARM client.
            **filters: names and values as on the wire, `Status="OPEN"`.

        Raises:
            ConfigError: there is no such list, filter or organization.
        """
        if isinstance(organization, int):
            return self._arm.truth(operation, organization, filters)
        if operation not in FILTERS or operation == "collection.batches.list_all":
            raise ConfigError(f"{operation!r} is no list of one organization")
        if foreign := filters.keys() - set(FILTERS[operation]):
            raise ConfigError(f"{operation} has no filter {', '.join(sorted(foreign))}")
        return self._collection.rows(operation, organization, filters)

    def insert(self, organization: str, cases: int = 1) -> None:
        """Add computed cases, with all that belongs to them, behind those that an organization has. No webhook tells of them.

        Raises:
            ConfigError: there is no such organization, or the number is not positive.
        """
        if not isinstance(cases, int) or isinstance(cases, bool) or cases < 1:
            raise ConfigError("the number of cases to insert must be a whole number from 1")
        self.dataset.insert(organization, cases)

    @property
    def executed(self) -> Counter[str]:
        """How many writes were carried out, by operation; not those that were refused, or recognised by their idempotency key."""
        return self._writes.executed.copy()

    @property
    def executed_items(self) -> Counter[str]:
        """How many items the writes that were carried out held, by operation."""
        return self._writes.executed_items.copy()

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The latest deliveries of webhooks, in the order of their events."""
        return tuple(self._webhooks.deliveries)

    @property
    def webhook(self) -> str | None:
        """Where webhooks are delivered; None if nowhere."""
        return self._webhooks.url

    def set_webhook(self, url: str | None) -> None:
        """Deliver webhooks to another URL from now on, or to none.

        Raises:
            ConfigError: it is no URL, or not on this machine.
        """
        self._settings.check_webhook(url)
        self._webhooks.url = url

    async def delivered(self, timeout: float = 10) -> None:
        """Wait until every batch has ended and every webhook was delivered, or given up.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: it takes longer.
        """
        await self._webhooks.delivered(timeout)

    def cases_for(self, operation: str, organization: str) -> Iterator[str]:
        """Yield the ids of the cases that an action can be carried out on now.

        Args:
            operation: name of the action, `collection.cases.accept_eviction_request`.
            organization: id of an organization.

        Raises:
            ConfigError: there is no such action or organization.
        """
        action = operation.removeprefix("collection.cases.")
        if action not in ACTIONS:
            raise ConfigError(f"{operation!r} is no action on a case")
        return self._actions.fits(action, self.dataset.portfolio(organization))

    def counts(self, organization: str) -> dict[str, int]:
        """Return how many cases, invoices, settlements and batches an organization has, with those that were written.

        Raises:
            ConfigError: there is no such organization.
        """
        self._writes.advance()
        return self.dataset.counts(organization)

    def finish_batches(self) -> None:
        """End all batches at once that wait for their end, and deliver what was sent; call it in the sandbox's event loop."""
        self._writes.advance(math.inf)
        self._arm.finish()
        self._dispatch.finish()
        self._webhooks.call_nothing()

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
        app = web.Application(client_max_size=_LARGEST_BODY)
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
        self._webhooks.start()
        host, port = str(runner.addresses[0][0]), runner.addresses[0][1]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened on
        self._url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"

    async def stop(self) -> None:
        """Stop listening and close all connections."""
        runner, self._runner, self._url = self._runner, None, None
        if runner is not None:
            await self._webhooks.stop()
            await runner.cleanup()
            await asyncio.sleep(0)  # cancelled handlers end in the next round of the loop

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
