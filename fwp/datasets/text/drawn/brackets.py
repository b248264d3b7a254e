"""Text of balanced brackets that are opened and closed at random: Dyck-k with a known entropy."""

from collections.abc import Iterator, Mapping
from math import log

import numpy as np

from fwp.datasets.text.drawn.rules import PLACE, integer, keys, probability

PAIRS = ("()", "[]", "{}", "<>", "«»", "‹›")
PIECE = 1 << 20  # symbols whose random numbers are held at once


class Brackets:
    """A source that opens a bracket with a probability, or else closes the last that is open.

    Where none is open it opens one, and at the greatest depth it closes one. All kinds are equally
    likely. What is open is all that is to be known of the past.

    Args:
        generator: its config; `faults` finds no mistake in it. `pairs` kinds, `open` the
            probability, `max_depth` brackets that are open at most; null for any number.
    """

    def __init__(self, generator: Mapping):
        self._kinds, self._open = generator.get("pairs", 2), float(generator.get("open", 0.4))
        self._depth = generator.get("max_depth")
        self.alphabet = tuple("".join(PAIRS[: self._kinds]))

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """A text of `count` symbols, at first with no bracket open: uint8 [count]."""
        depth = count if self._depth is None else self._depth
        waiting, text = bytearray(), bytearray()  # closing brackets that are due; symbols
        while len(text) < count:
            size = min(PIECE, count - len(text))
            opens = (rng.random(size) < self._open).tolist()
            kinds = rng.integers(self._kinds, size=size).tolist()
            for opened, kind in zip(opens, kinds, strict=True):
                if not waiting or (opened and len(waiting) < depth):
                    text.append(2 * kind)
                    waiting.append(2 * kind + 1)
                else:
                    text.append(waiting.pop())
        return np.frombuffer(bytes(text), dtype=np.uint8)

    def ideal(self, tokens: np.ndarray) -> np.ndarray:
        """Nats of each symbol given all before it: float32 [N]."""
        opens = tokens % 2 == 0
        change = np.where(opens, 1, -1)
        depth = np.cumsum(change) - change  # before each symbol
        kind = log(self._kinds)
        nats = np.where(opens, kind - log(self._open), -log(1 - self._open))
        nats[depth == 0] = kind
        if self._depth is not None:
            nats[depth == self._depth] = 0.0
        return nats.astype(np.float32)

    def entropy(self) -> float:
        """Nats per symbol in the long run."""
        p, kind = self._open, log(self._kinds)
        within = p * (kind - log(p)) - (1 - p) * log(1 - p)
        # Shares of the time at depths 0, 1 to the greatest but one, and the greatest, as multiples
        # of the first: a depth is left upwards as often as it is entered from above.
        if self._depth == 1:
            return kind / 2
        ratio, first = p / (1 - p), 1 / (1 - p)
        if self._depth is None:
            middle, top = first / (1 - ratio), 0.0
        else:
            steps = ratio ** np.arange(self._depth - 1)
            middle, top = first * float(steps.sum()), first * float(steps[-1]) * p
        return (kind + middle * within) / (1 + middle + top)


def faults(generator: Mapping) -> Iterator[str]:
    """A line for each mistake in the config of a source of brackets."""
    yield from keys(generator, (), ("pairs", "open", "max_depth"))
    yield from integer(generator, "pairs", 1, len(PAIRS))
    yield from integer(generator, "max_depth", 1, 10**9)
    wrong = [*probability(generator, "open")]
    yield from wrong
    chance = generator.get("open", 0.4)
    if not wrong and generator.get("max_depth") is None and chance >= 0.5:
        yield (
            f"{PLACE}.open: must be below 0.5 without max_depth, or brackets are never closed, "
            f"got {chance}"
        )
