"""Credentials, environment files, and what is said when something goes wrong."""

from __future__ import annotations

import errno
import re
import sys

import pytest

from amili_async import ClientCredentials, StaticToken, errors
from amili_async.cli_access import Access, Stop, credentials_of, explain, open_sandbox, plain, read_env_file, split


def test_env_file(tmp_path):
    """An environment file may have comments, exports, quotes and blanks; what is not ours is passed over."""
    path = tmp_path / "amili.env"
    path.write_text(
        "\ufeff# mine\n\n export AMILI_CLIENT_ID = id \nAMILI_CLIENT_SECRET='se=cr#t'\n"
        'AMILI_ENVIRONMENT="\nPATH=/tmp\nAMILI_X=\n',
        encoding="utf-8",
    )
    assert read_env_file(path) == {
        "AMILI_CLIENT_ID": "id",
        "AMILI_CLIENT_SECRET": "se=cr#t",
        "AMILI_ENVIRONMENT": '"',
        "AMILI_X": "",
    }


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"AMILI_TOKEN=a\ns3cret", "line 2 is not KEY=VALUE"), (b"\xff\xfe\x00", "not a text file"), (None, "No such file")],
)
def test_bad_env_file(tmp_path, content, text):
    """A file that cannot be read is named with the line, and never quoted."""
    path = tmp_path / "amili.env"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Stop, match=text) as found:
        read_env_file(path)
    assert "s3cret" not in str(found.value)
    assert found.value.code == 2


def test_file_goes_before_environment(tmp_path, monkeypatch):
    """Credentials of the file replace those of the environment as a whole; a file without any leaves them alone."""
    monkeypatch.setenv("AMILI_TOKEN", "old")
    path = tmp_path / "amili.env"
    path.write_text("AMILI_CLIENT_ID=id\nAMILI_CLIENT_SECRET=s")
    assert credentials_of(Access(env_file=path)) == ClientCredentials("id", "s")
    path.write_text("AMILI_ENVIRONMENT=staging")
    assert credentials_of(Access(env_file=path)) == StaticToken("old")


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, "set AMILI_CLIENT_ID and AMILI_CLIENT_SECRET .* --env-file; or try it with --sandbox"),
        ({"AMILI_CLIENT_ID": "id"}, "set AMILI_CLIENT_SECRET"),
        ({"AMILI_CLIENT_ID": "id", "AMILI_TOKEN": "t"}, "not both$"),
        ({"AMILI_TOKEN": "t t"}, "printable ASCII"),
    ],
)
def test_missing_credentials(monkeypatch, environ, text):
    """Missing, half given and impossible credentials are code 4, and the sentence says what to set."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Stop, match=text) as found:
        credentials_of(Access())
    assert found.value.code == 4


def test_anonymous(monkeypatch):
    """What needs no token works without credentials, but not with half of them."""
    assert credentials_of(Access(), anonymous=True) is None
    monkeypatch.setenv("AMILI_CLIENT_ID", "id")
    with pytest.raises(Stop):
        credentials_of(Access(), anonymous=True)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Stop("so it is", 4), 4, "so it is"),
        (errors.Unauthorized("answered 401", status=401), 4, "credentials were refused"),
        (errors.BadRequest("answered 400", status=400, path="/token", method="POST"), 4, "credentials were refused"),
        (errors.BadRequest("answered 400", status=400, path="/orgs", method="GET"), 3, "GET /orgs: answered 400"),
        (errors.ConfigError("no such setting"), 2, "no such setting"),
        (errors.NotSentError("cannot connect"), 3, "check the network and AMILI_ENVIRONMENT"),
        (errors.NotSentTimeout("too late"), 3, "check the network"),
        (errors.Forbidden("answered 403", status=403), 4, "check the ids"),
        (errors.Conflict("answered 409", status=409), 3, "^answered 409$"),
        (errors.Unprocessable("answered 422", status=422), 3, "check ids and filters"),
        (errors.NotFound("answered 404", status=404), 3, "check the ids"),
        (errors.RateLimited("answered 429", status=429, retry_after=90), 3, r"\(retry after 90 s\); try again later"),
        (errors.OutcomeUnknownTimeout("silence"), 3, "^silence$"),
        (OSError(errno.ENOSPC, "No space left on device"), 3, "No space left on device; make room"),
        (FileNotFoundError(2, "No such file", "x.json"), 3, "No such file: x.json$"),
        (OSError("odd"), 3, "^OSError$"),
        (ExceptionGroup("all", [KeyError("s3cret")]), 3, "unexpected KeyError; --debug shows where"),
    ],
)
def test_explain(error, code, text):
    """Each error has a code and a sentence; what an unexpected one says is not repeated."""
    sentence, found = explain(error)
    assert found == code
    assert re.search(text, sentence)
    assert "s3cret" not in sentence


def test_sandbox_without_its_extra(monkeypatch):
    """Without the sandbox's extra it is said what to install; other missing modules are our own fault."""
    monkeypatch.delitem(sys.modules, "amili_async.sandbox", raising=False)
    monkeypatch.setitem(sys.modules, "amili_async.sandbox.server", None)
    with pytest.raises(ModuleNotFoundError, match=r"sandbox\.server"):
        open_sandbox()
    monkeypatch.delitem(sys.modules, "amili_async.sandbox.server")
    monkeypatch.delitem(sys.modules, "amili_async.sandbox.tokens", raising=False)
    monkeypatch.delitem(sys.modules, "amili_async.sandbox", raising=False)
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(Stop, match=r"pip install 'amili-async\[sandbox\]'"):
        open_sandbox()


def test_split_and_plain():
    """Lists come with commas or repeated; names are compared without case, hyphens and underscores."""
    assert split(["a, b", "", "c,"], "--org") == ["a", "b", "c"]
    assert split(None, "--org") == []
    for empty in ([""], [" ", ","], []):
        with pytest.raises(Stop, match="--org is empty"):
            split(empty, "--org")
    assert plain("From-Created_At") == plain("fromCreatedAt")
