"""Plain values: what they show, and what tools can ask of them."""

from __future__ import annotations

import inspect
import pickle

import pytest
from rich.pretty import pretty_repr

import amili_async
import amili_async.signatures
from amili_async import AmiliClient, BasicCredentials, ClientCredentials, RequestOptions, StaticToken
from amili_async.auth import AccessToken
from amili_async.operation import Response
from amili_async.pages import InvalidItem, Page
from amili_async.records import Record
from amili_async.testing import FakeTransport

SECRET = "s3cr3t-0505-6912345"
CLIENT = AmiliClient(StaticToken("t"), transport=FakeTransport([]))


def kinds(kind=Record):
    """Yield all kinds of records."""
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


@pytest.mark.parametrize(
    "value",
    [
        AccessToken(SECRET),
        BasicCredentials(SECRET, SECRET),
        ClientCredentials("id", SECRET),
        StaticToken(SECRET),
        RequestOptions(headers={"X-Api-Key": SECRET}, query={"nin": SECRET}, idempotency_key=SECRET),
        InvalidItem(0, SECRET, "odd", SECRET.encode(), personal=True),
        Page(items=({"nin": SECRET},), invalid=(InvalidItem(0, SECRET, "odd", b"", personal=True),)),
        Response(data={"nin": SECRET}, status=200, headers={"x": SECRET}, request_id=None, attempts=1, elapsed=0.1),
        CLIENT.collection.cases.list("org", search_term=SECRET, options=RequestOptions(query={"nin": SECRET})),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_secret_or_personal_is_not_shown(value):
    """Neither by `repr`, nor by rich, whose tracebacks show local variables, nor inside something else."""
    for shown in (repr(value), pretty_repr(value), repr([value]), pretty_repr({"value": value})):
        assert type(value).__name__ in shown
        assert SECRET not in shown


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=lambda kind: kind.__name__))
def test_signatures(kind):
    """`help()`, editors and mocks read them: every name in an annotation is there."""
    assert isinstance(inspect.signature(kind), inspect.Signature)


def test_values():
    """They are compared by value, cannot be changed, pickle, and have a hash where all of their parts have one."""
    options = RequestOptions(timeout=3, headers={"a": "b"})
    again = pickle.loads(pickle.dumps(options))  # noqa: S301  # our own
    assert (again, hash(again)) == (options, hash(options))
    with pytest.raises(AttributeError):
        options.timeout = 4
    assert {amili_async.Limits(): 1}[amili_async.Limits()] == 1
