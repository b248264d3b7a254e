"""What Lu, Shi, Liu, Hu, Du and Xu (ICML 2024, arXiv 2405.17358) state, in words of their abstract."""

from typing import NamedTuple


class Statement(NamedTuple):
    """One model earns more than another, in all environments, at horizons beyond the training.

    Attributes:
        quote: the words of the paper.
        better, worse: mixers.
    """

    quote: str
    better: str
    worse: str


_RESULTS = (
    "empirical results highlighting the sub-optimal performance of Transformer and considerable "
    "strength of LRU"
)
_RECURRENCE = (
    "regular languages, which Transformers struggle to model, are reducible to POMDPs […] due to "
    "their lack of inherent recurrence found in other models like RNNs"
)
STATEMENTS = (
    Statement(_RESULTS, "lru", "transformer"),
    Statement(_RECURRENCE, "lstm", "transformer"),
)
