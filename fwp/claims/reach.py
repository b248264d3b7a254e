"""Evidence on generalisation lengths: how far seeds get, alone or against another model.

A median of lengths is judged like one of accuracies, by its bootstrap interval. Two models are
compared by the test of Mann and Whitney (1947) on the lengths of their seeds, since a length that
reaches the longest tested one is only known to be at least that. Where all seeds of both have the
same length, neither gets further on the strings that were tested.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from fwp.claims import sides
from fwp.claims.claim import Criterion
from fwp.claims.evidence import CONTRADICTED, SUPPORTED, UNDETERMINED, Evidence
from fwp.claims.searched import Trials
from fwp.results import statistics

PLACE = "every length"
"""In place of a bin."""

Lengths = dict[tuple[str, str], np.ndarray]
"""(task, model) → generalisation lengths of the seeds."""


def lengths(accuracy: pd.DataFrame) -> Lengths:
    """Of all cells whose accuracy was measured per length."""
    found = statistics.generalisation(accuracy)
    return {
        (str(task), str(model)): own["generalisation_length"].to_numpy()
        for (task, model), own in found.groupby(statistics.CELL, observed=True)
    }


def weigh(
    criterion: Criterion,
    task: str,
    model: str,
    found: Lengths,
    confidence: float,
    search: Trials,
) -> tuple[Evidence, sides.Side] | None:
    """The evidence of one cell, and what further seeds would show; None if it was not run."""
    other = criterion.further_than
    if (task, model) not in found or (other and (task, other) not in found):
        return None
    values = found[task, model]
    facts: dict[str, Any] = {"value": float(np.median(values)), "low": math.nan, "high": math.nan}
    facts |= search.tried(task, model)
    if other:
        others = found[task, other]
        now, p = _further(values, others, 1 - confidence)
        facts |= {"other": other, "other_seeds": len(others), "p": p}
        facts |= {"other_value": float(np.median(others))}
        reached, limit = int((values > facts["other_value"]).sum()), math.nan
        more, anytime, side = (0 if now else None), None, lambda _: now
    else:
        limit = criterion.limit
        reached = int((values >= limit).sum())
        facts["low"], facts["high"] = map(float, statistics.median_interval(values, confidence))
        side = sides.of_median(values, limit, confidence)
        now, more = side(0), sides.fewest_by_halves(side)
        verdict_side = sides.anytime(reached, len(values), 0.5, confidence)
        anytime = verdict_side == now if now else None
    verdict = UNDETERMINED
    if now:
        verdict = SUPPORTED if (now > 0) == (criterion.below is None) else CONTRADICTED
    evidence = Evidence(
        task, model, PLACE, criterion, limit, len(values), reached, verdict=verdict, more=more,
        anytime=anytime, **facts,
    )  # fmt: skip
    return evidence, side


def _further(values: np.ndarray, others: np.ndarray, level: float) -> tuple[int, float]:
    """1 if the first get further, -1 if they do not, 0 if seeds leave it open; and the p-value."""
    from scipy.stats import mannwhitneyu

    if len({*values, *others}) == 1:
        return -1, 1.0
    found = mannwhitneyu(values, others, method="asymptotic")
    if found.pvalue > level:
        return 0, float(found.pvalue)
    return (1 if found.statistic > len(values) * len(others) / 2 else -1), float(found.pvalue)
