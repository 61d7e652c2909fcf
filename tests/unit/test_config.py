"""Settings: validated when they are made, silent about secrets."""

from __future__ import annotations

import math
import pickle
from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amili_async import Environment, Limits, RequestOptions, RetryPolicy, Timeouts
from amili_async.config import APIS, _origin_of, origin
from amili_async.errors import ConfigError


def test_documented_hosts():
    """Production and staging are the hosts of the documentation; what is not public has no default."""
    assert Environment.PRODUCTION.identity == "https://auth.amili.no"
    assert Environment.STAGING.identity == "https://auth.staging.amili.no"
    assert Environment.PRODUCTION.collection == "https://api.amili.no/collection/v1"
    assert Environment.STAGING.collection == "https://api.staging.amili.no/collection/v1"
    assert Environment.STAGING.arm == "https://api.staging.amili.no/arm/v1"
    for api in ("autocollect", "distribution", "partner"):
        with pytest.raises(ConfigError, match=f"AMILI_{api.upper()}_URL"):
            Environment.PRODUCTION.url(api)


def test_local_environment_has_every_api():
    """A sandbox serves all products below one base URL."""
    local = Environment.local("http://127.0.0.1:8080/")
    assert {api: local.url(api) for api in APIS} == {
        "identity": "http://127.0.0.1:8080/identity",
        "collection": "http://127.0.0.1:8080/collection/v1",
        "arm": "http://127.0.0.1:8080/arm/v1",
        "autocollect": "http://127.0.0.1:8080/autocollect",
        "distribution": "http://127.0.0.1:8080/distribution",
        "partner": "http://127.0.0.1:8080/partner",
    }
    assert local.origins == {"http://127.0.0.1:8080"}


@pytest.mark.parametrize(
    "url",
    [
        "api.amili.no",
        "ftp://api.amili.no",
        "https://",
        "https://user:hunter2@api.amili.no",
        "https://api.amili.no/?token=hunter2",
        "https://api.amili.no/#x",
        "https://api.amili.no:port",
        "http://[::1",
        "http://api.amili.no",
        "http://10.0.0.1",
        5,
    ],
)
def test_bad_urls_are_refused_without_being_quoted(url):
    """A base URL must be absolute, clean, and https unless it is this machine; the text holds no password."""
    with pytest.raises(ConfigError, match="collection URL") as caught:
        Environment("x", collection=url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.1", "http://127.8.8.8", "http://[::1]:80", "http://a.localhost"]
)
def test_plain_http_is_for_this_machine(url):
    """Loopback addresses may be plain http."""
    assert Environment("x", collection=url).collection == url


def test_plain_http_elsewhere_has_to_be_allowed():
    """One setting allows plain http."""
    assert Environment("x", collection="http://10.0.0.1", allow_http=True).collection == "http://10.0.0.1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "https://api.amili.no/collection/v1"),
        ({"AMILI_ENVIRONMENT": "Staging"}, "https://api.staging.amili.no/collection/v1"),
        ({"AMILI_ENVIRONMENT": "http://127.0.0.1:9"}, "http://127.0.0.1:9/collection/v1"),
        ({"AMILI_COLLECTION_URL": "https://eu.example.no/c/"}, "https://eu.example.no/c"),
        ({"AMILI_ENVIRONMENT": "staging", "AMILI_COLLECTION_URL": "https://eu.example.no/c"}, "https://eu.example.no/c"),
    ],
)
def test_environment_from_variables(environ, expected):
    """AMILI_ENVIRONMENT picks, AMILI_<API>_URL overrides one URL with or without it."""
    assert Environment.from_env(environ).collection == expected


@pytest.mark.parametrize(
    "environ", [{"AMILI_ENVIRONMENT": "prod"}, {"AMILI_ARM_URL": "nonsense"}, {"AMILI_ENVIRONMENT": "http://x.no"}]
)
def test_wrong_variables_say_so(environ):
    """A wrong variable is an error, not a silent production."""
    with pytest.raises(ConfigError):
        Environment.from_env(environ)


def test_wire_names_that_are_assumptions_are_settings():
    """Header of the idempotency key and name of the page parameter can be set, within reason."""
    assert (Environment.PRODUCTION.idempotency_header, Environment.PRODUCTION.page_param) == ("IdempotencyKey", "Page")
    assert Environment("x", idempotency_header="Idempotency-Key", page_param="pageNo").page_param == "pageNo"
    with pytest.raises(ConfigError):
        Environment("x", idempotency_header="Bad Header")
    with pytest.raises(ConfigError):
        Environment("x", page_param="")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((Timeouts, name) for name in ("total", "connect", "read")),
        *((Limits, name) for name in ("connections", "rate", "response_bytes", "page_size")),
        *((RetryPolicy, name) for name in ("attempts", "backoff", "backoff_max", "retry_after_max")),
        (RequestOptions, "timeout"),
    ],
)
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "1"])
def test_numbers_must_make_sense(kind, name, value):
    """Zero, negative, infinite and non-numbers are refused, and the text names the setting."""
    with pytest.raises(ConfigError, match=name):
        kind(**{name: value})


