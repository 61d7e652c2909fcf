"""Targets that are folders of files: what the files are called, what is in them, and what a folder is refused for."""

from __future__ import annotations

import errno
import gzip
import importlib.util
import io
import logging
import os
import signal
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import zstandard
from msgspec.structs import replace

from amili_async.errors import SinkError
from amili_async.sync.ledger import Entry, Owed, digest
from amili_async.sync.sinks import base, joining, parquet
from amili_async.sync.sinks.base import Spool
from amili_async.sync.sinks.joining import groups, joined
from amili_async.sync.sinks.ndjson import NdjsonSink
from amili_async.sync.sinks.parquet import ParquetSink
from amili_async.sync.streams import STREAMS
from amili_async.sync.windows import Window
from tests.sync.conformance import APRIL, CASES, MARCH, ORG, OTHER, SOURCE, case, commit, read, work_of

SINKS = {
    "ndjson": NdjsonSink,
    "ndjson.gz": lambda path: NdjsonSink(path, compression="gz"),
    "ndjson.zst": lambda path: NdjsonSink(path, compression="zst"),
    "parquet": ParquetSink,
}
SPAN = f"{MARCH.start:%Y%m%dT%H%M%SZ}_{MARCH.end:%Y%m%dT%H%M%SZ}"


@pytest.fixture(params=SINKS)
def make(request, tmp_path):
    """Return what makes sinks of each kind, on one folder."""
    return lambda: SINKS[request.param](tmp_path / "lake")


async def opened(sink, parts=()):
    """Open a sink for cases; return it with its ledger."""
    return sink, await sink.open(SOURCE, [CASES], parts)


def files_in(path):
    """Return the names of all files of a folder but those of the ledger."""
    return sorted(
        found.relative_to(path).as_posix() for found in path.rglob("*") if found.is_file() and "_amili" not in found.parts
    )


NOW = datetime(2026, 6, 1, tzinfo=UTC)


def day(number: int, **facts) -> Entry:
    """Return an entry of a day in March."""
    start = MARCH.start + timedelta(days=number)
    return Entry(window=Window("cases", ORG, start, start + timedelta(days=1)), **{"state": "done", "rows": 10, **facts})


@pytest.mark.asyncio
async def test_names(make, tmp_path):
    """Files are called by stream, organization, month and window; parts have folders beside; odd names are made safe."""
    sink, _ = await opened(make(), ("invoices",))
    entry = await commit(sink, MARCH, [case(1)], ("invoices",))
    begin = Window("cases", OTHER, None, MARCH.end, (("Status", "OPEN"),))
    await commit(sink, begin, [case(2)], ("invoices",))
    await commit(sink, Window("cases", "whole"), [case(3, invoices="[]")], ("invoices",))
    await sink.close()
    suffix = sink.suffix
    assert files_in(tmp_path / "lake") == sorted(
        [
            f"cases/org={ORG}/created=2026-03/{SPAN}{suffix}",
            f"cases_invoices/org={ORG}/created=2026-03/{SPAN}{suffix}",
            f"cases/org=%C3%98%2F..%2F1%20%2525/created=begin/{begin.name}{suffix}",
            f"cases_invoices/org=%C3%98%2F..%2F1%20%2525/created=begin/{begin.name}{suffix}",
            f"cases/org=whole/all{suffix}",
        ]
    )
    assert entry.files == tuple(
        (name, (tmp_path / "lake" / name).stat().st_size)
        for name in (f"{table}/org={ORG}/created=2026-03/{SPAN}{suffix}" for table in ("cases", "cases_invoices"))
    )
    assert repr(sink) == f"{type(sink).__name__}({str(tmp_path / 'lake')!r})"


@pytest.mark.asyncio
async def test_ndjson_keeps_the_bytes(tmp_path):
    """Lines are the bytes that came, in their order, whatever they are packed with; what unpacks them is what everybody has."""
    rows = [case(number) for number in range(3)] + [b'{"caseId":"x",  "a":1.50}']
    unpack = {
        "ndjson": bytes,
        "ndjson.gz": gzip.decompress,
        "ndjson.zst": lambda data: zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read(),
    }
    for kind, reader in unpack.items():
        sink, _ = await opened(SINKS[kind](tmp_path / kind))
        entry = await commit(sink, MARCH, rows)
        await sink.close()
        assert reader((tmp_path / kind / entry.files[0][0]).read_bytes()) == b"\n".join(rows) + b"\n"
        assert sink.target == f"{kind}:{tmp_path / kind}"


