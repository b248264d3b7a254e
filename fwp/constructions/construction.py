"""What a construction is: a model of the lab, with weights that are set by hand.

All of it is NumPy, so that whether a construction exists is known without PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fwp.config.settings import ModelSettings

WIDEST = 1024
"""Units of a layer; a construction that needs more is not made."""
STEEP = 40.0
"""Slope of thresholds: tanh and σ of half of it are ±1, 0 and 1 in float64, too."""


class NoConstructionError(ValueError):
    """There is none for this mixer, these options and this language; the message says why."""


@dataclass(frozen=True)
class Construction:
    """Sizes and weights of a model that labels a language right.

    Attributes:
        mixer: name of the mixer.
        options: of the mixer.
        hidden, layers, feed_forward: as in a config.
        weights: {parameter: array}; parameters that are not named are 0, weights of norms 1.
        how: what the weights do, in one sentence.
    """

    mixer: str
    options: Mapping[str, object]
    hidden: int
    layers: int
    feed_forward: float
    weights: Mapping[str, np.ndarray]
    how: str

    @property
    def settings(self) -> ModelSettings:
        """The settings of the model."""
        return ModelSettings(
            name=self.mixer,
            mixer=self.mixer,
            hidden=self.hidden,
            layers=self.layers,
            feed_forward=self.feed_forward,
            wiring=None,
            options=dict(self.options),
        )


def require(option: str, options: Mapping[str, object], *allowed: object) -> None:
    """NoConstructionError unless an option has one of the values that the construction needs."""
    if options[option] not in allowed:
        values = " or ".join(str(value).lower() for value in allowed)
        raise NoConstructionError(f"needs {option}: {values}, got {str(options[option]).lower()}")


def require_width(width: int) -> None:
    """NoConstructionError if a layer would be too wide."""
    if width > WIDEST:
        raise NoConstructionError(f"needs {width} units, more than {WIDEST}")
