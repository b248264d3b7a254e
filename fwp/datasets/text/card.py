"""The card of a text, `card.json`: where it is from, its parts, its vocabulary, its hash.

It also says how new the texts for validation and test are: how much of them the training text has
word for word, and how many of their tokens are unknown.
"""

from importlib import metadata
from pathlib import Path

import numpy as np

from fwp.datasets.text import packages
from fwp.datasets.text.corpus import corpus_files
from fwp.datasets.text.dataset import TextDataset, TextSplit
from fwp.datasets.text.overlap import WINDOW, verbatim
from fwp.datasets.text.tokenizer import Tokenizer

MOST_LISTED = 100  # files


def describe_text(dataset: TextDataset) -> dict:
    """What the card of a text says; the dataset has all three parts."""
    params = dataset.params
    tokenizer = Tokenizer.from_json(dataset.tokenizer) if dataset.tokenizer else None
    splits = {name: _part(dataset, split) for name, split in dataset.splits.items()}
    if tokenizer is not None:
        _compare(dataset, tokenizer, splits)
    return {
        "task": dataset.task,
        "kind": "text",
        "source": _source(params),
        "params": params,
        "splits": splits,
        "vocabulary": {
            "tokens": params["tokens"] if tokenizer is not None else "symbols",
            "size": len(dataset.alphabet),
        },
        "hash": dataset.hash,
        "notes": _notes(splits, tokenizer),
    }


def _source(params: dict) -> dict:
    """What was read: files with their bytes, or a package with version and licence."""
    if params["generator"] is not None:
        return {"generator": params["generator"]}
    if params["package"] is None:
        names = corpus_files(params)
        files = [{"path": name, "bytes": Path(name).stat().st_size} for name in names[:MOST_LISTED]]
        return {"files": files, "number": len(names), "licence": "that of the files"}
    package = packages.package(params["package"])
    try:
        version = metadata.version(package.distribution)
    except metadata.PackageNotFoundError:  # a folder that was put onto the path
        version = None
    return {
        "package": package.distribution,
        "version": version,
        "text": package.title,
        "licence": package.licence,
    }


def _part(dataset: TextDataset, split: TextSplit) -> dict:
    size, tokens = dataset.bytes_of(split), len(split)
    part: dict[str, float | None] = {"bytes": size, "words": split.words, "tokens": tokens}
    if dataset.tokenizer:
        part["bytes_per_token"] = round(size / tokens, 4) if tokens else None
    if split.ideal is not None:
        part["entropy"] = float(split.ideal.mean(dtype=np.float64)) if tokens else None
    return part


def _compare(dataset: TextDataset, tokenizer: Tokenizer, splits: dict[str, dict]) -> None:
    """Add what of each part but the first is unknown, and what the training text has, too."""
    others = [name for name in splits if name != "train"]
    texts = {name: tokenizer.decode(split.tokens) for name, split in dataset.splits.items()}
    shares = verbatim(texts["train"], [texts[name] for name in others])
    for name, share in zip(others, shares, strict=True):
        splits[name]["verbatim"] = None if share is None else round(share, 6)
    if tokenizer.unknown is None:
        return
    for name, split in dataset.splits.items():
        if len(split):
            unknown = float((split.tokens == tokenizer.unknown).mean())
            splits[name]["unknown"] = round(unknown, 6)


def _notes(splits: dict[str, dict], tokenizer: Tokenizer | None) -> list[str]:
    """What a reader should know, in sentences."""
    notes = []
    for name, part in splits.items():
        if (part.get("verbatim") or 0) >= 0.2:
            notes.append(
                f"{part['verbatim']:.0%} of the {name} text stands word for word in the training "
                f"text, in windows of {WINDOW} bytes: a low loss may be memory."
            )
        if name != "train" and part.get("unknown", 0) >= 0.01:
            notes.append(f"{part['unknown']:.1%} of the {name} tokens are unknown in training.")
    if tokenizer is not None and tokenizer.tokens == "words":
        notes.append(
            "Bytes are those of the words with a space after each, and of the line ends; other "
            "white space is lost, and an unknown word counts as <unk>."
        )
    return notes
