"""Curriculum: training on the beginnings of strings first.

Where every symbol acts on all that came before, as in a word problem, the label of the third symbol
has to be understood before that of the hundredth can be. Until then, long strings are noise that
takes time: a DeltaProduct learns S4 in 1 200 steps from strings of up to 4 elements, in 3 000, six
times as long, from strings of up to 16.
"""

from fwp.training.batches import PaddedSplit


def shortened(strings: PaddedSplit, epoch: int, *, epochs: int, share: float) -> PaddedSplit:
    """What an epoch shows of the strings.

    How many symbols that may be grows by an equal factor from epoch to epoch, from the shortest
    string's length to the longest's, and is there when `share` of the epochs are over.

    Args:
        strings: what is trained on.
        epoch: the first is 1.
        epochs: the budget.
        share: 0 for no curriculum, 1 for one that lasts to the end.
    """
    if epoch - 1 >= share * epochs:
        return strings
    shortest, longest = int(strings.lengths.min()), int(strings.lengths.max())
    return strings.cut(round(shortest * (longest / shortest) ** ((epoch - 1) / (share * epochs))))
