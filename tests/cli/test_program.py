"""The real program, as a process of its own: the stories that a user lives through."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from amili_async.sandbox import Sandbox
from tests.cli.conftest import rows_in

MODULE = [sys.executable, "-m", "amili_async"]
AMILI = [str(Path(sys.executable).with_name("amili"))]


def _amili(*argv: object, command: list[str] = AMILI, **options) -> subprocess.CompletedProcess[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([*command, *map(str, argv)], text=True, check=False, **streams)  # noqa: S603  # our own program


def test_demonstration(tmp_path):
    """`amili sync run --sandbox` leaves all rows in files for their owner alone, and the command it shows works."""
    done = _amili("sync", "run", "--sandbox", "--cases", "20", "--to", "ndjson:amili data", cwd=tmp_path)
    sandbox = Sandbox(cases=20)
    assert done.returncode == 0
    for name in ("cases", "batches", "invoices", "settlements"):
        paths = list((tmp_path / "amili data" / name).rglob("*.ndjson"))
        truth = sum(1 for org in sandbox.organizations for _ in sandbox.truth(f"collection.{name}.list", org))
        assert sum(len(rows_in(path)) for path in paths) == truth > 0
        assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert "remaining amount" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    shown = subprocess.run(["sh", "-c", done.stdout.splitlines()[-1]], cwd=tmp_path, text=True, capture_output=True, check=True)  # noqa: S603, S607
    assert shown.stdout.startswith('{"caseId":')


@pytest.mark.parametrize("argv", [["sync", "run", "--org", "o"], ["export", "cases", "--org", "o"], ["token"]])
def test_no_credentials(argv, tmp_path):
    """Without credentials: one line that says what to set, and code 4."""
    done = _amili(*argv, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: no credentials: set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET")
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_module_is_the_program():
    """`python -m amili_async` is the command line too."""
    done = _amili("--version", command=MODULE)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("amili-async ")
    assert _amili("call", "nothing", command=MODULE).returncode == 2


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_the_extra(tmp_path, missing):
    """Without the command line's extra there is one sentence."""
    (tmp_path / missing).mkdir()
    (tmp_path / missing / "__init__.py").write_text(f"raise ModuleNotFoundError('no {missing}', name={missing!r})")
    done = _amili("--version", command=MODULE, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the command line needs: pip install 'amili-async[cli]'\n"


def test_help_of_what_is_not_imported_yet():
    """A command that is imported when it is used has its description all the same."""
    assert " listen  Take webhooks in and print" in _amili("webhooks", "--help").stdout


def test_pipe_that_closes():
    """`amili export ... | head -n 1` ends quietly."""
    with subprocess.Popen(  # noqa: S603  # our own program
        [*AMILI, "export", "cases", "--sandbox"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline().startswith(b'{"caseId":')
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_closed_pipe_of_a_table():
    """A table into a pipe that is closed already is no error either."""
    read, write = os.pipe()
    os.close(read)
    try:
        for argv in (["operations"], ["--help"], ["operations", "--json"]):
            assert _amili(*argv, stdout=write).returncode == 0
    finally:
        os.close(write)


@pytest.mark.parametrize("argv", [("export", "cases", "--sandbox", "--limit", 1), ("operations",), ("--help",)])
def test_full_disk(argv):
    """Where there is no room, it is said where that is."""
    with Path("/dev/full").open("wb") as full:
        done = _amili(*argv, stdout=full)
    assert done.returncode == 3
    assert done.stderr.startswith("error: No space left on device: standard output; make room and try again")
    assert len(done.stderr.splitlines()) == 1


@pytest_asyncio.fixture
async def stuck():
    """Serve one page of each list, then keep silent; tell when that point is reached."""
    reached = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": 60})
        if "PageToken" in request.query:
            reached.set()
            await asyncio.Event().wait()
        return web.json_response({"data": [{"n": 1}] * 50_000, "summary": {"nextPageToken": "2"}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    yield {"AMILI_ENVIRONMENT": f"http://{host}:{port}", "AMILI_CLIENT_ID": "i", "AMILI_CLIENT_SECRET": "s3cret"}, reached
    await runner.cleanup()


async def _interrupted(environ, reached, *argv, cwd):
    process = await asyncio.create_subprocess_exec(
        *AMILI, *argv, cwd=cwd, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await reached.wait()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        _, err = await process.communicate()  # a pipe that nobody reads until now keeps nobody from ending
    return process.returncode, err.decode()


@pytest.mark.asyncio
async def test_interrupted_sync(stuck, tmp_path):
    """Ctrl-C once waits for what is being read, twice ends: code 130, no traceback, no file, and the target is free again."""
    environ, reached = stuck
    process = await asyncio.create_subprocess_exec(
        *AMILI, "sync", "run", "--org", "o", "--streams", "cases", "--to", "ndjson:d",
        cwd=tmp_path, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    await reached.wait()
    process.send_signal(signal.SIGINT)
    assert (await process.stderr.readline()).startswith(b"finishing the windows that are being read")
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert err == b"stopped at once; what was committed is in ndjson:d, and the next run goes on\n"
    assert not list(tmp_path.rglob("*.ndjson*"))
    assert not list(tmp_path.rglob("lock"))


@pytest.mark.asyncio
async def test_interrupted_export_into_a_full_pipe(stuck, tmp_path):
    """Ctrl-C ends an export even while it waits for a reader."""
    code, err = await _interrupted(*stuck, "export", "cases", "--org", "o", cwd=tmp_path)
    assert code == 130
    assert err in {"interrupted; the output is incomplete\n", "interrupted\n"}  # the second page may be asked for first


def test_sandbox_until_interrupted():
    """The sandbox serves another process with the lines it prints, until Ctrl-C."""
    with subprocess.Popen(  # noqa: S603  # our own program
        [*AMILI, "sandbox", "--port", "0", "--cases", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = list(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        exports = dict(line.removeprefix("  export ").strip().split("=", 1) for line in lines if "  export " in line)
        again = next(line for line in lines if line.startswith("  amili export")).split()[1:]
        done = _amili(*again, env={**os.environ, **exports})
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "interrupted\n"
        assert process.wait() == 130
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")
    assert "invented" in lines[0]


def test_port_in_use():
    """A port that is taken is said in plain words."""
    with subprocess.Popen(  # noqa: S603  # our own program
        [*AMILI, "sandbox", "--port", "0", "--cases", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        port = process.stdout.readline().partition(". All")[0].rpartition(":")[2]
        done = _amili("sandbox", "--port", port)
        process.terminate()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use; give another --port or --host\n"
