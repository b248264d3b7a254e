"""Datasets of recognition: half of each set are strings of a language, half are outside it.

Strings of the language are those that half as large sets of the language would hold. The others
are shared out like them: a hash of the string decides which set may hold it. Where a window has
fewer strings of one half, the other is cut to as many, so that each class has half of every set.
The target of the last symbol is the class of the string; the other symbols have none.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache

import numpy as np

from fwp.datasets.dataset import Dataset, Split
from fwp.datasets.pools import Pool
from fwp.datasets.recognition.edits import draw_outside, with_edits
from fwp.datasets.recognition.outside import complement, outside
from fwp.datasets.recognition.task import CLASSES, PAIRS, half, language_of
from fwp.datasets.sampling import (
    KINDS,
    Shares,
    draw_sets,
    holds_few,
    key,
    owners,
    share_out,
    stream,
)
from fwp.datasets.spec import DatasetSpec
from fwp.languages import Language
from fwp.utils.bins import Bin
from fwp.utils.named_bins import NamedBin
from fwp.utils.targets import NO_TARGET

TRIES = 50  # edits of a string, at most, to get one that is outside the language
ROUNDS = 20  # of draws, for pairs


def build_recognition(spec: DatasetSpec, kinds: Sequence[str] = KINDS) -> Dataset:
    """Draw the sets of a task; the same spec gives the same bits.

    Args:
        spec: what to draw.
        kinds: train, validation, test: of which kind. The others make no difference to these.

    Raises:
        ValueError: `plan_recognition` refuses the spec, or a set would be left without strings.
    """
    halves = _Halves(spec, kinds)
    splits: dict[str, Split] = {}
    for kind, window, inside in halves.inside():
        outside = halves.outside(kind, window, len(inside))
        name = kind if kind == "train" else f"{kind} {window}"
        splits[name] = halves.split(name, str(window), kind, inside, outside)
    if spec.measure.get(PAIRS) and "test" in kinds:
        for window in map(Bin._make, spec.test.bins):
            bin = str(NamedBin.of(window, PAIRS))
            splits[f"test {bin}"] = halves.split(f"test {bin}", bin, PAIRS, *halves.pairs(window))
    return Dataset(
        task=spec.task.name,
        language=spec.task.language,
        params=dict(spec.task.params),
        alphabet=tuple(halves.language.alphabet),
        classes=CLASSES,
        splits=splits,
        spec=json.loads(json.dumps(spec.as_dict())),
    )


def plan_recognition(
    spec: DatasetSpec, kinds: Sequence[str] = KINDS, language: Language | None = None
) -> Shares:
    """Who gets how many strings of the language: kind of set -> window -> length -> number.

    Args:
        spec: what to draw.
        kinds: train, validation, test: of which kind.
        language: that of the spec, if it was made before.

    ValueError, one line, as for `fwp.datasets.sampling.plan`; for a window without strings outside
    the language; and for a language that the way of drawing them does not suit.
    """
    return _Halves(spec, kinds, language).shares


class _Halves:
    """The two halves of the sets of a task."""

    def __init__(self, spec: DatasetSpec, kinds: Sequence[str], language: Language | None = None):
        self.spec, params = half(spec), spec.task.params
        self.language = language or language_of(params)
        self._seed = (spec.seed, params["language"], params["params"])
        self.shares = share_out(self.language, self.spec, kinds)
        self._uniform = params["strings"] == "balanced"
        self._other = complement(self.language) if self._uniform else outside(self.language)
        self._other_shares = share_out(self._other, self.spec, kinds)
        self._few = holds_few(self.language, self.spec)
        self._few_outside = holds_few(self._other, self.spec)

    def inside(self) -> Iterator[tuple[str, Bin, list[str]]]:
        """Kind, window and strings of the language, of each set."""
        return draw_sets(self.language, self.spec, self.shares, self._seed)

    def outside(self, kind: str, window: Bin, number: int) -> list[str]:
        """Strings outside the language, up to `number`."""
        if self._uniform:
            own: Shares = {kind: {window: self._other_shares[kind][window]}}
            sets = draw_sets(self._other, self.spec, own, self._seed, "outside")
            return next(strings for _, _, strings in sets)
        rng = stream(*self._seed, kind, str(window), "edits")
        pool = self._pool(self._other, kind, few=self._few_outside)
        repeats = self._few_outside and kind == "train"
        numbers = self._other_shares[kind][window]
        most = sum(map(self._other.count_capped, numbers) if repeats else numbers.values())
        found = draw_outside(self.language, window, min(number, most), pool, rng)
        return [found[i % len(found)] for i in range(number)] if repeats and found else found

    def pairs(self, window: Bin) -> tuple[list[str], list[str]]:
        """Strings of the language, and for each of them one outside, an edit away.

        Where hardly any edit leads out of the language, as strings outside are few, edits of those
        lead into it.
        """
        rng = stream(*self._seed, PAIRS, str(window))
        inside = self._pool(self.language, "test", few=self._few)
        outside = self._pool(self._other, "test", few=self._few_outside)
        sides = [(self.language, inside, outside)]
        if self._uniform:  # else strings outside cannot be drawn
            sides.append((self._other, outside, inside))
        found: dict[str, str] = {}
        taken: set[str] = set()
        for length, number in self.shares["test"][window].items():
            wanted = len(found) + number
            for start, pool, ends in sides:
                for _ in range(ROUNDS):
                    missing = wanted - len(found)
                    if not missing or not start.count_capped(length):
                        break
                    for string in start.draw(rng, length, pool(length).draws(missing)):
                        if len(found) == wanted or string in taken or string not in pool(length):
                            continue
                        other = self._beside(string, start, window, ends, taken, rng)
                        if other is not None:
                            pair = (string, other)
                            member, stranger = pair if start is self.language else pair[::-1]
                            found[member] = stranger
                            taken.update(pair)
        return list(found), list(found.values())

    def _beside(
        self,
        string: str,
        start: Language,
        window: Bin,
        ends: Callable[[int], Pool],
        taken: Collection[str],
        rng: np.random.Generator,
    ) -> str | None:
        """A string an edit away that is not of `start`, not taken and in the pool of its length."""
        for _ in range(TRIES):
            other = with_edits(string, 1, self.language, window, rng)
            if other not in taken and other in ends(len(other)) and not start.contains(other):
                return other
        return None

    def split(self, name: str, bin: str, kind: str, inside: list[str], outside: list[str]) -> Split:
        """A set of both halves, in random order for training, else by length."""
        number = min(len(inside), len(outside))
        if not number:
            raise ValueError(
                f"{name}: no string outside {self.language.name} was found for this set; widen "
                "the window"
            )
        rng = stream(*self._seed, kind, bin, "halves")
        strings = [(string, 1) for string in _some(inside, number, rng)]
        strings += [(string, 0) for string in _some(outside, number, rng)]
        order = rng.permutation(len(strings))
        if kind != "train":
            order = sorted(order, key=lambda i: len(strings[i][0]))
        strings = [strings[i] for i in order]
        offsets = np.cumsum([0, *(len(string) for string, _ in strings)], dtype=np.int64)
        targets = np.full(offsets[-1], NO_TARGET, dtype=np.int16)
        targets[offsets[1:] - 1] = [target for _, target in strings]
        tokens = self.language.encode("".join(string for string, _ in strings))
        return Split(name, bin, tokens, targets, offsets)

    def _pool(self, language: Language, kind: str, *, few: bool) -> Callable[[int], Pool]:
        """The strings that a kind of set may hold, by length."""

        @cache
        def pool(length: int) -> Pool:
            own = () if few else owners(self.spec, length)
            return Pool(language, length, kind, own, key(*self._seed, length))

        return pool


def _some(strings: list[str], number: int, rng: np.random.Generator) -> list[str]:
    """So many of the strings, in their order."""
    if number == len(strings):
        return strings
    return [strings[i] for i in sorted(rng.permutation(len(strings))[:number].tolist())]
