"""Settings: base URLs, time limits, traffic limits, and the options of a single call.

All are frozen and validated when they are made, so that a wrong setting fails where it is written, not in the middle of a run.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import force_setattr

from amili_async.errors import ConfigError
from amili_async.records import Record

__all__ = ["APIS", "Environment", "Limits", "RequestOptions", "RetryPolicy", "Timeouts"]

APIS = ("identity", "collection", "arm", "autocollect", "distribution", "partner")
"""The products, each with a base URL of its own."""


class _Named(Record, frozen=True):
    """What has a name: the only field of an environment that is given by its place."""

    name: str


class Environment(_Named, frozen=True, kw_only=True):
    """Where the APIs are, and what has to be assumed of them.

    The hosts of production and staging are those of the documentation; the collection and arm hosts of production are inferred
    from those of staging. No base URL is public for autocollect, distribution and partner: give the one you got from Amili.

    Args:
        name: name for people and logs.
        identity: base URL of the identity host, without `/token`.
        collection: base URL of the Collection API.
        arm: base URL of ARM.
        autocollect: base URL of the AutoCollect legacy API.
        distribution: base URL of the Distribution API.
        partner: base URL of the Partner API.
        allow_http: allow plain http to hosts that are not this machine.
        page_param: query name used to ask for a page by its number where none is documented.
        idempotency_header: header that carries an idempotency key; how the API takes one is not documented.

    Raises:
        ConfigError: a URL is malformed, or plain http to another machine.
    """

    identity: str | None = None
    collection: str | None = None
    arm: str | None = None
    autocollect: str | None = None
    distribution: str | None = None
    partner: str | None = None
    allow_http: bool = False
    page_param: str = "Page"
    idempotency_header: str = "IdempotencyKey"

    PRODUCTION: ClassVar[Environment]
    STAGING: ClassVar[Environment]

    def __post_init__(self) -> None:
        """Check and normalise the URLs."""
        for api in APIS:
            url = getattr(self, api)
            if url is not None:
                force_setattr(self, api, _base_url(url, f"the {api} URL", allow_http=self.allow_http))
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", self.idempotency_header):
            message = "idempotency_header is not the name of an HTTP header"
            raise ConfigError(message)
        if not self.page_param:
            message = "page_param must not be empty"
            raise ConfigError(message)

    @classmethod
    def local(cls, base_url: str) -> Environment:
        """Return the environment of a sandbox at `base_url`, such as `http://127.0.0.1:8080`."""
        base = _base_url(base_url, "the base URL", allow_http=False)
        versioned = {"collection": "/v1", "arm": "/v1"}
        urls: dict[str, Any] = {api: f"{base}/{api}{versioned.get(api, '')}" for api in APIS}
        return cls("local", **urls)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Environment:
        """Read `AMILI_ENVIRONMENT` (production, staging, or the URL of a sandbox) and `AMILI_<API>_URL`.

        Without `AMILI_ENVIRONMENT` it is production. Each `AMILI_<API>_URL` replaces one base URL.
        """
        environ = os.environ if environ is None else environ
        name = environ.get("AMILI_ENVIRONMENT", "").strip()
        known = {"": cls.PRODUCTION, "production": cls.PRODUCTION, "staging": cls.STAGING}
        if "://" in name:
            environment = cls.local(_base_url(name, "AMILI_ENVIRONMENT", allow_http=False))
        elif name.lower() in known:
            environment = known[name.lower()]
        else:
            message = "AMILI_ENVIRONMENT must be production, staging or the http(s) URL of a sandbox"
            raise ConfigError(message)
        urls: dict[str, Any] = {api: url for api in APIS if (url := environ.get(f"AMILI_{api.upper()}_URL", "").strip())}
        for api, url in urls.items():
            _base_url(url, f"AMILI_{api.upper()}_URL", allow_http=False)
        return msgspec.structs.replace(environment, **urls) if urls else environment

    def url(self, api: str) -> str:
        """Return the base URL of an API.

        Raises:
            ConfigError: it is not set; the text names the setting.
        """
        if api not in APIS:
            message = f"there is no API {api!r}: the name of an operation begins with one of {', '.join(APIS)}"
            raise ConfigError(message)
        url: str | None = getattr(self, api)
        if url is None:
            message = (
                f"the base URL of {api} is not known in environment {self.name!r}: "
                f"set AMILI_{api.upper()}_URL or Environment({api}=...)"
            )
            raise ConfigError(message)
        return url

    @property
    def origins(self) -> frozenset[str]:
        """Origins that a token may go to."""
        return frozenset(origin(url) for api in APIS if (url := getattr(self, api)))


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, in lower case, with the default port left out."""
    return _origin_of("/".join(url.split("/", 3)[:3]))  # without the path, which differs from call to call


