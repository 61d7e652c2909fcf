"""Where a PostgreSQL database is, and what is wrong with it in plain words: without password, user or any value of a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from amili_async.errors import SinkError
from amili_async.sync.sinks.base import needed
from amili_async.sync.sinks.locks import full
from amili_async.sync.sinks.sql import quoted

__all__ = ["Connection", "Place", "sqlstate", "told"]

Connection: TypeAlias = Any
"""A connection of asyncpg, which comes without types."""

_TIMEOUT = 20.0
"""Seconds for a connection to come about."""
_SETTINGS = {
    "application_name": "amili-async",
    "timezone": "UTC",
    "statement_timeout": "0",  # a window takes as long as it takes
    "lock_timeout": "60s",
    "tcp_keepalives_idle": "30",  # so that the server soon lets go of the lock of a machine that is gone
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_REFUSALS = {
    "28": "refuses the login: check the user, and the password in PGPASSWORD or ~/.pgpass",
    "3D": "does not exist: create the database, or name another",
    "3F": "has no such schema: create it, or name another",
    "42501": "does not let its user do this: grant the rights to create and fill tables there",
    "25006": "takes no writes (is it a standby?): name another server",
}
"""By the start of the error code: failures that do not go away by themselves."""
_PASSING = {
    "53300": "takes no more connections",
    "57P03": "is just starting or shutting down",
    "55P03": "has its tables locked by another program",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A database and a schema in it.

    Attributes:
        target: how it is called, `postgres://host/database?schema=amili`; without user and password.
        schema: where the tables shall be; None: where the search path of the user leads.
    """

    target: str
    schema: str | None
    _dsn: str = field(repr=False)

    @classmethod
    def of(cls, dsn: str) -> Place:
        """Read a URL.

        Raises:
            SinkError: it is none.
        """
        try:
            parts = urlsplit(dsn)
            query = parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            query, parts = [], urlsplit("")
        if parts.scheme not in {"postgres", "postgresql"}:
            raise SinkError("the target is no URL of a database: write postgres://HOST/DATABASE", usable=False) from None
        schema = dict(query).get("schema") or None
        rest = urlencode([(name, value) for name, value in query if name != "schema"], quote_via=quote)
        host = parts.netloc.rpartition("@")[2]
        target = f"postgres://{host}{parts.path}" + (f"?schema={quote(schema)}" if schema else "")
        return cls(target, schema, urlunsplit((parts.scheme, parts.netloc, parts.path, rest, "")))

    async def connect(self) -> Connection:
        """Open a connection; its search path is the schema alone.

        Raises:
            SinkError: asyncpg is missing.
            Exception: whatever asyncpg raises; see `told`.
        """
        needed("asyncpg", "postgres", "PostgreSQL")
        asyncpg: Any = import_module("asyncpg")
        settings = _SETTINGS | ({"search_path": quoted(self.schema)} if self.schema else {})
        connection = await asyncpg.connect(self._dsn, server_settings=settings, timeout=_TIMEOUT)
        if not self.schema:
            await connection.execute("SELECT set_config('search_path', quote_ident(current_schema()), false)")
        return connection


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's code of an error; empty for any other error."""
    return str(getattr(error, "sqlstate", None) or "")


def told(target: str, error: Exception) -> SinkError:
    """Return the error that says in one sentence what is wrong, and what to do."""
    if isinstance(error, SinkError):
        return error
    code = sqlstate(error)
    if code == "53100":
        return full(target)
    for start, sentence in _REFUSALS.items():
        if code.startswith(start):
            return SinkError(f"{target} {sentence}", usable=False)
    if code in _PASSING:
        return SinkError(f"{target} {_PASSING[code]}: run again later")
    if not code and isinstance(error, ValueError):
        return SinkError(f"{target} is not a URL that asyncpg can read: write postgres://HOST/DATABASE", usable=False)
    if not code or code[:2] in {"08", "57"}:
        return SinkError(f"{target} cannot be reached ({type(error).__name__}): run again when it can")
    return SinkError(
        f"{target} refuses what it is given (PostgreSQL says {code}, {type(error).__name__}): mend that, and run again"
    )
