"""Hands the documented facts to the contract tests.

`facts.json` is what the public documentation says, carried into this project so that the tests stand alone. Its parts:

- `operations`: one entry per operation. `evidence` is the best level at which it is known, `source` the page. Where both
  documents of the Collection API describe it, `document` is the newer one, whose path and parameters count.
  `takes` points to the schema of its body (null: no body is known), `requests` are the documented examples of one.
  `status` is that of a success (null: not known). `response` points to the schema of its answer (null: no body is known),
  `answer` is the documented example. `empty` tells that a success has no body, or perhaps none.
- `webhooks`: one entry per event that the API sends: its headers, the schema of its body and the documented example.
- `ids`: where a path parameter's value can be had: an operation's list, and the field of its items.
- `names`: what our model is called where the document calls it otherwise, or has no name for it
  (`document/Component/property`).
- `schemas`: the components that bodies are made of, per document. `x-extensible-enum` are the known values of an open
  list.

An operation is added by adding its entry and its components: the tests know no operation by name.
"""

from __future__ import annotations

import json
import pkgutil
import re
import uuid
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

import amili_async
from amili_async import structs

FACTS: dict[str, Any] = json.loads(Path(__file__).with_name("facts.json").read_bytes())
PREFIX = "#/schemas/"
MODULES = ("models", "events", "requests")
"""Where a product keeps the classes for the documented components."""
FORMATS = jsonschema.FormatChecker(formats=[])


@FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()


@FORMATS.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value))


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


@FORMATS.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


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


def products(module: str) -> list[str]:
    """Return the products of the package that have a module of that name."""
    packages = [found.name for found in pkgutil.iter_modules(amili_async.__path__) if found.ispkg]
    return [name for name in packages if find_spec(f"amili_async.{name}.{module}")]


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
        return next((getattr(it, self.name) for it in (*modules, structs) if hasattr(it, self.name)), None)

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
    schema = flat(schema)
    types = {schema["type"]} if isinstance(schema["type"], str) else {*schema["type"]}
    (kind,) = types - {"null"}
    if kind == "array":
        return {f"array of {item}" for item in _kinds(schema["items"], pointer)}
    if kind == "object":
        return {f"object {named(pointer)}"}
    if "x-extensible-enum" in schema and (pointer in FACTS["names"] or pointer.count("/") == 1):
        return {f"enum {named(pointer)}"}
    return {schema["format"]} if schema.get("format") in {"date", "date-time"} else {kind}


def _is_envelope(component: Component) -> bool:
    properties = component.schema.get("properties", {})
    return component.pointer in WRAPPERS or ("data" in properties and any("ummary" in name for name in properties))


def _components() -> list[Component]:
    all_ = ((f"{document}/{name}", schema) for document, named_ in FACTS["schemas"].items() for name, schema in named_.items())
    found = [Component(pointer, flat(schema)) for pointer, schema in all_]
    for owner in tuple(found):
        for name, schema in owner.schema.get("properties", {}).items():
            inline = schema.get("items", schema)
            if "properties" in inline:
                found.append(Component(f"{owner.pointer}/{name}", inline))
    return found


def _exchanges(fact: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an operation once for each of its documented requests, with only that one."""
    if len(fact["requests"]) < 2:
        return {fact["name"]: fact}
    return {f"{fact['name']}-{number}": fact | {"requests": [it]} for number, it in enumerate(fact["requests"], 1)}


def _wraps(fact: dict[str, Any]) -> bool:
    """Tell whether an operation's body is a list of what is handed in, under a key."""
    return bool(fact["takes"]) and any("items" in it for it in at(fact["takes"]).get("properties", {}).values())


FACT_LIST: list[dict[str, Any]] = FACTS["operations"]
WRAPPERS = {it["takes"].removeprefix(PREFIX) for it in FACT_LIST if it["takes"] and "properties" in at(it["takes"])}
"""Bodies as a whole: what is handed in has our classes, not what it is wrapped in."""
HANDED_IN = {
    content["items"]["$ref"].removeprefix(PREFIX)
    for wrapper in WRAPPERS
    for content in at(PREFIX + wrapper)["properties"].values()
    if "items" in content
}
COMPONENTS = _components()
MAPPINGS = {"BatchFailedItem"}
"""Objects without any documented property: handed out as they came, not as a Struct that would drop what they say."""
OBJECTS = [it for it in COMPONENTS if "object" in it.schema.get("type", ()) and not _is_envelope(it) and it.name not in MAPPINGS]
LISTS = [it for it in COMPONENTS if "x-extensible-enum" in it.schema]
CASES: dict[str, dict[str, Any]] = {
    "fact": {it["name"]: it for it in FACT_LIST},
    "exchange": {key: it for fact in FACT_LIST for key, it in _exchanges(fact).items()},
    "listed": {it["name"]: it for it in FACT_LIST if it["paging"] and it["paging"]["style"] != "none"},
    "unpaged": {it["name"]: it for it in FACT_LIST if it["paging"] and it["paging"]["style"] == "none"},
    "answered": {it["name"]: it for it in FACT_LIST if it["answer"]},
    "bodiless": {it["name"]: it for it in FACT_LIST if it["empty"]},
    "guarded": {it["name"]: it for it in FACT_LIST if it["authenticated"] and 401 in it["errors"]},
    "silent": {it["name"]: it for it in FACT_LIST if it["empty"] and not it["response"]},
    "creating": {key: it for fact in FACT_LIST if _wraps(fact) for key, it in _exchanges(fact).items()},
    "webhook": {it["event"]: it for it in FACTS["webhooks"]},
    "component": {it.pointer: it for it in OBJECTS},
    "exemplified": {it.pointer: it for it in OBJECTS if "examples" in it.schema},
    "open_list": {it.pointer: it for it in LISTS},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for one of the cases once for each of them."""
    for name, cases in CASES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [pytest.param(case, id=key) for key, case in cases.items()])


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """Give the whole of the facts."""
    return FACTS


@pytest.fixture(scope="session")
def follow() -> Any:
    """Give the function that follows a reference inside the facts."""
    return at


@pytest.fixture(scope="session")
def components() -> list[Component]:
    """Give all objects and open lists of the documentation."""
    return [*OBJECTS, *LISTS]


@pytest.fixture(scope="session")
def operations() -> dict[str, list[Any]]:
    """Give the package's operations by name; a name should have one."""
    found: dict[str, list[Any]] = {}
    for product in products("operations"):
        for operation in import_module(f"amili_async.{product}.operations").OPERATIONS:
            found.setdefault(operation.name, []).append(operation)
    return found


@pytest.fixture(scope="session")
def models() -> dict[str, type]:
    """Give the classes that the modules for them hand out, by name."""
    modules = [import_module(f"amili_async.{product}.{module}") for module in MODULES for product in products(module)]
    return {name: getattr(module, name) for module in modules for name in module.__all__}


@pytest.fixture(scope="session")
def complaints() -> Any:
    """Give a function that holds an answer against its documented schema and returns what is wrong."""

    def check(reference: str, answer: Any) -> list[str]:
        schema = {"$ref": reference, "schemas": FACTS["schemas"]}
        errors = jsonschema.Draft202012Validator(schema, format_checker=FORMATS).iter_errors(answer)
        return [f"{error.json_path}: {error.message}" for error in errors]

    return check
