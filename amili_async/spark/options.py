"""The options of the data source: texts, whose names Spark has in lower case. Each is checked where it is given."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from amili_async.config import Environment, Limits, whole
from amili_async.errors import AmiliError, ConfigError
from amili_async.measures import length_of_time, requests_a_second
from amili_async.sync.gaps import moment_of
from amili_async.sync.order import Order
from amili_async.sync.redact import Redaction
from amili_async.sync.remote import ClientSettings
from amili_async.sync.streams import Stream, stream_named
from amili_async.sync.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from amili_async.auth import Credentials
    from amili_async.client import AmiliClient

__all__ = ["Options"]

FILTER = "filter."
_NAMES = {"from": "start", "to": "until"}
"""Options that are no names in Python."""
_SECRET = re.compile(r"secret|token|passw|bearer|authori[sz]ation|apikey|redact_?key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options, read. Pickles; there is no secret in it. `AmiliDataSource` says what each means."""

    stream: str
    organizations: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    start: str | None = None
    until: str | None = None
    lag: timedelta = timedelta(minutes=5)
    maxrows: int = 20_000
    maxpartitions: int | None = None
    rate: float | None = None
    concurrency: int | None = None
    environment: str | None = None
    credentials: str | None = None
    redact: tuple[str, ...] = ()
    unverified: str = "log"
    pushfilters: bool = False
    created: str | None = None
    maxrowsperbatch: int | None = None
    maxspanperbatch: timedelta | None = None
    filters: tuple[tuple[str, str], ...] = ()
    redaction_made: str | None = None
    """What is taken out, with a fingerprint of the key, as it was where the options were read."""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Options:
        """Read the options that Spark was given.

        Raises:
            ConfigError: one is unknown, missing or wrong; the text names it, and shows no value of one that may be a secret.
        """
        found: dict[str, Any] = {}
        filters: list[tuple[str, str]] = []
        for name, text in given.items():
            option = name.lower()
            if option.startswith(FILTER):
                filters.append((option.removeprefix(FILTER), text))
                continue
            if option not in _READERS:
                raise ConfigError(_unknown(option))
            if text.strip():
                found[_NAMES.get(option, option)] = _READERS[option](option, text.strip())
        if "stream" not in found:
            raise ConfigError('the option stream is missing: .option("stream", "cases")')
        redaction = _redaction(found.get("redact", ()))
        options = cls(**found, filters=tuple(sorted(filters)), redaction_made=str(redaction) if redaction else None)
        options.check()
        return options

    def check(self) -> None:
        """Check what depends on more than one option.

        Raises:
            ConfigError: something is wrong.
        """
        stream, owner = self.order.streams[0], "clients" if self.kind.of_arm else "organizations"
        for other in {"clients", "organizations"} - {owner}:
            if getattr(self, other):
                raise ConfigError(f"the option {other} does not go with {stream.name}: these belong to {owner}")
        if stream.period is None and (self.start or self.until):
            raise ConfigError(f"the options from and to do not go with {stream.name}: that list has no period")
        if self.unverified not in {"log", "fail"}:
            raise ConfigError(f"the option unverified must be log or fail, not {self.unverified!r}")
        if self.environment is not None:
            self._environment()
        if self.created is not None:
            moments = [column.name for column in table_of(stream).columns if column.kind == "timestamp"]
            if stream.period is None or self.created not in moments:
                known = f"; {stream.name} have {', '.join(moments)}" if stream.period and moments else ""
                raise ConfigError(f"the option created must name the column that the period is about{known}")
        if self.maxrowsperbatch is not None and not stream.counted:
            raise ConfigError(
                f"the option maxrowsperbatch needs rows that the service counts, and {stream.name} are not: give maxspanperbatch"
            )

    @property
    def kind(self) -> Stream:
        """The stream."""
        return stream_named(self.stream)

    @property
    def redaction(self) -> Redaction | None:
        """What is taken out of the rows: with `AMILI_REDACT_KEY` in the environment a keyed hash takes its place.

        Raises:
            ConfigError: the key is not the one that there was where the options were read.
        """
        redaction = _redaction(self.redact)
        if (str(redaction) if redaction else None) != self.redaction_made:
            raise ConfigError(
                "AMILI_REDACT_KEY is missing here, or is not the one that the query was planned with: "
                "set the same in the environment of the driver (before Spark starts) and of all executors"
            )
        return redaction

    @property
    def order(self) -> Order:
        """What is to be read, as the job knows it.

        Raises:
            ConfigError: something is wrong.
        """
        try:
            stream = stream_named(self.stream)
        except ConfigError as error:
            raise ConfigError(f"the option stream: {error}") from None
        if not (self.clients if stream.of_arm else self.organizations):
            missing = "clients" if stream.of_arm else "organizations"
            raise ConfigError(f'the option {missing} is missing, whose {stream.name} are read: .option("{missing}", "id,id")')
        start = None if self.start is None else moment_of(self.start, "the option from")
        until = None if self.until is None else moment_of(self.until, "the option to")
        if start and until and start >= until:
            raise ConfigError("the option from must be before the option to")
        return Order.checked(
            organizations=() if stream.of_arm else self.organizations,
            clients=self.clients if stream.of_arm else (),
            streams=[stream.name],
            start=start,
            until=until,
            lag=self.lag,
            concurrency=Limits().connections,
            max_rows=self.maxrows,
            memory=1,
            parts=(),
            redact=self.redaction,
            filters={stream.name: dict(self.filters)},
        )

    def client(self, rate: float | None = None) -> AmiliClient:
        """Make a client, by what the environment of this process says, or the provider that is named.

        Args:
            rate: requests a second.

        Raises:
            ConfigError: there are no credentials, or they are wrong.
        """
        settings = ClientSettings(
            environment=self._environment(), credentials=_provided(self.credentials), limits=Limits(rate=rate)
        )
        return settings.client()

    def _environment(self) -> Environment | None:
        if self.environment is None:
            return None
        try:
            return Environment.from_env({**os.environ, "AMILI_ENVIRONMENT": self.environment})
        except ConfigError as error:
            raise ConfigError(f"the option environment: {error}") from None


