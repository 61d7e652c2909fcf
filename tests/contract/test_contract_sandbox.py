"""The sandbox answers each documented operation on a real socket, as its page says."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from amili_async.sandbox import Sandbox

BASES = {"identity": "/identity", "collection": "/collection/v1", "arm": "/arm/v1"}
"""Where `Environment.local` expects the products; all others are at `/<name>`."""

FIRST = {
    "accept_eviction_confirmation": "collection.cases.accept_eviction_request",
    "reject_eviction_confirmation": "collection.cases.accept_eviction_request",
}
"""What has to be done to a case before an action, if the sandbox has no case that is ready for it."""

module = pytest.mark.asyncio(loop_scope="module")


class Caller:
    """Calls operations as raw HTTP, from the facts alone: no code of the client takes part."""

    def __init__(self, sandbox: Any, http: aiohttp.ClientSession, facts: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.http = http
        self.facts = {fact["name"]: fact for fact in facts["operations"]}
        self.ids = facts["ids"]
        self.token: str | None = None

    async def call(self, fact: dict[str, Any], *, token: bool = True, **ids: str) -> tuple[int, str, Any]:
        """Return status, media type and body of an operation's answer to its first documented request."""
        url = await self._url(fact, ids)
        headers = {"Authorization": f"Bearer {await self._token()}"} if token and fact["body"] != "form" else {}
        sent = {fact["body"].replace("form", "data"): self._body(fact["requests"][0])} if fact["requests"] else {}
        async with self.http.request(fact["method"], url, headers=headers, **sent) as response:
            body = await response.read()
            content = json.loads(body) if body and response.content_type.endswith("json") else body
            return response.status, response.content_type, content

    def _body(self, request: dict[str, Any]) -> dict[str, Any]:
        credentials = self.sandbox.credentials
        own = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        return {key: own.get(key, value) for key, value in request.items()}

    async def _token(self) -> str:
        if self.token is None:
            _, _, body = await self.call(self.facts["identity.token"])
            self.token = body["access_token"]
        return self.token

    async def _url(self, fact: dict[str, Any], ids: dict[str, str]) -> str:
        product = fact["name"].partition(".")[0]
        path = fact["path"]
        for name in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{name}}}", ids.get(name) or await self._value(fact, name))
        return str(self.sandbox.url).rstrip("/") + BASES.get(product, f"/{product}") + path

    async def _value(self, fact: dict[str, Any], name: str) -> str:
        organization = str(self.sandbox.organizations[0])
        if name in {"organizationId", "orgId"}:
            return organization
        if fact["method"] != "GET":
            return await self._ready(fact["name"].rpartition(".")[2], name, organization)
        where = self.ids[name]
        _, _, body = await self.call(self.facts[where["operation"]])
        return body["data"][0][where["field"]]

    async def _ready(self, action: str, name: str, organization: str) -> str:
        """Return the id of a case, or of its invoice, that an action fits: what state is needed is not documented."""
        operation = f"collection.cases.{action}"
        if action in FIRST and not any(self.sandbox.cases_for(operation, organization)):
            await self.call(self.facts[FIRST[action]])
        ready = {*self.sandbox.cases_for(operation, organization)}
        where = self.ids["caseId"]
        _, _, body = await self.call(self.facts[where["operation"]])
        row = next(it for it in body["data"] if it[where["field"]] in ready)
        return row[where["field"]] if name == "caseId" else row["invoices"][0][name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(facts):
    """Give a caller of a sandbox of our own."""
    async with Sandbox(cases=200, page_size_default=200, action_batches=True) as sandbox, aiohttp.ClientSession() as http:
        yield Caller(sandbox, http, facts)


@module
async def test_answers_with_the_documented_status(exchange, caller):
    """A documented request is answered with the documented success status; where none is documented, with any."""
    status, _, _ = await caller.call(exchange)
    assert status == (exchange["status"] or status)
    assert 200 <= status < 300


@module
async def test_answer_fits_the_documented_schema(exchange, caller, complaints):
    """A body is valid by the documented schema; where none is documented, any will do."""
    _, media_type, body = await caller.call(exchange)
    if exchange["response"] and (body != b"" or not exchange["empty"]):
        assert media_type == "application/json"
        assert complaints(exchange["response"], body) == []


@module
async def test_no_body_where_none_is_documented(silent, caller):
    """What is documented to be answered without a body is."""
    _, _, body = await caller.call(silent)
    assert body == b""


@module
async def test_what_is_handed_in_becomes_a_batch(creating, caller):
    """The batch that a create names is there, and names itself so."""
    _, _, body = await caller.call(creating)
    batch = await caller.call(caller.facts["collection.batches.get"], batchId=body["data"]["batchId"])
    assert (batch[0], batch[2]["data"]["batchId"]) == (200, body["data"]["batchId"])


@module
async def test_answer_has_the_documented_parts(answered, caller):
    """An answer has each part that the documented one has: valid by an open schema would be an empty object too."""
    _, _, body = await caller.call(answered)
    assert set(answered["answer"]) <= set(body)


@module
async def test_lists_have_the_documented_fields(listed, caller, follow):
    """A list has items, and none of them a field that its documentation does not know."""
    _, _, body = await caller.call(listed)
    rows = body[listed["paging"]["items"]]
    reference = follow(listed["response"])["properties"][listed["paging"]["items"]]["items"]["$ref"]
    documented = set(follow(reference)["properties"])
    assert rows
    assert {name for row in rows for name in row} <= documented


@module
async def test_no_token_no_answer(guarded, caller):
    """Without a token there is no answer but 401, where that is documented."""
    status, _, _ = await caller.call(guarded, token=False)
    assert status == 401