@pytest.mark.asyncio
async def test_packed_files_are_the_same_each_time(make, tmp_path):
    """The same rows make the same file: no time of day is in it."""
    sink, _ = await opened(make())
    contents = []
    for _ in range(2):
        entry = await commit(sink, MARCH, [case(1)])
        contents.append((tmp_path / "lake" / entry.files[0][0]).read_bytes())
    await sink.close()
    assert contents[0] == contents[1]


def test_unknown_compression(tmp_path):
    """There are two."""
    with pytest.raises(SinkError, match="no compression 'bz2'") as error:
        NdjsonSink(tmp_path, compression="bz2")
    assert not error.value.usable


@pytest.mark.parametrize(("kind", "module", "extra"), [("ndjson.zst", "zstandard", "zstd"), ("parquet", "pyarrow", "arrow")])
def test_missing_packages(kind, module, extra, tmp_path, monkeypatch):
    """Without the package that it needs a sink says at once what to install."""
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == module else importlib.util.find_spec(name))
    with pytest.raises(SinkError, match=rf"needs {module}: pip install 'amili-async\[{extra}\]'") as error:
        SINKS[kind](tmp_path)
    assert not error.value.usable


@pytest.mark.asyncio
async def test_parquet_files_are_one_table(tmp_path):
    """Files of all windows have one schema, and Arrow and DuckDB read them as one, with organization and month as columns."""
    sink, _ = await opened(ParquetSink(tmp_path), ("claims",))
    rows = [case(1), case(2, currency="{}", remainingAmount="0.1"), case(3, invoices="null", remainingAmount="0.2")]
    await commit(sink, MARCH, [rows[0]], ("claims",))
    await commit(sink, APRIL, rows[1:2], ("claims",))
    await commit(sink, Window("cases", OTHER, MARCH.start, MARCH.end), rows[2:], ("claims",))
    await sink.close()
    paths = [str(tmp_path / name) for name in files_in(tmp_path)]
    schemas = {str(pq.read_schema(path)) for path in paths if "cases/" in path}
    assert len(schemas) == 1
    assert pq.read_schema(paths[0]).metadata[b"amili_async"]
    found = ds.dataset(tmp_path / "cases", partitioning="hive").to_table()
    assert set(found["created"].to_pylist()) == {"2026-03", "2026-04"}
    assert sum(found["remaining_amount"].to_pylist()) == Decimal("1.4")
    query = (
        "SELECT count(*), sum(remaining_amount), count(DISTINCT org), min(claims[2].original_amount) "
        "FROM read_parquet(?, hive_partitioning = true)"
    )
    with duckdb.connect() as db:
        total, amount, orgs, claim = db.execute(query, [f"{tmp_path}/cases/**/*.parquet"]).fetchone()
    assert (total, amount, orgs, claim) == (3, Decimal("1.4"), 2, Decimal("0.05"))
    statistics = pq.ParquetFile(paths[0]).metadata.row_group(0).column(1).statistics
    assert statistics.has_min_max


@pytest.mark.asyncio
async def test_row_groups(tmp_path, monkeypatch):
    """Chunks of rows are gathered until they make a row group of some size."""
    monkeypatch.setattr(parquet, "GROUP", 25)
    monkeypatch.setattr(base, "CHUNK", 10 * len(case(1)))
    sink, _ = await opened(ParquetSink(tmp_path))
    entry = await commit(sink, MARCH, [case(number) for number in range(70)])
    await sink.close()
    found = pq.ParquetFile(tmp_path / entry.files[0][0]).metadata
    sizes = [found.row_group(place).num_rows for place in range(found.num_row_groups)]
    assert sum(sizes) == 70
    assert len(sizes) == 3
    assert min(sizes[:-1]) >= 25


