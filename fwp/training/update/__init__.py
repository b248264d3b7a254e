"""The update of weights by one kernel, on a CPU and on a GPU."""

import math

from fwp.config.settings import TrainingSettings


def numbers(own: TrainingSettings) -> tuple[float, ...]:
    """What an update is told of a model: β₁, β₂, ε, weight decay, and the norm's bound or ∞."""
    return *own.betas, own.eps, own.weight_decay, math.inf if own.clip is None else own.clip
