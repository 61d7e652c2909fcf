"""Files that are either whole or named `.part`; folders and locks."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["PARTIAL", "PartFile", "lock", "make_folder", "sync_folder"]

PARTIAL = ".part"
"""How the name of a file ends that is not complete."""


class PartFile:
    """A file under the name `<name>.part` until `commit`, readable by its owner only.

    What a run before left under that name is discarded. Without a commit the part file stays where it is, unless it is empty.
    Use it as a context manager. All methods block.

    Args:
        path: where the complete file shall be.

    Attributes:
        file: the open file, for writers of their own; `size` does not count what they write.
        size: bytes written.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        if not path.name or path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        self.path = path
        self.part = path.with_name(f"{path.name}{PARTIAL}")
        self.size = 0
        self._committed = False
        if path.exists() and not path.is_file():
            raise OSError(errno.EEXIST, "it is there already, and is no plain file")
        # A link that somebody put there is not followed, and a part that somebody is writing is left alone.
        if self.part.is_symlink():
            self.part.unlink()
        handle = os.open(self.part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        self.file = os.fdopen(handle, "wb")
        try:
            lock(handle)
            self.part.chmod(0o600)
            os.ftruncate(handle, 0)
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file; an empty one that was not committed goes."""
        with suppress(OSError):  # of a full disk: told already, by the write that failed
            self.file.close()
        if not self._committed and not self.size:
            self.part.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append."""
        self.file.write(chunk)
        self.size += len(chunk)

    def sync(self) -> int:
        """Bring all to the disk, and return how much it is."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return os.fstat(self.file.fileno()).st_size

    def discard(self) -> None:
        """Remove what was written."""
        with suppress(OSError):
            self.file.close()
        if not self._committed:
            self.part.unlink(missing_ok=True)

    def commit(self) -> None:
        """Bring all to the disk, then give the file its name."""
        self.sync()
        if not os.path.samestat(os.fstat(self.file.fileno()), self.part.stat()):
            raise OSError(errno.ESTALE, f"somebody has replaced {self.part.name}")
        self.file.close()
        self.part.replace(self.path)
        self._committed = True
        sync_folder(self.path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, where folders can be synced."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, for their owner only, and bring their names to the disk.

    Raises:
        OSError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    sync_folder(folder.parent)


def lock(handle: int) -> None:
    """Lock an open file or folder against other runs; unlocked when it is closed.

    Raises:
        BlockingIOError: another run has it.
    """
    if sys.platform == "win32":  # pragma: no cover  # no such locks: two runs at once are the user's to avoid
        return
    import fcntl  # noqa: PLC0415  # not on Windows

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # pragma: no cover  # some network file systems have no locks
        pass
