"""Rows of a page on their way into a spool: as lines of JSON, with what was seen of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amili_async.pages import AtOnce
from amili_async.sync.lines import as_lines, count_lines, each_on_its_own
from amili_async.sync.probe import Look

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from msgspec import Raw

    from amili_async.sync.probe import Probe

__all__ = ["RowReader", "Rows", "look_at"]


class Rows(tuple[Look, ...]):  # noqa: SLOT001  # a tuple cannot have slots
    """What was seen of each row of a page.

    Attributes:
        lines: the rows, each as one line with its end.
    """

    lines: bytes

    @classmethod
    def of(cls, looks: Iterable[Look], lines: bytes) -> Rows:
        """Return rows with their lines."""
        rows = cls(looks)
        rows.lines = lines
        return rows


class RowReader(AtOnce):
    """Reads rows as lines where they lie: all begin with the same member, so each begin can be found without reading.

    Of a list in which that once did not go it does not try again.

    Args:
        probe: what looks at the rows.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._odd = False

    def read(self, body: bytes, begin: int, end: int) -> Rows | None:
        """Return the rows; None if that does not go this way. That each line is one whole value proves that it is a row."""
        if self._odd or body.find(b"\n", begin, end) >= 0 or body.find(b"\r", begin, end) >= 0:
            return None
        first = body[begin : body.find(b":", begin, end) + 1]
        apart = memoryview(body.replace(b"}," + first, b"}\n" + first))
        lines = b"".join((apart[begin:end], b"\n"))
        looks = self._probe.look_at_all(lines)
        if looks is None or len(looks) != count_lines(lines):
            self._odd = True
            return None
        return Rows.of(looks, lines)


def look_at(rows: Sequence[Raw | bytes], probe: Probe) -> Rows:
    """Return rows with what is seen of each."""
    lines = as_lines(rows)
    if each_on_its_own(lines, len(rows)):
        looks = probe.look_at_all(lines)
        if looks is not None:
            return Rows.of(looks, lines)
    rows = [bytes(row).replace(b"\n", b" ").replace(b"\r", b" ") for row in rows]  # between tokens, as in JSON they are
    return Rows.of(map(probe.look, rows), as_lines(rows))
