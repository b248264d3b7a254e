"""Any finite automaton in a net of threshold units (Minsky 1967), one per state and symbol.

The unit (q, a) is on after a symbol a that leads to q. What was on before, (p, b), and the symbol
decide it: it is on if p goes to q by a. With activations 0 and 1 this is a threshold,

    u_(q,a) = [ Σ_(p,b) [δ(p, a) = q] u_(p,b) + [the symbol is a] ≥ 3/2 ]

Squashed units are 1 and -1 instead, and 0 before the first symbol. One more unit is 1 from the
first symbol on: half of its sum with another is that unit's activation, and none of it marks the
start. Symbols that do the same in every state share their units.
"""

from dataclasses import dataclass

import numpy as np

from fwp.constructions.construction import STEEP, require_width
from fwp.constructions.machine import DEAD, Machine


@dataclass(frozen=True)
class Units:
    """A net h_t = tanh(W x_t + R h_{t-1} + b) for one-hot x, whose last unit marks the start.

    Attributes:
        w: W [units, symbols].
        r: R [units, units].
        b: b [units].
        classes: which class the units but the last stand for, [classes, units - 1], 0 or 1.
    """

    w: np.ndarray
    r: np.ndarray
    b: np.ndarray
    classes: np.ndarray


def units_of(machine: Machine, classes: int) -> Units:
    """The net of a machine.

    Raises:
        NoConstructionError: it would be too wide.
    """
    columns = machine.columns
    pairs = [
        (to, c) for c, column in enumerate(columns) for to in dict.fromkeys(column) if to != DEAD
    ]
    size = len(pairs) + 1
    require_width(size)
    leads = np.array([[columns[c][p] == to for p, _ in pairs] for to, c in pairs], float)
    first = np.array([columns[c][0] == to for to, c in pairs], float)
    read = np.array([[own == c for own in machine.column_of] for _, c in pairs], float)
    r, w, b = np.zeros((size, size)), np.zeros((size, read.shape[1])), np.ones(size)
    r[:-1, :-1] = leads / 2
    r[:-1, -1] = leads.sum(1) / 2 - first
    w[:-1] = read
    b[:-1] = first - 1.5
    own = [machine.targets[to] for to, _ in pairs]
    shown = np.array([[target == c for target in own] for c in range(classes)], float)
    return Units(STEEP * w, STEEP * r, STEEP * b, shown)
