"""The commands, in process."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import sys
import warnings

import pytest
from anyio.to_thread import run_sync

from amili_async import catalogue, cli, cli_lists, cli_output
from amili_async.cli_access import read_env_file
from amili_async.cli_lists import export, filters_of
from amili_async.sandbox import Sandbox
from amili_async.sync.streams import STREAMS
from amili_async.testing import Reply, json_reply
from tests.cli.conftest import page

ORG = Sandbox().organizations[0]
ANSI = "\x1b["


def test_help_and_version(amili):
    """Help names every command; the version is one line."""
    code, out, err = amili("--help")
    assert (code, err) == (0, "")
    assert all(name in out for name in ("sync", "export", "call", "operations", "token", "sandbox"))
    assert amili().out == out
    code, out, _ = amili("--version")
    assert (code, len(out.splitlines())) == (0, 1)
    assert re.fullmatch(r"amili-async \d+\.\d+\S*\n", out)


@pytest.mark.parametrize(
    "command",
    [
        *(f"sync {name}" for name in ("run", "plan", "refresh", "status", "verify", "reset", "compact")),
        "export",
        "call",
        "operations",
        "token",
        "sandbox",
        "webhooks",
        "webhooks listen",
    ],
)
def test_every_option_is_explained(amili, command):
    """No option and no argument of a command goes without a text."""
    _, out, _ = amili(*command.split(), "--help")
    bare = [line for line in out.splitlines() if re.fullmatch(r"│ [ *] {1,2}(-\S+|[A-Z]+)( [A-Z]+)?(\.\.\.)?\s*│", line)]
    assert not bare
    assert ANSI not in out


@pytest.mark.parametrize(
    ("command", "text", "lacking"),
    [
        ("webhooks", "listen Take webhooks in and print each genuine event", "AMILI"),
        ("webhooks listen", "HMAC-SHA256 over the body in X-Webhook-Signature is an assumption.", "--sandbox"),
        ("sync verify", "the contents of the rows are not compared", "--sandbox"),
        ("sync reset", "all owners that the target holds if no organization", "--sandbox"),
        ("sync compact", "Only windows that begin in the same month of creation go together", "--sandbox"),
        ("sync run", "only where the server counts them", "row by row"),
    ],
)
def test_help_says_what_is_so(amili, command, text, lacking):
    """Help promises what a command does, and names no option that it has not."""
    out = " ".join(amili(*command.split(), "--help").out.replace("│", " ").split())
    assert text in out
    assert lacking not in out


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        ("tokn", 2, 'Did you mean "token"'),
        ("token s3cret", 2, "too many arguments"),
        ("token --client-secret=s3cret", 2, "--client-secret"),
        ("export", 2, "STREAM"),
        ("export things --org o", 2, "no stream 'things'; the streams are cases, batches"),
        ("export cases --org o --limit many", 2, "--limit"),
        ("export cases", 4, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
        ("export cases --org o", 4, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
        ("export cases --org o --colour s3cret", 2, "cases have no filter --colour; there are --status, --type"),
        ("export invoices --org o --colour s3cret", 2, "--from, --to"),
        ("export cases --org o --output /nowhere/at/all", 2, "cannot write to /nowhere/at/all: No such file or directory"),
        ("export cases --sandbox --org s3", 2, "the sandbox has no organization 's3', only "),
        ("sync run", 4, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
        ("sync run --org o --streams cases,dogs", 2, "no stream 'dogs'"),
        ("sync run --org o --cases 5 --seed 1", 2, "--cases and --seed only go with --sandbox"),
        ("sync run --org o --seed 1", 2, "--seed only goes with --sandbox"),
        ("sync run --sandbox --env-file x", 2, "leave out --env-file"),
        ("sync run --sandbox --cases 0", 2, "--cases"),
        ("sync run --sandbox --seed 99999999999999999999999", 2, "seed of a sandbox must be"),
        ("sync run --sandbox --to /dev/null", 2, "/dev/null is a file: name a folder"),
        ("sync run --sandbox --to ndjson:/dev/null/x", 2, "ndjson:/dev/null/x cannot be used (Not a directory): mend that"),
        ("sync run --sandbox --to paper:x", 2, "there is no target 'paper', only ndjson:FOLDER"),
        ("sync run --sandbox --to ndjson:", 2, "the target ndjson: has no place; write ndjson:FOLDER"),
        ("sync run --sandbox --to sqlite:", 2, "has no place; write sqlite:FILE"),
        ("sync status --to postgres://me:s3cret@host/db", 2, "put it in PGPASSWORD or ~/.pgpass"),
        ("sync status --to postgres://host/db?password=s3cret", 2, "put it in PGPASSWORD or ~/.pgpass"),
        ("sync status --to postgres://[host/db", 2, "not a URL: write postgres://HOST/DATABASE"),
        ("sync run --sandbox --from nonsense", 2, "--from must be a date or a date-time, such as 2024-01-01"),
        ("sync run --sandbox --until nonsense", 2, "--until must be a date or a date-time"),
        ("sync run --sandbox --from 2024-02-01 --until 2024-01-01", 2, "--from must be before --until"),
        ("sync run --sandbox --from 0001-01-01", 2, "--from must lie in the years 1900 to 2999"),
        ("sync run --sandbox --until 3000-01-01T00:00:00Z", 2, "--until must lie in the years 1900 to 2999"),
        ("sync plan --sandbox --from 2099-01-01", 2, "--from 2099-01-01 lies in the future"),
        ("sync run --sandbox --rate fast", 2, "--rate 'fast' is not a rate; write 20/s or 600/min"),
        ("sync run --sandbox --rate 0/s", 2, "is not a rate"),
        ("sync run --sandbox --concurrency 0", 2, "--concurrency"),
        ("sync run --sandbox --explode noses", 2, "there is no part 'noses', only invoices"),
        ("sync run --sandbox --redact caseId", 2, "caseId tells the rows of cases apart"),
        ("sync run --sandbox --dry-run --restart", 2, "leave out one of them"),
        ("sync run --sandbox --org nobody", 2, "the sandbox has no organization 'nobody', only "),
        ("sync run --sandbox --client 1", 2, "the sandbox has no client '1', only "),
        ("sync run --org o --streams customers", 2, "customers belong to clients of ARM: give their numbers with --client"),
        ("sync run --client 1 --streams cases", 2, "cases belong to organizations: give their ids with --org"),
        ("sync refresh --sandbox --thaw-after soon", 2, "--thaw-after 'soon' is not a length of time; write 30d"),
        ("sync plan", 4, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET"),
        ("sync reset --streams dogs", 2, "no stream 'dogs'"),
        ("call collection.case.list o", 2, "did you mean collection.cases.list?"),
        ("call nothing", 2, "no operation 'nothing'; `amili operations` lists them"),
        ("call collection.cases.list", 2, r"takes 1 id (organizationId), 0 given"),
        ("call collection.invoices.get o", 2, r"takes 2 ids (organizationId, invoiceId), 1 given"),
        ("call identity.health x", 2, "takes no ids, 1 given"),
        ("call collection.cases.list --sandbox", 2, ORG),
        ("call collection.cases.list o --page-size big --sandbox", 2, "page size must be a whole number"),
        ("call identity.health --body {s3cret", 2, "--body is not JSON"),
        ("call identity.health --body @/nowhere", 2, "--body @/nowhere: No such file"),
        ("call identity.verify", 4, "set AMILI_CLIENT_ID"),
        ("operations --evidence hearsay", 2, "no evidence level 'hearsay'"),
        ("token", 4, "set AMILI_CLIENT_ID"),
        ("token --env-file /nowhere", 2, "--env-file /nowhere: No such file"),
        ("sandbox --port 0 --webhook-url http://h/x", 2, "must be on this machine (webhook_anywhere=True lifts that, in Python"),
        ("sandbox --port 70000", 2, "--port"),
        ("sandbox --host nowhere.invalid", 2, "cannot listen on nowhere.invalid:8080"),
    ],
)
def test_one_sentence(amili, argv, code, text):
    """What cannot work is told in one line on stderr, with the exit code, nothing on stdout, and no secret repeated."""
    found, out, err = amili(*argv.split(" "))
    assert (found, out) == (code, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert text in err
    assert "s3cret" not in err


def test_org_missing(amili, monkeypatch):
    """With credentials, a missing organization is a matter of usage."""
    monkeypatch.setenv("AMILI_TOKEN", "t")
    for argv in (["sync", "run"], ["export", "cases"]):
        code, _, err = amili(*argv)
        assert (code, err.startswith("error: --org is missing")) == (2, True)


def test_given_tokens_are_said_not_to_be_checked(amili, monkeypatch):
    """Amili token with AMILI_TOKEN asks nobody, and says so."""
    monkeypatch.setenv("AMILI_TOKEN", "t0ken")
    code, out, _ = amili("token")
    assert code == 0
    assert "checked   no: AMILI_TOKEN is given" in out


def test_comments_behind_values_of_an_env_file(amili, tmp_path):
    """What follows a blank and # is not part of a value, unless it is in quotes."""
    file = tmp_path / "env"
    file.write_text("AMILI_TOKEN=abc   # mine\n")
    assert amili("token", "--show", "--env-file", file).out == "abc\n"
    file.write_text("AMILI_TOKEN='a#b'\n")
    assert amili("token", "--show", "--env-file", file).out == "a#b\n"
    for line in ("'a #b' # it's mine", '"a #b"\t# "mine"'):
        file.write_text(f"AMILI_TOKEN={line}\n")
        assert read_env_file(file) == {"AMILI_TOKEN": "a #b"}


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://api.example", "is plain http to another machine: tokens would travel in the clear (write https)"),
        ("ftp://api.example", "must be an absolute http(s) URL"),
        ("https://me:s3cret@api.example", "must have no user, password, query or fragment"),
    ],
)
@pytest.mark.parametrize("name", ["AMILI_ENVIRONMENT", "AMILI_COLLECTION_URL"])
def test_bad_url_is_told_by_its_variable(amili, monkeypatch, name, url, text):
    """What is wrong with a URL is said by the name of the variable, and in no words of Python."""
    monkeypatch.setenv("AMILI_TOKEN", "t0ken")
    monkeypatch.setenv(name, url)
    assert amili("export", "cases", "--org", "o") == (2, "", f"error: {name} {text}\n")


