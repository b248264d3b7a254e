"""The dataset card of a translation: how many pairs there are, how long, and what was left out."""

import numpy as np

from fwp.datasets.text.pair_dataset import PairDataset


def describe_pairs(dataset: PairDataset) -> dict:
    """Measure pairs; the result is ready for JSON.

    Returns:
        task, language ("translation"), params, hash; vocabulary, tokens, separator and end among
        them; left_out, pairs in no part by reason; splits: name -> pairs, tokens (of sources and
        targets), source and target, each with mean and longest in tokens.
    """
    return {
        "task": dataset.task,
        "language": dataset.language,
        "params": dataset.params,
        "hash": dataset.hash,
        "vocabulary": len(dataset.alphabet),
        "left_out": dataset.left_out,
        "splits": {
            name: {
                "pairs": len(split),
                "tokens": int(split.lengths.sum()) - len(split),
                "source": _lengths(split.sources),
                "target": _lengths(split.lengths - split.sources - 1),
            }
            for name, split in dataset.splits.items()
        },
    }


def _lengths(tokens: np.ndarray) -> dict:
    return {"mean": round(float(tokens.mean()), 2), "longest": int(tokens.max())}
