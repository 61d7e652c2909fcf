"""What is PostgreSQL's own: addresses with secrets, lost connections, unknown outcomes, rights, schemas."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from copy import copy
from decimal import Decimal

import asyncpg
import pytest
import pytest_asyncio

from amili_async.errors import SinkError
from amili_async.sync.ledger import Entry
from amili_async.sync.sinks import base, copying, dsn
from amili_async.sync.sinks import postgres as module
from amili_async.sync.sinks.dsn import Place, told
from amili_async.sync.sinks.postgres import PostgresSink
from amili_async.sync.tables import table_of
from amili_async.sync.targets import sink_for
from tests.sync.conformance import APRIL, CASES, MARCH, SOURCE, all_same, case, commit
from tests.sync.places import Postgres as Target
from tests.sync.places import texts

pytestmark = pytest.mark.asyncio


@pytest.fixture
def target(postgres, tmp_path, monkeypatch):
    """Return a database; waiting is short."""
    monkeypatch.setattr(module, "LOCK_PATIENCE", 0.0)
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    monkeypatch.setattr(module, "PAUSE", 0.01)
    return Target("postgres", tmp_path, postgres)


@pytest_asyncio.fixture
async def sink(target):
    """Open a sink."""
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    yield sink
    await sink.close()


async def refused(attempt, *, usable=True, busy=False, words=()):
    """Await a refusal, and return its text."""
    with pytest.raises(SinkError) as caught:
        await attempt
    text = str(caught.value)
    assert (caught.value.usable, caught.value.busy) == (usable, busy), text
    assert "\n" not in text
    for secret in ("Kari", "hidden", "someone"):
        assert secret not in text
    for word in words:
        assert word in text, text
    return text


class Proxy:
    """A relay before the server that can lose connections.

    Attributes:
        cut: what to look for in what the client sends; then the connection is lost, before it is passed on.
        deaf: the same, but it is passed on, and the connection lost before the answer.
        copies: how many times rows were sent.
        open: whether new connections come through.
    """

    def __init__(self, socket):
        self.socket = socket
        self.cut = self.deaf = None
        self.copies = 0
        self.open = True
        self.writers = set()

    async def relay(self, reader, writer):
        """Pass on what a client sends."""
        if not self.open:
            writer.close()
            return
        upstream, server = await asyncio.open_unix_connection(self.socket)
        self.writers |= {writer, server}
        answers = asyncio.create_task(self.answer(upstream, writer))
        try:
            while body := await reader.read(65536):
                self.copies += body.count(b"COPY ")
                if self.cut and self.cut in body:
                    self.cut = None
                    break
                if self.deaf and self.deaf in body:
                    self.deaf = None
                    answers.cancel()
                    server.write(body)
                    await server.drain()
                    await upstream.read(65536)
                    break
                server.write(body)
                await server.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            answers.cancel()
            server.close()
            writer.transport.abort()

    async def answer(self, upstream, writer):
        """Pass on what the server says."""
        try:
            while body := await upstream.read(65536):
                writer.write(body)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def lose_all(self):
        """Lose every connection."""
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def proxied(target):
    """Put a proxy between a target and its server; yield it, and a sink that goes through it."""
    proxy = Proxy(f"{target.postgres.socket}/.s.PGSQL.5432")
    server = await asyncio.start_server(proxy.relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sink = PostgresSink(f"postgres://postgres@127.0.0.1:{port}/{target.postgres.database}")
    await sink.open(SOURCE, [CASES], ())
    try:
        yield proxy, sink
    finally:
        proxy.open = True
        await sink.close()
        server.close()
        proxy.lose_all()
        await asyncio.sleep(0)


ROWS = [case(1), case(2), case(3)]


@pytest.mark.parametrize("moment", [b"BEGIN", b"COPY ", b"Husleie", b"COMMIT"])
async def test_lost_before_the_commit(target, moment):
    """A connection that is lost on the way costs nothing: the window is committed with a new one."""
    async with proxied(target) as (proxy, sink):
        await commit(sink, APRIL, [case(9)])
        proxy.cut = moment
        entry = await commit(sink, MARCH, ROWS)
        assert proxy.cut is None
        assert [one for one in await sink.peek() if one.window == MARCH] == [entry]
    assert all_same([*ROWS, case(9)], await texts(target))


async def test_lost_in_the_commit(target):
    """The server has committed and nobody heard: the ledger tells, and the rows are not sent again."""
    async with proxied(target) as (proxy, sink):
        await commit(sink, MARCH, [case(7)])
        before = proxy.copies
        proxy.deaf = b"COMMIT"
        entry = await commit(sink, MARCH, ROWS)
        assert (proxy.deaf, proxy.copies) == (None, before + 1)
        assert await sink.peek() == [entry]
        assert len(await sink.digests(MARCH)) == 48
    assert all_same(ROWS, await texts(target))


async def test_lost_again_and_again(target):
    """A server that loses every commit is told of; the next run goes on."""
    async with proxied(target) as (proxy, sink):

        async def cut_again():
            while True:
                proxy.cut = proxy.cut or b"COPY "
                await asyncio.sleep(0)

        task = asyncio.create_task(cut_again())
        await refused(commit(sink, MARCH, ROWS), words=["lost again and again", "run again"])
        task.cancel()
        proxy.cut = None
        assert await sink.peek() == []
        await commit(sink, MARCH, ROWS)
    assert all_same(ROWS, await texts(target))


async def test_the_server_goes_away(target):
    """One sentence says so, nothing is half there, and when it is back the same sink goes on."""
    async with proxied(target) as (proxy, sink):
        await commit(sink, APRIL, [case(9)])
        proxy.open = False
        proxy.lose_all()
        await asyncio.sleep(0.01)
        await refused(commit(sink, MARCH, ROWS), words=["cannot be reached", "run again"])
        await refused(sink.put([Entry(window=MARCH)]), words=["cannot be reached"])
        proxy.open = True
        await commit(sink, MARCH, ROWS)
    assert all_same([*ROWS, case(9)], await texts(target))


async def test_the_server_is_gone_for_a_moment(target, monkeypatch):
    """A restart between two windows is waited for."""
    monkeypatch.setattr(module, "PATIENCE", 20.0)
    async with proxied(target) as (proxy, sink):
        proxy.open = False
        proxy.lose_all()

        async def come_back():
            await asyncio.sleep(0.05)
            proxy.open = True

        back = asyncio.create_task(come_back())
        await commit(sink, MARCH, ROWS)
        await back
    assert all_same(ROWS, await texts(target))


async def test_another_run_took_the_lock_meanwhile(target):
    """Who has lost the connection has lost the lock, and does not write while another run has it."""
    async with proxied(target) as (proxy, sink):
        proxy.open = False
        proxy.lose_all()
        other = target.sink()
        async with asyncio.timeout(30):
            while True:
                try:
                    await other.open(SOURCE, [CASES], ())
                    break
                except SinkError as error:
                    assert error.busy  # noqa: PT017  # until the server has noticed
        proxy.open = True
        await refused(commit(sink, MARCH, ROWS), busy=True, words=["another run"])
        await other.close()
        await commit(sink, MARCH, ROWS)


async def test_the_lock_of_a_run_that_died_a_moment_ago(target, sink, monkeypatch):
    """The server notices only after a while: it is waited for."""
    monkeypatch.setattr(module, "LOCK_PATIENCE", 20.0)

    async def die():
        await asyncio.sleep(0.05)
        await sink.close()

    dying = asyncio.create_task(die())
    next_run = target.sink()
    assert await next_run.open(SOURCE, [CASES], ()) == []
    await dying
    await next_run.close()


async def test_an_administrator_ends_the_connection(target, sink):
    """It is made anew, with the lock."""
    await commit(sink, MARCH, ROWS)
    await target.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'amili-async'")
    await commit(sink, APRIL, [case(9)])
    await refused(target.sink().open(SOURCE, [CASES], ()), busy=True)
    assert all_same([*ROWS, case(9)], await texts(target))


async def test_cancelled_in_mid_commit(target, sink):
    """Nothing of the window is there, and the sink can still be used."""
    work_begun = asyncio.Event()
    original = copying.run_sync

    async def slow(*args):
        work_begun.set()
        await asyncio.sleep(3600)

    copying.run_sync = slow
    try:
        task = asyncio.create_task(commit(sink, MARCH, ROWS))
        await work_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        copying.run_sync = original
    assert sink._connection is None
    await sink.put([Entry(window=MARCH, state="failed", failure="cancelled")])
    assert await texts(target) == []
    await commit(sink, MARCH, ROWS)
    assert all_same(ROWS, await texts(target))


async def test_cancelled_while_it_is_being_opened(target, sink, monkeypatch):
    """A connection without the lock is never kept."""
    monkeypatch.setattr(module, "LOCK_PATIENCE", 20.0)
    waiting = target.sink()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await waiting.open(SOURCE, [CASES], ())
    assert waiting._connection is None
    await refused(waiting.put([]), words=["is not open"])
    await waiting.close()


async def test_a_row_moves_with_its_latest_window(target, sink):
    """A row that two windows have stands once, in the one that was committed last; a row that comes twice, once."""
    await commit(sink, MARCH, [case(1), case(2)])
    entry = await commit(sink, APRIL, [case(2, status='"CLOSED"'), case(3), case(3, status='"LAST"')])
    assert all_same([case(1)], await texts(target, MARCH))
    assert all_same([case(2, status='"CLOSED"'), case(3, status='"LAST"')], await texts(target, APRIL))
    assert entry.drift == 0


async def test_types(target, sink):
    """Amounts are numerics with their digits, times have zones, parts can be asked about."""
    await commit(sink, MARCH, [case(1, remainingAmount="1.10", remainingPrincipal="0." + "1" * 40)])
    [row] = await target.query(
        "SELECT remaining_amount::text AS a, remaining_principal AS p, pg_typeof(registered_at)::text AS t, "
        "claims -> 0 ->> 'type' AS c, sum((claims -> 0 ->> 'originalAmount')::numeric) AS s FROM cases GROUP BY 1, 2, 3, 4"
    )
    assert row == {
        "a": "1.10",
        "p": Decimal("0." + "1" * 40),
        "t": "timestamp with time zone",
        "c": "PRINCIPAL",
        "s": Decimal("1.10"),
    }
    [comment] = await target.query("SELECT obj_description('cases'::regclass) AS text")
    assert "_extra" in comment["text"]
    plan = "\n".join(
        row["QUERY PLAN"]
        for row in await target.query("EXPLAIN DELETE FROM cases WHERE _amili_organization = 'o' AND _amili_window = 'w'")
    )
    assert "cases_amili_window" in plan or "Seq Scan" in plan  # which of them depends on how many rows it thinks there are


async def test_many_small_blocks(target, sink, monkeypatch):
    """Where rows are cut for the wire makes no difference."""
    monkeypatch.setattr(copying, "BLOCK", 100)
    rows = [case(number) for number in range(50)]
    await commit(sink, MARCH, rows)
    assert all_same(rows, await texts(target))


async def test_schemas(target, postgres):
    """Each schema is a target of its own: made if need be, with a lock and a ledger of its own."""
    address = postgres.dsn(postgres.database)
    sinks = [PostgresSink(address + f"&schema={name}") for name in ("one", "Two%20%22x%22", "")]
    for number, sink in enumerate(sinks):
        await sink.open(SOURCE, [CASES], ())
        await commit(sink, MARCH, [case(number)])
    found = await target.query("SELECT schemaname AS name FROM pg_tables WHERE tablename = 'cases' ORDER BY 1")
    assert [row["name"] for row in found] == ['Two "x"', "one", "public"]
    for number, sink in enumerate(sinks):
        assert await sink.keys(Entry(window=MARCH)) == [f"0000{number:04d}-fb18-4529-a2a4-6a01ee524eb4"]
        assert len(await sink.peek()) == 1
        await sink.close()
    assert sinks[0].target.endswith("?schema=one")
    again = sink_for(sinks[0].target.replace(":///", "://postgres@/").replace("?", f"?host={postgres.socket}&"))
    assert len(await again.open(SOURCE, [CASES], ())) == 1
    await again.close()


async def test_the_search_path_of_the_user(target, postgres):
    """Without a word about schemas the tables are where the user's own statements would make them; nowhere is told of."""
    await postgres.execute(
        "CREATE SCHEMA mine", f"ALTER DATABASE {postgres.database} SET search_path = mine, public", database=postgres.database
    )
    sink = target.sink()
    await sink.open(SOURCE, [CASES], ())
    await sink.close()
    assert await target.query("SELECT 1 AS n FROM pg_tables WHERE schemaname = 'mine' AND tablename = 'cases'") == [{"n": 1}]
    await postgres.execute(f"ALTER DATABASE {postgres.database} SET search_path = nowhere")
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["no schema"])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE cases (id int PRIMARY KEY, title text)",
        "CREATE VIEW cases AS SELECT 1 AS case_id",
        "CREATE SEQUENCE cases",
    ],
)
async def test_somebody_elses_table(target, postgres, statement):
    """A table of that name which is not ours is refused; nothing is made."""
    await postgres.execute(statement, database=postgres.database)
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["cases", "not of this program"])
    assert await target.query("SELECT tablename FROM pg_tables WHERE tablename LIKE '\\_amili%'") == []
    assert await target.sink().peek() == []


