"""Files inside JSON: contents as base64, from bytes or from a path, up to a limit."""

from __future__ import annotations

import os
import stat
from base64 import b64encode
from pathlib import Path

from amili_async.config import whole
from amili_async.errors import ConfigError

__all__ = ["LIMIT", "embed"]

LIMIT = 10 * 2**20
"""Bytes of a file that are taken unless told otherwise; what the APIs take is not documented."""


def embed(content: bytes | str | os.PathLike[str], *, limit: int = LIMIT) -> str:
    """Return the contents of a file as base64 text, to be put into a JSON body.

    A plain function: it reads the file at once, and the event loop waits for that. A file on a local disk takes milliseconds; for
    slow ones call it in a thread (`await anyio.to_thread.run_sync(embed, path)`).

    Args:
        content: the contents as bytes, or the path of a file. A text is always a path.
        limit: bytes that are allowed. No more is ever read, whatever the path leads to.

    Raises:
        ConfigError: there is no such file, it cannot be read, it is empty, or it is too large. The text shows neither path nor
            contents.
    """
    whole(limit, "limit")
    found = _read(content, limit) if isinstance(content, str | os.PathLike) else content
    if not isinstance(found, bytes | bytearray | memoryview):
        raise ConfigError(f"the file to embed must be bytes or a path, not a {type(content).__name__}")
    size = memoryview(found).nbytes
    if not size:
        raise ConfigError("the file to embed is empty")
    if size > limit:
        raise ConfigError(f"the file to embed is larger than {limit} bytes")
    return b64encode(found).decode()


def _read(path: str | os.PathLike[str], limit: int) -> bytes:
    """Read a regular file, one byte beyond the limit at most."""
    problem = "is no regular file"  # a pipe or a device may never end
    try:
        if stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                return file.read(limit + 1)
    except FileNotFoundError:
        problem = "does not exist"
    except (OSError, ValueError) as error:  # ValueError: of a path with a NUL
        problem = "cannot be read" + (f" ({error.strerror})" if isinstance(error, OSError) else "")
    raise ConfigError(f"the file to embed {problem}")
