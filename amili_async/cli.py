"""The command line `amili`: sync, export, call, operations, token, sandbox.

Exit codes: 0 complete, 2 the command as given cannot start, 3 failed in whole or in part, 4 credentials are missing or refused,
130 interrupted. Commands print data on stdout and everything else on stderr.
"""

from __future__ import annotations

import asyncio
import difflib
import inspect
import logging
import os
import sys
import warnings
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from anyio.to_thread import run_sync
from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError
from cyclopts.validators import Number

from amili_async.auth import StaticToken, lifetime_of
from amili_async.catalogue import operations
from amili_async.cli_access import (
    COMPLETE,
    CREDENTIALS,
    FAILED,
    INTERRUPTED,
    NOTHING,
    USAGE,
    Access,
    Stop,
    connect,
    explain,
    open_sandbox,
)
from amili_async.cli_output import (
    SyncProgress,
    console,
    fail,
    guesses,
    log_to_stderr,
    operations_table,
    say,
    silence_stdout,
    sync_failures,
    sync_tables,
    write_bytes,
)
from amili_async.config import is_loopback
from amili_async.errors import AmiliError, UnconfirmedOperationWarning
from amili_async.operation import ACCEPTED_EVIDENCE, PLACEHOLDER
from amili_async.pages import Page
from amili_async.structs import decode, encode
from amili_async.sync.files import PartFile
from amili_async.sync.simple import STREAMS, Meter, lines, rows_of, sync

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from amili_async.operation import Operation

__all__ = ["COMPLETE", "CREDENTIALS", "FAILED", "INTERRUPTED", "USAGE", "app", "run"]

app = App(
    name="amili",
    version=f"amili-async {version('amili-async')}",
    help_format="plaintext",
    help="Work with Amili's APIs: sync whole portfolios to files, export lists, call any operation.\n\n"
    "Credentials come from the environment (AMILI_CLIENT_ID and AMILI_CLIENT_SECRET, or AMILI_TOKEN) or from --env-file. "
    "Without any, try `amili sync run --sandbox`.",
)
sync_app = App(name="sync", help="Stream whole lists into files.", help_format="plaintext")
app.command(sync_app)

Count = Annotated[int | None, Parameter(validator=Number(gte=1))]
Several = Parameter(consume_multiple=True, negative="")

