"""What commands share: how to reach the API, what ends a command, and what to say then."""

from __future__ import annotations

import errno
import os
import re
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  # cyclopts reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter
from cyclopts.validators import Number

from amili_async.auth import api_credentials_from_env, credentials_from_env
from amili_async.config import Environment
from amili_async.errors import AmiliError, ApiError, ConfigError, NotSentError, SinkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence

    from amili_async.auth import ClientCredentials, StaticToken
    from amili_async.client import AmiliClient
    from amili_async.config import Limits

__all__ = [
    "ADVICE",
    "COMPLETE",
    "CREDENTIALS",
    "FAILED",
    "INTERRUPTED",
    "NOTHING",
    "REFUSED",
    "UNREACHED",
    "USAGE",
    "Access",
    "Count",
    "Env",
    "Flag",
    "Own",
    "Several",
    "Stop",
    "connect",
    "credentials_of",
    "environ_of",
    "explain",
    "open_sandbox",
    "plain",
    "read_env_file",
    "split",
]

COMPLETE, USAGE, FAILED, CREDENTIALS, INTERRUPTED = 0, 2, 3, 4, 130
"""Exit codes."""

REFUSED = frozenset({401, 403})
"""What a server answers to credentials that it does not take, or that give no access to this."""
UNREACHED = "check the network and AMILI_ENVIRONMENT"
_IDS = "check the ids, and that these credentials may see them"
_FILTERS = "check ids and filters; dates are YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ"
ADVICE = {
    400: _FILTERS,
    401: "the credentials were refused, check them and AMILI_ENVIRONMENT",
    403: _IDS,
    404: _IDS,
    422: _FILTERS,
    429: "try again later",
}
"""What to do about an answer, by its status."""

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Count = Annotated[int | None, Parameter(validator=Number(gte=1))]
Several = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]

_CREDENTIALS = (
    ("AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_TOKEN"),
    ("AMILI_AUTOCOLLECT_USERNAME", "AMILI_AUTOCOLLECT_PASSWORD"),
)
"""Variables that belong together."""


class Own(NamedTuple):
    """What the sandbox has of its own, to read where nothing is named; empty without a sandbox."""

    organizations: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()


class Stop(Exception):
    """Ends a command with a sentence for people and an exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.code = code


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Env:
    """Where settings come from."""

    env_file: Path | None = None
    """File of KEY=VALUE lines, such as AMILI_CLIENT_ID=...; they go before environment variables."""

    debug: Flag = False
    """Log every request, and show where an error came from, as AMILI_DEBUG=1 does."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Env):
    """How a command reaches the API."""

    sandbox: Flag = False
    """Use an embedded sandbox with invented data: no account, no network."""


NOTHING = Access()


@asynccontextmanager
async def connect(
    access: Access,
    *,
    data: Mapping[str, int] | None = None,
    limits: Limits | None = None,
    anonymous: bool = False,
    api: str | None = None,
) -> AsyncGenerator[tuple[AmiliClient, Own]]:
    """Open a client as the options say, and a sandbox for it if they do.

    Args:
        access: the options.
        data: how much data the sandbox shall hold: its own arguments.
        limits: limits of the client.
        anonymous: whether it also works without credentials.
        api: the one API that is called, whose own credentials are enough.

    Yields:
        The client, and what the sandbox has.

    Raises:
        Stop: there are no credentials, or the options contradict each other.
    """
    from amili_async.client import AmiliClient  # noqa: PLC0415  # aiohttp takes its time, and --help does without

    settings: dict[str, Any] = {"limits": limits}
    if access.sandbox:
        environ_of(access)
        async with (
            open_sandbox(**(data or {})) as sandbox,
            AmiliClient(sandbox.credentials, environment=sandbox.environment, **settings) as amili,
        ):
            yield amili, Own(tuple(sandbox.organizations), tuple(str(number) for number in sandbox.clients))
        return
    if data:
        raise Stop(f"--{' and --'.join(data)} only {'go' if len(data) > 1 else 'goes'} with --sandbox")
    environ = environ_of(access)
    with _credentials_trouble():
        settings["api_credentials"] = api_credentials_from_env(environ)
    credentials = credentials_of(access, anonymous=anonymous or api in settings["api_credentials"])
    async with AmiliClient(credentials, environment=Environment.from_env(environ), **settings) as amili:
        yield amili, Own()


def credentials_of(access: Access, *, anonymous: bool = False) -> ClientCredentials | StaticToken | None:
    """Return the credentials of the environment or the file.

    Raises:
        Stop: there are none (unless `anonymous`), or they are half given.
    """
    with _credentials_trouble():
        return credentials_from_env(environ_of(access), required=not anonymous)


@contextmanager
def _credentials_trouble() -> Generator[None]:
    """Say where credentials are to be given."""
    try:
        yield
    except ConfigError as error:
        where = ", in the environment or in an --env-file; or try it with --sandbox" if "no credentials" in str(error) else ""
        raise Stop(f"{error}{where}", CREDENTIALS) from None


def environ_of(access: Env) -> Mapping[str, str]:
    """Put the variables of the file over those of the process; credentials come from one of the two, never mixed.

    Raises:
        Stop: the file cannot be read, or does not go with the other options.
    """
    if access.env_file is None:
        return os.environ
    if isinstance(access, Access) and access.sandbox:
        raise Stop("--sandbox has its own credentials: leave out --env-file")
    found = read_env_file(access.env_file)
    own = {name for names in _CREDENTIALS if any(found.get(name) for name in names) for name in names}
    return {**{name: value for name, value in os.environ.items() if name not in own}, **found}


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
            quoted = re.fullmatch(r"""(['"])(.*?)\1(?:\s+#.*)?""", value)
            plainly = value if value[:1] in {"'", '"'} else re.sub(r"\s+#.*", "", value)  # a comment behind it
            found[name] = quoted[2] if quoted else plainly
    return found


def split(values: Sequence[str] | None, option: str) -> list[str]:
    """Return what was given separately or with commas, as one list.

    Raises:
        Stop: the option was given without a value in it: it may have been meant to hold one, and to go on would mean all.
    """
    found = [part.strip() for value in values or () for part in value.split(",") if part.strip()]
    if values is not None and not found:
        raise Stop(f"{option} is empty: give it a value, or leave it out")
    return found


def plain(name: str) -> str:
    """Return a name without case, hyphens and underscores, to compare it by."""
    return name.replace("-", "").replace("_", "").lower()


def explain(error: BaseException) -> tuple[str, int]:
    """Return one sentence on what went wrong and what to do about it, and the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    from amili_async.identity.operations import TOKEN  # noqa: PLC0415  # its models take their time, and --help does without

    if isinstance(error, Stop):
        return str(error), error.code
    code, advice = FAILED, ""
    if isinstance(error, ApiError):
        status = 401 if error.status == 400 and error.path == TOKEN.path else error.status
        code, advice = CREDENTIALS if status in REFUSED else FAILED, ADVICE.get(status, "")
    elif isinstance(error, ConfigError) or (isinstance(error, SinkError) and not error.usable):
        code = USAGE
    elif isinstance(error, NotSentError):
        advice = UNREACHED
    elif isinstance(error, OSError) and not isinstance(error, AmiliError):
        what = error.strerror or type(error).__name__
        where = f": {error.filename}" if isinstance(error.filename, str) else ""
        return f"{what}{where}" + ("; make room and try again" if error.errno == errno.ENOSPC else ""), FAILED
    elif not isinstance(error, AmiliError):
        return f"unexpected {type(error).__name__}; --debug shows where", FAILED
    return f"{error}; {advice}" if advice else str(error), code
