"""Verdicts, and what the seeds of one model say about one cell of a claim."""

import math
from dataclasses import dataclass

from fwp.claims.claim import MEANS, Criterion

SUPPORTED, CONTRADICTED, UNDETERMINED = "supported", "contradicted", "undetermined"
NOT_TESTED = "not tested"  # no model, task or bin of the claim is in the results
VERDICTS = (SUPPORTED, CONTRADICTED, UNDETERMINED, NOT_TESTED)


@dataclass(frozen=True)
class Evidence:
    """What the seeds of one model say about one bin of one task.

    Attributes:
        bin: lengths of strings; of a text, "positions 257-4096"; of a translation, how it is
            decoded.
        threshold: the sequence accuracy that a seed must reach; NaN of texts.
        seeds, reached: how many there are, and how many reach the threshold.
        value: the statistic; of texts, the mean over seeds.
        low, high: its interval; of the median and of means NaN if there are too few seeds; of the
            best seed, the interval of the share of seeds that reach the threshold; of texts that
            are compared with `other`, of the difference of the means, this model's less the
            other's.
        p: of the comparison with `other`, the counts of which are other_reached, other_seeds.
        more: further seeds (of each model) that would settle what is undetermined, with the same
            outcome as these; 0 if it is decided, None if even `sides.MANY` would not settle it.
        anytime: whether the verdict also holds if seeds were added until it fitted; None if it is
            undetermined, is about means, or was written before this was judged.
        settings: how many settings a search tried for this model and task; 0 if there was none.
        settings_reached: how many of them reach the threshold on validation strings of these
            lengths; None if there are no validation strings of these lengths.
        settings_seeds, settings_pruned: seeds of each setting; how many settings were stopped
            early, by halving.
        other_value: the mean of `other`, of texts.
        diverged, other_diverged: runs of texts without a loss; see `fwp.claims.texts`.
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
    other_value: float = math.nan
    diverged: int = 0
    other_diverged: int = 0

    @property
    def of_means(self) -> bool:
        """Whether it is about means of a text or translation, not about counts of strings."""
        return self.criterion.statistic in MEANS

    @property
    def difference(self) -> float:
        """The mean less that of the other model; NaN without one."""
        return self.value - self.other_value

    @property
    def as_claimed(self) -> bool:
        """Whether the statistic meets the criterion, regardless of its uncertainty."""
        criterion = self.criterion
        if criterion.further_than is not None:
            return self.difference > 0
        if criterion.lower_than is not None:
            return self.difference < -criterion.margin
        if criterion.higher_than is not None:
            return self.difference > criterion.margin
        if self.other is not None:
            return self.value > self.other_reached / self.other_seeds
        if criterion.at_least is not None:
            return self.value >= criterion.limit
        return self.value < criterion.limit
