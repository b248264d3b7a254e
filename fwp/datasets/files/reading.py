"""From rows to strings of symbols with a label at every position, or at the last one alone."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fwp.datasets.files.formats import read
from fwp.datasets.files.source import FilesError, Labels, Source, Text
from fwp.utils.suggest import suggestion
from fwp.utils.targets import NO_TARGET

MOST_SYMBOLS = 256
MOST_CLASSES = 1 << 15
LOOKED_AT = 2000  # rows by which the layout is told
BETWEEN = re.compile(r"[\s,]+")  # labels of one string


class Layout(NamedTuple):
    """How strings and labels are written.

    separator: of symbols, "characters" or "spaces".
    per: what has a label, a "position" or a "string".
    unlabelled: the label that stands for none.
    """

    separator: str
    per: str
    unlabelled: str | None


class Strings(NamedTuple):
    """Strings and labels of some files, as symbols and names; `None` is no label.

    places: for each string its source, and the number of its row there.
    empty: strings without a symbol, which are left out.
    """

    strings: list[Sequence[str]]
    labels: list[Sequence[str | None]]
    places: list[tuple[Source, int]]
    empty: int

    def place(self, i: int, what: str = "string", offset: int = 0) -> str:
        """Where string i, or its labels, stands: file:line:column."""
        source, row = self.places[i]
        return source.place(row, what, offset)


class Coded(NamedTuple):
    """Strings as numbers: tokens uint8 [N], targets int16 [N], offsets int64 [n + 1]."""

    tokens: np.ndarray
    targets: np.ndarray
    offsets: np.ndarray


def read_all(
    paths: Iterable[str], options: Mapping[str, Any], most: int | None = None
) -> list[Source]:
    """The rows of several files; FilesError as `fwp.datasets.files.formats.read`."""
    return [read(Path(path), options, most) for path in paths]


def layout(sources: Sequence[Source], options: Mapping[str, Any]) -> Layout:
    """How the training files are written: as the task says, as the format says, or as it seems.

    Symbols are apart by spaces if any string has a space. There is a label per position if most
    strings of two symbols or more have as many labels as symbols.
    """
    first = sources[0]
    texts = [s for source in sources for s in source.strings[:LOOKED_AT]]
    spaced = any(" " in text.strip() for text in texts if isinstance(text, str))
    separator = options["separator"] or first.separator or ("characters", "spaces")[spaced]
    per = options["per"] or first.per
    if per is None:
        fits = [
            len(_split(labels, len(symbols), None)) == len(symbols)
            for source in sources
            for text, labels in zip(
                source.strings[:LOOKED_AT], source.labels[:LOOKED_AT], strict=True
            )
            if len(symbols := symbols_of(text, separator)) > 1
        ]
        per = "position" if fits and 2 * sum(fits) >= len(fits) else "string"
    return Layout(separator, per, options["unlabelled"])


def symbols_of(text: Text, separator: str) -> Sequence[str]:
    """The symbols of a string."""
    if not isinstance(text, str):
        return text
    return text.split() if separator == "spaces" else text


def apart(sources: Sequence[Source], how: Layout) -> Strings:
    """Take strings and labels apart.

    Raises:
        FilesError: a string has a wrong number of labels, or none; with its place.
    """
    found = Strings([], [], [], 0)
    empty = 0
    for source in sources:
        for row, (text, labels) in enumerate(zip(source.strings, source.labels, strict=True)):
            symbols = symbols_of(text, how.separator)
            if not symbols:
                empty += 1
                continue
            found.strings.append(symbols)
            found.labels.append(_labelled(source, row, labels, len(symbols), how))
            found.places.append((source, row))
    return found._replace(empty=empty)


def _labelled(
    source: Source, row: int, labels: Labels, length: int, how: Layout
) -> Sequence[str | None]:
    """The label of each position."""
    if how.per == "position":
        names = _split(labels, length, how.unlabelled)
        if len(names) != length:
            raise FilesError(
                f"{source.place(row, 'labels')}: a string of {length} symbols must have {length} "
                f"labels, one per position, got {len(names)}: {_shown(labels)}"
                " (files.per: string is for one label per string)"
            )
        return names
    if isinstance(labels, str) and labels.strip():
        return [None] * (length - 1) + [labels.strip()]
    raise FilesError(
        f"{source.place(row, 'labels')}: a string must have one label, got {_shown(labels)}"
    )


def _split(labels: Labels, length: int, unlabelled: str | None) -> Sequence[str | None]:
    """Labels one by one: of a list, apart by spaces or commas, or characters."""
    if labels is None:
        return []
    names: Sequence[str | None] = labels
    if isinstance(labels, str):
        labels = labels.strip()
        words = BETWEEN.split(labels) if BETWEEN.search(labels) else [labels]
        names = words if len(words) > 1 or length == 1 else labels
    if unlabelled is None or unlabelled not in names:
        return names
    return [None if name == unlabelled else name for name in names]


def alphabet_of(found: Strings) -> tuple[str, ...]:
    """All symbols, sorted; FilesError if there are too many."""
    symbols = set[str]().union(*found.strings)
    if len(symbols) > MOST_SYMBOLS:
        raise FilesError(
            f"{found.place(0)}: training strings must have at most {MOST_SYMBOLS} different "
            f"symbols, got {len(symbols)}; files.separator says what a symbol is"
        )
    return tuple(sorted(symbols, key=_order))


def classes_of(found: Strings) -> tuple[str, ...]:
    """All labels, sorted, numbers by value; FilesError if there are none or too many."""
    names = {name for name in set[str | None]().union(*found.labels) if name is not None}
    if not 0 < len(names) <= MOST_CLASSES:
        raise FilesError(
            f"{found.place(0, 'labels')}: training strings must have 1 to {MOST_CLASSES} different "
            f"labels, got {len(names)}"
        )
    return tuple(sorted(names, key=_order))


def coded(found: Strings, alphabet: Sequence[str], classes: Sequence[str]) -> Coded:
    """Strings as numbers.

    Raises:
        FilesError: a symbol or a label does not occur in training; with its place.
    """
    offsets = np.cumsum([0, *map(len, found.strings)], dtype=np.int64)
    try:
        symbols = _numbers(found.strings, alphabet)
        labels = _numbers(found.labels, classes)
    except KeyError:
        raise _unseen(found, alphabet, classes) from None
    return Coded(symbols.astype(np.uint8), labels.astype(np.int16), offsets)


def _numbers(rows: Sequence[Sequence[str | None]], names: Sequence[str]) -> np.ndarray:
    """Each entry as the number of its name, one row after another; KeyError if it has none."""
    texts = [row for row in rows if isinstance(row, str)]
    if len(texts) < len(rows) or any(len(name) > 1 for name in names):
        numbers: dict[str | None, int] = {name: i for i, name in enumerate(names)}
        numbers[None] = NO_TARGET
        return np.array([numbers[name] for row in rows for name in row], dtype=np.int64)
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    known = np.array([ord(name) for name in names], dtype=np.uint32)
    order = np.argsort(known)
    slots = np.searchsorted(known[order], codes).clip(max=len(known) - 1)
    if (known[order][slots] != codes).any():
        raise KeyError
    return order[slots]


def _unseen(found: Strings, alphabet: Sequence[str], classes: Sequence[str]) -> FilesError:
    """The first symbol or label that training lacks."""
    known, named = set(alphabet), {*classes, None}
    for i, (string, labels) in enumerate(zip(found.strings, found.labels, strict=True)):
        for j, symbol in enumerate(string):
            if symbol not in known:
                place = found.place(i, "string", _offset(found, i, j))
                return FilesError(
                    f"{place}: a symbol must occur in the training strings, "
                    f"{_some(alphabet)}, got {symbol!r}"
                )
        for name in labels:
            if name not in named:
                place = found.place(i, "labels")
                return FilesError(
                    f"{place}: a label must occur in the training strings, "
                    f"{_some(classes)}{suggestion(name, classes)}, got {name!r}"
                )
    raise AssertionError("all symbols and labels are known")


def _offset(found: Strings, i: int, j: int) -> int:
    """Characters before symbol j of string i, in its line."""
    source, row = found.places[i]
    text = source.strings[row]
    if not isinstance(text, str):  # symbols of main.tok are apart by spaces; in JSON, by more
        return sum(len(s) + 1 for s in text[:j]) if source.format == "flare" else 0
    if found.strings[i] is text:
        return j
    return [match.start() for match in re.finditer(r"\S+", text)][j]


def _order(name: str) -> tuple:
    try:
        number = float(name)
    except ValueError:
        return (1, 0.0, name)
    # What is not a number is neither before nor after one, so that the order would be any.
    return (1, 0.0, name) if math.isnan(number) else (0, number, name)


def _some(names: Sequence[str]) -> str:
    shown = " ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} … ({len(names)} in all)"


def _shown(labels: Labels) -> str:
    text = repr(labels) if labels is not None else "none"
    return text if len(text) <= 60 else f"{text[:57]}..."
