"""Two sequences of numbers as one, so that a handful of written rows does not make a list of a million computed ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Joined"]


class Joined(Sequence[int]):
    """The numbers of one sequence, then those of another. A slice is Joined too; steps are 1 or -1."""

    def __init__(self, first: Sequence[int], second: Sequence[int]) -> None:
        self._first = first
        self._second = second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __contains__(self, number: object) -> bool:
        return number in self._first or number in self._second

    def __iter__(self) -> Iterator[int]:
        return chain(self._first, self._second)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[int]: ...
    def __getitem__(self, place: int | slice) -> int | Sequence[int]:
        border = len(self._first)
        if isinstance(place, int):
            if not -len(self) <= place < len(self):
                raise IndexError(place)
            place %= len(self)
            return self._first[place] if place < border else self._second[place - border]
        begin, end, step = place.indices(len(self))
        if step == -1 and (begin, end) == (len(self) - 1, -1):
            return Joined(self._second[::-1], self._first[::-1])
        if step != 1:
            raise ValueError("a slice has the step 1, or is the whole the other way round")
        return Joined(self._first[begin:end], self._second[max(begin - border, 0) : max(end - border, 0)])