EVERY = 10.0
"""Seconds between two lines on the progress of a sync, where there is no terminal."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. No exception leaves, and no traceback is printed unless it is asked for."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv or os.environ.get("AMILI_DEBUG", "0") not in {"", "0"}
    handler = log_to_stderr(logging.DEBUG if debug else logging.ERROR)
    try:
        code = app(
            argv,
            console=console(),
            error_console=console(stderr=True),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        # What is left over may be a secret that was given as an argument, so it is not quoted.
        text = "there are too many arguments" if isinstance(error, UnusedCliTokensError) else str(error)
        fail(f"{text} (--help shows what goes)")
        return USAGE
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            silence_stdout()
        return COMPLETE
    except KeyboardInterrupt:
        fail("interrupted")
        return INTERRUPTED
    except Exception as error:
        if debug:
            logging.getLogger("amili_async").debug("where it came from:", exc_info=True)
        message, code = explain(error)
        fail(message)
        return code
    else:
        return code if isinstance(code, int) else COMPLETE
    finally:
        logging.getLogger("amili_async").removeHandler(handler)


@sync_app.command(name="run")
def sync_run(
    *,
    org: Annotated[list[str] | None, Several] = None,
    streams: Annotated[list[str] | None, Several] = None,
    to: Path = Path("amili-data"),
    cases: Count = None,
    seed: Annotated[int | None, Parameter()] = None,
    access: Access = NOTHING,
) -> int:
    """Stream the lists of organizations into one NDJSON file per stream.

    Rows are kept as they came. A file is named .part until it is complete; only its owner can read it. Every run reads
    everything again. A stream that fails does not stop the others.

    Args:
        org: Ids of the organizations; with --sandbox all of its own if not given.
        streams: Streams to read, separated by commas: cases, batches, invoices, settlements.
        to: Folder to write to, made if need be.
        cases: Cases per organization of the sandbox.
        seed: Seed of the sandbox's data; the same seed gives the same data.
    """
    chosen = _split(streams) or list(STREAMS)
    if unknown := [name for name in chosen if name not in STREAMS]:
        raise Stop(f"there is no stream {unknown[0]!r}; the streams are {', '.join(STREAMS)}")
    if not org and not access.sandbox:
        raise Stop("--org is missing: give the ids of one or more organizations, or try it with --sandbox")
    data = {name: value for name, value in (("cases", cases), ("seed", seed)) if value is not None}
    return asyncio.run(_sync(access, org or [], chosen, to, data))


async def _sync(access: Access, org: Sequence[str], streams: Sequence[str], to: Path, data: dict[str, int]) -> int:
    meter = Meter()
    progress = SyncProgress(live=console(stderr=True).is_terminal)
    try:
        async with connect(access, hooks=meter, data=data) as connection:
            organizations = _organizations(org, connection.organizations)
            with progress:
                ticking = asyncio.create_task(_tick(progress))
                try:
                    report = await sync(
                        connection.amili, organizations, to=to, streams=streams, meter=meter, on_progress=progress.update
                    )
                except BlockingIOError:
                    raise Stop(f"another sync is writing to {to}: wait for it, or give another folder with --to") from None
                except OSError as error:
                    raise Stop(f"cannot write to {to}: {error.strerror}; give another folder with --to") from None
                finally:
                    ticking.cancel()
    except asyncio.CancelledError:
        kept = f"; unfinished: {', '.join(progress.kept)}" if progress.kept else ""
        raise Stop(f"interrupted{kept}", INTERRUPTED) from None
    out = console()
    for table in sync_tables(report):
        out.print(table)
        out.print()
    if report.amounts.unread:
        say(f"note: the amounts of {report.amounts.unread:,} cases could not be added up; their rows are in the file")
    for stream in report.streams:
        if stream.drifts:
            say(f"note: {stream.name}: the list contradicted itself {stream.drifts:,} times; all rows that came are kept")
    complete = [stream.path for stream in report.streams if stream.state == "complete"]
    if complete:
        what = "invented data" if access.sandbox else "data"
        out.print(f"The {what} is in {to.resolve()}, one JSON object per line, readable by you only. To look at it:")
        out.print(f"  head -n 1 {complete[0]}")
    failures = list(sync_failures(report))
    for sentence, _ in failures:
        fail(sentence)
    codes = {code for _, code in failures}
    return CREDENTIALS if CREDENTIALS in codes else FAILED if codes else COMPLETE


async def _tick(progress: SyncProgress) -> None:
    while True:
        await asyncio.sleep(EVERY)
        progress.tick()


@app.command
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
) -> int:
    """Write one list as NDJSON to stdout, row by row as it came: a part of a pipe.

    Filters of cases: --status --type --case-number --customer-number --unique-source-invoice-id --search-term
    --from-created-at --to-created-at. Of batches: --state --type --subject-id --idempotency-key --sort-direction. Of invoices:
    --status --type --invoice-number --unique-source-invoice-id --customer-number --from --to. Of settlements: --from-date
    --to-date.

    Args:
        stream: cases, batches, invoices or settlements.
        org: Id of the organization; with --sandbox its first one if not given.
        limit: Rows in all.
        page_size: Rows per request.
        output: File to write instead, named .part until it is complete.
        filters: Filters, by their names in Python or on the wire.
    """
    if stream not in STREAMS:
        raise Stop(f"there is no stream {stream!r}; the streams are {', '.join(STREAMS)}")
    if not org and not access.sandbox:
        raise Stop("--org is missing: give the id of an organization, or try it with --sandbox")
    known = {_plain(name): name for name in _filters(stream)}
    wanted: dict[str, object] = {"limit": limit, "page_size": page_size}
    for name, value in filters.items():
        if _plain(name) not in known:
            shown = ", ".join(f"--{name.strip('_').replace('_', '-')}" for name in known.values())
            raise Stop(f"{stream} have no filter --{name}; there are {shown}")
        wanted[known[_plain(name)]] = value
    return asyncio.run(_export(access, stream, org, output, wanted))


async def _export(access: Access, stream: str, org: str | None, output: Path | None, wanted: dict[str, object]) -> int:
    rows = 0
    with ExitStack() as stack:
        try:
            file = stack.enter_context(PartFile(output)) if output is not None else None
        except OSError as error:
            raise Stop(f"cannot write to {output}: {error.strerror}; give another file with --output") from None
        try:
            async with connect(access) as connection:
                organization = _organizations([org] if org else [], connection.organizations)[0]
                async with rows_of(connection.amili, stream, organization, **wanted).prefetch(1) as pages:
                    async for page in pages:
                        # In a thread: a reader that is slow must not keep us from reading the next page.
                        await run_sync(file.write if file else write_bytes, lines(page.items), abandon_on_cancel=file is None)
                        rows += len(page.items)
            if file is not None:
                await run_sync(file.commit)
                say(f"{rows:,} rows in {output}")
        except BrokenPipeError:
            raise
        except (AmiliError, OSError, asyncio.CancelledError) as error:
            interrupted = isinstance(error, asyncio.CancelledError)
            message, code = ("interrupted", INTERRUPTED) if interrupted else explain(error)
            where = f" in {file.part}" if file and file.size else ""
            raise Stop(f"{message}; the output ends after {rows:,} rows{where}" if rows else message, code) from error
    return COMPLETE


def _filters(stream: str) -> list[str]:
    """Return the filters of a stream's method, by their names in Python."""
    from amili_async.collection import api  # noqa: PLC0415  # only needed here

    parameters = inspect.signature(getattr(api, stream.capitalize()).list).parameters
    others = {"self", "organization_id", "page_size", "limit", "model", "on_invalid", "options"}
    return [name for name in parameters if name not in others]


