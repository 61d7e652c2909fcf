"""The rows of the table: what is compared with what, and the goal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.candidate import Target
from benchmarks.harness import Runs, busy, ratios, values
from benchmarks.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.verdicts import At, Verdict

__all__ = ["ROWS", "Row", "contest"]

AHEAD = 300
"""Rows of a page where one list is read ahead: decoding them takes a good part of the 20 ms that the wire takes, but not all."""
ABREAST = 100
"""Rows of a page where eight requests are on their way: decoding eight of them takes less time than the wire, so that waiting is
what is measured."""
FEW = 3
"""Rounds of what hardly differs between rounds, so that there is time for more of the others."""

Contest = dict[str, tuple[str, Target]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        name: its number, such as P1.
        text: what it says.
        goal: the bound; None if the figure is only shown.
        at: whether the figure has to be at most or at least the goal.
        unit: of the figure; "x" for a ratio.
        needs: candidates that it is made from.
        figure: makes the figure from their runs, one value a round.
        rounds: how often to run it at least, if not as often as the others.
        heat: rows of the same heat are made from the same runs; so are those that need the same candidates.
        served: whether the server's speed could be in the figure.
        together: whether its candidates share a core, turn by turn: right for CPU time, wrong for waiting.
    """

    name: str
    text: str
    goal: float | None
    at: At
    needs: tuple[str, ...]
    figure: Callable[[Runs], list[float]]
    unit: str = "x"
    rounds: int | None = None
    heat: str = ""
    served: bool = True
    together: bool = False

    def busy(self, runs: Runs) -> float | None:
        """Return the server's share of the time, that of the candidate that it held up most; None without a server."""
        return busy(runs, self.needs) if self.served else None

    def verdict(self, runs: Runs) -> Verdict:
        """Say what came of it."""
        return verdict(self.figure(runs), self.goal, self.at, self.busy(runs))


def contest(port: int, *, quick: bool) -> Contest:
    """Return all candidates with their targets, by the names that the rows use."""
    pages = 12 if quick else 50
    plain = Target(port=port, pages=pages)
    slow = Target(port=port, pages=pages, size=AHEAD, latency=20)
    worked = Target(port=port, pages=pages, size=AHEAD, latency=20, work=10)
    abreast = Target(port=port, pages=16 if quick else 96, size=ABREAST, latency=20)
    slower = Target(port=port, pages=10 if quick else 40, size=ABREAST, latency=100)
    return {
        **{name: (name, plain) for name in ("limit", "limit_float", "ours", "ours_float", "aiohttp_orjson")},
        # Those that share a core read lists of such lengths that they end at about the same time.
        **{
            name: (name, Target(port=port, pages=int(pages * share)))
            for name, share in {
                "ours_few": 2.5,
                "ours_raw": 4,
                "limit_raw": 4,
                "aiohttp_json": 0.5,
                "httpx_pydantic": 0.2,
                "openai_sdk": 0.1,
            }.items()
        },
        "sequential_20": ("ours_pages", slow),
        "ahead_20": ("ours_ahead", slow),
        "chain_20": ("wire_chain", slow),
        "sequential_20_worked": ("ours_pages", worked),
        "ahead_20_worked": ("ours_ahead", worked),
        "numbered_20": ("ours_numbered", abreast),
        "window_20": ("ours_window", abreast),
        "numbered_100": ("ours_numbered", slower),
        "window_100": ("ours_window", slower),
        "chain_by_chain_20": ("ours_pages", abreast),
        "chains_20": ("ours_chains", abreast),
        "memory": ("ours_memory", Target(port=port, pages=100 if quick else 2_000)),
        "gc": ("ours_gc", plain),
        "items": ("item_iterator", Target(port=0, pages=400)),
        "limit_gzip": ("limit_gzip", Target(port=port, pages=pages, gzip=True)),
        "ours_gzip": ("ours_gzip", Target(port=port, pages=pages, gzip=True)),
        "tokens": ("ours_tokens", Target(port=port, pages=1000, size=1)),
        "import_models": ("import_models", Target(port=0, pages=0)),
        "import_client": ("import_client", Target(port=0, pages=0)),
        "make_client": ("make_client", Target(port=0, pages=0)),
        "import_aiohttp": ("import_aiohttp", Target(port=0, pages=0)),
    }


