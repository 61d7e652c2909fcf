"""The data source as Spark calls it, without Spark: what it plans and reads, and that no secret is in what is sent about."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections import Counter
from decimal import Decimal

import pytest

from .kit import NO_PYSPARK, answer_by, sandboxed

pytest.importorskip("pyspark", reason=NO_PYSPARK)

from pyspark import cloudpickle
from pyspark.sql.datasource import CaseInsensitiveDict, EqualTo, InputPartition
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadMaxRows, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

import amili_async.spark
from amili_async.errors import ConfigError
from amili_async.spark import AmiliDataSource, offsets, source
from amili_async.sync.streams import STREAMS
from tests.sync.kit import Server, at

SECRET = "sandbox-secret"


def source_of(sandbox, **given):
    """Make a data source that reads from a sandbox."""
    base = {"stream": "cases", "environment": sandbox.url}
    if given.get("stream") != "customers":
        base["organizations"] = ",".join(sandbox.organizations)
    named = {name.rstrip("_"): text for name, text in given.items()}
    return AmiliDataSource(CaseInsensitiveDict({**base, **named}))


@pytest.fixture
def credentials(monkeypatch):
    """Put the credentials of all sandboxes into the environment."""
    monkeypatch.setenv("AMILI_CLIENT_ID", "sandbox")
    monkeypatch.setenv("AMILI_CLIENT_SECRET", SECRET)


def moved(thing):
    """Send something to another process and back."""
    sent = cloudpickle.dumps(thing)
    assert SECRET.encode() not in sent
    return pickle.loads(sent)  # noqa: S301  # our own


@pytest.mark.parametrize("bounds", [{}, {"include_upper": True}, {"exclude_lower": True}], ids=["plain", "upper", "lower"])
def test_reading(bounds, credentials):
    """Partitions, sent to other processes, hold each row once, with exact amounts and the types that were announced."""
    with sandboxed(cases=400, organizations=2, **bounds) as sandbox:
        made = moved(source_of(sandbox, maxrows="60", maxpartitions="3"))
        reader = made.reader(made.schema())
        partitions = reader.partitions()
        assert len(partitions) == 3
        assert SECRET not in repr(partitions)
        batches = [batch for partition in partitions for batch in moved(reader).read(moved(partition))]
        truth = [row for org in sandbox.organizations for row in sandbox.truth("collection.cases.list", org)]
    assert Counter(key for batch in batches for key in batch.column("case_id").to_pylist()) == Counter(
        row["caseId"] for row in truth
    )
    amounts = [amount for batch in batches for amount in batch.column("remaining_amount").to_pylist()]
    assert sum(filter(None, amounts), Decimal(0)) == sum(row["remainingAmount"] or 0 for row in truth)
    announced = to_arrow_schema(made.schema(), timezone="UTC")
    assert all(announced.equals(batch.schema) for batch in batches)  # as Spark compares them


def test_every_stream(credentials):
    """Each stream has a schema that Spark takes, and as many rows as are served."""
    with sandboxed(cases=60, organizations=1, customers=15) as sandbox:
        for name in ("batches", "invoices", "settlements"):
            made = source_of(sandbox, stream=name)
            reader = made.reader(made.schema())
            rows = sum(batch.num_rows for partition in reader.partitions() for batch in reader.read(partition))
            assert rows == len(list(sandbox.truth(f"collection.{name}.list", sandbox.organizations[0])))
        customers = source_of(sandbox, stream="customers", clients=str(sandbox.clients[0]))
        reader = customers.reader(customers.schema())
        (partition,) = reader.partitions()
        assert sum(batch.num_rows for batch in reader.read(partition)) == 15
    for stream in STREAMS.values():
        owner = {"clients": "1"} if stream.of_arm else {"organizations": "o"}
        schema = AmiliDataSource({"stream": stream.name, **owner}).schema()
        assert to_arrow_schema(schema, timezone="UTC").names == schema.names


def test_filters(credentials):
    """What the service can apply is sent to it; Spark is asked to apply all of it again."""
    with sandboxed(cases=300, organizations=2) as sandbox:
        first, _ = sandbox.organizations
        given = {"pushfilters": "true", "created": "registered_at", "maxrows": "60"}
        made = source_of(sandbox, **given)
        reader = made.reader(made.schema())
        filters = [EqualTo(("status",), "OPEN"), EqualTo(("_amili_organization",), first)]
        assert list(reader.pushFilters(filters)) == filters
        keys = [key for part in reader.partitions() for batch in reader.read(part) for key in batch.column("case_id").to_pylist()]
        assert Counter(keys) == Counter(row["caseId"] for row in sandbox.truth("collection.cases.list", first, Status="OPEN"))
        nobody = made.reader(made.schema())
        nobody.pushFilters([EqualTo(("_amili_organization",), "nobody")])
        assert nobody.partitions() == []
        plain = source_of(sandbox).reader(made.schema())
        assert plain.pushFilters.__func__ is source.DataSourceReader.pushFilters  # else Spark refuses it by default


def test_nothing_to_read():
    """Spark reads a partition even if none was planned."""
    made = AmiliDataSource({"stream": "cases", "organizations": "o"})
    assert list(made.reader(made.schema()).read(InputPartition(None))) == []


def test_schemas_of_others():
    """A schema of the user's own is refused, before anything is read."""
    made = AmiliDataSource({"stream": "cases", "organizations": "o", "from": "2026-01-01"})
    for read in (made.reader, made.streamReader):
        with pytest.raises(ConfigError, match="the columns of a stream are given"):
            read(StructType())