@app.command
def call(
    operation: str,
    /,
    *ids: str,
    body: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    access: Access = NOTHING,
    **fields: str,
) -> int:
    """Call any operation by its name and print the answer's data as JSON. Of a list: its first page, as an array.

    Example: amili call collection.cases.list ORGANIZATION --status OPEN --page-size 10

    Args:
        operation: Name of the operation; `amili operations` lists them.
        ids: Values of the path, in its order.
        body: JSON to send; @FILE takes it from a file, - from stdin.
        fields: Query parameters, by their names on the wire or in kebab-case; names that are not known are sent as they are.
    """
    known = {known.name: known for known in operations()}
    if operation not in known:
        near = difflib.get_close_matches(operation, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Stop(f"there is no operation {operation!r}; {hint}`amili operations` lists them")
    chosen = known[operation]
    names = PLACEHOLDER.findall(chosen.path)
    if len(ids) != len(names) and not access.sandbox:
        raise Stop(_ids_problem(chosen, names, len(ids)))
    wire = {_plain(name): name for name in chosen.query}
    query = {wire.get(_plain(name), name): value for name, value in fields.items()}
    with _warnings_as_lines():
        return asyncio.run(_call(access, chosen, ids, _body(body), query))


async def _call(access: Access, chosen: Operation[Any], ids: tuple[str, ...], body: object, query: dict[str, str]) -> int:
    size = query.pop(chosen.paging.size_param, None) if chosen.paging and chosen.paging.size_param else None
    if size is not None and not size.isdecimal():
        raise Stop("the page size must be a whole number")
    page_size = None if size is None else int(size)
    async with connect(access, page_size=page_size, anonymous=not chosen.authenticated) as connection:
        names = PLACEHOLDER.findall(chosen.path)
        if len(ids) != len(names):
            hint = f"; the sandbox's organizations are {', '.join(connection.organizations)}"
            raise Stop(_ids_problem(chosen, names, len(ids)) + hint)
        answer = await connection.amili.call(chosen, *ids, body=body, query=query)
    data = answer.data
    content = encode(data.items if isinstance(data, Page) else data)
    indent = 2 if sys.stdout.isatty() else -1
    write_bytes(msgspec.json.format(content, indent=indent) + b"\n")
    if isinstance(data, Page) and data.resume is not None:
        say(f"more rows follow; resume cursor: {data.resume}")
    return COMPLETE


def _ids_problem(chosen: Operation[Any], names: list[str], given: int) -> str:
    takes = f"{len(names)} id{'' if len(names) == 1 else 's'}" + (f" ({', '.join(names)})" if names else "")
    return f"{chosen.name} takes {takes}, {given} given"


def _body(text: str | None) -> object:
    """Read the JSON of a body from the argument, a file or stdin."""
    if text is None:
        return None
    content = text.encode()
    try:
        if text == "-":
            content = sys.stdin.buffer.read()
        elif text.startswith("@"):
            content = Path(text[1:]).read_bytes()
    except OSError as error:
        raise Stop(f"--body {text}: {error.strerror}") from None
    try:
        return decode(content)
    except (ValueError, RecursionError):
        raise Stop("--body is not JSON; @FILE takes it from a file, - from stdin") from None


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show the warning about an operation that rests on a guess as one line."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        say(f"warning: {str(message).partition(';')[0]}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UnconfirmedOperationWarning)
        warnings.showwarning = show
        yield


