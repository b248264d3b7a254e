"""What the constructions of the plain recurrent nets share."""

import numpy as np

from fwp.constructions.machine import machine_of
from fwp.constructions.units import Units, units_of
from fwp.languages.base import Language


def automaton_units(language: Language) -> tuple[Units, int]:
    """The net of a language's automaton, and a width that holds it and one-hot symbols."""
    units = units_of(machine_of(language), len(language.classes))
    return units, max(len(units.b), len(language.alphabet))


def one_hot(language: Language, hidden: int) -> np.ndarray:
    """An embedding [symbols, hidden] with one unit per symbol."""
    return np.eye(len(language.alphabet), hidden)


def padded(array: np.ndarray, *shape: int) -> np.ndarray:
    """The array in the corner of a larger one, with zeros around it."""
    return np.pad(array, [(0, n - m) for n, m in zip(shape, array.shape, strict=True)])


def counted(units: Units, hidden: int, height: float = 1.0) -> dict[str, np.ndarray]:
    """A readout whose logits are how many units of a class are on, by outputs ±`height`."""
    return {
        "readout.weight": padded(units.classes / (2 * height), len(units.classes), hidden),
        "readout.bias": units.classes.sum(1) / 2,
    }
