"""The dataset card of a translation: how many pairs there are, how long, and what was left out."""

from collections.abc import Iterator

import numpy as np

from fwp.datasets.text.pair_dataset import PairDataset, PairSplit


def describe_pairs(dataset: PairDataset) -> dict:
    """Measure pairs; the result is ready for JSON.

    Returns:
        task, language ("translation"), params, hash; vocabulary, tokens, separator and end among
        them; left_out, pairs in no part by reason; splits: name -> pairs, tokens (of sources and
        targets), source and target, each with mean and longest in tokens, and overlap, how many of
        its pairs have a source of which training pairs have a translation.
    """
    known = {source.tobytes() for source in _sources(dataset.splits.get("train"))}
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
                "overlap": 0
                if name == "train"
                else sum(source.tobytes() in known for source in _sources(split)),
            }
            for name, split in dataset.splits.items()
        },
    }


def _sources(split: PairSplit | None) -> Iterator[np.ndarray]:
    return (split.source(i) for i in range(len(split))) if split is not None else iter(())


def _lengths(tokens: np.ndarray) -> dict:
    return {"mean": round(float(tokens.mean()), 2), "longest": int(tokens.max())}