@pytest.fixture
def _interrupt_after_a_page(server, monkeypatch):
    """Answer the first page; when it has been written and the second is asked for, press Ctrl-C, and do not answer."""
    written = asyncio.Event()

    async def tracked(*args, **options):
        await run_sync(*args, **options)
        written.set()

    async def answer(request):
        nonlocal written
        if "ageToken" not in request.url:
            written = asyncio.Event()
            return page({"n": 1}, token="2")
        await written.wait()
        signal.raise_signal(signal.SIGINT)
        return await asyncio.Event().wait()

    monkeypatch.setattr(cli_lists, "run_sync", tracked)
    server(answer)


def test_interrupted_before_any_row(amili, server, tmp_path):
    """Ctrl-C before the first page leaves nothing to tell of."""

    async def answer(request):
        signal.raise_signal(signal.SIGINT)
        await asyncio.Event().wait()

    server(answer)
    assert amili("export", "cases", "--org", "o") == (130, "", "interrupted\n")
    assert amili("call", "collection.cases.list", "o") == (130, "", "interrupted\n")


@pytest.mark.usefixtures("_interrupt_after_a_page")
def test_interrupted_export(amili, tmp_path):
    """Ctrl-C in the middle of an export says that the output is incomplete, and where it is."""
    code, out, err = amili("export", "cases", "--org", "o")
    assert (code, out, err) == (130, '{"n":1}\n', "interrupted; the output is incomplete\n")
    path = tmp_path / "x"
    code, out, err = amili("export", "cases", "--org", "o", "--output", path)
    assert (code, out) == (130, "")
    assert err == f"interrupted; the output is incomplete, and kept in {path}.part\n"


