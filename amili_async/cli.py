"""The command line `amili`: its commands, and how it ends.

Exit codes: 0 complete, 2 the command as given cannot start, 3 failed in whole or in part, 4 credentials are missing, refused
(401) or without access (403), 130 interrupted. Commands print data on stdout and everything else on stderr.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError, UnusedCliTokensError

from amili_async import __version__
from amili_async.cli_access import COMPLETE, INTERRUPTED, USAGE, explain
from amili_async.cli_calls import call, list_operations, sandbox, token
from amili_async.cli_lists import export
from amili_async.cli_output import console, fail, logs, say, silence_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "run"]

app = App(
    name="amili",
    version=f"amili-async {__version__}",
    help="Work with Amili's APIs: sync whole portfolios into files and databases, export lists, call any operation.\n\n"
    "Credentials come from the environment (AMILI_CLIENT_ID and AMILI_CLIENT_SECRET, or AMILI_TOKEN; AMILI_ENVIRONMENT says "
    "where: production, staging or a URL) or from a file (--env-file). Without any, try: amili sync run --sandbox",
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)
app.command(
    "amili_async.cli_sync:sync",  # imported when it is used
    name="sync",
    help="Stream whole lists into files and databases; a run goes on where the last one stopped.",
)
app.command(export)
app.command(call)
app.command(list_operations, name="operations")
app.command(token)
app.command(sandbox)
app.command(webhooks := App(name="webhooks", help="Take webhooks in.", help_format="markdown"))
webhooks.command(
    "amili_async.cli_webhooks:listen",
    name="listen",
    help="Take webhooks in and print each genuine event as a line of JSON, until Ctrl-C.\n\n"
    "The secret comes from AMILI_WEBHOOK_SECRET (several, separated by commas, while one replaces another). How Amili signs is "
    "not documented: HMAC-SHA256 over the body in X-Webhook-Signature is an assumption.",
)


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. No exception leaves, and no traceback is printed unless it is asked for."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv or os.environ.get("AMILI_DEBUG", "0") not in {"", "0"}
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]  # it is, when it was closed by the caller
        fail("stdout is closed, there is nowhere to write to")
        return USAGE
    with logs(logging.DEBUG if debug else logging.WARNING) as logger:
        try:
            return _run(argv)
        except CycloptsError as error:
            # What is left over may be a secret that was given as an argument, so it is not quoted.
            text = "there are too many arguments" if isinstance(error, UnusedCliTokensError) else str(error)
            fail(f"{text} (--help shows what goes)")
            return USAGE
        except BrokenPipeError:
            with suppress(OSError, ValueError):
                silence_stdout()
            return COMPLETE
        except KeyboardInterrupt:
            say("interrupted")
            return INTERRUPTED
        except Exception as error:  # the last line of defence: people get a sentence
            if debug:
                logger.debug("where it came from:", exc_info=True)
            message, code = explain(error)
            (say if code == INTERRUPTED else fail)(message)
            return code


def _run(argv: list[str]) -> int:
    code = app(
        argv,
        console=console(width=100),
        error_console=console(stderr=True, width=100),
        exit_on_error=False,
        print_error=False,
        result_action="return_value",
    )
    sys.stdout.flush()
    return code if isinstance(code, int) else COMPLETE
