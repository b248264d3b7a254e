"""A mixer for jobs that have to last, and that may meet with a misfortune of their own."""

import itertools
import os
import time
from pathlib import Path

import torch
from torch import nn

EVALUATIONS = itertools.count()  # of this process
AFTER = 40  # of them, a job that is held waits: some ten epochs


class Unlucky(nn.Module):
    """y_t = λ y_{t-1} + (1 - λ) W x_t.

    Args:
        hidden: width.
        misfortune: "crash" or "memory", which befall the first attempt alone.
        hold: while there is a file of that name, a job on the cluster does not come to its end.
    """

    wiring = "pre_norm"

    def __init__(self, hidden: int, *, misfortune: str = "none", hold: str = "none"):
        super().__init__()
        self.hold = Path(hold) if "SLURM_JOB_ID" in os.environ else None
        self.input = nn.Linear(hidden, hidden)
        self.decay = nn.Parameter(torch.zeros(hidden))
        if misfortune != "none" and "SLURM_JOB_ID" in os.environ:
            seen = Path(f"{misfortune}.seen")
            first = not seen.exists()
            seen.touch()
            if first and misfortune == "crash":
                raise RuntimeError("a crash of the first attempt")
            if first and misfortune == "memory":
                torch.ones(2_100_000_000, dtype=torch.uint8)

    def forward(self, x, state=None):
        # On the cluster a job sleeps most of the time, so that many of them share two cores.
        time.sleep(float(os.environ.get("UNLUCKY_SECONDS", "0")))
        # Signals are heard while it evaluates; a step of training is one piece.
        if self.hold and not self.training and next(EVALUATIONS) >= AFTER:
            while self.hold.exists():
                time.sleep(0.1)
        rate, v = torch.sigmoid(self.decay), self.input(x)
        y = torch.zeros_like(v[:, 0]) if state is None else state[0]
        outputs = []
        for t in range(x.shape[1]):
            y = rate * y + (1 - rate) * v[:, t]
            outputs.append(y)
        return torch.stack(outputs, 1), (y,)


MIXER = Unlucky
