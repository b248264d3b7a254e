"""Constructions: models of the lab with hand-set weights, and theorems, for what can be expressed.

A file per mixer has `build(language, options)`, which returns sizes and weights. `theorems.yaml`
has what is proven possible or impossible. Nothing here imports PyTorch before a model is built.
"""

from fwp.constructions.answers import (
    VERDICTS,
    Answer,
    answer,
    construct,
    mixers_with_constructions,
)
from fwp.constructions.construction import Construction, NoConstructionError
from fwp.constructions.theorems import Theorem, theorems

__all__ = [
    "VERDICTS",
    "Answer",
    "Construction",
    "NoConstructionError",
    "Theorem",
    "answer",
    "construct",
    "mixers_with_constructions",
    "theorems",
]
