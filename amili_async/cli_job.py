"""What the sync commands are told, and the job that is made of it."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.cli_access import Access, Count, Env, Own, Several, Stop, connect, credentials_of, environ_of, plain, split
from amili_async.cli_output import say
from amili_async.config import Limits
from amili_async.errors import ConfigError
from amili_async.measures import length_of_time, requests_a_second
from amili_async.sync.streams import ARM_STREAMS, STREAMS
from amili_async.sync.targets import sink_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from datetime import timedelta

    from amili_async.sync.events import Event
    from amili_async.sync.job import SyncJob
    from amili_async.sync.ledger import Entry
    from amili_async.sync.redact import Redaction
    from amili_async.sync.sinks.base import Sink
    from amili_async.sync.streams import Stream

__all__ = ["Part", "ReadOptions", "Scope", "chosen", "held", "job_of", "rate_of", "sink_of", "span_of", "streams_of", "target_of"]

DEFAULT_TARGET = "amili-data"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a sync command is about."""

    org: Several = None
    """Ids of the organizations; with --sandbox all of its own if not given."""

    client: Several = None
    """Numbers of ARM clients, for the streams customers, ar_items, documents and gl_items."""

    streams: Several = None
    """Streams, separated by commas. If not given: cases, batches, invoices and settlements of the organizations, and all
    four streams of the ARM clients."""

    to: str | None = None
    """Target: ndjson:FOLDER (ndjson.gz:, ndjson.zst:), parquet:FOLDER, sqlite:FILE, duckdb:FILE or postgres://HOST/DATABASE.
    If not given: AMILI_SYNC_TO, else the folder amili-data (Parquet where pyarrow is installed, otherwise NDJSON)."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Scope):
    """Which part of a target a command is about; all of it if nothing is named."""

    org: Several = None
    """Ids of the organizations; all owners that the target holds if no organization and no client is given."""

    client: Several = None
    """Numbers of ARM clients."""

    streams: Several = None
    """Streams, separated by commas; all that the target holds if not given."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a sync reads."""

    start: Annotated[str | None, Parameter(name="--from")] = None
    """First day or moment, 2024-01-01 or 2024-01-01T00:00:00Z; from the beginning if not given."""

    until: str | None = None
    """Where to end, a day or a moment that no longer belongs to it; the last full hour if not given."""

    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=256))] = 16
    """Windows read at the same time, at most."""

    rate: str | None = None
    """Requests at most, such as 20/s or 600/min; no limit if not given."""

    max_rows: Annotated[int, Parameter(validator=Number(gte=1))] = 20_000
    """Rows of a window, about; only where the server counts them, as it does for cases."""

    explode: Several = None
    """Members that get a table of their own, such as invoices,claims,debtors of cases. What a target holds without them is read
    again; later runs have to name them, too."""

    redact: Several = None
    """Members that are not to be written, at any depth, such as identificationNumber,email,phone. With a secret in
    AMILI_REDACT_KEY a keyed hash takes their place, by which rows can still be joined."""

    cases: Count = None
    """Cases per organization of the sandbox."""

    seed: int | None = None
    """Seed of the sandbox's data; the same seed gives the same data."""


@asynccontextmanager
async def job_of(
    access: Access, scope: Scope, options: ReadOptions, *, on_event: Callable[[Event], None] | None = None
) -> AsyncGenerator[tuple[SyncJob, Sink]]:
    """Open a client, and make the job that the options say.

    Raises:
        Stop: they do not go together, or something is missing.
    """
    from amili_async.sync.job import SyncJob  # noqa: PLC0415  # takes its time, and --help does without

    organizations, clients, streams = split(scope.org, "--org"), split(scope.client, "--client"), streams_of(scope.streams)
    start, until = _period(options)
    sink = sink_of(scope.to, access)
    redact = _redaction(options.redact, access)
    if not (organizations or clients or access.sandbox):
        credentials_of(access)  # without these that is the first thing to say
        raise Stop("--org is missing: give the id of an organization, as Amili has told you, or try it with --sandbox")
    if not access.sandbox:
        _check_owners(streams, organizations, clients)
    data = {name: value for name, value in (("cases", options.cases), ("seed", options.seed)) if value is not None}
    limits = Limits(connections=max(options.concurrency, Limits().connections), rate=rate_of(options.rate))
    source = None
    if access.sandbox:  # its data depends on these
        source = " ".join(("the sandbox", *(f"--{name} {value}" for name, value in data.items())))
    async with connect(access, data=data, limits=limits) as (amili, own):
        if access.sandbox:
            organizations, clients = _of_sandbox(organizations, clients, own, streams)
        yield (
            SyncJob(
                amili,
                sink=sink,
                organizations=organizations,
                clients=clients,
                streams=streams or None,
                start=start,
                until=until,
                concurrency=options.concurrency,
                max_rows=options.max_rows,
                parts=split(options.explode, "--explode"),
                redact=redact,
                source=source,
                on_event=on_event,
            ),
            sink,
        )


