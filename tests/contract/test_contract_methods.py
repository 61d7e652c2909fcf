"""Every documented operation has its method, which says how it is known and makes the request that the document describes."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import warnings
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
import pytest

from amili_async import AmiliClient, ClientCredentials, Environment, Operation, Paging, StaticToken, UnconfirmedOperationWarning
from amili_async.product import Resource, on_the_wire
from amili_async.structs import Model, Money, decode
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

from .facts import MEDIA, PREFIX, answers_of, at, described, flat, folded, made_up, model_of, named, reachable

OURS = {name: f"https://{name}.example.com/api" for name in ("autocollect", "distribution", "partner")}
ENVIRONMENT = msgspec.structs.replace(Environment.STAGING, **OURS)
"""The one that documented answers point to."""
PLACE = re.compile(r"\{\w+\}")
READ = {"integer": int, "boolean": {"true": True, "false": False}.get}
"""How the text of a query parameter is read, by its documented type."""
NUMBER, TEXT, DAY, MOMENT = 218, "a b/c", date(2026, 1, 31), datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
"""What is handed in for ids and filters; the text is one that has to be quoted."""
MEANT = {"amount": 12.5, "currency": "NOK"}
"""What is handed in where an example has a placeholder that the client refuses: no amount, no currency."""

pytestmark = pytest.mark.filterwarnings("ignore::amili_async.UnconfirmedOperationWarning")


def in_words(value, schema):
    """Say a part of a documented body with our Structs, which take Python names and exact amounts."""
    model = model_of(schema["$ref"]) if "$ref" in schema else None
    schema = flat(schema)
    if "anyOf" in schema and "properties" not in schema:
        return in_words(value, schema["anyOf"][0])
    if isinstance(value, list):
        return [in_words(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return Decimal(value) if model is Decimal else value
    said = {name: in_words(content, schema.get("properties", {}).get(name, {})) for name, content in value.items()}
    if model is None:
        return said
    names = {field.encode_name: field.name for field in msgspec.structs.fields(model)}
    return model(**{names[name]: content for name, content in said.items()})


def holding(value, name):
    """Return the outermost Struct of a name in what was said, or the list of them; None if there is none."""
    first = value[0] if isinstance(value, list) and value else value
    if type(first).__name__ == name:
        return value
    parts = value.values() if isinstance(value, dict) else ()
    return next((found for part in parts if (found := holding(part, name)) is not None), None)


def meant(value):
    """Return an example with values where it has what stands for any value, and would be refused."""
    if isinstance(value, list):
        return [meant(item) for item in value]
    if not isinstance(value, dict):
        return value
    empty = {name for name, content in value.items() if name in MEANT and content in {0, "string"}}
    return {name: MEANT[name] if name in empty else meant(content) for name, content in value.items()}


def body_of(fact):
    """Return the documented body of a request, or else one made up after its schema, with exact amounts."""
    return decode(msgspec.json.encode(meant(fact["requests"][0] if fact["requests"] else made_up(at(fact["takes"])))))


def handed_in(fact, annotation):
    """Return what a parameter takes of a body, in each of the forms that it takes it in: Structs, or mappings."""
    body = body_of(fact)
    words = set(re.findall(r"\w+", annotation))
    rows = next((part for part in body.values() if isinstance(part, list)), body) if "Iterable" in words else body
    forms = [rows] if "Mapping" in words else []
    for pointer in reachable([fact["takes"].removeprefix(PREFIX)]):
        if named(pointer) in words:
            reference = {"$ref": PREFIX + pointer}
            known = flat(reference)["properties"]
            found = holding(in_words(body, {"$ref": fact["takes"]}), named(pointer))
            forms.append(found or in_words({name: part for name, part in body.items() if name in known}, reference))
    return forms


@dataclasses.dataclass
class Plan:
    """What a method is to be called with, and what its request should be."""

    path: list[str] = dataclasses.field(default_factory=list)
    query: dict[str, str] = dataclasses.field(default_factory=dict)
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    arguments: list[dict[str, object]] = dataclasses.field(default_factory=lambda: [{}])
    """Values by parameter; several where a body can be handed in in several forms."""


def specimen(annotation, schema):
    """Return a value for a parameter."""
    words = re.findall(r"\w+", annotation)
    if {"date", "datetime"} & {*words}:
        return MOMENT if schema.get("format") == "date-time" else DAY
    return NUMBER if "int" in words else "bool" in words or TEXT


def plan(fact, method):
    """Find a value for each parameter of a method that stands for something documented, or has no default."""
    made = Plan()
    filters = {folded(name): name for name in fact["query"]}
    headers = {folded(name.removeprefix("Accept-")): name for name in fact["headers"]}
    metadata = {folded(name): value for name, value in (body_of(fact) if fact["takes"] else {}).get("metadata", {}).items()}
    places = len(PLACE.findall(fact["path"]))
    for name, parameter in inspect.signature(method).parameters.items():
        key = folded(name)
        values = [specimen(parameter.annotation, fact["query"].get(filters.get(key), {}))]
        if key in filters:
            made.query[filters[key]] = on_the_wire(values[0])
        elif key in headers:
            made.headers[headers[key]] = values[0]
        elif key in metadata:
            values = [metadata[key]]
        elif len(made.path) < places:
            made.path.append(quote(str(values[0]), safe=""))
        elif fact["takes"] and (name == "body" or parameter.default is parameter.empty):
            values = handed_in(fact, parameter.annotation)
        else:
            assert parameter.default is not parameter.empty
            continue
        made.arguments = [arguments | {name: value} for arguments in made.arguments for value in values]
    return made


def served(fact):
    """Return what the method is answered: what is documented, an empty list, or as little as there has to be."""
    part, _ = described(fact)
    if fact["answer"] or part:
        return answers_of(fact)[0]
    return {fact["paging"]["items"]: []} if fact["paging"] and fact["paging"]["items"] else {}


class Caller:
    """Calls the method of an operation, and keeps its requests, answered as documented."""

    def __init__(self, fact):
        answer = json_reply(served(fact), status=(fact["status"] or [200])[0])
        token = json_reply({"access_token": "t0ken"})
        self.transport = FakeTransport(lambda request: token if self.is_foreign(request) else answer)
        self.client = AmiliClient(
            ClientCredentials("my-integration", "s3cr3t"), environment=ENVIRONMENT, transport=self.transport, clock=FakeClock()
        )
        self.method = attrgetter(fact["name"])(self.client)
        self.plan = plan(fact, self.method)
        self.fact = fact

    def is_foreign(self, request):
        """Tell the request for a token that a call needs from the call's own."""
        return request.url == f"{ENVIRONMENT.identity}/token" and self.fact["body"] != "form"

    async def call(self):
        """Call the method in every way that is planned; of a list, fetch the first page."""
        for arguments in self.plan.arguments:
            taken = inspect.signature(self.method).bind(**arguments)
            await self.method(*taken.args, **taken.kwargs)
        return [request for request in self.transport.requests if not self.is_foreign(request)]


