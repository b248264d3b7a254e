"""What a task of recognition is made of: a language, and how the other strings are drawn."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fwp import languages
from fwp.datasets.spec import BinnedStrings, DatasetSpec, TaskSettings
from fwp.languages import Language

RECOGNITION = "recognition"
"""What stands where a task of strings names its language."""

NEGATIVES = ("edits", "balanced")
"""How strings outside the language are drawn: values of the key `strings` of a task."""

CLASSES = ("no", "yes")
"""Of a string: whether it is in the language."""

PAIRS = "pairs"
"""Name of the test bins of pairs, behind the window."""


def recognition(task: TaskSettings, negatives: str) -> TaskSettings:
    """The task of recognising the strings of a task's language."""
    params = {"language": task.language, "params": dict(task.params), "strings": negatives}
    return TaskSettings(task.name, RECOGNITION, params)


def language_of(params: Mapping[str, Any]) -> Language:
    """The language whose strings are recognised; ValueError as for `languages.get`."""
    return languages.get(params["language"], **params["params"])


def half(spec: DatasetSpec) -> DatasetSpec:
    """The strings of the language alone, or those outside: half as many of each set."""
    params = spec.task.params

    def halved(part: BinnedStrings) -> BinnedStrings:
        return replace(part, count=-(-part.count // 2))

    return DatasetSpec(
        TaskSettings(spec.task.name, params["language"], params["params"]),
        spec.seed,
        replace(spec.train, count=-(-spec.train.count // 2)),
        halved(spec.validation),
        halved(spec.test),
    )
