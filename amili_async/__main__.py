"""The command `amili`, also as `python -m amili_async`."""

from __future__ import annotations

import gc
import os
import sys

USAGE, INTERRUPTED = 2, 130
SELDOM = 200_000
"""Objects, about, after which the gc looks through the youngest: modules and rows leave it little to find."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(SELDOM)
    try:
        from amili_async.cli import run  # noqa: PLC0415  # the extra may be missing

        code = run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"cyclopts", "rich"}:
            raise
        sys.stderr.write("error: the command line needs: pip install 'amili-async[cli]'\n")
        code = USAGE
    except KeyboardInterrupt:  # so early that nothing has begun
        sys.stderr.write("interrupted\n")
        code = INTERRUPTED
    if code == INTERRUPTED:
        # A thread may still wait for a pipe that nobody reads; an orderly exit would wait for it too.
        sys.stderr.flush()
        os._exit(code)
    if "duckdb" not in sys.modules:  # its binding takes what the gc does not find at the end for leaks
        gc.freeze()  # there is nothing left to find: an exit looks through all that is there, which takes as long as an import
    sys.exit(code)


if __name__ == "__main__":
    main()
