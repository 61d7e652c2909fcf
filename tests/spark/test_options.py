"""The options: each wrong one is said in a sentence that names it, and no secret gets through."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

from amili_async import ClientCredentials
from amili_async.errors import AmiliError, ConfigError
from amili_async.spark.options import Options

from .kit import options


def test_what_they_mean():
    """Texts become what they stand for; Spark's lower case is as good as ours; what is empty is not given."""
    found = options(
        Organizations=None,
        organizations=" a, b ,a,",
        from_="2024-01-01",
        to="2024-02-01T12:00:00+01:00",
        lag="90min",
        maxRows="500",
        maxpartitions="3",
        rate="600/min",
        concurrency="2",
        redact="email, phone",
        unverified="fail",
        pushFilters="TRUE",
        created="registered_at",
        maxrowsperbatch="1000",
        maxspanperbatch="2w",
        filter__status="OPEN",
        filter__CaseNumber="7",
        environment=" ",
    )
    assert found.organizations == ("a", "b")
    assert (found.lag, found.maxrows, found.maxpartitions) == (timedelta(minutes=90), 500, 3)
    assert (found.rate, found.concurrency) == (10.0, 2)
    assert (found.pushfilters, found.created, found.environment) == (True, "registered_at", None)
    assert (found.maxrowsperbatch, found.maxspanperbatch) == (1000, timedelta(weeks=2))
    order = found.order
    assert [window.organization for window in order.lists] == ["a", "b"]
    assert order.lists[0].filters == (("CaseNumber", "7"), ("Status", "OPEN"))
    assert (order.start.isoformat(), order.until.isoformat()) == ("2024-01-01T00:00:00+00:00", "2024-02-01T11:00:00+00:00")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301  # our own
    assert options(rate="2.5").rate == 2.5
    assert options(stream="customers", organizations=None, clients="4711").order.lists[0].organization == "4711"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stream": None}, "the option stream is missing"),
        ({"stream": "caes"}, "the option stream: there is no stream 'caes'"),
        ({"organizations": None}, "the option organizations is missing, whose cases are read"),
        ({"organizations": ","}, "the option organizations must be a list of names"),
        ({"stream": "customers", "organizations": None}, "the option clients is missing"),
        ({"clients": "1"}, "the option clients does not go with cases"),
        ({"stream": "customers", "clients": "1"}, "the option organizations does not go with customers"),
        ({"from_": "yesterday"}, "the option from must be a date"),
        ({"to": "2024-13-01"}, "the option to must be a date"),
        ({"from_": "2024-02-01", "to": "2024-01-01"}, "the option from must be before the option to"),
        ({"stream": "batches", "from_": "2024-02-01"}, "the options from and to do not go with batches"),
        ({"lag": "5"}, "the option lag must be a length of time"),
        ({"maxrows": "0"}, "the option maxrows must be a whole number"),
        ({"maxpartitions": "two"}, "the option maxpartitions must be a whole number"),
        ({"rate": "0"}, "the option rate must be requests a second"),
        ({"rate": "fast"}, "the option rate must be requests a second"),
        ({"concurrency": "-1"}, "the option concurrency must be a whole number"),
        ({"environment": "http://user:hunter2@host"}, "the option environment: AMILI_ENVIRONMENT must have no user"),
        ({"environment": "prod"}, "the option environment: AMILI_ENVIRONMENT must be production"),
        ({"credentials": "vault"}, 'the option credentials must name a function .* "package.module:function"'),
        ({"redact": "caseId"}, "caseId tells the rows of cases apart"),
        ({"unverified": "maybe"}, "the option unverified must be log or fail"),
        ({"pushfilters": "yes"}, "the option pushfilters must be true or false"),
        ({"created": "status"}, "the option created must name the column .* cases have registered_at, closed_at"),
        ({"stream": "batches", "created": "created_at"}, "the option created must name the column that the period is about$"),
        ({"stream": "invoices", "maxrowsperbatch": "5"}, "the option maxrowsperbatch needs rows that the service counts"),
        ({"maxspanperbatch": "59s"}, "the option maxspanperbatch must be at least a minute"),
        ({"filter__colour": "red"}, "cases have no filter 'colour'"),
        ({"path": "s3://here"}, "there is no option path, only stream, organizations"),
        ({"client_secret": "hunter2"}, "the option client_secret looks like a secret"),
        ({"token": "hunter2"}, "the option token looks like a secret"),
        ({"Password": "hunter2"}, "the option password looks like a secret"),
        ({"AMILI_REDACT_KEY": "hunter2"}, "the option amili_redact_key looks like a secret"),
    ],
)
def test_wrong_ones(given, said):
    """What is wrong is said in one sentence; a secret is not."""
    with pytest.raises(ConfigError, match=said) as caught:
        options(**given)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def provider():
    """Give credentials, as a vault would."""
    return ClientCredentials("id", "hunter2")


