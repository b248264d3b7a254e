"""The dataset card: what the sets of a dataset hold, how they were drawn, and what to mind."""

from itertools import pairwise

import numpy as np

from fwp import languages
from fwp.datasets.dataset import Dataset, Split
from fwp.datasets.sampling import FEW


def describe(dataset: Dataset) -> dict:
    """Measure a dataset, from its strings alone where possible; the result is ready for JSON.

    Returns:
        task, language, params, seed, hash, alphabet, classes; one_string_per_length; distribution
        (of strings, given the length) and notes, plain sentences; splits: name of the set -> bin,
        asked (strings asked for), strings, distinct, duplicates, symbols, targets (positions that
        have one), min_length, max_length, lengths (how many different ones), possible_lengths (how
        many in the window hold strings), missing_lengths (those of them without a string in the
        set), classes (share of targets), overlap (other set -> how many strings of this set are in
        it).
    """
    language = languages.get(dataset.language, **dataset.params)
    contents = {name: _contents(split) for name, split in dataset.splits.items()}
    validation = {s for split in dataset.validation for s in contents[split.name]}
    others = {"train": set(contents["train"]), "validation": validation}
    compared = {"train": [], "validation": ["train"], "test": ["train", "validation"]}

    splits = {}
    most = 0  # strings of one length
    for name, split in dataset.splits.items():
        strings, kind = contents[name], name.split()[0]
        possible = language.lengths(*split.window)
        most = max(most, *(language.count_capped(length) for length in possible))
        present = set(split.lengths.tolist())
        positions = np.bincount(split.targets[split.targets >= 0], minlength=len(dataset.classes))
        distinct = len(set(strings))
        splits[name] = {
            "bin": split.bin,
            "asked": dataset.spec.get(kind, {}).get("count"),
            "strings": len(split),
            "distinct": distinct,
            "duplicates": len(split) - distinct,
            "symbols": len(split.tokens),
            "targets": int(positions.sum()),
            "min_length": split.min_length,
            "max_length": split.max_length,
            "lengths": len(present),
            "possible_lengths": len(possible),
            "missing_lengths": [length for length in possible if length not in present],
            "classes": {
                label: round(number / max(1, int(positions.sum())), 6)
                for label, number in zip(dataset.classes, positions.tolist(), strict=True)
            },
            "overlap": {
                other: sum(string in others[other] for string in strings)
                for other in compared[kind]
            },
        }
    return {
        "task": dataset.task,
        "language": dataset.language,
        "params": dataset.params,
        "seed": dataset.spec.get("seed"),
        "hash": dataset.hash,
        "alphabet": list(dataset.alphabet),
        "classes": list(dataset.classes),
        "one_string_per_length": most == 1,
        "distribution": language.distribution,
        "notes": [*filter(None, [dataset.warning]), *_notes(splits, one=most == 1)],
        "splits": splits,
    }


def _contents(split: Split) -> list[bytes]:
    """The strings of a set as bytes, to compare them by."""
    data = split.tokens.tobytes()
    return [data[begin:end] for begin, end in pairwise(split.offsets.tolist())]


def _notes(splits: dict[str, dict], *, one: bool) -> list[str]:
    """What a reader of the results should know, in plain sentences."""
    train = splits["train"]
    if train["duplicates"]:
        number = "one string" if one else f"at most {FEW} strings"
        notes = [
            f"The language has {number} per length, so the sets overlap: training repeats the "
            f"{train['distinct']} strings of its window, and validation and test strings of "
            "training lengths are training strings. Only longer strings are new to a model."
        ]
    else:
        notes = [
            "No set contains a string twice. No test string is a training or validation string, "
            "and no validation string is a training string.",
            "A hash of the string decides which set may contain it. Where sets compete for the "
            "strings of a length, test gets a quarter, validation another, and training the rest.",
        ]
    fewer = [
        f"{name} ({split['strings']} of {split['asked']})"
        for name, split in splits.items()
        if split["asked"] is not None and split["strings"] < split["asked"]
    ]
    if fewer:
        notes.append(f"Fewer strings than asked for, since no more exist: {', '.join(fewer)}.")
    if train["targets"] < train["symbols"]:
        share = round(100 * train["targets"] / train["symbols"])
        notes.append(
            f"Only some positions have a target: {share} % of those in the training strings. Loss "
            "and accuracies count only these."
        )
    for name, split in splits.items():
        if missing := split["missing_lengths"]:
            scarce = split["asked"] is None or split["asked"] >= split["possible_lengths"]
            why = (
                "there are too few"
                if scarce
                else "fewer strings were asked for than there are lengths"
            )
            notes.append(f"{name} has no string of length {_listed(missing)}: {why}.")
    return notes


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown}, … ({len(numbers)} lengths in all)"