def test_export(amili, server):
    """An export is rows on stdout and nothing else; filters go by their Python or wire names, in any case."""
    transport = server(lambda request: page({"n": 2}) if "PageToken" in request.url else page({"n": 1}, token="2"))
    code, out, err = amili(
        "export", "cases", "--org", "o", "--status", "OPEN", "--from-created-at", "2024-01-01", "--ToCreatedAt=2024-02-01",
        "--page-size", 7,
    )  # fmt: skip
    assert (code, out, err) == (0, '{"n":1}\n{"n":2}\n', "")
    for name in ("Status=OPEN", "FromCreatedAt=2024-01-01", "ToCreatedAt=2024-02-01", "PageSize=7"):
        assert all(name in request.url for request in transport.requests)


def test_export_with_limit(amili):
    """A limit is a limit of rows in all; none are none."""
    code, out, _ = amili("export", "invoices", "--sandbox", "--limit", 3)
    assert (code, len(out.splitlines())) == (0, 3)
    assert all(json.loads(line)["organization"]["id"] == ORG for line in out.splitlines())
    assert amili("export", "invoices", "--sandbox", "--limit", 0) == (0, "", "0 rows\n")


def test_export_of_numbers_and_guesses(amili):
    """A filter that is a number goes as one; what rests on a guess is said in one line."""
    code, out, err = amili("export", "documents", "--sandbox", "--maximum-count", 3)
    assert (code, len(out.splitlines())) == (0, 3)
    assert err.splitlines()[0] == (
        "warning: arm.documents.list: the operation is not confirmed by documentation (evidence: inferred)"
    )
    assert all(line.startswith("warning: arm.documents.list: ") for line in err.splitlines())
    for wrong in ("all", "0", "-1", "2.5", ""):
        code, _, err = amili("export", "customers", "--sandbox", f"--maximum-count={wrong}")
        assert (code, err) == (2, "error: --maximum-count must be a whole number of at least 1\n")


