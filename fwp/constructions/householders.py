"""What the constructions of DeltaProduct and Gated DeltaNet share: bits in series.

These mixers divide what they read by its root mean square, head by head. So a memory of one number
shows its sign alone. What a wire was before comes through the short convolution.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from fwp.constructions.bits import Weights, chosen
from fwp.constructions.construction import STEEP, NoConstructionError
from fwp.constructions.wires import ONE, Name, Stack

SHARP = 200.0
OPEN = 2 * STEEP
SHOWN = 2 / (1 + np.exp(-2))  # silu(2), what the output gate lets through


class SignMemory:
    """One key and one value of the first of heads of two units.

    Args:
        steps: number of steps of the delta rule per symbol; the first is used.
        doubled: whether β is in [0, 2].
        gated: whether there is a decay; it is 1.
        conv_size: width of the short convolution.
    """

    first: ClassVar[dict[str, float]] = {"one": 1.0, "age": -2.0}
    before: ClassVar[dict[str, float]] = {"past": 1.0, "now": 0.0}

    def __init__(self, *, steps: int, doubled: bool, gated: bool, conv_size: int):
        if conv_size < 2:
            raise NoConstructionError("needs conv_size: 2 or more, to see the symbol before")
        self.steps, self.doubled, self.gated, self.taps = steps, doubled, gated, conv_size

    def past(self, stack: Stack, block: int, source: Name, to: Name) -> Weights:
        """The value of the symbol before, through the convolution."""
        beta = {ONE: 0.0 if self.doubled else OPEN}
        return self._weights(stack, block, {source: 2.0}, beta, to, delay=1)

    def bit(self, stack: Stack, block: int, cases: Mapping[Name, str], to: Name) -> Weights:
        """The number by β: 0 keeps it, 1 replaces it, 2 flips its sign."""
        if not self.doubled and "flip" in cases.values():
            raise NoConstructionError("needs allow_neg_eigval: true, to flip a bit")
        usual = 0.0 if self.doubled else OPEN
        beta = {n: {"keep": -OPEN, "flip": OPEN}.get(move, usual) for n, move in cases.items()}
        value = {n: float((move == "set") - (move == "clear")) for n, move in cases.items()}
        return self._weights(stack, block, chosen(value), chosen(beta), to, delay=0)

    def _weights(
        self,
        stack: Stack,
        block: int,
        value: Mapping[Name, float],
        beta: Mapping[Name, float],
        to: Name,
        *,
        delay: int,
    ) -> Weights:
        hidden, n = stack.hidden, self.steps
        heads = hidden // 2
        qkv = np.zeros((1 + 2 * n, hidden, hidden))
        qkv[:2, 0], qkv[:2, 1] = stack.form({ONE: SHARP}), stack.form({ONE: -SHARP})
        qkv[1 + n, 0] = stack.form(value)
        taps = np.zeros((self.taps, 1 + 2 * n, hidden))
        taps[0, : 1 + n] = taps[delay, 1 + n :] = 1
        rates = np.zeros((n + self.gated, heads, hidden))
        rates[:n] = stack.form({ONE: -OPEN})
        rates[0, 0] = stack.form(beta)
        gate, out = np.zeros((hidden, hidden)), np.zeros((hidden, hidden))
        gate[0] = stack.form({ONE: 2.0})
        out[:, 0] = stack.writes(to) / (SHOWN * np.sqrt(2))
        place = f"blocks.{block}.mixer"
        found = {
            f"{place}.qkv.weight": qkv.reshape(-1, hidden),
            f"{place}.conv.weight": taps.reshape(self.taps, -1),
            f"{place}.rates.weight": rates.reshape(-1, hidden),
            f"{place}.output_gate.weight": gate,
            f"{place}.out.weight": out,
        }
        if self.gated:
            found[f"{place}.decay.bias"] = np.full((heads, 1), -OPEN)
        return found