@pytest.fixture
def caller(exchange):
    """Give a caller of the operation at hand, and of its documented request."""
    return Caller(exchange)


def test_a_method_says_how_it_is_known(fact, operations):
    """A docstring has HTTP method, path and evidence, and says so in plain words where those are not confirmed."""
    said = " ".join(inspect.getdoc(Caller(fact).method).split())
    assert f"`{fact['method']} {fact['path']}`" in said
    assert f"Evidence: {fact['evidence']}" in said
    assert operations[fact["name"]][0].confirmed or "Unconfirmed" in said


def test_a_method_takes_what_is_documented(fact, operations):
    """A method takes options, and each documented query parameter and header but for those that walk its pages."""
    paging = operations[fact["name"]][0].paging
    walking = {paging.token_param, paging.page_param, paging.query_param} if paging else set()
    caller = Caller(fact)
    planned = caller.plan
    options = inspect.signature(caller.method).parameters["options"]
    assert (options.kind, options.default) == (options.KEYWORD_ONLY, None)
    assert set(planned.query) == set(fact["query"]) - walking
    assert set(planned.headers) == set(fact["headers"])


@pytest.mark.asyncio
async def test_a_method_asks_as_documented(exchange, caller, complaints):
    """The request has the documented HTTP method and path, and query parameters that are valid by their schemas."""
    for request in await caller.call():
        path, _, query = request.url.removeprefix(ENVIRONMENT.url(exchange["name"].partition(".")[0])).partition("?")
        sent = dict(parse_qsl(query, keep_blank_values=True))
        assert (request.method, path) == (exchange["method"], PLACE.sub("{}", exchange["path"]).format(*caller.plan.path))
        assert caller.plan.query.items() <= sent.items()
        assert caller.plan.headers.items() <= request.headers.items()
        assert set(exchange["required"]) <= set(sent) <= set(exchange["query"])
        for name, text in sent.items():
            schema = exchange["query"][name]
            assert complaints(schema, READ.get(str(flat(schema).get("type")), str)(text)) == []