def test_export_to_a_file(amili, server, tmp_path):
    """An export to a file leaves stdout alone and the file whole."""
    server(lambda _: page({"n": 1}))
    path = tmp_path / "cases.ndjson"
    assert amili("export", "cases", "--org", "o", "--output", path) == (0, "", f"1 row in {path}\n")
    assert path.read_bytes() == b'{"n":1}\n'


def test_export_that_fails(amili, server, tmp_path):
    """An export that fails in the middle says so, and shows that the client tried again."""
    server(lambda request: Reply(503, {}, b"") if "PageToken" in request.url else page({"n": 1}, token="2"))
    path = tmp_path / "x"
    code, out, err = amili("export", "cases", "--org", "o", "--output", path)
    assert (code, out) == (3, "")
    assert err.count("warning: GET /orgs/{organizationId}/cases: attempt ") == 3
    assert err.splitlines()[-1].endswith(f"the output is incomplete, and kept in {path}.part")
    assert (tmp_path / "x.part").read_bytes() == b'{"n":1}\n'


def test_export_into_a_closed_pipe(amili, server, monkeypatch):
    """A reader that has seen enough is no error."""

    def closed(chunk):
        raise BrokenPipeError

    server(lambda _: page({"n": 1}))
    silenced = []
    monkeypatch.setattr(cli_lists, "write_bytes", closed)
    monkeypatch.setattr(cli, "silence_stdout", lambda: silenced.append(True))
    assert amili("export", "cases", "--org", "o") == (0, "", "")
    assert silenced


@pytest.mark.parametrize("stream", STREAMS)
def test_export_help_names_every_filter(stream):
    """The filters in the help are those of the methods."""
    text = " ".join(export.__doc__.split())
    shown = [f"--{name.strip('_').replace('_', '-')}" for name in filters_of(STREAMS[stream])]
    if STREAMS[stream].of_arm:
        part = text.partition("Of all lists of ARM: ")[2].partition(".")[0]
        assert set(shown) <= set(part.replace(";", ",").replace("of some: ", "").split(", "))
    else:
        assert text.partition(f"f {stream}: ")[2].partition(".")[0].split(", ") == shown


def test_call_of_a_list(amili, server):
    """A list answers with its first page as an array; names of query parameters fit however they are written."""
    transport = server(lambda _: page({"caseId": "1", "remainingAmount": 1, "extra": True}, token="t/2"))
    code, out, err = amili(
        "call", "collection.cases.list", "o", "--page-size", 1, "--status", "OPEN", "--FROMCREATEDAT", "2024", "--new-one", "x"
    )
    assert code == 0
    assert [case["caseId"] for case in json.loads(out)] == ["1"]
    assert err.splitlines() == [
        "warning: collection.cases.list has no parameter new-one that is known here; it is sent as it is",
        "more rows follow; --page-token=t/2 gets the next page, and `amili export` gets all of them",
    ]
    query = transport.requests[0].url.partition("?")[2].split("&")
    assert sorted(query) == ["FromCreatedAt=2024", "PageSize=1", "Status=OPEN", "new-one=x"]


