"""The source for dlt: into DuckDB and into Parquet, over loopback."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from amili_async.errors import ConfigError, SinkError
from amili_async.sync import ClientSettings, Redaction, Window
from amili_async.sync.ledger import Entry
from amili_async.sync.sinks import base
from amili_async.sync.streams import STREAMS
from tests.sync.kit import Server, at, client

from .kit_dlt import KINDS, MARKS, UNTIL, keys, pipeline_of, rows_of, truth

pytest.importorskip("dlt", reason="dlt is not installed: pip install 'amili-async[dlt]'")

import dlt
import msgspec

from amili_async.dlt import amili_source, load, sink
from amili_async.dlt.reader import Reader
from amili_async.dlt.source import _resource

pytestmark = MARKS

NAMES = ("cases", "batches", "invoices", "settlements")
AMOUNTS = {"cases": {"remaining_amount": "remainingAmount", "remaining_principal": "remainingPrincipal"}}


def key_column(stream):
    """Return the column of a stream's key."""
    return {"cases": "case_id", "batches": "batch_id"}.get(stream, "id")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_destination_holds_what_is_served(kind, serve, tmp_path):
    """Every stream in several packages: each key once, amounts exact and in one column each; then there is nothing to read."""
    sandbox = serve(cases=300, organizations=2)
    pipeline = pipeline_of(tmp_path, kind)
    source = amili_source(sandbox.organizations, until=UNTIL, max_rows=60, concurrency=2)
    assert len(load(pipeline, source, rows=250)) > 2
    for name in NAMES:
        table = rows_of(tmp_path, kind, name)
        assert keys(sandbox, name)
        assert Counter(table[key_column(name)].to_pylist()) == keys(sandbox, name), name
        assert all("__" not in column.removeprefix("_dlt") for column in table.column_names)
    table, served = rows_of(tmp_path, kind, "cases"), truth(sandbox, "cases")
    for column, wire in AMOUNTS["cases"].items():
        assert str(table.schema.field(column).type) == "decimal128(38, 10)"
        found = table[column].to_pylist()
        assert sum(value or 0 for value in found) == sum((row[wire] or Decimal(0) for row in served), Decimal(0))
    sandbox.log.clear()
    again = amili_source(sandbox.organizations, until=UNTIL, max_rows=60)
    assert len(load(pipeline_of(tmp_path, kind), again)) == 1
    assert all(sandbox.log.count(STREAMS[name].operation.name) == 0 for name in NAMES)
    assert rows_of(tmp_path, kind, "cases").num_rows == table.num_rows


def test_nested_parts_keep_their_digits(serve, tmp_path):
    """Parts are nested types in Parquet, and JSON with all digits in DuckDB."""
    sandbox = serve(cases=30, organizations=1)
    found = {}
    for kind in KINDS:
        folder = tmp_path / kind
        pipeline_of(folder, kind).run(amili_source(sandbox.organizations, ["cases"], until=UNTIL))
        found[kind] = {row["case_id"]: row["invoices"] for row in rows_of(folder, kind, "cases").to_pylist()}
    served = {row["caseId"]: [part["originalAmount"] for part in row["invoices"] or ()] for row in truth(sandbox, "cases")}
    assert any(served.values())
    assert {key: [part["original_amount"] for part in parts or ()] for key, parts in found["parquet"].items()} == served
    decode = msgspec.json.Decoder(list[dict[str, object]], float_hook=Decimal).decode
    texts = {key: [part["original_amount"] for part in decode(text or "[]")] for key, text in found["duckdb"].items()}
    assert texts == served


def test_a_server_that_counts_wrongly(tmp_path, caplog):
    """Windows that differ from the server's count are loaded, and said so."""
    server = Server(total=lambda count, query: count + 1)
    server.add("cases", "o", at("2025-01-01"))
    with caplog.at_level(logging.WARNING, logger="amili_async"):
        pipeline_of(tmp_path, "duckdb").run(resource_of(server, until="2025-02-01"))
    assert "differ from the server's count" in caplog.text
    assert rows_of(tmp_path, "duckdb", "cases")["case_id"].to_pylist() == ["o-0"]


