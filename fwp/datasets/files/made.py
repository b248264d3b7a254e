"""Strings from files for use without a config."""

from collections.abc import Mapping, Sequence
from typing import Any

from fwp.config import schema
from fwp.config.messages import ConfigError
from fwp.datasets.dataset import Dataset
from fwp.datasets.files.build import build_files
from fwp.datasets.files.check import KINDS
from fwp.datasets.files.windows import FILES, MEASURED, files_windows
from fwp.datasets.spec import TaskSettings

Paths = str | Sequence[str]


def read_dataset(
    train: Paths,
    test: Paths | Mapping[str, Paths],
    validation: Paths | Mapping[str, Paths] | None = None,
    **options: Any,
) -> Dataset:
    """A dataset of labelled strings in files, for use without a config.

    Args:
        train: a file, or several, with the training strings.
        test: files with the strings to measure, or bins with their files: {"1-50": "short.csv"}.
        validation: files with the strings by which weights are chosen; by default a share of the
            training strings is held out.
        options: format, string, labels, separator, per, unlabelled, bins, holdout and seed, the
            keys of `files` in a config.

    Returns:
        Strings with a target at every position, or at the last one alone.

    Raises:
        ConfigError: there is no such option, or it has no such value.
        FilesError: a file cannot be used; the line names file, line and column.
    """
    given = {"train": train, "test": test, "validation": validation, **options}
    plain = {key: _plain(value) for key, value in given.items()}
    whole = {"models": {"model": {"mixer": "-"}}, "tasks": {"task": {FILES: plain}}}
    _, problems = schema.check(whole)
    if problems:
        raise ConfigError((line.removeprefix("tasks.task.files.") for line in problems), "the data")
    settings = schema.defaults("strings") | plain
    own = {key: value for key, value in sorted(settings.items()) if key not in MEASURED}
    windows = schema.defaults()["evaluation"]["bins"]
    spec = files_windows(TaskSettings("mine", FILES, {FILES: own}), settings, windows)
    return build_files(spec, KINDS)


def _plain(value: Any) -> Any:
    """What YAML could hold: paths as text, lists and mappings of the plainest kind."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