def test_call_of_a_list_by_number(amili, server):
    """Without a page token there is only the cursor to go on from."""
    skip = {"totalCount": 2, "currentPage": 1, "totalPages": 2, "hasNextPage": True}
    server(lambda _: json_reply({"data": [{"caseId": "1"}], "skipSummary": skip}))
    _, _, err = amili("call", "collection.cases.list", "o")
    assert err == "more rows follow; `amili export` gets all of them\n"


def test_call_of_a_list_of_arm(amili, server):
    """Of a kept query the next page is named in the way that the same command takes; `export` does not know such lists."""
    transport = server(
        lambda _: json_reply({"summary": {"pageNo": 1, "totalPages": 3, "queryId": "-Q_1"}, "customers": [{"customerNo": "1"}]})
    )
    _, _, err = amili("call", "arm.customers.list", "2218")
    assert err == "more rows follow; --query=-Q_1 --pageno=2 gets the next page\n"
    amili("call", "arm.customers.list", "2218", "--query=-Q_1", "--pageno=2")
    assert transport.requests[-1].url.endswith("/customers?query=-Q_1&pageno=2")


def test_call_of_one(amili, server):
    """One object is printed as JSON with the names of the wire; digits of amounts stay."""
    server(lambda _: Reply(200, {}, b'{"data":{"id":"7","vat":12.50}}'))
    code, out, err = amili("call", "collection.settlements.get", "o", "7")
    assert (code, err) == (0, "")
    assert json.loads(out)["id"] == "7"
    assert '"vat":12.50' in out
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize("way", ["argument", "file", "stdin"])
def test_call_with_a_body(amili, server, monkeypatch, tmp_path, way):
    """A body comes from the argument, a file or stdin, and its numbers keep their digits."""
    content = '{"amount": 1.10}'
    transport = server(lambda _: Reply(204, {}, b""))
    (tmp_path / "body.json").write_text(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    given = {"argument": content, "file": f"@{tmp_path}/body.json", "stdin": "-"}[way]
    code, out, err = amili("call", "identity.refresh", "--body", given)
    assert (code, out) == (0, "null\n")
    assert transport.requests[0].body == b'{"amount":1.10}'
    assert err == "warning: identity.refresh: HTTP method is not confirmed by documentation (evidence: nav)\n"


@pytest.mark.parametrize("operation", [("collection.payments.create", ORG), ("identity.token",)])
def test_call_without_the_body_that_it_takes(amili, operation):
    """An operation that takes a body and is refused without one says so."""
    code, out, err = amili("call", *operation, "--sandbox")
    assert (code, out) == (3, "")
    assert "answered 400" in err
    assert err.endswith(f"; {operation[0]} takes a body: give it with --body\n")


def test_call_without_credentials(amili, server, monkeypatch):
    """What needs no token can be called without credentials."""
    server(lambda _: Reply(200, {}, b"Healthy"))
    monkeypatch.delenv("AMILI_TOKEN")
    code, out, _ = amili("call", "identity.health")
    assert (code, out) == (0, '"Healthy"\n')


def test_call_leaves_warnings_as_they_were(amili, server):
    """Afterwards warnings are shown as before."""
    server(lambda _: json_reply({}))
    before = warnings.showwarning
    amili("call", "identity.verify")
    assert warnings.showwarning is before


def test_call_on_a_terminal(amili, server, monkeypatch):
    """People get indented JSON."""
    server(lambda _: Reply(200, {}, b'{"data":{"id":"7"}}'))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    _, out, _ = amili("call", "collection.invoices.get", "o", "7")
    assert '  "id": "7"' in out


def test_operations(amili):
    """The table has every operation, with the guesses in plain words; levels can be chosen."""
    code, out, err = amili("operations")
    assert code == 0
    for operation in catalogue.operations():
        assert re.search(rf"^{re.escape(operation.name)} +{operation.method} +{re.escape(operation.path)} ", out, re.MULTILINE)
    assert f"{len(catalogue.operations())} operations" in err
    _, out, _ = amili("operations", "--evidence", "nav,inferred")
    assert "identity.verify" in out
    assert "HTTP method" in out
    assert "collection.cases.list" not in out


def test_operations_on_a_narrow_terminal(amili, monkeypatch):
    """Where the table does not fit, each operation has two lines."""
    monkeypatch.setattr("amili_async.cli_calls.WIDE", 300)
    code, out, _ = amili("operations")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 2 * len(catalogue.operations())
    assert "collection.cases.list  seed, cursor+skip paging" in lines
    assert "    GET /orgs/{organizationId}/cases" in lines
    assert any(line.startswith("identity.verify  nav") and line.endswith("guessed: HTTP method") for line in lines)


def test_operations_as_json(amili):
    """For programs the same as JSON."""
    code, out, err = amili("operations", "--json", "--evidence", "nav")
    assert (code, err) == (0, "")
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["identity.verify"]["guessed"] == "HTTP method"
    assert {row["evidence"] for row in rows.values()} == {"nav"}


def test_token(amili):
    """A token is described, not shown; asked for, it is all that is printed."""
    code, out, err = amili("token", "--sandbox")
    assert (code, err) == (0, "")
    assert "Bearer" in out
    assert "3,600 s" in out
    assert "eyJ" not in out
    code, out, err = amili("token", "--sandbox", "--show")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", out)


def test_given_token(amili, monkeypatch):
    """A token that was given says nothing of its life, and is not asked for anywhere."""
    monkeypatch.setenv("AMILI_TOKEN", "t0ken")
    code, out, _ = amili("token")
    assert code == 0
    assert "not told" in out
    assert "t0ken" not in out
    assert amili("token", "--show").out == "t0ken\n"


def test_sandbox_command(amili, monkeypatch):
    """The sandbox says where it is and what to paste; Ctrl-C ends it."""

    async def press(self):
        signal.raise_signal(signal.SIGINT)
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.Event, "wait", press)
    code, out, err = amili("sandbox", "--port", 0, "--cases", 3, "--organizations", 1, "--webhook-url", "http://127.0.0.1:9/")
    assert (code, err) == (130, "interrupted\n")
    assert "invented" in out
    assert out.count(ORG) == 2
    for line in (
        r"export AMILI_ENVIRONMENT=http://127\.0\.0\.1:\d+$",
        r"export AMILI_CLIENT_ID=\S+",
        r"export AMILI_CLIENT_SECRET=\S+",
        r"export AMILI_WEBHOOK_SECRET=sandbox-webhook-secret$",
    ):
        assert re.search(rf"^  {line}", out, re.MULTILINE)
    _, out, err = amili("sandbox", "--port", 0, "--host", "0.0.0.0")  # noqa: S104  # that is the point
    assert err.startswith("warning: 0.0.0.0 is not this machine alone: whoever reaches port ")


