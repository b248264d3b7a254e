"""Elman: any finite automaton. Its state is in (-1, 1), so that it holds no counter."""

from collections.abc import Mapping

from fwp.constructions.construction import Construction
from fwp.constructions.plain import automaton_units, counted, one_hot, padded
from fwp.languages.base import Language


def build(language: Language, options: Mapping[str, object]) -> Construction:
    """The units of `fwp.constructions.units`, as they are."""
    units, hidden = automaton_units(language)
    weights = {
        "embedding.weight": one_hot(language, hidden),
        "blocks.0.mixer.w_x": padded(units.w, hidden, hidden),
        "blocks.0.mixer.w_h": padded(units.r, hidden, hidden),
        "blocks.0.mixer.b": padded(units.b, hidden),
        **counted(units, hidden),
    }
    how = "One unit per state and symbol of the automaton, a threshold of the units before."
    return Construction("elman", options, hidden, 1, 2, weights, how)