def test_wrong_options():
    """They are refused when the source is made, so that a secret gets no further."""
    with pytest.raises(ConfigError, match="looks like a secret") as caught:
        AmiliDataSource({"stream": "cases", "organizations": "o", "clientsecret": "hunter2"})
    assert "hunter2" not in str(caught.value)
    assert AmiliDataSource.name() == "amili"


def test_a_stream(monkeypatch):
    """Batch after batch up to the present, each row once; then there is nothing more, until time has passed."""
    server = Server(bounds="[]")
    begin = at("2026-01-01")
    server.add("cases", "o", *(begin + (at("2026-01-02") - begin) * number / 12 for number in range(120)))
    answer_by(monkeypatch, server)
    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-08T00:05"))
    made = moved(AmiliDataSource({"stream": "cases", "organizations": "o", "from": "2026-01-01", "maxrowsperbatch": "30"}))
    reader = made.streamReader(made.schema())
    limit = reader.getDefaultReadLimit()
    assert limit == ReadMaxRows(30)
    assert isinstance(reader, SupportsTriggerAvailableNow)
    start = reader.initialOffset()
    keys, ends = [], []
    reader.prepareForTriggerAvailableNow()
    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-20"))  # time passes, and does not matter
    while (end := reader.latestOffset(start, limit)) != start:
        for partition in reader.partitions(start, end):
            rows = moved(reader).read(moved(partition))
            keys += [key for batch in rows for key in batch.column("case_id").to_pylist()]
        ends.append(end["until"])
        start = end
    assert ends[-1] == "2026-01-08T00:00:00Z"
    assert len(ends) >= 3
    assert Counter(keys) == dict.fromkeys((f"o-{number}" for number in range(len(set(keys)))), 1)
    assert len(keys) == sum(moment <= at("2026-01-08") for moment, _ in server.rows["cases", "o"])
    assert reader.partitions(start, start) == []
    fresh = made.streamReader(made.schema())
    assert fresh.latestOffset(start, ReadAllAvailable())["until"] == "2026-01-19T23:55:00Z"
    assert fresh.latestOffset()["until"] == "2026-01-19T23:55:00Z"  # as Spark 4.0 and 4.1 ask
    free = AmiliDataSource({"stream": "cases", "organizations": "o", "from": "2026-01-01"})
    unlimited = free.streamReader(free.schema())
    assert unlimited.getDefaultReadLimit().max_rows > 10**12
    assert unlimited.latestOffset(unlimited.initialOffset(), unlimited.getDefaultReadLimit())["until"] == "2026-01-19T23:55:00Z"


@pytest.mark.parametrize("change", [{"lag": "2d"}, {"to": "2026-01-03"}, {"from": "2026-01-09"}], ids=["lag", "to", "from"])
def test_no_way_back(change, monkeypatch):
    """What moves the end of a stream back, between batches or runs, makes it wait: no offset is before one that was given."""
    server = Server(bounds="[]")
    server.add("cases", "o", *(at("2026-01-01") + (at("2026-01-02") - at("2026-01-01")) * day for day in range(12)))
    answer_by(monkeypatch, server)
    given = {"stream": "cases", "organizations": "o", "from": "2026-01-01"}
    keys = []

    def run(reader, start, end):
        for partition in reader.partitions(start, end):
            keys.extend(key for batch in reader.read(partition) for key in batch.column("case_id").to_pylist())

    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-08T00:05"))
    made = AmiliDataSource(given)
    reader = made.streamReader(made.schema())
    end = reader.latestOffset()  # so Spark 4.0 and 4.1 ask, in this order
    run(reader, reader.initialOffset(), end)
    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-06"))
    assert reader.latestOffset() == end
    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-08T00:04"))
    made = AmiliDataSource({**given, **change})
    reader = made.streamReader(made.schema())
    assert reader.partitions(end, end) == []  # so they say where the checkpoint is
    assert reader.latestOffset() == end
    assert reader.latestOffset(end) == end  # as 4.2 asks
    monkeypatch.setattr(offsets, "now", lambda: at("2026-01-20"))
    later = reader.latestOffset()
    assert (later["until"] > end["until"]) is ("to" not in change)
    assert later["from"] == end["from"]
    run(reader, end, later)
    assert reader.partitions(end, end) == []
    assert reader.latestOffset() == later
    assert Counter(keys) == dict.fromkeys((f"o-{number}" for number in range(8 if "to" in change else 12)), 1)
    back = {**end, "until": "2026-01-07T00:00:00Z"}
    with pytest.raises(ConfigError, match="go back, from 2026-01-08T00:00:00Z to 2026-01-07T00:00:00Z, which would double rows"):
        reader.partitions(end, back)


def test_before_spark_4_2(monkeypatch):
    """There Spark asks for no limits, so that an option for one would be without effect: it is refused."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyspark.sql.streaming.datasource", None)
        patch.delattr("pyspark.sql.streaming.datasource")
        old = importlib.reload(source)
        made = old.AmiliDataSource({"stream": "cases", "organizations": "o", "from": "2026-01-01", "maxspanperbatch": "1d"})
        with pytest.raises(ConfigError, match="need Spark 4"):
            made.streamReader(made.schema())
        made = old.AmiliDataSource({"stream": "cases", "organizations": "o", "from": "2026-01-01"})
        assert made.streamReader(made.schema()).latestOffset()["until"] > "2026-01-01"
    importlib.reload(source)
    amili_async.spark.__dict__.pop("AmiliDataSource", None)


def test_the_package(monkeypatch):
    """What is not there is said, and how to get it."""
    assert dir(amili_async.spark) == ["AmiliDataSource"]
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = amili_async.spark.Nothing
    monkeypatch.delitem(amili_async.spark.__dict__, "AmiliDataSource", raising=False)
    monkeypatch.setattr(amili_async.spark, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'amili-async\[spark\]'"):
        _ = amili_async.spark.AmiliDataSource
