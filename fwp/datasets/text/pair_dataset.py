"""Pairs of sentences as tokens, and the file that holds them.

A pair is one string: the source, a separator, the target. At the separator and at every token of
the target the model is asked for what follows, at the last token for the end. Nothing is asked for
within the source.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from fwp.datasets.dataset import REMEDY, DatasetError
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text import archive
from fwp.datasets.text.archive import canonical
from fwp.utils.targets import NO_TARGET

FORMAT = "fwp-pairs-1"
SPECIAL = ("<separator>", "<end>")
"""Tokens that follow those of the text."""


@dataclass(frozen=True)
class PairSplit:
    """Pairs for training, validation or test.

    Attributes:
        name: train, validation or test.
        tokens: source, separator and target of all pairs, one after another, int32 [N].
        offsets: pair i lies at offsets[i]:offsets[i + 1], int64 [n + 1].
        sources: tokens of each source, int64 [n].
        texts: source and target of each pair as they were read; empty except for the test.
    """

    name: str
    tokens: np.ndarray
    offsets: np.ndarray
    sources: np.ndarray
    texts: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each pair, the separator among them, int64 [n]."""
        return np.diff(self.offsets)

    @property
    def targets(self) -> np.ndarray:
        """What follows each token of `tokens`, and NO_TARGET within a source, int32 [N]."""
        return self._targets

    @cached_property
    def _targets(self) -> np.ndarray:
        after = np.roll(self.tokens, -1)
        separators = self.offsets[:-1] + self.sources
        # All separators are the same token, and the end is the token behind it.
        after[self.offsets[1:] - 1] = self.tokens[separators] + 1
        place = np.arange(len(self.tokens)) - np.repeat(self.offsets[:-1], self.lengths)
        return np.where(place < np.repeat(self.sources, self.lengths), NO_TARGET, after)

    def source(self, i: int) -> np.ndarray:
        """The tokens of a source."""
        begin = self.offsets[i]
        return self.tokens[begin : begin + self.sources[i]]


@dataclass(frozen=True)
class PairDataset:
    """Pairs in parts.

    Attributes:
        task: name in the config.
        params: settings of the task.
        alphabet: how each token is shown; separator and end are the last two.
        tokenizer: `fwp.datasets.text.tokenizer` as text.
        splits: parts by name.
        left_out: how many pairs are in no part, by reason.
        spec: what the pairs were read from.
    """

    task: str
    params: dict
    alphabet: tuple[str, ...]
    tokenizer: str
    splits: dict[str, PairSplit]
    left_out: dict[str, int] = field(default_factory=dict)
    spec: dict = field(default_factory=dict)

    language = "translation"

    @property
    def classes(self) -> tuple[str, ...]:
        """What is predicted: a token."""
        return self.alphabet

    @property
    def separator(self) -> int:
        """The token between source and target."""
        return len(self.alphabet) - 2

    @property
    def end(self) -> int:
        """The token after a target."""
        return len(self.alphabet) - 1

    @property
    def warning(self) -> str | None:
        """What to know before training, in one sentence; nothing."""
        return None

    @cached_property
    def hash(self) -> str:
        """SHA-256, in hexadecimal, of tokens and vocabulary, whatever the task is called."""
        digest = hashlib.sha256(canonical([self.alphabet, self.tokenizer]))
        for name, split in self.splits.items():
            digest.update(canonical([name, len(split), split.texts]))
            for array in (split.tokens, split.offsets, split.sources):
                digest.update(array.astype("<i8").tobytes())
        return digest.hexdigest()


def save_pairs(dataset: PairDataset, path: str | Path) -> None:
    """Write pairs as a NumPy archive (.npz): equal pairs give equal files."""
    header = {
        "format": FORMAT,
        "hash": dataset.hash,
        "task": dataset.task,
        "params": dataset.params,
        "alphabet": dataset.alphabet,
        "tokenizer": dataset.tokenizer,
        "splits": [[split.name, split.texts] for split in dataset.splits.values()],
        "left_out": dataset.left_out,
        "spec": dataset.spec,
    }
    arrays = {}
    for i, split in enumerate(dataset.splits.values()):
        arrays[f"{i}.tokens"] = split.tokens.astype("<i4")
        arrays[f"{i}.offsets"] = split.offsets.astype("<i8")
        arrays[f"{i}.sources"] = split.sources.astype("<i8")
    archive.write(path, header, arrays)


def load_pairs(
    path: str | Path,
    task: TaskSettings | None = None,
    *,
    spec: DatasetSpec | None = None,
    kinds: Sequence[str] = (),
) -> PairDataset:
    """Read pairs that `save_pairs` wrote; arguments as those of `load_dataset`.

    Raises:
        DatasetError: the file is missing, damaged, holds no pairs, or those of another task.
    """
    path = Path(path)
    try:
        header, arrays = archive.read(path)
        if (found := header.pop("format")) != FORMAT:
            raise ValueError(f"its format is {found!r}, not {FORMAT!r}")
        stored = header.pop("hash")
        splits = {
            name: PairSplit(
                name,
                tokens=arrays[f"{i}.tokens"],
                offsets=arrays[f"{i}.offsets"],
                sources=arrays[f"{i}.sources"],
                texts=tuple((source, target) for source, target in texts),
            )
            for i, (name, texts) in enumerate(header.pop("splits"))
        }
        alphabet = tuple(header.pop("alphabet"))
        dataset = PairDataset(**header, alphabet=alphabet, splits=splits)
        if dataset.hash != stored:
            raise ValueError("its contents do not match the hash written with them")
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such file of pairs") from None
    except Exception as error:  # zip, zlib, NumPy, JSON and lookups fail each in their own way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"{path}: no pairs, or damaged ones ({reason}); {REMEDY}") from error
    archive.require(path, dataset, "pairs", task=task, spec=spec, kinds=kinds)
    return dataset