@pytest.mark.asyncio
async def test_ways_are_logged(tmp_path, caplog):
    """When the folder is let go of, the log says how many pieces were read in which way."""
    caplog.set_level(logging.DEBUG, "amili_async")
    sink, _ = await opened(ParquetSink(tmp_path))
    await commit(sink, MARCH, [case(1)])
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    assert "cases: all_exactly 1, as_they_are 1" in caplog.text


@pytest.mark.asyncio
async def test_lost_and_changed_files_are_read_again(make, tmp_path):
    """A window with a file that is missing, or has another size, is planned anew, and what is left of it is gone."""
    sink, _ = await opened(make(), ("claims",))
    entries = [await commit(sink, window, [case(1)], ("claims",)) for window in (MARCH, APRIL)]
    await commit(sink, Window("cases", OTHER), [case(2)], ("claims",))
    await sink.close()
    (tmp_path / "lake" / entries[0].files[0][0]).unlink()
    with (tmp_path / "lake" / entries[1].files[1][0]).open("ab") as file:
        file.write(b"x")
    sink, found = await opened(make(), ("claims",))
    assert {entry.window: entry for entry in found[:2]} == {MARCH: Entry(window=MARCH), APRIL: Entry(window=APRIL)}
    assert found[2].state == "done"
    assert await sink.digests(MARCH) == b""
    assert len(files_in(tmp_path / "lake")) == 2
    await sink.close()


@pytest.mark.asyncio
async def test_what_is_not_ours_is_left_alone(make, tmp_path):
    """Only files that are called as ours are swept; links are not followed."""
    sink, _ = await opened(make())
    entry = await commit(sink, MARCH, [case(1)])
    await sink.close()
    lake, elsewhere = tmp_path / "lake", tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = (lake / entry.files[0][0]).parent
    theirs = [
        home / f"notes{sink.suffix}",
        home / "README",
        home / "part-0000.parquet",
        lake / "cases" / f"all{sink.suffix}",
        lake / "other" / "org=1" / f"all{sink.suffix}",
        elsewhere / f"all{sink.suffix}",
    ]
    ours = [home / f"all{sink.suffix}", home / f"all{sink.suffix}.part", home / f"begin_{SPAN[-16:]}_0123abcd{sink.suffix}"]
    for path in (*theirs, *ours):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (lake / "cases" / "org=link").symlink_to(elsewhere)
    sink, found = await opened(make())
    await sink.close()
    assert found == [entry]
    assert [path.exists() for path in theirs] == [True] * len(theirs)
    assert [path.exists() for path in ours] == [False] * len(ours)


@pytest.mark.asyncio
async def test_link_in_the_place_of_a_file(make, tmp_path):
    """A link that somebody put where a file shall be is replaced; what it points to stays as it is."""
    sink, _ = await opened(make())
    entry = await commit(sink, MARCH, [case(1)])
    path = tmp_path / "lake" / entry.files[0][0]
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    path.unlink()
    for link in (path, path.with_name(f"{path.name}.part")):
        link.symlink_to(precious)
    again = await commit(sink, MARCH, [case(1), case(2)])
    await sink.close()
    assert precious.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.stat().st_size == again.files[0][1]


