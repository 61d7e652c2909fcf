"""The error tree: plain data, pickling, and silence about secrets."""

from __future__ import annotations

import copy
import pickle

import pytest

from amili_async import Cursor, errors

SECRET = b'{"message": "Ola Nordmann 01415012345", "code": "case.locked"}'
CURSOR = Cursor("token", "abc", 0, 3, 30, 0, 1, "d")
CLASSES = [
    kind for name in errors.__all__ if isinstance(kind := getattr(errors, name), type) and issubclass(kind, errors.AmiliError)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("duplicate", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy], ids=["pickle", "copy"])  # noqa: S301
def test_every_error_survives_pickle_and_copy(kind, duplicate):
    """Text, class and every attribute come back, the cursor included."""
    error = kind(
        "text",
        status=503,
        code="c",
        request_id="r",
        body=b"b",
        headers={"a": "b"},
        method="GET",
        path="/orgs/{organizationId}/cases",
        attempts=4,
        retry_after=1.5,
        resume=CURSOR,
    )
    again = duplicate(error)
    assert type(again) is kind
    assert again.__dict__ == error.__dict__
    assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)


def test_special_attributes_survive_pickle():
    """What single classes add comes back too."""
    for error, names in [
        (errors.DecodeError("x", index=3, item_id="i", damaged=True), ("index", "item_id", "damaged")),
        (errors.NotSentTimeout("x", phase="token"), ("phase",)),
        (errors.BatchFailed("x", batch={"a": 1}), ("batch",)),
    ]:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert [getattr(again, name) for name in names] == [getattr(error, name) for name in names]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.Unprocessable),
        (429, errors.RateLimited),
        (500, errors.ServerError),
        (503, errors.ServerError),
        (599, errors.ServerError),
        (302, errors.ApiError),
        (418, errors.ApiError),
        (799, errors.ApiError),
    ],
)
def test_each_status_has_its_class(status, kind):
    """A status maps to the class of the tree that names it."""
    error = errors.ApiError.for_status(status)
    assert type(error) is kind
    assert error.status == status
    assert str(status) in str(error)


def test_tree_has_the_promised_shape():
    """A caller can catch by what is known of the outcome, and time-outs as `TimeoutError`."""
    assert issubclass(errors.NotSentTimeout, errors.NotSentError)
    assert issubclass(errors.OutcomeUnknownTimeout, errors.OutcomeUnknownError)
    assert issubclass(errors.DeadlineExceeded, TimeoutError)
    assert issubclass(errors.BatchTimeout, TimeoutError)
    assert issubclass(errors.ConfigError, ValueError)
    assert {errors.CursorExpired, errors.CursorMismatch, errors.PageLoop} <= set(errors.PaginationError.__subclasses__())
    assert all(issubclass(kind, errors.AmiliError) for kind in CLASSES)


def test_text_tells_where_and_how_often_but_not_what_the_body_said():
    """Str and repr name path template, code, request id and attempts; the body stays out."""
    error = errors.RateLimited(
        "answered 429 Too Many Requests",
        status=429,
        code="case.locked",
        request_id="req-1",
        body=SECRET,
        method="GET",
        path="/orgs/{organizationId}/cases",
        attempts=4,
        retry_after=2.0,
    )
    assert str(error) == (
        "GET /orgs/{organizationId}/cases: answered 429 Too Many Requests "
        "(code case.locked, request id req-1, 4 attempts, retry after 2 s)"
    )
    assert "Nordmann" not in str(error) + repr(error)
    assert error.body == SECRET


@pytest.mark.parametrize("code", ["Ola Nordmann", "01415012345", "ola@example.no", "x" * 65, ""])
def test_codes_that_may_be_personal_data_are_not_shown(code):
    """A code or request id that does not look like an identifier is kept as data only."""
    error = errors.BadRequest("no", status=400, code=code, request_id="Ola Nordmann")
    assert str(error) == "no"
    assert error.code == code
