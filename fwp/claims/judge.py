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

Losses on texts and scores of translations are judged by means over seeds (`fwp.claims.texts`).

`generalisation`  The median of generalisation lengths, or those of two models (`fwp.claims.reach`).

A claim about several models, tasks or bins is as true as the worst of them, unless it is about a
share of them (`fwp.claims.shares`).

These intervals are for a number of seeds that was fixed beforehand. Whether a verdict also holds if
seeds were added until it fitted is judged by intervals for that (`Evidence.anytime`).

Where settings were searched, seeds are fresh ones of the chosen settings, and evidence has how many
of the settings reach the threshold: with one setting, a verdict is about that setting.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fwp.claims import reach, sides
from fwp.claims.claim import EVERY, MEANS, REACH, Claim, Criterion
from fwp.claims.evidence import (
    CONTRADICTED,
    NOT_TESTED,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    Evidence,
)
from fwp.claims.reach import Lengths
from fwp.claims.searched import Trials
from fwp.claims.shares import Share, share
from fwp.claims.texts import Texts, place_of, weigh
from fwp.results import statistics
from fwp.results.pairwise import exact
from fwp.utils.named_bins import NamedBin

if TYPE_CHECKING:
    from fwp.results.text import TextResults

__all__ = [
    "CONTRADICTED", "NOT_TESTED", "SUPPORTED", "UNDETERMINED", "VERDICTS",
    "Evidence", "Judgement", "judge", "settling",
]  # fmt: skip
RARE = 0.2


@dataclass(frozen=True)
class Judgement:
    """A claim with its verdict, the evidence, and what of it is not in the results.

    Attributes:
        missing: (task, model, bin), the bin by its number where the task has none of that.
        more: further seeds of each cell with the same outcome as these that would settle the claim;
            0 if it is decided, None if even `sides.MANY` would not, or if cells are missing.
        shares: of the criteria that are about a share of cells.
    """

    claim: Claim
    verdict: str
    evidence: list[Evidence]
    missing: list[tuple[str, str, str | int]]
    more: int | None = 0
    shares: tuple[Share, ...] = ()

    @property
    def anytime(self) -> bool:
        """Whether the verdict also holds if seeds were added until it fitted."""
        if self.verdict == CONTRADICTED:
            return any(item.anytime for item in self.evidence if item.verdict == CONTRADICTED)
        return self.verdict == SUPPORTED and all(item.anytime for item in self.evidence)


def judge(
    claims: Iterable[Claim],
    accuracy: pd.DataFrame,
    trials: pd.DataFrame | None = None,
    texts: "TextResults | None" = None,
    groups: Mapping[str, str] | None = None,
) -> list[Judgement]:
    """Compare claims with results.

    Args:
        accuracy: the tidy table of accuracies (`fwp.results.collect`).
        trials: the tidy table of a search (`fwp.results.trials`), if there was one.
        texts: the tidy tables of texts and translations (`fwp.results.text`), if there are any.
        groups: of tasks, by name.

    Returns:
        In the order of the claims, but those that were not tested come last.
    """
    rows = statistics.by_bin(accuracy)
    cells = {
        key: of_cell["sequence_accuracy"].to_numpy()
        for key, of_cell in rows.groupby(["task", "model", "bin"], observed=True)
    }
    bins = {
        str(task): sorted(of_task.unique(), key=NamedBin.parse)
        for task, of_task in rows.groupby("task", observed=True)["bin"]
    }
    models = list(dict.fromkeys(rows["model"].astype(str)))
    far = reach.lengths(accuracy)
    found = _Results(cells, bins, Trials(trials), Texts(texts), models, far, groups or {})
    judged = [_judge(claim, found) for claim in claims]
    return sorted(judged, key=lambda one: one.verdict == NOT_TESTED)


@dataclass(frozen=True)
class _Results:
    """What claims are compared with: accuracies by cell, bins by task, trials, texts."""

    cells: dict
    bins: dict[str, list[str]]
    search: Trials
    texts: Texts
    models: list[str]
    reach: Lengths
    groups: Mapping[str, str]

    def models_of(self, criterion: Criterion) -> tuple[str, ...]:
        """The models of a criterion; of every one, those but the other of a comparison."""
        other = criterion.more_than or criterion.further_than
        every = tuple(model for model in self.models if model != other)
        return every if EVERY in criterion.models else criterion.models

    def languages_of(self, criterion: Criterion) -> tuple[str, ...]:
        """The tasks of a criterion on strings."""
        if EVERY not in criterion.tasks:
            return criterion.tasks
        chosen = criterion.groups
        return tuple(t for t in self.bins if not chosen or self.groups.get(t, "") in chosen)


def _judge(claim: Claim, found: _Results) -> Judgement:
    evidence, further, missing, shares, verdicts = [], [], [], [], set()
    for criterion in claim.criteria:
        own, lacking = [], []
        for at, weighed in _weighed(criterion, claim.confidence, found):
            if weighed is None:
                lacking.append(at)
            else:
                own.append(weighed[0])
                further.append(weighed[1])
        evidence += own
        missing += lacking
        if criterion.is_of_share:
            shares.append(share(criterion, own, len(lacking)))
            verdicts.add(shares[-1].verdict)
        else:
            verdicts |= {item.verdict for item in own} | ({UNDETERMINED} if lacking else set())
    if not evidence:
        verdict = NOT_TESTED
    elif CONTRADICTED in verdicts:
        verdict = CONTRADICTED
    else:
        verdict = SUPPORTED if verdicts == {SUPPORTED} else UNDETERMINED
    more = 0
    if verdict == UNDETERMINED:  # how shares change with seeds depends on which cells change
        more = None if shares else settling(evidence, missing, further)
    return Judgement(claim, verdict, evidence, missing, more, tuple(shares))


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


def _weighed(
    criterion: Criterion, confidence: float, found: _Results
) -> Iterator[tuple[tuple[str, str, str | int], tuple[Evidence, sides.Side] | None]]:
    """All cells of a criterion; None for those that are not in the results."""
    if criterion.statistic in MEANS:
        tasks = found.texts.tasks(criterion)
        for task, model, place in product(tasks, criterion.models, criterion.places):
            at = (task, model, place)
            weighed = weigh(criterion, at, found.texts, confidence, found.search)
            known = found.texts.values(criterion, *at) is not None
            lacking = criterion.than if known and criterion.than else model
            yield (task, lacking, place_of(criterion, place)), weighed
        return
    tasks, models = found.languages_of(criterion), found.models_of(criterion)
    if criterion.statistic == REACH:
        for task, model in product(tasks, models):
            weighed = reach.weigh(criterion, task, model, found.reach, confidence, found.search)
            yield (task, model, reach.PLACE), weighed
        return
    for task, model, bin in product(tasks, models, criterion.bins):
        own = found.bins.get(task, [])
        if isinstance(bin, int) and bin < len(own):
            bin = own[bin]
        at, others = (task, model, bin), filter(None, [model, criterion.more_than])
        known = all((task, name, bin) in found.cells for name in others)
        weighed = _weigh(criterion, at, found.cells, confidence, found.search) if known else None
        yield at, weighed


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
