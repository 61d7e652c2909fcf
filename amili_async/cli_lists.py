"""The command that reads a whole list into a pipe: `amili export`."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import ExitStack
from importlib import import_module
from operator import attrgetter
from pathlib import Path  # noqa: TC003  # cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from anyio.to_thread import run_sync
from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.cli_access import (
    INTERRUPTED,
    NOTHING,
    Access,
    Count,
    Own,
    Stop,
    connect,
    credentials_of,
    explain,
    plain,
)
from amili_async.cli_output import say, several, warnings_as_lines, write_bytes
from amili_async.errors import AmiliError
from amili_async.sync.files import PartFile
from amili_async.sync.lines import as_lines, each_on_its_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amili_async.client import AmiliClient
    from amili_async.pagination import Pager
    from amili_async.sync.streams import Stream

__all__ = ["export", "lines"]


def export(
    stream: str,
    /,
    *,
    org: str | None = None,
    client: str | None = None,
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
    Of settlements: --from-date, --to-date. Of all lists of ARM: --maximum-count; of some: --expand, --user-id, --language.

    Args:
        stream: cases, batches, invoices or settlements of an organization; customers, ar_items, documents or gl_items of a
            client.
        org: Id of the organization; with --sandbox its first one if not given.
        client: Number of the ARM client; with --sandbox its first one if not given.
        limit: Rows in all.
        page_size: Rows per request.
        output: File to write instead; it is named .part until it is complete.
        access: How to reach the API.
        filters: Filters of the list, see above.
    """
    from amili_async.sync.streams import STREAMS  # noqa: PLC0415  # the models take their time, and --help does without

    if stream not in STREAMS:
        raise Stop(f"there is no stream {stream!r}; the streams are {', '.join(STREAMS)}")
    chosen = STREAMS[stream]
    owner, option = (client, "client") if chosen.of_arm else (org, "org")
    if not owner and not access.sandbox:
        credentials_of(access)  # without these that is the first thing to say
        raise Stop(f"--{option} is missing: give the one that Amili has told you, or try it with --sandbox")
    kinds = filters_of(chosen)
    known = {plain(name): name for name in kinds}
    wanted: dict[str, object] = {"limit": limit, "page_size": page_size}
    for name, value in filters.items():
        if plain(name) not in known:
            shown = ", ".join(f"--{name.strip('_').replace('_', '-')}" for name in known.values())
            raise Stop(f"{stream} have no filter --{name}; there are {shown}")
        kind = kinds[known[plain(name)]]
        if kind is int and not (value.isdecimal() and int(value)):
            raise Stop(f"--{name.replace('_', '-')} must be a whole number of at least 1")
        wanted[known[plain(name)]] = kind(value)
    with warnings_as_lines():
        asyncio.run(_export(access, chosen, owner, output, wanted))


async def _export(access: Access, stream: Stream, owner: str | None, output: Path | None, wanted: dict[str, object]) -> None:
    rows, begun = 0, False
    with ExitStack() as stack:
        try:
            file = stack.enter_context(PartFile(output)) if output is not None else None
        except OSError as error:
            raise Stop(f"cannot write to {output}: {error.strerror}; give another file with --output") from None
        write = write_bytes if file is None else file.write
        try:
            async with connect(access) as (amili, own):
                rows_of: Pager[Any] = _list_of(amili, stream)(_owner(owner, own, stream), **wanted).raw()
                async with rows_of.prefetch(1) as pages:
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


def lines(rows: Sequence[msgspec.Raw]) -> bytes:
    """Write rows as NDJSON: bytes as they are, without the line breaks that some may have between their tokens."""
    chunk = as_lines(rows)
    if each_on_its_own(chunk, len(rows)):
        return chunk
    return b"".join(msgspec.json.format(bytes(row), indent=-1) + b"\n" for row in rows)


def filters_of(stream: Stream) -> dict[str, type[int | str]]:
    """Return the filters of a stream's method, by their names in Python, and what each takes."""
    product, group, _ = stream.operation.name.split(".")
    resource = getattr(import_module(f"amili_async.{product}.api"), group.title().replace("_", ""))
    others = {"self", "organization_id", "client_no", "filters", "page_size", "limit", "model", "on_invalid", "options"}
    return {
        name: int if parameter.annotation == "int | None" else str
        for name, parameter in inspect.signature(resource.list).parameters.items()
        if name not in others
    }


def _list_of(amili: AmiliClient, stream: Stream) -> Any:
    return attrgetter(stream.operation.name)(amili)


def _owner(given: str | None, own: Own, stream: Stream) -> str:
    """Return whose list is meant: the one given, or the first that the sandbox has."""
    known = own.clients if stream.of_arm else own.organizations
    if given and known and given not in known:
        raise Stop(f"the sandbox has no {'client' if stream.of_arm else 'organization'} {given!r}, only {', '.join(known)}")
    return given or known[0]
