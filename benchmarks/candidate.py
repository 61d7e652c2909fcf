"""One candidate in a process of its own: warm up, run, and print what it took.

`python -m benchmarks.candidate NAME TARGET` is started by the harness; TARGET is the JSON of a `Target`.
"""

from __future__ import annotations

import asyncio
import inspect
import resource
import socket
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANDIDATES", "Target", "Watch", "candidate", "main"]

CANDIDATES: dict[str, Callable[..., Any]] = {}
MODULES = ("imports", "limits", "ours", "peers")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a list is, and how it behaves.

    Attributes:
        port: of the server, on loopback; 0 without a server.
        pages: pages of the list.
        size: rows of a page.
        latency: milliseconds that each answer waits.
        gzip: whether the server compresses, if it is asked to.
        work: milliseconds that the consumer waits on each page.
    """

    port: int
    pages: int = 60
    size: int = 500
    latency: int = 0
    gzip: bool = False
    work: int = 0

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def path(self) -> str:
        """Return the first segment of the paths."""
        return f"/p{self.pages}-s{self.size}-l{self.latency}-z{int(self.gzip)}"

    @property
    def base(self) -> str:
        """Return the base URL."""
        return self.origin + self.path


class Watch:
    """Times the part of a candidate that counts and what the server works meanwhile, and takes what else there is to tell."""

    def __init__(self, port: int, *, together: bool = False) -> None:
        self._port = port
        self._together = together
        self.wall = self.cpu = 0.0
        self.facts: dict[str, float] = {}
        self._server: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Begin."""
        if self._together:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.readline()
        self._server = self._ask()
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        after = self._ask()
        self.facts |= {name: after[name] - before for name, before in self._server.items()}

    def _ask(self) -> dict[str, float]:
        """Ask the server, if there is one, what it has counted so far."""
        if not self._port:
            return {}
        with socket.create_connection(("127.0.0.1", self._port)) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in answer if line.lower().startswith(b"content-length:"))
            answer.readline()
            found: dict[str, float] = msgspec.json.decode(answer.read(length))
        return found


def candidate(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a candidate under the name of its function. It gets the target and a watch, and returns the rows it saw."""
    CANDIDATES[function.__name__] = function
    return function


def main() -> None:
    """Run one candidate."""
    name, text, *together = sys.argv[1:]
    for module in MODULES:
        import_module(f"benchmarks.{module}")
        if name in CANDIDATES:
            break
    target = msgspec.json.decode(text, type=Target)
    watch = Watch(target.port, together=bool(together))
    run = CANDIDATES[name](target, watch)
    rows = asyncio.run(run) if inspect.iscoroutine(run) else run
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"rows": rows, "wall": watch.wall, "cpu": watch.cpu, "peak_mb": peak, **watch.facts}
    sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")


if __name__ == "__main__":
    import_module(
        "benchmarks.candidate"
    ).main()  # not this module under the name __main__: the candidates register with the other
