"""Loads with dlt that are killed, cut short or done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from amili_async.sync.asking import asked, margin_of
from amili_async.sync.ledger import Entry
from amili_async.sync.streams import STREAMS

from .kit_dlt import KINDS, MARKS, UNTIL, keys, pipeline_of, rows_of, truth

pytest.importorskip("dlt", reason="dlt is not installed: pip install 'amili-async[dlt]'")

import msgspec

from amili_async.dlt import amili_source, load
from amili_async.dlt.reader import one_run

pytestmark = MARKS

KILLS = 5


def state_of(pipeline):
    """Return the states of the resources."""
    return pipeline.state["sources"]["amili"]["resources"]


def start_loading(folder, kind, organizations):
    """Load in another process."""
    words = [sys.executable, "-m", "tests.engines.kit_dlt", str(folder), kind, *organizations]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)  # noqa: S603  # our own


def finished(folder, kind):
    """Return the windows that the pipeline's state tells of, each by what asks for it."""
    windows = [
        msgspec.convert(entry, Entry).window
        for state in pipeline_of(folder, kind).state.get("sources", {}).get("amili", {}).get("resources", {}).values()
        for entry in state.get("windows", {}).values()
        if entry.get("state") == "done"
    ]
    stream = STREAMS["cases"]
    return {
        (window.organization, *sorted(asked(stream, window.start, window.end, margin_of(stream)).items())) for window in windows
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_load_that_is_killed_goes_on(kind, serve, tmp_path):
    """It is killed again and again while it reads; windows that were finished are never read again, and in the end all is there.

    What was being read when it was killed may be cut in another way the next time, since there is less left to cut. It is not
    killed while dlt normalizes or loads: not all steps of dlt survive that ("Directory not empty", or it forgets what was read).
    """
    sandbox = serve(cases=6_000, organizations=2, page_size_max=250, latency=0.03)
    operation, done, seen, progress, code = "collection.cases.list", set(), set(), [], None
    while code != 0:
        sandbox.log.clear()
        process = start_loading(tmp_path, kind, sandbox.organizations)
        number = len(progress)
        if number < KILLS:  # in another place each time
            pages = 16 + 6 * number
            while process.poll() is None and sum(served.rows > 1 for served in sandbox.log.of(operation)) < pages:
                time.sleep(0.005)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=300)
        code = process.returncode
        assert code in {0, -signal.SIGKILL}, output
        read = {
            (served.path.split("/")[4], *sorted(pair for pair in served.query if pair[0] in {"FromCreatedAt", "ToCreatedAt"}))
            for served in sandbox.log.of(operation)
            if served.rows > 1
        }
        assert not read & done
        seen |= read
        done = finished(tmp_path, kind)
        progress.append(len(done))
    assert sum(before > 0 for before in progress[:-1]) > 1
    assert done & seen  # it is the same that both tell of
    assert done >= read  # of the run that came to its end
    table = rows_of(tmp_path, kind, "cases").sort_by("_amili_fetched_at")
    if kind == "duckdb":
        assert Counter(table["case_id"].to_pylist()) == keys(sandbox, "cases")
    last = {row["case_id"]: row["remaining_amount"] for row in table.select(["case_id", "remaining_amount"]).to_pylist()}
    served = {row["caseId"]: row["remainingAmount"] for row in truth(sandbox, "cases")}
    assert last == served


def test_killed_between_reading_and_loading(serve, tmp_path):
    """What was read completely is loaded first, and not read again."""
    sandbox = serve(cases=200, organizations=1)
    with one_run(50):
        pipeline_of(tmp_path, "duckdb").extract(amili_source(sandbox.organizations, ["cases"], until=UNTIL, max_rows=40))
    before = sandbox.log.count("collection.cases.list")
    assert (
        len(load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, ["cases"], until=UNTIL, max_rows=40))) == 2
    )
    assert before > 2
    assert Counter(rows_of(tmp_path, "duckdb", "cases")["case_id"].to_pylist()) == keys(sandbox, "cases")


def test_without_the_folder_of_the_pipeline(serve, tmp_path):
    """On another machine the state comes from the destination."""
    sandbox = serve(cases=100, organizations=1)
    load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, ["cases"], until=UNTIL))
    (tmp_path / "state").rename(tmp_path / "gone")
    sandbox.log.clear()
    load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, ["cases"], until=UNTIL))
    assert sandbox.log.count() == 0


def test_a_limit_of_dlt(serve, tmp_path):
    """`add_limit` ends a resource after so many tables; what it did not hand over comes with the next run."""
    sandbox = serve(cases=200, organizations=1)
    pipeline = pipeline_of(tmp_path, "duckdb")
    pipeline.run(amili_source(sandbox.organizations, ["cases"], until=UNTIL, max_rows=30).add_limit(2))
    held = rows_of(tmp_path, "duckdb", "cases").num_rows
    assert 0 < held <= 60
    pipeline.run(amili_source(sandbox.organizations, ["cases"], until=UNTIL, max_rows=30))
    assert Counter(rows_of(tmp_path, "duckdb", "cases")["case_id"].to_pylist()) == keys(sandbox, "cases")


@pytest.mark.slow
def test_refresh(serve, tmp_path):
    """What can have changed is read again with `refresh` only, each window once, in as many runs as it takes."""
    sandbox = serve(cases=60, organizations=1)
    (organization,) = sandbox.organizations
    pipeline = pipeline_of(tmp_path, "duckdb")
    load(pipeline, amili_source([organization], ["cases", "batches"], until=UNTIL, max_rows=20))
    before = keys(sandbox, "batches")
    sandbox.insert(organization, 150)
    load(pipeline, amili_source([organization], ["batches"], until=UNTIL))
    assert Counter(rows_of(tmp_path, "duckdb", "batches")["batch_id"].to_pylist()) == before
    sandbox.log.clear()
    infos = load(
        pipeline,
        amili_source([organization], ["cases", "batches"], until=UNTIL, max_rows=20, concurrency=1, refresh=True),
        rows=1,
    )
    assert len(infos) > 2
    assert len(keys(sandbox, "batches")) > len(before)
    assert Counter(rows_of(tmp_path, "duckdb", "batches")["batch_id"].to_pylist()) == keys(sandbox, "batches")
    spans = Counter(
        tuple(sorted(pair for pair in one.query if "At" in pair[0]))
        for one in sandbox.log.of("collection.cases.list")
        if one.rows > 1
    )
    assert spans
    assert max(spans.values()) == 1
    windows = state_of(pipeline)["cases"]["windows"].values()
    assert {one["state"] for one in windows} == {"done"}
    assert len(spans) <= sum(one.get("rows", 0) > 0 for one in windows)
