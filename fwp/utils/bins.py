"""Bins: windows of string lengths, both ends included."""

import re
from typing import NamedTuple

_BIN = re.compile(r"(\d+)-(\d+)")
_ACCURACY, _PROBABILITY = "accuracy ", "probability "


class Bin(NamedTuple):
    """Strings of `shortest` to `longest` symbols; written "51-100". Bins are ordered by length."""

    shortest: int
    longest: int

    @classmethod
    def parse(cls, text: str) -> "Bin":
        """The bin that is written so.

        Raises:
            ValueError: it is not a bin.
        """
        match = _BIN.fullmatch(text)
        if not match or int(match[1]) > int(match[2]):
            raise ValueError(f"a bin is written shortest-longest, like 51-100; got {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.shortest}-{self.longest}"

    @property
    def label(self) -> str:
        """The bin with an en dash, for readers: 51–100."""
        return f"{self.shortest}–{self.longest}"

    def holds(self, length: int) -> bool:
        """Whether strings of this length belong to the bin."""
        return self.shortest <= length <= self.longest


def accuracy_column(bin: str | Bin) -> str:
    """Column of the history that holds the accuracy on a validation bin: "accuracy 2-50"."""
    return f"{_ACCURACY}{bin}"


def probability_column(bin: str | Bin) -> str:
    """Column of a text's history: mean probability of the right token at these positions."""
    return f"{_PROBABILITY}{bin}"


def bin_of_column(column: str) -> Bin | None:
    """The bin that a column of the history measures; None for any other column."""
    if not column.startswith((_ACCURACY, _PROBABILITY)):
        return None
    try:
        return Bin.parse(column.removeprefix(_ACCURACY).removeprefix(_PROBABILITY))
    except ValueError:
        return None