async def test_a_column_that_would_round(target, sink):
    """A type that somebody has narrowed is refused, before any amount is rounded in it."""
    await sink.close()
    await target.query("ALTER TABLE cases ALTER remaining_amount TYPE numeric(10,2)")
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["remaining_amount", "numeric(10,2)"])


async def test_columns_of_a_later_version(target, sink):
    """A column that the package did not know before is added; columns of the user's own stay."""
    await commit(sink, MARCH, [case(1)])
    await sink.close()
    await target.query("ALTER TABLE cases DROP COLUMN remaining_principal")
    await target.query("ALTER TABLE cases ADD COLUMN mine text DEFAULT 'x'")
    again = target.sink()
    await again.open(SOURCE, [CASES], ())
    await commit(again, MARCH, [case(1)])
    await commit(again, APRIL, [case(1), case(2)])
    await again.close()
    assert all_same([case(1), case(2)], await texts(target))
    assert await target.query("SELECT DISTINCT mine FROM cases") == [{"mine": "x"}]


async def test_rights(target, postgres):
    """A user who may not make tables, a user that there is not, a database that takes no writes."""
    await postgres.execute("DROP ROLE IF EXISTS poor", "CREATE ROLE poor LOGIN")
    address = postgres.dsn(postgres.database)
    await refused(PostgresSink(address.replace("postgres@", "poor@")).open(SOURCE, [CASES], ()), usable=False, words=["rights"])
    nobody = PostgresSink(address.replace("postgres@", "someone:hidden@"))
    await refused(nobody.open(SOURCE, [CASES], ()), usable=False, words=["login"])
    await refused(nobody.peek(), usable=False, words=["login"])
    await postgres.execute(f"ALTER DATABASE {postgres.database} SET default_transaction_read_only = on")
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["takes no writes"])
    await postgres.execute("DROP OWNED BY poor", "DROP ROLE poor")


