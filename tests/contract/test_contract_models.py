"""The models hold every documented field and value, and nothing that is not documented."""

from __future__ import annotations

import re
from datetime import datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import msgspec.inspect as kind_of
import pytest

from amili_async.structs import OpenEnum, decode, decode_item, decoder, encode
from amili_async.webhooks import parse

from .facts import answers_of, model_of

WIDER = {
    "caseNumber": {"integer", "string"},  # a number in cases, a string in settlements and webhooks
    "collectionCaseNumber": {"integer", "string"},  # the same number under another name
    "settlementNumber": {"integer", "string"},  # a number like those two
    "nextPageToken": {"integer"},  # opaque; a server that counts may send a number
    "previousPageToken": {"integer"},  # likewise
    "currency": {"object OpenObject"},  # `{}` in the example of a case's invoice
}
"""What a field takes beyond its schema, by wire name."""

INSTEAD = {
    ("TokenResponse", "not_before"): {"float"},  # seconds that may come as text and in parts: read leniently
    ("TokenResponse", "expires_in"): {"float"},
    ("TokenResponse", "expires_on"): {"float"},
    ("SettlementCreatedData", "settlementDate"): {"date-time"},  # a bare date, read like every other date: at midnight
}
"""What a field takes in place of what its schema says."""

UNDOCUMENTED = {
    ("TokenResponse", "scope"): "RFC 6749, section 5.1: sent if it differs from the one asked for",
    ("BatchCompletedData", "orgId"): "the organization is found under both of its names",
    ("SettlementCreatedData", "orgId"): "likewise",
    ("CaseEventData", "organizationId"): "likewise",
    ("CaseUpdatedData", "organizationId"): "likewise",
    ("BatchStatus", "httpStatus"): "which of the documented statuses the answer had: put in by the client",
    ("FileUploadResult", "httpStatus"): "likewise",
    ("AutoPostingResponse", "validateOnly"): "what was asked for: put in by the client",
} | {
    (event, name): "comes from a header"
    for event in ("WebhookEvent", "BatchCompletedEvent", "SettlementCreatedEvent", "CaseEvent", "CaseUpdatedEvent")
    for name in ("deliveryId", "requestId")
}
"""Fields that no schema has."""

EXTRA = {"extra", "$extra"}
"""Where members are that the contract does not know: they go out, and come in, beside the others."""

FOLDED = {
    (event, "eventType"): "type"
    for event in ("WebhookEvent", "BatchCompletedEvent", "SettlementCreatedEvent", "CaseEvent", "CaseUpdatedEvent")
}
"""Properties that are read into a field of another name: an event says what it is under one name or the other."""

OURS = {
    "UnknownEvent": "an event of a kind that is not documented yet",
}
"""Structs that stand for no documented object."""

ALSO_HANDED_IN = {
    "number": {"integer"},
    "string": {"date", "date-time"},
    "date": {"string"},
    "date-time": {"string", "date"},
}
"""What may be handed in for a documented kind beside it; a string for an enum, too. What is sent is of the documented kind."""

PLAIN = {
    kind_of.AnyType: "anything",
    kind_of.StrType: "string",
    kind_of.IntType: "integer",
    kind_of.DecimalType: "number",
    kind_of.FloatType: "float",
    kind_of.BoolType: "boolean",
    kind_of.DateTimeType: "date-time",
    kind_of.DateType: "date",
}


def kinds(type_: Any) -> set[str]:
    """Say in words of the tests what a field takes; null is left out."""
    match type_:
        case kind_of.EnumType(cls=cls) if issubclass(cls, OpenEnum):
            return {f"enum {cls.__name__}"}
        case kind_of.StructType(cls=cls):
            return {f"object {cls.__name__}"}
        case kind_of.DictType():
            return {"mapping"}
        case kind_of.NoneType():
            return set()
    return {PLAIN[type(type_)]}


def fields(model: Any) -> dict[str, Any]:
    """Return the fields of a Struct by their wire name."""
    return {field.encode_name: field for field in msgspec.structs.fields(model)}


def taken(annotation: Any) -> set[str]:
    """Say what an annotation takes, part by part: what msgspec alone does not decode may be any union."""
    if annotation is msgspec.UnsetType:
        return set()
    if get_origin(annotation) in {Union, UnionType}:
        return {kind for part in get_args(annotation) for kind in taken(part)}
    if get_origin(annotation) is tuple:
        return {f"array of {kind}" for kind in taken(get_args(annotation)[0])}
    return kinds(kind_of.type_info(annotation))


def properties(component: Any) -> set[str]:
    """Return the documented properties of an object that have a field of their own."""
    return {name for name in component.schema.get("properties", ()) if (component.name, name) not in FOLDED}


def tolerated(component: Any, name: str, wanted: set[str]) -> set[str]:
    """Return what a field may take beyond what is documented."""
    if not component.handed_in:
        return WIDER.get(name, set())
    return {also for kind in wanted for also in ALSO_HANDED_IN.get(kind, {"string"} if kind.startswith("enum ") else ())}


