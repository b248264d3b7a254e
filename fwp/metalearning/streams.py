"""What a model reads: examples with labels, one after the other, and questions about examples.

An input is the vector [x; domain; label; unknown]. `domain` is one-hot and says which of the two
domains x is from, as the images of two data sets would, and as in Javed and White (2019).
`unknown` is 1 where there is no label. The label is

- synchronous: x's own, so that x and its label are read together (arXiv 2312.00276);
- delayed: that of the example before, so that each x is a question, too (arXiv 2202.05780, section
  on sequential adaptation). Before the first example it is unknown.

A question has the unknown label if labels are synchronous, and the last one otherwise.
"""

import numpy as np

from fwp.metalearning.tasks import Examples

DOMAINS = 2
LABELS = ("synchronous", "delayed")


def width(inputs: int, outputs: int) -> int:
    """Size of an input vector."""
    return inputs + DOMAINS + outputs + 1


def reading(
    examples: Examples, domain: int, labels: str, before: np.ndarray | None = None
) -> np.ndarray:
    """Input vectors float32 [B, N, width] of examples to learn from.

    Args:
        examples: of one task for each row.
        domain: 0 or 1.
        labels: one of `LABELS`.
        before: the last labels [B, outputs] of what was read before, which are fed with the first
            examples if labels are delayed; None at the start.
    """
    if labels not in LABELS:
        raise ValueError(f"labels must be one of {', '.join(LABELS)}, got {labels!r}")
    shown = examples.y if labels == "synchronous" else _delayed(examples.y, before)
    unknown = np.zeros((*examples.y.shape[:2], 1), np.float32)
    unknown[:, 0] = labels == "delayed" and before is None
    return _vectors(examples.x, domain, shown, unknown)


def asking(examples: Examples, domain: int, labels: str, before: np.ndarray | None) -> np.ndarray:
    """Input vectors float32 [B, N, width] of questions, each by itself, after the same stream.

    Args:
        examples: what is asked about; of their labels, only the shape plays a part.
        domain: 0 or 1.
        labels: one of `LABELS`.
        before: the last labels [B, outputs] of the stream; None at its start.
    """
    shown = np.zeros_like(examples.y)
    unknown = np.ones((*examples.y.shape[:2], 1), np.float32)
    if labels == "delayed" and before is not None:
        shown[:] = before[:, None]
        unknown[:] = 0
    return _vectors(examples.x, domain, shown, unknown)


def _delayed(y: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    first = np.zeros_like(y[:, :1]) if before is None else before[:, None]
    return np.concatenate([first, y[:, :-1]], axis=1)


def _vectors(x: np.ndarray, domain: int, shown: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    marker = np.zeros((*x.shape[:2], DOMAINS), np.float32)
    marker[..., domain] = 1
    return np.concatenate([x, marker, shown, unknown], axis=-1)
