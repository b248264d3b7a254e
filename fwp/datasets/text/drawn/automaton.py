"""Text from a probabilistic automaton: a hidden Markov source, filtered exactly."""

from bisect import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate

import numpy as np

from fwp.datasets.text.drawn.rules import MOST_SYMBOLS, PLACE, is_number, keys, shown, total
from fwp.datasets.text.drawn.rules import symbol as as_symbol
from fwp.utils.suggest import suggestion

MOST_STATES = 1000
PIECE = 1 << 20  # symbols whose random numbers are held at once


class Automaton:
    """A source that is in a state, and in every step writes a symbol and moves to a state.

    Args:
        generator: its config; `faults` finds no mistake in it. `states` has for every state rows
            of probability, symbol and next state. `start` is the first of them by default.

    Attributes:
        alphabet: symbols, sorted.
        unifilar: whether state and symbol determine the next state, so that who has read the text
            knows the state.
    """

    def __init__(self, generator: Mapping):
        states = [str(name) for name in generator["states"]]
        rows = [
            [(float(p), str(symbol), states.index(str(to))) for p, symbol, to in row]
            for row in generator["states"].values()
        ]
        self.alphabet = tuple(sorted({symbol for row in rows for _, symbol, _ in row}))
        start = generator.get("start")
        self._start = 0 if start is None else states.index(str(start))
        # Probability to write a symbol and move to a state: [symbols, states, states].
        self._steps = np.zeros((len(self.alphabet), len(states), len(states)))
        for at, row in enumerate(rows):
            whole = sum(p for p, _, _ in row)
            for p, symbol, to in row:
                self._steps[self.alphabet.index(symbol), at, to] += p / whole
        self.unifilar = bool(((self._steps > 0).sum(axis=2) <= 1).all())

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """A text of `count` symbols from the start state: uint8 [count]."""
        limits, symbols, following = [], [], []
        for at in range(self._steps.shape[1]):
            written, to = np.nonzero(self._steps[:, at])
            shares = accumulate(self._steps[written, at, to].tolist())
            limits.append([*shares][:-1])
            symbols.append(written.tolist())
            following.append(to.tolist())
        state, text = self._start, bytearray()
        while len(text) < count:
            for chance in rng.random(min(PIECE, count - len(text))).tolist():
                row = bisect(limits[state], chance)
                text.append(symbols[state][row])
                state = following[state][row]
        return np.frombuffer(bytes(text), dtype=np.uint8)

    def ideal(self, tokens: np.ndarray) -> np.ndarray:
        """Nats of each symbol given all before it, by exact filtering: float32 [N]."""
        if self.unifilar:
            following = self._steps.argmax(axis=2).T.tolist()
            with np.errstate(divide="ignore"):
                nats = (-np.log(self._steps.sum(axis=2)).T).tolist()
            state, costs = self._start, []
            for token in tokens.tolist():
                costs.append(nats[state][token])
                state = following[state][token]
            return np.array(costs, dtype=np.float32)
        # Of the belief about the state, the last column is the sum.
        steps = [*np.concatenate([self._steps, self._steps.sum(axis=2, keepdims=True)], axis=2)]
        belief, chances = np.eye(self._steps.shape[1])[self._start], []
        for token in tokens.tolist():
            joint = belief.dot(steps[token])
            chances.append(joint[-1])
            belief = joint[:-1] / joint[-1]
        return (-np.log(chances)).astype(np.float32)

    def entropy(self) -> float | None:
        """Nats per symbol in the long run; None where no closed form is known."""
        if not self.unifilar:
            return None
        chances = self._steps.sum(axis=2)  # [symbols, states]
        with np.errstate(divide="ignore", invalid="ignore"):
            nats = -np.where(chances > 0, chances * np.log(chances), 0.0).sum(axis=0)
        return float(self.stationary() @ nats)

    def stationary(self) -> np.ndarray:
        """Share of the time that is spent in each state, in the long run: [states]."""
        move = self._steps.sum(axis=0)
        move = (move + np.eye(len(move))) / 2  # of the same shares, and without periods
        for _ in range(60):  # 2⁶⁰ steps
            move = move @ move
            move /= move.sum(axis=1, keepdims=True)
        return move[self._start]


def faults(generator: Mapping) -> Iterator[str]:
    """A line for each mistake in the config of an automaton."""
    yield from keys(generator, ("states",), ("start",))
    states = generator.get("states")
    if states is None:
        return
    if not isinstance(states, Mapping) or not states:
        yield f"{PLACE}.states: must be states with their rows, got {shown(states)}"
        return
    if len(states) > MOST_STATES:
        yield f"{PLACE}.states: must be at most {MOST_STATES}, got {len(states)}"
        return
    states = {str(name): rows for name, rows in states.items()}
    start, found = generator.get("start"), []
    if start is not None and str(start) not in states:
        near = suggestion(start, states)
        found.append(f"{PLACE}.start: must be a state, got {shown(start)}{near}")
    for name, rows in states.items():
        found += _rows(f"{PLACE}.states.{name}", rows, states)
    yield from found
    if not found:
        yield from _unreachable(states, next(iter(states)) if start is None else str(start))
        symbols = {str(symbol) for rows in states.values() for _, symbol, _ in rows}
        if len(symbols) > MOST_SYMBOLS:
            yield f"{PLACE}.states: must have at most {MOST_SYMBOLS} symbols, got {len(symbols)}"


def _rows(place: str, rows: object, states: Mapping) -> Iterator[str]:
    if not isinstance(rows, list) or not rows:
        yield (
            f"{place}: must be a list of [probability, symbol, next state], one or more, so that "
            f"the text never ends, got {shown(rows)}"
        )
        return
    chances = []
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 3:
            yield f"{place}[{number}]: must be [probability, symbol, next state], got {shown(row)}"
            continue
        chance, symbol, to = row
        if not is_number(chance) or not 0 < chance <= 1:
            yield f"{place}[{number}]: a probability is above 0 and at most 1, got {shown(chance)}"
        else:
            chances.append(chance)
        if as_symbol(symbol) is None:
            yield f"{place}[{number}]: a symbol is text or a number, got {shown(symbol)}"
        if str(to) not in states:
            near = suggestion(to, states)
            yield f"{place}[{number}]: the next state must be a state, got {shown(to)}{near}"
    if len(chances) == len(rows):
        yield from total(place, chances)


def _unreachable(states: Mapping, start: str) -> Iterator[str]:
    reached, waiting = {start}, [start]
    while waiting:
        new = {str(to) for _, _, to in states[waiting.pop()]} - reached
        reached |= new
        waiting += new
    for name in states:
        if name not in reached:
            yield f"{PLACE}.states.{name}: cannot be reached from the start, {start}; remove it"