@pytest.mark.asyncio
async def test_a_method_sends_the_documented_body(exchange, caller, complaints):
    """The body has the documented media type and is valid, and what is handed in goes out in full."""
    requests = await caller.call()
    assert requests
    for request in requests:
        media = request.headers.get("Content-Type")
        if exchange["takes"] is None:
            assert (request.body, media) == (None, None)
            continue
        body = dict(parse_qsl(request.body.decode())) if exchange["body"] == "form" else decode(request.body)
        assert media == MEDIA[exchange["body"]]
        assert complaints(exchange["takes"], body if exchange["body"] == "form" else json.loads(request.body)) == []
        assert body == body_of(exchange)


@pytest.mark.asyncio
@pytest.mark.filterwarnings("default::amili_async.UnconfirmedOperationWarning")
async def test_a_guess_warns_once(fact, operations):
    """The first use of an operation that is not confirmed warns, and names the line that used it; no other use warns."""
    caller = Caller(fact)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await caller.call()
        await caller.call()
    found = [it for it in caught if it.category is UnconfirmedOperationWarning]
    assert len(found) == (not operations[fact["name"]][0].confirmed)
    assert all((str(it.message).split(":")[0], it.filename) == (fact["name"], __file__) for it in found)


class Dunning(Model, frozen=True, kw_only=True):
    """Something that the documentation might show tomorrow."""

    dunning_no: int
    fee: Money | None = None


DUNNINGS = Operation(
    name="arm.dunnings.list",
    method="GET",
    path="/clients/{clientno}/dunnings",
    evidence="docs",
    source="https://docs.amili.dev/",
    summary="List dunnings.",
    response=Dunning,
    retry_safe=True,
    unwrap=None,
    paging=Paging(style="query-page", items="dunnings", page_param="pageno", query_param="query", size_param="pagesize"),
)


class Dunnings(Resource):
    """What the method of it costs."""

    def list(self, client_no, **filters):
        """List dunnings."""
        return self._calls.list(DUNNINGS, client_no, filters=filters, model=None)


@pytest.mark.asyncio
async def test_the_hundredth_operation_costs_a_record_and_a_struct():
    """An operation of one's own is called and listed, page by page, without anything else being touched."""

    def answer(request):
        page = int(dict(parse_qsl(urlsplit(request.url).query)).get("pageno", 1))
        summary = {"pageNo": page, "totalPages": 2, "queryId": "8NlwdOIM1YLVFApvQFONTw"}
        return Reply(200, {}, json.dumps({"summary": summary, "dunnings": [{"dunningNo": page, "fee": 35.1}]}).encode())

    transport = FakeTransport(answer)
    client = AmiliClient(StaticToken("t0ken"), environment=ENVIRONMENT, transport=transport, clock=FakeClock())
    response = await client.call(DUNNINGS, 2218)
    assert response.data.items == (Dunning(dunning_no=1, fee=Decimal("35.1")),)
    assert [it.dunning_no async for it in Dunnings(client._calls).list(2218, status="OPEN")] == [1, 2]
    asked = [urlsplit(request.url) for request in transport.requests]
    assert {it.path for it in asked} == {"/arm/v1/clients/2218/dunnings"}
    assert [dict(parse_qsl(it.query)).get("status") for it in asked] == [None, "OPEN", None]
