"""Keys of rows by their fingerprints: which have been seen, and which two windows have in common. Memory stays flat."""

from __future__ import annotations

import sqlite3
from errno import ENOSPC
from typing import TYPE_CHECKING

from amili_async.sync.ledger import DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["IN_MEMORY", "KeySet", "among", "marks", "share"]

IN_MEMORY = 250_000
"""Fingerprints that are held in memory; what is beyond goes into a database file without a name."""


class KeySet:
    """Fingerprints that have been seen. All methods block; one thread at a time.

    Args:
        most: how many are held in memory.
    """

    def __init__(self, most: int = IN_MEMORY) -> None:
        self._most = most
        self._seen: set[bytes] = set()
        self._more: sqlite3.Connection | None = None
        self._count = 0

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def add(self, mark: bytes) -> bool:
        """Take note of one, and tell whether it is new.

        Raises:
            OSError: there is no room.
        """
        if mark in self._seen:
            return False
        if len(self._seen) < self._most:
            self._seen.add(mark)
        elif not self._store(mark):
            return False
        self._count += 1
        return True

    def _store(self, mark: bytes) -> bool:
        try:
            return self._stored(mark)
        except sqlite3.Error:
            raise OSError(
                ENOSPC, "no space is left for the fingerprints of keys, where the system keeps temporary files"
            ) from None

    def _stored(self, mark: bytes) -> bool:
        if self._more is None:
            # Nothing of it outlives the process: SQLite has no name for it, and writes it without caring for crashes.
            self._more = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._more.execute("PRAGMA journal_mode = OFF")
            self._more.execute("PRAGMA synchronous = OFF")
            self._more.execute("CREATE TABLE seen (mark BLOB PRIMARY KEY) WITHOUT ROWID")
        return self._more.execute("INSERT OR IGNORE INTO seen VALUES (?)", (mark,)).rowcount == 1

    def close(self) -> None:
        """Let go of them."""
        self._seen.clear()
        if self._more is not None:
            self._more.close()
            self._more = None


def marks(digests: bytes | bytearray) -> Iterator[bytes]:
    """Yield fingerprints that stand one after the other."""
    view = bytes(digests)
    return (view[at : at + DIGEST] for at in range(0, len(view), DIGEST))


def share(own: bytes | bytearray, other: bytes, flags: bytearray) -> int:
    """Raise the flag of each own fingerprint that is among the others, and count those.

    Args:
        own: fingerprints, one after the other.
        other: likewise.
        flags: one byte for each of the own ones; those that are 1 already stay so.
    """
    count = 0
    rounds = len(other) // DIGEST // IN_MEMORY + 1  # a part of them at a time, told apart by their last byte
    for part in range(rounds):
        theirs = {mark for mark in marks(other) if mark[-1] % rounds == part}
        for place, mark in enumerate(marks(own)):
            if mark in theirs:
                flags[place] = 1
                count += 1
    return count


def among(mark: bytes, digests: bytes | bytearray) -> bool:
    """Tell whether a fingerprint is among those that stand one after the other."""
    at = digests.find(mark)
    while at >= 0 and at % DIGEST:
        at = digests.find(mark, at + 1)
    return at >= 0
