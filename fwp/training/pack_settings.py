"""Settings of a pack: which each of its models may have for itself, and which all must share."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from fwp.config.settings import AUXILIARY, TrainingSettings

OWN = ("learning_rate", "schedule", "warmup", "clip", "weight_decay", "betas", "eps", *AUXILIARY)
"""What may differ: the rate, the bound on the gradient, Adam, and the weights of further losses.

The rest decides the program, and so does whether a loss counts at all.
"""

Settings = TrainingSettings | Sequence[TrainingSettings]
"""Of all models of a pack, or one for each."""


def shared(settings: TrainingSettings) -> tuple[tuple[str, Any], ...]:
    """Name and value of every setting that models of one pack must share; hashable."""
    names = [field.name for field in fields(settings) if field.name not in OWN]
    counted = tuple((f"{name} > 0", getattr(settings, name) > 0) for name in AUXILIARY)
    return *((name, getattr(settings, name)) for name in names), *counted


def of_each(settings: Settings, models: int) -> tuple[TrainingSettings, ...]:
    """The settings of each model of a pack.

    Raises:
        ValueError: there are more or fewer than models, or they differ in what must be shared.
    """
    if isinstance(settings, TrainingSettings):
        return (settings,) * models
    if len(settings) != models:
        raise ValueError(
            f"a pack must have one TrainingSettings for all of its models or one for each, got "
            f"{len(settings)} for {models}"
        )
    for i, own in enumerate(settings):
        for (name, first), (_, value) in zip(shared(settings[0]), shared(own), strict=True):
            if value != first:
                raise ValueError(
                    f"training.{name} must be the same for all models of a pack, got {first!r} "
                    f"for model 0 and {value!r} for model {i}; only {', '.join(OWN)} may differ"
                )
    return tuple(settings)