@pytest.mark.asyncio
async def test_folder_that_is_a_link(make, tmp_path):
    """The folder itself may be a link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "lake").symlink_to(tmp_path / "real")
    sink, _ = await opened(make())
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    assert len(files_in(tmp_path / "real")) == 1


@pytest.mark.asyncio
async def test_ledger_that_is_gone(make, tmp_path):
    """Files without a ledger are neither swept nor doubled: the folder is refused."""
    sink, _ = await opened(make())
    entry = await commit(sink, MARCH, [case(1)])
    await sink.close()
    (tmp_path / "lake" / "_amili" / "ledger.sqlite").unlink()
    with pytest.raises(SinkError, match="not its ledger: name another folder") as error:
        await opened(make())
    assert not error.value.usable
    assert files_in(tmp_path / "lake") == [entry.files[0][0]]


@pytest.mark.asyncio
async def test_other_kind_of_files(tmp_path):
    """A folder of one kind of files takes no other, as long as there are any."""
    sink, _ = await opened(NdjsonSink(tmp_path))
    entry = await commit(sink, MARCH, [case(1)])
    await sink.close()
    with pytest.raises(SinkError, match=r"holds files that end in \.ndjson: name another folder") as error:
        await opened(ParquetSink(tmp_path))
    assert not error.value.usable
    _, entries = await opened(sink)
    assert entries == [entry]
    await sink.remove(entries)
    await sink.close()
    sink, entries = await opened(ParquetSink(tmp_path))
    assert entries == []
    await sink.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("place", ["lake", "file/lake", "lake/_amili", "lake/_amili/lock"])
async def test_files_in_the_way(make, tmp_path, place):
    """A file where a folder has to be, or a folder where a file has to be, is one clear sentence."""
    path = tmp_path / place
    if place == "file/lake":
        (tmp_path / "file").write_bytes(b"x")
        sink = NdjsonSink(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        if place.endswith("lock"):
            path.mkdir()
        else:
            path.write_bytes(b"x")
        sink = make()
    with pytest.raises(SinkError, match=r"is a file: name a folder|cannot be used \(.+\): mend that") as error:
        await opened(sink)
    assert not error.value.usable
    await sink.close()


@pytest.mark.asyncio
async def test_damaged_ledger(make, tmp_path):
    """What is no ledger is told in one sentence, also to who only looks."""
    (tmp_path / "lake" / "_amili").mkdir(parents=True)
    (tmp_path / "lake" / "_amili" / "ledger.sqlite").write_bytes(b"no database at all" * 400)
    for attempt in (opened(make()), make().peek()):
        with pytest.raises(SinkError, match="has no SQLite database, or a damaged one: name another target"):
            await attempt


@pytest.mark.asyncio
async def test_full_ledger(make, monkeypatch):
    """A disk that is full when the ledger is written is told as such; the window is read again afterwards."""
    sink, _ = await opened(make())
    await commit(sink, MARCH, [case(1)])
    limit = sink._file.db.execute("PRAGMA page_count").fetchone()[0]
    sink._file.db.execute(f"PRAGMA max_page_count = {limit}")
    with pytest.raises(SinkError, match=r"no space is left for .*: make room, and run again"):
        await sink.put([replace(day(number), failure="x" * 500) for number in range(100)])
    sink._file.db.execute("PRAGMA max_page_count = 100000")
    assert len(await sink.peek()) == 1
    await sink.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
async def test_disk_that_fails(make, tmp_path, monkeypatch, code):
    """A disk that is full or broken leaves the window as it was, and no part of a file; then it goes on."""
    sink, _ = await opened(make())
    before = await commit(sink, MARCH, [case(1)])
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(code, os.strerror(code))))
    with pytest.raises(
        SinkError, match="no space is left" if code in {errno.ENOSPC, errno.EDQUOT} else "cannot be used"
    ) as error:
        await commit(sink, MARCH, [case(2), case(3)])
    assert error.value.usable
    monkeypatch.undo()
    assert await sink.peek() == [before]
    assert files_in(tmp_path / "lake") == [before.files[0][0]]
    assert (await commit(sink, MARCH, [case(2)])).rows == 1
    await sink.close()


@pytest.mark.asyncio
async def test_real_full_disk(make, tmp_path, monkeypatch):
    """A file that grows beyond what the system allows is told, and nothing of it stays."""
    resource = pytest.importorskip("resource")
    sink, _ = await opened(make())
    work, entry = work_of(sink, MARCH, [case(number, description=f'"{os.urandom(3000).hex()}"') for number in range(400)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        with pytest.raises(SinkError, match=r"cannot be used \(File too large\)"):
            await sink.commit(work, entry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    work.close()
    assert files_in(tmp_path / "lake") == []
    await sink.close()


@pytest.mark.asyncio
async def test_names_that_cannot_be_given(make, monkeypatch):
    """If a file cannot get its name after the ledger has said so, the window counts as not read the next time."""
    sink, _ = await opened(make())
    await commit(sink, MARCH, [case(1)])
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(SinkError, match=r"cannot be used \(Permission denied\)"):
        await commit(sink, MARCH, [case(2)])
    monkeypatch.undo()
    assert [entry.state for entry in await sink.peek()] == ["committing"]
    await sink.close()
    sink, entries = await opened(make())
    assert entries == [Entry(window=MARCH)]
    await sink.close()


@pytest.mark.asyncio
async def test_folder_that_is_moved_away(make, tmp_path):
    """A folder that goes while it is being used is told; nothing is written in its old place."""
    sink, _ = await opened(make())
    await commit(sink, MARCH, [case(1)])
    (tmp_path / "lake").rename(tmp_path / "gone")
    for attempt in (sink.put([Entry(window=APRIL)]), commit(sink, APRIL, [case(2)])):
        with pytest.raises(SinkError, match=r"moved or deleted while it was being used|No such file"):
            await attempt
    await sink.close()
    assert len(files_in(tmp_path / "gone")) == 1


@pytest.mark.asyncio
async def test_closed_sinks(make):
    """A sink that is not open says so; closing twice is harmless."""
    sink, _ = await opened(make())
    await sink.close()
    await sink.close()
    with pytest.raises(SinkError, match="is not open"):
        await sink.put([Entry(window=MARCH)])


@pytest.mark.asyncio
async def test_damaged_file_of_the_same_size(make, tmp_path):
    """Verification is told which keys can still be read, and does not fail."""
    sink, _ = await opened(make())
    entry = await commit(sink, MARCH, [case(number) for number in range(50)])
    path = tmp_path / "lake" / entry.files[0][0]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    assert len(set(await sink.keys(entry)) & {read(case(number))["caseId"] for number in range(50)}) < 50
    path.unlink()
    assert await sink.keys(entry) == []
    await sink.close()


@pytest.mark.asyncio
async def test_peek_beside_a_run(make, tmp_path):
    """The ledger can be looked at while a run uses the folder; a folder that is not there has none, and is not made."""
    assert await make().peek() == []
    assert not (tmp_path / "lake").exists()
    sink, _ = await opened(make())
    entry = await commit(sink, MARCH, [case(1)])
    assert await make().peek() == [entry]
    with pytest.raises(SinkError, match="being used by another run") as error:
        await opened(make())
    assert error.value.busy
    assert await sink.peek() == [entry]
    await sink.close()
    (tmp_path / "lake" / "_amili" / "ledger.sqlite").unlink()
    sqlite3.connect(tmp_path / "lake" / "_amili" / "ledger.sqlite").close()
    assert await make().peek() == []


@pytest.mark.asyncio
async def test_any_source(make):
    """Who only removes or compacts need not know where the rows are from; that stays what it was."""
    sink, _ = await opened(make())
    entries = [await commit(sink, window, [case(1)]) for window in (MARCH, APRIL)]
    await sink.close()
    sink = make()
    await sink.open(None, (), ())
    await sink.remove(entries[:1])
    await sink.close()
    with pytest.raises(SinkError, match=f"holds rows of {SOURCE}, not of other"):
        await make().open("other", [CASES], ())


@pytest.mark.asyncio
async def test_compact(make, tmp_path):
    """Windows side by side become one, with the rows in order; those that cannot be joined stay."""
    sink, _ = await opened(make(), ("claims",))
    entries = []
    for number in (1, 2, 3, 5, 6):
        window = day(number).window
        entries.append(await commit(sink, window, [case(number), case(number + 50)] if number != 2 else [], ("claims",)))
    lone = await commit(sink, Window("cases", OTHER, MARCH.start, MARCH.end), [case(1)], ("claims",))
    before = len(files_in(tmp_path / "lake"))
    assert await sink.compact() == 4
    assert len(files_in(tmp_path / "lake")) == before - 4
    first, second, other = await sink.peek()
    assert other == lone
    assert first.window == replace(day(1).window, end=day(3).window.end)
    assert second.window == replace(day(5).window, end=day(6).window.end)
    assert (first.rows, first.state, first.verified, first.pages, first.total) == (4, "done", True, 3, 4)
    keys = [read(case(number))["caseId"] for number in (1, 51, 3, 53)]
    assert await sink.keys(first) == keys
    assert await sink.digests(first.window) == b"".join(map(digest, keys))
    assert await sink.digests(day(1).window) == b""
    assert await sink.compact() == 0
    await sink.close()
    sink, found = await opened(make(), ("claims",))
    assert found == [first, second, other]
    again = await commit(sink, first.window, [case(1)], ("claims",))
    assert await sink.keys(again) == keys[:1]
    await sink.close()


@pytest.mark.asyncio
async def test_compacted_parquet(tmp_path, monkeypatch):
    """The joined file has the schema of the others, good row groups, and names its own window."""
    monkeypatch.setattr(parquet, "GROUP", 30)
    sink, _ = await opened(ParquetSink(tmp_path))
    rows = [case(number, unheardOf=f"{number}.0") for number in range(60)]
    entries = [await commit(sink, day(number).window, rows[number * 12 : number * 12 + 12]) for number in range(1, 5)]
    schema = pq.read_schema(tmp_path / entries[0].files[0][0])
    await sink.compact()
    [entry] = await sink.peek()
    await sink.close()
    file = pq.ParquetFile(tmp_path / entry.files[0][0])
    assert file.schema_arrow.equals(schema, check_metadata=True)
    assert [file.metadata.row_group(place).num_rows for place in range(file.metadata.num_row_groups)] == [36, 12]
    table = file.read()
    assert set(table["_amili_window"].to_pylist()) == {entry.window.name}
    assert table["_extra"].to_pylist() == [f'{{"unheardOf":{number}.0}}' for number in range(12, 60)]


@pytest.mark.asyncio
async def test_files_of_another_version_are_not_joined(tmp_path):
    """Files with other columns stay beside each other."""
    sink, _ = await opened(ParquetSink(tmp_path))
    entries = [await commit(sink, day(number).window, [case(number)]) for number in (1, 2)]
    [(name, _)] = entries[0].files
    table = pq.read_table(tmp_path / name, partitioning=None)
    pq.write_table(table.drop_columns("claims"), tmp_path / name)
    assert await sink.compact() == 0
    assert await sink.peek() == entries
    await sink.close()


def test_groups():
    """Only neighbours of one list, one month and one set of filters are joined, as many as there may be rows in a window."""
    filtered = replace(day(2).window, filters=(("Status", "OPEN"),))
    entries = [
        day(4),
        day(1),
        day(2),
        day(6),
        day(31),
        day(3, state="stale"),
        replace(day(2), window=filtered),
        replace(day(5), window=replace(day(5).window, organization=OTHER)),
        Entry(window=Window("cases", ORG, None, MARCH.start), state="done"),
        Entry(window=Window("cases", "whole"), state="done"),
        day(30),
    ]
    assert [[entry.window for entry in run] for run in groups(entries, NOW)] == [[day(1).window, day(2).window]]
    closed = [day(number, rows=400_000) for number in range(5)]
    assert [len(run) for run in groups(closed, NOW)] == [2, 2]
    changing = [day(number, rows=40_000, open=number % 3 == 2) for number in range(8)]
    assert [len(run) for run in groups(changing, NOW)] == [2, 2, 2, 2]
    assert sum(len(run) for run in groups([day(number, rows=1) for number in range(30)], NOW)) == 30
    assert list(groups([day(1), day(2, parts=("claims",))], NOW)) == []  # one has a table more
    assert joining.MOST_OPEN < joining.MOST_CLOSED
    for too_early in (day(2).window.start, NOW + timedelta(seconds=1)):
        assert list(groups([day(1), day(2, read_at=too_early), day(3)], NOW)) == []  # the next run reads the second again


def test_joined():
    """Counts and sums add up; what is not known of one is not known of all; what failed of one has failed of all."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    owed = Owed("OPEN", "NOK", 3, Decimal("0.10"))
    one = day(1, read=12, total=10, verified=True, open=2, read_at=at, pages=3, bytes=100, drift=1, owed=(owed,))
    two = day(2, read=11, total=9, verified=True, read_at=at - timedelta(days=1), owed=(owed, Owed("PAUSED", "", 1, Decimal(5))))
    one, two = (replace(entry, unread=4, parts=("claims",)) for entry in (one, two))
    whole = joined([one, two])
    assert whole == Entry(
        window=replace(one.window, end=two.window.end),
        state="done",
        rows=20,
        read=23,
        total=19,
        verified=True,
        open=2,
        read_at=at - timedelta(days=1),
        pages=3,
        bytes=100,
        drift=1,
        owed=(Owed("OPEN", "NOK", 6, Decimal("0.20")), Owed("PAUSED", "", 1, Decimal(5))),
        unread=8,
        parts=("claims",),
    )
    assert joined([one, replace(two, total=None, verified=None, cut_off=True)]) == replace(
        whole, total=None, verified=None, cut_off=True
    )
    assert joined([replace(one, verified=None), replace(two, verified=False)]).verified is False
    assert joined([one, replace(two, read_at=None)]).read_at is None


