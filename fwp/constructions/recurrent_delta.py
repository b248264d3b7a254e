"""Recurrent Delta: any finite automaton, because its output is fed back into its values."""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import STEEP, Construction, require
from fwp.constructions.machine import machine_of
from fwp.constructions.normed import Layout
from fwp.constructions.plain import padded
from fwp.constructions.units import units_of
from fwp.languages.base import Language

SHARP = 4 * STEEP  # softmax of it and zeros is one-hot in float64


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """The memory holds one value, which every symbol replaces: y_t = v_t = W x_t + R tanh(y_{t-1}).

    Key and query are the same one-hot vector for all symbols, and β = 1. So tanh(y) is an Elman
    net, and the signs of y are its units.
    """
    require("feedback", options, "tanh")
    require("feedback_v", options, True)
    require("rule", options, "delta")
    units = units_of(machine_of(language), len(language.classes))
    size, symbols = units.w.shape
    layout = Layout(symbols, size, len(language.classes), size)
    hidden = layout.hidden
    first = np.zeros((hidden, symbols))
    first[0] = SHARP
    values = padded(units.w + units.b[:, None], hidden, symbols)
    rates = np.full((1, symbols), 2 * STEEP)
    fed = [bool(options[f"feedback_{part}"]) for part in "qkv"]
    feedback = np.zeros((sum(fed), 1, hidden, hidden))
    feedback[-1, 0] = padded(units.r.T, hidden, hidden)
    shown = np.pad(units.classes, ((0, 0), (0, 1)))
    weights = {
        "embedding.weight": layout.embedding(),
        "blocks.0.mixer.qkv_beta.weight": layout.by_symbol(
            np.concatenate([first, first, values, rates])
        ),
        "blocks.0.mixer.r_qkv": feedback,
        "blocks.0.mixer.out.weight": layout.written(np.eye(size, hidden)),
        **layout.decided(0, shown),
    }
    how = "Values replace each other under one key, and see the last one: an Elman net."
    return Construction("recurrent_delta", {**options, "heads": 1}, hidden, 1, 2, weights, how)