def breaking():
    """Fail, with a secret in the text."""
    raise RuntimeError("hunter2")


def refusing():
    """Fail with an error of the package."""
    raise ConfigError("the vault is sealed")


def nothing():
    """Give what are no credentials."""
    return "hunter2"


def test_credentials(monkeypatch):
    """They come from a provider or the environment of the process that reads, and neither options nor client show them."""
    monkeypatch.setenv("AMILI_ENVIRONMENT", "http://127.0.0.1:9")
    for name in ("AMILI_CLIENT_ID", "AMILI_CLIENT_SECRET", "AMILI_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    found = options(credentials=f"{__name__}:provider", environment="staging")
    client = found.client(5.0)
    assert client.environment.name == "staging"
    assert "hunter2" not in repr(found) + repr(client)
    assert b"hunter2" not in pickle.dumps(found)
    with pytest.raises(ConfigError, match="no credentials"):
        options().client()
    monkeypatch.setenv("AMILI_TOKEN", "hunter2")
    assert options().client().environment.name == "local"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.at.all:provider", "nowhere.at.all:provider fails here with a ModuleNotFoundError"),
        (f"{__name__}:nobody", "fails here with a AttributeError"),
        (f"{__name__}:breaking", "fails here with a RuntimeError"),
        (f"{__name__}:refusing", "the vault is sealed"),
        (f"{__name__}:nothing", "must return Credentials, not a str"),
    ],
)
def test_providers_that_fail(name, said):
    """What a provider says in its error may be a secret: only the kind of the error is told."""
    with pytest.raises(AmiliError, match=said) as caught:
        options(credentials=name).client()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_redaction(monkeypatch):
    """The key of a redaction is read where rows are, and is in no option."""
    monkeypatch.delenv("AMILI_REDACT_KEY", raising=False)
    plain = options(redact="email")
    assert plain.redaction.key is None
    monkeypatch.setenv("AMILI_REDACT_KEY", "hunter2-hunter2-2")
    keyed = options(redact="email")
    assert keyed.redaction.key == b"hunter2-hunter2-2"
    assert options().redaction is None
    assert b"hunter2-hunter2-2" not in pickle.dumps(keyed)
    assert "hunter2-hunter2-2" not in repr(keyed)


def test_another_key(monkeypatch):
    """A process with another key than that of the driver, or with none, reads nothing: its hashes would be others, or nulls."""
    for planned, there in (("hunter2-hunter2-2", None), ("hunter2-hunter2-2", "hunter2-hunter2-3"), (None, "hunter2-hunter2-2")):
        for key in (planned, there):
            if key is None:
                monkeypatch.delenv("AMILI_REDACT_KEY", raising=False)
            else:
                monkeypatch.setenv("AMILI_REDACT_KEY", key)
            if key is planned:
                sent = pickle.dumps((options(redact="email"), options()))
        found, unredacted = pickle.loads(sent)  # noqa: S301  # our own
        with pytest.raises(ConfigError, match="AMILI_REDACT_KEY is missing here, or is not the one") as caught:
            _ = found.redaction
        assert "hunter" not in str(caught.value)
        assert unredacted.redaction is None


def test_names_that_differ_in_case():
    """Whoever hands over names in their own case is understood, too."""
    assert Options.read({"STREAM": "cases", "Organizations": "o"}).organizations == ("o",)
