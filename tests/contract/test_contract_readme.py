"""The README tells the truth about operations and commands."""

from __future__ import annotations

import re
from pathlib import Path

from amili_async import operations

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def row(operation):
    """Return the line of an operation in the README's table."""
    guesses = [what for what, guess in (("path", operation.path_guessed), ("HTTP method", operation.method_guessed)) if guess]
    evidence = operation.evidence + (f" ({' and '.join(guesses)} guessed)" if guesses else "")
    request = f"{operation.method} {operation.path}{' (deprecated)' if operation.deprecated else ''}"
    paging = operation.paging.style if operation.paging else "-"
    return f"| `{operation.name}` | {request} | {evidence} | {paging} | {'yes' if operation.retry_safe else 'no'} |"


def test_the_table_of_operations_is_that_of_the_package():
    """Every operation has its row, with its evidence, and there is no other."""
    assert re.findall(r"^\| `[a-z_.]+` \| [A-Z]+ /.*$", README, re.MULTILINE) == [row(operation) for operation in operations()]


def test_the_two_commands_stand_first():
    """One installs and runs the main job, one installs and passes the tests."""
    assert re.findall(r"^pip install .*$", README, re.MULTILINE) == [
        'pip install -e ".[all]" && amili sync run --sandbox',
        'pip install -e ".[dev]" && pytest',
    ]
