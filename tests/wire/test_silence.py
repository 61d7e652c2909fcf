"""No secret, token or personal data in any log line, repr or error text."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import re
import traceback

import pytest

from amili_async import AmiliClient, AmiliError, ClientCredentials, Hooks, RequestOptions, RetryPolicy, TokenCache
from amili_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.asyncio

SECRET = "hunter2-secret"
PERSONAL = {
    "firstName",
    "lastName",
    "fullName",
    "identificationNumber",
    "email",
    "phone",
    "customerNumber",
    "debtorNumber",
    "accountNumber",
    "paymentReference",
    "customerReference",
}


def personal(row):
    """Yield the personal values of a row, however deep."""
    if isinstance(row, dict):
        for key, value in row.items():
            if key in PERSONAL and isinstance(value, str) and len(value) > 3:
                yield value
            else:
                yield from personal(value)
    elif isinstance(row, (list, tuple)):
        for value in row:
            yield from personal(value)


class Everything(Hooks):
    """Keeps the repr of every event and its error."""

    def __init__(self):
        self.shown = []
        for name in ("request", "attempt", "retry", "token", "page", "drift"):
            setattr(self, f"on_{name}", lambda event: self.shown.append(f"{event!r} {getattr(event, 'error', '')}"))


async def test_nothing_slips_out(caplog):
    """What all loggers say at DEBUG, with reprs, errors and tracebacks, is searched for what must not be there."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    hooks = Everything()
    shown = hooks.shown
    faults = [Fault("status", at=(3,), status=500), Fault("truncated_json", at=(5,)), Fault("malformed_row", at=(6,))]
    async with Sandbox(cases=60, faults=faults, client_secret=SECRET) as sandbox:
        credentials = ClientCredentials("sandbox", SECRET)
        cache = TokenCache(credentials)
        org = sandbox.organizations[0]
        rows = [*sandbox.truth("collection.cases.list", org), *sandbox.truth("collection.settlements.list", org)]
        forbidden = {value for row in rows for value in personal(row)}
        someone = next(row["debtors"][0] for row in rows if row.get("debtors") and row["debtors"][0].get("fullName"))
        retry = RetryPolicy(attempts=3, backoff=0.01)
        async with AmiliClient(cache, environment=sandbox.environment, hooks=hooks, retry=retry) as amili:
            lists = [
                amili.collection.cases.list(org, page_size=20, on_invalid="collect", customer_number=someone["customerNumber"]),
                amili.collection.cases.list(org, page_size=20, on_invalid="collect", search_term=someone["fullName"]),
                amili.collection.cases.list(org, page_size=20, on_invalid="collect"),
                amili.collection.settlements.list(org),
                amili.collection.invoices.list(org),
                amili.collection.batches.list(org),
            ]
            options = RequestOptions(headers={"X-Key": SECRET}, query={"who": someone["fullName"]})
            shown += [repr(thing) for thing in (credentials, cache, amili, options, *lists)]
            for pager in lists:
                async for page in pager.pages():
                    shown += [repr(page), repr(page.items), repr(page.invalid), str(page.resume)]
            token = cache._token.value
            sandbox.faults.add(Fault("malformed_row", form="number"), Fault("status", at=(2,), status=400, body="text"))
            for bad in (
                amili.collection.cases.list(org, search_term=someone["fullName"]),
                amili.collection.cases.list(org, customer_number=someone["customerNumber"]),
                amili.collection.cases.list(
                    "7bc05553-4b68-44e8-b7bc-37be63c6d9e9", search_term=someone["fullName"], options=options
                ),
            ):
                with pytest.raises(AmiliError) as caught:
                    await bad
                shown += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
                shown.append(str(pickle.loads(pickle.dumps(caught.value))))  # noqa: S301
            answer = await amili.identity.token()
            shown.append(repr(answer))
        with pytest.raises(AmiliError) as caught:
            async with AmiliClient(ClientCredentials("sandbox", SECRET + "x"), environment=sandbox.environment) as amili:
                await amili.collection.cases.list(org, search_term=someone["fullName"])
        shown += traceback.format_exception(caught.value)
    async with AmiliClient(credentials, environment=amili.environment, retry=retry) as amili:
        with pytest.raises(AmiliError) as caught:  # nobody listens there any more
            await amili.collection.cases.list(org, search_term=someone["fullName"])
    shown += traceback.format_exception(caught.value)
    gc.collect()
    everything = "\n".join([caplog.text, *(repr(record.__dict__) for record in caplog.records), *shown])
    assert len(forbidden) > 200
    assert len(caplog.records) > 20
    assert len(shown) > 100
    forbidden |= {SECRET, token, answer.access_token, someone["fullName"].split()[0]}
    assert not {value for value in forbidden if re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", everything)}