@lru_cache(maxsize=256)
def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port
    default = {"http": 80, "https": 443}.get(parts.scheme.lower())
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme.lower()}://{host}" + (f":{port}" if port and port != default else "")


_HOST = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


def _base_url(url: str, what: str, *, allow_http: bool) -> str:
    # What is wrong is said without the URL: it may carry a password.
    if not isinstance(url, str):
        message = f"{what} must be a text"
        raise ConfigError(message)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _HOST.fullmatch(parts.hostname):
        message = f"{what} must be an absolute http(s) URL"
        raise ConfigError(message)
    if parts.username or parts.password or parts.query or parts.fragment:
        message = f"{what} must have no user, password, query or fragment"
        raise ConfigError(message)
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        remedy = "write https" if what.startswith("AMILI_") else "Environment(allow_http=True) lets them"
        message = f"{what} is plain http to another machine: tokens would travel in the clear ({remedy})"
        raise ConfigError(message)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


Environment.PRODUCTION = Environment(
    "production",
    identity="https://auth.amili.no",
    collection="https://api.amili.no/collection/v1",
    arm="https://api.amili.no/arm/v1",
)
Environment.STAGING = Environment(
    "staging",
    identity="https://auth.staging.amili.no",
    collection="https://api.staging.amili.no/collection/v1",
    arm="https://api.staging.amili.no/arm/v1",
)


class Timeouts(Record, frozen=True, kw_only=True):
    """Time limits, in seconds.

    Args:
        total: for a call as a whole, its retries and waits included.
        connect: for getting a connection, TLS included.
        read: longest silence while an answer is awaited or read.
    """

    total: float = 120.0
    connect: float = 10.0
    read: float = 60.0

    def __post_init__(self) -> None:
        """Check the values."""
        for name in self.__struct_fields__:
            positive(getattr(self, name), f"Timeouts({name}=)")


class Limits(Record, frozen=True, kw_only=True):
    """Limits of the traffic.

    Args:
        connections: requests in flight at the same time.
        rate: requests a second, None for no limit of our own.
        response_bytes: largest answer taken, in bytes, after unpacking.
        page_size: items asked for per page, where the API takes a page size.
        redirects: redirects followed for one request.
    """

    connections: int = 16
    rate: float | None = None
    response_bytes: int = 64 * 1024 * 1024
    page_size: int = 500
    redirects: int = 5

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("connections", "response_bytes", "page_size"):
            whole(getattr(self, name), f"Limits({name}=)")
        whole(self.redirects, "Limits(redirects=)", least=0)
        if self.rate is not None:
            positive(self.rate, "Limits(rate=)")


class RetryPolicy(Record, frozen=True, kw_only=True):
    """How often and how patiently to try again.

    Args:
        attempts: tries in all, the first included; 1 means never again.
        backoff: seconds from which the wait before the first repeat is drawn (full jitter: uniform between 0 and it).
        backoff_max: ceiling of that interval, which doubles with every repeat.
        retry_after_max: longest `Retry-After` that is slept, in seconds; a longer one is raised at once.
    """

    attempts: int = 4
    backoff: float = 0.5
    backoff_max: float = 8.0
    retry_after_max: float = 60.0

    def __post_init__(self) -> None:
        """Check the values."""
        whole(self.attempts, "RetryPolicy(attempts=)")
        for name in ("backoff", "backoff_max", "retry_after_max"):
            positive(getattr(self, name), f"RetryPolicy({name}=)")


