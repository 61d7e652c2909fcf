"""Hands the documented facts to the contract tests, case by case, with the package's own operations and classes."""

from __future__ import annotations

import re
import uuid
from datetime import date
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from .facts import COMPONENTS, FACT_LIST, FACTS, MODULES, Component, at, described, flat, folded, is_envelope, products

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


def _exchanges(fact: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an operation once for each of its documented requests, with only that one."""
    if len(fact["requests"]) < 2:
        return {fact["name"]: fact}
    return {f"{fact['name']}-{number}": fact | {"requests": [it]} for number, it in enumerate(fact["requests"], 1)}


def _handing_in() -> dict[str, tuple[dict[str, Any], dict[str, Any], str, str]]:
    """Return what becomes a batch, with the operation that gets it, the field of its id and the place of that in the path."""
    getters = {
        (fact["name"].partition(".")[0], folded(place)): (fact, place)
        for fact in FACT_LIST
        if fact["method"] == "GET" and not fact["deprecated"]
        for place in re.findall(r"\{(batch\w+)\}$", fact["path"])
    }
    found = {}
    for key, fact in CASES["exchange"].items():
        _, reference = described(fact)
        for field in flat(at(reference)).get("properties", {}) if reference and fact["takes"] else ():
            if getter := getters.get((fact["name"].partition(".")[0], folded(field))):
                found[key] = (fact, getter[0], field, getter[1])
    return found


OBJECTS = [it for it in COMPONENTS if "object" in it.schema.get("type", ()) and not is_envelope(it) and not it.is_mapping]
LISTS = [it for it in COMPONENTS if "x-extensible-enum" in it.schema]
CASES: dict[str, dict[str, Any]] = {
    "fact": {it["name"]: it for it in FACT_LIST},
    "exchange": {key: it for fact in FACT_LIST for key, it in _exchanges(fact).items()},
    "listed": {it["name"]: it for it in FACT_LIST if it["paging"] and it["paging"]["style"] != "none"},
    "unshaped": {it["name"]: it for it in FACT_LIST if it["paging"] and it["paging"]["style"] == "none" and not described(it)[1]},
    "answered": {it["name"]: it for it in FACT_LIST if it["answer"]},
    "decoded": {it["name"]: it for it in FACT_LIST if described(it)[1]},
    "bodiless": {it["name"]: it for it in FACT_LIST if it["empty"]},
    "guarded": {it["name"]: it for it in FACT_LIST if it["authenticated"] and 401 in it["errors"]},
    "silent": {it["name"]: it for it in FACT_LIST if it["empty"] and not it["response"]},
    "webhook": {it["event"]: it for it in FACTS["webhooks"]},
    "component": {it.pointer: it for it in OBJECTS},
    "exemplified": {it.pointer: it for it in OBJECTS if "examples" in it.schema},
    "open_list": {it.pointer: it for it in LISTS},
}
CASES["handing_in"] = _handing_in()


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
def models() -> list[type]:
    """Give the classes that the modules for them hand out."""
    modules = [import_module(f"amili_async.{product}.{module}") for module in MODULES for product in products(module)]
    found = [getattr(module, name) for module in modules for name in module.__all__]
    return [it for it in found if isinstance(it, type)]


@pytest.fixture(scope="session")
def complaints() -> Any:
    """Give a function that holds a value against its documented schema, or a reference to one, and returns what is wrong."""

    def check(reference: str | dict[str, Any], answer: Any) -> list[str]:
        schema = ({"$ref": reference} if isinstance(reference, str) else reference) | {"schemas": FACTS["schemas"]}
        errors = jsonschema.Draft202012Validator(schema, format_checker=FORMATS).iter_errors(answer)
        return [f"{error.json_path}: {error.message}" for error in errors]

    return check