@asynccontextmanager
async def held(sink: Sink, streams: Sequence[Stream] = ()) -> AsyncGenerator[list[Entry]]:
    """Hold a target that is there, whatever its rows are from, and give its ledger."""
    try:
        yield await sink.open(None, streams, ())
    finally:
        await sink.close()


def target_of(to: str | None, env: Env) -> str:
    """Return the target that is meant, as it was written."""
    return to or environ_of(env).get("AMILI_SYNC_TO", "").strip() or DEFAULT_TARGET


def sink_of(to: str | None, env: Env) -> Sink:
    """Return the sink of the target that is meant."""
    return sink_for(target_of(to, env))


def chosen(entries: Sequence[Entry], scope: Scope) -> list[Entry]:
    """Return the entries of a ledger that the options name."""
    owners, streams = {*split(scope.org, "--org"), *split(scope.client, "--client")}, streams_of(scope.streams)
    return [
        entry
        for entry in entries
        if (not owners or entry.window.organization in owners) and (not streams or entry.window.stream in streams)
    ]


def streams_of(given: Sequence[str] | None) -> list[str]:
    """Return the names of streams.

    Raises:
        Stop: there is none of such a name.
    """
    names = split(given, "--streams")
    for name in names:
        if name not in STREAMS:
            raise Stop(f"there is no stream {name!r}; the streams are {', '.join(STREAMS)}")
    return names


def rate_of(text: str | None) -> float | None:
    """Read the requests a second of --rate.

    Raises:
        Stop: it is no rate.
    """
    if text is None:
        return None
    if (rate := requests_a_second(text)) is None:
        raise Stop(f"--rate {text!r} is not a rate; write 20/s or 600/min")
    return rate


def span_of(text: str) -> timedelta:
    """Read the length of time of --thaw-after.

    Raises:
        Stop: it is none.
    """
    if (span := length_of_time(text)) is None:
        raise Stop(f"--thaw-after {text!r} is not a length of time; write 30d, 12h or 2w")
    return span


def _period(options: ReadOptions) -> tuple[datetime | None, datetime | None]:
    """Return the time to read, checked, so that what is wrong is told by the names of the options."""
    start, until = _moment(options.start, "--from"), _moment(options.until, "--until")
    if start and until and start >= until:
        raise Stop("--from must be before --until")
    if start and start > datetime.now(UTC):
        raise Stop(f"--from {options.start} lies in the future: there is nothing to read yet")
    return start, until


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    from amili_async.sync.gaps import moment_of  # noqa: PLC0415  # takes its time, and --help does without

    try:
        return moment_of(text, option)
    except ConfigError as error:
        with suppress(ValueError):
            datetime.fromisoformat(text)
            raise Stop(f"{option} must lie in the years 1900 to 2999") from None
        raise Stop(str(error)) from None


def _redaction(given: Sequence[str] | None, env: Env) -> Redaction | None:
    from amili_async.sync.columns import members_of  # noqa: PLC0415  # takes its time, and --help does without
    from amili_async.sync.redact import Redaction  # noqa: PLC0415  # the same

    names, secret = split(given, "--redact"), environ_of(env).get("AMILI_REDACT_KEY", "").encode()
    if secret and not names:
        raise Stop("AMILI_REDACT_KEY is set, but --redact is missing: name the members that are not to be written")
    known = {plain(name) for stream in STREAMS.values() for name in members_of(stream.operation.response)} if names else set()
    for name in names:
        if plain(name) not in known:
            say(f"note: the documentation shows no member called {name}; it is left out wherever it comes")
    try:
        return Redaction(tuple(names), key=secret or None) if names else None
    except ConfigError as error:
        raise Stop(f"AMILI_REDACT_KEY cannot be used: {error}") from None


def _check_owners(streams: Sequence[str], organizations: Sequence[str], clients: Sequence[str]) -> None:
    for name in streams:
        if name in ARM_STREAMS and not clients:
            raise Stop(f"{name} belong to clients of ARM: give their numbers with --client")
        if name not in ARM_STREAMS and not organizations:
            raise Stop(f"{name} belong to organizations: give their ids with --org")


def _of_sandbox(given: list[str], clients: list[str], own: Own, streams: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the organizations and clients to read: those that were given, else those of the sandbox that streams need."""
    for names, known, what in ((given, own.organizations, "organization"), (clients, own.clients, "client")):
        if unknown := [name for name in names if name not in known]:
            raise Stop(f"the sandbox has no {what} {unknown[0]!r}, only {', '.join(known)}")
    of_arm = any(name in ARM_STREAMS for name in streams)
    of_organizations = any(name not in ARM_STREAMS for name in streams) or not (streams or clients)
    return given or list(own.organizations) * of_organizations, clients or list(own.clients) * of_arm
