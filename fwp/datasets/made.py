"""Strings of a language for use without a config."""

from collections.abc import Sequence

from fwp.datasets.dataset import Dataset
from fwp.datasets.recognition.build import build_recognition
from fwp.datasets.recognition.task import NEGATIVES, PAIRS, recognition
from fwp.datasets.sampling import build_dataset
from fwp.datasets.spec import BinnedStrings, DatasetSpec, TaskSettings, TrainStrings


def make_dataset(
    language: str,
    *,
    strings: str = "language",
    train: tuple[int, int] = (2, 50),
    validation: Sequence[tuple[int, int]] = ((2, 50), (51, 100)),
    test: Sequence[tuple[int, int]] = ((2, 50), (51, 100), (101, 200), (201, 500), (501, 1000)),
    counts: tuple[int, int, int] = (10_000, 500, 1_000),
    pairs: bool = False,
    seed: int = 0,
    **params,
) -> Dataset:
    """A dataset of a language for use without a config.

    Args:
        language: one of `fwp.languages.names()`; further keywords are its parameters.
        strings: which are drawn: those of the language, with a target at every position, or as many
            outside it, with a target at the last position: in the language or not. The others are
            drawn by random edits of its strings (edits), or uniformly (balanced).
        train: shortest and longest training string.
        validation: windows of lengths by which training stops and the best epoch is chosen.
        test: windows of lengths to measure.
        counts: training strings, validation strings per window, test strings per window.
        pairs: whether to measure pairs of strings, too, of which one is in the language, and the
            other is outside and an edit away; not for strings of the language alone.
        seed: decides which strings are drawn.

    Raises:
        ValueError: there is no such language, it has no such strings, or an argument is none of
            those that are allowed.
    """
    ways = ("language", *NEGATIVES)
    if strings not in ways:
        raise ValueError(f"strings: must be one of {', '.join(ways)}, got {strings!r}")
    if pairs and strings == "language":
        raise ValueError(f"pairs: needs strings: {' or '.join(NEGATIVES)}, got {strings!r}")
    spec = DatasetSpec(
        TaskSettings(language, language, params),
        seed,
        TrainStrings(*train, counts[0]),
        BinnedStrings(tuple((low, high) for low, high in validation), counts[1]),
        BinnedStrings(tuple((low, high) for low, high in test), counts[2]),
        {PAIRS: True} if pairs else {},
    )
    if strings == "language":
        return build_dataset(spec)
    from dataclasses import replace

    return build_recognition(replace(spec, task=recognition(spec.task, strings)))
