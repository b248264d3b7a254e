"""Flip-flop with undo: a stack of bits behind the instructions of a memory of one bit."""

from typing import NamedTuple

import numpy as np

from fwp.languages._checks import shown
from fwp.languages.base import NO_TARGET, Language


class Memory(NamedTuple):
    """What was written and not undone, the last bit at the end; what the last symbol was."""

    bits: str
    last: str


class UndoFlipFlop(Language):
    """Instructions w (write) and i (ignore) with a bit, u (undo) and r (read).

    Zhou 2026. Undo takes back the last write that is not taken back yet; the first one stays. The
    first instruction is w, the last r. The target at r is the last bit that stays; other positions
    have none. State: these bits, and the last symbol.

    Args:
        ignore: probability of i.
        undo: probability of u where it is possible, otherwise of a further w; w has the same.
            What is left is r.
    """

    name = "undo_flip_flop"
    title = "Undo flip-flop"
    alphabet = ("w", "r", "i", "u", "0", "1")
    classes = ("0", "1")
    start = Memory("", "")
    period = 1

    def __init__(self, *, ignore: float = 0.8, undo: float = 0.05):
        for key, value in (("ignore", ignore), ("undo", undo)):
            if type(value) not in (int, float) or not 0 <= value < 1:
                raise ValueError(f"{key}: must be a probability below 1, got {shown(value)}")
        if ignore + 2 * undo >= 1:
            raise ValueError(
                f"undo: twice this and ignore must be less than 1 in sum, got {undo} and {ignore}"
            )
        self.ignore, self.undo = ignore, undo
        self.distribution = (
            f"after the first w, i with probability {ignore}, w and u with {undo} each, else r; no "
            "u where nothing can be undone, but w; r last; bits equally likely"
        )
        self._ways: list[list[int]] = []

    def step(self, state: Memory, symbol: str) -> Memory | None:
        bits, last = state
        if last in ("w", "i"):
            if symbol not in "01":
                return None
            return Memory(bits + symbol if last == "w" else bits, symbol)
        if symbol in "01" or (not bits and symbol != "w") or (symbol == "u" and len(bits) < 2):
            return None
        return Memory(bits[:-1] if symbol == "u" else bits, symbol)

    def accepts(self, state: Memory) -> bool:
        return state.last == "r"

    def target(self, state: Memory) -> int:
        return int(state.bits[-1]) if state.last == "r" else NO_TARGET

    def completions(self, state: Memory, length: int) -> int:
        if length == 0:
            return int(self.accepts(state))
        if state.last == "":
            return 2 * self._after(1, length - 2)
        if state.last in ("w", "i"):
            return 2 * self._after(len(state.bits) + (state.last == "w"), length - 1)
        return self._after(len(state.bits), length)

    def _after(self, depth: int, length: int) -> int:
        """Ways to go on for `length` symbols, the last of them r, when `depth` bits are there."""
        if length < 1:
            return 0
        ways = self._ways
        if len(ways) <= length or len(ways[length]) <= depth:
            ways = self._ways = _counted(depth + 2 * length)
        return ways[length][depth]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length) for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        numbers = rng.random(length).tolist()
        bits = map(str, rng.integers(2, size=length).tolist())
        symbols, depth = ["w", next(bits)], 1
        while (left := length - 1 - len(symbols)) > 0:
            symbol = self._instruction(numbers[left], left > 1, depth > 1)
            symbols += [symbol, next(bits)] if symbol in "wi" else [symbol]
            depth += (symbol == "w") - (symbol == "u")
        return "".join([*symbols, "r"])

    def _instruction(self, number: float, room: bool, undoable: bool) -> str:
        """The next instruction, by a uniform number; r or u if there is room for one symbol."""
        read = 1 - self.ignore - 2 * self.undo
        if not room:
            return "u" if undoable and number * (read + self.undo) < self.undo else "r"
        if number < self.ignore:
            return "i"
        if number < self.ignore + read:
            return "r"
        return "u" if undoable and number < self.ignore + read + self.undo else "w"


def _counted(reach: int) -> list[list[int]]:
    """Ways to go on, by the number of symbols and by depth; the two are at most `reach` in sum."""
    ways: list[list[int]] = [[]]
    for n in range(1, reach):
        row = [0]
        for d in range(1, reach - n + 1):
            by_bit = 2 * (ways[n - 2][d] + ways[n - 2][d + 1]) if n > 2 else 0
            by_one = ways[n - 1][d] + (ways[n - 1][d - 1] if d > 1 else 0) if n > 1 else 1
            row.append(by_bit + by_one)
        ways.append(row)
    return ways