@pytest.mark.parametrize("first", [timedelta(0), timedelta(hours=20), timedelta(days=1), timedelta(days=9)])
@pytest.mark.parametrize("second", [timedelta(0), timedelta(hours=20), timedelta(days=1), timedelta(days=9)])
def test_joined_windows_count_as_read_when_all_were(first, second):
    """They are not called read too early, and settled only if each was; never read later than the last."""
    run = [replace(day(number), read_at=day(number).window.end + delay) for number, delay in ((1, first), (2, second))]
    whole = joined(run)
    assert not whole.early(NOW)
    assert whole.settled == all(entry.settled for entry in run)
    assert whole.read_at <= max(entry.read_at for entry in run)


@pytest.mark.parametrize("early", [False, True], ids=["in memory", "on disk"])
def test_spools(tmp_path, monkeypatch, early):
    """Lines come back whole, however long, again and again, also after more has been appended; a long one is not cut."""
    monkeypatch.setattr(base, "CHUNK", 10)
    monkeypatch.setattr(base, "IN_MEMORY", 20)
    spool = Spool(tmp_path)
    spool.append(b"a\nbb\n", 2)
    assert b"".join(spool.chunks()) == b"a\nbb\n"
    assert not spool.full
    spool.append(b"c" * 50 + b"\n", 1)
    assert spool.full
    if early:
        spool.flush()
        assert not spool.full
    for _ in range(2):
        chunks = list(spool.chunks())
        assert b"".join(chunks) == b"a\nbb\n" + b"c" * 50 + b"\n"
        assert all(chunk.endswith(b"\n") for chunk in chunks)
        assert len(chunks) > 1 or len(chunks[0]) > 50
    out = io.BytesIO()
    spool.pour(out)
    assert out.getvalue() == b"".join(spool.chunks())
    assert (spool.rows, spool.bytes) == (3, 56)
    assert list(tmp_path.iterdir()) == []
    half = spool.chunks()
    next(half)
    spool.append(b"d\n", 1)
    if early:
        spool.flush()
    assert b"".join(spool.chunks()).endswith(b"c\nd\n")
    spool.close()
    assert list(spool.chunks()) == []
    empty = Spool()
    assert list(empty.chunks()) == []
    empty.close()


@pytest.mark.asyncio
async def test_parts_of_streams_without_rows(make, tmp_path):
    """A stream of another shape has no tables of parts that are not its own."""
    sink = make()
    batches = STREAMS["batches"]
    await sink.open(SOURCE, [batches, CASES], ("claims", "succeeded"))
    window = Window("batches", ORG)
    work, entry = work_of(sink, window, [b'{"batchId":"b","failed":[{"a":1.50}]}'], ())
    assert set(work.spools) == {"batches", "batches_succeeded"}
    await sink.commit(work, entry)
    work.close()
    assert files_in(tmp_path / "lake") == [f"batches/org={ORG}/all{sink.suffix}"]
    if sink.suffix == ".parquet":
        assert pq.read_table(tmp_path / "lake" / files_in(tmp_path / "lake")[0])["failed"].to_pylist() == [['{"a":1.50}']]
    await sink.close()
