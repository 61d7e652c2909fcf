"""What may go wrong, how often, and the decision for each request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from amili_async.errors import ConfigError
from amili_async.sandbox.ids import mix

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KINDS", "Fault", "Faults", "Hit", "Kind"]


class Param(NamedTuple):
    """A setting of a kind of fault: its default, and what it may be: one of `choices`, or of a type, a number within limits.

    A setting without a default need not be given.
    """

    default: Any
    type: type
    low: float = 0
    high: float = 10**9
    choices: tuple[Any, ...] = ()

    def takes(self, value: Any) -> bool:
        """Tell whether the setting may have a value."""
        if value is None or self.choices:
            return value in self.choices or value is self.default
        if self.type is str:
            return isinstance(value, str) and value != ""
        number = isinstance(value, (int, self.type)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def __str__(self) -> str:
        """Say what the setting may be."""
        if self.choices:
            return " or ".join(str(choice) for choice in self.choices)
        numbers = f"number from {self.low:g} to {self.high:g}"
        return "a text" if self.type is str else f"a whole {numbers}" if self.type is int else f"a {numbers}"


def _choice(*choices: Any) -> Param:
    return Param(choices[0], type(choices[0]), choices=choices)


_ORDINAL = Param(1, int, low=1)
_EVERY = {"every": _ORDINAL}


class Kind(NamedTuple):
    """A kind of fault: when it is decided on, what a request must have for it, and its settings."""

    stage: str
    """`before` the request is looked at, on the `page` of rows, or when the answer is to be sent (`send`)."""
    needs: frozenset[str]
    """Traits of the request or the page without which the fault would change nothing; it waits for one that has them."""
    params: dict[str, Param]


def _kind(stage: str, *needs: str, **params: Param) -> Kind:
    return Kind(stage, frozenset(needs), params)


KINDS: dict[str, Kind] = {
    # Before anything is looked at.
    "latency": _kind("before", seconds=Param(0.05, float), p95=Param(None, float)),
    "rate_limit": _kind("before", retry_after=Param(1, float), form=_choice("seconds", "date", "absent")),
    "status": _kind(
        "before",
        status=Param(503, int, low=400, high=599),
        body=_choice("json", "html", "text", "empty"),
        retry_after=Param(None, float),
    ),
    "unauthorized": _kind("before", "authenticated"),
    "token_down": _kind("before", "token call", form=_choice("status", "reset"), status=Param(503, int, low=400, high=599)),
    "expired_token": _kind("before", "page token"),
    "redirect": _kind("before", location=Param("/", str), status=_choice(302, 301, 303, 307, 308)),
    "wrong_content_type": _kind("before"),
    "reset_before": _kind("before", form=_choice("rst", "fin")),
    # On the rows of an answer, and on what is said about its page.
    "repeated_token": _kind("page", "page token", "next"),
    "empty_page": _kind("page", "list", "tokens", "rows"),
    "rows_shift": _kind("page", "list", "later", rows=Param(1, int, low=1)),
    "total_drift": _kind("page", "totals", by=Param(1, int, low=-(10**9))),
    "no_token_variants": _kind("page", "last", "tokens", form=_choice("empty", "missing", "null")),
    "foreign_next": _kind("page", "numbered", "next", origin=Param("https://arm.example.net", str)),
    "wrong_page": _kind("page", "numbered", "later"),
    "smaller_pages": _kind("page", "numbered", "start", size=Param(10, int, low=1)),
    "hole": _kind("page", "numbered", "start", "next", page=Param(2, int, low=2)),
    "other_key": _kind("page", "numbered", key=Param("rows", str)),
    "unknown_enum": _kind("page", "rows", value=Param("SANDBOX_UNKNOWN", str), **_EVERY),
    "nulls": _kind("page", "rows", form=_choice("leaves", "top"), **_EVERY),
    "empty_object_currency": _kind("page", "rows", **_EVERY),
    "string_case_number": _kind("page", "rows", **_EVERY),
    "extra_fields": _kind("page", "rows", **_EVERY),
    "bare_dates": _kind("page", "rows", form=_choice("date", "no_zone", "seven_digits"), **_EVERY),
    "malformed_row": _kind("page", "rows", index=Param(0, int), form=_choice("missing", "null", "number")),
    # On the way out: what was asked for has been done.
    "lost_answer": _kind(
        "send",
        "answered",
        form=_choice("rst", "fin"),
        status=Param(None, int, low=500, high=599),
        body=_choice("html", "json", "text", "empty"),
    ),
    "truncated_json": _kind("send", "answered", fraction=Param(0.5, float, high=1)),
    "gzip": _kind("send", "answered", "takes gzip"),
    "gzip_damage": _kind("send", "answered", "takes gzip", form=_choice("truncated", "checksum", "plain")),
    "gzip_bomb": _kind("send", "answered", "takes gzip", megabytes=Param(64, int, low=1, high=10_000)),
    "slow_body": _kind("send", "answered", seconds=Param(0.1, float), pieces=Param(4, int, low=1)),
    "reset_after_headers": _kind("send", "answered"),
    "reset_in_body": _kind("send", "answered", fraction=Param(0.5, float, high=1)),
}


@dataclass(frozen=True, init=False)
class Fault:
    """Something that goes wrong, and how often. `KINDS` lists the kinds with their parameters.

    With none of `rate`, `count` and `at` it goes wrong at every request that it fits. A request fits if it matches and has what
    the kind needs: `repeated_token` waits for a page that has a next one.

    Args:
        kind: name of the kind.
        rate: share of the fitting requests, 0 to 1, drawn from the seed and the ordinal of the request.
        count: at most so many of the fitting requests; the first ones, if there is no rate.
        at: a script: which of the fitting requests, counted from 1 since the fault was added; not with `rate` or `count`.
        match: name of an operation, or the beginning of one: `collection.cases.list`, `identity`.
        **params: parameters of the kind.

    Raises:
        ConfigError: an argument is wrong.

    Example:
        `Fault("rate_limit", rate=0.1, match="collection", retry_after=2, form="date")`
    """

    kind: str
    rate: float | None
    count: int | None
    at: tuple[int, ...] | None
    match: str | None
    params: dict[str, Any] = field(hash=False)

    def __init__(
        self,
        kind: str,
        *,
        rate: float | None = None,
        count: int | None = None,
        at: Iterable[int] | None = None,
        match: str | None = None,
        **params: Any,
    ) -> None:
        if kind not in KINDS:
            raise ConfigError(f"{kind!r} is no kind of fault; there are {', '.join(KINDS)}")
        known = KINDS[kind].params
        for name, value in params.items():
            if name not in known:
                raise ConfigError(f"fault {kind} has no parameter {name!r}; it has {', '.join(known) or 'none'}")
            if not known[name].takes(value):
                raise ConfigError(f"{name} of fault {kind} must be {known[name]}")
        if rate is not None and not Param(None, float, high=1).takes(rate):
            raise ConfigError("rate of a fault must be a number from 0 to 1")
        if count is not None and not _ORDINAL.takes(count):
            raise ConfigError("count of a fault must be a whole number from 1")
        script = None if at is None else tuple(at) if isinstance(at, Iterable) else (at,)
        if script is not None and (rate is not None or count is not None):
            raise ConfigError("at of a fault goes with neither rate nor count")
        if script is not None and not (script and all(_ORDINAL.takes(it) for it in script)):
            raise ConfigError("at of a fault must be whole numbers from 1")
        if match is not None and not isinstance(match, str):
            raise ConfigError("match of a fault must be a text")
        settings = {name: params.get(name, param.default) for name, param in known.items()}
        values = {"kind": kind, "rate": rate, "count": count, "at": script, "match": match, "params": settings}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, item: Any) -> Fault:
        """Make a fault of a JSON object: `{"kind": "status", "count": 1, "status": 502}`.

        Raises:
            ConfigError: it is no object, or an argument is wrong.
        """
        if not isinstance(item, dict) or not isinstance(item.get("kind"), str):
            raise ConfigError("a fault is an object with a kind")
        arguments = {str(name): value for name, value in item.items()}
        return cls(arguments.pop("kind"), **arguments)

    def fits(self, operation: str) -> bool:
        """Tell whether the name of an operation matches."""
        return self.match is None or operation == self.match or operation.startswith(self.match.rstrip(".") + ".")


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault that strikes a request, with a number from 0 to 1 that it may draw on."""

    fault: Fault
    draw: float

    @property
    def kind(self) -> str:
        """Name of the kind of fault."""
        return self.fault.kind

    def __getitem__(self, name: str) -> Any:
        return self.fault.params[name]


