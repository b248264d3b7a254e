"""Linear Transformer: counters, because its memory is a sum, which nothing clears or flips."""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import Construction, NoConstructionError, require
from fwp.constructions.counters import counted
from fwp.constructions.wires import ONE, Name, Stack
from fwp.languages.base import Language

SIZE = 2.0**24
"""Of the wires: powers of two, so that all steps of a counter are exact."""
SHARE = 2.0**-16
"""Of a counter's unit in the size: counts of some ten thousand leave the norm as it is."""


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """The first block counts, and compares the counters; the second adds the last symbol.

    A value is the step of a counter, a key is the same for all symbols. Norms divide by a power of
    two. So all sums are exact, in float32 up to 2²⁴.
    """
    require("feature_map", options, "elu", "relu")
    require("normaliser", options, "none")
    own = counted(language)
    if any(own.clears):
        raise NoConstructionError("needs a memory that can be cleared, and a sum cannot")
    symbols = range(len(own.alphabet))
    stack = Stack({("symbol", i): [2 * (i == j) - 1 for j in symbols] for i in symbols}, SIZE)
    stack.block()
    for i in range(own.counters):
        stack.add(("count", i))
    for i in range(own.counters):
        stack.sign(("above", i), {("count", i): 1 / SHARE, ONE: -(own.limit + 0.5)})
    stack.block()
    targets: dict[Name, int] = {}
    for number, ((token, mask), target) in enumerate(own.cases.items()):
        literals = {("above", i): value for i, value in enumerate(mask)}
        if token is not None:
            literals["symbol", token] = True
        stack.meet(("case", number), literals)
        targets["case", number] = target
    hidden = stack.hidden
    values, out = np.zeros((hidden, hidden)), np.zeros((hidden, hidden))
    for i in range(own.counters):
        steps: dict[Name, float] = {
            ("symbol", token): step / 2 for token, step in enumerate(own.steps(i))
        }
        values[2 * i] = stack.form({**steps, ONE: sum(steps.values())})
        out[:, 2 * i] = SHARE * SIZE / 2 * stack.writes(("count", i))
    keys = np.zeros((hidden, hidden))
    if options["feature_map"] == "relu":
        keys[:] = stack.form({ONE: 1.0})
    readout = np.zeros((own.classes, hidden))
    for name, target in targets.items():
        readout[target] += stack.form({name: 0.5, ONE: 0.5}) / SIZE
    weights = {
        **stack.weights(),
        "blocks.0.mixer.qkv.weight": np.concatenate([keys, keys, values]),
        "blocks.0.mixer.out.weight": out,
        "readout.weight": readout,
    }
    how = "The memory sums the steps of counters; feed-forward parts compare them with 0."
    heads = {**options, "heads": hidden // 2}
    return Construction("linear_transformer", heads, hidden, 2, 2, weights, how)
