"""What commands share: how to reach the API, what ends a command, and what to say then."""

from __future__ import annotations

import errno
import os
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  # cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from amili_async.client import AmiliClient, credentials_from_env
from amili_async.config import Environment, Limits
from amili_async.errors import AmiliError, BadRequest, ConfigError, Forbidden, NotFound, NotSentError, RateLimited, Unauthorized
from amili_async.identity.operations import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from amili_async.hooks import Hooks

__all__ = [
    "COMPLETE",
    "CREDENTIALS",
    "FAILED",
    "INTERRUPTED",
    "NOTHING",
    "USAGE",
    "Access",
    "Connection",
    "Stop",
    "connect",
    "explain",
    "open_sandbox",
    "read_env_file",
]

COMPLETE, USAGE, FAILED, CREDENTIALS, INTERRUPTED = 0, 2, 3, 4, 130
"""Exit codes."""

_CREDENTIAL_NAMES = ("AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_TOKEN")


class Stop(Exception):
    """Ends a command with a sentence for people and an exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.code = code


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a command reaches the API."""

    sandbox: Annotated[bool, Parameter(negative="")] = False
    """Use an embedded sandbox with invented data: no account, no network."""

    env_file: Path | None = None
    """File of KEY=VALUE lines with AMILI_CLIENT_ID, AMILI_CLIENT_SECRET (or AMILI_TOKEN), AMILI_ENVIRONMENT ...; goes before
    the environment variables of the same names."""

    debug: Annotated[bool, Parameter(negative="")] = False
    """Log every request, and show where an error came from (also: AMILI_DEBUG=1)."""


NOTHING = Access()


@dataclass(frozen=True, slots=True)
class Connection:
    """A client that is ready, and the organizations that are there, as far as we know them: those of the sandbox."""

    amili: AmiliClient
    organizations: tuple[str, ...]


@asynccontextmanager
async def connect(
    access: Access,
    *,
    hooks: Hooks | None = None,
    data: Mapping[str, int] | None = None,
    page_size: int | None = None,
    anonymous: bool = False,
) -> AsyncIterator[Connection]:
    """Open a client as the options say, and a sandbox for it if they do.

    Args:
        access: the options.
        hooks: hooks of the client.
        data: how much data the sandbox shall hold, as its own arguments.
        page_size: items per page.
        anonymous: whether it also works without credentials.

    Raises:
        Stop: there are no credentials, or the options contradict each other.
    """
    settings: dict[str, Any] = {"hooks": hooks, "limits": None if page_size is None else Limits(page_size=page_size)}
    if access.sandbox:
        if access.env_file is not None:
            raise Stop("--sandbox needs no credentials: leave out --env-file")
        async with (
            open_sandbox(**(data or {})) as sandbox,
            AmiliClient(sandbox.credentials, environment=sandbox.environment, **settings) as amili,
        ):
            yield Connection(amili, tuple(sandbox.organizations))
        return
    if data:
        raise Stop(f"--{' and --'.join(data)} only go with --sandbox")
    environ: Mapping[str, str] = os.environ
    if access.env_file is not None:
        environ = merged(environ, read_env_file(access.env_file))
    try:
        credentials = credentials_from_env(environ)
    except ConfigError as error:
        if not anonymous:
            where = "in the environment or in an --env-file, or try it with --sandbox"
            raise Stop(f"{error}, {where}" if "no credentials" in error.message else str(error), CREDENTIALS) from None
        credentials = None
    async with AmiliClient(credentials, environment=Environment.from_env(environ), **settings) as amili:
        yield Connection(amili, ())


def open_sandbox(**settings: Any) -> Any:
    """Return a sandbox, not yet running.

    Raises:
        Stop: its extra is not installed.
    """
    try:
        from amili_async.sandbox import Sandbox  # noqa: PLC0415  # an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "amili_async":
            raise
        raise Stop("the sandbox needs: pip install 'amili-async[sandbox]'") from None
    return Sandbox(**settings)


def merged(environ: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Put the variables of a file over those of the environment; credentials are taken from one of them, never mixed."""
    if any(found.get(name) for name in _CREDENTIAL_NAMES):
        environ = {name: value for name, value in environ.items() if name not in _CREDENTIAL_NAMES}
    return {**environ, **found}


def read_env_file(path: Path) -> dict[str, str]:
    """Read the `AMILI_*` lines of a file of KEY=VALUE lines. `export`, quotes, comments and empty lines are allowed.

    Raises:
        Stop: the file cannot be read; the text never quotes it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Stop(f"--env-file {path}: this is not a text file") from None
    except OSError as error:
        raise Stop(f"--env-file {path}: {error.strerror}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.fullmatch(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*", line)
        if match is None:
            raise Stop(f"--env-file {path}: line {number} is not KEY=VALUE")
        name, value = match.groups()
        if name.startswith("AMILI_"):
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found[name] = value[1:-1] if quoted else value
    return found


def explain(error: BaseException) -> tuple[str, int]:
    """Return one sentence on what went wrong and what to do about it, and the exit code."""
    code, advice = FAILED, ""
    if isinstance(error, Stop):
        return str(error), error.code
    if isinstance(error, Unauthorized) or (isinstance(error, BadRequest) and error.path == TOKEN.path):
        code, advice = CREDENTIALS, "the credentials were refused, check them and AMILI_ENVIRONMENT"
    elif isinstance(error, ConfigError):
        code = USAGE
    elif isinstance(error, NotSentError):
        advice = "check the network and AMILI_ENVIRONMENT"
    elif isinstance(error, Forbidden | NotFound):
        advice = "check the ids, and that these credentials may see them"
    elif isinstance(error, RateLimited):
        advice = "try again later"
    elif isinstance(error, OSError) and not isinstance(error, AmiliError):
        what = error.strerror or type(error).__name__
        where = f": {error.filename}" if isinstance(error.filename, str) else ""
        return f"{what}{where}" + ("; make room and try again" if error.errno == errno.ENOSPC else ""), FAILED
    elif not isinstance(error, AmiliError):
        return f"unexpected {type(error).__name__}; --debug shows where", FAILED
    return f"{error}; {advice}" if advice else str(error), code
