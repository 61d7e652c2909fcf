"""The recipes of the README, taken out of its text and run as programs against a sandbox."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import indent

import pytest
from anyio.from_thread import start_blocking_portal

from amili_async.sandbox import Sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^<!-- recipe: (\w+) -->\n```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
TABLES = """
import json
print(json.dumps([sorted(table["case_id"].to_pylist()) for table in tables]))
"""
DATABASE = """
import duckdb, json
with duckdb.connect("amili.duckdb") as db:
    print(json.dumps([[key for key, in db.execute("SELECT case_id FROM collection.cases").fetchall()]]))
"""
SILENT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RAY_AUTH_MODE": "disabled",  # or it writes a token into the home folder
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_LOG_TO_DRIVER": "0",
    "DASK_DISTRIBUTED__DASHBOARD__LINK": "",
}


@pytest.fixture(scope="module")
def sandbox():
    """Run a sandbox in another thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Sandbox(cases=150, organizations=1)) as running:
        yield running


def keys_of(sandbox):
    """Return the keys that are served."""
    return {row["caseId"] for row in sandbox.truth("collection.cases.list", sandbox.organizations[0])}


def run(sandbox, folder, recipes, ending):
    """Run recipes as one program, and return the keys of the tables that they have made."""
    (organization,) = sandbox.organizations
    steps = [f"org = {organization!r}", *(RECIPES[name] for name in recipes), ending]
    steps = [step.replace("sink=MemorySink()", "sink=MemorySink(), max_rows=40") for step in steps]  # for more than one window
    program = folder / "program.py"
    program.write_text('if __name__ == "__main__":\n' + indent("\n".join(steps), "    "), encoding="utf-8")
    environ = {
        **os.environ,
        **SILENT,
        "HOME": str(folder),
        "DLT_DATA_DIR": str(folder),
        "AMILI_ENVIRONMENT": sandbox.url,
        "AMILI_CLIENT_ID": sandbox.credentials.client_id,
        "AMILI_CLIENT_SECRET": sandbox.credentials.client_secret,
    }
    words = [sys.executable, str(program)]
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603  # our own
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_recipe_is_run_here():
    """None of the README's recipes is without its test."""
    assert set(RECIPES) == {"plan", "multiprocessing", "dask", "ray", "dlt"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multiprocessing", "dask", "ray"])
def test_tables_of_a_plan(name, sandbox, tmp_path):
    """All tables together hold every case."""
    module = {"dask": "distributed"}.get(name, name)
    pytest.importorskip(module, reason=f"{module} is not installed: pip install 'amili-async[recipes]'")
    tables = run(sandbox, tmp_path, ["plan", name], TABLES)
    assert len(tables) > 3
    assert {key for keys in tables for key in keys} == keys_of(sandbox)
    assert all(len(keys) == len(set(keys)) for keys in tables)


@pytest.mark.slow
def test_dlt_into_duckdb(sandbox, tmp_path):
    """The pipeline of the README loads every case once."""
    pytest.importorskip("dlt", reason="dlt is not installed: pip install 'amili-async[dlt]'")
    (keys,) = run(sandbox, tmp_path, ["dlt"], DATABASE)
    assert Counter(keys) == Counter(keys_of(sandbox))
