"""Flip-flop: one bit of memory, to be kept through any number of distractions."""

import numpy as np

from fwp.languages._checks import shown
from fwp.languages.base import NO_TARGET, Language


class FlipFlop(Language):
    """Instructions w (write), i (ignore) and r (read), each with a bit; r shows what was written.

    Liu, Ash, Goel, Krishnamurthy and Zhang 2023. The first instruction is w, the last r; the bit
    after r is the one that was written last, and the target at r; other positions have none. State:
    (memory, instruction whose bit is due; "." once the bit of an r was read, "" after the others).

    Args:
        ignore: probability of i; w and r share the rest.
    """

    name = "flip_flop"
    title = "Flip-flop"
    alphabet = ("w", "r", "i", "0", "1")
    classes = ("0", "1")
    start = ("", "")
    period = 2

    def __init__(self, *, ignore: float = 0.8):
        if type(ignore) not in (int, float) or not 0 <= ignore < 1:
            raise ValueError(f"ignore: must be a probability below 1, got {shown(ignore)}")
        self.ignore = ignore
        self.distribution = (
            f"between the first w and the last r, i with probability {ignore}, else w or r; bits "
            "equally likely"
        )

    def step(self, state: tuple[str, str], symbol: str) -> tuple[str, str] | None:
        memory, due = state
        if due in ("w", "r", "i"):
            if symbol not in "01" or (due == "r" and symbol != memory):
                return None
            return (symbol if due == "w" else memory, "." if due == "r" else "")
        if symbol in "01" or (not memory and symbol != "w"):
            return None
        return (memory, symbol)

    def accepts(self, state: tuple[str, str]) -> bool:
        return state[1] == "."

    def target(self, state: tuple[str, str]) -> int:
        memory, due = state
        return int(memory) if due == "r" else NO_TARGET

    def count(self, length: int) -> int:
        return 0 if length % 2 or length < 4 else 2 * 5 ** (length // 2 - 2)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length // 2) for _ in range(count)]

    def _one(self, rng: np.random.Generator, instructions: int) -> str:
        numbers = rng.random(instructions)
        numbers[0], numbers[-1] = self.ignore, 1.0
        bits = rng.integers(2, size=instructions).tolist()
        symbols, memory = [], ""
        for number, bit in zip(numbers.tolist(), map(str, bits), strict=True):
            if number < self.ignore:
                symbols += ["i", bit]
            elif number < (1 + self.ignore) / 2:
                memory = bit
                symbols += ["w", bit]
            else:
                symbols += ["r", memory]
        return "".join(symbols)