def test_rows_without_a_date(tmp_path, caplog):
    """What the server counts, but shows in no period, is said."""
    server = Server()
    server.add("cases", "o", at("2025-01-01"), None)
    with caplog.at_level(logging.WARNING, logger="amili_async"):
        pipeline_of(tmp_path, "duckdb").run(resource_of(server, until="2025-02-01"))
    assert "cases/o: 1 rows are in no window" in caplog.text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"streams": "cases"}, "streams must be a list of names"),
        ({"streams": ["nonsense"]}, "there is no stream 'nonsense'"),
        ({"organizations": "o"}, "organizations must be a list"),
        ({"organizations": []}, "nothing to read"),
        ({"start": "soon"}, "start must be a date"),
        ({"start": "2026-01-01", "until": "2025-01-01"}, "start must be before until"),
        ({"max_rows": 0}, "max_rows"),
        ({"concurrency": "many"}, "concurrency"),
        ({"filters": {"cases": {"nonsense": 1}}}, "cases have no filter 'nonsense'"),
        ({"redact": Redaction(("caseId",))}, "cannot be redacted"),
    ],
)
def test_wrong_settings(settings, sentence):
    """Each is named before anything is done."""
    with pytest.raises(ConfigError, match=sentence):
        amili_source(**{"organizations": ["o"], **settings})


def test_a_wrong_number_of_rows(tmp_path):
    """A run must be able to read something."""
    with pytest.raises(ConfigError, match="rows"):
        load(pipeline_of(tmp_path, "duckdb"), amili_source(["o"]), rows=0)


def test_filters_and_redaction(serve, tmp_path):
    """They do what they do in a sync job, and a pipeline keeps to them."""
    sandbox = serve(cases=100, organizations=1)
    organizations, pipeline = sandbox.organizations, pipeline_of(tmp_path, "parquet")
    load(pipeline, amili_source(organizations, ["cases"], filters={"cases": {"status": "OPEN"}}, redact=Redaction(), until=UNTIL))
    rows = rows_of(tmp_path, "parquet", "cases").to_pylist()
    assert {row["status"] for row in rows} == {"OPEN"}
    assert {debtor["email"] for row in rows for debtor in row["debtors"] or ()} == {None}
    with pytest.raises(ConfigError, match="other filters"):
        load(pipeline, amili_source(organizations, ["cases"], redact=Redaction(), until=UNTIL))
    with pytest.raises(SinkError, match="the pipeline holds rows of"):
        load(pipeline, amili_source(organizations, ["cases"], filters={"cases": {"status": "OPEN"}}, until=UNTIL))


