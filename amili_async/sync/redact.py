"""Taking personal data out of rows before anything of them is kept: dropped, or replaced by keyed hashes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from amili_async.answers import NOT_JSON
from amili_async.errors import ConfigError, DecodeError
from amili_async.structs import encode
from amili_async.sync.parts import ESCAPED_NAME
from amili_async.sync.tables import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Redaction"]

SHORTEST = 16
"""Bytes of a key: identity numbers are few enough to try all of them out with each shorter key."""

_members = msgspec.json.Decoder(dict[str, Raw])
_elements = msgspec.json.Decoder(list[Raw])
_text = msgspec.json.Decoder(str)


@dataclass(frozen=True, slots=True)
class Redaction:
    """Members of rows that are not kept, at whatever depth they stand.

    Args:
        fields: their names, on the wire or in snake_case; upper and lower case are the same.
        key: None replaces values by null. With a secret of 16 to 64 bytes a value becomes a keyed hash (BLAKE2b, 32 hex digits):
            the same value gives the same hash, so that rows can still be joined, and without the key nobody can try values out.

    Raises:
        ConfigError: there is no field, or the key is of another length.
    """

    fields: tuple[str, ...] = ("identificationNumber", "email", "phone")
    key: bytes | None = field(default=None, repr=False)
    _names: frozenset[str] = field(default=frozenset(), init=False, repr=False, compare=False)
    _pattern: re.Pattern[bytes] = field(default=re.compile(b""), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the settings."""
        if (
            isinstance(self.fields, str)
            or not self.fields
            or not all(isinstance(name, str) and re.fullmatch(r"\w+", folded(name), re.ASCII) for name in self.fields)
        ):
            raise ConfigError("the fields to redact must be names without dots, such as identificationNumber, email, phone")
        most = hashlib.blake2b.MAX_KEY_SIZE
        if self.key is not None and (not isinstance(self.key, bytes) or not SHORTEST <= len(self.key) <= most):
            raise ConfigError(f"the key of a redaction must have {SHORTEST} to {most} bytes: a shorter one can be guessed")
        object.__setattr__(self, "fields", tuple(sorted(set(self.fields))))
        object.__setattr__(self, "_names", frozenset(map(folded, self.fields)))
        object.__setattr__(self, "_pattern", _pattern(self._names))

    def __str__(self) -> str:
        """Say what is taken out; of the key only a fingerprint."""
        names = ", ".join(self.fields)
        return f"without {names}" if self.key is None else f"with hashes of {names}, key {self._hash(b'')[:8]}"

    def covers(self, name: str) -> bool:
        """Tell whether a member of that name is taken out."""
        return folded(name) in self._names

    def apply(self, row: bytes) -> bytes:
        """Return a row without what is to be taken out. All other values keep their bytes.

        Raises:
            DecodeError: the row cannot be looked through, so it must not be kept.
        """
        try:
            try:
                return self._redacted(row)
            except UnicodeDecodeError:
                return self._redacted(row.decode(errors="replace").encode())
        except NOT_JSON:
            raise DecodeError("a row cannot be looked through for what is to be redacted, so it was not kept") from None

    def _redacted(self, row: bytes) -> bytes:
        try:
            if row[:1] == b"{" and not (b"\\" in row and ESCAPED_NAME.search(row)):
                return self._pattern.sub(self._found, row)
        except _Nested:
            pass
        return self._cleaned(row)

    def _found(self, match: re.Match[bytes]) -> bytes:
        """Return what stands for a member that is taken out, behind what was passed over before it."""
        passed, name, value = match.groups()
        if name is None:
            return passed
        if value in {b"{", b"["}:
            raise _Nested
        return passed + name + self._replaced(value)

    def _cleaned(self, value: bytes) -> bytes:
        if value[:1] == b"{":
            kept = (
                (name, self._replaced(bytes(member)) if self.covers(name) else self._cleaned(bytes(member)))
                for name, member in _members.decode(value).items()
            )
            return b"{%b}" % b",".join(b"%b:%b" % (encode(name), member) for name, member in kept)
        if value[:1] == b"[":
            return b"[%b]" % b",".join(self._cleaned(bytes(element)) for element in _elements.decode(value))
        return value

    def _replaced(self, value: bytes) -> bytes:
        if self.key is None or value == b"null":
            return b"null"
        return b'"%b"' % self._hash(_text.decode(value).encode() if value[:1] == b'"' else value).encode()

    def _hash(self, value: bytes) -> str:
        return hashlib.blake2b(value, digest_size=16, key=self.key or b"").hexdigest()


class _Nested(Exception):  # no error: the value to be taken out has parts
    """The quick way does not see where a value ends."""


def _pattern(names: Iterable[str]) -> re.Pattern[bytes]:
    """Return what finds a member of these names and the begin of its value, passing over all texts that stand before it."""
    name = b"(?:%b)" % b"|".join(b"_*".join(re.escape(letter.encode()) for letter in name) for name in sorted(names))
    name = rb'"_*%b_*"\s*+:\s*+' % name
    text = rb'"(?:[^"\\]++|\\.)*+"'
    passed = rb'(?:[^"]++|(?!%b)%b)*+' % (name, text)
    return re.compile(rb"(%b)(?:(%b)(%b|[\[{]|[^\s,\]}]++)|\Z)" % (passed, name, text), re.IGNORECASE | re.DOTALL)
