"""A training run: one model with one seed."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Run:
    """What one training run left behind.

    Attributes:
        seed: the seed of the data order (and, in a cell, of the initial weights).
        status: "solved" (100 % of the validation strings), "budget" (epochs used up), "diverged"
            (the loss was no longer a finite number; the weights are the best before that) or
            "pruned" (a search gave it up; no run of a cell is).
        history: one row per measurement: epoch (the one that is going on), strings so far, seconds
            so far, loss (the epoch's mean so far), one accuracy per validation bin, selection. The
            last row of an epoch is that of its end, or of the run's. Whoever keeps them elsewhere
            leaves the last one here.
        epochs: how many were run; the last one may have ended early.
        best_epoch: the epoch that the weights are from, its end or a measurement within it; 0 = the
            initial ones.
        selection: mean accuracy of these weights on the validation bins.
        weights: the best parameters: those of the first row with this selection.
        seconds: wall time.
    """

    seed: int
    status: str = "budget"
    history: list[dict] = field(default_factory=list)
    epochs: int = 0
    best_epoch: int = 0
    selection: float = 0.0
    weights: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0
