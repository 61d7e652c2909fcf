"""What the benchmarks write: the table, the file of figures, and the charts and tables that are made from it."""

from __future__ import annotations

import pytest

from benchmarks.harness import Run, ratios
from benchmarks.report import Figures, markdown, read, table, write
from benchmarks.rows import Row


def figures():
    """Return figures of two rows: one that is met, one that the server voids."""
    found = Figures(command="python -m benchmarks X", environment="here", notes=["few rounds"])
    for name, over, under, server in (("P6", 0.7, 1.0, 0.1), ("P9", 0.2, 1.0, 0.9)):
        row = Row(
            name=name, text="a | b", goal=0.8, at="most", needs=("a", "b"), figure=lambda runs: ratios(runs, "a", "b", "wall")
        )
        runs = {
            candidate: [Run({"wall": wall, "cpu": wall / 2, "rows": 100, "server_cpu": server * wall})] * 6
            for candidate, wall in (("a", over), ("b", under))
        }
        found.add([([row], runs)])
    return found


def test_the_file_gives_back_the_figures(tmp_path):
    """Nothing is lost on the way to the charts, and candidates of several rows keep all of their rounds."""
    before = figures()
    write(before, tmp_path / "figures.json")
    (after,) = read([tmp_path / "figures.json"])
    assert after == before
    assert len(after.candidates["a"]) == 12
    assert after.rate("b") == pytest.approx(100)
    assert after.cost("b") == pytest.approx(5_000)
    assert after.result("P6").median == pytest.approx(0.7)
    assert after.result("P1") is None


def test_tables_tell_goal_spread_and_verdict():
    """Both tables say the same, the README's with the command that made it."""
    found = figures()
    assert [result.verdict for result in found.rows] == ["met", "void"]
    lines = table(found.rows).splitlines()
    assert lines[2].split() == ["P6", "a", "|", "b", "<=", "0.8", "0.7", "0.7", "0.7", "x", "6", "10%", "met"]
    assert markdown(found).splitlines()[0] == "`python -m benchmarks X` (here):"
    assert r"| P6 | a \| b | ≤ 0.8 | **0.7** | 0.7 to 0.7 | 6 | 10% | met |" in markdown(found)


def test_charts_are_made_from_the_file(tmp_path):
    """Text stays text, there is no background, and the same figures give the same file."""
    pytest.importorskip("matplotlib")
    from benchmarks.charts import draw  # noqa: PLC0415  # only with its extra

    (chart,) = draw([figures()], tmp_path / "charts")
    assert chart.name == "waiting.svg"
    text = chart.read_text()
    assert ">70 %<" in text
    assert ">8 lists over one client, 20 ms<" in text
    assert "<image" not in text
    assert "fill: #ffffff" not in text
    assert draw([figures()], tmp_path / "charts")[0].read_text() == text
