"""The sandbox answers each documented operation on a real socket, as its page says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from amili_async.sandbox import Sandbox

from .facts import FACT_LIST, MEDIA, at, described, flat, made_up

if TYPE_CHECKING:
    from collections.abc import Iterator

BASES = {"identity": "/identity", "collection": "/collection/v1", "arm": "/arm/v1"}
"""Where `Environment.local` expects the products; all others are at `/<name>`."""

FIRST = {
    "accept_eviction_confirmation": "collection.cases.accept_eviction_request",
    "reject_eviction_confirmation": "collection.cases.accept_eviction_request",
}
"""What has to be done to a case before an action, if the sandbox has no case that is ready for it."""

HANDED_IN: dict[str, dict[str, Any]] = {
    "arm.ar_items.update": {"arItemId": "{aritemid}", "ledgerNote": "A note"},
    "arm.auto_postings.create": {"autoPostings": [{"documentNo": "{documentno}", "amount": 1, "validateOnly": True}]},
    "arm.customers.create": {"customerNo": "C-1", "name": "Kari Nordmann"},
    "arm.customers.update": {"customerNo": "{customerno}", "name": "Kari Nordmann"},
    "arm.files.upload": {"files": [{"fileName": "a.txt", "content": "YQ=="}, {"fileName": "b.exe", "content": "YQ=="}]},
    "arm.documents.create": {
        "customerNo": "{customerno}",
        "documentNo": "D-1",
        "currencyAmounts": {"exclVat": 80, "vat": 20, "inclVat": 100},
    },
    "distribution.send.status_by_identifier": {"Identifier": "{Identifier}"},
    "arm.payment_reservations.create": {"paymentId": "P-1", "documentNo": "{documentno}"},
    "partner.token.request": {"client_id": "", "client_secret": ""},
}
"""Bodies of ours, with ids of things that are there: for operations of which no body is documented that could be carried out."""

PERIOD = {"FromDate": "2020-01-01", "ToDate": "2030-01-01", "autopostingmethod": "PAYMENT"}
"""Values that name nothing that is there."""

ASKED_FOR = {"autocollect.attachments.get": ["attachmentid"]}
"""Query parameters without which there is nothing to answer, although no document says that they are required."""

SHOWN = {described(fact)[1] for fact in FACT_LIST if fact["answer"]}
"""Components that an example shows, so that what they have is known."""

READY = {"caseId", "invoiceId"}
"""What has to be in a certain state for a write."""

GONE = {"customerno": "arm.customers.create"}
"""What is made in order to be deleted."""

module = pytest.mark.asyncio(loop_scope="module")


class Caller:
    """Calls operations as raw HTTP, from the facts alone: no code of the client takes part."""

    def __init__(self, sandbox: Any, http: aiohttp.ClientSession, facts: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.http = http
        self.facts = {fact["name"]: fact for fact in facts["operations"]}
        self.ids = facts["ids"]
        self.given = PERIOD | {
            "organizationId": str(sandbox.organizations[0]),
            "orgId": str(sandbox.organizations[0]),
            "clientno": str(sandbox.clients[0]),
        }
        self.token: str | None = None

    async def call(self, fact: dict[str, Any], *, token: bool = True, **values: str) -> tuple[int, str, Any]:
        """Return status, media type and body of an operation's answer to its first documented request."""
        path = fact["path"]
        for name in re.findall(r"\{(\w+)\}", path):
            path = path.replace(f"{{{name}}}", quote(values.get(name) or await self._value(fact, name), safe=""))
        product = fact["name"].partition(".")[0]
        url = URL(str(self.sandbox.url).rstrip("/") + BASES.get(product, f"/{product}") + path, encoded=True)
        asked_for = ASKED_FOR.get(fact["name"], fact["required"])
        query = {name: values.get(name) or await self._value(fact, name) for name in asked_for}
        headers = {"Authorization": f"Bearer {await self._token()}"} if token and fact["body"] != "form" else {}
        body = None if fact["takes"] is None else await self._body(fact)
        if isinstance(body, bytes):
            headers["Content-Type"] = MEDIA[fact["body"]]
        async with self.http.request(fact["method"], url, params=query, headers=headers, data=body) as response:
            body = await response.read()
            content = json.loads(body) if body and response.content_type.endswith("json") else body
            return response.status, response.content_type, content

    async def _body(self, fact: dict[str, Any]) -> bytes | dict[str, Any]:
        """Return what is handed in: as documented, ours, or made up after its schema."""
        body = HANDED_IN.get(fact["name"]) or (fact["requests"][0] if fact["requests"] else made_up(at(fact["takes"])))
        credentials = self.sandbox.credentials
        own = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
        body = {name: own.get(name, value) for name, value in body.items()}
        if fact["body"] == "form":
            return body
        text = json.dumps(body)
        for name in re.findall(r'"\{(\w+)\}"', text):
            text = text.replace(f"{{{name}}}", await self._value(fact, name))
        return text.encode()

    async def _token(self) -> str:
        if self.token is None:
            _, _, body = await self.call(self.facts["identity.token"])
            self.token = body["access_token"]
        return self.token

    async def _value(self, fact: dict[str, Any], name: str) -> str:
        """Return a value for a place in the path, in the query or in a body: an id of something that is there."""
        if name in self.given:
            return self.given[name]
        if fact["method"] == "DELETE":
            fact = self.facts[GONE[name]]  # what other tests look at has to stay
            return str((await self.call(fact))[2][self.ids[name]["field"]])
        if fact["method"] != "GET" and name in READY:
            return await self._ready(fact["name"].rpartition(".")[2], name)
        where = self.ids[name]
        source = self.facts[where["operation"]]
        _, _, body = await self.call(source)
        if source["body"] != "none":
            self.sandbox.finish_batches()
        return str(next(_values(body, where["field"])))

    async def _ready(self, action: str, name: str) -> str:
        """Return the id of a case, or of its invoice, that an action fits: what state is needed is not documented."""
        operation, organization = f"collection.cases.{action}", str(self.sandbox.organizations[0])
        if action in FIRST and not any(self.sandbox.cases_for(operation, organization)):
            await self.call(self.facts[FIRST[action]])
        ready = {*self.sandbox.cases_for(operation, organization)}
        where = self.ids["caseId"]
        _, _, body = await self.call(self.facts[where["operation"]])
        row = next(it for it in body["data"] if it[where["field"]] in ready)
        return row[where["field"]] if name == "caseId" else row["invoices"][0][name]


