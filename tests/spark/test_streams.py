"""A stream that is killed with SIGKILL again and again goes on from its checkpoint: each row is there once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from tests.sync.served import served

from .kit import JAVA, NO_SPARK, PYSPARK
from .test_dataframes import compared

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (PYSPARK and JAVA), reason=NO_SPARK)]

KILLS = 2
ROOT = Path(__file__).parents[2]


def start(settings, environ):
    """Start the stream in a process group of its own."""
    paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-m", "tests.spark.streaming", json.dumps(settings)],
        env={**os.environ, **environ, **python, "PYTHONPATH": paths},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process):
    """Wait for the end of a run, and return the rows of its batches."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    assert "sandbox-secret" not in out + errors
    return json.loads(out.splitlines()[-1])


def committed(target):
    """Return the log of the target: a file for each batch that is in it, `7` or `9.compact`, in order."""
    log = target / "_spark_metadata"
    found = [path for path in log.iterdir() if path.stem.isdecimal()] if log.is_dir() else []
    return sorted(found, key=lambda path: int(path.stem))


def current(target):
    """Return the files that the log of the target names: Spark reads no others, which a killed batch may have left."""
    entries = [json.loads(line) for path in committed(target) for line in path.read_text().splitlines()[1:]]
    return sorted({entry["path"].removeprefix("file://") for entry in entries})


def test_kills_between_batches(tmp_path):
    """Killed at moments between batches and within them, it ends in what is served; one more run adds nothing."""
    moments = random.Random(time.time_ns())
    target, checkpoint = tmp_path / "cases", tmp_path / "checkpoint"
    with served(cases=500, organizations=3, seed=5) as truth:
        options = {"stream": "cases", "organizations": ",".join(truth["organizations"]), "from": "2000-01-01"}
        options |= {"maxrowsperbatch": "400", "maxrows": "300"}
        settings = {"options": options, "target": str(target), "checkpoint": str(checkpoint)}
        kills = 0
        while kills < KILLS:
            before = len(committed(target))
            process = start(settings, truth["environ"])
            try:
                while process.poll() is None and len(committed(target)) < before + 1:
                    time.sleep(0.02)
                assert process.poll() is None, process.stderr.read()[-3000:]
                time.sleep(moments.uniform(0, 0.6))
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            kills += 1
        assert len(committed(target)) >= KILLS
        assert 0 < ds.dataset(current(target)).count_rows() < len(truth["keys"])
        rest = finished(start(settings, truth["environ"]))
        compared(current(target), truth)
        assert rest
        assert max(rest) <= 400
        assert finished(start(settings, truth["environ"])) == []  # time has passed, and no row has come
        compared(current(target), truth)
        seen = [path for path in checkpoint.rglob("*") if path.is_file()]
        assert seen
        assert not any(b"sandbox-secret" in path.read_bytes() for path in seen)
