"""The key of a row: as it came, or made up where a row has none that a target could hold."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LONGEST", "MADE_UP", "are_usable", "key_of", "usable_key"]

MADE_UP = "_row-"
"""How a made-up key begins; the rest is a fingerprint of the row's bytes."""
LONGEST = 512
"""Bytes of a usable key: an index of PostgreSQL takes no text of any length."""

_PLAIN = re.compile(rb'"([^"\\\x80-\xff]{1,%d})"|(-?\d[\d.eE+-]{0,40})' % LONGEST)
_text = msgspec.json.Decoder(str)


def usable_key(member: bytes) -> bytes | None:
    """Return the key that a member's JSON stands for, as UTF-8; a number by its digits. None if it can be none.

    Not usable are other types, the empty text, texts with NUL, and long ones.
    """
    plain = _PLAIN.fullmatch(member)
    if plain:
        return plain[1] or plain[2]
    try:
        key = _text.decode(member).encode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return key if 0 < len(key) <= LONGEST and b"\0" not in key else None


def are_usable(keys: Sequence[str]) -> bool:
    """Tell whether texts that were members can be keys as they are."""
    text = "".join(keys)
    if "\0" in text or not all(keys):
        return False
    lengths = map(len, keys) if text.isascii() else (len(key.encode()) for key in keys)
    return max(lengths, default=0) <= LONGEST


def key_of(member: bytes, row: bytes) -> str:
    """Return the key of a row.

    Args:
        member: JSON of the member that is the key; `null` if there is none.
        row: JSON of the row, as it came.
    """
    key = usable_key(member)
    return MADE_UP + hashlib.blake2b(row, digest_size=16).hexdigest() if key is None else key.decode()
