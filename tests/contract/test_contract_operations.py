"""Every documented operation has one record, and each says what the documentation says."""

from __future__ import annotations

import dataclasses
import re

import pytest

from amili_async.operation import ACCEPTED_EVIDENCE

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
PLACES = {"token_path", "skip_path"}
"""Where the answer tells about the next page: known to the envelope's models, not to `Paging`."""

WITH_TOKEN = {
    "identity.refresh": "which token it renews is not known; the one at hand is the only one there is",
}
"""Operations that the document lists without a security scheme, and that are called with a token all the same."""


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


@pytest.mark.parametrize("field", SAME)
def test_a_record_says_what_is_documented(fact, operation, field):
    """A record agrees with the documentation in every plain field."""
    assert getattr(operation, field) == fact[field]


def test_query_names_are_those_of_the_page(fact, operation):
    """The query parameters are the documented ones, spelled as on the wire."""
    assert operation.query == tuple(fact["query"])


def test_paging_is_that_of_the_page(fact, operation):
    """A list is walked by the documented parameters; what is no list has no paging."""
    documented = fact["paging"] and {key: value for key, value in fact["paging"].items() if key not in PLACES}
    assert (operation.paging and dataclasses.asdict(operation.paging)) == documented


def test_paging_parameters_are_query_parameters(listed, operations):
    """What paging sends is among the query parameters that the operation knows."""
    paging = operations[listed["name"]][0].paging
    sent = {value for key, value in dataclasses.asdict(paging).items() if key.endswith("_param") and value}
    assert sent <= set(listed["query"])


def test_places_of_the_paging_state_exist(listed, follow, models):
    """Where the token and the totals stand is a documented part of the envelope that has a model with that field."""
    envelope = follow(listed["response"])["properties"]
    for place in filter(None, (listed["paging"][name] for name in PLACES)):
        part, _, field = place.partition(".")
        model = models[envelope[part]["$ref"].rpartition("/")[2]]
        assert not field or field in model.__struct_encode_fields__


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


def test_content_is_where_the_schema_has_it(fact, operation, follow):
    """`unwrap` names the part of the answer that holds the content, and nothing where there is no envelope."""
    properties = follow(fact["response"]).get("properties", {}) if fact["response"] else {}
    assert operation.unwrap == ("data" if "data" in properties else None)


def test_answer_is_decoded_into_the_documented_component(fact, operation, facts, follow):
    """The response type is our class for the component that the answer or a list's item is made of; None if it is unknown."""
    reference = fact["response"]
    if operation.unwrap and reference:
        content = follow(reference)["properties"][operation.unwrap]
        reference = content.get("items", content)["$ref"]
    pointer = (reference or "").removeprefix("#/schemas/")
    name = facts["names"].get(pointer) or pointer.rpartition("/")[2]
    known = bool(reference) and "properties" in follow(reference)
    assert operation.response is None if not known else operation.response.__name__ == name


def test_facts_are_complete(fact, facts):
    """Every entry of the facts says the same things, so that a new one forgets none."""
    assert list(fact) == list(facts["operations"][0])


def test_documented_answer_fits_its_schema(answered, complaints):
    """Facts do not contradict each other: an example answer is valid by its own schema."""
    assert complaints(answered["response"], answered["answer"]) == []
