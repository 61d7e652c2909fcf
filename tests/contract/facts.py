"""Reads the documented facts: what the public documentation says about Amili's APIs, carried into this project in `facts.json`.

Its parts:

- `operations`: one entry per operation. `evidence` is the best level at which it is known, `source` the page. Where both
  documents of the Collection API describe it, `document` is the newer one, whose path and parameters count.
  `takes` points to the schema of its body (null: no body is known), `requests` are the documented examples of one.
  `query` has the schema of each query parameter, `required` those that must be there, `headers` the names of others.
  `status` are those of a success (none: not known), `media` its media types. `response` points to the schema of its answer
  (null: no body is known), `answer` is the documented example. `empty` tells that a success has no body, or perhaps none.
- `webhooks`: one entry per event that the API sends: its headers, the schema of its body and the documented example.
- `ids`: where the value of a parameter can be had: an operation, and the field of its answer, however deep.
- `names`: what our model is called where the document calls it otherwise, or has no name for it
  (`document/Component/property`).
- `schemas`: the components that bodies are made of, per document. `x-extensible-enum` are the known values of an open
  list.

An operation is added by adding its entry and its components: the tests know no operation by name, but for exceptions that each
have a reason. E-mail addresses and phone numbers in examples are ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from amili_async import structs, walks
from amili_async.config import APIS

if TYPE_CHECKING:
    from collections.abc import Iterable

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("facts.json").read_bytes())
PREFIX = "#/schemas/"
MODULES = ("models", "events", "requests")
"""Where a product keeps the classes for the documented components."""
SPECIMENS = {
    "base64": "JVBERi0xLjQ=",
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:30:00Z",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "uuid": "7bc05553-4b68-44e8-b7bc-37be63c6d9e9",
}
"""A value of each format and encoding."""
MEDIA = {"json": "application/json", "json-patch": "application/json-patch+json", "form": "application/x-www-form-urlencoded"}
"""Media types of the kinds of bodies."""
ANSWERED_ALL_THE_SAME = {
    "collection.invoices.pause": PREFIX + "collection/BatchAccepted",
    "collection.invoices.withdraw": PREFIX + "collection/BatchAccepted",
    "collection.invoices.resume": PREFIX + "collection/BatchAccepted",
}
"""Operations that the older document has without an answer; the actions on cases that took their place presumably name the
batch, so that one is not lost if it comes."""


def at(reference: str) -> dict[str, Any]:
    """Return what a reference inside the facts points to, `#/schemas/collection/Case`."""
    found = FACTS
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def named(pointer: str) -> str:
    """Return what our model of a component is called."""
    return FACTS["names"].get(pointer) or pointer.rpartition("/")[2]


def flat(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an object that is put together from others (`allOf`) as one; where a property comes twice, the first counts."""
    if "$ref" in schema:
        return flat(at(schema["$ref"]))
    if "allOf" not in schema:
        return schema
    properties: dict[str, Any] = {}
    for part in schema["allOf"]:
        properties = flat(part)["properties"] | properties
    return {"type": "object", "properties": properties}


def folded(name: str) -> str:
    """Return a name without what tells Python names and wire names apart."""
    return re.sub("[^a-z0-9]", "", name.lower())


def made_up(schema: dict[str, Any]) -> Any:
    """Make up a value that has everything its schema has; of several kinds the first, and in a list one of each."""
    schema = flat(schema)
    if "properties" in schema:
        return {name: made_up(content) for name, content in schema["properties"].items()}
    if "anyOf" in schema:
        return made_up({key: value for key, value in schema.items() if key != "anyOf"} | schema["anyOf"][0])
    types = schema.get("type", "string")
    kind = types if isinstance(types, str) else types[0]
    if kind == "array":
        return [made_up(item) for item in schema["items"].get("anyOf", [schema["items"]]) if item]
    if kind == "string" and (written := schema.get("format", schema.get("contentEncoding"))):
        return SPECIMENS[written]
    plain = {"object": {"member": "string"}, "string": "string", "integer": 7, "number": 12.5, "boolean": True}
    return schema.get("x-extensible-enum", [plain[kind]])[0]


def reachable(pointers: Iterable[str]) -> set[str]:
    """Return the components that these ones are made of, themselves included."""
    found: set[str] = set()
    waiting = [*pointers]
    while waiting:
        pointer = waiting.pop()
        if pointer not in found:
            found.add(pointer)
            waiting += re.findall(rf'"{PREFIX}([^"]+)"', json.dumps(at(PREFIX + pointer)))
    return found


