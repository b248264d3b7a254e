"""The width of a model whose size is given, found as soon as its dataset is there."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fwp.config.settings import ModelSettings
from fwp.datasets.spec import TaskSettings
from fwp.models.budget import size, solve_size
from fwp.results.chosen import OPEN, settled
from fwp.training.kind import load_kind


def sized(cell: Mapping[str, Any], dataset: str | Path) -> dict[str, Any]:
    """The cell with the widths that its number of parameters decides, if they are still open.

    Args:
        cell: a `Cell` as a plain dict, as a plan holds it.
        dataset: the task's dataset file; its symbols and classes count too.

    Raises:
        ValueError: no width is within the budget.
    """
    model = cell["model"]
    if model["hidden"] != OPEN:
        return dict(cell)
    task = TaskSettings.from_dict(cell["task"])
    data = load_kind(task).load(dataset, task)
    given = ModelSettings.from_dict(dict(model) | {"hidden": 1, "feed_forward": model["share"]})
    sizes = len(data.alphabet), len(data.classes)
    found = solve_size(given, *sizes)
    print(
        f"hidden {found.hidden}, feed_forward {found.feed_forward:g}: "
        f"{size(replace(found, parameters=None), *sizes).parameters:,} parameters, "
        f"of at most {given.parameters:,}"
    )
    return settled(cell, {"hidden": found.hidden, "feed_forward": found.feed_forward})
