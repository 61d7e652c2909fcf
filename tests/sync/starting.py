"""The program, without the half second that it takes to start: forked from a process that has everything imported.

For every order on its standard input (seconds, arguments and a file for the output, as JSON) it forks a child that is `amili`
with these arguments, kills it with SIGKILL if it is not done in time, and answers with its exit code, -9 if it was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from amili_async.cli import run

ROOT = Path(__file__).parents[2]
LATE = (
    "aiohttp",
    "amili_async.cli_job",
    "amili_async.cli_sync",
    "amili_async.client",
    "amili_async.sync.arrow",
    "amili_async.sync.job",
    "amili_async.sync.sinks.duckdb",
    "amili_async.sync.sinks.parquet",
    "amili_async.sync.sinks.postgres",
    "amili_async.sync.sinks.sqlite",
    "amili_async.transport",
    "anyio._backends._asyncio",
    "asyncpg",
    "duckdb",
    "pyarrow.compute",
    "pyarrow.json",
    "pyarrow.parquet",
    "rich.live",
    "rich.progress",
    "rich.table",
)
"""What the program imports when it needs it."""
PAUSE = 0.005


@contextmanager
def starter(environ):
    """Start that process; give a function that has it carry out an order."""
    command, pipe = [sys.executable, "-m", "tests.sync.starting"], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603

        def order(seconds, output, *argv):
            process.stdin.write(json.dumps([seconds, str(output), argv]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield order
        process.stdin.close()


def main():
    """Carry out orders until there are no more."""
    for module in LATE:
        import_module(module)
    for line in sys.stdin:
        seconds, output, argv = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            for stream in (1, 2):
                os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
            code = run(argv)
            sys.stdout.flush()
            os._exit(code)
        os.setpgid(child, child)  # as the child does: whoever comes first, its group is there when it is killed
        until = time.monotonic() + seconds
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                ended = os.waitpid(child, 0)
                break
            time.sleep(PAUSE)
        print(os.waitstatus_to_exitcode(ended[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
