"""The block of the README about Spark, run against the sandbox."""

from __future__ import annotations

import pytest

from amili_async.sandbox import Sandbox
from tests.readme import compiled, rewritten

from .kit import JAVA, NO_SPARK, PYSPARK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PYSPARK and JAVA), reason=NO_SPARK),
    pytest.mark.filterwarnings("ignore:.*:ResourceWarning:pyspark"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:pyspark"),
]

NAME = "Apache Spark"


def test_the_block_of_the_readme(spark, truth, tmp_path):
    """The lake holds every case of those years once, the table every case from their beginning on."""
    organizations = truth["organizations"][:2]
    served = Sandbox(cases=25_000, organizations=4, seed=11)  # as the fixture `truth` serves
    since, until = {"FromCreatedAt": "2024-01-01T00:00:00Z"}, {"ToCreatedAt": "2026-01-01T00:00:00Z"}
    new, old = (
        sorted(row["caseId"] for owner in organizations for row in served.truth("collection.cases.list", owner, **period))
        for period in (since, since | until)
    )
    names = {"spark": spark}
    text = rewritten(NAME, {'"lake/cases"': f'"{tmp_path}/cases"', '"lake/_checkpoint"': f'"{tmp_path}/checkpoint"'})
    exec(compiled(NAME, text.replace("org-1,org-2", ",".join(organizations))), names)  # noqa: S102  # our own page
    for query in spark.streams.active:
        query.awaitTermination()
    assert set(new) <= set(truth["keys"])
    assert len(old) > 1_000
    assert sorted(row.case_id for row in spark.read.parquet(f"{tmp_path}/cases").select("case_id").collect()) == old
    assert sorted(row.case_id for row in spark.table("cases").select("case_id").collect()) == new