@app.command(name="operations")
def list_operations(
    *,
    evidence: Annotated[list[str] | None, Several] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """List all operations: HTTP method, path, how they are known, whether the client repeats them by itself, guesses.

    Args:
        evidence: Only these levels, separated by commas: seed (complete page), docs (page in part), inferred (by analogy),
            nav (title only).
        json: Print JSON.
    """
    levels = {"seed", "docs", "inferred", "nav"}
    wanted = set(_split(evidence)) or levels
    if unknown := sorted(wanted - levels):
        raise Stop(f"there is no evidence level {unknown[0]!r}; the levels are seed, docs, inferred, nav")
    found = [operation for operation in operations() if operation.evidence in wanted]
    if json:
        rows = [
            {
                "name": operation.name,
                "method": operation.method,
                "path": operation.path,
                "evidence": operation.evidence,
                "retry_safe": operation.retry_safe,
                "paging": operation.paging.style if operation.paging else None,
                "guessed": guesses(operation) or None,
                "deprecated": operation.deprecated,
                "query": operation.query,
                "summary": operation.summary,
                "source": operation.source,
            }
            for operation in found
        ]
        write_bytes(msgspec.json.format(encode(rows), indent=2) + b"\n")
        return COMPLETE
    console().print(operations_table(found))
    guessed = sum(operation.evidence not in ACCEPTED_EVIDENCE for operation in found)
    say(f"{len(found)} operations; {guessed} of them are not on a documentation page that can be read")
    return COMPLETE


@app.command
def token(*, show: Annotated[bool, Parameter(negative="")] = False, access: Access = NOTHING) -> int:
    """Get an access token and tell its type, lifetime and expiry. The token itself is not shown unless asked for.

    Args:
        show: Print the bare token on stdout, and nothing else.
    """
    return asyncio.run(_token(access, show=show))


async def _token(access: Access, *, show: bool) -> int:
    async with connect(access) as connection:
        source = connection.amili.credentials
    return COMPLETE


@app.command
def sandbox(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8080,
    cases: Count = None,
    organizations: Count = None,
    seed: int | None = None,
    debug: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run a server with invented data that behaves like the APIs, until Ctrl-C.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        cases: Cases per organization.
        organizations: Organizations.
        seed: Seed of the data; the same seed gives the same data.
        debug: Show where an error came from.
    """
    given = {"cases": cases, "organizations": organizations, "seed": seed}
    return asyncio.run(_sandbox(host, port, {name: value for name, value in given.items() if value is not None}))
