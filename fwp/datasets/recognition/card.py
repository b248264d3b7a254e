"""The card of a dataset of recognition: what its halves hold, how they were drawn, what to mind."""

from typing import Any

from fwp.datasets.dataset import Dataset
from fwp.datasets.files.card import example, measured
from fwp.datasets.recognition.task import PAIRS, language_of

OUTSIDE = {
    "edits": (
        "The others are random strings, and strings of the language with random edits: one or "
        "more insertions, replacements and deletions."
    ),
    "balanced": "The others are drawn uniformly from all strings of a length outside the language.",
}


def describe_recognition(dataset: Dataset) -> dict:
    """Measure a dataset of recognition; the keys are those of `fwp.datasets.card.describe`.

    A further key is `example`: a string as symbols, and its labels.
    """
    language = language_of(dataset.params)
    splits = measured(dataset)
    for name, split in splits.items():
        split["asked"] = dataset.spec[name.split()[0]]["count"]
    return {
        "task": dataset.task,
        "language": dataset.language,
        "params": dataset.params,
        "seed": dataset.spec["seed"],
        "hash": dataset.hash,
        "alphabet": list(dataset.alphabet),
        "classes": list(dataset.classes),
        "one_string_per_length": False,
        "distribution": f"of the strings of the language: {language.distribution}",
        "example": example(dataset),
        "notes": _notes(dataset, splits),
        "splits": splits,
    }


def _notes(dataset: Dataset, splits: dict[str, dict[str, Any]]) -> list[str]:
    """What a reader of the results should know, in plain sentences."""
    name, way = dataset.params["language"], dataset.params["strings"]
    notes = [
        f"Half of the strings of each set are in the language {name}. {OUTSIDE[way]}",
        "The only target is the class of the whole string, at its last symbol. A model that always "
        "gives the same answer is right for half of the strings.",
    ]
    shared = [
        f"{number:,} of {set} in {other}"
        for set, split in splits.items()
        for other, number in split["overlap"].items()
        if number
    ]
    if shared:
        notes.append(
            "There are so few strings per length, in the language or outside, that sets share "
            f"some: {'; '.join(shared)}. Training repeats the strings of its window."
        )
    else:
        notes.append(
            "No set contains a string twice. No test string is a training or validation string, "
            "and no validation string is a training string. A hash of the string decides which "
            "set may contain it."
        )
    if any(set.endswith(f" {PAIRS}") for set in splits):
        notes.append(
            f"Test bins called {PAIRS} hold pairs: a string of the language, and one outside that "
            "an insertion, a replacement or a deletion makes of it."
        )
    fewer = [
        f"{set} ({split['strings']} of {split['asked']})"
        for set, split in splits.items()
        if split["strings"] < split["asked"]
    ]
    if fewer:
        notes.append(
            "Fewer strings than asked for, since no more exist or were found of one half: "
            f"{', '.join(fewer)}."
        )
    return notes
