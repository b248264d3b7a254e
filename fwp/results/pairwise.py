"""Which of two models solves a bin of a task more often: an exact test on the numbers of seeds."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations
from string import ascii_lowercase
from typing import Any

import numpy as np
import pandas as pd

from fwp.results.frames import groups
from fwp.results.statistics import by_bin

VERDICTS = ("first", "second", "no difference shown", "too few seeds")


@cache
def exact(solved: int, seeds: int, other_solved: int, other_seeds: int) -> float:
    """Fisher's exact test, two-sided: the probability of counts at least as far apart by chance."""
    from scipy.stats import fisher_exact

    table = [[solved, seeds - solved], [other_solved, other_seeds - other_solved]]
    result: Any = fisher_exact(table)
    return float(result.pvalue)


def fewest(pairs: int, confidence: float = 0.95) -> int:
    """Seeds per model without which no pair out of so many can be told apart.

    Not even if one model solves the bin with every seed and the other with none.
    """
    seeds = 1
    while exact(seeds, seeds, 0, seeds) * pairs > 1 - confidence:
        seeds += 1
    return seeds


def holm(values: Sequence[float]) -> list[float]:
    """p-values of a family of tests after Holm's correction (1979).

    That of statsmodels looks for garbage in all of memory at every call, and there is one per bin.
    """
    single = np.asarray(values, dtype=float)
    order = single.argsort()
    corrected = np.empty_like(single)
    corrected[order] = np.maximum.accumulate(single[order] * np.arange(len(single), 0, -1))
    return corrected.clip(max=1).tolist()


def compare(accuracy: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Every pair of models on every bin of every task.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).

    Returns:
        One row per task × bin × pair. first, second: the models; first_solved, first_seeds, …:
        seeds at 100 % of the bin, of all seeds; p: of `exact`; p_corrected: the same after Holm's
        correction for the pairs of the task and bin; verdict: one of `VERDICTS`, "first" if the
        first model solves the bin more often. "too few seeds" where no outcome of so few seeds
        could have been significant.
    """
    counts = (
        by_bin(accuracy)
        .groupby(["task", "bin_index", "bin", "model"], observed=True)
        .agg(solved=("solved", "sum"), seeds=("seed", "nunique"))
        .reset_index()
    )
    rows = []
    for (task, index, bin), cells in groups(counts, ["task", "bin_index", "bin"]):
        pairs: list[tuple[Any, Any]] = list(combinations(cells.itertuples(), 2))
        values = [exact(a.solved, a.seeds, b.solved, b.seeds) for a, b in pairs]
        for (a, b), p, p_corrected in zip(pairs, values, holm(values), strict=True):
            rows.append(
                {
                    "task": task,
                    "bin_index": index,
                    "bin": bin,
                    "first": a.model,
                    "second": b.model,
                    "first_solved": a.solved,
                    "first_seeds": a.seeds,
                    "second_solved": b.solved,
                    "second_seeds": b.seeds,
                    "p": p,
                    "p_corrected": p_corrected,
                    "verdict": _verdict(a, b, p_corrected, len(pairs), 1 - confidence),
                }
            )
    columns = ["task", "bin_index", "bin", "first", "second", "verdict"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _verdict(a, b, p_corrected: float, pairs: int, level: float) -> str:
    if p_corrected <= level:
        return "first" if a.solved / a.seeds > b.solved / b.seeds else "second"
    lowest = min(exact(a.seeds, a.seeds, 0, b.seeds), exact(0, a.seeds, b.seeds, b.seeds))
    return "too few seeds" if lowest * pairs > level else "no difference shown"


def letters(models: Iterable[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Letters to set beside the models: two models share one unless they are `different`.

    The compact letter display of multiple comparisons (Piepho 2004); a is the letter of the first
    model.
    """
    import networkx

    models = list(models)
    alike = networkx.complete_graph(models)
    alike.remove_edges_from(different)
    groups = sorted(sorted(map(models.index, group)) for group in networkx.find_cliques(alike))
    marks = dict.fromkeys(models, "")
    for number, group in enumerate(groups):
        for i in group:
            marks[models[i]] += ascii_lowercase[number] if number < 26 else f"({number})"
    return marks
