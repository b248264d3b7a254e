"""Claims against results: supported, contradicted or undetermined, with the evidence.

A claim about a model also covers seeds that were not run. So a claim is judged by the confidence
interval of its statistic over seeds. It is supported if the whole interval is on the claimed side
of the threshold, contradicted if it is on the other side, and otherwise undetermined. Then the
evidence has the number of further seeds that would settle it, with the same outcome as these.

`success_rate`  Wilson's interval.
`median`        bootstrap; undetermined with fewer seeds than an interval needs.
`best`          A single seed shows that the model can do it. The claim that it cannot holds if, by
                Wilson's interval, fewer than `RARE` of all seeds would do it.
`more_than`     Fisher's exact test on the success counts of two models.

A claim about several models, tasks or bins is as true as the worst of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from fwp.claims.claim import Claim, Criterion
from fwp.results import statistics
from fwp.results.pairwise import exact
from fwp.utils.bins import Bin

SUPPORTED, CONTRADICTED, UNDETERMINED = "supported", "contradicted", "undetermined"
NOT_TESTED = "not tested"  # no model, task or bin of the claim is in the results
VERDICTS = (SUPPORTED, CONTRADICTED, UNDETERMINED, NOT_TESTED)
RARE = 0.2
MANY = 500  # further seeds; larger numbers are not reported


@dataclass(frozen=True)
class Evidence:
    """What the seeds of one model say about one bin of one task.

    Attributes:
        threshold: the sequence accuracy that a seed must reach.
        seeds, reached: how many there are, and how many reach the threshold.
        value: the statistic.
        low, high: its interval; of the median NaN if there are too few seeds; of the best seed, the
            interval of the share of seeds that reach the threshold.
        p: of the comparison with `other`, the counts of which are other_reached, other_seeds.
        more: further seeds (of each model) that would settle what is undetermined, with the same
            outcome as these; 0 if it is decided, None if even `MANY` would not settle it.
    """

    task: str
    model: str
    bin: str
    criterion: Criterion
    threshold: float
    seeds: int
    reached: int
    value: float
    low: float
    high: float
    verdict: str
    more: int | None = 0
    other: str | None = None
    other_seeds: int = 0
    other_reached: int = 0
    p: float = math.nan

    @property
    def as_claimed(self) -> bool:
        """Whether the statistic meets the criterion, regardless of its uncertainty."""
        if self.other is not None:
            return self.value > self.other_reached / self.other_seeds
        if self.criterion.at_least is not None:
            return self.value >= self.criterion.limit
        return self.value < self.criterion.limit


@dataclass(frozen=True)
class Judgement:
    """A claim with its verdict, the evidence, and what of it is not in the results.

    `missing` holds (task, model, bin), the bin by its number where the task has none of that.
    """

    claim: Claim
    verdict: str
    evidence: list[Evidence]
    missing: list[tuple[str, str, str | int]]


def judge(claims: Iterable[Claim], accuracy: pd.DataFrame) -> list[Judgement]:
    """Compare claims with the tidy table of accuracies (`fwp.results.collect`)."""
    rows = statistics.by_bin(accuracy)
    cells = {
        key: of_cell["sequence_accuracy"].to_numpy()
        for key, of_cell in rows.groupby(["task", "model", "bin"], observed=True)
    }
    bins = {
        task: sorted(of_task.unique(), key=Bin.parse)
        for task, of_task in rows.groupby("task", observed=True)["bin"]
    }
    return [_judge(claim, cells, bins) for claim in claims]


def _judge(claim: Claim, cells: dict, bins: dict) -> Judgement:
    evidence, missing = [], []
    for criterion in claim.criteria:
        for task, model, bin in product(criterion.tasks, criterion.models, criterion.bins):
            own = bins.get(task, [])
            if isinstance(bin, int) and bin < len(own):
                bin = own[bin]
            others = filter(None, [model, criterion.more_than])
            if all((task, name, bin) in cells for name in others):
                evidence.append(_weigh(criterion, task, model, bin, cells, claim.confidence))
            else:
                missing.append((task, model, bin))
    verdicts = {item.verdict for item in evidence}
    if not evidence:
        verdict = NOT_TESTED
    elif CONTRADICTED in verdicts:
        verdict = CONTRADICTED
    else:
        verdict = UNDETERMINED if missing or UNDETERMINED in verdicts else SUPPORTED
    return Judgement(claim, verdict, evidence, missing)


def _weigh(
    criterion: Criterion, task: str, model: str, bin: Any, cells: dict, confidence: float
) -> Evidence:
    """The evidence of one cell."""
    values = cells[task, model, bin]
    claimed = criterion.limit
    threshold = criterion.accuracy if criterion.statistic == "success_rate" else claimed
    seeds, reached = len(values), int((values >= threshold).sum())
    low, high = map(float, statistics.wilson(reached, seeds, confidence))
    facts: dict[str, Any] = {}
    if criterion.more_than is not None:
        value, others = reached / seeds, cells[task, criterion.more_than, bin]
        other_seeds, other_reached = len(others), int((others >= threshold).sum())
        facts = {"other": criterion.more_than, "other_seeds": other_seeds}
        facts |= {"other_reached": other_reached}
        facts |= {"p": exact(reached, seeds, other_reached, other_seeds)}
        sides = _differences(reached, seeds, other_reached, other_seeds, confidence)
    elif criterion.statistic == "success_rate":
        value = reached / seeds
        sides = _rates(reached, seeds, claimed, confidence)
    elif criterion.statistic == "best":
        value = float(values.max())
        sides = _rates(reached, seeds, RARE, confidence) if not reached else np.ones(1)
    else:
        value = float(np.median(values))
        low, high = map(float, statistics.median_interval(values, confidence))
        # The median reaches what at least half of the seeds do.
        sides = _rates(reached, seeds, 0.5, confidence)
        sides[: max(1, statistics.fewest_for_median(confidence) - seeds)] = 0
        sides[0] = _side(low, high, claimed)
    decided = np.flatnonzero(sides)
    if sides[0] == 0:
        verdict = UNDETERMINED
    else:
        verdict = SUPPORTED if (sides[0] > 0) == (criterion.below is None) else CONTRADICTED
    return Evidence(
        task, model, bin, criterion, threshold, seeds, reached, value, low, high, verdict,
        more=int(decided[0]) if len(decided) else None,
        **facts,
    )  # fmt: skip


def _side(low, high, claimed: float) -> np.ndarray:
    """1 where an interval is not below `claimed`, -1 where it is, 0 where on both sides or NaN."""
    return np.where(low >= claimed, 1, np.where(high < claimed, -1, 0))


def _rates(reached: int, seeds: int, claimed: float, confidence: float) -> np.ndarray:
    """On which side of `claimed` the rate is with 0, 1, 2, … further seeds that come out alike."""
    trials = seeds + np.arange(MANY)
    successes = np.rint(reached / seeds * trials).astype(int)
    return _side(*statistics.wilson(successes, trials, confidence), claimed)


def _differences(
    reached: int, seeds: int, other_reached: int, other_seeds: int, confidence: float
) -> np.ndarray:
    """Whose rate is higher, as for `_rates`, with 0, 1, 2, … further seeds of both models."""
    rate, other_rate = reached / seeds, other_reached / other_seeds
    for more in range(MANY if rate != other_rate else 0):
        counts = [round(rate * (seeds + more)), seeds + more]
        counts += [round(other_rate * (other_seeds + more)), other_seeds + more]
        if exact(*counts) <= 1 - confidence:
            return np.array([0] * more + [1 if rate > other_rate else -1])
    return np.zeros(1, dtype=int)