async def test_another_encoding(target, postgres):
    """A database that cannot hold every letter is refused."""
    await postgres.execute("CREATE DATABASE narrow ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    other = copy(postgres)
    other.database = "narrow"
    try:
        await refused(Target("postgres", target.folder, other).sink().open(SOURCE, [CASES], ()), usable=False, words=["UTF-8"])
    finally:
        await postgres.execute("DROP DATABASE narrow")


async def test_tables_that_another_program_has_locked(target, sink, postgres, monkeypatch):
    """After a little waiting one sentence says so; later all is well."""
    monkeypatch.setitem(dsn._SETTINGS, "lock_timeout", "50ms")
    sink._drop()
    connection = await asyncpg.connect(postgres.dsn(postgres.database))
    async with connection.transaction():
        await connection.execute("LOCK TABLE cases IN ACCESS EXCLUSIVE MODE")
        await refused(commit(sink, MARCH, ROWS), words=["locked by another program"])
    await connection.close()
    await commit(sink, MARCH, ROWS)


async def test_errors_tell_nothing_of_rows(target, sink):
    """What PostgreSQL says of a row that it refuses is not passed on, nor which row it was."""
    await target.query("ALTER TABLE cases ADD CONSTRAINT c CHECK (debtors::text NOT LIKE '%Kari%')")
    await refused(commit(sink, MARCH, ROWS), words=["23514"])
    assert await texts(target) == []
    await target.query("DROP TABLE cases")
    await refused(commit(sink, MARCH, ROWS), words=["42P01"])


async def test_not_open(target):
    """A sink that was not opened says so, and an address that leads nowhere is told of."""
    await refused(target.sink().put([]), words=["is not open"])
    nowhere = PostgresSink("postgresql://someone:hidden@127.0.0.1:1/amili")
    for attempt in (nowhere.open(SOURCE, [CASES], ()), nowhere.peek()):
        await refused(attempt, words=["cannot be reached"])


async def test_asyncpg_is_missing(target, monkeypatch):
    """The extra is named."""
    monkeypatch.setattr(base, "find_spec", lambda name: None)
    await refused(target.sink().open(SOURCE, [CASES], ()), usable=False, words=["amili-async[postgres]"])


async def test_a_connection_that_cannot_be_closed(target, sink, monkeypatch):
    """It is gone all the same, and the lock with it."""

    async def fail(*args, **options):
        raise TimeoutError

    monkeypatch.setattr(asyncpg.Connection, "close", fail)
    await sink.close()
    monkeypatch.undo()
    monkeypatch.setattr(module, "LOCK_PATIENCE", 20.0)
    again = target.sink()
    await again.open(SOURCE, [CASES], ())
    await again.close()


@pytest.mark.parametrize(
    ("address", "target_name"),
    [
        ("postgres://host/db", "postgres://host/db"),
        ("postgresql://someone:hidden@host:5433/db?sslmode=require&schema=amili", "postgres://host:5433/db?schema=amili"),
        ("postgres://someone:hid%40den@[::1]:5433/db", "postgres://[::1]:5433/db"),
        ("postgres:///db?host=/tmp&password=hidden&user=someone", "postgres:///db"),
        ("postgres://someone:hidden@a,b/db?schema=", "postgres://a,b/db"),
    ],
)
async def test_addresses(address, target_name):
    """Both schemes do; neither user nor password is shown anywhere; the schema is, since it is part of where the rows are."""
    sink = PostgresSink(address)
    assert sink.target == target_name
    shown = f"{sink!r} {sink.target} {sink.__dict__!r}"
    assert "hid" not in shown
    assert "someone" not in shown
    assert "schema=" not in sink._place._dsn


@pytest.mark.parametrize("address", ["", "host/db", "mysql://host/db", "postgres://[::1/db"])
async def test_addresses_that_are_none(address):
    """They are refused without being repeated."""
    with pytest.raises(SinkError, match="postgres://HOST/DATABASE") as caught:
        PostgresSink(address)
    assert not caught.value.usable


async def test_an_address_that_only_asyncpg_refuses():
    """It is told of all the same."""
    await refused(PostgresSink("postgres://someone:hidden@host:port/db").open(SOURCE, [CASES], ()), usable=False, words=["URL"])
    assert Place.of("postgres://host/db").schema is None


class Refusal(Exception):
    """An error of PostgreSQL with a code."""

    def __init__(self, sqlstate):
        super().__init__("Kari hidden")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "words", "usable"),
    [
        (Refusal("53100"), "no space is left", True),
        (Refusal("28P01"), "refuses the login", False),
        (Refusal("3D000"), "does not exist", False),
        (Refusal("3F000"), "no such schema", False),
        (Refusal("42501"), "rights", False),
        (Refusal("25006"), "takes no writes", False),
        (Refusal("53300"), "no more connections", True),
        (Refusal("57P03"), "starting or shutting down", True),
        (Refusal("55P03"), "locked", True),
        (Refusal("08006"), "cannot be reached", True),
        (Refusal("57P01"), "cannot be reached", True),
        (Refusal("23505"), "PostgreSQL says 23505", True),
        (OSError("Kari"), "cannot be reached", True),
        (ValueError("hidden"), "URL", False),
        (SinkError("as it is", busy=True), "as it is", True),
    ],
)
async def test_what_is_said(error, words, usable):
    """Each kind of failure in its own words, without what the error itself says."""
    found = told("postgres://host/db", error)
    assert words in str(found)
    assert found.usable is usable
    assert "Kari" not in str(found)
    assert "hidden" not in str(found)


async def test_a_million_digits_make_no_difference(target, sink):
    """What only a careful look finds costs one more try, not the window."""
    rows = [case(1), case(2, claims=f'[{{"originalAmount":{"9" * 140_000}}}]'), case(3, description='"\\u0000"')]
    entry = await commit(sink, MARCH, rows)
    assert entry.drift == 1
    held = {one.row["caseId"]: one for one in await target.held(table_of(CASES))}
    assert len(held) == 3
    assert all_same(rows, [one.row for one in held.values()])