def _over(
    name: str,
    text: str,
    pair: tuple[str, str],
    goal: float | None,
    at: At = "most",
    *,
    fact: str = "cpu",
    heat: str = "",
    rounds: int | None = None,
) -> Row:
    over, under = pair
    figure = partial(ratios, over=over, under=under, fact=fact)
    return Row(
        name=name, text=text, goal=goal, at=at, needs=pair, figure=figure, together=fact == "cpu", heat=heat, rounds=rounds
    )


def _value(name: str, text: str, source: tuple[str, str], goal: float | None, unit: str, *, rounds: int | None = None) -> Row:
    of, fact = source
    return Row(
        name=name,
        text=text,
        goal=goal,
        at="most",
        needs=(of,),
        figure=lambda runs: values(runs[of], fact),
        unit=unit,
        rounds=rounds,
    )


ROWS: tuple[Row, ...] = (
    _over("P1", "every item, Decimal / LIMIT, CPU", ("ours", "limit"), 1.15, heat="cases"),
    _over("P2", "every item, float projection / LIMIT, CPU", ("ours_float", "limit_float"), 1.30),
    _over("P3", "httpx + pydantic v2 / ours, CPU", ("httpx_pydantic", "ours"), 5, "least", heat="cases"),
    _over("P3b", "httpx + pydantic v2 / LIMIT, CPU", ("httpx_pydantic", "limit"), None, "least", heat="cases"),
    _over("P4", "aiohttp + json() / ours, CPU", ("aiohttp_json", "ours"), 2, "least", heat="cases"),
    _over("P4b", "aiohttp + orjson (dicts, floats) / ours, CPU", ("aiohttp_orjson", "ours"), None, "least", heat="cases"),
    _over("P5", "paginator of the openai SDK / ours, CPU", ("openai_sdk", "ours"), 10, "least", heat="cases"),
    _over("P6", "read-ahead / sequential, 300 a page, 20 ms", ("ahead_20", "sequential_20"), 0.80, fact="wall"),
    _over("P6b", "the same, consumer waits 10 ms a page", ("ahead_20_worked", "sequential_20_worked"), 0.58, fact="wall"),
    _over("P7", "read-ahead / bare wire chain, 20 ms", ("ahead_20", "chain_20"), 1.10, fact="wall"),
    _over("P8", "numbered pages of 100, 8 in flight / sequential, 20 ms", ("window_20", "numbered_20"), 0.28, fact="wall"),
    _over("P8b", "the same, 100 ms", ("window_100", "numbered_100"), 0.20, fact="wall"),
    _over("P9", "8 chains / sequential, 100 a page, 20 ms", ("chains_20", "chain_by_chain_20"), 0.25, fact="wall"),
    _value("P10", "growth from 10 % to 100 % of 1,000,000 cases", ("memory", "growth_mb"), 4, "MB", rounds=1),
    _value("P11", "objects that the gc tracks, a case", ("gc", "tracked"), 0, ""),
    _value("P11b", "full collections during the stream", ("gc", "full"), 0, ""),
    _value("P11c", "longest gc pause beside 1,000,000 objects", ("gc", "pause_ms"), 1, "ms"),
    _value("P12", "item iterator over page iterator", ("items", "item_ns"), 150, "ns an item"),
    _value("P12b", "an `__anext__` that has only to hand out an item", ("items", "least_ns"), None, "ns an item"),
    _over("P13", "projection of 3 fields / full decode, CPU", ("ours_few", "ours"), 0.40, heat="cases"),
    _over("P13b", "raw() / full decode, CPU", ("ours_raw", "ours"), 0.25, heat="cases"),
    _over("P13c", "the same of LIMIT, without a copy of each row, CPU", ("limit_raw", "limit"), None, heat="cases"),
    _over("P14", "gzip stream / its LIMIT, CPU", ("ours_gzip", "limit_gzip"), 1.10),
    _value("P15", "token requests of 1,000 concurrent first calls", ("tokens", "tokens"), 1, "", rounds=FEW),
    _value("P16", "aiohttp modules that the models import", ("import_models", "aiohttp_modules"), 0, "", rounds=FEW),
    _over(
        "P16b",
        "import of the client (aiohttp comes with the first one) / of aiohttp, CPU",
        ("import_client", "import_aiohttp"),
        1.1,
        fact="import_cpu",
        rounds=FEW,
    ),
    _over(
        "P16c",
        "the same with the first client, aiohttp included",
        ("make_client", "import_aiohttp"),
        None,
        fact="import_cpu",
        rounds=FEW,
    ),
)
"""Without a goal, for honesty: P3b, P12b and P13c are what P3, P12 and P13b could come to at best; P4b gives dicts with floats,
which is not what P1 to P5 compare; P16c is what P16b puts off."""
