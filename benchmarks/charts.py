"""The charts of the README, drawn from files of figures: SVG without a background, in colours that read on light and on dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.report import Figures

__all__ = ["draw"]

INK = "#777d86"
"""Of text and lines: as far from white as from the dark of a page."""
OURS, THEIRS, LIMIT = "#0b9e7f", "#8a8f98", "#c08a1e"

Bars = list[tuple[str, float, str, str]]
"""Name, length, colour, and what is written at the end of each bar, from the top."""


def draw(files: Iterable[Figures], folder: Path) -> list[Path]:
    """Draw each chart that files have the figures for.

    Args:
        files: of the P-rows and of the S-rows.
        folder: where to put the charts; it is made if it is not there.

    Returns:
        The charts.
    """
    made: list[Path] = []
    folder.mkdir(exist_ok=True)
    for figures in files:
        for name, title, bars in (
            ("decode", "CPU time per case, µs: a stream of cases, 500 a page", _decode(figures)),
            ("waiting", "Wall time of a list, one page after the other = 100 %", _waiting(figures)),
            ("sync", "Sync of cases, rows/s, whole process", _sync(figures)),
        ):
            if len(bars) > 1:
                made.append(folder / f"{name}.svg")
                save(title, bars, made[-1])
    return made


def _decode(figures: Figures) -> Bars:
    names = (
        ("limit", "the least possible (socket + decode)", LIMIT),
        ("ours", "amili-async, exact decimals", OURS),
        ("aiohttp_orjson", "aiohttp + orjson, dicts of floats", THEIRS),
        ("aiohttp_json", "aiohttp + json(), dicts of floats", THEIRS),
        ("httpx_pydantic", "httpx + pydantic v2, exact decimals", THEIRS),
        ("openai_sdk", "paginator of the openai SDK", THEIRS),
    )
    return [
        (text, cost := figures.cost(name), colour, f"{cost:.0f}") for name, text, colour in names if name in figures.candidates
    ]


def _waiting(figures: Figures) -> Bars:
    rows = (
        ("P6", "read-ahead, 20 ms a request"),
        ("P6b", "read-ahead, and 10 ms of own work a page"),
        ("P8", "8 numbered pages in flight, 20 ms"),
        ("P8b", "8 numbered pages in flight, 100 ms"),
        ("P9", "8 lists over one client, 20 ms"),
    )
    bars: Bars = [("one page after the other", 100, THEIRS, "100 %")]
    for row, text in rows:
        if found := figures.result(row):
            bars.append((text, 100 * found.median, OURS, f"{100 * found.median:.0f} %"))
    return bars


def _sync(figures: Figures) -> Bars:
    names = (
        ("ndjson", "amili sync to NDJSON", OURS),
        ("parquet", "amili sync to Parquet", OURS),
        ("sqlite", "amili sync to SQLite", OURS),
        ("duckdb", "amili sync to DuckDB", OURS),
        ("postgres", "amili sync to PostgreSQL", OURS),
        ("singer tap", "Singer SDK, messages of the tap alone", THEIRS),
        ("singer lines", "Singer SDK, tap | target of JSON lines", THEIRS),
        ("dlt ndjson", "dlt rest_api to JSON lines", THEIRS),
        ("dlt parquet", "dlt rest_api to Parquet", THEIRS),
        ("dlt duckdb", "dlt rest_api to DuckDB", THEIRS),
        ("dlt flat ndjson", "dlt set for speed, to JSON lines", THEIRS),
        ("dlt flat parquet", "dlt set for speed, to Parquet", THEIRS),
        ("dlt flat duckdb", "dlt set for speed, to DuckDB", THEIRS),
    )
    return [
        (text, rate := figures.rate(name), colour, f"{rate:,.0f}") for name, text, colour in names if name in figures.candidates
    ]


def save(title: str, bars: Sequence[tuple[str, float, str, str]], path: Path) -> None:
    """Draw horizontal bars; the format follows from the name of the file."""
    import matplotlib as mpl

    mpl.use("Agg")
    settings: Any = {
        "svg.fonttype": "none",  # text stays text: the reader's own font, and it can be searched
        "svg.hashsalt": "amili",  # the same figures give the same file
        "font.family": "sans-serif",
        "font.size": 11,
        "figure.constrained_layout.w_pad": 0.15,  # the reader's font may be wider
        "text.color": INK,
        "ytick.color": INK,
    }
    with mpl.rc_context(settings):
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(figsize=(8.8, 0.75 + 0.36 * len(bars)), layout="constrained")
        names, lengths, colours, ends = zip(*reversed(bars), strict=True)
        drawn = axes.barh(names, lengths, color=colours, height=0.68)
        axes.bar_label(drawn, labels=ends, padding=5, color=INK)
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=10)
        axes.set_xlim(0, max(lengths) * 1.12)
        axes.xaxis.set_visible(False)
        axes.tick_params(axis="y", length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        svg = path.suffix == ".svg"
        figure.savefig(path, transparent=True, metadata={"Date": None} if svg else None)
        plt.close(figure)
    if svg:
        text = path.read_text(encoding="utf-8")
        path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")
