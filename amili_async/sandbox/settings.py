"""The settings of a sandbox, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from amili_async.errors import ConfigError

__all__ = ["LastToken", "Settings"]

LastToken = Literal["null", "missing", "empty"]

_LIMITS: dict[str, tuple[type, float, float]] = {
    "cases": (int, 0, 10**9),
    "organizations": (int, 1, 1_000),
    "seed": (int, -(2**63), 2**64),
    "token_lifetime": (float, 1, 10**9),
    "clock_skew": (float, -(10**9), 10**9),
    "page_size_default": (int, 1, 10**6),
    "page_size_max": (int, 1, 10**6),
    "page_token_lifetime": (float, 0, 10**9),
    "latency": (float, 0, 3_600),
    "page_cache": (int, 0, 2**40),
    "log_size": (int, 1, 10**8),
    "port": (int, 0, 65_535),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a sandbox behaves; `Sandbox` says what each means.

    Raises:
        ConfigError: a value is wrong.
    """

    cases: int
    organizations: int
    seed: int
    token_lifetime: float
    clock_skew: float
    token_numbers_as_strings: bool
    page_size_default: int
    page_size_max: int
    page_token_lifetime: float
    page_param: str
    skip_only: bool
    last_token: LastToken
    include_upper: bool
    latency: float
    page_cache: int
    log_size: int
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
        for name in ("token_numbers_as_strings", "skip_only", "include_upper"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{name} of a sandbox must be True or False")
        for name in ("page_param", "client_id", "client_secret", "host"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ConfigError(f"{name} of a sandbox must be a text and not empty")
        if self.last_token not in ("null", "missing", "empty"):
            raise ConfigError("last_token of a sandbox must be null, missing or empty")
        if self.page_size_default > self.page_size_max:
            raise ConfigError("page_size_default of a sandbox must not be above page_size_max")
