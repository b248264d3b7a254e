"""A text as tokens, for training, validation and test, and the file that holds it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fwp.datasets.dataset import REMEDY, DatasetError
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text import archive
from fwp.datasets.text.archive import canonical

FORMAT = "fwp-text-1"


@dataclass(frozen=True)
class TextSplit:
    """A part of a text.

    Attributes:
        name: train, validation or test.
        tokens: one after another, uint8, uint16 or int32 [N].
        words: words of its text, which white space divides; a line end counts as one.
        ideal: nats of each token for who knows the source and all tokens before it, float32 [N];
            None where the source is unknown.
    """

    name: str
    tokens: np.ndarray
    words: int
    ideal: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class TextDataset:
    """A text in parts.

    Attributes:
        task: name in the config.
        params: settings of the task.
        alphabet: how each token is shown.
        sizes: bytes of the text that each token stands for, int64 [tokens of the vocabulary].
        tokenizer: `fwp.datasets.text.tokenizer` as text; "" for a text that was drawn.
        splits: parts by name.
        spec: what the text was built from.
    """

    task: str
    params: dict
    alphabet: tuple[str, ...]
    sizes: np.ndarray
    tokenizer: str
    splits: dict[str, TextSplit]
    spec: dict = field(default_factory=dict)

    language = "text"

    @property
    def classes(self) -> tuple[str, ...]:
        """What is predicted: a token."""
        return self.alphabet

    @property
    def warning(self) -> str | None:
        """What to know before training, in one sentence; nothing."""
        return None

    def bytes_of(self, split: TextSplit) -> int:
        """Bytes of text in a part."""
        counts = np.bincount(split.tokens, minlength=len(self.sizes))
        return int(counts @ self.sizes)

    @cached_property
    def hash(self) -> str:
        """SHA-256, in hexadecimal, of tokens and vocabulary, whatever the task is called."""
        digest = hashlib.sha256(canonical([self.alphabet, self.sizes.tolist(), self.tokenizer]))
        for name, split in self.splits.items():
            digest.update(canonical([name, len(split), split.words, split.ideal is None]))
            digest.update(split.tokens.astype("<i4").tobytes())
            if split.ideal is not None:
                digest.update(split.ideal.astype("<f4").tobytes())
        return digest.hexdigest()


def token_type(vocabulary: int) -> type[np.integer]:
    """The smallest type that holds tokens of a vocabulary."""
    if vocabulary <= 2**8:
        return np.uint8
    return np.uint16 if vocabulary <= 2**16 else np.int32


def save_text(dataset: TextDataset, path: str | Path) -> None:
    """Write a text as a NumPy archive (.npz): equal texts give equal files."""
    header = {
        "format": FORMAT,
        "hash": dataset.hash,
        "task": dataset.task,
        "params": dataset.params,
        "alphabet": dataset.alphabet,
        "tokenizer": dataset.tokenizer,
        "splits": [[s.name, s.words] for s in dataset.splits.values()],
        "spec": dataset.spec,
    }
    arrays = {"sizes": dataset.sizes}
    kind = token_type(len(dataset.alphabet))
    for i, split in enumerate(dataset.splits.values()):
        arrays[f"{i}.tokens"] = split.tokens.astype(kind)
        if split.ideal is not None:
            arrays[f"{i}.ideal"] = split.ideal.astype("<f4")
    archive.write(path, header, arrays)


def load_text(
    path: str | Path,
    task: TaskSettings | None = None,
    *,
    spec: DatasetSpec | None = None,
    kinds: Sequence[str] = (),
) -> TextDataset:
    """Read a text that `save_text` wrote; arguments as those of `load_dataset`.

    Raises:
        DatasetError: the file is missing, damaged, no text, or of another one.
    """
    path = Path(path)
    try:
        header, arrays = archive.read(path)
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
        splits = {
            name: TextSplit(name, arrays[f"{i}.tokens"], words, arrays.get(f"{i}.ideal"))
            for i, (name, words) in enumerate(header["splits"])
        }
        parts: dict[str, Any] = {key: header[key] for key in ("task", "params", "tokenizer")}
        dataset = TextDataset(
            **parts,
            alphabet=tuple(header["alphabet"]),
            sizes=arrays["sizes"],
            splits=splits,
            spec=header["spec"],
        )
        if dataset.hash != header["hash"]:
            raise ValueError("its contents do not match the hash written with them")
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such text file") from None
    except Exception as error:  # zip, zlib, NumPy, JSON and lookups fail each in their own way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"{path}: not a text, or a damaged one ({reason}); {REMEDY}") from error
    archive.require(path, dataset, "text", task=task, spec=spec, kinds=kinds)
    return dataset
