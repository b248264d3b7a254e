"""Three answers per model and language: is it expressible, is it learnt, does it generalise?

`expressible`   what is proven, of weights of any size found in any way: one of `EXPRESSIBLE`.
`learnable`     the share of seeds that learn the training lengths: `LEARNT` of the test strings.
`generalises`   the share of seeds that are perfect: every test string of every length is right. The
                generalisation length is that of `fwp.results.statistics`.

A seed that is perfect where a theorem says "impossible" is marked. It is no error of the theorem,
which is about strings of any length: the model has solved the lengths that were tested, in the
finite precision of a machine.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fwp.results import statistics
from fwp.results.integrity import check_sum, damaged
from fwp.results.statistics import CELL
from fwp.results.unfinished import by_cell
from fwp.utils.bins import Bin
from fwp.utils.named_bins import NamedBin

CONSTRUCTED, POSSIBLE, IMPOSSIBLE, OPEN = "constructed", "possible", "impossible", "open"
EXPRESSIBLE = {
    CONSTRUCTED: "weights that solve it are set by hand, in the package",
    POSSIBLE: "a theorem says that such weights exist",
    IMPOSSIBLE: "a theorem says that no weights solve every length",
    OPEN: "neither is known here",
}
"""What is known of a model and a language."""


class Known(NamedTuple):
    """What is known of a model and a language: one of `EXPRESSIBLE`.

    Attributes:
        source: of the theorem.
        unless: what the theorem assumes, and is not proven.
    """

    answer: str = OPEN
    source: str = ""
    unless: str = ""


LEARNT = 0.99
"""Share of the test strings of training lengths from which on a seed has learnt them."""

COLUMNS = (
    *CELL, "group", "expressible", "source", "unless", "state", "seeds", "learnt", "learnable",
    "learnable_low", "learnable_high", "generalisation_median", "generalisation_worst",
    "generalisation_best", "tested_length", "perfect", "generalises", "generalises_low",
    "generalises_high", "contradiction",
)  # fmt: skip
COUNTS = ("seeds", "learnt", "perfect")
LENGTHS = ("generalisation_worst", "generalisation_best", "tested_length")
NUMBERS = {column: [""] for column in COLUMNS[7:-1]}  # may be missing; in the others "" is text


def answers(
    accuracy: pd.DataFrame,
    trained: Mapping[str, Bin],
    *,
    known: Mapping[tuple[str, str], Known] | None = None,
    groups: Mapping[str, str] | None = None,
    missing: Iterable[dict] = (),
) -> pd.DataFrame:
    """The table: one row per task × model, with intervals by Wilson's method.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        trained: the shortest and the longest training string of each task.
        known: by (task, model); what is not there is open.
        groups: of tasks, such as their classes.
        missing: runs without results (`fwp.results.unfinished`).

    Returns:
        `COLUMNS`. state: empty, or "partial" if some seeds have no results; a cell without any is
        "missing" or "failed", and has no numbers. contradiction: see the module.
    """
    runs = _runs(accuracy, trained)
    counts = runs.groupby(CELL, observed=True).agg(
        seeds=("seed", "nunique"),
        learnt=("learnt", "sum"),
        perfect=("perfect", "sum"),
        generalisation_median=("generalisation_length", "median"),
        generalisation_worst=("generalisation_length", "min"),
        generalisation_best=("generalisation_length", "max"),
        tested_length=("tested_length", "max"),
    )
    table = counts.reset_index().astype(dict.fromkeys(CELL, str))
    for count, share in (("learnt", "learnable"), ("perfect", "generalises")):
        table[share] = table[count] / table["seeds"]
        table[f"{share}_low"], table[f"{share}_high"] = statistics.wilson(
            table[count], table["seeds"]
        )
    lost = {(task, model): state for (model, task), state in by_cell(missing).items()}
    cells = list(zip(table["task"], table["model"], strict=True))
    table["state"] = ["partial" if cell in lost else "" for cell in cells]
    rest = [cell for cell in lost if cell not in set(cells)]
    states = [lost[cell] for cell in rest]
    more = pd.DataFrame(rest, columns=CELL).assign(state=states)
    table = pd.concat([table, more], ignore_index=True) if rest else table
    facts = [(known or {}).get(cell, Known()) for cell in [*cells, *rest]]
    for column, own in zip(
        ("expressible", "source", "unless"), zip(*facts, strict=True), strict=True
    ):
        table[column] = own
    table["group"] = [(groups or {}).get(task, "") for task in table["task"]]
    longest = table["task"].map({task: own.longest for task, own in trained.items()})
    beyond = table["tested_length"].fillna(0) > longest.fillna(0)
    found = (table["expressible"] == IMPOSSIBLE) & (table["perfect"] > 0) & beyond
    table["contradiction"] = found.astype(bool)
    return table[list(COLUMNS)].astype(dict.fromkeys((*COUNTS, *LENGTHS), "Int64"))


def read_answers(path: str | Path) -> pd.DataFrame:
    """Read the table of `answers`.

    Raises:
        ResultsError: it is missing, malformed or not what was written.
    """
    path = Path(path)
    check_sum(path)
    try:
        text = dict.fromkeys((*CELL, "group", "expressible", "source", "unless", "state"), str)
        frame = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=NUMBERS)
        return frame[list(COLUMNS)].astype(dict.fromkeys((*COUNTS, *LENGTHS), "Int64"))
    except (ValueError, KeyError) as error:
        raise damaged(path, str(error)) from None


def _runs(accuracy: pd.DataFrame, trained: Mapping[str, Bin]) -> pd.DataFrame:
    """One row per run: learnt, perfect, generalisation_length, tested_length."""
    bins = statistics.by_bin(accuracy)
    inside = [
        NamedBin.parse(bin).longest <= trained[task].longest if task in trained else False
        for task, bin in zip(bins["task"], bins["bin"], strict=True)
    ]
    bins = bins.assign(inside=inside)
    # Where no bin is of training lengths, that of the shortest strings comes next to them.
    first = bins.groupby("task", observed=True)["bin_index"].transform("min")
    some = bins.groupby("task", observed=True)["inside"].transform("any")
    bins["inside"] |= ~some & (bins["bin_index"] == first)
    bins["right"] = (bins["sequence_accuracy"] >= LEARNT) | ~bins["inside"]
    keys = [*CELL, "seed"]
    runs = bins.groupby(keys, observed=True).agg(learnt=("right", "all"), perfect=("solved", "all"))
    lengths = statistics.generalisation(accuracy).set_index(keys)
    return runs.join(lengths[["generalisation_length", "tested_length"]]).reset_index()
