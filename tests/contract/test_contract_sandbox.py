"""The sandbox answers each documented operation on a real socket, as its page says."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from amili_async.sandbox import Sandbox

BASES = {"identity": "/identity", "collection": "/collection/v1", "arm": "/arm/v1"}
"""Where `Environment.local` expects the products; all others are at `/<name>`."""

module = pytest.mark.asyncio(loop_scope="module")


class Caller:
    """Calls operations as raw HTTP, from the facts alone: no code of the client takes part."""

    def __init__(self, sandbox: Any, http: aiohttp.ClientSession, facts: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.http = http
        self.facts = {fact["name"]: fact for fact in facts["operations"]}
        self.ids = facts["ids"]
        self.token: str | None = None

    async def call(self, fact: dict[str, Any], *, token: bool = True) -> tuple[int, str, Any]:
        """Return status, media type and body of an operation's answer."""
        url = await self._url(fact)
        headers = {"Authorization": f"Bearer {await self._token()}"} if token and fact["body"] != "form" else {}
        sent = {fact["body"].replace("form", "data"): self._body(fact)} if fact["request"] else {}
        async with self.http.request(fact["method"], url, headers=headers, **sent) as response:
            body = await response.json() if response.content_type.endswith("json") else await response.read()
            return response.status, response.content_type, body

    def _body(self, fact: dict[str, Any]) -> dict[str, Any]:
        credentials = self.sandbox.credentials
        own = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        return {key: own.get(key, value) for key, value in fact["request"].items()}

    async def _token(self) -> str:
        if self.token is None:
            _, _, body = await self.call(self.facts["identity.token"])
            self.token = body["access_token"]
        return self.token

    async def _url(self, fact: dict[str, Any]) -> str:
        product = fact["name"].partition(".")[0]
        path = fact["path"]
        for name in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{name}}}", await self._value(name))
        return str(self.sandbox.url).rstrip("/") + BASES.get(product, f"/{product}") + path

    async def _value(self, name: str) -> str:
        if name == "organizationId":
            return str(self.sandbox.organizations[0])
        where = self.ids[name]
        _, _, body = await self.call(self.facts[where["operation"]])
        return body["data"][0][where["field"]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(facts):
    """Give a caller of a sandbox of our own."""
    async with Sandbox(cases=50) as sandbox, aiohttp.ClientSession() as http:
        yield Caller(sandbox, http, facts)


@module
async def test_answers_with_the_documented_status(fact, caller):
    """A documented operation answers with its documented success status."""
    status, _, _ = await caller.call(fact)
    assert status == fact["status"]


@module
async def test_answer_fits_the_documented_schema(fact, caller, complaints):
    """A body is valid by the documented schema; where none is documented, any will do."""
    _, media_type, body = await caller.call(fact)
    if fact["response"]:
        assert media_type == "application/json"
        assert complaints(fact["response"], body) == []


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
