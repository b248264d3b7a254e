"""The card of strings from files: what was found in them, and what to mind."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fwp.datasets.dataset import Dataset, Split

MUCH = 0.1  # share of a set that training strings may be before it is a warning
RARE = 0.95  # share of the targets of one class, from which on accuracy says little
COMPARED = {"train": [], "validation": ["train"], "test": ["train", "validation"]}
SHOWN = 8  # symbols of the string that is shown, about


def describe_files(dataset: Dataset) -> dict:
    """Measure strings from files; the keys are those of `fwp.datasets.card.describe`, and more.

    Returns:
        Further keys are `found` (format, layout, and the files of each kind of set), `example` (a
        string as symbols, and its labels) and `warnings`, plain sentences that are among the notes.
    """
    splits = measured(dataset)
    found = dataset.spec["found"]
    warned = [*filter(None, [dataset.warning]), *warnings(splits), *_contradictions(dataset)]
    return {
        "task": dataset.task,
        "language": dataset.language,
        "params": dataset.params,
        "seed": dataset.spec.get("seed"),
        "hash": dataset.hash,
        "alphabet": list(dataset.alphabet),
        "classes": list(dataset.classes),
        "one_string_per_length": False,
        "distribution": "as in the files",
        "found": found,
        "example": example(dataset),
        "warnings": warned,
        "notes": [*warned, *_notes(splits, found)],
        "splits": splits,
    }


def measured(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """What the sets hold, from their strings alone: the `splits` of a card."""
    contents = {name: _contents(split) for name, split in dataset.splits.items()}
    validation = {s for split in dataset.validation for s in contents[split.name]}
    others = {"train": set(contents["train"]), "validation": validation}
    splits = {}
    for name, split in dataset.splits.items():
        counts = np.bincount(split.targets[split.targets >= 0], minlength=len(dataset.classes))
        number = max(1, int(counts.sum()))
        distinct = len(set(contents[name]))
        splits[name] = {
            "bin": split.bin,
            "asked": None,
            "strings": len(split),
            "distinct": distinct,
            "duplicates": len(split) - distinct,
            "symbols": len(split.tokens),
            "targets": int(counts.sum()),
            "min_length": split.min_length,
            "max_length": split.max_length,
            "lengths": len(np.unique(split.lengths)),
            "possible_lengths": None,
            "missing_lengths": [],
            "classes": {
                label: round(count / number, 6)
                for label, count in zip(dataset.classes, counts.tolist(), strict=True)
            },
            "overlap": {
                other: sum(string in others[other] for string in contents[name])
                for other in COMPARED[name.split()[0]]
            },
        }
    return splits


def warnings(splits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What may spoil the results: test strings that were trained on, and hardly more than a class.

    Args:
        splits: of a card.
    """
    told = []
    for name, split in splits.items():
        for other, words in (("train", "training"), ("validation", "validation")):
            number = split["overlap"].get(other, 0)
            if number > MUCH * split["strings"]:
                told.append(
                    f"{number:,} of the {split['strings']:,} strings of {name} are {words} "
                    "strings, too: their accuracy may be memory."
                )
        label, share = max(split["classes"].items(), key=lambda item: item[1])
        if RARE <= share < 1 and name != "train":
            told.append(
                f"{share:.1%} of the targets of {name} are {label}: a model that always says so "
                "gets as many positions right."
            )
    return told


def _contradictions(dataset: Dataset) -> list[str]:
    """Training strings that occur with different labels."""
    train = dataset.train
    tokens, targets = train.tokens.tobytes(), train.targets.astype("<i2").tobytes()
    labels: dict[bytes, bytes] = {}
    several = set()
    for begin, end in pairwise(train.offsets.tolist()):
        string, own = tokens[begin:end], targets[2 * begin : 2 * end]
        if labels.setdefault(string, own) != own:
            several.add(string)
    number = len(several)
    if not number:
        return []
    are = "string occurs" if number == 1 else "strings occur"
    return [f"{number:,} training {are} with different labels: no model can get all of them right."]


def _notes(splits: Mapping[str, Mapping[str, Any]], found: Mapping[str, Any]) -> list[str]:
    """What was found in the files, in plain sentences."""
    how = found["layout"]
    per = {
        "position": "a label at each position",
        "string": "one label per string, which is the target at its last position",
    }[how["per"]]
    symbols = {"characters": "each character", "spaces": "each word"}[how["separator"]]
    notes = [f"Read from files, format {found['format']}: {symbols} is a symbol, with {per}."]
    if share := found["validation"].get("holdout"):
        notes.append(
            f"Validation strings are {share:.0%} of the training files, by a hash of the string; "
            "equal strings stay together."
        )
    test = found.get("test", {})
    if "bins" in test:
        notes.append(test["bins"])
    empty = {kind: found[kind]["empty"] for kind in COMPARED if found.get(kind, {}).get("empty")}
    if empty:
        counts = ", ".join(f"{kind} {number:,}" for kind, number in empty.items())
        notes.append(f"Empty strings were left out, as there is nothing to read: {counts}.")
    shared = [
        f"{split['overlap'][other]:,} of {name} in {other}"
        for name, split in splits.items()
        for other in split["overlap"]
        if split["overlap"][other]
    ]
    total = f"Strings that sets share: {'; '.join(shared)}." if shared else (
        "No test string is a training or validation string, and no validation string is a "
        "training string."
    )  # fmt: skip
    notes.append(total)
    twice = [f"{name} {s['duplicates']:,}" for name, s in splits.items() if s["duplicates"]]
    if twice:
        notes.append(f"Strings that occur again within their set: {', '.join(twice)}.")
    if splits["train"]["targets"] < splits["train"]["symbols"] and how["per"] == "position":
        notes.append("Some positions have no label. Loss and accuracies do not count them.")
    return notes


def example(dataset: Dataset) -> dict[str, Sequence[str]]:
    """A training string that is about as long as a line can show."""
    lengths = dataset.train.lengths
    tokens, targets = dataset.train[int(np.argmin(np.abs(lengths - SHOWN)))]
    most = 40
    return {
        "string": [dataset.alphabet[token] for token in tokens[:most].tolist()],
        "labels": [dataset.classes[t] if t >= 0 else "·" for t in targets[:most].tolist()],
    }


def _contents(split: Split) -> list[bytes]:
    """The strings of a set as bytes, to compare them by."""
    data = split.tokens.tobytes()
    return [data[begin:end] for begin, end in pairwise(split.offsets.tolist())]