def essence(value: Any) -> Any:
    """Reduce an answer to what it says: null is absence, a date-time is an instant, a date its first."""
    if isinstance(value, dict):
        return {key: essence(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [essence(item) for item in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d(T|$)", value):
        return datetime.fromisoformat(value)
    return value


def through(model: Any, example: Any) -> Any:
    """Return what is left of an example after decoding and encoding."""
    return decode(encode(decode_item(msgspec.json.encode(example), model)))


def test_a_component_has_a_class(component):
    """A documented object has a Struct."""
    assert issubclass(component.model, msgspec.Struct)


def test_every_property_is_a_field(component):
    """A Struct has each documented property, by its wire name."""
    assert properties(component) <= set(fields(component.model))


def test_no_field_is_invented(component):
    """A Struct has no field that the documentation does not know, but for those with a reason."""
    documented = set(component.schema.get("properties", ()))
    invented = set(fields(component.model)) - documented - EXTRA
    assert {(component.name, name) for name in invented} <= set(UNDOCUMENTED)


def test_fields_take_what_is_documented(component):
    """A field takes every documented kind of value, and others only where the API is at odds with itself."""
    wrong = {}
    for name in properties(component):
        found = taken(fields(component.model)[name].type)
        wanted = INSTEAD.get((component.name, name)) or component.kinds(name)
        also = tolerated(component, name, wanted)
        if wanted == {"string"} and all(kind.startswith("enum ") for kind in found - also):
            continue  # any text: an open enum takes that
        if "anything" not in wanted and not wanted <= found <= wanted | also:
            wrong[name] = (found, wanted)
    assert wrong == {}


def test_names_follow_the_wire(component):
    """A field's Python name is its wire name in snake_case, so that nobody has to look it up."""
    for name, field in fields(component.model).items():
        if not name.startswith("$"):
            assert field.name == re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def test_exceptions_are_still_needed(components):
    """The lists of exceptions name fields that exist."""
    known = {(it.name, name) for it in components if it.model and "properties" in it.schema for name in fields(it.model)}
    assert set(UNDOCUMENTED) | set(INSTEAD) <= known
    assert set(WIDER) <= {name for _, name in known}
    assert set(FOLDED) <= {(it.name, name) for it in components for name in it.schema.get("properties", ())}
    assert {(event, name) for (event, _), name in FOLDED.items()} <= known


def test_every_struct_is_documented(models, components):
    """No Struct is handed out that the documentation has no object for."""
    structs = {it for it in models if issubclass(it, msgspec.Struct)}
    assert structs
    assert {it.__name__ for it in structs - {it.model for it in components}} == set(OURS)


def test_every_enum_is_documented(models, components):
    """No enum is handed out that the documentation has no list of values for."""
    enums = {it for it in models if issubclass(it, OpenEnum)}
    assert enums
    assert enums <= {it.model for it in components if "x-extensible-enum" in it.schema}


def test_members_are_the_documented_values(open_list):
    """An enum has the documented values as known members, and no others."""
    values = open_list.schema["x-extensible-enum"]
    assert [member.value for member in open_list.model] == values
    assert all(open_list.model(value).known for value in values)


def test_answers_survive(decoded, operations):
    """The content of an answer, as documented and with all that its schema has, decodes; encoding it again loses no field."""
    operation = operations[decoded["name"]][0]
    for answer in answers_of(decoded):
        rows = answer[operation.paging.items] if operation.paging else [answer[operation.unwrap] if operation.unwrap else answer]
        assert rows
        assert [essence(through(operation.response, row)) for row in rows] == essence(rows)


def test_envelopes_survive(decoded, operations, follow):
    """The summaries beside the content decode too, and lose no field."""
    operation = operations[decoded["name"]][0]
    part = operation.paging.items if operation.paging else operation.unwrap
    envelope = follow(decoded["response"])["properties"] if decoded["response"] and part else {}
    for answer in answers_of(decoded):
        for name in answer.keys() & envelope.keys() - {part}:
            assert essence(through(model_of(envelope[name]["$ref"]), answer[name])) == essence(answer[name])


def test_documented_object_survives(exemplified):
    """An object that has an example of its own decodes, and encoding it again loses no field."""
    for example in exemplified.schema["examples"]:
        assert essence(through(exemplified.model, example)) == essence(example)


def test_documented_event_fits_its_schema(webhook, complaints):
    """Facts do not contradict each other: an example event is valid by its own schema, under its own name."""
    assert complaints(webhook["schema"], webhook["example"]) == []
    assert {webhook["example"].get(name) for name in ("type", "eventType")} == {webhook["event"], None}


def test_documented_event_survives(webhook):
    """The documented example of an event decodes into our class for it, and encoding it again loses no field."""
    example = {name: value for name, value in webhook["example"].items() if name != "eventType"} | {"type": webhook["event"]}
    found = through(model_of(webhook["schema"]), example)
    data = example["data"]
    organization = data.get("organizationId") or data["orgId"]
    assert essence(found) == essence(example | {"data": data | {"organizationId": organization, "orgId": organization}})


def test_a_delivery_is_read_as_documented(webhook):
    """The documented body with the documented headers is read into our class, with what the headers say."""
    delivery = {"X-Amili-Event": webhook["event"], "IdempotencyKey": "delivery", "X-Amili-Request-Id": "request"}
    event = parse(msgspec.json.encode(webhook["example"]), delivery)
    assert delivery.keys() == set(webhook["headers"]) - {"X-Webhook-Signature"}
    assert type(event) is model_of(webhook["schema"])
    assert (event.type, event.delivery_id, event.request_id) == (webhook["event"], "delivery", "request")
    assert parse(msgspec.json.encode(webhook["example"])).data == event.data


def test_every_event_has_a_webhook(facts, follow):
    """The known events are those that are documented with an example."""
    assert [it["event"] for it in facts["webhooks"]] == follow("#/schemas/collection/EventType")["x-extensible-enum"]


@pytest.mark.parametrize("value", ["SOMETHING_NEW", "open", ""])
def test_undocumented_values_pass(open_list, value):
    """A value that is not documented is let through, marked as unknown, and goes back unchanged."""
    found = decoder(open_list.model).decode(msgspec.json.encode(value))
    assert (found == value, found.known, decode(encode(found))) == (True, False, value)
