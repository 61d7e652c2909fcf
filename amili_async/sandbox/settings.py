"""The settings of a sandbox, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from amili_async.config import is_loopback
from amili_async.errors import ConfigError

__all__ = ["LastToken", "LegacyShape", "Settings"]

LastToken = Literal["null", "missing", "empty"]
LegacyShape = Literal["newer", "older", "mixed"]

_LIMITS: dict[str, tuple[type, float, float]] = {
    "cases": (int, 0, 10**9),
    "customers": (int, 0, 10**9),
    "organizations": (int, 1, 1_000),
    "seed": (int, -(2**63), 2**64),
    "token_lifetime": (float, 1, 10**9),
    "clock_skew": (float, -(10**9), 10**9),
    "page_size_default": (int, 1, 10**6),
    "page_size_max": (int, 1, 10**6),
    "page_token_lifetime": (float, 0, 10**9),
    "query_lifetime": (float, 0, 10**9),
    "latency": (float, 0, 3_600),
    "page_cache": (int, 0, 2**40),
    "log_size": (int, 1, 10**8),
    "batch_seconds": (float, 0, 86_400),
    "items_max": (int, 1, 10**6),
    "writes_max": (int, 0, 10**8),
    "webhook_duplicates": (float, 0, 1),
    "webhook_retries": (int, 0, 100),
    "port": (int, 0, 65_535),
}
_SWITCHES = (
    "token_numbers_as_strings",
    "skip_only",
    "count_beyond_maximum",
    "include_upper",
    "exclude_lower",
    "legacy_inclusive",
    "honour_idempotency",
    "action_batches",
    "webhook_anywhere",
)
_TEXTS = ("page_param", "idempotency_header", "webhook_secret", "client_id", "client_secret", "host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a sandbox behaves; `Sandbox` says what each means.

    Raises:
        ConfigError: a value is wrong.
    """

    cases: int
    customers: int
    organizations: int
    seed: int
    token_lifetime: float
    clock_skew: float
    token_numbers_as_strings: bool
    page_size_default: int
    page_size_max: int
    page_token_lifetime: float
    query_lifetime: float
    page_param: str
    skip_only: bool
    count_beyond_maximum: bool
    last_token: LastToken
    include_upper: bool
    exclude_lower: bool
    legacy_shape: LegacyShape
    legacy_inclusive: bool
    latency: float
    page_cache: int
    log_size: int
    batch_seconds: float
    items_max: int
    writes_max: int
    idempotency_header: str
    honour_idempotency: bool
    action_batches: bool
    webhook_url: str | None
    webhook_secret: str
    webhook_duplicates: float
    webhook_retries: int
    webhook_anywhere: bool
    client_id: str
    client_secret: str
    host: str
    port: int

    def __post_init__(self) -> None:
        """Check the values."""
        for name, (kind, low, high) in _LIMITS.items():
            value: Any = getattr(self, name)
            if not isinstance(value, (int, kind)) or isinstance(value, bool) or not low <= cast("float", value) <= high:
                number = "a whole number" if kind is int else "a number"
                raise ConfigError(f"{name} of a sandbox must be {number} from {low:g} to {high:g}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} of a sandbox must be True or False")
        for name in _TEXTS:
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ConfigError(f"{name} of a sandbox must be a text and not empty")
        if self.last_token not in ("null", "missing", "empty"):
            raise ConfigError("last_token of a sandbox must be null, missing or empty")
        if self.legacy_shape not in ("newer", "older", "mixed"):
            raise ConfigError("legacy_shape of a sandbox must be newer, older or mixed")
        if self.page_size_default > self.page_size_max:
            raise ConfigError("page_size_default of a sandbox must not be above page_size_max")
        self.check_webhook(self.webhook_url)

    def check_webhook(self, url: str | None) -> None:
        """Check where webhooks are to be delivered to.

        Raises:
            ConfigError: it is no address, or one beyond this machine without leave to go there.
        """
        if url is None:
            return
        try:
            parts = urlsplit(url)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except (ValueError, TypeError, AttributeError):
            raise ConfigError("webhook_url of a sandbox must be the URL of a receiver") from None
        if not good:
            raise ConfigError("webhook_url of a sandbox must be the URL of a receiver")
        if not self.webhook_anywhere and not is_loopback(parts.hostname or ""):
            raise ConfigError(
                "the webhook_url of a sandbox must be on this machine (webhook_anywhere=True lifts that, in Python only)"
            )
