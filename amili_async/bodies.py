"""Bodies of requests that are known in part: Structs that are checked before they go out, and carry what they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from amili_async.errors import ConfigError
from amili_async.structs import OpenModel, spread, without_values

__all__ = ["Amount", "Day", "Part", "Text", "accepted", "written"]

Text = str | UnsetType | None
"""Type of a member that is a text."""
Amount = Decimal | int | UnsetType | None
"""Type of a member that is an amount or a rate."""
if TYPE_CHECKING:  # a text is taken for it too, and checked; msgspec knows no such union
    Day = date | str | UnsetType | None
else:
    Day = date | UnsetType | None


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the objects that a body is made of.

    A field that is `UNSET` is not sent; None is sent as null. Amounts are `Decimal` or int and keep the digits that they were
    written with; a float is refused, because it does not. Members that the contract does not know, or that have to be written in
    another way than the field allows, go into `extra` under their wire names, and out as they are.

    These Structs are for sending. `msgspec.convert` makes one of a mapping with wire names, and refuses members that are not
    known, so that none is lost; where there are such, send the mapping itself.
    """

    __amounts_as_text__: ClassVar[bool] = False
    """Whether amounts are written as text, `"788.20"`, instead of as JSON numbers."""

    extra: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        """Name the type; what it holds may be personal data."""
        return f"{type(self).__name__}(...)"

    def body(self) -> dict[str, Any]:
        """Return the members as they go out.

        Raises:
            ConfigError: a value is not of its kind; the text says where, and does not show it.
        """
        return _members(self, type(self).__name__)

    def check(self, known: Mapping[str, Any]) -> None:
        """Check the members that have a field, by wire name.

        Raises:
            msgspec.ValidationError: one is not of its kind.
        """
        msgspec.convert(known, type(self), builtin_types=(Decimal,))  # a text is no Decimal, nor is a float


P = TypeVar("P", bound=Part)


def accepted(given: object, kind: type[P] | None = None) -> P | Mapping[str, Any]:
    """Return what is handed in, if it is what can be: a Struct, where there is one for it, or a mapping with wire names.

    Raises:
        ConfigError: it is neither.
    """
    if kind is not None and isinstance(given, kind):
        return given
    if isinstance(given, Mapping):
        return cast("Mapping[str, Any]", given)
    wanted = f"{kind.__name__} or a mapping" if kind else "a mapping"
    raise ConfigError(f"what is handed in must be {wanted}, not {type(given).__name__}")


def written(value: Any) -> Any:
    """Return a body with every `Part` in it as it goes out; all else stays as it is.

    Raises:
        ConfigError: a value of a `Part` is not of its kind, a float is no number, or the body is nested too deeply.
    """
    try:
        return _written(value, "body", exact=False)
    except RecursionError:
        pass
    raise ConfigError("the body cannot be sent: it is nested too deeply, or holds itself")


def _members(part: Part, at: str) -> dict[str, Any]:
    fields = [item for item in msgspec.structs.fields(part) if item.name != "extra"]
    known = {item.encode_name: value for item in fields if (value := getattr(part, item.name)) is not UNSET}
    try:
        part.check(known)
    except msgspec.ValidationError as error:
        problem = ConfigError(f"{at} cannot be sent: {without_values(error)}")
        raise problem from None
    if not isinstance(part.extra, Mapping):
        raise ConfigError(f"{at} cannot be sent: `extra` must be a mapping")
    if twice := known.keys() & part.extra.keys():
        raise ConfigError(f"{at} cannot be sent: `extra` has {', '.join(sorted(twice))}, which is a field of its own")
    members = {name: _written(value, f"{at}.{name}", exact=True) for name, value in {**known, **part.extra}.items()}
    if part.__amounts_as_text__:
        amounts = {name: value for name, value in members.items() if name in known and isinstance(value, Decimal | int)}
        members |= {name: format(Decimal(value), "f") for name, value in amounts.items()}
    return members


def _written(value: Any, at: str, *, exact: bool) -> Any:
    """Write a value of a body; `exact`: refuse what is not the digits that somebody wrote."""
    if isinstance(value, Part):
        return _members(value, type(value).__name__ if at == "body" else at)
    if isinstance(value, OpenModel):
        value = spread(value)
    if isinstance(value, Mapping):
        return {name: _written(item, f"{at}.{name}", exact=exact) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, f"{at}[{index}]", exact=exact) for index, item in enumerate(value)]
    if exact and isinstance(value, float):
        raise ConfigError(f"{at} cannot be sent: a float's digits are not those that were written; use a Decimal")
    if (isinstance(value, Decimal) and not value.is_finite()) or (isinstance(value, float) and not isfinite(value)):
        raise ConfigError(f"{at} cannot be sent: it is not a finite number")
    return value
