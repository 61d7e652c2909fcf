"""The commands that read whole lists: `amili sync run` into files, `amili export` into a pipe."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from anyio.to_thread import run_sync
from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.cli_access import (
    COMPLETE,
    CREDENTIALS,
    FAILED,
    INTERRUPTED,
    NOTHING,
    Access,
    Count,
    Several,
    Stop,
    connect,
    credentials_of,
    explain,
    plain,
    split,
)
from amili_async.cli_output import (
    SyncProgress,
    console,
    fail,
    log_errors_only,
    say,
    several,
    sync_failures,
    sync_tables,
    write_bytes,
)
from amili_async.collection import api
from amili_async.errors import AmiliError
from amili_async.sync.files import PartFile
from amili_async.sync.simple import STREAMS, Meter, lines, rows_of, sync

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amili_async.sync.simple import SyncReport

__all__ = ["export", "sync_run"]

EVERY = 10.0
"""Seconds between two lines on the progress of a sync, where there is no terminal."""


def sync_run(
    *,
    org: Several = None,
    streams: Several = None,
    to: Path = Path("amili-data"),
    cases: Count = None,
    seed: int | None = None,
    access: Access = NOTHING,
) -> int:
    """Stream the lists of organizations into one NDJSON file per stream.

    Rows are kept as they came. A file is named .part until it is complete; only its owner can read it. Every run reads
    everything again. A stream that fails does not stop the others.

    Args:
        org: Ids of the organizations; with --sandbox all of its own if not given.
        streams: Streams to read, separated by commas; all if not given: cases, batches, invoices, settlements.
        to: Folder to write to, made if need be.
        cases: Cases per organization of the sandbox.
        seed: Seed of the sandbox's data; the same seed gives the same data.
        access: How to reach the API.
    """
    chosen = split(streams) or list(STREAMS)
    for name in chosen:
        _check_stream(name)
    organizations = split(org)
    if not organizations:
        _org_missing(access)
    data = {name: value for name, value in (("cases", cases), ("seed", seed)) if value is not None}
    log_errors_only()
    report = asyncio.run(_sync(access, organizations, chosen, to, data))
    return _conclude(report, to, "invented data" if access.sandbox else "data")


async def _sync(access: Access, given: Sequence[str], streams: Sequence[str], to: Path, data: Mapping[str, int]) -> SyncReport:
    meter = Meter()
    progress = SyncProgress(live=console(stderr=True).is_terminal and not access.debug)
    try:
        async with connect(access, hooks=meter, data=data) as (amili, own):
            organizations = _organizations(given, own.organizations)
            source, note = "the sandbox" if access.sandbox else amili.environment.url("collection"), to / "_amili_source"
            _keep_apart(note, source)
            ticking = asyncio.create_task(_tick(progress))
            try:
                with progress:
                    report = await sync(amili, organizations, to=to, streams=streams, meter=meter, on_progress=progress.update)
            except BlockingIOError:
                raise Stop(f"another sync is writing to {to}: wait for it, or give another folder with --to") from None
            except FileExistsError:
                raise Stop(f"{to} is not a folder; give another one with --to") from None
            except OSError as error:
                raise Stop(f"cannot write to {to}: {error.strerror}; give another folder with --to") from None
            else:
                if any(stream.state == "complete" for stream in report.streams):
                    with suppress(OSError):
                        note.write_text(f"{source}\n", encoding="utf-8")
                return report
            finally:
                ticking.cancel()
    except asyncio.CancelledError:
        kept = ", ".join(str(stream.part) for stream in progress.streams.values() if stream.part)
        raise Stop("interrupted" + (f"; unfinished files are kept: {kept}" if kept else ""), INTERRUPTED) from None


def _keep_apart(note: Path, source: str) -> None:
    """Refuse to write invented data over real data, or the other way round; a note in the folder says which it holds."""
    with suppress(OSError):
        held = note.read_text(encoding="utf-8").strip()
        if held != source:
            raise Stop(f"{note.parent} holds data of {held}, not of {source}; give another folder with --to")


async def _tick(progress: SyncProgress) -> None:
    while True:
        await asyncio.sleep(EVERY)
        progress.tick()


def _conclude(report: SyncReport, to: Path, what: str) -> int:
    """Print what a sync has done, and return the exit code."""
    out = console()
    for table in sync_tables(report):
        out.print(table)
        out.print()
    complete = [stream.path for stream in report.streams if stream.state == "complete"]
    if complete:
        out.print(
            f"The {what} is in {to.resolve()}, one JSON object per line, readable by you only. To look at it:", soft_wrap=True
        )
        out.print(f"  head -n 1 {complete[0]}", soft_wrap=True)
    if report.amounts.unread:
        say(f"note: the amounts of {several(report.amounts.unread, 'case')} could not be added up; the rows are in the file")
    for stream in report.streams:
        if stream.drifts:
            say(
                f"note: {stream.name}: the list contradicted itself {several(stream.drifts, 'time')}; every row that came is kept"
            )
    failures = list(sync_failures(report))
    for sentence, _ in failures:
        fail(sentence)
    codes = {code for _, code in failures}
    return CREDENTIALS if CREDENTIALS in codes else FAILED if codes else COMPLETE


def export(
    stream: str,
    /,
    *,
    org: str | None = None,
    limit: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    page_size: Count = None,
    output: Path | None = None,
    access: Access = NOTHING,
    **filters: str,
) -> None:
    """Write one list as NDJSON to stdout, row by row as it came, as a part of a pipe.

    Filters of cases: --status, --type, --case-number, --customer-number, --unique-source-invoice-id, --search-term,
    --from-created-at, --to-created-at. Of batches: --state, --type, --subject-id, --idempotency-key, --sort-direction.
    Of invoices: --status, --type, --invoice-number, --unique-source-invoice-id, --customer-number, --from, --to.
    Of settlements: --from-date, --to-date.

    Args:
        stream: cases, batches, invoices or settlements.
        org: Id of the organization; with --sandbox its first one if not given.
        limit: Rows in all.
        page_size: Rows per request.
        output: File to write instead; it is named .part until it is complete.
        access: How to reach the API.
        filters: Filters of the list, see above.
    """
    _check_stream(stream)
    if not org:
        _org_missing(access)
    known = {plain(name): name for name in filters_of(stream)}
    wanted: dict[str, object] = {"limit": limit, "page_size": page_size}
    for name, value in filters.items():
        if plain(name) not in known:
            shown = ", ".join(f"--{name.strip('_').replace('_', '-')}" for name in known.values())
            raise Stop(f"{stream} have no filter --{name}; there are {shown}")
        wanted[known[plain(name)]] = value
    asyncio.run(_export(access, stream, org, output, wanted))


async def _export(access: Access, stream: str, org: str | None, output: Path | None, wanted: dict[str, object]) -> None:
    rows, begun = 0, False
    with ExitStack() as stack:
        try:
            file = stack.enter_context(PartFile(output)) if output is not None else None
        except OSError as error:
            raise Stop(f"cannot write to {output}: {error.strerror}; give another file with --output") from None
        write = write_bytes if file is None else file.write
        try:
            async with connect(access) as (amili, own):
                organization = _organizations([org] if org else [], own.organizations)[0]
                async with rows_of(amili, stream, organization, **wanted).prefetch(1) as pages:
                    async for page in pages:
                        begun = True
                        # In a thread: a slow reader must not keep the next page from coming in, nor Ctrl-C from working.
                        await run_sync(write, lines(page.items), abandon_on_cancel=file is None)
                        rows += len(page.items)
            if file is not None:
                await run_sync(file.commit)
                say(f"{several(rows, 'row')} in {output}")
            elif not rows:
                say("0 rows")
        except BrokenPipeError:
            raise
        except (AmiliError, OSError, asyncio.CancelledError) as error:
            message, code = ("interrupted", INTERRUPTED) if isinstance(error, asyncio.CancelledError) else explain(error)
            kept = f", and kept in {file.part}" if file and file.size else ""
            raise Stop(f"{message}; the output is incomplete{kept}" if begun else message, code) from error


def filters_of(stream: str) -> list[str]:
    """Return the filters of a stream's method, by their names in Python."""
    others = {"self", "organization_id", "page_size", "limit", "model", "on_invalid", "options"}
    return [name for name in inspect.signature(getattr(api, stream.capitalize()).list).parameters if name not in others]


def _check_stream(name: str) -> None:
    if name not in STREAMS:
        raise Stop(f"there is no stream {name!r}; the streams are {', '.join(STREAMS)}")


def _org_missing(access: Access) -> None:
    if not access.sandbox:
        credentials_of(access)  # without these that is the first thing to say
        raise Stop("--org is missing: give the id of an organization, as Amili has told you, or try it with --sandbox")


def _organizations(given: Sequence[str], own: Sequence[str]) -> Sequence[str]:
    """Return the organizations to read: those that were given, or all that the sandbox has."""
    if own and (unknown := [organization for organization in given if organization not in own]):
        raise Stop(f"the sandbox has no organization {unknown[0]!r}, only {', '.join(own)}")
    return given or own
