"""Texts as sets of strings: how many are read in training and evaluation, and how long they are."""

from collections.abc import Mapping
from typing import Any

from fwp.datasets.spec import BinnedStrings, DatasetSpec, TaskSettings, TrainStrings

MEASURED = ("reach", "streams", "beam")
"""Settings of a text that decide how it is measured alone: they are no part of its `TaskSettings`.

So they change without training.
"""

PAIRS = 20_000  # of a translation, where their number is not known before they are read


def text_windows(task: TaskSettings, settings: Mapping[str, Any]) -> DatasetSpec:
    """What a text's windows amount to, for estimates of time and memory, and in its file.

    Training reads `windows` windows of `context` tokens in an epoch, evaluation `streams` pieces
    of the test text.

    Args:
        task: text or translation.
        settings: those of the task, and the `MEASURED` ones.
    """
    params = settings
    if task.kind == "translation":
        longest, reach = 2 * params["max_length"], params["reach"]
        train = TrainStrings(2, longest, PAIRS)
        validation = BinnedStrings(((2, longest),), params["validation"])
        test = BinnedStrings(((2, longest * reach),), params["test"])
        measure = {"beam": params["beam"], "reach": reach}
        return DatasetSpec(task, params["seed"], train, validation, test, measure)
    context, reach = params["context"], params["reach"]
    return DatasetSpec(
        task,
        params["seed"],
        TrainStrings(context, context, params["windows"]),
        BinnedStrings(((context, context),), params["validation_windows"]),
        BinnedStrings(((context * reach, context * reach),), params["streams"]),
    )