def test_defaults_are_the_documented_ones():
    """The defaults of the settings are part of the contract with users."""
    assert msgspec.structs.asdict(Timeouts())["total"] == 120
    assert msgspec.structs.asdict(RetryPolicy()) == {"attempts": 4, "backoff": 0.5, "backoff_max": 8.0, "retry_after_max": 60.0}
    assert (Limits().connections, Limits().page_size, Limits().rate) == (16, 500, None)
    assert Limits(redirects=0).redirects == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"authorization": "x"},
        {"X-A": "a\r\nEvil: 1"},
        {"X A": "b"},
        {"Cookie": "a=b"},
        {"Host": "x"},
    ],
)
def test_headers_that_the_session_owns_or_cannot_send_are_refused(headers):
    """Options cannot smuggle in a token, a second host or a line break."""
    with pytest.raises(ConfigError):
        RequestOptions(headers=headers)


@pytest.mark.parametrize("value", [None, 5, "a=b", {"a": 1}, {"a": date(2026, 1, 1)}, {"hunter2": None}, {1: "a"}])
@pytest.mark.parametrize("name", ["headers", "query"])
def test_headers_and_query_are_texts(name, value):
    """What could not be sent as it is, is refused where it is written, by its name, not by its value."""
    with pytest.raises(ConfigError, match=f"{name}=.* text"):
        RequestOptions(**{name: value})


@pytest.mark.parametrize("key", ["", "a b", "a\n", "é", "x" * 256])
def test_idempotency_keys_must_fit_a_header(key):
    """A key that would not arrive as given is refused."""
    with pytest.raises(ConfigError):
        RequestOptions(idempotency_key=key)


def test_options_over_defaults():
    """A call's options win over the client's; headers and query are merged."""
    base = RequestOptions(timeout=5, headers={"A": "1", "B": "1"}, query={"q": "1"}, retry=RetryPolicy(attempts=1))
    merged = RequestOptions(headers={"B": "2"}, idempotency_key="k").over(base)
    assert (merged.timeout, dict(merged.headers), dict(merged.query)) == (5, {"A": "1", "B": "2"}, {"q": "1"})
    assert (merged.idempotency_key, merged.retry) == ("k", RetryPolicy(attempts=1))


def test_settings_can_be_kept_and_sent():
    """Settings are hashable and pickle, and take copies of what they are given."""
    headers = {"X-A": "1"}
    options = RequestOptions(headers=headers, retry=RetryPolicy(attempts=1))
    headers["X-A"] = "2"
    assert options.headers == {"X-A": "1"}
    for setting in (options, Environment.STAGING, Limits(), Timeouts(), RetryPolicy()):
        assert pickle.loads(pickle.dumps(setting)) == setting  # noqa: S301
        assert hash(setting) == hash(msgspec.structs.replace(setting))


def test_options_do_not_show_values():
    """Repr names headers and parameters only."""
    shown = repr(RequestOptions(headers={"X-Key": "hunter2"}, query={"SearchTerm": "Nordmann"}, idempotency_key="hunter3"))
    assert "X-Key" in shown
    assert not {"hunter2", "Nordmann", "hunter3"} & set(shown.replace("'", " ").split())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://API.amili.no:443/x?y", "https://api.amili.no"),
        ("http://h:80", "http://h"),
        ("http://h:8080/a", "http://h:8080"),
        ("http://[::1]:9/", "http://[::1]:9"),
    ],
)
def test_origin(url, expected):
    """Scheme, host and port, normalised, so that the same origin is seen as such."""
    assert origin(url) == expected


@given(st.text(alphabet="htps:/\\@?#[]. %a1\t\n-", max_size=30) | st.from_regex(r"https?://[a-z@.:0-9/?#]{0,20}", fullmatch=True))
def test_the_origin_does_not_depend_on_the_path(url):
    """What is behind the host is left out before it is looked at, and that changes nothing: tokens depend on it."""
    try:
        expected = _origin_of.__wrapped__(url)
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            origin(url)
    else:
        assert origin(url) == expected
