"""Every documented operation has one record, and each says what the documentation says."""

from __future__ import annotations

import re

import msgspec
import pytest

from amili_async.answers import read_answer
from amili_async.operation import ACCEPTED_EVIDENCE
from amili_async.structs import encode

from .facts import ANSWERED_ALL_THE_SAME, answers_of, described, model_of

SAME = (
    "name",
    "method",
    "path",
    "evidence",
    "source",
    "retry_safe",
    "deprecated",
    "path_guessed",
    "method_guessed",
    "body",
)
PLACES = {"token_path", "skip_path", "query_path", "next_path"}
"""Where the answer tells about the next page: known to the envelope's models, not to `Paging`."""

WITH_TOKEN = {
    "identity.refresh": "which token it renews is not known; the one at hand is the only one there is",
    "collection.status.ping": "goes with or without one, by inference; with one it is answered either way",
}
"""Operations that the document asks no token for, and that are called with one all the same."""

EMPTY_ALL_THE_SAME = {"arm.ar_items.update", "arm.customers.delete", "arm.files.upload"}
"""Writes that are documented to be answered with a body, and that are a success without one, too: what was carried out must not
look like a failure, nor be repeated for want of an answer."""


@pytest.fixture
def operation(fact, operations):
    """Give the record of the fact at hand."""
    return operations[fact["name"]][0]


def test_a_fact_has_one_record(fact, operations):
    """A documented operation has exactly one record."""
    assert len(operations.get(fact["name"], ())) == 1


def test_a_record_has_a_fact(facts, operations):
    """No operation is in the table that the facts do not know."""
    assert sorted(operations) == sorted(it["name"] for it in facts["operations"])


def test_a_record_says_what_is_documented(fact, operation):
    """A record agrees with the documentation in every plain field."""
    assert {name: getattr(operation, name) for name in SAME} == {name: fact[name] for name in SAME}
    assert operation.body_optional is (fact["empty"] or fact["name"] in EMPTY_ALL_THE_SAME)


def test_query_names_are_those_of_the_page(fact, operation):
    """The query parameters are the documented ones, spelled as on the wire."""
    assert operation.query == tuple(fact["query"])


def test_paging_is_that_of_the_page(fact, operation):
    """A list is walked by the documented parameters; what is no list, or one without paging, is a plain call."""
    paging = fact["paging"] if fact["paging"] and fact["paging"]["style"] != "none" else None
    documented = paging and {key: value for key, value in paging.items() if key not in PLACES}
    found = operation.paging and msgspec.structs.asdict(operation.paging)
    if found:
        del found["key"]  # which member tells rows apart is our own knowledge of the models
    assert found == documented


def test_paging_parameters_are_query_parameters(listed, operations):
    """What paging sends is among the query parameters that the operation knows."""
    paging = operations[listed["name"]][0].paging
    sent = {value for key, value in msgspec.structs.asdict(paging).items() if key.endswith("_param") and value}
    assert sent <= set(listed["query"])


def test_places_of_the_paging_state_exist(listed, follow):
    """Where the token and the totals stand is a documented part of the envelope that has a model with that field."""
    envelope = follow(listed["response"])["properties"]
    for place in filter(None, (listed["paging"][name] for name in PLACES)):
        part, _, field = place.partition(".")
        assert not field or field in model_of(envelope[part]["$ref"]).__struct_encode_fields__


def test_a_list_of_unknown_shape_loses_nothing(unshaped, operations):
    """Such a list returns the whole answer: a token in it, or rows under another key, reach the caller."""
    operation = operations[unshaped["name"]][0]
    answer = {"summary": {"nextPageToken": "more"}, "data": [{"id": 1}], "rows": [2]}
    assert read_answer(operation, 200, encode(answer)) == answer
    assert read_answer(operation, 200, b"%PDF-1.7") == "%PDF-1.7"
    assert read_answer(operation, 200, b"%PDF-1.7 \xff") == b"%PDF-1.7 \xff"


def test_a_success_without_a_body_is_one(bodiless, operations):
    """What may be answered without a body returns None then, and what the answer says where there is one."""
    operation = operations[bodiless["name"]][0]
    for status in bodiless["status"] or [200]:
        assert read_answer(operation, status, b"") is None
        assert all(isinstance(read_answer(operation, status, encode(it)), operation.response) for it in answers_of(bodiless))


def test_exceptions_are_still_needed(facts, operations):
    """The lists of exceptions name operations that exist, and in which they make a difference."""
    documented = {fact["name"]: fact for fact in facts["operations"]}
    assert all(not documented[name]["authenticated"] for name in WITH_TOKEN)
    assert not any(documented[name]["empty"] for name in EMPTY_ALL_THE_SAME)
    assert all(documented[name]["response"] is None and documented[name]["empty"] for name in ANSWERED_ALL_THE_SAME)


def test_only_documented_operations_are_confirmed(fact, operation):
    """An operation is unconfirmed exactly if its page is not known, or its path or method is a guess."""
    guessed = fact["path_guessed"] or fact["method_guessed"]
    assert operation.confirmed is (fact["evidence"] in {"seed", "docs"} and not guessed)


def test_accepted_evidence_is_that_of_pages():
    """Only evidence from a page itself counts as documentation."""
    assert {"seed", "docs"} == ACCEPTED_EVIDENCE


def test_token_goes_along_where_documented(fact, operation):
    """A token is sent where the document asks for one, with exceptions that have a reason."""
    assert operation.authenticated is (fact["authenticated"] or fact["name"] in WITH_TOKEN)


def test_path_parameters_are_well_formed(fact, operation):
    """A path is absolute, its parameters have names, and none comes twice."""
    names = re.findall(r"\{(\w+)\}", operation.path)
    assert re.fullmatch(r"(/[\w-]+|/\{\w+\})+", operation.path)
    assert len(names) == len(set(names))


def test_content_is_where_the_schema_has_it(fact, operation):
    """`unwrap` names the part of the answer that holds the content, and nothing where that is not known."""
    assert operation.unwrap == described(fact)[0]


def test_answer_is_decoded_into_the_documented_component(fact, operation):
    """The response type is our class for the component that the answer or a list's item is made of; None if it is unknown."""
    reference = described(fact)[1]
    assert operation.response is (reference and model_of(reference))


def test_facts_are_complete(fact, facts):
    """Every entry of the facts says the same things, so that a new one forgets none."""
    assert list(fact) == list(facts["operations"][0])


def test_bodies_are_documented_where_one_is_taken(fact):
    """Facts do not contradict each other: what takes a body has a schema for it, and only that has examples."""
    assert (fact["takes"] is not None) is (fact["body"] != "none")
    assert fact["takes"] or not fact["requests"]


def test_documented_request_fits_its_schema(exchange, complaints):
    """Facts do not contradict each other: an example request is valid by its own schema."""
    assert [complaints(exchange["takes"], request) for request in exchange["requests"]] == [[] for _ in exchange["requests"]]


def test_documented_answer_fits_its_schema(answered, complaints):
    """Facts do not contradict each other: an example answer is valid by its own schema."""
    assert complaints(answered["response"], answered["answer"]) == []
