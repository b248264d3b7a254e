"""Gated DeltaNet: automata of bits in series; with β in [0, 2] a bit can be flipped."""

from collections.abc import Mapping

from fwp.constructions.bits import in_series
from fwp.constructions.construction import Construction
from fwp.constructions.householders import SignMemory
from fwp.languages.base import Language


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """A block per bit: β = 0 keeps it, β = 1 replaces it, β = 2 with the value 0 flips its sign.

    Nothing decays: w = 1, to the last bit of float64.
    """
    memory = SignMemory(
        steps=1,
        doubled=bool(options["allow_neg_eigval"]),
        gated=True,
        conv_size=int(str(options["conv_size"])),
    )
    stack, weights = in_series(language, memory)
    how = "Each bit of the state is a value: β = 0 keeps it, β = 1 sets it, β = 2 flips its sign."
    own = {**options, "heads": stack.hidden // 2}  # the first is used: small heads are fast
    return Construction("gated_deltanet", own, stack.hidden, len(stack.blocks), 2, weights, how)
