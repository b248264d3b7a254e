"""What Lu et al. (ICML 2024, arXiv 2405.17358) state in their abstract."""

from typing import NamedTuple


class Statement(NamedTuple):
    """One model earns more than another with languages, at horizons beyond the training.

    Attributes:
        quote: the words of the paper.
        better, worse: models, named like their mixers.
    """

    quote: str
    better: str
    worse: str


STATEMENTS = (
    Statement(
        "The Deep Linear Recurrent Unit (LRU) emerges as a well-suited alternative for Partially "
        "Observable RL, with empirical results highlighting the sub-optimal performance of "
        "Transformer and considerable strength of LRU.",
        "lru",
        "transformer",
    ),
    Statement(
        "This poses a significant challenge for Transformers in learning POMDP-specific inductive "
        "biases, due to their lack of inherent recurrence found in other models like RNNs.",
        "lstm",
        "transformer",
    ),
)
