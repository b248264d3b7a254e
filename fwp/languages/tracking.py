"""State tracking: what a machine shows that reads any string over its inputs."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import shown
from fwp.languages.base import NO_TARGET, Language, State

ASK = "="


class Asked(NamedTuple):
    """The state after the question that ends a string."""

    state: State


class Tracking(Language):
    """A machine without dead ends: a subclass names its inputs and classes and says how it moves.

    All strings of a length are equally likely: the inputs are independent.

    Args:
        labels: "every": the target is what the machine shows after each input; "last": a string
            ends with the symbol =, and that position alone has a target.
    """

    inputs: tuple[str, ...]
    initial: State
    distribution = "independent symbols, all equally likely"
    period = 1

    def __init__(self, labels: str = "every"):
        check_labels(labels)
        self.asks = labels == "last"
        self.alphabet = (*self.inputs, ASK) if self.asks else tuple(self.inputs)
        self.start = self.initial

    @abstractmethod
    def move(self, state: State, symbol: str) -> State:
        """State after an input."""

    @abstractmethod
    def show(self, state: State) -> int:
        """Index of the class that the machine shows in `state`."""

    def step(self, state: State, symbol: str) -> State | None:
        if isinstance(state, Asked):
            return None
        return Asked(state) if symbol == ASK else self.move(state, symbol)

    def accepts(self, state: State) -> bool:
        return isinstance(state, Asked) or not self.asks

    def target(self, state: State) -> int:
        if not self.asks:
            return self.show(state)
        return self.show(state.state) if isinstance(state, Asked) else NO_TARGET

    def completions(self, state: State, length: int) -> int:
        if isinstance(state, Asked):
            return int(length == 0)
        inputs = length - self.asks
        return len(self.inputs) ** inputs if inputs >= 0 else 0

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        end = ASK * self.asks
        return [string + end for string in independent(rng, self.inputs, length - len(end), count)]


def check_labels(labels: str) -> None:
    """ValueError unless `labels` is "every" or "last"."""
    if labels not in ("every", "last"):
        raise ValueError(f"labels: must be one of every, last, got {shown(labels)}")


def independent(
    rng: np.random.Generator, symbols: tuple[str, ...], length: int, count: int
) -> list[str]:
    """`count` strings of independent symbols, all equally likely."""
    codes = np.array([ord(symbol) for symbol in symbols], dtype="<u4")
    rows = codes[rng.integers(len(symbols), size=(count, length))]
    return [row.tobytes().decode("utf-32-le") for row in rows]
