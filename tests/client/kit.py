"""What the client ring shares: clients over scripted transports, and lists served from memory."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from amili_async import AmiliClient, Environment, Hooks, StaticToken
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

ENVIRONMENT = Environment.local("http://127.0.0.1:1")
ORG = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"


def query_of(request):
    """Return the query of a request, single values."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(request.url).query, keep_blank_values=True).items()}


def make_client(script, *, credentials=None, clock=None, **settings):
    """Return a client over a script; its transport hangs on it for the test to look at, beside its clock."""
    transport = script if isinstance(script, FakeTransport) else FakeTransport(script)
    clock = clock or FakeClock()
    client = AmiliClient(
        credentials or StaticToken("t0ken"), environment=ENVIRONMENT, transport=transport, clock=clock, **settings
    )
    client.transport = transport  # type: ignore[attr-defined]
    return client


def pages_by_token(pages, *, style="cursor", total=None, last=None):
    """Serve pages of rows behind tokens t1, t2 ...; `last` is what stands for "no token"."""
    total = sum(map(len, pages)) if total is None else total

    def handler(request):
        number = int(query_of(request).get("PageToken", "t0")[1:])
        following = f"t{number + 1}" if number + 1 < len(pages) else last
        rows = [{"caseId": row} for row in pages[number]]
        if style == "cursor":
            return json_reply({"data": rows, "summary": {"status": "SUCCESS", "nextPageToken": following}})
        skip = {"totalCount": total, "hasNextPage": number + 1 < len(pages), "totalPages": len(pages)}
        return json_reply({"data": rows, "skipSummary": skip, "cursorSummary": {"nextPageToken": following}})

    return handler


class Drifts(Hooks):
    """Keeps what drifted."""

    def __init__(self):
        self.all = []

    def on_drift(self, event):
        """Keep the event."""
        self.all.append((event.kind, event.expected, event.actual))

    @property
    def kinds(self):
        """Only the kinds."""
        return [kind for kind, _, _ in self.all]


def damaged(reply: Reply) -> Reply:
    """Cut an answer's JSON short, as a complete HTTP answer."""
    return reply._replace(body=reply.body[:-7])


URL = re.compile(r"^http://127\.0\.0\.1:1/collection/v1/.*$")
TOKEN_URL = "http://127.0.0.1:1/identity/token"
