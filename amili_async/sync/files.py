"""Files that are either whole or named `.part`, and the folder they are in, which one run has for itself."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import TracebackType

__all__ = ["PartFile", "own_folder"]


class PartFile:
    """A file under the name `<name>.part` until `commit`, readable by its owner only.

    What a run before left under that name is discarded. Without a commit the part file stays where it is, unless it is empty.
    Use it as a context manager. All methods block.

    Args:
        path: where the complete file shall be.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.part")
        self.size = 0
        self._committed = False
        # Made anew, never opened: so the mode is ours, and a link that somebody put there is not followed.
        self.part.unlink(missing_ok=True)
        self._file = os.fdopen(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def __enter__(self) -> Self:
        """Return the file."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file; an empty one that was not committed goes."""
        with suppress(OSError):  # of a full disk: told already, by the write that failed
            self._file.close()
        if not self._committed and not self.size:
            self.part.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append."""
        self._file.write(chunk)
        self.size += len(chunk)

    def commit(self) -> None:
        """Bring all to the disk, then give the file its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.part.replace(self.path)
        self._committed = True
        _sync_folder(self.path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a new name to the disk, where folders can be synced."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def own_folder(folder: Path) -> Generator[None]:
    """Make the folder if need be, and keep other runs out of it meanwhile.

    Raises:
        OSError: it cannot be made.
        BlockingIOError: another run is using it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":  # pragma: no cover  # no such locks: two runs at once are the user's to avoid
        yield
    else:
        import fcntl  # noqa: PLC0415  # not on Windows

        handle = os.open(folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # pragma: no cover  # some network file systems have no locks
                pass
            yield
        finally:
            os.close(handle)  # which also unlocks it, as the end of the process would
