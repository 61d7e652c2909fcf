"""The file of a database in the hands of one run: a lock, one thing at a time in a worker thread, and failures in plain words."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from anyio.to_thread import run_sync

from amili_async.errors import SinkError
from amili_async.sync.sinks.locks import LockFile, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from amili_async.sync.ledger import Entry
    from amili_async.sync.windows import Window

__all__ = ["DatabaseFile"]

T = TypeVar("T")


class DatabaseFile(ABC):
    """A file with a ledger in it that one run writes to. All methods but `run` block.

    Args:
        path: where it is; made if need be, readable by its owner only.
        target: how what it belongs to is called on the command line.
        lock: file that stands for the right to write; None: the one beside it whose name has `-lock` at the end.
    """

    def __init__(self, path: Path, target: str, lock: Path | None = None) -> None:
        self._path, self._target = path, target
        self._lock = LockFile(lock or path.with_name(f"{path.name}-lock"))
        self._file: os.stat_result | None = None
        self._one = Lock()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in a worker thread, and tell in one sentence what is wrong with the file."""
        try:
            return await run_sync(self._alone, function, args)
        except OSError as error:
            raise failed(self._target, error) from error
        except self._failures() as error:
            raise self._told(error) from None  # its text can have values in it

    def _alone(self, function: Callable[..., T], args: tuple[Any, ...]) -> T:
        """Call a function once no other is at work: that of a task which was cancelled still is."""
        with self._one:
            return function(*args)

    @abstractmethod
    def _failures(self) -> type[Exception]:
        """Return what the database raises."""

    @abstractmethod
    def _told(self, error: Exception) -> SinkError:
        """Say in one sentence what the database means."""

    def take(self) -> None:
        """Take the lock.

        Raises:
            SinkError: another run has it.
        """
        try:
            self._lock.take()
        except BlockingIOError:
            raise SinkError(f"{self._target} is being used by another run: wait for it, or stop it", busy=True) from None

    def _check_place(self) -> None:
        """Check that the file is still the one that was opened.

        Raises:
            SinkError: it has lost its name meanwhile.
        """
        try:
            there = self._file is not None and os.path.samestat(self._path.stat(), self._file)
        except FileNotFoundError:
            there = False
        if not there:
            raise SinkError(f"{self._target} was moved or deleted while it was being used: put it back, and run again")

    @abstractmethod
    def peek(self) -> list[Entry]:
        """Return the ledger without taking the lock; nothing if there is none."""

    @abstractmethod
    def put(self, entries: Sequence[Entry]) -> None:
        """Write entries into the ledger, all or none."""

    @abstractmethod
    def digests(self, window: Window) -> bytes:
        """Return the fingerprints of the keys of a window's rows."""

    def close(self) -> None:
        """Let go of the lock."""
        self._lock.release()