def test_secrets_of_dlt(serve, tmp_path, monkeypatch):
    """Credentials and environment may stand where dlt looks for them; those that are given come first."""
    sandbox = serve(cases=5, organizations=1)
    for name in ("AMILI_ENVIRONMENT", "AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    given = ClientSettings(environment=sandbox.environment, credentials=sandbox.credentials)
    load(pipeline_of(tmp_path / "1", "duckdb"), amili_source(sandbox.organizations, ["batches"], settings=given))
    known = {
        "ENVIRONMENT": sandbox.url,
        "CLIENT_ID": sandbox.credentials.client_id,
        "CLIENT_SECRET": sandbox.credentials.client_secret,
    }
    for name, value in known.items():
        monkeypatch.setenv(f"SOURCES__AMILI__{name}", value)
    load(pipeline_of(tmp_path / "2", "duckdb"), amili_source(sandbox.organizations, ["batches"]))
    monkeypatch.delenv("SOURCES__AMILI__ENVIRONMENT")
    settings = ClientSettings(environment=sandbox.environment)
    load(pipeline_of(tmp_path / "3", "duckdb"), amili_source(sandbox.organizations, ["batches"], settings=settings))
    for number in "123":
        found = rows_of(tmp_path / number, "duckdb", "batches")["batch_id"].to_pylist()
        assert Counter(found) == keys(sandbox, "batches")


def test_no_secret_in_state_or_logs(serve, tmp_path, caplog):
    """Nothing under the pipeline's folder holds a credential."""
    sandbox = serve(cases=20, organizations=1, client_secret="s3cret-of-the-test")
    with caplog.at_level(logging.DEBUG):
        load(
            pipeline_of(tmp_path, "parquet"),
            amili_source(sandbox.organizations, until=UNTIL, redact=Redaction(key=b"k3y-of-the-test-of-dlt")),
        )
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        assert b"s3cret-of" not in content, path
        assert b"k3y-of" not in content, path
    assert "s3cret-of" not in caplog.text


class Settings:
    """Settings of a client that reads from a server in memory."""

    def __init__(self, server):
        self._server = server

    def client(self):
        """Make a client."""
        return client(self._server)


def resource_of(server, **options):
    """Return a resource that reads the cases of a server in memory."""
    options = {"organizations": ["o"], "lag": timedelta(0), **options}
    reader = Reader(stream=STREAMS["cases"], settings=lambda: Settings(server), options=options, since=None)
    return dlt.source(lambda: _resource(reader), name="amili")()


def test_rows_without_a_key(tmp_path):
    """They get one that is made of what they hold: the same row is there once."""
    server = Server()
    server.add("cases", "o", at("2025-01-01"), at("2025-01-02"))
    server.add("cases", "o", at("2025-01-03"), status="OPEN", caseId=None)
    server.add("cases", "o", at("2025-01-04"), status="OPEN", caseId=None)
    server.add("cases", "o", at("2025-01-05"), status="CLOSED", caseId=None)
    pipeline = pipeline_of(tmp_path, "duckdb")
    for until in ("2025-01-04", "2025-02-01"):
        pipeline.run(resource_of(server, until=until))
    found = sorted(rows_of(tmp_path, "duckdb", "cases")["case_id"].to_pylist())
    assert found[2:] == ["o-0", "o-1"]
    assert [key[:5] for key in found[:2]] == ["_row-", "_row-"]


def test_a_row_that_moves(tmp_path):
    """A case that another window shows later replaces what was there: one row, the latest."""
    server = Server(bounds="[]")
    server.add("cases", "o", at("2025-01-02"), at("2025-01-10"), status="OPEN")
    pipeline = pipeline_of(tmp_path, "duckdb")
    pipeline.run(resource_of(server, until="2025-01-10"))
    _, row = server.rows["cases", "o"][0]
    server.rows["cases", "o"][0] = (at("2025-01-20"), {**row, "status": "CLOSED"})
    pipeline.run(resource_of(server, until="2025-02-01"))
    found = [(row["case_id"], row["status"]) for row in rows_of(tmp_path, "duckdb", "cases").to_pylist()]
    assert sorted(found) == [("o-0", "CLOSED"), ("o-1", "OPEN")]


def test_a_window_of_many_tables(monkeypatch):
    """It counts as read with the last of its tables, not before."""
    monkeypatch.setattr(sink, "GROUP", 4)
    monkeypatch.setattr(base, "CHUNK", 50)
    server = Server()
    server.add("cases", "o", *(at(f"2025-01-{day:02}") for day in range(1, 21)), description="some text, so that rows are long")
    options = {"organizations": ["o"], "start": "2025-01-01", "until": "2025-02-01"}
    reader = Reader(stream=STREAMS["cases"], settings=lambda: Settings(server), options=options, since=None)
    state, before = {}, []
    for table in reader.tables(state):
        (entry,) = state["windows"].values()
        before.append((table.num_rows, entry.get("state")))
    assert len(before) > 3
    assert sum(rows for rows, _ in before) == 20
    assert {found for _, found in before[:-1]} == {None}  # as a planned one is kept
    assert before[-1][1] == "done"
    left = {}
    tables = reader.tables(left)
    next(tables)
    tables.close()
    assert [entry.get("state") for entry in left["windows"].values()] == [None]


@pytest.mark.asyncio
async def test_what_a_job_can_ask_of_its_target():
    """The ledger can be looked at; what the destination holds is not known here."""
    entry = Entry(window=Window("cases", "o"), state="done")
    target = sink.StateSink(STREAMS["cases"], (entry,), None, sink.Seen(), lambda _: None)
    assert await target.peek() == [entry]
    assert await target.keys(entry) == ()
    await target.remove([entry])


def test_a_damaged_state():
    """It is not taken for an empty one."""
    reader = Reader(stream=STREAMS["cases"], settings=ClientSettings, options={}, since=None)
    with pytest.raises(SinkError, match="the state of the pipeline is damaged"):
        next(reader.tables({"windows": {"o/all": {"window": 3}}}))
