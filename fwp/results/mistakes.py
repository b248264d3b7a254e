"""Strings that models get wrong: what evaluation.json says of them, as rows and as lines to read.

An evaluation keeps a few wrong strings of each seed (`fwp.training.mistakes`). Long strings are
shown in part, around the first wrong position.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.results.frames import groups, present
from fwp.results.integrity import ResultsError, damaged, read_sealed

NAME = "evaluation.json"
KEYS = ("bin", "length", "start", "string", "target", "predicted", "first")
"""Of a wrong string: its bin and length; where the part shown begins; symbols, right classes (None
where there is none) and predicted ones of that part; where in the whole string the first wrong one
is. Positions count from 0."""

COLUMNS = ("task", "model", "seed", *KEYS)


def read_mistakes(folder: str | Path) -> dict[int, list[dict[str, Any]]]:
    """The wrong strings that the evaluation of a cell kept.

    Args:
        folder: of the seeds that one job trained, such as results/cells/parity/lstm/seeds-0-4.

    Returns:
        Seed → dicts with `KEYS`, an empty list for a seed without mistakes; {} for a text, and for
        results of older versions.

    Raises:
        ResultsError: evaluation.json is missing or damaged.
    """
    path = Path(folder) / NAME
    found = read_sealed(path).get("mistakes", {})
    try:
        return {
            int(seed): [{key: row[key] for key in KEYS} for row in rows]
            for seed, rows in found.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise damaged(path, f"its mistakes are not those of strings ({error!r})") from None


def collect_mistakes(folders: Mapping[Any, Sequence[int]]) -> list[dict[str, Any]]:
    """The wrong strings of many cells: dicts with `COLUMNS`.

    Args:
        folders: folder of a cell, which ends in task/model/group → the seeds that are wanted.

    Raises:
        ResultsError: as `read_mistakes`.
    """
    rows = []
    for folder, seeds in folders.items():
        task, model = Path(folder).parts[-3:-1]
        of_seeds = read_mistakes(folder)
        for seed in seeds:
            names = {"task": task, "model": model, "seed": seed}
            rows += [names | row for row in of_seeds.get(seed, [])]
    return rows


def mistakes_frame(cells: Path, runs: pd.DataFrame) -> pd.DataFrame:
    """The wrong strings of runs: a frame with `COLUMNS`; string, target and predicted are lists.

    Args:
        cells: the folder `cells` of the results.
        runs: rows of the table of runs.

    Raises:
        ResultsError: a record is missing or damaged, or all are of older versions.
    """
    seeds = {cells / name: own["seed"].tolist() for name, own in groups(runs, "cell")}
    found = pd.DataFrame(collect_mistakes(seeds), columns=list(COLUMNS))
    if found.empty and not any(map(read_mistakes, seeds)):
        raise ResultsError(
            f"{cells}: an older version of this code evaluated these cells, and kept no mistakes; "
            "the next `snakemake` evaluates them again"
        )
    for name in COLUMNS[:2]:
        found[name] = pd.Categorical(found[name], present(runs[name]), ordered=True)
    return found.sort_values(list(COLUMNS[:3]), kind="stable", ignore_index=True)


def aligned(mistake: Mapping[str, Any]) -> str:
    """A wrong string, what is right and what was predicted, symbol above symbol, as plain text.

    Names of classes that are longer than symbols are shown by initials, or by numbers if these are
    not unique; a last line explains them. A mark stands below the first wrong position.
    """
    target, predicted = mistake["target"], mistake["predicted"]
    names = list(dict.fromkeys(name for name in (*target, *predicted) if name is not None))
    longest = max(map(len, mistake["string"]))
    short = all(len(name) <= longest for name in names)
    initials = len({name[:1] for name in names}) == len(names)
    marks = {
        name: name if short else name[:1] if initials else str(i) for i, name in enumerate(names)
    } | {None: "."}
    lines = {
        "string": mistake["string"],
        "right": [marks[name] for name in target],
        "predicted": [marks[name] for name in predicted],
    }
    width = max(len(text) for line in lines.values() for text in line)
    head = max(map(len, lines)) + 2
    gap = " " if width > 1 else ""
    shown = [
        f"{name:{head}}" + gap.join(f"{text:{width}}" for text in line)
        for name, line in lines.items()
    ]
    place = (mistake["first"] - mistake["start"]) * (width + len(gap))
    shown.append(" " * (head + place) + f"^ position {mistake['first']}, counted from 0")
    if not short:
        shown.append(", ".join(f"{mark} = {name}" for name, mark in marks.items() if name))
    return "\n".join(line.rstrip() for line in shown)
