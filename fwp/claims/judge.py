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

These intervals are for a number of seeds that was fixed beforehand. Whether a verdict also holds if
seeds were added until it fitted is judged by intervals for that (`Evidence.anytime`).

Where settings were searched, seeds are fresh ones of the chosen settings, and evidence has how many
of the settings reach the threshold: with one setting, a verdict is about that setting.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from fwp.claims import sides
from fwp.claims.claim import Claim, Criterion
from fwp.claims.searched import Trials
from fwp.results import statistics
from fwp.results.pairwise import exact
from fwp.utils.bins import Bin

SUPPORTED, CONTRADICTED, UNDETERMINED = "supported", "contradicted", "undetermined"
NOT_TESTED = "not tested"  # no model, task or bin of the claim is in the results
VERDICTS = (SUPPORTED, CONTRADICTED, UNDETERMINED, NOT_TESTED)
RARE = 0.2


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
            outcome as these; 0 if it is decided, None if even `sides.MANY` would not settle it.
        anytime: whether the verdict also holds if seeds were added until it fitted; None if it is
            undetermined, or was written before this was judged.
        settings: how many settings a search tried for this model and task; 0 if there was none.
        settings_reached: how many of them reach the threshold on validation strings of these
            lengths; None if there are no validation strings of these lengths.
        settings_seeds, settings_pruned: seeds of each setting; how many settings were stopped
            early, by halving.
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
    anytime: bool | None = None
    settings: int = 0
    settings_reached: int | None = None
    settings_seeds: int = 0
    settings_pruned: int = 0

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

    Attributes:
        missing: (task, model, bin), the bin by its number where the task has none of that.
        more: further seeds of each cell with the same outcome as these that would settle the claim;
            0 if it is decided, None if even `sides.MANY` would not, or if cells are missing.
    """

    claim: Claim
    verdict: str
    evidence: list[Evidence]
    missing: list[tuple[str, str, str | int]]
    more: int | None = 0

    @property
    def anytime(self) -> bool:
        """Whether the verdict also holds if seeds were added until it fitted."""
        if self.verdict == CONTRADICTED:
            return any(item.anytime for item in self.evidence if item.verdict == CONTRADICTED)
        return self.verdict == SUPPORTED and all(item.anytime for item in self.evidence)


def judge(
    claims: Iterable[Claim], accuracy: pd.DataFrame, trials: pd.DataFrame | None = None
) -> list[Judgement]:
    """Compare claims with results.

    Args:
        accuracy: the tidy table of accuracies (`fwp.results.collect`).
        trials: the tidy table of a search (`fwp.results.trials`), if there was one.
    """
    rows = statistics.by_bin(accuracy)
    cells = {
        key: of_cell["sequence_accuracy"].to_numpy()
        for key, of_cell in rows.groupby(["task", "model", "bin"], observed=True)
    }
    bins = {
        task: sorted(of_task.unique(), key=Bin.parse)
        for task, of_task in rows.groupby("task", observed=True)["bin"]
    }
    search = Trials(trials)
    return [_judge(claim, cells, bins, search) for claim in claims]


def _judge(claim: Claim, cells: dict, bins: dict, search: Trials) -> Judgement:
    evidence, further, missing = [], [], []
    for criterion in claim.criteria:
        for task, model, bin in product(criterion.tasks, criterion.models, criterion.bins):
            own = bins.get(task, [])
            if isinstance(bin, int) and bin < len(own):
                bin = own[bin]
            others = filter(None, [model, criterion.more_than])
            if all((task, name, bin) in cells for name in others):
                at = (task, model, bin)
                item, side = _weigh(criterion, at, cells, claim.confidence, search)
                evidence.append(item)
                further.append(side)
            else:
                missing.append((task, model, bin))
    verdicts = {item.verdict for item in evidence}
    if not evidence:
        verdict = NOT_TESTED
    elif CONTRADICTED in verdicts:
        verdict = CONTRADICTED
    else:
        verdict = UNDETERMINED if missing or UNDETERMINED in verdicts else SUPPORTED
    more = settling(evidence, missing, further) if verdict == UNDETERMINED else 0
    return Judgement(claim, verdict, evidence, missing, more)


def settling(
    evidence: Iterable[Evidence], missing: Iterable, further: Iterable[sides.Side] = ()
) -> int | None:
    """How many further seeds of each cell would settle an undetermined claim.

    One cell contradicts it; to support it takes all of them, with the same number of seeds.
    """
    evidence = list(evidence)
    against = [item.more for item in evidence if not item.as_claimed and item.more is not None]
    more = [item.more for item in evidence if item.more is not None]
    if against:
        return min(against)
    if missing or len(more) < len(evidence):
        return None
    # What few seeds decide may be open again with more of them, where shares are rounded down.
    numbers = range(max(more), sides.MANY + 1)
    return next((n for n in numbers if all(side(n) for side in further)), None)


def _weigh(
    criterion: Criterion,
    at: tuple[str, str, Any],
    cells: dict,
    confidence: float,
    search: Trials,
) -> tuple[Evidence, sides.Side]:
    """The evidence of one cell (task, model and bin), and what further seeds would show."""
    task, model, bin = at
    values = cells[at]
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
        counts = (reached, seeds, other_reached, other_seeds)
        side = sides.of_difference(*counts, confidence)
        anytime = sides.anytime_difference(*counts, confidence)
    elif criterion.statistic == "success_rate":
        value = reached / seeds
        side = sides.of_rate(reached, seeds, claimed, confidence)
        anytime = sides.anytime(reached, seeds, claimed, confidence)
    elif criterion.statistic == "best":
        value = float(values.max())
        side = (lambda _: 1) if reached else sides.of_rate(0, seeds, RARE, confidence)
        anytime = 1 if reached else sides.anytime(0, seeds, RARE, confidence)
    else:
        value = float(np.median(values))
        low, high = map(float, statistics.median_interval(values, confidence))
        side = sides.of_median(values, claimed, confidence)
        # A median is at least what half of the seeds reach.
        anytime = sides.anytime(reached, seeds, 0.5, confidence)
    now = side(0)
    if now:
        verdict = SUPPORTED if (now > 0) == (criterion.below is None) else CONTRADICTED
    else:
        verdict = UNDETERMINED
    any_seed = criterion.statistic == "best"
    facts |= search.counts(*at, threshold=threshold, any_seed=any_seed)
    evidence = Evidence(
        task, model, bin, criterion, threshold, seeds, reached, value, low, high, verdict,
        more=(sides.fewest_by_halves if criterion.statistic == "median" else sides.fewest)(side),
        anytime=anytime == now if now else None,
        **facts,
    )  # fmt: skip
    return evidence, side