def _values(content: Any, field: str) -> Iterator[Any]:
    """Yield the values of a field, wherever it is in an answer."""
    if isinstance(content, dict):
        yield from [content[field]] if content.get(field) is not None else []
    for part in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _values(part, field)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caller(facts):
    """Give a caller of a sandbox of our own."""
    sandbox = Sandbox(cases=200, customers=200, page_size_default=200, action_batches=True)
    async with sandbox, aiohttp.ClientSession() as http:
        yield Caller(sandbox, http, facts)


@module
async def test_answers_as_documented(exchange, caller, complaints):
    """A request is answered with a documented status and media type and a valid body; what is not known may be any."""
    status, media_type, body = await caller.call(exchange)
    assert status in (exchange["status"] or range(200, 300))
    if exchange["response"] and (body != b"" or not exchange["empty"]):
        assert media_type in exchange["media"]
        assert complaints(exchange["response"], body) == []


@module
async def test_no_body_where_none_is_documented(silent, caller):
    """What is documented to be answered without a body is."""
    _, _, body = await caller.call(silent)
    assert body == b""


@module
async def test_what_is_handed_in_becomes_a_batch(handing_in, caller):
    """The batch that a write names is there, and names itself so."""
    fact, getter, field, place = handing_in
    part, _ = described(fact)
    _, _, body = await caller.call(fact)
    batch_id = (body[part] if part else body)[field]
    caller.sandbox.finish_batches()
    status, _, batch = await caller.call(getter, **{place: batch_id})
    assert (status, (batch[part] if part else batch)[field]) == (200, batch_id)


@module
async def test_answer_has_the_documented_parts(answered, caller):
    """An answer has each part that the documented one has: valid by an open schema would be an empty object too."""
    _, _, body = await caller.call(answered)
    assert set(answered["answer"]) <= set(body)


@module
async def test_lists_have_the_documented_fields(listed, caller):
    """A list has items with documented fields, and of rows that have a documented example no others."""
    _, _, body = await caller.call(listed)
    rows = body[listed["paging"]["items"]]
    _, reference = described(listed)
    known = set(flat(at(reference))["properties"]) if reference else set()
    assert rows
    for row in rows:
        assert not known or set(row) & known
        assert reference not in SHOWN or set(row) <= known


@module
async def test_no_token_no_answer(guarded, caller):
    """Without a token there is no answer but 401, where that is documented."""
    status, _, _ = await caller.call(guarded, token=False)
    assert status == 401
