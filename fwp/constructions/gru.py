"""GRU: any finite automaton. Its state is in (-1, 1), so that it holds no counter."""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import STEEP, Construction
from fwp.constructions.plain import automaton_units, counted, one_hot, padded
from fwp.languages.base import Language


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """With z = 0 and r = 1, the new state is tanh(W x + R h + b): that of an Elman net."""
    units, hidden = automaton_units(language)
    nothing = np.zeros((hidden, hidden))
    fixed = 2 * STEEP * np.ones(hidden)
    weights = {
        "embedding.weight": one_hot(language, hidden),
        "blocks.0.mixer.w_x": np.stack([nothing, nothing, padded(units.w, hidden, hidden)]),
        "blocks.0.mixer.w_h": np.stack([nothing, nothing, padded(units.r, hidden, hidden)]),
        "blocks.0.mixer.b": np.stack([fixed, -fixed, padded(units.b, hidden), 0 * fixed]),
        **counted(units, hidden),
    }
    how = "Gates r = 1 and z = 0 leave an Elman net: one unit per state and symbol."
    return Construction("gru", options, hidden, 1, 2, weights, how)
