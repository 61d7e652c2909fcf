"""Files inside JSON: base64 of what is small enough, and one sentence about everything else."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async.embedding import LIMIT, embed
from amili_async.errors import ConfigError


@given(st.binary(min_size=1, max_size=200))
def test_contents_come_back(content):
    """Base64 of any bytes, in any of the forms that hold bytes, decodes to them."""
    for form in (content, bytearray(content), memoryview(content)):
        assert base64.b64decode(embed(form), validate=True) == content


def test_a_path_is_read(tmp_path):
    """A path, as text or not, stands for the file's contents."""
    path = tmp_path / "a b.pdf"
    path.write_bytes(b"%PDF-")
    assert embed(path) == embed(str(path)) == embed(b"%PDF-") == "JVBERi0="


def test_the_limit_counts_bytes_of_the_file(tmp_path):
    """As many bytes as the limit says are taken, not one more, from a path or not."""
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    assert embed(path, limit=4) == embed(b"1234", limit=4)
    for content in (path, b"1234"):
        with pytest.raises(ConfigError, match="larger than 3 bytes"):
            embed(content, limit=3)
    with pytest.raises(ConfigError, match=f"larger than {LIMIT} bytes"):
        embed(bytes(LIMIT + 1))


def test_a_large_file_is_not_read_whole(tmp_path):
    """Of a file far beyond the limit no more is read than tells that it is too large."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)  # would fill any memory
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        embed(path, limit=10)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        ("secret/nothing.pdf", "does not exist"),
        ("", "is no regular file"),
        (".", "is no regular file"),
        ("secret\0", "cannot be read"),
        ("secret" * 1000, "cannot be read"),
        (5, "must be bytes or a path, not a int"),
        (None, "must be bytes or a path, not a NoneType"),
    ],
)
def test_what_is_no_file_is_refused(content, match):
    """The text says what is wrong, and shows neither path nor contents, in its causes either."""
    with pytest.raises(ConfigError, match=match) as caught:
        embed(content)
    assert "secret" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_refused(tmp_path):
    """What may never end, or never begin, is not opened."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no regular file"):
        embed(tmp_path / "pipe")


def test_an_empty_file_is_refused(tmp_path):
    """An empty attachment is a mistake."""
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigError, match="is empty"):
        embed(tmp_path / "empty")


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_the_limit_is_a_whole_number(limit):
    """A limit that is none is a mistake, too."""
    with pytest.raises(ConfigError, match="limit"):
        embed(b"a", limit=limit)


def test_unreadable_files_are_refused(tmp_path, monkeypatch):
    """A file that may not be read says so, without its path."""
    path = tmp_path / "secret"
    path.write_bytes(b"x")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)") as caught:
        embed(path)
    assert "secret" not in str(caught.value)
