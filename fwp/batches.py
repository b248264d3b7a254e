"""From strings of unequal length to padded batches."""

from collections.abc import Iterator

import numpy as np

from fwp.datasets import Split

IGNORE = -100  # the target of a padding position; cross-entropy leaves it out
# A shuffled epoch is cut into pools of this many batches and sorted by length within each: strings
# of similar length share a batch, so that little of it is padding, and batches still differ from
# epoch to epoch.
POOL = 16


def pad(split: Split, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (uint8) and targets (int16) of the strings `chosen`, [strings, longest of them].

    Padding stands on the right, where no causal model sees it: symbol 0 with the target `IGNORE`.
    """
    lengths = split.lengths[chosen]
    steps = np.arange(lengths.max())
    inside = steps < lengths[:, None]
    where = (split.offsets[chosen][:, None] + steps)[inside]
    tokens = np.zeros(inside.shape, dtype=np.uint8)
    targets = np.full(inside.shape, IGNORE, dtype=np.int16)
    tokens[inside], targets[inside] = split.tokens[where], split.targets[where]
    return tokens, targets


def shuffled(split: Split, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """One epoch in random order: index arrays of `batch_size` strings of similar length.

    The last strings that do not fill a batch form a smaller one, so that every string is seen once.
    """
    order = rng.permutation(len(split))
    pool = POOL * batch_size
    batches = []
    for begin in range(0, len(order), pool):
        part = order[begin : begin + pool]
        part = part[np.argsort(split.lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]
