"""What sinks with a single file have in common: the lock beside it, and what is said when the disk fails.

The lock is for one run at a time; the end of the process lets go of it, however it ends.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from amili_async.errors import SinkError
from amili_async.sync.files import lock

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LockFile", "failed", "full"]


class LockFile:
    """An empty file that is locked while a run uses what it stands for. All methods block.

    Args:
        path: where it shall be; made if need be, and gone after an orderly end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            BlockingIOError: another run has it.
            OSError: the file cannot be made.
        """
        while self._handle is None:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
            try:
                lock(handle)
                if self._is_at_place(handle):
                    self._handle = handle
            finally:
                if self._handle is None:
                    os.close(handle)

    def _is_at_place(self, handle: int) -> bool:
        """Tell whether the file is still that of the name: a run that has ended since has removed its own."""
        try:
            return os.path.samestat(os.fstat(handle), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go of it, and remove the file, while nobody else can have it."""
        if self._handle is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None


def full(target: str) -> SinkError:
    """Return the error that says that the disk is full."""
    return SinkError(f"no space is left for {target}: make room, and run again")


def failed(target: str, error: OSError) -> SinkError:
    """Return the error that says what the operating system has refused."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return full(target)
    usable = not isinstance(error, NotADirectoryError | FileExistsError | IsADirectoryError)
    return SinkError(
        f"{target} cannot be used ({error.strerror or type(error).__name__}): mend that, and run again", usable=usable
    )
