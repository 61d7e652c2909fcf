"""Windows read elsewhere: by a task of Spark, Dask or Ray, by another process. Only the window and a few settings travel."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amili_async.client import AmiliClient
from amili_async.config import Environment
from amili_async.errors import SinkError
from amili_async.sync.pace import Gate, Pace
from amili_async.sync.pulling import Puller
from amili_async.sync.sinks.base import Spool

if TYPE_CHECKING:
    import pyarrow as pa
    from msgspec import Raw

    from amili_async.auth import Credentials
    from amili_async.config import Limits, RetryPolicy, Timeouts
    from amili_async.pagination import Pager
    from amili_async.sync.events import Event
    from amili_async.sync.reading import Reading
    from amili_async.sync.redact import Redaction
    from amili_async.sync.sinks.base import Work
    from amili_async.sync.windows import Window

__all__ = ["ClientSettings", "begin", "lone_puller", "read_whole", "read_window"]

MEMORY = 64 * 2**20
_VERIFIED = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How to make a client wherever a window is read. Pickles; without credentials no secret is in it.

    Args:
        environment: where the APIs are; None: what `AMILI_ENVIRONMENT` says in the process that reads.
        credentials: None: what `AMILI_CLIENT_ID`, `AMILI_CLIENT_SECRET` or `AMILI_TOKEN` say in the process that reads.
        limits: limits of the traffic.
        timeouts: time limits.
        retry: how patiently to try again.
    """

    environment: Environment | None = None
    credentials: Credentials | None = None
    limits: Limits | None = None
    timeouts: Timeouts | None = None
    retry: RetryPolicy | None = None

    def client(self) -> AmiliClient:
        """Make a client.

        Raises:
            ConfigError: the environment variables that are needed are not set, or are wrong.
        """
        environment = self.environment or Environment.from_env()
        if self.credentials is None:
            return AmiliClient.from_env(environment=environment, limits=self.limits, timeouts=self.timeouts, retry=self.retry)
        return AmiliClient(
            self.credentials, environment=environment, limits=self.limits, timeouts=self.timeouts, retry=self.retry
        )


def read_window(settings: ClientSettings, window: Window, *, redact: Redaction | None = None) -> pa.Table:
    """Read a window into an Arrow table, with a client and an event loop of its own. Blocks; also where a loop is running.

    The columns are those of the Parquet target. Within the table no key is there twice. A row that lies on the bound between two
    windows can be in the tables of both: drop one by its key. Needs the extra `arrow`.

    Args:
        settings: how to make the client.
        window: what to read, from `SyncJob.plan()`.
        redact: what is taken out of the rows.

    Returns:
        The table. `table.schema.metadata[b"amili_verified"]` is `yes` if as many rows came as the service counts, `no` if not,
        though it was asked twice, and `unknown` where it does not count.

    Raises:
        AmiliError: it cannot be read. Reading it again is always safe.
        SinkError: pyarrow is not installed.

    Example:
        ```python
        with ProcessPoolExecutor() as pool:
            tables = list(pool.map(partial(read_window, ClientSettings()), await job.plan()))
        ```
    """
    try:
        from amili_async.sync.arrow import to_table  # noqa: PLC0415  # an extra
    except ImportError:
        raise SinkError("Arrow tables need pyarrow: pip install 'amili-async[arrow]'", usable=False) from None
    reading = _run(settings, window, redact)
    try:
        work = reading.work
        table: pa.Table = to_table(b"".join(work.rows.chunks()), work.stream, window, work.read_at)[0]
        return table.replace_schema_metadata({"amili_verified": _VERIFIED[reading.verified]})
    finally:
        reading.close()


def _run(settings: ClientSettings, window: Window, redact: Redaction | None) -> Reading:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_read(settings, window, redact))
    with ThreadPoolExecutor(1) as thread:  # a loop is running here, and no second one can
        return thread.submit(asyncio.run, _read(settings, window, redact)).result()


async def _read(settings: ClientSettings, window: Window, redact: Redaction | None) -> Reading:
    async with settings.client() as amili:
        return await read_whole(lone_puller(amili, redact), window)


async def read_whole(puller: Puller, window: Window, rows: Pager[Raw] | None = None) -> Reading:
    """Read a window to its end, and once more if rows came or went meanwhile. Whoever gets the reading closes it.

    Args:
        puller: what reads it.
        window: what to read.
        rows: another list than that of the window.

    Raises:
        AmiliError: it cannot be read.
    """
    reading = await puller.read(window, begin, rows)
    if reading.verified is False and not reading.cut_off:
        reading.close()
        reading = await puller.read(window, begin, rows)
    return reading


def lone_puller(amili: AmiliClient, redaction: Redaction | None) -> Puller:
    """Return what reads windows outside of a job: one request at a time, and nobody hears how it goes."""
    return Puller(amili, Pace(1, amili.clock), Gate(MEMORY), redaction=redaction, tell=_nobody)


def begin(work: Work) -> None:
    """Give work of which no sink knows its spool."""
    work.spools = {work.stream.name: Spool()}


def _nobody(event: Event) -> None:
    """Tell nobody."""
