"""What importing costs: in fresh interpreters that have imported nothing else, not even what this harness needs itself."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

import msgspec

from benchmarks.candidate import Target, Watch, candidate

__all__: list[str] = []

TIMES = 3
PROGRAM = """
import sys, time
before = time.process_time()
{program}
cost = time.process_time() - before
print([cost, sum(name.partition(".")[0] == "aiohttp" for name in sys.modules)])
"""


def _timed(watch: Watch, program: str) -> int:
    """Import it a few times; the first time may still compile, and does not count."""
    found = [_imported(program) for _ in range(TIMES + 1)][1:]
    watch.facts |= {"import_cpu": median(cost for cost, _ in found), "aiohttp_modules": found[0][1]}
    return 0


def _imported(program: str) -> tuple[float, float]:
    command = [sys.executable, "-c", PROGRAM.format(program=program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # our own
    return msgspec.json.decode(done.stdout, type=tuple[float, float])


@candidate
def import_models(_: Target, watch: Watch) -> int:
    """Import the models."""
    return _timed(watch, "import amili_async.collection.models")


@candidate
def import_client(_: Target, watch: Watch) -> int:
    """Import the client: aiohttp comes with the first one that is made."""
    return _timed(watch, "from amili_async import AmiliClient")


@candidate
def make_client(_: Target, watch: Watch) -> int:
    """Import the client and make one, aiohttp included."""
    return _timed(watch, "from amili_async import AmiliClient; AmiliClient().collection")


@candidate
def import_aiohttp(_: Target, watch: Watch) -> int:
    """Import aiohttp alone."""
    return _timed(watch, "import aiohttp")
