"""The files of a task's data: drawn or read, by the kind of the task."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fwp.datasets.files.windows import FILES
from fwp.datasets.recognition.task import RECOGNITION
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.results.integrity import write_sealed

TRAINING, TEST = ("train", "validation"), ("test",)


class _Maker(NamedTuple):
    """How data of a kind are made; `build` is given the training data for those of the test."""

    build: Callable[..., Any]
    save: Callable[..., None]
    load: Callable[..., Any]
    describe: Callable[[Any], dict]


def make_training(spec: DatasetSpec, path: str | Path) -> Any:
    """Write training and validation data, and return them."""
    maker = _maker(spec.task)
    data = maker.build(spec, TRAINING, None)
    maker.save(data, path)
    return data


def make_test(
    spec: DatasetSpec, *, train: str | Path, test: str | Path, card: str | Path
) -> dict[str, Any]:
    """Write test data and the card that describes all data of a task; return the card.

    Args:
        spec: of all of them.
        train: the file of training and validation data.
        test, card: where the two go.
    """
    maker = _maker(spec.task)
    seen = maker.load(train, spec.task, kinds=TRAINING)
    data = maker.build(spec, TEST, seen)
    maker.save(data, test)
    whole = replace(data, splits=seen.splits | data.splits)
    described = maker.describe(whole)
    write_sealed(card, described, [train, test])
    return described


def make_data(spec: DatasetSpec, folder: Path) -> Any:
    """Write all data of a task into the `data_files` of a folder; return those for training.

    Strings are in one file; a text has a file for training, one for measuring, and its card.
    """
    train, test = (folder / name for name in data_files(spec.task))
    if train != test:
        data = make_training(spec, train)
        make_test(spec, train=train, test=test, card=folder / "card.json")
        return data
    maker = _maker(spec.task)
    data = maker.build(spec, (*TRAINING, *TEST), None)
    maker.save(data, train)
    return data


def data_files(task: TaskSettings) -> tuple[str, str]:
    """Names of the files of `make_data`: for training, and for measuring."""
    return ("data.npz", "data.npz") if task.kind == "strings" else ("train.npz", "test.npz")


def _maker(task: TaskSettings) -> _Maker:
    if task.kind == "text":
        from fwp.datasets.text.build import build_text
        from fwp.datasets.text.card import describe_text
        from fwp.datasets.text.dataset import load_text, save_text

        return _Maker(build_text, save_text, load_text, describe_text)
    if task.kind == "translation":
        from fwp.datasets.text.build_pairs import build_pairs
        from fwp.datasets.text.card_pairs import describe_pairs
        from fwp.datasets.text.pair_dataset import load_pairs, save_pairs

        return _Maker(build_pairs, save_pairs, load_pairs, describe_pairs)
    from fwp.datasets.dataset import load_dataset, save_dataset

    if task.language == FILES:
        from fwp.datasets.files.build import build_files
        from fwp.datasets.files.card import describe_files

        return _Maker(build_files, save_dataset, load_dataset, describe_files)
    if task.language == RECOGNITION:
        from fwp.datasets.recognition.build import build_recognition
        from fwp.datasets.recognition.card import describe_recognition

        return _Maker(
            lambda spec, kinds, _: build_recognition(spec, kinds),
            *(save_dataset, load_dataset, describe_recognition),
        )
    from fwp.datasets.card import describe
    from fwp.datasets.sampling import build_dataset

    return _Maker(
        lambda spec, kinds, _: build_dataset(spec, kinds), save_dataset, load_dataset, describe
    )
