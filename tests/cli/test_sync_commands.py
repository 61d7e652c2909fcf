"""The commands of `amili sync`, in process."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import stat

import pytest

from amili_async import cli_progress, cli_sync
from amili_async.cli_report import conclude
from amili_async.errors import NotSentError, SinkError
from amili_async.sandbox import Sandbox
from amili_async.sync import Report
from amili_async.sync.report import Failure
from amili_async.sync.sinks.ndjson import NdjsonSink
from amili_async.testing import Reply, json_reply
from tests.cli.conftest import page, rows_in

ORG, OTHER = Sandbox().organizations
DEMO = ("--sandbox", "--cases", 12, "--streams", "cases,batches")
ANSI = "\x1b["


@pytest.fixture
def demo(amili, tmp_path):
    """Sync a small sandbox into a folder, and return the target."""
    target = f"ndjson:{tmp_path / 'data'}"
    assert amili("sync", "run", *DEMO, "--to", target).code == 0
    return target


def files(tmp_path, stream):
    """Return the files of a stream."""
    return sorted((tmp_path / "data" / stream).rglob("*.ndjson"))


def test_run_and_run_again(amili, demo, tmp_path):
    """All rows are there, for their owner alone; a second run reads nothing."""
    sandbox = Sandbox(cases=12)
    for stream in ("cases", "batches"):
        truth = sum(1 for org in sandbox.organizations for _ in sandbox.truth(f"collection.{stream}.list", org))
        assert sum(len(rows_in(path)) for path in files(tmp_path, stream)) == truth
        assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path, stream)} == {0o600}
    code, out, err = amili("sync", "run", *DEMO, "--to", demo)
    assert code == 0
    assert re.search(r"^cases +0 +24 .* complete", out, re.MULTILINE)
    assert re.search(r"^OPEN +\d+ +[\d,]+\.\d\d+ +[A-Z]{3}", out, re.MULTILINE)
    assert f"The data is in {demo}, readable by you only" in out
    assert "head -n 1 " in out
    assert err.startswith("0 rows in ")
    assert ANSI not in out + err


def test_restart_reads_all_again(amili, demo):
    """`--restart` reads what is there already, and nothing is there twice."""
    code, out, _ = amili("sync", "run", *DEMO, "--to", demo, "--restart")
    assert code == 0
    assert re.search(r"^cases +24 +24 ", out, re.MULTILINE)


def test_refresh(amili, demo):
    """`refresh` reads open cases and lists that cannot be cut again."""
    code, out, _ = amili("sync", "refresh", *DEMO, "--to", demo, "--thaw-after", "30d")
    assert code == 0
    assert re.search(r"^cases +24 +24 ", out, re.MULTILINE)


@pytest.mark.parametrize("command", [("plan",), ("run", "--dry-run")])
def test_plan(amili, tmp_path, command):
    """A plan names windows, and writes nothing."""
    target = tmp_path / "data"
    code, out, err = amili("sync", *command, *DEMO, "--to", f"ndjson:{target}")
    assert code == 0
    assert f"batches/{ORG}/all" in out.splitlines()
    assert err == f"4 windows to read into ndjson:{target}\n"
    assert not target.exists()


def test_plan_as_json(amili, demo, monkeypatch):
    """For programs one window a line; there is nothing left to plan where all is there."""
    code, out, _ = amili("sync", "plan", *DEMO, "--json", "--to", "ndjson:nowhere")
    assert code == 0
    assert {json.loads(line)["stream"] for line in out.splitlines()} == {"cases", "batches"}
    assert amili("sync", "plan", *DEMO, "--to", demo) == (0, "", "nothing to read\n")


def test_plan_without_access(amili, server, tmp_path):
    """What cannot be planned is said, with the code of a run."""
    server(lambda _: Reply(403, {}, b""))
    code, out, err = amili("sync", "plan", "--org", "o", "--streams", "cases", "--to", f"ndjson:{tmp_path / 'd'}")
    assert (code, out) == (4, "")
    assert "error: cases/o: GET /orgs/{organizationId}/cases: answered 403" in err


def test_status(amili, demo, monkeypatch):
    """The picture has a line for each list, its legend, and the figures; AMILI_SYNC_TO names the target too."""
    monkeypatch.setenv("AMILI_SYNC_TO", demo)
    code, out, err = amili("sync", "status")
    assert (code, err) == (0, "")
    assert re.search(rf"^cases +{ORG[:8]}\.\. .*█", out, re.MULTILINE)
    assert "█ read, count confirmed   ▓ read, the server gives no count" in out
    assert re.search(rf"^cases +{OTHER[:8]}\.\. +1 +12 +1 +up to \d{{4}}-", out, re.MULTILINE)
    rows = [json.loads(line) for line in amili("sync", "status", "--json").out.splitlines()]
    assert {(row["window"]["stream"], row["state"]) for row in rows} == {("cases", "done"), ("batches", "done")}
    monkeypatch.setattr("rich.console.Console.encoding", "latin-1")
    assert amili("sync", "status").out.isascii()


def test_target_in_the_env_file(amili, demo, tmp_path):
    """The file of the environment may name the target."""
    file = tmp_path / "env"
    file.write_text(f"AMILI_SYNC_TO={demo}\n")
    assert amili("sync", "status", "--env-file", file).out.startswith("cases ")


def test_nothing_is_not_verified(amili, tmp_path):
    """A comparison of nothing vouches for nothing: a wrong target must not look sound."""
    code, _, err = amili("sync", "verify", "--to", f"ndjson:{tmp_path / 'no'}")
    assert code == 3
    assert "holds nothing that could be compared" in err
    assert not (tmp_path / "no").exists()


def test_unknown_member_is_told(amili, tmp_path):
    """A name to redact that the documentation does not know may be misspelt: that is said."""
    options = ("--sandbox", "--cases", "3", "--streams", "cases", "--to", f"ndjson:{tmp_path / 'to'}")
    code, _, err = amili("sync", "run", *options, "--redact", "first_name,idno")
    assert code == 0
    assert "shows no member called idno" in err
    assert "first_name;" not in err


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("status", "holds nothing yet; `amili sync run` begins"),
        ("reset", "holds nothing of that"),
        ("compact", "/no: it holds nothing yet"),
    ],
)
def test_of_no_target(amili, tmp_path, command, text):
    """Where there is no target nothing is made."""
    code, out, err = amili("sync", command, "--to", f"ndjson:{tmp_path / 'no'}")
    assert (code, out) == (0, "")
    assert text in err
    assert not (tmp_path / "no").exists()


def test_verify_finds_a_deleted_row(amili, demo, tmp_path):
    """A row that is gone is found, without credentials; the next run brings it back."""
    assert amili("sync", "verify", "--to", demo).code == 0
    path = files(tmp_path, "cases")[0]
    rows = path.read_bytes()
    key = rows_in(path)[0]["caseId"].encode()
    path.write_bytes(rows.replace(key, key[::-1], 1))
    code, out, err = amili("sync", "verify", "--to", demo, "--streams", "cases")
    assert (code, out) == (3, "")
    assert "2 windows with 24 rows compared" in err
    assert re.search(rf"^  cases/{ORG}/begin_", err, re.MULTILINE)
    assert "error: 1 row missing, 1 unknown to the ledger, 0 doubled; the windows above are read again" in err
    assert amili("sync", "run", *DEMO, "--to", demo).code == 0
    assert amili("sync", "verify", "--to", demo).code == 0
    assert rows_in(path)[0]["caseId"].encode() == key
    path.write_bytes(rows.partition(b"\n")[2])
    path = files(tmp_path, "cases")[1]
    path.unlink()
    code, _, err = amili("sync", "verify", "--to", demo)
    assert code == 3
    assert "4 windows with " in err
    assert "24 rows missing" in err
    assert amili("sync", "run", *DEMO, "--to", demo).code == 0
    assert len(rows_in(path)) == 12


def test_verify_of_a_database(amili, tmp_path):
    """The same in a database."""
    target = f"sqlite:{tmp_path / 'x.db'}"
    assert amili("sync", "run", *DEMO, "--to", target).code == 0
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("DELETE FROM cases WHERE rowid IN (SELECT rowid FROM cases LIMIT 1)")
    code, _, err = amili("sync", "verify", "--to", target)
    assert code == 3
    assert "1 row missing" in err
    assert "no folder of files" in amili("sync", "compact", "--to", target).err


def test_reset(amili, demo, tmp_path):
    """Nothing is removed without `--yes`; then what was named is, and the rest is not."""
    code, _, err = amili("sync", "reset", "--to", demo, "--org", ORG)
    assert code == 2
    assert "this would remove 2 windows with 1" in err
    assert len(files(tmp_path, "cases")) == 2
    code, _, err = amili("sync", "reset", "--to", demo, "--org", ORG, "--streams", "cases", "--yes")
    assert (code, err) == (0, f"removed 1 window with 12 rows from {demo}\n")
    assert [OTHER in str(path) for path in files(tmp_path, "cases")] == [True]
    assert amili("sync", "reset", "--to", demo, "--yes").code == 0
    assert not list((tmp_path / "data").rglob("*.ndjson"))


def test_compact(amili, tmp_path):
    """Files of neighbouring windows become one; a second time there is nothing to do."""
    target = f"ndjson:{tmp_path / 'data'}"
    run = ("sync", "run", "--sandbox", "--cases", 60, "--streams", "cases", "--max-rows", 1, "--to", target, "--from")
    assert amili(*run, "2021-01-01", "--until", "2021-03-01").code == 0
    before, rows = len(files(tmp_path, "cases")), sorted(map(str, _rows(tmp_path)))
    code, _, err = amili("sync", "compact", "--to", target)
    assert code == 0
    assert re.match(rf"\d+ files? fewer in {re.escape(target)}", err)
    assert len(files(tmp_path, "cases")) < before
    assert sorted(map(str, _rows(tmp_path))) == rows
    assert ": only neighbouring windows of one month go together" in amili("sync", "compact", "--to", target).err
    assert amili("sync", "verify", "--to", target).code == 0


def _rows(tmp_path):
    return [row["caseId"] for path in files(tmp_path, "cases") for row in rows_in(path)]


def test_targets_of_other_data_are_refused(amili, server, demo):
    """Data of another sandbox or of a real server is not mixed in."""
    code, _, err = amili("sync", "run", "--sandbox", "--cases", 13, "--to", demo)
    assert code == 2
    assert "holds rows of the sandbox --cases 12, not of the sandbox --cases 13" in err
    server(lambda _: page())
    code, _, err = amili("sync", "run", "--org", "a", "--to", demo)
    assert (code, len(err.splitlines())) == (2, 1)


def test_streams_of_arm(amili, tmp_path):
    """The lists of ARM clients land too; the guess about one is said once."""
    target = f"ndjson:{tmp_path / 'data'}"
    code, out, err = amili("sync", "run", "--sandbox", "--streams", "customers,documents", "--to", target)
    assert code == 0
    assert re.search(r"^customers +2,000 .* complete", out, re.MULTILINE)
    assert err.count("warning: arm.documents.list: ") == 1
    assert "case status" not in out
    code, out, _ = amili("sync", "plan", "--sandbox", "--client", 2219, "--to", "ndjson:no")
    assert {line.split("/")[1] for line in out.splitlines()} == {"2219"}


@pytest.mark.parametrize("key", [None, "s3cret-key-of-16-letters"])
def test_redact_and_explode(amili, tmp_path, monkeypatch, key):
    """Redacted members are null, or a hash with a key; parts get tables of their own."""
    if key:
        monkeypatch.setenv("AMILI_REDACT_KEY", key)
    target = f"ndjson:{tmp_path / 'data'}"
    options = ("--redact", "caseNumber", "--explode", "invoices", "--rate", "600/s", "--streams", "cases")
    assert amili("sync", "run", "--sandbox", "--cases", 3, *options, "--to", target).code == 0
    numbers = {row["caseNumber"] for path in files(tmp_path, "cases") for row in rows_in(path)}
    assert numbers == {None} if key is None else all(re.fullmatch("[0-9a-f]{32}", number) for number in numbers)
    parts = [row for path in files(tmp_path, "cases_invoices") for row in rows_in(path)]
    assert {0} <= {row["_index"] for row in parts}


@pytest.mark.parametrize("option", ["--redact", "--streams", "--org", "--client", "--explode"])
@pytest.mark.parametrize("command", ["run", "reset", "verify"])
def test_options_without_a_value_do_not_mean_all(amili, demo, option, command):
    """A variable of the shell that is not set does not write what was to be left out, and does not remove everything."""
    if command != "run" and option in {"--redact", "--explode"}:
        command = "refresh"
    before = amili("sync", "status", "--json", "--to", demo).out
    settings = ("--sandbox", "--cases", 12) if command in {"run", "refresh"} else ("--yes",) if command == "reset" else ()
    code, _, err = amili("sync", command, *settings, option, "", "--to", demo)
    assert (code, err) == (2, f"error: {option} is empty: give it a value, or leave it out\n")
    assert amili("sync", "status", "--json", "--to", demo).out == before


def test_keys_of_hashes_are_not_idle(amili, monkeypatch):
    """A key that would be guessed is refused, and so is one that no member is hashed with."""
    monkeypatch.setenv("AMILI_REDACT_KEY", "hunter2")
    code, _, err = amili("sync", "run", "--sandbox", "--redact", "email", "--to", "ndjson:no")
    assert (code, "hunter2" in err, "AMILI_REDACT_KEY" in err, "16 to 64 bytes" in err) == (2, False, True, True)
    code, _, err = amili("sync", "run", "--sandbox", "--to", "ndjson:no")
    assert (code, "--redact is missing" in err) == (2, True)


def test_json_logs(amili, tmp_path, monkeypatch):
    """With `--json-logs` every line on stderr is JSON, the last one being the report."""
    monkeypatch.setattr(cli_progress, "EVERY", 0)
    code, out, err = amili("sync", "run", *DEMO, "--json-logs", "--to", f"ndjson:{tmp_path / 'd'}")
    lines = [json.loads(line) for line in err.splitlines()]
    assert code == 0
    assert {"WindowPlanned", "WindowStarted", "WindowDone", "Report"} <= {line["event"] for line in lines}
    assert (lines[-1]["event"], lines[-1]["code"], lines[-1]["complete"]) == ("Report", 0, True)
    assert lines[-1]["report"]["streams"]["cases"]["rows"] == 24
    assert "case status" in out


def test_org_that_is_not_ours(amili, server, tmp_path):
    """No access is code 4; each list is told once, with what to do."""
    server(lambda _: Reply(403, {}, b""))
    code, out, err = amili("sync", "run", "--org", "o", "--streams", "cases,batches", "--to", f"ndjson:{tmp_path / 'd'}")
    assert code == 4
    assert err.count("error: ") == 2
    assert "check the ids, and that these credentials may see them" in err
    assert "1 unread" in out
    assert err.endswith("\n1 window left: run again when that is mended\n")
    assert amili("export", "cases", "--org", "o").code == code


def test_fails_in_part(amili, server, tmp_path):
    """A list that fails is code 3 and one sentence; the others are there, and `status` tells why."""
    target = f"ndjson:{tmp_path / 'd'}"
    server(lambda request: Reply(422, {}, b"") if "/batches" in request.url else page({"id": 1, "caseId": "1"}))
    code, out, err = amili("sync", "run", "--org", "o", "--streams", "invoices,batches", "--to", target)
    assert code == 3
    assert re.search(r"^batches .* 1 left", out, re.MULTILINE)
    assert [line for line in err.splitlines() if line.startswith("error: batches/o/all: GET ")]
    assert "error" not in err.replace("error: batches", "")
    out = amili("sync", "status", "--to", target).out
    assert "! failed" in out
    assert "batches/o/all: GET /orgs/{organizationId}/batches: answered 422" in out


def test_server_out_of_reach(amili, server, tmp_path):
    """One cause is told once for all streams, with what to do, as by the other commands."""

    def nobody(request):
        raise NotSentError("cannot connect to api: Connection refused")

    server(nobody)
    code, _, err = amili("sync", "run", "--org", "o", "--to", f"ndjson:{tmp_path / 'd'}")
    assert code == 3
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert lines == ["error: cannot connect to api: Connection refused; check the network and AMILI_ENVIRONMENT"]
    assert err.endswith(": run again to go on\n")
    assert amili("export", "cases", "--org", "o").err.endswith("; check the network and AMILI_ENVIRONMENT\n")


@pytest.mark.parametrize(("status", "advice"), [(400, "check ids and filters"), (404, "check the ids"), (429, "try again")])
def test_advice_by_cause(capfd, status, advice):
    """Whether it helps to run again depends on the answer, and so does what else to do."""
    failure = Failure("cases", "o", None, f"answered {status}", status)
    conclude(Report(streams={}, failures=[failure]), NdjsonSink("x"), "", json=False)
    last = capfd.readouterr().err.splitlines()[-2:]
    assert last[0].startswith(advice)
    assert last[1] == ("run again to go on" if status == 429 else "run again when that is mended")


def test_refused_credentials(amili, server, monkeypatch, tmp_path):
    """Refused credentials are code 4, said once."""
    server(lambda _: json_reply({"error": "invalid_client"}, 401))
    monkeypatch.delenv("AMILI_TOKEN")
    monkeypatch.setenv("AMILI_CLIENT_ID", "id")
    monkeypatch.setenv("AMILI_CLIENT_SECRET", "s3cret")
    code, out, err = amili("sync", "run", "--org", "o", "--to", f"ndjson:{tmp_path / 'd'}")
    assert (code, out, len(err.splitlines())) == (4, "", 1)
    assert "the credentials were refused" in err
    assert "s3cret" not in err


def test_busy_target(amili, tmp_path, monkeypatch):
    """A target that another run holds is code 3, in one sentence."""

    async def busy(self, *_):
        raise SinkError("ndjson:x is being used by another run: wait for it, or stop it", busy=True)

    monkeypatch.setattr(NdjsonSink, "open", busy)
    code, out, err = amili("sync", "run", *DEMO, "--to", f"ndjson:{tmp_path / 'd'}")
    assert (code, out) == (3, "")
    assert err == "error: ndjson:x is being used by another run: wait for it, or stop it\n"


@pytest.mark.parametrize("times", [1, 2])
def test_interrupted(amili, server, tmp_path, times):
    """Ctrl-C once finishes what is being read; twice stops at once. Both are 130, and the next run goes on."""
    target, pressed = f"ndjson:{tmp_path / 'd'}", []

    async def answer(request):
        if not pressed:
            pressed.append(True)
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
                await _breath()
            if times > 1:
                await cli_sync.asyncio.Event().wait()
        return page({"batchId": "1"})

    server(answer)
    run = ("sync", "run", "--org", "o", "--streams", "batches", "--to", target)
    before = signal.getsignal(signal.SIGINT)
    code, out, err = amili(*run)
    assert code == 130
    assert err.startswith("finishing the windows that are being read; Ctrl-C again stops at once\n")
    if times == 1:
        assert re.search(r"^batches +1 +1 .*stopped", out, re.MULTILINE)
        assert err.endswith("interrupted; the next run goes on where this one stopped\n")
    else:
        assert out == ""
        assert err.endswith(f"stopped at once; what was committed is in {target}, and the next run goes on\n")
    assert signal.getsignal(signal.SIGINT) is before
    assert amili(*run).code == 0


async def _breath():
    for _ in range(5):
        await cli_sync.asyncio.sleep(0.001)


def test_progress_without_a_terminal(amili, server, monkeypatch, tmp_path):
    """Where there is no terminal, a line for each stream comes from time to time, and retries are told."""
    monkeypatch.setattr(cli_progress, "EVERY", 0)

    async def tick(progress):
        while True:
            await cli_sync.asyncio.sleep(0)
            progress.tick()

    monkeypatch.setattr(cli_sync, "_tick", tick)
    tries = iter([True])
    server(lambda _: Reply(503, {"retry-after": "1"}, b"") if next(tries, False) else page({"batchId": "1"}))
    code, _, err = amili("sync", "run", "--org", "o", "--streams", "batches", "--to", f"ndjson:{tmp_path / 'd'}")
    assert code == 0
    assert re.search(r"^batches: \d rows?, [\d,]+/s, 0\.0 MB/s, \d of 1 window", err, re.MULTILINE)


def test_progress_on_a_terminal(amili, monkeypatch, tmp_path):
    """On a terminal the streams are drawn; NO_COLOR is heeded."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, err = amili("sync", "run", *DEMO, "--to", f"ndjson:{tmp_path / 'd'}")
    assert re.search(r"cases .*24 rows", err)
    assert ANSI in out
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", amili("operations").out)
