"""What the tests of the job share: a server in memory that can take bounds, totals and tokens in many ways."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from amili_async import AmiliClient, Environment, StaticToken
from amili_async.sync import MemorySink, SyncJob
from amili_async.sync.streams import STREAMS
from amili_async.testing import FakeClock, FakeTransport, Reply, json_reply

ENVIRONMENT = Environment.local("http://127.0.0.1:1")
NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
_PATH = re.compile(r"/collection/v1/orgs/([^/]+)/(\w+)")


def at(text: str) -> datetime:
    """Read a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Server:
    """Lists in memory: `rows` by stream and organization, each row with its moment (None: it is in no period).

    `bounds`: which of them belong to a period: `[)`, `[]`, `()`, `(]`. `truncate`: they are taken for dates; `ignore`: for none.
    `trouble` is asked before each answer, and may give another one. `total` may change the total that is told.
    """

    rows: dict[tuple[str, str], list[tuple[datetime | None, dict[str, object]]]] = field(default_factory=dict)
    bounds: str = "[)"
    truncate: bool = False
    ignore: bool = False
    totals: bool = True
    size: int = 100
    trouble: object = None
    total: object = None
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def add(self, stream, organization, *moments, **members):
        """Add rows at moments; their keys count up."""
        rows = self.rows.setdefault((stream, organization), [])
        for moment in moments:
            rows.append((moment, {STREAMS[stream].key: f"{organization}-{len(rows)}", **members}))

    def keys(self, stream, organization, until=None):
        """Return the keys of the rows before a moment."""
        found = self.rows.get((stream, organization), [])
        return {row[STREAMS[stream].key] for moment, row in found if until is None or (moment is not None and moment < until)}

    def handler(self, request):
        """Answer."""
        url = urlsplit(request.url)
        organization, stream = _PATH.fullmatch(url.path).groups()
        query = dict(parse_qsl(url.query))
        self.asked.append((stream, organization, query))
        if self.trouble is not None:
            answer = self.trouble(stream, organization, query)
            if answer is not None:
                return answer
        paging, period = STREAMS[stream].operation.paging, STREAMS[stream].period or ("", "")
        low, high = (self._moment(query.get(name)) for name in period)
        found = [row for moment, row in self.rows.get((stream, organization), []) if self._within(moment, low, high)]
        start = int(query.get(paging.token_param, "0"))
        size = min(int(query.get(paging.size_param, "500")), self.size)
        token = str(start + size) if start + size < len(found) else None
        content = {"data": found[start : start + size]}
        total = len(found) if self.total is None else self.total(len(found), query)
        if paging.style == "cursor+skip":
            content["cursorSummary"] = {"nextPageToken": token}
            content["skipSummary"] = {"hasNextPage": token is not None, **({"totalCount": total} if self.totals else {})}
        else:
            content["summary"] = {"nextPageToken": token}
        return json_reply(content)

    def _moment(self, text):
        if text is None or self.ignore:
            return None
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.replace(hour=0, minute=0, second=0, microsecond=0) if self.truncate else moment

    def _within(self, moment, low, high):
        if moment is None:
            return low is None and high is None
        after = low is None or moment > low or (self.bounds[0] == "[" and moment == low)
        return after and (high is None or moment < high or (self.bounds[1] == "]" and moment == high))


class Clock(FakeClock):
    """A clock that begins in 2026."""

    def __init__(self, now=NOW):
        super().__init__(unix=now.timestamp())

    def pass_by(self, delta: timedelta):
        """Let time go by."""
        self.advance(delta.total_seconds())


@asynccontextmanager
async def client(server, *, clock=None, **settings):
    """Give a client of a server in memory."""
    transport = FakeTransport(server.handler)
    async with AmiliClient(
        StaticToken("t"), environment=ENVIRONMENT, transport=transport, clock=clock or Clock(), **settings
    ) as amili:
        yield amili


def job_of(amili, sink=None, **settings):
    """Return a job with a target in memory, which hangs on it as `target`."""
    sink = sink or MemorySink()
    settings.setdefault("organizations", ["o"])
    settings.setdefault("streams", ["cases"])
    job = SyncJob(amili, sink=sink, **settings)
    job.target = sink
    return job


def keys_in(sink, stream):
    """Return the keys in a target, each as often as it is there."""
    return sorted(str(row[STREAMS[stream].key]) for row in sink.rows(stream))


async def spans_in(sink, stream="cases", organization="o"):
    """Return the spans in the ledger, in order, with text for moments."""
    entries = [entry.window for entry in await sink.peek() if entry.key[:2] == (stream, organization)]
    return sorted(
        (window.start.isoformat() if window.start else "", window.end.isoformat() if window.end else "") for window in entries
    )


def failing(status=503, times=1, **headers):
    """Return trouble that answers so many times with a status."""
    left = [times]

    def trouble(stream, organization, query):
        if left[0]:
            left[0] -= 1
            return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")
        return None

    return trouble