def test_debug(amili, server, monkeypatch):
    """A trace is shown on demand only, and requests are logged then; never the token."""
    server(lambda _: Reply(404, {}, b""))
    code, _, err = amili("export", "cases", "--org", "o")
    assert (code, "Traceback" in err) == (3, False)
    monkeypatch.setenv("AMILI_DEBUG", "0")
    assert "Traceback" not in amili("export", "cases", "--org", "o").err
    monkeypatch.setenv("AMILI_DEBUG", "1")
    told = amili("export", "cases", "--org", "o").err
    assert "Traceback" in told
    assert "debug: GET /orgs/{organizationId}/cases: attempt 1, 404" in told
    monkeypatch.delenv("AMILI_DEBUG")
    assert "Traceback" in amili("export", "cases", "--org", "o", "--debug").err
    assert "t0ken" not in told


def test_unexpected_error(amili, server):
    """A bug of ours is one sentence too."""

    def broken(request):
        raise ZeroDivisionError("s3cret")

    server(broken)
    assert amili("call", "collection.cases.list", "o") == (3, "", "error: unexpected ZeroDivisionError; --debug shows where\n")


def test_closed_stdout(monkeypatch, capfd):
    """With stdout closed there is a sentence, not a crash."""
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.run(["operations"]) == 2
    assert "stdout is closed" in capfd.readouterr().err


def test_arguments_of_the_process(monkeypatch, capfd):
    """Without arguments given, those of the process are taken."""
    monkeypatch.setattr(sys, "argv", ["amili", "--version"])
    assert cli.run() == 0
    assert capfd.readouterr().out.startswith("amili-async ")


def test_silence(monkeypatch):
    """What is left in the buffer of a closed stdout goes nowhere."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        closed.write("left")
        monkeypatch.setattr(sys, "stdout", closed)
        cli_output.silence_stdout()


def test_console_leaves_broken_pipes_to_us():
    """Rich would end the process."""
    with pytest.raises(BrokenPipeError):
        cli_output.console().on_broken_pipe()
