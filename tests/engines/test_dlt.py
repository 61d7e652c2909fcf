"""The source for dlt: into DuckDB and into Parquet, over loopback."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from anyio.from_thread import start_blocking_portal

from amili_async.errors import AmiliError, ConfigError, SinkError, Unauthorized
from amili_async.sandbox import Sandbox
from amili_async.sync import ClientSettings, Redaction, Window
from amili_async.sync.asking import asked, margin_of
from amili_async.sync.ledger import Entry
from amili_async.sync.sinks import base
from amili_async.sync.streams import STREAMS
from tests.sync.kit import Server, at, client

from .kit_dlt import KINDS, SILENT, UNTIL, pipeline_of, rows_of

pytest.importorskip("dlt", reason="dlt is not installed: pip install 'amili-async[dlt]'")

import dlt
import msgspec
from dlt.pipeline.exceptions import PipelineStepFailed

from amili_async.dlt import amili_source, load, sink
from amili_async.dlt.reader import Reader, at_most
from amili_async.dlt.source import _resource

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::dlt.common.warnings.DltDeprecationWarning")

KILLS = 5
NAMES = ("cases", "batches", "invoices", "settlements")
AMOUNTS = {"cases": {"remaining_amount": "remainingAmount", "remaining_principal": "remainingPrincipal"}}


@pytest.fixture(autouse=True)
def _environ(monkeypatch, tmp_path):
    for name, value in {**SILENT, "DLT_DATA_DIR": str(tmp_path), "DLT_PROJECT_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def serve(monkeypatch):
    """Run sandboxes in another thread, the latest of which the environment variables name."""
    with start_blocking_portal() as portal:
        managers = []

        def start(**settings):
            manager = portal.wrap_async_context_manager(Sandbox(**settings))
            sandbox = manager.__enter__()
            managers.append(manager)
            monkeypatch.setenv("AMILI_ENVIRONMENT", sandbox.url)
            monkeypatch.setenv("AMILI_CLIENT_ID", sandbox.credentials.client_id)
            monkeypatch.setenv("AMILI_CLIENT_SECRET", sandbox.credentials.client_secret)
            return sandbox

        yield start
        for manager in managers:
            manager.__exit__(None, None, None)


def truth(sandbox, stream):
    """Return the rows that a sandbox serves until the end of the tests' time."""
    operation, period = STREAMS[stream].operation.name, STREAMS[stream].period
    filters = {period[1]: UNTIL} if period else {}
    return [row for organization in sandbox.organizations for row in sandbox.truth(operation, organization, **filters)]


def keys(sandbox, stream):
    """Count the keys that are served."""
    return Counter(str(row[STREAMS[stream].key]) for row in truth(sandbox, stream))


def key_column(stream):
    """Return the column of a stream's key."""
    return {"cases": "case_id", "batches": "batch_id"}.get(stream, "id")


def state_of(pipeline):
    """Return the states of the resources."""
    return pipeline.state["sources"]["amili"]["resources"]


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
    """It is killed again and again; windows that were finished are never read again, and in the end all is there."""
    sandbox = serve(cases=6_000, organizations=2, page_size_max=250, latency=0.03)
    operation, done, seen, progress, code = "collection.cases.list", set(), set(), [], None
    while code != 0:
        sandbox.log.clear()
        process = start_loading(tmp_path, kind, sandbox.organizations)
        number = len(progress)
        if number < KILLS:  # in another place each time: while it reads, or while dlt loads
            pages = 16 + 6 * number
            while process.poll() is None and sum(served.rows > 1 for served in sandbox.log.of(operation)) < pages:
                time.sleep(0.02)
            time.sleep(0.2 * (number % 4))
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
    assert done > seen  # it is the same that both tell of
    table = rows_of(tmp_path, kind, "cases").sort_by("_amili_fetched_at")
    if kind == "duckdb":
        assert Counter(table["case_id"].to_pylist()) == keys(sandbox, "cases")
    last = {row["case_id"]: row["remaining_amount"] for row in table.select(["case_id", "remaining_amount"]).to_pylist()}
    served = {row["caseId"]: row["remainingAmount"] for row in truth(sandbox, "cases")}
    assert last == served


def test_killed_between_reading_and_loading(serve, tmp_path):
    """What was read completely is loaded first, and not read again."""
    sandbox = serve(cases=200, organizations=1)
    with at_most(50):
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
    with pytest.raises(PipelineStepFailed):
        load(pipeline_of(tmp_path, "duckdb"), amili_source(sandbox.organizations, ["cases"], until=UNTIL))


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
            amili_source(sandbox.organizations, until=UNTIL, redact=Redaction(key=b"k3y-of-the-test")),
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
