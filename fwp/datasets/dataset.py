"""Datasets: strings with a target at every position, in sets for training, validation and test.

`fwp.datasets.sampling` draws a dataset, `fwp.datasets.card` describes it, `save_dataset` and
`load_dataset` keep it in a file. Training and evaluation depend on this file alone.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.utils.bins import Bin
from fwp.utils.files import atomic

FORMAT = "fwp-dataset-1"
REMEDY = "delete it to draw the strings again"


class DatasetError(ValueError):
    """A dataset file that is missing, damaged or something else; the message is one line."""


@dataclass(frozen=True)
class Split:
    """A set of strings with a target class at every position.

    `tokens` uint8 [N] and `targets` int16 [N] hold the strings one after another; string i lies at
    offsets[i]:offsets[i + 1], `offsets` int64 [n + 1]. A target of -100 means none. `name` is
    "train" or the kind of set and its window, "test 51-100"; `bin` is the window, "51-100".
    """

    name: str
    bin: str
    tokens: np.ndarray
    targets: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= i < len(self):
            raise IndexError(f"{self.name} has strings 0 to {len(self) - 1}, got {i}")
        at = slice(self.offsets[i], self.offsets[i + 1])
        return self.tokens[at], self.targets[at]

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[i] for i in range(len(self)))

    @property
    def window(self) -> Bin:
        """Shortest and longest length that the set may hold."""
        return Bin.parse(self.bin)

    @property
    def lengths(self) -> np.ndarray:
        """Symbols of each string, int64 [n]."""
        return np.diff(self.offsets)

    @property
    def min_length(self) -> int:
        """Length of the shortest string in the set."""
        return int(self.lengths.min())

    @property
    def max_length(self) -> int:
        """Length of the longest string in the set."""
        return int(self.lengths.max())


@dataclass(frozen=True)
class Dataset:
    """All sets of one task: `splits` maps "train", "validation 2-50", …, "test 2-50", … to them.

    `alphabet` and `classes` say what tokens and targets mean; `spec` is what `build` was given.
    """

    task: str
    language: str
    params: dict
    alphabet: tuple[str, ...]
    classes: tuple[str, ...]
    splits: dict[str, Split]
    spec: dict = field(default_factory=dict)

    @property
    def train(self) -> Split:
        """The training strings."""
        return self.splits["train"]

    @property
    def validation(self) -> list[Split]:
        """The validation sets, one per bin."""
        return [split for name, split in self.splits.items() if name.startswith("validation ")]

    @property
    def test(self) -> list[Split]:
        """The test sets, one per bin."""
        return [split for name, split in self.splits.items() if name.startswith("test ")]

    @property
    def warning(self) -> str | None:
        """What to know before training, in one sentence: that all targets are of one class."""
        present = np.unique(self.train.targets[self.train.targets >= 0])
        if len(present) != 1:
            return None
        return (
            f"All training targets are of one class, {self.classes[present.max()]}: there is "
            "nothing to learn, and an accuracy of 100 % says nothing."
        )

    def strings(self, split: Split) -> list[str]:
        """The strings of a set, readable."""
        symbols = [self.alphabet[token] for token in split.tokens.tolist()]
        return ["".join(symbols[begin:end]) for begin, end in pairwise(split.offsets.tolist())]

    @cached_property
    def hash(self) -> str:
        """SHA-256, in hexadecimal, of what the sets hold and mean, whatever the task is called."""
        digest = hashlib.sha256()
        digest.update(_canonical([self.language, self.params, self.alphabet, self.classes]))
        for name, split in self.splits.items():
            digest.update(_canonical([name, split.bin, len(split), len(split.tokens)]))
            digest.update(split.tokens.astype("u1").tobytes())
            digest.update(split.targets.astype("<i2").tobytes())
            digest.update(split.offsets.astype("<i8").tobytes())
        return digest.hexdigest()


def save_dataset(dataset: Dataset, path: str | Path) -> None:
    """Write `dataset` as a NumPy archive (.npz): equal datasets give equal files.

    `np.savez` would do, but leaves the attributes of the archive's members to the system.
    """
    header = {
        "format": FORMAT,
        "hash": dataset.hash,
        "task": dataset.task,
        "language": dataset.language,
        "params": dataset.params,
        "alphabet": dataset.alphabet,
        "classes": dataset.classes,
        "splits": [[split.name, split.bin] for split in dataset.splits.values()],
        "spec": dataset.spec,
    }
    arrays = {"header": np.array(_canonical(header).decode())}
    for i, split in enumerate(dataset.splits.values()):
        arrays[f"{i}.tokens"] = split.tokens.astype("u1")
        arrays[f"{i}.targets"] = split.targets.astype("<i2")
        arrays[f"{i}.offsets"] = split.offsets.astype("<i8")
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system, member.compress_type = 3, zipfile.ZIP_DEFLATED
            archive.writestr(member, buffer.getvalue(), compresslevel=6)


def load_dataset(
    path: str | Path,
    task: TaskSettings | None = None,
    *,
    spec: DatasetSpec | None = None,
    kinds: Sequence[str] = (),
) -> Dataset:
    """Read a dataset written by `save_dataset`.

    Args:
        path: the file.
        task: whose language the strings must be of.
        spec: what the strings must have been drawn from, as a whole.
        kinds: of sets that it must hold: train, validation, test.

    Raises:
        DatasetError: with one line; the file is missing, damaged or not a dataset, its contents do
            not match the hash written with them, or it is of something else than was asked for.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            header, arrays = _read(file)
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, not {FORMAT!r}")
        splits = {
            name: Split(name, window, *arrays[3 * i : 3 * i + 3])
            for i, (name, window) in enumerate(header["splits"])
        }
        dataset = Dataset(
            task=header["task"],
            language=header["language"],
            params=header["params"],
            alphabet=tuple(header["alphabet"]),
            classes=tuple(header["classes"]),
            splits=splits,
            spec=header["spec"],
        )
        if dataset.hash != header["hash"]:
            raise ValueError("its contents do not match the hash written with them")
    except FileNotFoundError:
        raise DatasetError(f"{path}: there is no such dataset file") from None
    except Exception as error:  # zip, zlib, NumPy, JSON and lookups fail each in their own way
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f"{path}: not a dataset, or a damaged one ({reason}); {REMEDY}"
        ) from error
    if task is not None:
        held = _canonical([dataset.language, dataset.params]).decode()
        wanted = _canonical([task.language, dict(task.params)]).decode()
        if held != wanted:
            raise DatasetError(f"{path}: holds strings of {held}, not of {wanted}; {REMEDY}")
    if spec is not None:
        compare_spec(path, dataset.spec, json.loads(_canonical(spec.as_dict())))
    held = {name.split()[0] for name in dataset.splits}
    if lacking := [kind for kind in kinds if kind not in held]:
        raise DatasetError(
            f"{path}: holds no {lacking[0]} strings, only {' and '.join(sorted(held))}; {REMEDY}"
        )
    return dataset


