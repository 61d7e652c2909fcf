"""What the tests of the data source share: options, a server in memory behind it, and rows of partitions."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from amili_async import AmiliClient, ClientCredentials, StaticToken
from amili_async.sandbox import Sandbox
from amili_async.spark.options import Options
from amili_async.spark.planning import Piece, Share
from amili_async.spark.reading import batches
from amili_async.sync import Window
from amili_async.sync.streams import STREAMS
from amili_async.sync.tables import table_of
from amili_async.testing import FakeTransport
from tests.sync.kit import ENVIRONMENT, Clock

PYSPARK = find_spec("pyspark") is not None
JAVA = shutil.which("java", path=os.environ["JAVA_HOME"] + "/bin" if os.environ.get("JAVA_HOME") else None) is not None
DEATHS = 2
NO_PYSPARK = "pyspark is not installed: pip install 'amili-async[spark]'"
NO_SPARK = NO_PYSPARK if not PYSPARK else "there is no java: apt-get install openjdk-17-jre-headless"


def options(**given):
    """Read options; cases of `o` unless told otherwise."""
    base = {"stream": "cases", "organizations": "o"}
    return Options.read(
        {name.rstrip("_").replace("__", "."): text for name, text in {**base, **given}.items() if text is not None}
    )


def answer_by(monkeypatch, server, transports=None):
    """Have all clients of the data source answered by a server in memory."""

    def client(self, rate=None):
        transport = FakeTransport(server.handler)
        if transports is not None:
            transports.append((transport, rate))
        return AmiliClient(StaticToken("t"), environment=ENVIRONMENT, transport=transport, clock=Clock())

    monkeypatch.setattr(Options, "client", client)


def keys_of(found, pieces, stream="cases"):
    """Return the keys that a partition yields."""
    name = table_of(STREAMS[stream]).key.name
    return [key for batch in batches(found, Share(tuple(pieces), None)) for key in batch.column(name).to_pylist()]


def chain(stream, cuts, organization="o"):
    """Return windows between cuts; the first follows none."""
    return [Piece(Window(stream, organization, *pair), number > 0) for number, pair in enumerate(pairwise(cuts))]


@contextmanager
def sandboxed(**settings):
    """Serve a sandbox from a thread."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Sandbox(**settings)) as sandbox:
        yield sandbox


def dying():
    """Give credentials; in the first tasks, kill their process a moment later, which leaves a mark in `SPARK_TEST_DEATHS`."""
    from pyspark import TaskContext  # noqa: PLC0415  # an extra

    folder = Path(os.environ["SPARK_TEST_DEATHS"])
    if TaskContext.get() is not None:
        for number in range(DEATHS):
            try:
                (folder / f"doomed-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue

            def die(number=number):
                (folder / f"dead-{number}").touch()
                os.kill(os.getpid(), signal.SIGKILL)

            threading.Timer(0.5 + number / 4, die).start()
            break
    return ClientCredentials(os.environ["AMILI_CLIENT_ID"], os.environ["AMILI_CLIENT_SECRET"])
