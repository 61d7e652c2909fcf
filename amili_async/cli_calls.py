"""The commands that make single calls or none: `amili call`, `operations`, `token`, `sandbox`."""

from __future__ import annotations

import asyncio
import difflib
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.answers import NOT_JSON
from amili_async.catalogue import named, operations
from amili_async.cli_access import (
    FAILED,
    NOTHING,
    Access,
    Count,
    Flag,
    Own,
    Several,
    Stop,
    connect,
    credentials_of,
    open_sandbox,
    plain,
    split,
)
from amili_async.cli_listening import until_ctrl_c
from amili_async.cli_output import (
    console,
    guesses,
    operations_list,
    operations_table,
    print_json,
    say,
    warnings_as_lines,
    write_bytes,
)
from amili_async.errors import ApiError
from amili_async.structs import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amili_async.cursors import Cursor
    from amili_async.operation import Operation

__all__ = ["call", "list_operations", "sandbox", "token"]

LEVELS = ("seed", "docs", "inferred", "nav")
WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105  # of invented data
WIDE = 160
"""Columns that the table of operations needs."""


def call(
    operation: str,
    /,
    *ids: str,
    body: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    access: Access = NOTHING,
    **fields: str,
) -> None:
    """Call any operation by its name and print the answer's data as JSON; of a list its first page, as an array.

    Example: amili call collection.cases.list ORGANIZATION --status OPEN --page-size 10

    Args:
        operation: Name of the operation; `amili operations` lists them.
        ids: Values of the path, in its order.
        body: JSON to send; @FILE takes it from a file, - from stdin.
        access: How to reach the API.
        fields: Query parameters, by their names on the wire or in kebab-case; a name that is not known is sent as it is.
    """
    chosen = named(operation)
    if chosen is None:
        near = difflib.get_close_matches(operation, [known.name for known in operations()], 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Stop(f"there is no operation {operation!r}; {hint}`amili operations` lists them")
    if not access.sandbox:
        _check_ids(chosen, ids)
    wire = {plain(name): name for name in chosen.query}
    query = {wire.get(plain(name), name): value for name, value in fields.items()}
    for name in query.keys() - set(chosen.query):
        say(f"warning: {chosen.name} has no parameter {name} that is known here; it is sent as it is")
    with warnings_as_lines():
        asyncio.run(_call(access, chosen, ids, _body(body), query))


async def _call(access: Access, chosen: Operation[Any], ids: tuple[str, ...], body: object, query: dict[str, str]) -> None:
    from amili_async.pages import Page  # noqa: PLC0415  # takes its time, and --help does without

    async with connect(access, anonymous=not chosen.authenticated, api=chosen.api) as (amili, own):
        _check_ids(chosen, ids, own)
        try:
            data = (await amili.call(chosen, *ids, body=body, query=query)).data
        except ApiError as error:
            if body is None and chosen.body != "none" and error.status in {400, 415, 422}:
                raise Stop(f"{error}; {chosen.name} takes a body: give it with --body", FAILED) from error
            raise
    print_json(data.items if isinstance(data, Page) else data, pretty=sys.stdout.isatty())
    if isinstance(data, Page) and data.resume is not None:
        say(_what_follows(data.resume))


def _what_follows(resume: Cursor) -> str:
    if resume.kind == "query":  # a list of ARM, which `export` does not know
        return f"more rows follow; --query={resume.token} --pageno={resume.number} gets the next page"
    again = f"--page-token={resume.token} gets the next page, and " if resume.kind == "token" else ""
    return f"more rows follow; {again}`amili export` gets all of them"


def _check_ids(chosen: Operation[Any], ids: tuple[str, ...], own: Own | None = None) -> None:
    from amili_async.operation import PLACEHOLDER  # noqa: PLC0415  # takes its time, and --help does without

    names = PLACEHOLDER.findall(chosen.path)
    if len(ids) != len(names):
        takes = f"{len(names)} id{'' if len(names) == 1 else 's'}" if names else "no ids"
        which = f" ({', '.join(names)})" if names else ""
        hint = ""
        if own and own.organizations:
            known = ("clients", own.clients) if chosen.api == "arm" else ("organizations", own.organizations)
            hint = f"; the {known[0]} of the sandbox are {', '.join(known[1])}"
        raise Stop(f"{chosen.name} takes {takes}{which}, {len(ids)} given{hint}")


def _body(text: str | None) -> object:
    """Read the JSON of a body from the argument, a file or stdin."""
    if text is None:
        return None
    try:
        if text == "-":
            content = sys.stdin.buffer.read()
        else:
            content = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    except OSError as error:
        raise Stop(f"--body {text}: {error.strerror}") from None
    try:
        return decode(content)
    except NOT_JSON:
        raise Stop("--body is not JSON; @FILE takes it from a file, - from stdin") from None


def list_operations(
    *,
    evidence: Several = None,
    json: Flag = False,
) -> None:
    """List the operations: HTTP method and path, how they are known, whether the client repeats them by itself, guesses.

    Args:
        evidence: Only these levels, separated by commas: seed (a complete page of the documentation), docs (a page in part),
            inferred (by analogy), nav (only the title is known).
        json: Print JSON.
    """
    wanted = split(evidence, "--evidence") or LEVELS
    if unknown := [level for level in wanted if level not in LEVELS]:
        raise Stop(f"there is no evidence level {unknown[0]!r}; the levels are {', '.join(LEVELS)}")
    found = [operation for operation in operations() if operation.evidence in wanted]
    if json:
        print_json([_facts(operation) for operation in found], pretty=True)
        return
    out = console()
    out.print(operations_table(found) if out.width >= WIDE else operations_list(found), soft_wrap=out.width < WIDE)
    say(f"{len(found)} operations; {sum(not operation.confirmed for operation in found)} of them rest on guesses")


def _facts(operation: Operation[Any]) -> Mapping[str, object]:
    return {
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


def token(*, show: Flag = False, access: Access = NOTHING) -> None:
    """Get an access token and tell its type, lifetime and expiry. The token itself is shown only on demand.

    Args:
        show: Print the bare token on stdout, and nothing else.
        access: How to reach the API.
    """
    asyncio.run(_token(access, show=show))


async def _token(access: Access, *, show: bool) -> None:
    from amili_async.auth import StaticToken, lifetime_of  # noqa: PLC0415  # takes its time, and --help does without

    kind, lifetime = "Bearer", None
    source = None if access.sandbox else credentials_of(access)
    if isinstance(source, StaticToken):
        value = source.token
    else:
        async with connect(access) as (amili, _):
            answer = await amili.identity.token()
        value, kind, lifetime = answer.access_token, answer.token_type or kind, lifetime_of(answer)
    if show:
        write_bytes(value.encode() + b"\n")
        return
    rows = {
        "type": kind,
        "token": f"*** ({len(value)} characters; --show prints it)",
        "lifetime": "not told",
        "expires": "not told",
    }
    if source is not None and isinstance(source, StaticToken):
        rows["checked"] = "no: AMILI_TOKEN is given, and was not shown to the server"
    if lifetime is not None:
        expires = datetime.now(UTC) + timedelta(seconds=lifetime)
        rows |= {"lifetime": f"{lifetime:,.0f} s", "expires": f"{expires:%Y-%m-%d %H:%M:%S} UTC"}
    for name, text in rows.items():
        write_bytes(f"{name:<10}{text}\n".encode())


def sandbox(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8080,
    cases: Count = None,
    organizations: Count = None,
    customers: Count = None,
    seed: int | None = None,
    latency: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    token_lifetime: Annotated[float | None, Parameter(validator=Number(gte=1))] = None,
    page_size_max: Count = None,
    webhook_url: str | None = None,
) -> None:
    """Run a server that behaves like the APIs, with invented data, until Ctrl-C.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        cases: Cases per organization.
        organizations: Number of organizations; each has an ARM client.
        customers: Customers of each ARM client.
        seed: Seed of the data; the same seed gives the same data.
        latency: Seconds that every answer waits.
        token_lifetime: Seconds that an access token is valid.
        page_size_max: Rows of a page at most.
        webhook_url: Where webhooks are delivered to, on this machine; `amili webhooks listen` takes them in.
    """
    data: dict[str, Any] = {
        "cases": cases,
        "organizations": organizations,
        "customers": customers,
        "seed": seed,
        "latency": latency,
        "token_lifetime": token_lifetime,
        "page_size_max": page_size_max,
        "webhook_url": webhook_url,
        "webhook_secret": None if webhook_url is None else os.environ.get("AMILI_WEBHOOK_SECRET") or WEBHOOK_SECRET,
    }
    asyncio.run(_sandbox(host, port, {name: value for name, value in data.items() if value is not None}))


async def _sandbox(host: str, port: int, data: Mapping[str, Any]) -> None:
    async with until_ctrl_c(host, port, f": whoever reaches port {port} can use the sandbox") as stack:
        running = await stack.enter_async_context(open_sandbox(host=host, port=port, **data))
        url = str(running.url).rstrip("/")
        for line in (
            f"The sandbox is at {url}. All its data is invented.",
            "Organizations:",
            *(f"  {organization}" for organization in running.organizations),
            f"ARM clients: {', '.join(map(str, running.clients))}",
            "",
            "To use it from another terminal:",
            f"  export AMILI_ENVIRONMENT={url}",
            f"  export AMILI_CLIENT_ID={running.credentials.client_id}",
            f"  export AMILI_CLIENT_SECRET={running.credentials.client_secret}",
            *(f"  export AMILI_WEBHOOK_SECRET={data[name]}" for name in ("webhook_secret",) if name in data),
            f"  amili export cases --org {running.organizations[0]} --limit 1",
            "",
            "Ctrl-C stops it.",
        ):
            write_bytes(f"{line}\n".encode())
