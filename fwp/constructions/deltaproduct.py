"""DeltaProduct: groups by reflections; automata of bits in series."""

from collections.abc import Mapping

from fwp.constructions.bits import in_series
from fwp.constructions.construction import Construction, NoConstructionError
from fwp.constructions.householders import SignMemory
from fwp.constructions.reflections import by_reflections
from fwp.languages.base import Language


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """Reflections for a group, else a block per bit of a state."""
    try:
        return by_reflections(language, options)
    except NoConstructionError as error:
        reason = error
    try:
        return _in_series(language, options)
    except NoConstructionError as error:
        raise NoConstructionError(f"{reason}; or {error}") from None


def _in_series(language: Language, options: Mapping[str, object]) -> Construction:
    """A block per bit: β = 0 keeps it, β = 1 replaces it, β = 2 with the value 0 flips its sign."""
    memory = SignMemory(
        steps=int(str(options["householders"])),
        doubled=bool(options["allow_neg_eigval"]),
        gated=bool(options["gate"]),
        conv_size=int(str(options["conv_size"])),
    )
    stack, weights = in_series(language, memory)
    how = "Each bit of the state is a value: β = 0 keeps it, β = 1 sets it, β = 2 flips its sign."
    own = {**options, "heads": stack.hidden // 2}  # the first is used: small heads are fast
    return Construction("deltaproduct", own, stack.hidden, len(stack.blocks), 2, weights, how)
