"""Iterators are for one task at a time."""

from __future__ import annotations

__all__ = ["Alone"]


class Alone:
    """Lets one task in, and tells a second one so instead of letting it take what the first is waiting for.

    Args:
        what: what both would iterate.
    """

    __slots__ = ("_busy", "_what")

    def __init__(self, what: str = "pages") -> None:
        self._what = what
        self._busy = False

    def __enter__(self) -> None:
        """Enter.

        Raises:
            RuntimeError: another task is inside.
        """
        if self._busy:
            raise RuntimeError(f"two tasks iterate the same {self._what}: each would miss what the other gets")
        self._busy = True

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self._busy = False
