"""Streams take no more memory the longer they are, and the garbage collector has nothing to do for them."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

from tests.performance.streaming import SIZE, client


def streamed(way):
    """Walk a list of 60,000 cases in another process; return what that says."""
    command = [sys.executable, "-m", "tests.performance.streaming", way]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)  # noqa: S603  # our own


@pytest.mark.slow
@pytest.mark.parametrize("way", ["items", "pages", "prefetch"])
def test_memory_is_flat(way):
    """From 6,000 cases to 60,000 the process grows by less than a page of decoded cases, and nothing is left to collect."""
    found = streamed(way)
    assert found["rows"] == 60_000
    assert found["growth"] < 4
    assert found["full"] == 0


@pytest.mark.slow
def test_memory_that_is_kept_shows():
    """The measure itself works: who keeps all pages is seen to grow."""
    assert streamed("hoarding")["growth"] > 100


@pytest.mark.asyncio
async def test_no_case_is_tracked():
    """A thousand cases in hand, with all that they are made of, add nothing that the garbage collector has to visit."""
    async with client(2) as amili:
        await amili.collection.cases.list("o")  # what is made once and kept is not of the cases
        gc.collect()
        before = len(gc.get_objects())
        cases = await amili.collection.cases.list("o").collect()
        gc.collect()
        after = len(gc.get_objects())
    assert len(cases) == 2 * SIZE
    assert after - before < SIZE / 10
