"""Schemes by which matrices are drawn, where a mixer offers a choice."""

from torch import Tensor, nn


def square(matrices: Tensor, scheme: str, std: float | None = None) -> None:
    """Draw new values for square matrices [..., D, D], independently for each matrix.

    Args:
        scheme: "normal" (N(0, std²); std is 1/√D unless given), "xavier" (uniform, Glorot and
            Bengio 2010) or "orthogonal" (Saxe et al. 2014; times std · √D if that is given).
    """
    width = matrices.shape[-1]
    for matrix in matrices.view(-1, width, width).unbind(0):
        if scheme == "normal":
            nn.init.normal_(matrix, std=width**-0.5 if std is None else std)
        elif scheme == "xavier":
            nn.init.xavier_uniform_(matrix)
        else:
            nn.init.orthogonal_(matrix, gain=1.0 if std is None else std * width**0.5)


def small(weight: Tensor) -> None:
    """Draw a matrix [outputs, inputs] from N(0, 2 / (5 · inputs)) (Nguyen and Salazar 2019)."""
    nn.init.normal_(weight, std=(2 / (5 * weight.shape[1])) ** 0.5)
