"""Any sequence of runs over any timeline: windows never overlap, cover each instant once, and every row is there once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from amili_async.sync import MemorySink
from amili_async.sync.events import WindowDone, WindowPlanned
from amili_async.sync.gaps import floor
from amili_async.sync.streams import STREAMS
from tests.sync.kit import Clock, Server, at, client, job_of, keys_in

BASE = at("2026-01-01")
HOUR = timedelta(hours=1)

moments = st.one_of(
    st.integers(0, 60 * 24 * 60).map(lambda minutes: BASE + timedelta(minutes=minutes)),
    st.integers(0, 60 * 24).map(lambda hours: BASE + hours * HOUR),
    st.integers(0, 3_000).map(lambda millis: BASE + timedelta(days=20, milliseconds=millis)),
)
steps = st.lists(
    st.tuples(
        st.integers(0, 20 * 24),  # hours that pass
        st.none() | st.integers(-100, 30 * 24),  # start, in hours
        st.none() | st.integers(-100, 60 * 24),  # end, in hours
        st.sampled_from([1, 3, 10, 1_000]),  # rows a window
        st.none() | st.integers(1, 5),  # windows after which it is stopped
    ),
    min_size=1,
    max_size=4,
)
servers = st.fixed_dictionaries(
    {
        "bounds": st.sampled_from(["[)", "[]", "()", "(]"]),
        "sense": st.sampled_from(["exact", "exact", "truncate", "ignore"]),
        "totals": st.booleans(),
        "size": st.sampled_from([1, 7, 100]),
    }
)


@settings(max_examples=30)
@given(st.sampled_from(["cases", "invoices", "settlements"]), st.lists(moments, max_size=40), steps, servers)
def test_windows_partition_time(stream, when, sequence, server):
    """Whatever bounds mean and however runs are cut short: no instant is covered twice, no row is doubled, none lost silently."""
    asyncio.run(_partition(stream, when, sequence, server))


async def _partition(stream, when, sequence, server):
    sink, clock = MemorySink(), Clock(BASE + 10 * HOUR)
    sense = server.pop("sense")
    server = Server(**server, **({} if sense == "exact" else {sense: True}))
    when = sorted(when)
    server.add(stream, "o", *when)
    hidden = set()
    if server.truncate and server.bounds == "()":  # the one meaning under which midnight is in no period of its day
        hidden = {f"o-{place}" for place, moment in enumerate(when) if moment == floor(moment, "day")}
    async with client(server, clock=clock) as amili:
        for hours, begin, end, most, stop in sequence:
            clock.pass_by(hours * HOUR)
            turned = begin is not None and end is not None and begin >= end
            start, until = (end - 1, begin) if turned else (begin, end)
            running = []

            def watch(event, stop=stop, running=running):
                running.append(event)
                if stop is not None and sum(isinstance(it, WindowDone | WindowPlanned) for it in running) == stop:
                    running[0].stop()

            job = job_of(
                amili,
                sink,
                streams=[stream],
                max_rows=most,
                start=None if start is None else BASE + start * HOUR,
                until=None if until is None else BASE + until * HOUR,
                on_event=watch,
            )
            running.append(job)
            report = await job.run()
            windows = _windows(await sink.peek())
            assert all(before.end <= after.start for before, after in pairwise(windows))
            keys = keys_in(sink, stream)
            assert len(keys) == len(set(keys))
            assert report.complete or report.interrupted
        # One last run over all of time, to the end.
        clock.pass_by(100 * 24 * HOUR)
        report = await job_of(amili, sink, streams=[stream], max_rows=5).run()
        assert report.complete
        windows = _windows(await sink.peek())
        assert windows[0].start is None
        assert all(before.end == after.start for before, after in pairwise(windows))
        missing = server.keys(stream, "o").difference(keys := keys_in(sink, stream))
        assert missing <= hidden
        assert len(keys) + len(missing) == len(when)
        if report.windows and server.totals and STREAMS[stream].counted:
            assert bool(report.differences) == bool(missing)
        assert (await job_of(amili, sink, streams=[stream]).verify()).sound
        asked = len(server.asked)
        assert (await job_of(amili, sink, streams=[stream]).run()).windows == 0
        assert len(server.asked) == asked


def _windows(entries):
    return sorted((entry.window for entry in entries), key=lambda window: window.end)