_OWN_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "host", "content-length", "accept-encoding"})


class RequestOptions(Record, frozen=True, kw_only=True):
    """Options of a single call.

    Args:
        timeout: total time of the call in seconds, instead of `Timeouts.total`.
        headers: headers to add. Those that the session itself answers for (Authorization, Cookie ...) are refused.
        query: query parameters to add, names as on the wire.
        idempotency_key: key by which the server can recognise a repeat; with one, a write may be repeated by the client, but for
            operations with `retry_with_key` False (all sends of Distribution).
        retry: retry policy of this call.
    """

    __hidden__: ClassVar[frozenset[str]] = frozenset({"headers", "query", "idempotency_key"})

    timeout: float | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    query: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    idempotency_key: str | None = None
    retry: RetryPolicy | None = None

    def __post_init__(self) -> None:
        """Check the values and take copies."""
        if self.timeout is not None:
            positive(self.timeout, "RequestOptions(timeout=)")
        for given in ("headers", "query"):
            _texts(getattr(self, given), f"RequestOptions({given}=)")
        for name, value in self.headers.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
                message = f"RequestOptions(headers=): {name!r} is not a header that can be sent"
                raise ConfigError(message)
            if name.lower() in _OWN_HEADERS:
                message = f"RequestOptions(headers=): {name} is set by the session; use credentials or settings instead"
                raise ConfigError(message)
        if self.idempotency_key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", self.idempotency_key):
            message = "RequestOptions(idempotency_key=) must be 1 to 255 printable ASCII characters without blanks"
            raise ConfigError(message)
        force_setattr(self, "headers", dict(self.headers))
        force_setattr(self, "query", dict(self.query))

    def __hash__(self) -> int:
        """Hash by what can be hashed."""
        return hash((self.timeout, self.idempotency_key, self.retry))

    def __repr__(self) -> str:
        """Show names of headers and parameters, not their values: those may be secrets or personal data."""
        return (
            f"RequestOptions(timeout={self.timeout}, headers={sorted(self.headers)}, query={sorted(self.query)}, "
            f"idempotency_key={'set' if self.idempotency_key else None}, retry={self.retry})"
        )

    def over(self, base: RequestOptions) -> RequestOptions:
        """Return these options with those of `base` where these are silent."""
        return RequestOptions(
            timeout=base.timeout if self.timeout is None else self.timeout,
            headers=merge_headers(base.headers, self.headers),
            query={**base.query, **self.query},
            idempotency_key=base.idempotency_key if self.idempotency_key is None else self.idempotency_key,
            retry=base.retry if self.retry is None else self.retry,
        )


def _texts(given: Mapping[str, str], name: str) -> None:
    """Raise `ConfigError` unless names and values are texts. What a value is stays unsaid: it may be a secret."""
    if not isinstance(given, Mapping):
        message = f"{name} must be a mapping of names to texts"
        raise ConfigError(message)
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str):
            message = f"{name}: the value of {key} must be a text" if isinstance(key, str) else f"{name}: names must be texts"
            raise ConfigError(message)


def merge_headers(base: Mapping[str, str], over: Mapping[str, str]) -> dict[str, str]:
    """Put headers over others; names are the same in any case."""
    names = {name.lower() for name in over}
    return {**{name: value for name, value in base.items() if name.lower() not in names}, **over}


def positive(value: float, name: str) -> None:
    """Raise `ConfigError` unless the value is a finite number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        message = f"{name} must be a number above 0, not {value!r}"
        raise ConfigError(message)


def whole(value: int, name: str, least: int = 1) -> None:
    """Raise `ConfigError` unless the value is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        message = f"{name} must be a whole number of at least {least}, not {value!r}"
        raise ConfigError(message)