def products(module: str) -> list[str]:
    """Return the products of the package that have a module of that name."""
    return [api for api in APIS if find_spec(f"amili_async.{api}.{module}")]


@dataclass(frozen=True)
class Component:
    """An object or open list of the documentation with our class for it."""

    pointer: str
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of our class."""
        return named(self.pointer)

    @property
    def model(self) -> Any:
        """Our class; None if there is none."""
        product = self.pointer.partition("/")[0].partition("-")[0]
        modules = [import_module(f"amili_async.{product}.{name}") for name in MODULES if product in products(name)]
        return next((getattr(it, self.name) for it in (*modules, structs, walks) if hasattr(it, self.name)), None)

    @property
    def is_mapping(self) -> bool:
        """Whether no property is known: then it is handed out as it came, not as a Struct that would drop what it says."""
        return not self.schema.get("properties") and not (isinstance(self.model, type) and issubclass(self.model, Struct))

    @property
    def handed_in(self) -> bool:
        """Whether it is part of what is sent to the API."""
        return self.pointer in HANDED_IN

    def kinds(self, name: str) -> set[str]:
        """Say in words of the tests what a property may be."""
        return _kinds(self.schema["properties"][name], f"{self.pointer}/{name}")


def _kinds(schema: dict[str, Any], pointer: str) -> set[str]:
    if "$ref" in schema:
        pointer = schema["$ref"].removeprefix(PREFIX)
        schema = at(schema["$ref"])
    if "anyOf" in schema:
        common = {key: value for key, value in schema.items() if key != "anyOf"}
        return {kind for one in schema["anyOf"] for kind in _kinds(common | one, pointer)}
    if named(pointer) == "Decimal":
        return {"number"}  # written as text
    schema = flat(schema)
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return {found for one in kind if one != "null" for found in _kinds(schema | {"type": one}, pointer)}
    if kind == "array":
        return {f"array of {item}" for item in _kinds(schema["items"], pointer)}
    if kind == "object":
        return {"mapping" if Component(pointer, schema).is_mapping else f"object {named(pointer)}"}
    if "x-extensible-enum" in schema and pointer.count("/") == 1:
        return {f"enum {named(pointer)}"}
    return {schema["format"]} if schema.get("format") in {"date", "date-time"} else {kind}


def is_envelope(component: Component) -> bool:
    """Tell whether something is a body as a whole that needs no class: what is in it has one."""
    properties = component.schema.get("properties", {})
    return component.model is None and (component.pointer in WRAPPERS or any("ummary" in name for name in properties))


def _components() -> list[Component]:
    all_ = ((f"{document}/{name}", schema) for document, named_ in FACTS["schemas"].items() for name, schema in named_.items())
    found = [Component(pointer, flat(schema)) for pointer, schema in all_]
    for owner in tuple(found):
        for name, schema in owner.schema.get("properties", {}).items():
            inline = schema.get("items", schema)
            if "properties" in inline:
                found.append(Component(f"{owner.pointer}/{name}", inline))
    return found


def described(fact: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the part of the answer that holds the content, and the component it is made of; None for what is not known."""
    if fact["name"] in ANSWERED_ALL_THE_SAME:
        return "data", ANSWERED_ALL_THE_SAME[fact["name"]]
    paging = fact["paging"] or {"style": None, "items": None}
    if not fact["response"] or (paging["style"] == "none" and paging["items"]):
        return None, None  # a list without paging is a guess, its rows and their key with it
    parts = flat(at(fact["response"])).get("properties", {})
    content = parts.get(paging["items"] or "data")
    if content is None:
        return (None, fact["response"]) if parts else (None, None)
    reference = content.get("items", content).get("$ref")
    if not reference or not flat(at(reference)).get("properties"):
        return None, None
    return "data" if "data" in parts else None, reference


def answers_of(fact: dict[str, Any]) -> list[Any]:
    """Return answers of an operation of whose answer something is known: the documented one, and one made up after its schema."""
    part, reference = described(fact)
    documented = [fact["answer"]] if fact["answer"] else []
    if reference is None:
        return documented
    return [*documented, made_up(at(fact["response"])) if fact["response"] else {part: made_up(at(reference))}]


def model_of(reference: str) -> Any:
    """Return our class for a component."""
    return Component(reference.removeprefix(PREFIX), at(reference)).model


FACT_LIST: list[dict[str, Any]] = FACTS["operations"]
WRAPPERS = {it["takes"].removeprefix(PREFIX) for it in FACT_LIST if it["takes"]}
"""Bodies of requests as a whole."""
HANDED_IN = reachable(WRAPPERS)
COMPONENTS = _components()
