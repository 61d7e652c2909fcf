"""Ids that are decoded instead of looked up: each UUID holds what it names, so that no table of ids is kept."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

__all__ = ["Ids", "Kind", "Named", "mix"]

MASK = (1 << 64) - 1
_UUID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-a([0-9a-f]{3})-([0-9a-f]{12})", re.ASCII)


def mix(value: int) -> int:
    """Scatter a 64-bit number over all 64-bit numbers (the finaliser of splitmix64)."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


class Kind(IntEnum):
    """What an id names."""

    ORGANIZATION = 1
    CREDITOR = 2
    USER = 3
    CASE = 4
    INVOICE = 5
    DEBTOR = 6
    BATCH = 7
    SETTLEMENT = 8
    IDEMPOTENCY_KEY = 9
    RESOURCE = 10
    EVENT = 11
    DELIVERY = 12
    DOCUMENT = 13
    REPORT = 14
    ARM_QUERY = 32
    ARM_BATCH = 33
    ARM_DOCUMENT = 34
    ARM_FILE = 35
    TRANSACTION = 48
    AGREEMENT = 49


class Named(NamedTuple):
    """What an id was made of."""

    kind: int
    organization: int
    number: int


class Ids:
    """Makes ids from what they name, and reads them back. Another seed gives other ids and cannot read these.

    An id is a UUID of version 4 by its looks. Its first 64 free bits are the scattered content, the other 56 a check value,
    so that an id that was not made here is known as such.
    """

    def __init__(self, seed: int) -> None:
        self._key = mix(seed & MASK)
        self._check = mix(self._key ^ MASK) | 1
        self._factor = mix(self._check) | 1
        self._back = pow(self._factor, -1, 1 << 64)

    def make(self, kind: int, organization: int, number: int) -> str:
        """Return the id of a thing of a kind, by its number in an organization."""
        value = (kind << 56 | organization << 44 | number) ^ self._key
        value = (value ^ (value >> 32)) * self._factor & MASK
        value ^= value >> 32
        text = f"{value << 56 | (value * self._check & MASK) >> 8:030x}"
        return f"{text[:8]}-{text[8:12]}-4{text[12:15]}-a{text[15:18]}-{text[18:]}"

    def read(self, text: str) -> Named | None:
        """Return what an id names, None if it was not made here."""
        found = _UUID.fullmatch(text.lower())
        if found is None:
            return None
        digits = "".join(found.groups())
        value = int(digits[:16], 16)
        if int(digits[16:], 16) != (value * self._check & MASK) >> 8:
            return None
        value = (value ^ (value >> 32)) * self._back & MASK
        content = value ^ (value >> 32) ^ self._key
        return Named(content >> 56, content >> 44 & 0xFFF, content & (1 << 44) - 1)
