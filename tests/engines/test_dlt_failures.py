"""What dlt's pipelines do with what cannot be read, or cannot be loaded."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from amili_async.errors import AmiliError, ConfigError, Unauthorized
from amili_async.sandbox import Fault

from .kit_dlt import MARKS, UNTIL, keys, pipeline_of, rows_of

pytest.importorskip("dlt", reason="dlt is not installed: pip install 'amili-async[dlt]'")

from dlt.pipeline.exceptions import PipelineStepFailed

from amili_async.dlt import amili_source, load

pytestmark = MARKS

LISTS = ("cases", "settlements", "batches")


def refuse(sandbox, stream, **how):
    """Have a list refused to all organizations."""
    sandbox.faults.add(Fault("status", status=403, match=f"collection.{stream}.list", **how))


def held(folder, table, key="case_id"):
    """Count the keys of a table in DuckDB."""
    return Counter(rows_of(folder, "duckdb", table)[key].to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [False, True])
def test_a_stream_that_cannot_be_read(parallel, serve, tmp_path):
    """The others are loaded in as many runs as they need, then `load` raises; it comes with the first load that may read it."""
    sandbox = serve(cases=50, organizations=2)
    pipeline = pipeline_of(tmp_path, "duckdb")

    def source():
        made = amili_source(sandbox.organizations, ["settlements", "cases"], until=UNTIL, max_rows=20, concurrency=1)
        return made.parallelize() if parallel else made

    refuse(sandbox, "settlements")
    with pytest.raises(AmiliError, match=r"settlements/.*, and 1 more") as caught:
        load(pipeline, source(), rows=30)
    assert caught.value.status == 403
    assert held(tmp_path, "cases") == keys(sandbox, "cases")
    assert not pipeline.has_pending_data
    tries = sandbox.log.count("collection.settlements.list")
    sandbox.log.clear()
    with pytest.raises(AmiliError, match="settlements/"):  # and nothing is done again and again
        load(pipeline, source(), rows=30)
    assert 0 < sandbox.log.count("collection.settlements.list") < tries
    assert sandbox.log.count("collection.cases.list") == 0
    sandbox.faults.clear()
    load(pipeline, source(), rows=30)
    assert keys(sandbox, "settlements")
    assert held(tmp_path, "settlements", "id") == keys(sandbox, "settlements")
    assert held(tmp_path, "cases") == keys(sandbox, "cases")


@pytest.mark.slow
def test_a_stream_that_can_be_read_again(serve, tmp_path):
    """What a later run of the same load could read is not raised."""
    sandbox = serve(cases=60, organizations=1)
    refuse(sandbox, "settlements", count=1)
    source = amili_source(sandbox.organizations, ["settlements", "cases"], until=UNTIL, max_rows=20, concurrency=1)
    assert len(load(pipeline_of(tmp_path, "duckdb"), source, rows=30)) > 1
    assert sandbox.faults.struck == {"status": 1}
    assert held(tmp_path, "settlements", "id") == keys(sandbox, "settlements")
    assert held(tmp_path, "cases") == keys(sandbox, "cases")


def test_streams_that_cannot_be_read(serve, tmp_path, caplog):
    """One error is raised, all are in the log, and what is left is loaded."""
    sandbox = serve(cases=30, organizations=1)
    refuse(sandbox, "settlements")
    refuse(sandbox, "batches")
    with caplog.at_level(logging.WARNING, logger="amili_async"), pytest.raises(AmiliError) as caught:
        load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, LISTS, until=UNTIL))
    (other,) = {"settlements", "batches"} - {str(caught.value).split("/")[0]}
    assert f"not read either: {other}/" in caplog.text
    assert held(tmp_path, "cases") == keys(sandbox, "cases")


def test_a_plain_run(serve, tmp_path):
    """It is refused by a stream that cannot be read, and loads nothing; another run loads all."""
    sandbox = serve(cases=30, organizations=1)
    pipeline = pipeline_of(tmp_path, "parquet")
    refuse(sandbox, "settlements", count=1)
    with pytest.raises(PipelineStepFailed, match="settlements/"):
        pipeline.run(amili_source(sandbox.organizations, ["cases", "settlements"], until=UNTIL))
    assert sandbox.log.count("collection.cases.list") > 0
    assert not [*(tmp_path / "data").rglob("*.parquet")]
    pipeline.run(amili_source(sandbox.organizations, ["cases", "settlements"], until=UNTIL))
    assert Counter(rows_of(tmp_path, "parquet", "cases")["case_id"].to_pylist()) == keys(sandbox, "cases")


def test_what_fails_does_not_stop_the_rest(serve, tmp_path, caplog):
    """An organization that nobody may see: the others are loaded, and `load` says in the end what is missing."""
    sandbox = serve(cases=50, organizations=1)
    pipeline = pipeline_of(tmp_path, "duckdb")
    organizations = [*sandbox.organizations, "nobody", "noone"]
    with caplog.at_level(logging.WARNING, logger="amili_async"), pytest.raises(AmiliError, match="and 1 more") as caught:
        load(pipeline, amili_source(organizations, ["cases"], until=UNTIL))
    assert caught.value.status == 403
    assert "cases/nobody" in str(caught.value)
    assert "cases/nobody" in caplog.text
    assert Counter(rows_of(tmp_path, "duckdb", "cases")["case_id"].to_pylist()) == keys(sandbox, "cases")


def test_wrong_credentials(serve, tmp_path, monkeypatch):
    """They are refused in one sentence."""
    sandbox = serve(cases=1, organizations=1)
    monkeypatch.setenv("AMILI_CLIENT_SECRET", "wr0ng-secret")
    with pytest.raises(Unauthorized) as caught:
        load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, until=UNTIL))
    assert "wr0ng" not in str(caught.value)
    monkeypatch.delenv("AMILI_CLIENT_SECRET")
    with pytest.raises(ConfigError, match="AMILI_CLIENT_SECRET"):
        load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, until=UNTIL))


def test_what_dlt_cannot_load(serve, tmp_path):
    """Its own errors stay its own."""
    sandbox = serve(cases=5, organizations=1)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lake.duckdb").write_text("no database" * 1_000)
    with pytest.raises(PipelineStepFailed) as caught:
        load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, ["cases"], until=UNTIL))
    assert caught.value.__cause__ is not None
