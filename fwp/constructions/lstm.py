"""LSTM: any finite automaton, and counters, which its cell holds without a bound."""

from collections.abc import Mapping
from math import atanh, tanh

import numpy as np

from fwp.constructions.construction import STEEP, Construction, NoConstructionError, require_width
from fwp.constructions.counters import Counted, counted
from fwp.constructions.plain import automaton_units, one_hot, padded
from fwp.constructions.plain import counted as readout
from fwp.languages.base import Language

ONE = tanh(1)  # what an open gate shows of a cell that is 1
OPEN = 2 * STEEP


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """An automaton if the language has one, else counters."""
    try:
        units, hidden = automaton_units(language)
    except NoConstructionError:
        return _counting(counted(language), language, options)
    weights = {
        "embedding.weight": one_hot(language, hidden),
        **_threshold(0, hidden, units.w, units.r / ONE, units.b),
        **readout(units, hidden, ONE),
    }
    how = "Gates i = o = 1 and f = 0 leave an Elman net: one unit per state and symbol."
    return Construction("lstm", options, hidden, 1, 2, weights, how)


def _threshold(
    layer: int, hidden: int, w: np.ndarray, r: np.ndarray, b: np.ndarray
) -> dict[str, np.ndarray]:
    """A layer without memory but R: h = tanh(tanh(W x + R h + b)), so ± tanh(1)."""
    w_x, w_h, biases = _closed(hidden)
    w_x[2], w_h[2], biases[2] = (
        padded(w, hidden, hidden),
        padded(r, hidden, hidden),
        padded(b, hidden),
    )
    return _named(layer, w_x, w_h, biases)


def _closed(hidden: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W, R and b with i = o = 1, f = 0 and g = 0; the gates are i, f, g, o."""
    biases = np.zeros((4, hidden))
    biases[[0, 3]], biases[1] = OPEN, -OPEN
    return np.zeros((4, hidden, hidden)), np.zeros((4, hidden, hidden)), biases


def _named(layer: int, w_x: np.ndarray, w_h: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    place = f"blocks.{layer}.mixer"
    return {f"{place}.w_x": w_x, f"{place}.w_h": w_h, f"{place}.b": b}


def _counting(own: Counted, language: Language, options: Mapping[str, object]) -> Construction:
    """Three layers: counters and the last symbol; which counters are above 0; both together."""
    symbols, n, cases = len(own.alphabet), own.counters, list(own.cases)
    hidden = max(symbols + n, len(cases))
    require_width(hidden)
    step = 1 / own.largest

    # The cells of the first units are ±1 by the last symbol, those of the next ones count.
    w_x, w_h, b = _closed(hidden)
    for token in range(symbols):
        w_x[2, token, token], b[2, token] = OPEN, -STEEP
    for i in range(n):
        unit = symbols + i
        b[1, unit] = OPEN
        for token, move in enumerate(own.steps(i)):
            w_x[2, unit, token] = (
                STEEP * np.sign(move) if abs(move) == own.largest else (atanh(move * step))
            )
            w_x[1, unit, token] = -2 * OPEN * own.clears[token]

    # tanh(counter · step) against the middle between the two counts next to the limit.
    below, above = (tanh((own.limit + i) * step) for i in (0, 1))
    slopes = np.array([STEEP / ONE] * symbols + [2 * STEEP / (above - below)] * n)
    middles = np.array([0.0] * symbols + [(above + below) / 2] * n)

    # A case is met if all that it names are as it says.
    w, counts = np.zeros((len(cases), symbols + n)), np.zeros(len(cases))
    for row, (token, mask) in enumerate(cases):
        if token is not None:
            w[row, token] = 1
        w[row, symbols:] = [1 if is_above else -1 for is_above in mask]
        counts[row] = np.abs(w[row]).sum()
    shown = np.zeros((own.classes, hidden))
    for row, case in enumerate(cases):
        shown[own.cases[case], row] = 1
    weights = {
        "embedding.weight": one_hot(language, hidden),
        **_named(0, w_x, w_h, b),
        **_threshold(1, hidden, np.diag(slopes), np.zeros((1, 1)), -slopes * middles),
        **_threshold(2, hidden, STEEP * w / ONE, np.zeros((1, 1)), STEEP * (1 - counts)),
        "readout.weight": shown / (2 * ONE),
        "readout.bias": shown.sum(1) / 2,
    }
    how = "Cells with f = i = 1 count; two more layers compare them with 0 and add the symbol."
    return Construction("lstm", options, hidden, 3, 2, weights, how)
