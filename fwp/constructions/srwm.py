"""SRWM: any finite automaton, because the matrix says which of its rows it copies into which."""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import STEEP, Construction, NoConstructionError, require_width
from fwp.constructions.machine import DEAD, machine_of
from fwp.constructions.normed import Layout
from fwp.languages.base import Language

SHARP = 4 * STEEP  # softmax of it and zeros is one-hot in float64


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """One row of the matrix is the state; a symbol replaces it by the row of the next state.

    A symbol is the sum of the unit vector of that row and of one for what the symbol does. So
    outputs, queries and keys are sums of the two rows. The key is the row of the state. Each state
    p adds to the query for all rows (p, a), and each symbol a for those of that symbol. Softmax
    takes the only row that gets both, which holds what the state is after p and a. With β = 1 it is
    copied as it is. Outputs that get both are above 0.
    """
    if not {"y", "q"} <= set(str(options["updated"])):
        raise NoConstructionError(f"needs updated: y and q among them, got {options['updated']}")
    machine = machine_of(language)
    columns = machine.columns
    pairs = [
        (p, a) for a, column in enumerate(columns) for p, to in enumerate(column) if to != DEAD
    ]
    kept = 1 + len(columns)  # the rows of the state and of the symbols come first
    classes = len(language.classes)
    require_width(kept + len(pairs))
    layout = Layout(0, len(pairs), classes, kept + len(pairs))
    hidden = layout.hidden
    outputs, queries = np.zeros((hidden, hidden)), np.zeros((hidden, hidden))

    def describe(row: int, matches: list[bool], less: float = 0.0) -> None:
        outputs[row, : len(pairs)] = np.array(matches, float) - less
        queries[row, kept : kept + len(pairs)] = SHARP * np.array(matches, float)

    describe(0, [p == 0 for p, _ in pairs])
    for a in range(len(columns)):
        describe(1 + a, [own == a for _, own in pairs], 1.5)
    for i, (p, a) in enumerate(pairs):
        describe(kept + i, [own == columns[a][p] for own, _ in pairs])
    keys, rates = np.zeros((hidden, hidden)), np.zeros((hidden, 4))
    keys[1:kept, 0], rates[1:kept] = SHARP, 2 * STEEP
    embedding = np.zeros((len(language.alphabet), hidden))
    embedding[:, 0] = 1
    for symbol, a in enumerate(machine.column_of):
        embedding[symbol, 1 + a] = 1
    after = [machine.targets[columns[a][p]] for p, a in pairs]
    shown = np.array([[target == c for target in after] for c in range(classes)], float)
    weights = {
        "embedding.weight": embedding,
        "blocks.0.mixer.w_y": outputs[None],
        "blocks.0.mixer.w_q": queries[None],
        "blocks.0.mixer.w_k": keys[None],
        "blocks.0.mixer.w_beta": rates[None, :, : 4 if options["rates"] == "each" else 1],
        "blocks.0.mixer.out.weight": layout.written(np.eye(len(pairs), hidden)),
        "blocks.0.mixer_norm.weight": np.zeros(hidden),  # the symbol is in the outputs already
        **layout.decided(0, shown),
    }
    how = "A row is the state; queries find the row of the next state, which is copied into it."
    return Construction("srwm", {**options, "heads": 1}, hidden, 1, 2, weights, how)
