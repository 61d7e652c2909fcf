"""Part files, and folders for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from amili_async.sync.files import PartFile, make_folder


def test_commit_gives_the_name_and_keeps_the_mode(tmp_path):
    """A committed file has its name, its bytes, and is readable by its owner only."""
    path = tmp_path / "a.ndjson"
    with PartFile(path) as file:
        file.write(b"one\n")
        assert not path.exists()
        file.commit()
    assert path.read_bytes() == b"one\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not file.part.exists()


def test_without_commit_the_part_stays(tmp_path):
    """What was written stays under the name of the part, and the file of a run before is left alone."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"before")
    with PartFile(path) as file:
        file.write(b"one\n")
    assert file.part.name == "a.ndjson.part"
    assert file.part.read_bytes() == b"one\n"
    assert path.read_bytes() == b"before"


def test_empty_part_goes(tmp_path):
    """A part file that nothing was written to does not stay."""
    with PartFile(tmp_path / "a.ndjson"):
        pass
    assert not list(tmp_path.iterdir())


def test_empty_file_can_be_committed(tmp_path):
    """A list without rows is a complete file of no bytes."""
    with PartFile(tmp_path / "a.ndjson") as file:
        file.commit()
    assert file.path.read_bytes() == b""


def test_link_in_the_way_is_not_followed(tmp_path):
    """A link under the name of the part file is replaced; what it points to is left alone."""
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "a.ndjson.part").symlink_to(target)
    with PartFile(tmp_path / "a.ndjson") as file:
        file.write(b"one\n")
        file.commit()
    assert target.read_bytes() == b"precious"
    assert file.path.read_bytes() == b"one\n"
    assert not file.path.is_symlink()


def test_full_disk_is_told_once(tmp_path, monkeypatch):
    """A write that fails raises; closing the file afterwards does not raise it again."""
    file = PartFile(tmp_path / "a.ndjson")
    file.file.close()
    monkeypatch.setattr(file, "file", open("/dev/full", "wb"))  # noqa: PTH123, SIM115  # stands in for a disk
    with pytest.raises(OSError, match="No space left"), file:
        file.write(b"x" * 100_000)


def test_folders_are_private(tmp_path):
    """Folders that are missing are made for their owner only; those that are there stay as they are."""
    (tmp_path / "there").mkdir(mode=0o755)
    folder = tmp_path / "there" / "deep" / "down"
    for _ in range(2):
        make_folder(folder)
        assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent, folder.parent.parent)] == [0o700, 0o700, 0o755]
    (folder / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(folder / "file")


def test_discarded_parts_go(tmp_path):
    """What is discarded goes, unless it is complete; `sync` tells how much is on the disk."""
    with PartFile(tmp_path / "a.ndjson") as file:
        file.write(b"1\n")
        assert file.sync() == 2
        file.discard()
    assert list(tmp_path.iterdir()) == []
    with PartFile(tmp_path / "a.ndjson") as file:
        file.write(b"1\n")
        file.commit()
        file.discard()
    assert file.path.read_bytes() == b"1\n"


def test_parts_are_locked(tmp_path):
    """Two runs cannot write the same part; the second is told, and the first one's file stays whole."""
    path = tmp_path / "a.ndjson"
    with PartFile(path) as first:
        first.write(b"1\n")
        with pytest.raises(BlockingIOError):
            PartFile(path)
        first.commit()
    assert path.read_bytes() == b"1\n"
    with PartFile(path) as again:
        again.write(b"2\n")
        again.part.unlink()
        again.part.write_bytes(b"somebody else's")
        with pytest.raises(OSError, match="somebody has replaced"):
            again.commit()
    assert path.read_bytes() == b"1\n"


@pytest.mark.parametrize("name", [".", "folder", "/dev/null"])
def test_targets_that_are_no_plain_files(tmp_path, name):
    """Folders and devices are refused before anything is read, and are still there afterwards."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"it is (a folder|there already)"):
        PartFile(tmp_path / name)
    assert not Path("/dev/null").is_file()
