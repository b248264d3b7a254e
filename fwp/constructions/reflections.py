"""Groups in DeltaProduct: every symbol is a product of reflections of the memory.

With β = 2 a step mirrors the memory S at the plane k S = v. The memory begins at 0. So what is
tracked is c (I - P), with P the product of the symbols' matrices: with v = c k, a step takes
c (I - P) to c (I - (I - 2 k⊗k) P). A query reads c (q - q P), which differs for all P. So does its
direction, because all q P have the length of q. The norm of the output leaves the direction.
"""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import STEEP, Construction, NoConstructionError, require
from fwp.constructions.machine import machine_of
from fwp.constructions.normed import Layout
from fwp.constructions.representations import Representation, represented
from fwp.languages.base import Language

HEIGHT = 0.2  # of keys before they are normalised, and c; silu cannot give less than -0.278
OPEN = 2 * STEEP
EPS = 1e-5  # of the norms
SHOWN = 2 / (1 + np.exp(-2))  # silu(2), what the output gate lets through


def by_reflections(language: Language, options: Mapping[str, object]) -> Construction:
    """A model of one block that tracks a group.

    Raises:
        NoConstructionError: the automaton is no group, or has too many reflections per symbol.
    """
    require("allow_neg_eigval", options, True)
    n, taps = int(str(options["householders"])), int(str(options["conv_size"]))
    machine = machine_of(language)
    group = represented(language, machine, n)
    size = len(group.matrices[0])
    symbols, classes = len(language.alphabet), len(language.classes)
    layout = Layout(symbols, 2 * size, classes, len(group.elements))
    hidden = -(-layout.hidden // size) * size
    heads, layout = hidden // size, Layout(symbols, 2 * size, classes, hidden)
    if layout.hidden != hidden:  # an odd one
        hidden += size
        heads, layout = hidden // size, Layout(symbols, 2 * size, classes, hidden)

    query = np.arange(1.0, size + 1) + 0.3 * np.arange(size) ** 2
    query /= np.linalg.norm(query)
    qkv, rates = _steps(group, machine.column_of, query, n, hidden)
    gate = np.zeros((hidden, symbols))
    gate[:size] = 2.0
    weights = {
        "embedding.weight": layout.embedding(),
        "blocks.0.mixer.qkv.weight": layout.by_symbol(qkv.reshape(-1, symbols)),
        "blocks.0.mixer.rates.weight": layout.by_symbol(rates.reshape(-1, symbols)),
        "blocks.0.mixer.output_gate.weight": layout.by_symbol(gate),
        "blocks.0.mixer.out.weight": layout.written(_paired(np.eye(size, hidden))),
        **_told(group, machine.targets, query, layout),
    }
    if taps:
        weights["blocks.0.mixer.conv.weight"] = np.eye(taps, 1) * np.ones(len(qkv) * hidden)
    if options.get("gate"):
        weights["blocks.0.mixer.decay.bias"] = np.full((heads, 1), -OPEN)
        weights["blocks.0.mixer.rates.weight"] = np.concatenate(
            [weights["blocks.0.mixer.rates.weight"], np.zeros((heads, hidden))]
        )
    how = f"Each symbol is a product of at most {group.steps} reflections of the memory."
    return Construction(
        "deltaproduct", {**options, "heads": heads}, hidden, 1, layout.factor, weights, how
    )


def _steps(
    group: Representation, column_of: list[int], query: np.ndarray, n: int, hidden: int
) -> tuple[np.ndarray, np.ndarray]:
    """What q, k and v [1 + 2n, hidden, symbols] and rates [n, heads, symbols] are before SiLU."""
    size, symbols = len(query), len(column_of)
    qkv = np.zeros((1 + 2 * n, hidden, symbols))
    rates = np.full((n, hidden // size, symbols), -OPEN)
    qkv[0, :size] = _before_silu(HEIGHT * query / query.max())[:, None]
    for symbol, column in enumerate(column_of):
        for i, vector in enumerate(group.reflections[column]):
            qkv[1 + i, :size, symbol] = _before_silu(HEIGHT * vector / np.abs(vector).max())
            qkv[1 + n + i, :size, symbol] = _before_silu(HEIGHT * vector)
            rates[i, 0, symbol] = OPEN
    return qkv, rates


def _paired(values: np.ndarray) -> np.ndarray:
    """With their negatives below, so that a norm sees the length alone."""
    return np.concatenate([values, -values])


def _before_silu(values: np.ndarray) -> np.ndarray:
    """The z nearest to 0 with z σ(z) = values ≥ -0.27, by Newton's steps."""
    z = 2 * values
    for _ in range(60):
        s = 1 / (1 + np.exp(-z))
        z = z - (z * s - values) / (s + z * s * (1 - s))
    return z


def _told(
    group: Representation, targets: tuple[int, ...], query: np.ndarray, layout: Layout
) -> dict[str, np.ndarray]:
    """A feed-forward part with a unit per element but the identity, which reads 0."""
    seen = []
    for element in group.elements:
        y = HEIGHT * (query - query @ element)
        y = SHOWN * y / np.sqrt(np.mean(y**2) + EPS)
        x = layout.written(_paired(y[:, None]))[:, 0]
        x[:2] = 1, -1  # as all symbols
        seen.append((y, x / np.sqrt(np.mean(x**2) + EPS)))
    place = slice(layout.result, layout.result + layout.results)
    found = np.array([x[place] for _, x in seen])
    inner = np.zeros((layout.inner, layout.hidden))
    bias = np.zeros(layout.inner)
    outer = np.zeros((layout.hidden, layout.inner))
    readout = np.zeros((layout.classes, layout.hidden))
    readout[:, layout.outcome : layout.outcome + layout.classes] = np.eye(layout.classes)
    usual = np.zeros(layout.classes)
    for number, own in enumerate(found):
        target = targets[group.states[number]]
        if number == 0:
            usual[target] = 0.5
            continue
        others = np.delete(found @ own, number)
        height, highest = own @ own, others.max()
        if height - highest < 1e-3 * height:
            raise NoConstructionError("needs elements of its group that are farther apart")
        slope = 2 / (height - highest)  # 1 at its own element, -1 or less at others
        inner[number, place], bias[number] = slope * own, 1 - slope * height
        outer[layout.outcome + target, number] = 1
    return {
        "blocks.0.feed_forward.inner.weight": inner,
        "blocks.0.feed_forward.inner.bias": bias,
        "blocks.0.feed_forward.outer.weight": outer,
        "readout.weight": readout,
        "readout.bias": usual,
    }
