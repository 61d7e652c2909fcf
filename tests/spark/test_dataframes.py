"""DataFrames by a real Spark with two workers: what is written equals what is served, also if workers are killed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from tests.sync.served import AMOUNTS

from .kit import DEATHS, JAVA, NO_SPARK, PYSPARK, sandboxed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PYSPARK and JAVA), reason=NO_SPARK),
    pytest.mark.filterwarnings("ignore:.*:ResourceWarning:pyspark"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pyspark"),
]

COLUMNS = ["case_id", "remaining_amount", "remaining_principal"]
SECRET = "sandbox-secret"


def frame(spark, organizations, **given):
    """Return the cases of organizations."""
    reader = spark.read.format("amili").option("stream", "cases").option("organizations", ",".join(organizations))
    for name, text in given.items():
        reader = reader.option(name.rstrip("_"), text)
    return reader.load()


def compared(folder, truth):
    """Compare files of Parquet with what was served: each key once, and the sums of amounts to the last digit."""
    table = ds.dataset(folder, exclude_invalid_files=True).to_table(COLUMNS)
    assert Counter(table["case_id"].to_pylist()) == dict.fromkeys(truth["keys"], 1)
    assert [pc.sum(table[name]).as_py() for name in COLUMNS[1:]] == [Decimal(truth["sums"][name]) for name in AMOUNTS]


def test_100_000_cases(spark, truth, tmp_path):
    """Cases of four organizations to Parquet: keys and sums are those that were served."""
    cases = frame(spark, truth["organizations"], maxrows="10000")
    assert cases.schema["remaining_amount"].dataType.simpleString() == "decimal(38,10)"
    assert cases.schema["invoices"].dataType.simpleString().startswith("array<struct<invoice_id:string")
    cases.write.parquet(str(tmp_path / "cases"))
    compared(tmp_path / "cases", truth)


def test_workers_killed(spark, truth, deaths, tmp_path):
    """Workers killed in the middle of reading are replaced, their tasks begun anew, and the result is the same."""
    assert not list(deaths.glob("dead-*"))
    cases = frame(spark, truth["organizations"], maxrows="5000", maxpartitions="4", credentials="tests.spark.kit:dying")
    cases.write.parquet(str(tmp_path / "cases"))
    assert len(list(deaths.glob("dead-*"))) == DEATHS
    compared(tmp_path / "cases", truth)


def test_no_secret_in_plans(spark, truth):
    """A plan shows neither secret nor token, and a secret among the options is refused with a sentence."""
    cases = frame(spark, truth["organizations"]).where("status = 'OPEN'")
    plan = cases._jdf.queryExecution().toString()
    assert "amili" in plan
    assert SECRET not in plan
    with pytest.raises(Exception, match="the option clientsecret looks like a secret") as caught:
        frame(spark, truth["organizations"], clientSecret="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stream": "caes"}, "the option stream: there is no stream 'caes'"),
        ({"from_": "yesterday"}, "the option from must be a date"),
        ({"colour": "red"}, "there is no option colour"),
    ],
)
def test_wrong_options(spark, given, said):
    """The sentence of an error is in what Spark raises."""
    with pytest.raises(Exception, match=said) as caught:
        frame(spark, ["o"], **given)
    assert SECRET not in str(caught.value)


def test_errors_of_the_service(spark, truth):
    """An organization without access stops the query, with what the service said and no secret."""
    with pytest.raises(Exception, match="403") as caught:
        frame(spark, [*truth["organizations"], "0" * 8]).count()
    assert SECRET not in str(caught.value)


def test_filters(spark):
    """With the configuration that allows it, filters of a query become parameters of requests; the result is the same."""
    with sandboxed(cases=600, organizations=2) as sandbox:
        mine = sandbox.organizations[0]
        wanted = [row["caseId"] for row in sandbox.truth("collection.cases.list", mine, Status="OPEN")]
        spark.conf.set("spark.sql.python.filterPushdown.enabled", "true")
        given = {"environment": sandbox.url, "created": "registered_at", "maxrows": "200"}
        where = f"status = 'OPEN' and _amili_organization = '{mine}' and registered_at >= timestamp'1999-01-01 00:00:00'"
        try:
            for push in (False, True):
                before = len(list(sandbox.log))
                cases = frame(spark, sandbox.organizations, **given, pushfilters=str(push)).where(where)
                assert sorted(row.case_id for row in cases.select("case_id").collect()) == sorted(wanted)
                calls = [call for call in list(sandbox.log)[before:] if call.operation == "collection.cases.list"]
                asked = [dict(call.query) for call in calls]
                assert len({call.path for call in calls}) == (1 if push else 2)
                assert any(query.get("Status") == "OPEN" for query in asked) is push
                assert any(query.get("FromCreatedAt") == "1998-12-31T23:59:59.999Z" for query in asked) is push
        finally:
            spark.conf.set("spark.sql.python.filterPushdown.enabled", "false")
