"""How the process ends."""

from __future__ import annotations

import gc
import os
import sys

import pytest

from amili_async import __main__ as program
from amili_async import cli


class _Ended(BaseException):
    """The process has ended on the spot."""


@pytest.fixture
def end(monkeypatch, capfd):
    """Run `main` with a command line that does something, and return the exit code and what was said."""

    def exit_at_once(code: int) -> None:
        raise _Ended(code)

    def run_main(command) -> tuple[object, str]:
        monkeypatch.setattr(os, "_exit", exit_at_once)
        monkeypatch.setattr(gc, "set_threshold", lambda _: None)  # the tests go on in this process
        monkeypatch.setattr(gc, "freeze", lambda: None)
        monkeypatch.setattr(cli, "run", command)
        with pytest.raises((SystemExit, _Ended)) as ended:
            program.main()
        return ended.value.args[0], capfd.readouterr().err

    return run_main


def _raise(error: BaseException):
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("code", [0, 2, 3, 4, 130])
def test_code_of_the_command(end, code):
    """The process ends with the code of the command."""
    assert end(lambda: code) == (code, "")


@pytest.mark.parametrize(("loaded", "frozen"), [(False, 1), (True, 0)])
def test_the_gc_has_nothing_to_do_at_the_end(end, monkeypatch, loaded, frozen):
    """It is not run once more, unless DuckDB is there, which would complain."""
    monkeypatch.delitem(sys.modules, "duckdb", raising=False)
    if loaded:
        monkeypatch.setitem(sys.modules, "duckdb", None)
    calls = []

    def command() -> int:
        monkeypatch.setattr(gc, "freeze", lambda: calls.append(1))
        return 0

    assert end(command) == (0, "")
    assert len(calls) == frozen


def test_interrupted_at_the_start(end):
    """Ctrl-C before a command has begun is one line too."""
    assert end(_raise(KeyboardInterrupt())) == (130, "interrupted\n")


def test_extra_is_missing(end, monkeypatch):
    """A missing extra is told; another missing module is a bug, and not hidden."""
    sentence = "error: the command line needs: pip install 'amili-async[cli]'\n"
    assert end(_raise(ModuleNotFoundError(name="rich.table"))) == (2, sentence)
    monkeypatch.setitem(sys.modules, "amili_async.cli", None)
    with pytest.raises(ModuleNotFoundError, match=r"amili_async\.cli"):
        program.main()
