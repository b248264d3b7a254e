"""What a language is: a deterministic transition system whose states carry the target."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from functools import cached_property
from typing import Any, NoReturn

import numpy as np

from fwp.languages._checks import MANY, check_window, shown
from fwp.languages._labeller import Labeller
from fwp.utils.targets import NO_TARGET

MOST_COUNTED = 2_000_000  # states × lengths
SHORT = 300  # symbols; whether there are many longer strings is seen from those of so many

State = Any
"""Of a language's own kind: a number, a text, a tuple; hashable."""


class Language(ABC):
    """A formal language, read one symbol at a time, left to right.

    A subclass names its `alphabet` and `classes` and says where reading starts, how a symbol
    changes the state, which states end a string of the language and which class is the target
    there. Labels, membership, exact counts and uniform sampling by length follow from these four. A
    subclass overrides `count` where it knows a closed form (needed where the number of states grows
    with the length) and `draw` where the strings of a length should not all be equally likely.

    A state from which no string of the language can be completed must not be reached: `step`
    returns None instead. What can be read is then always the prefix of a string of the language.
    """

    name: str
    """Name in the config; assigned as a literal, because the registry reads the source text."""
    title: str
    """Name in tables and figures; it may hold parameters in braces: "Dyck-({kinds}, {depth})".
    It may be missing, as may `latex`, the title for LaTeX where it differs. Neither is inherited.
    """
    alphabet: tuple[str, ...]
    """The symbols, one character each; the index of a symbol is its token."""
    classes: tuple[str, ...]
    """What a position may be labelled with, readable; labels are indices into it."""
    start: State
    """State before the first symbol."""
    distribution: str = "all strings of a length are equally likely"
    """How `draw` chooses among the strings of one length, for the dataset card."""
    period: int | None = None
    """If given: for each length there are as many strings of `period` symbols more, or more; and
    there are none of any length above `SHORT` if there are none of it less multiples of `period`.
    """

    @abstractmethod
    def step(self, state: State, symbol: str) -> State | None:
        """State after reading `symbol` in `state`; None if no string of the language goes on so."""

    @abstractmethod
    def accepts(self, state: State) -> bool:
        """Whether what was read is a string of the language."""

    @abstractmethod
    def target(self, state: State) -> int:
        """Index of the class of the prefix that led to `state`, or `NO_TARGET`."""

    def check(self) -> None:
        """ValueError unless alphabet, classes and start are what they must be."""
        own = type(self).__name__
        alphabet = getattr(self, "alphabet", None)
        single = isinstance(alphabet, tuple) and all(
            isinstance(symbol, str) and len(symbol) == 1 for symbol in alphabet
        )
        if not single or not alphabet or len({*alphabet}) < len(alphabet):
            raise ValueError(
                f"{own}.alphabet must be a tuple of symbols, each one character and given once, "
                f"got {shown(alphabet)}"
            )
        if not isinstance(getattr(self, "classes", None), tuple) or not self.classes:
            got = getattr(self, "classes", None)
            raise ValueError(
                f"{own}.classes must be a tuple of names, one or more, got {shown(got)}"
            )
        if not isinstance(getattr(self, "start", None), Hashable):
            raise ValueError(
                f"{own}.start must be hashable, as all states: a number, a text or a tuple, not a "
                f"list or a set, got {shown(self.start)}"
            )

    # Reading strings

    def read(self, string: str) -> list[State]:
        """States after each symbol of `string`.

        ValueError, with position (from 0) and symbol, for what is not a prefix of the language.
        """
        states = []
        state = self.start
        for position, symbol in enumerate(string):
            following = self.step(state, symbol) if symbol in self.alphabet else None
            if following is None:
                raise ValueError(self.unreadable(string, position))
            state = following
            states.append(state)
        return states

    def label(self, string: str) -> list[int]:
        """Index into `classes` for each position of `string`; depends on the prefix ending there.

        ValueError, with position (from 0) and symbol, for what is not a prefix of the language.
        """
        return [self.class_of(state) for state in self.read(string)]

    def class_of(self, state: State) -> int:
        """The target of a state; ValueError if there is no such class."""
        target = self.target(state)
        whole = isinstance(target, int | np.integer)
        if whole and (0 <= target < len(self.classes) or target == NO_TARGET):
            return target
        raise ValueError(
            f"{type(self).__name__}.target must be an index into classes, 0 to "
            f"{len(self.classes) - 1}, or NO_TARGET, got {target!r} for the state {state!r}"
        )

    def contains(self, string: str) -> bool:
        """Whether `string` is in the language."""
        try:
            states = self.read(string)
        except ValueError:
            return False
        return self.accepts(states[-1] if states else self.start)

    def unreadable(self, string: str, position: int) -> str:
        """Why `string`, readable before `position`, is not a prefix of the language."""
        symbol = string[position]
        if symbol not in self.alphabet:
            reason = f"is not in the alphabet {' '.join(self.alphabet)}"
        else:
            read = string[max(0, position - 20) : position]
            read = ("…" if position > 20 else "") + read
            reason = f"cannot follow {read!r}" if read else "cannot come first"
        return f"not a prefix of {self.name}: symbol {symbol!r} at position {position} {reason}"

    def encode(self, string: str) -> np.ndarray:
        """Tokens of `string`, uint8 [length]: the index of each symbol in the alphabet."""
        codes = np.frombuffer(string.encode("utf-32-le"), dtype="<u4")
        known, tokens = self._codes
        slots = np.searchsorted(known, codes).clip(max=len(known) - 1)
        foreign = np.flatnonzero(known[slots] != codes)
        if foreign.size:
            raise ValueError(self.unreadable(string, int(foreign[0])))
        return tokens[slots]

    def decode(self, tokens: Iterable[int]) -> str:
        """The string that `tokens` stand for."""
        return "".join([self.alphabet[token] for token in tokens])

    def targets(self, tokens: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Labels of many strings at once: what `label` gives, faster.

        Args:
            tokens: uint8 [N], the strings one after another.
            offsets: int64 [n + 1], string i is tokens[offsets[i]:offsets[i + 1]].

        Returns:
            int16 [N]. ValueError as for `label`.
        """
        labels: list[int] = []
        for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            labels += self._labeller.labels(tokens[begin:end])
        return np.array(labels, dtype=np.int16)

    # Counting

    def count(self, length: int) -> int:
        """Number of strings of exactly `length` symbols."""
        return self.completions(self.start, length)

    def count_capped(self, length: int) -> int:
        """Number of strings of exactly `length` symbols, MANY (2⁴⁰) if there are more.

        Whether a config asks for too many strings needs no number of thousands of digits.
        """
        if self.period is not None and length > SHORT:
            shorter = SHORT - (SHORT - length) % self.period
            if not 0 < (number := self.count(shorter)) < MANY:
                return min(number, MANY)
        return min(self.count(length), MANY)

    def check_length(self, length: int) -> None:  # noqa: B027 - most languages have no limit
        """ValueError if it takes too much time or memory to draw strings of up to `length`."""

    def completions(self, state: State, length: int) -> int:
        """Number of ways to complete a string from `state` with exactly `length` more symbols."""
        counted = self._counted
        if (state, length) not in counted:
            layers, size = [{state}], len(counted)
            while layers[-1] and len(layers) <= length:
                left = length - len(layers)
                size += len(layers[-1])
                if size > MOST_COUNTED:
                    raise ValueError(
                        f"states × lengths must be at most {MOST_COUNTED}, {self.name} has more "
                        f"for strings of {length} symbols"
                    )
                layers.append(
                    {s for at in layers[-1] for s in self._next(at) if (s, left) not in counted}
                )
            for depth in range(len(layers) - 1, -1, -1):
                left = length - depth
                for at in layers[depth]:
                    if left == 0:
                        counted[at, left] = int(self.accepts(at))
                    else:
                        counted[at, left] = sum(counted[s, left - 1] for s in self._next(at))
        return counted[state, length]

    def lengths(self, min_length: int, max_length: int) -> list[int]:
        """Lengths in the window (both ends included) that hold a string, ascending; maybe none."""
        check_window(min_length, max_length)
        return [n for n in range(min_length, max_length + 1) if self.count_capped(n) > 0]

    def strings(self, length: int) -> Iterator[str]:
        """All strings of `length`, in the order of the alphabet."""
        return (self.unrank(length, rank) for rank in range(self.count(length)))

    def unrank(self, length: int, rank: int) -> str:
        """String number `rank` (from 0) among those of `length`, in the order of the alphabet."""
        total = self.count(length)
        if not 0 <= rank < total:
            raise ValueError(f"rank: {self.name} has {total} strings of {length}, got rank {rank}")
        symbols = []
        state = self.start
        for left in range(length - 1, -1, -1):
            for symbol in self.alphabet:
                following = self.step(state, symbol)
                if following is None:
                    continue
                completions = self.completions(following, left)
                if rank < completions:
                    break
                rank -= completions
            symbols.append(symbol)
            state = following
        return "".join(symbols)

    # Sampling

    def sample(
        self, rng: np.random.Generator, count: int, min_length: int, max_length: int
    ) -> list[str]:
        """Draw `count` strings of `min_length` to `max_length` symbols, in random order.

        The possible lengths of the window get equal numbers of strings, up to one; strings of one
        length are independent draws (see `distribution`), so a string may occur more than once.
        ValueError for a window that holds no string of the language.
        """
        if count < 0:
            raise ValueError(f"count: a number of strings is at least 0, got {count}")
        lengths = self.lengths(min_length, max_length)
        if not lengths:
            self.no_strings(min_length, max_length)
        share, extra = divmod(count, len(lengths))
        lucky = set(rng.choice(len(lengths), size=extra, replace=False).tolist())
        strings: list[str] = []
        for i, length in enumerate(lengths):
            strings += self.draw(rng, length, share + (i in lucky))
        return [strings[i] for i in rng.permutation(count)]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        """Draw `count` independent strings of exactly `length` symbols, a possible length."""
        return self.draw_uniform(rng, length, count)

    def draw_uniform(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        """Like `draw`, every string of that length equally likely."""
        total = self.count(length)
        if total == 0:
            self.no_strings(length, length)
        return [self.unrank(length, _below(rng, total)) for _ in range(count)]

    def no_strings(self, min_length: int, max_length: int) -> NoReturn:
        """Raise the ValueError for a window without strings; it names the nearest with some."""
        reach = 64
        near = self.lengths(max(1, min_length - reach), max_length + reach)
        nearest = [n for n in near if n < min_length][-1:] + [n for n in near if n > max_length][:1]
        hint = f"; nearest possible: {' and '.join(map(str, nearest))}"
        if not nearest:
            hint = f", nor any that is up to {reach} symbols shorter or longer"
        raise ValueError(
            f"a window must hold strings of the language, {self.name} has none of {min_length} to "
            f"{max_length} symbols{hint}"
        )

    # Caches

    @cached_property
    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Code points of the alphabet, ascending, and their tokens."""
        codes = np.array([ord(symbol) for symbol in self.alphabet], dtype=np.uint32)
        order = np.argsort(codes)
        return codes[order], order.astype(np.uint8)

    @cached_property
    def _labeller(self) -> Labeller:
        return Labeller(self)

    @cached_property
    def _counted(self) -> dict[tuple, int]:
        return {}

    def _next(self, state: State) -> list[State]:
        steps = (self.step(state, symbol) for symbol in self.alphabet)
        return [following for following in steps if following is not None]


def _below(rng: np.random.Generator, bound: int) -> int:
    """A uniform integer in [0, bound), of any size."""
    bits = (bound - 1).bit_length()
    size = (bits + 7) // 8
    while True:
        value = int.from_bytes(rng.bytes(size), "little") >> (8 * size - bits)
        if value < bound:
            return value
