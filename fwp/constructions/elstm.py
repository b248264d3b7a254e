"""e-LSTM: automata whose states are bits in series. A unit sees no other unit of its layer.

Its cell is between its candidates, in [-1, 1], so that it holds no unbounded counter. A state of
three values cannot turn: a candidate is a monotone function of its own cell.
"""

from collections.abc import Mapping
from math import log

import numpy as np

from fwp.constructions.cascade import Bit, series
from fwp.constructions.construction import STEEP, Construction, require_width
from fwp.constructions.machine import machine_of
from fwp.languages.base import Language

OPEN = 2 * STEEP
KEPT = 0.25  # share of its past that a unit keeps which shows what was before
MARGIN = KEPT * (1 - 2 * KEPT)  # what that share is at least

Wires = dict[tuple[str, int], int]
"""Which units hold what: ("symbol", column), ("now", bit), ("old", bit), ("case", number)."""


class Layer:
    """A layer whose units are added one by one; `seen` are the units of the layer before, ±1."""

    def __init__(self, seen: Wires):
        self.seen = seen
        self.wires: Wires = {}
        self.units: list[tuple[dict[int, float], float, dict[int, float], float, float]] = []

    def unit(
        self,
        name: tuple[str, int],
        z: Mapping[tuple[str, int], float],
        b_z: float,
        b_f: float = -OPEN,
        f: Mapping[tuple[str, int], float] | None = None,
        w_z: float = 0.0,
    ) -> None:
        """Add a unit with inputs and biases of z and f, and its weight for itself."""
        own = [{self.seen[key]: value for key, value in side.items()} for side in (z, f or {})]
        self.wires[name] = len(self.units)
        self.units.append((own[0], b_z, own[1], b_f, w_z))

    def sign(
        self, name: tuple[str, int], inputs: Mapping[tuple[str, int], float], bias: float = 0.0
    ) -> None:
        """A unit without memory: the sign of a sum that is never within ½ of 0."""
        self.unit(name, {key: STEEP * value for key, value in inputs.items()}, STEEP * bias)

    def carry(self, *kinds: str) -> None:
        """Hand on what the layer before holds."""
        for key in self.seen:
            if key[0] in kinds and key not in self.wires:
                self.sign(key, {key: 1})

    def meet(self, name: tuple[str, int], literals: Mapping[tuple[str, int], bool]) -> None:
        """A unit that is 1 where all inputs are as given, else -1."""
        inputs = {key: 1.0 if value else -1.0 for key, value in literals.items()}
        self.sign(name, inputs, 1.0 - len(literals))

    def bit(self, number: int, bit: Bit, cases: Mapping[tuple[str, int], str]) -> None:
        """A bit, ±1, or 0 while it is as at first; exactly one of the cases is 1.

        Half of a case and ½ is 1 or 0. So with half of a weight as the case's, and half as bias, it
        adds the weight where it is met. The candidate flips the bit where nothing else is added.
        """
        f = {key: OPEN * (move == "keep") for key, move in cases.items()}
        force = 3 * STEEP / 2
        z = {key: force * ((move == "set") - (move == "clear")) for key, move in cases.items()}
        start = -STEEP * _signed(bit.start) / 2
        bias = start + sum(z.values())
        self.unit(("now", number), z, bias, -OPEN + sum(f.values()), f, -STEEP)

    def weights(self, place: str, hidden: int) -> dict[str, np.ndarray]:
        """Parameters of the layer."""
        w_x, b_x = np.zeros((2, hidden, hidden)), np.zeros((2, hidden))
        w_z = np.zeros(hidden)
        b_x[1] = -OPEN
        for i, (z, b_z, f, b_f, w) in enumerate(self.units):
            for j, value in z.items():
                w_x[0, i, j] = value
            for j, value in f.items():
                w_x[1, i, j] = value
            b_x[:, i], w_z[i] = (b_z, b_f), w
        return {
            f"{place}.input.weight": w_x.reshape(2 * hidden, hidden),
            f"{place}.input.bias": b_x.reshape(-1),
            f"{place}.w_z": w_z,
            f"{place}.output.bias": np.full(hidden, OPEN),
        }


def _signed(bit: bool) -> int:
    return 1 if bit else -1


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """A layer per bit, and between two of them: what was before, its sign, and conjunctions.

    A cell with f = 1 keeps a bit, with f = 0 and a large input sets it, and with f = 0 and
    w_z < 0 flips it.
    """
    machine = machine_of(language)
    bits, codes = series(machine)
    columns = range(len(machine.columns))
    layers = [Layer({("symbol", c): c for c in columns})]

    def added() -> Layer:
        layers.append(Layer(layers[-1].wires))
        return layers[-1]

    for number, bit in enumerate(bits):
        cases = {("symbol", c): move for (c, _), move in bit.moves.items()}
        if number:
            start = _signed(bits[number - 1].start)
            newest, past = ("now", number - 1), ("kept", number - 1)
            layer = added()
            layer.sign(newest, {newest: 1}, start / 2)
            layer.unit(past, {newest: STEEP}, STEEP * start / 2, log(KEPT / (1 - KEPT)))
            layer.carry("symbol", "now", "old")
            layer = added()
            inputs = {past: 1 / MARGIN, newest: (KEPT - 1) / MARGIN}
            layer.sign(("old", number - 1), inputs, start / 2)
            layer.carry("symbol", "now", "old")
            layer = added()
            cases = {}
            for i, ((c, code), move) in enumerate(bit.moves.items()):
                literals = {("symbol", c): True} | {("old", j): b for j, b in enumerate(code)}
                layer.meet(("case", i), literals)
                cases["case", i] = move
            layer.carry("symbol", "now", "old")
            added()
        layers[-1].bit(number, bit, cases)
        layers[-1].carry("symbol", "now", "old")
    last = len(bits) - 1
    layer = added()
    if bits:
        layer.sign(("now", last), {("now", last): 1}, _signed(bits[last].start) / 2)
    layer.carry("now", "symbol")
    layer = added()
    for code, state in codes.items():
        layer.meet(("state", state), {("now", i): bit for i, bit in enumerate(code)})

    hidden = max(len(language.alphabet), *(len(layer.units) for layer in layers))
    require_width(hidden)
    embedding = -np.ones((len(language.alphabet), hidden))
    for symbol, column in enumerate(machine.column_of):
        embedding[symbol, column] = 1
    weights: dict[str, np.ndarray] = {"embedding.weight": embedding}
    for i, layer in enumerate(layers):
        weights |= layer.weights(f"blocks.{i}.mixer", hidden)
    readout = np.zeros((len(language.classes), hidden))
    for (_, state), unit in layers[-1].wires.items():
        if machine.targets[state] >= 0:
            readout[machine.targets[state], unit] = 0.5
    weights |= {"readout.weight": readout, "readout.bias": readout.sum(1)}
    how = "Each bit of the state is a cell, which gates keep and set, and a negative weight flips."
    return Construction("elstm", options, hidden, len(layers), 2, weights, how)
