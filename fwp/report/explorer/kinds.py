"""What the explorer shows of one kind of tasks: strings, texts or translations.

A kind is a plain dict, since it becomes JSON of the page:

    name, title   of the kind
    parts         what a measure is of, such as bins of lengths: {"title", "labels"}
    measures      a dict of each `Measure`
    hover         [{"field", "title"}]: what is said of a cell beside its measures
    models, tasks names in the order of the config
    cells         one per task × model: {"task", "model", "values", "texts", "shades", "hover",
                  "curves"}. values, texts and shades by measure, and in each a list over parts,
                  with one entry for a measure that has none; hover: a dict by field per part;
                  curves: by the name of a chart, see `fwp.report.explorer.curves`
    start         the part that is shown first
    key, note     what must be known of the shades, and of the curves, in sentences
    trained       task → the shortest and the longest string, or the positions, of training
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fwp.report.labels import in_order


@dataclass(frozen=True)
class Measure:
    """Something that the heat map can show.

    Attributes:
        name: the key in `values`.
        title: what a menu says.
        unit: of limits that a reader sets; "%" for shares, which are values in [0, 1].
        parted: whether there is one value per part.
        more: whether a larger value is better.
    """

    name: str
    title: str
    unit: str = "%"
    parted: bool = True
    more: bool = True


def kind(
    name: str,
    title: str,
    *,
    measures: Sequence[Measure],
    parts: dict[str, Any],
    hover: dict[str, str],
    cells: Sequence[dict],
    trained: Mapping[str, Sequence[int]],
    start: int,
    key: str,
    note: str,
) -> dict[str, Any]:
    """Put together what the explorer shows of a kind; see the module."""
    models = dict.fromkeys(cell["model"] for cell in cells)
    tasks = dict.fromkeys(cell["task"] for cell in cells)
    return {
        "name": name,
        "title": title,
        "parts": parts,
        "measures": [asdict(measure) for measure in measures],
        "hover": [{"field": field, "title": text} for field, text in hover.items()],
        "models": in_order("model", models),
        "tasks": in_order("task", tasks),
        "cells": list(cells),
        "start": start,
        "key": key,
        "note": note,
        "trained": {task: list(ends) for task, ends in trained.items()},
    }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """A number for JSON: rounded, None for what is not a finite number."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