def stored_hash(path: str | Path) -> str:
    """The hash that a dataset file says its contents have, without reading them.

    Raises:
        DatasetError: it is missing, damaged or not a dataset.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("header.npy") as member:
            header = np.lib.format.read_array(member, allow_pickle=False)
        return json.loads(str(header))["hash"]
    except Exception as error:  # as in `load_dataset`
        raise DatasetError(f"{path}: not a dataset, or a damaged one; {REMEDY}") from error


def compare_spec(path: Path, held: dict, wanted: dict, prefix: str = "") -> None:
    """Refuse strings that were drawn from something else; say what differs first: DatasetError."""
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(held.get(key), dict):
            compare_spec(path, held[key], value, f"{prefix}{key}.")
        elif held.get(key) != value:
            raise DatasetError(
                f"{path}: was drawn with {prefix}{key} {held.get(key)!r}, not {value!r}: it is of "
                f"another task or run; {REMEDY}"
            )


def _read(file: io.BufferedReader) -> tuple[dict, list[np.ndarray]]:
    """Header and arrays of an archive, in the order in which `save_dataset` writes them."""
    arrays = []
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
                member.read(1)  # at the end of a member zipfile compares its checksum
                arrays.append(array)
    return json.loads(str(arrays[0])), arrays[1:]


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