class Faults:
    """The faults in force. What strikes depends on the seed and on the requests alone, not on time.

    Args:
        seed: of the draws.
        faults: those in force from the start.
    """

    def __init__(self, seed: int, faults: Iterable[Fault] = ()) -> None:
        self._seed = mix(seed & (1 << 64) - 1)
        self._added = 0
        self._entries: list[_Entry] = []
        self.add(*faults)

    def __iter__(self) -> Iterator[Fault]:
        return (entry.fault for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, *faults: Fault) -> None:
        """Put faults in force, beside those that are."""
        for fault in faults:
            self._added += 1
            self._entries.append(_Entry(fault, KINDS[fault.kind], mix(self._seed + self._added)))

    def clear(self) -> None:
        """Let everything go right again."""
        self._entries.clear()

    @property
    def struck(self) -> dict[str, int]:
        """How many requests each kind in force has struck."""
        totals: dict[str, int] = {}
        for entry in self._entries:
            totals[entry.fault.kind] = totals.get(entry.fault.kind, 0) + entry.struck
        return totals

    def draw(self, stage: str, ordinal: int, operation: str, traits: set[str]) -> list[Hit]:
        """Decide which faults strike a request at a stage.

        Args:
            stage: `before`, `page` or `send`.
            ordinal: number of the request.
            operation: name of the operation asked for.
            traits: what the request has of that which faults need.
        """
        return [
            Hit(entry.fault, draw)
            for entry in self._entries
            if entry.kind.stage == stage
            and entry.kind.needs <= traits
            and entry.fault.fits(operation)
            and (draw := entry.decide(ordinal)) is not None
        ]


@dataclass(slots=True)
class _Entry:
    """A fault in force, with its counts."""

    fault: Fault
    kind: Kind
    key: int
    seen: int = 0
    struck: int = 0

    def decide(self, ordinal: int) -> float | None:
        """Return None if the fault does not strike, else a number from 0 to 1."""
        self.seen += 1
        fault = self.fault
        if fault.at is not None and self.seen not in fault.at:
            return None
        if fault.count is not None and self.struck >= fault.count:
            return None
        draw = mix(self.key ^ ordinal)
        if fault.rate is not None and (draw >> 32) / 2**32 >= fault.rate:
            return None
        self.struck += 1
        return (draw & 0xFFFF_FFFF) / 2**32