def _redaction(names: tuple[str, ...]) -> Redaction | None:
    key = os.environ.get("AMILI_REDACT_KEY", "").encode()
    return Redaction(names, key=key or None) if names else None


def _provided(name: str | None) -> Credentials | None:
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        credentials: Credentials = getattr(import_module(module), function)()
    except AmiliError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it says may be a secret
        problem = f"the option credentials: {name} fails here with a {type(error).__name__}"
        raise ConfigError(problem) from None
    if not callable(getattr(credentials, "obtain", None)):
        raise ConfigError(f"the option credentials: {name} must return Credentials, not a {type(credentials).__name__}")
    return credentials


def _unknown(option: str) -> str:
    if _SECRET.search(option):
        return (
            f"the option {option} looks like a secret, which would be seen in plans: set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET "
            "in the environment of driver and executors, or name a provider with the option credentials"
        )
    return f"there is no option {option}, only {', '.join(_READERS)} and {FILTER}<name>"


def _text(option: str, text: str) -> str:  # noqa: ARG001
    return text


def _names(option: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not names:
        raise ConfigError(f"the option {option} must be a list of names with commas between them")
    return names


def _whole(option: str, text: str) -> int:
    number = int(text) if re.fullmatch(r"\d{1,15}", text, re.ASCII) else 0
    if not number:
        raise ConfigError(f"the option {option} must be a whole number of at least 1, not {text!r}")
    whole(number, f"the option {option}")
    return number


def _rate(option: str, text: str) -> float:
    if (rate := requests_a_second(text)) is None:
        raise ConfigError(f"the option {option} must be requests a second, such as 20, 20/s or 600/min, not {text!r}")
    return rate


def _span(option: str, text: str) -> timedelta:
    if (span := length_of_time(text)) is None:
        raise ConfigError(f"the option {option} must be a length of time, such as 90s, 5min, 12h, 30d or 2w, not {text!r}")
    return span


def _longer(option: str, text: str) -> timedelta:
    span = _span(option, text)
    if span < timedelta(minutes=1):
        raise ConfigError(f"the option {option} must be at least a minute, not {text!r}")
    return span


def _flag(option: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ConfigError(f"the option {option} must be true or false, not {text!r}")
    return text.lower() == "true"


def _provider(option: str, text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text, re.ASCII):
        raise ConfigError(f'the option {option} must name a function that returns Credentials, as "package.module:function"')
    return text


_READERS: dict[str, Callable[[str, str], Any]] = {
    "stream": _text,
    "organizations": _names,
    "clients": _names,
    "from": _text,
    "to": _text,
    "lag": _span,
    "maxrows": _whole,
    "maxpartitions": _whole,
    "rate": _rate,
    "concurrency": _whole,
    "environment": _text,
    "credentials": _provider,
    "redact": _names,
    "unverified": _text,
    "pushfilters": _flag,
    "created": _text,
    "maxrowsperbatch": _whole,
    "maxspanperbatch": _longer,
}
