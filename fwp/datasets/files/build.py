"""A dataset of labelled strings that stand in files of the user's own.

The training strings decide the alphabet and the classes. Labels are those of the files: nothing is
drawn, left out or repeated, except for strings without a symbol, which a model cannot read.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fwp.datasets.dataset import Dataset, Split
from fwp.datasets.files.bins import make_bins, whole
from fwp.datasets.files.parts import every, held_out, named, window
from fwp.datasets.files.reading import (
    Coded,
    Layout,
    Strings,
    alphabet_of,
    apart,
    classes_of,
    coded,
    layout,
    read_all,
)
from fwp.datasets.files.source import FilesError
from fwp.datasets.spec import DatasetSpec
from fwp.utils.bins import Bin
from fwp.utils.named_bins import NamedBin


def build_files(spec: DatasetSpec, kinds: Sequence[str], seen: Dataset | None = None) -> Dataset:
    """Read the sets of a task.

    Args:
        spec: of the task; its parameters are what the config says under `files`.
        kinds: train, validation, test: of which kind.
        seen: training and validation strings, read before; needed for the test alone.

    Raises:
        FilesError: in one line, what is wrong, with file, line and column.
    """
    options = spec.task.params["files"]
    known = seen if seen is not None else _training(spec, options)
    splits = {} if seen is not None else known.splits
    found = dict(known.spec["found"])
    if "test" in kinds:
        test, found["test"] = _testing(options, spec.measure, known)
        splits = splits | test
    return Dataset(
        task=spec.task.name,
        language=spec.task.language,
        params=_plain(dict(spec.task.params)),
        alphabet=known.alphabet,
        classes=known.classes,
        splits=splits,
        spec=_plain(spec.as_dict() | {"found": found}),
    )


def _training(spec: DatasetSpec, options: Mapping[str, Any]) -> Dataset:
    """Training and validation strings, and what their files turned out to be."""
    paths = every(named("files.train", options["train"]))
    with _telling("files.train"):
        sources = read_all(paths, options)
        how = layout(sources, options)
        strings = apart(sources, how)
        _check_some(strings, paths)
        alphabet, classes = alphabet_of(strings), classes_of(strings)
    found: dict[str, Any] = {
        "format": sources[0].format,
        "layout": how._asdict(),
        "train": {"files": paths, "empty": strings.empty},
    }
    given = named("files.validation", options["validation"])
    parts = {name: _read("validation", name, own, options, how) for name, own in given.items()}
    if parts:
        found["validation"] = {
            "files": every(given),
            "empty": sum(part.empty for part in parts.values()),
        }
    else:
        strings, parts[""] = _shared(strings, options["holdout"], options["seed"])
        found["validation"] = {"files": [], "empty": 0, "holdout": options["holdout"]}
    train = coded(strings, alphabet, classes)
    splits = {"train": _split("train", whole(np.diff(train.offsets)), train)}
    for name, part in parts.items():
        with _telling(_place("validation", name)):
            own = coded(part, alphabet, classes)
            bin = _own_bin("validation", name, part, own) if name else whole(np.diff(own.offsets))
        splits |= _binned("validation", [bin], own, splits)
    return Dataset("", spec.task.language, {}, alphabet, classes, splits, {"found": found})


def _testing(
    options: Mapping[str, Any], measure: Mapping[str, Any], known: Dataset
) -> tuple[dict[str, Split], dict[str, Any]]:
    """Test strings by bin, and what their files turned out to be."""
    given, how = named("files.test", measure["test"]), Layout(**known.spec["found"]["layout"])
    splits: dict[str, Split] = {}
    empty, why = 0, "Each test bin is one of files.test."
    for name, paths in given.items():
        part = _read("test", name, paths, options, how)
        empty += part.empty
        with _telling(_place("test", name)):
            own = coded(part, known.alphabet, known.classes)
            if name:
                bins = [_own_bin("test", name, part, own)]
            elif measure["bins"]:
                bins, why = [Bin(*pair) for pair in measure["bins"]], "Test bins are files.bins."
                _check_inside(part, own, bins)
            else:
                lengths = np.diff(own.offsets)
                bins, why = make_bins(lengths, known.train.max_length, measure["windows"])
        splits |= _binned("test", bins, own, splits)
    facts = {"files": every(given), "empty": empty, "bins": why}
    return dict(sorted(splits.items(), key=lambda item: _order(item[1]))), facts


def _read(
    kind: str, name: str, paths: Sequence[str], options: Mapping[str, Any], how: Layout
) -> Strings:
    """The strings of validation or test files."""
    with _telling(_place(kind, name)):
        strings = apart(read_all(paths, options), how)
        _check_some(strings, paths)
    return strings


def _shared(strings: Strings, share: float, seed: int) -> tuple[Strings, Strings]:
    """Strings of the training files, for training and for validation."""
    out = held_out(strings.strings, share, seed)
    if all(out):
        raise FilesError(
            f"files.holdout: must leave strings for training and for validation, got {share} of "
            f"{len(set(map(tuple, strings.strings)))} different strings; name files.validation"
        )
    return _taken(strings, [not o for o in out]), _taken(strings, out)


def _taken(strings: Strings, wanted: Sequence[bool]) -> Strings:
    """Some of the strings."""
    chosen = [i for i, want in enumerate(wanted) if want]
    lists = (strings.strings, strings.labels, strings.places)
    return Strings(*([own[i] for i in chosen] for own in lists), strings.empty)  # type: ignore[arg-type]


def _own_bin(kind: str, name: str, part: Strings, own: Coded) -> Bin:
    """The bin of strings that are one by themselves: the window of its name, or their lengths."""
    bin = window(name)
    if bin is None:
        if kind != "test":
            raise FilesError(f"a bin must be written like 51-100, got {name}; files.test has names")
        return NamedBin.of(whole(np.diff(own.offsets)), name)
    _check_inside(part, own, [bin])
    return bin


def _check_inside(part: Strings, own: Coded, bins: Sequence[Bin]) -> None:
    for i, length in enumerate(np.diff(own.offsets).tolist()):
        if not any(bin.holds(length) for bin in bins):
            raise FilesError(
                f"{part.place(i)}: a string must be as long as a bin says, "
                f"{', '.join(map(str, bins))} symbols, got {length}"
            )


def _check_some(strings: Strings, paths: Sequence[str]) -> None:
    if not strings.strings:
        raise FilesError(f"{', '.join(map(str, paths))}: must hold strings, got none")


def _binned(
    kind: str, bins: Sequence[Bin], own: Coded, others: Mapping[str, Split]
) -> dict[str, Split]:
    """A split for each bin that holds strings; FilesError if bins of a set share lengths."""
    for first, second in pairwise(sorted(bins)):
        if second.shortest <= first.longest:
            raise FilesError(f"files.bins: bins must not overlap, got {first} and {second}")
    for bin in bins:
        if f"{kind} {bin}" in others:
            raise FilesError(f"files.{kind}: a bin may be given once, {bin} is given twice")
    lengths = np.diff(own.offsets)
    splits = {}
    for bin in bins:
        chosen = np.flatnonzero((lengths >= bin.shortest) & (lengths <= bin.longest))
        if len(chosen):
            begins, ends = own.offsets[chosen], own.offsets[chosen + 1]
            inside = np.concatenate([np.arange(b, e) for b, e in zip(begins, ends, strict=True)])
            offsets = np.cumsum([0, *(ends - begins)], dtype=np.int64)
            some = Coded(own.tokens[inside], own.targets[inside], offsets)
            splits[f"{kind} {bin}"] = _split(f"{kind} {bin}", bin, some)
    return splits


def _split(name: str, bin: Bin, own: Coded) -> Split:
    return Split(name, str(bin), own.tokens, own.targets, own.offsets)


def _order(split: Split) -> tuple[NamedBin, str]:
    return NamedBin.parse(split.bin), split.bin


def _place(kind: str, name: str) -> str:
    return f"files.{kind}.{name}" if name else f"files.{kind}"


class _telling:  # noqa: N801, a context manager is called like a function
    """Put a place in the config before what is said of a file."""

    def __init__(self, place: str):
        self.place = place

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FilesError) and not str(error).startswith("files."):
            raise FilesError(f"{self.place}: {error}") from None


def _plain(value: dict) -> dict:
    return json.loads(json.dumps(value))
