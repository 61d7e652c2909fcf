"""Virtual environments of peers that are not to share one with the package; made when asked for, and kept."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PEERS", "Missing", "interpreter"]

PEERS = {
    "dlt": ("dlt[parquet,duckdb]",),
    "singer": ("singer-sdk[msgspec]",),
    "source": ("dlt[parquet,duckdb]", "-e", f"{Path(__file__).parent.parent}[arrow]"),
}
"""What each environment gets; `source` is our own source for dlt."""


class Missing(Exception):
    """The environment of a peer has not been made."""


def interpreter(peer: str, *, install: bool, tell: Callable[[str], None]) -> Path:
    """Return the interpreter of a peer's environment.

    Args:
        peer: its name in `PEERS`.
        install: make the environment if it is not there.
        tell: is told what is being done.

    Raises:
        Missing: it is not there, and is not to be made.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "amili-benchmarks" / peer
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready, packages = folder / "ready", PEERS[peer]
    if ready.exists() and ready.read_text(encoding="utf-8") == " ".join(packages):
        return python
    if not install:
        raise Missing(
            f"{peer} has no virtual environment yet: `python -m benchmarks --sync --install-peers` makes one in {folder} from "
            f"PyPI ({', '.join(packages)}). S4 and S5 need no peers: `python -m benchmarks S4 S5`."
        )
    tell(f"making the virtual environment of {peer}")
    venv.create(folder, with_pip=True, clear=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)  # noqa: S603  # our own
    ready.write_text(" ".join(packages), encoding="utf-8")
    return python
