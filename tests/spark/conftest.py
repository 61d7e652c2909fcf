"""A Spark session for all tests that need one, and the cases that it reads."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.sync.served import served


@pytest.fixture(scope="session")
def truth():
    """Serve 100,000 cases of four organizations."""
    with served(cases=25_000, organizations=4, seed=11) as ready:
        yield ready


@pytest.fixture(scope="session")
def deaths(tmp_path_factory):
    """Return the folder in which workers leave a mark before they die."""
    return tmp_path_factory.mktemp("deaths")


@pytest.fixture(scope="session")
def spark(truth, deaths):
    """Start Spark with two workers, where a task may fail three times. Its processes keep the environment of this moment."""
    from pyspark.sql import SparkSession  # noqa: PLC0415  # an extra

    from amili_async.spark import AmiliDataSource  # noqa: PLC0415  # likewise

    with pytest.MonkeyPatch.context() as patch:
        for name, value in truth["environ"].items():
            patch.setenv(name, value)
        patch.setenv("SPARK_TEST_DEATHS", str(deaths))
        patch.setenv("PYTHONPATH", os.pathsep.join((str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))))
        for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
            patch.setenv(name, sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = (
            SparkSession.builder.master("local[2,4]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.warehouse.dir", str(deaths / "warehouse"))
            .getOrCreate()
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Spark sets its own, under which asyncio leaves Ctrl-C alone
    session.sparkContext.setLogLevel("OFF")
    session.dataSource.register(AmiliDataSource)
    gateway = session.sparkContext._gateway
    yield session
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
