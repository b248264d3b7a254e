"""DeltaNet: automata of bits in series; with β in [0, 2] a bit can be flipped, with [0, 1] not."""

from collections.abc import Mapping
from math import log
from typing import ClassVar

import numpy as np

from fwp.constructions.bits import Weights, chosen, in_series
from fwp.constructions.construction import STEEP, Construction, NoConstructionError, require
from fwp.constructions.wires import ONE, Name, Stack
from fwp.languages.base import Language

SHARP = 200.0
KEPT = 0.25  # share of a value that is kept where a wire is averaged
MARGIN = KEPT * (1 - 2 * KEPT)  # what that share is at least


class _Memory:
    """One key and one value of the first head: s ← s + β (v - s), with β = 0, 1 or 2."""

    def __init__(self, options: Mapping[str, object]):
        self.doubled = bool(options["allow_neg_eigval"])
        self.soft = options["feature_map"] == "elu"

    # s ← ¼ s + ¾ of a wire: ¾ of a 1 at first, then at least 15/16; and what is left of the past.
    first: ClassVar[dict[str, float]] = {"one": 9.0, "age": -32 / 3}
    before: ClassVar[dict[str, float]] = {"past": 1 / MARGIN, "now": (KEPT - 1) / MARGIN}

    def past(self, stack: Stack, block: int, source: Name, to: Name) -> Weights:
        rate = (1 - KEPT) / (2 if self.doubled else 1)
        beta = log(rate / (1 - rate))
        return self._weights(stack, block, {source: 1.0}, {ONE: beta}, to)

    def bit(self, stack: Stack, block: int, cases: Mapping[Name, str], to: Name) -> Weights:
        if not self.doubled and "flip" in cases.values():
            raise NoConstructionError("needs allow_neg_eigval: true, to flip a bit")
        # What is written in excess of all false cases: one case is true.
        forces = {"keep": -1.0, "flip": 1.0}
        usual = 0.0 if self.doubled else 1.0
        beta = {name: 2 * STEEP * forces.get(move, usual) for name, move in cases.items()}
        value = {name: float((move == "set") - (move == "clear")) for name, move in cases.items()}
        return self._weights(stack, block, chosen(value), chosen(beta), to)

    def _weights(
        self,
        stack: Stack,
        block: int,
        value: Mapping[Name, float],
        beta: Mapping[Name, float],
        to: Name,
    ) -> Weights:
        hidden = stack.hidden
        address = np.zeros((hidden, hidden))
        address[0] = stack.form({ONE: 0.0 if self.soft else SHARP})
        address[1] = stack.form({ONE: -SHARP})
        values = np.zeros((hidden, hidden))
        values[0] = stack.form(value)
        out = np.zeros((hidden, hidden))
        out[:, 0] = stack.writes(to)
        place = f"blocks.{block}.mixer"
        rates = np.zeros((hidden // 2, hidden))
        rates[0] = stack.form(beta)
        return {
            f"{place}.qkv_beta.weight": np.concatenate([address, address, values, rates]),
            f"{place}.out.weight": out,
        }


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """A block per bit: β = 0 keeps it, β = 1 replaces it, β = 2 with the value 0 flips its sign."""
    require("feature_map", options, "silu_l2", "elu_sum", "elu", "softmax")
    require("normaliser", options, "none")
    require("rate", options, "learnt")
    require("conv_size", options, 0)
    require("output_norm", options, False)
    stack, weights = in_series(language, _Memory(options))
    how = "Each bit of the state is a value: β = 0 keeps it, β = 1 sets it, β = 2 flips its sign."
    own = {**options, "heads": stack.hidden // 2}  # of which the first is used: small ones are fast
    return Construction("deltanet", own, stack.hidden, len(stack.blocks), 2, weights, how)
