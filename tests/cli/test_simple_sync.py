"""The simple sync, without the command line."""

from __future__ import annotations

import asyncio
import errno
import re

import pytest
from msgspec import Raw

from amili_async import AmiliClient, StaticToken
from amili_async.errors import ConfigError, ServerError
from amili_async.sandbox import Fault, Sandbox
from amili_async.sync import STREAMS, Meter, StreamReport, sync
from amili_async.sync.files import PartFile
from amili_async.sync.simple import lines
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply
from tests.cli.conftest import page, rows_in

NEXT = re.compile("[?&][Pp]ageToken=2")


def _client(handler, **settings) -> AmiliClient:
    return AmiliClient(StaticToken("t"), transport=FakeTransport(handler), clock=FakeClock(), **settings)


@pytest.mark.asyncio
async def test_files_hold_what_the_server_has(tmp_path):
    """Every row of every organization is in the file of its stream, in the server's order."""
    meter = Meter()
    async with (
        Sandbox(cases=30, faults=[Fault("status", count=2, match="collection.invoices.list", retry_after=0)]) as sandbox,
        AmiliClient(sandbox.credentials, environment=sandbox.environment, hooks=meter) as amili,
    ):
        report = await sync(amili, sandbox.organizations, to=tmp_path, meter=meter)
        for stream in report.streams:
            truth = [
                row
                for organization in sandbox.organizations
                for row in sandbox.truth(f"collection.{stream.name}.list", organization)
            ]
            assert stream.rows == len(truth) == len(rows_in(stream.path))
            assert stream.bytes == stream.path.stat().st_size
    assert report.complete
    assert [stream.name for stream in report.streams] == list(STREAMS)
    assert sum(owed.cases for owed in report.amounts) == report.streams[0].rows == 60
    assert [stream.retries for stream in report.streams] == [0, 0, 2, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.ndjson" for name in STREAMS)
    assert all(stream.rate > 0 for stream in report.streams)


@pytest.mark.asyncio
async def test_bytes_stay_and_rows_are_lines(tmp_path):
    """Rows keep their bytes, digits included; line breaks between tokens go."""
    body = b'{"data": [{"a": 1.10,\r\n "b": "\\n"}, {"c":12345678901234567890.10}], "summary": {}}'
    async with _client(lambda _: Reply(200, {}, body)) as amili:
        report = await sync(amili, ["o"], to=tmp_path, streams=["batches"])
    assert report.streams[0].path.read_bytes() == b'{"a":1.10,"b":"\\n"}\n{"c":12345678901234567890.10}\n'


def test_lines():
    """Rows without line breaks keep even their blanks; no rows are no lines."""
    assert lines([]) == b""
    assert lines([Raw(b'{"a": 1}'), Raw(b"null")]) == b'{"a": 1}\nnull\n'


@pytest.mark.asyncio
async def test_organizations_are_read_once(tmp_path):
    """An organization or stream given twice is read once."""
    async with _client(lambda _: page({"id": 1})) as amili:
        report = await sync(amili, ["o", "o"], to=tmp_path, streams=["cases", "cases"])
    assert [(stream.name, stream.rows) for stream in report.streams] == [("cases", 1)]


@pytest.mark.asyncio
async def test_failed_stream_does_not_stop_the_others(tmp_path):
    """A stream that fails keeps its rows in the part file; the others end well."""

    def answer(request):
        if "/cases" in request.url and NEXT.search(request.url):
            return Reply(500, {}, b"")
        return page({"n": 1}, {"n": 2}, token="2" if "/cases" in request.url else None)

    seen: list[tuple[str, str, int]] = []
    async with _client(answer) as amili:
        report = await sync(
            amili,
            ["o"],
            to=tmp_path,
            streams=["cases", "batches"],
            on_progress=lambda stream: seen.append((stream.name, stream.state, stream.rows)),
        )
    cases, batches = report.streams
    assert not report.complete
    assert (cases.state, cases.rows, cases.part) == ("failed", 2, tmp_path / "cases.ndjson.part")
    assert isinstance(cases.failure, ServerError)
    assert rows_in(cases.part) == [{"n": 1}, {"n": 2}]
    assert not cases.path.exists()
    assert (batches.state, batches.part, len(rows_in(batches.path))) == ("complete", None, 2)
    assert [state for name, *state in seen if name == "cases"] == [["running", 0], ["running", 2], ["failed", 2]]


@pytest.mark.asyncio
async def test_full_disk_is_the_failure_of_a_stream(tmp_path, monkeypatch):
    """A disk that is full fails the stream, with the error of the system."""

    def full(self, chunk):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartFile, "write", full)
    async with _client(lambda _: page({"n": 1})) as amili:
        report = await sync(amili, ["o"], to=tmp_path, streams=["batches"])
    assert report.streams[0].state == "failed"
    assert report.streams[0].failure.errno == errno.ENOSPC
    assert report.streams[0].part is None


@pytest.mark.asyncio
async def test_cancelled_sync_says_what_is_left(tmp_path):
    """A sync that is cancelled tells of each stream that it was interrupted, and where its rows are."""
    written = asyncio.Event()
    seen: dict[str, StreamReport] = {}

    async def answer(request):
        if NEXT.search(request.url):
            await asyncio.Event().wait()
        return page({"n": 1}, token="2")

    def see(stream):
        seen[stream.name] = stream
        if stream.rows:
            written.set()

    async with _client(answer) as amili:
        running = asyncio.create_task(sync(amili, ["o"], to=tmp_path, streams=["cases"], on_progress=see))
        await written.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert seen["cases"].state == "interrupted"
    assert rows_in(seen["cases"].part) == [{"n": 1}]


@pytest.mark.asyncio
async def test_contradictions_are_counted(tmp_path):
    """A list that contradicts itself is read all the same, and counted; rows that come meanwhile are no contradiction."""

    def answer(request):
        total = 5 if NEXT.search(request.url) else 4
        skip = {"totalCount": total, "currentPage": 1, "hasNextPage": False, "totalPages": 1}
        return json_reply({"data": [{"n": 1}], "summary": {"nextPageToken": None if total == 5 else "2"}, "skipSummary": skip})

    meter = Meter()
    async with _client(answer, hooks=meter) as amili:
        report = await sync(amili, ["o"], to=tmp_path, streams=["cases"], meter=meter)
    assert report.streams[0].rows == 2
    assert report.streams[0].drifts > 0


@pytest.mark.asyncio
async def test_unknown_stream_and_busy_folder_are_refused(tmp_path):
    """Before anything is asked for: a stream that does not exist, a folder in use."""
    transport = FakeTransport([])
    async with AmiliClient(StaticToken("t"), transport=transport) as amili:
        with pytest.raises(ConfigError, match="no stream 'x'"):
            await sync(amili, ["o"], to=tmp_path, streams=["x"])
        (tmp_path / "file").touch()
        with pytest.raises(FileExistsError):
            await sync(amili, ["o"], to=tmp_path / "file")
    assert not transport.requests


def test_rate_before_the_first_second():
    """A stream that has not begun has no rate."""
    assert StreamReport("cases", path=None).rate == 0
