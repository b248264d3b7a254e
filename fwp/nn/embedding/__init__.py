"""From symbols to vectors.

The alphabet is small, so that the gradient is a matrix product: on a GPU PyTorch's would sort the
tokens.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from fwp.kernels.op import op
from fwp.kernels.vmap import in_pack


def _typical(tokens: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    return (tokens.sigmoid() * len(weight)).long().clamp(max=len(weight) - 1), weight


@op(cost=lambda _: 0, typical=_typical)
def embedding(tokens: Int[Tensor, "B T"], weight: Float[Tensor, "V D"]) -> Float[Tensor, "B T D"]:
    """The row of a matrix that each symbol stands for.

    Args:
        tokens: symbols [B, T], from 0 to V - 1.
        weight: a row for each symbol [V, D].

    Returns:
        y [B, T, D].
    """
    return weight[tokens]


def _not_alone_on_cpu(inputs: dict[str, Tensor]) -> str | None:
    if in_pack() or inputs["tokens"].device.type != "cpu":
        return None
    return "it is for packs and GPUs"


@embedding.backend(_not_alone_on_cpu, packs=True)
def one_hot(tokens: Tensor, weight: Tensor) -> Tensor:
    """Rows of R models' matrices [R, V, D]; the gradient is a product with one-hot vectors."""
    return _Embedding.apply(weight, tokens.unflatten(0, (len(weight), -1))).flatten(0, 1)


@embedding.backend()
def fused(tokens: Tensor, weight: Tensor) -> Tensor:
    """PyTorch's own."""
    return F.embedding(tokens, weight)


class Embedding(torch.nn.Embedding):
    """`torch.nn.Embedding` for an alphabet of a few symbols, and for packs."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [B, T, hidden] of tokens [B, T]."""
        return embedding(tokens, self.weight)


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight, tokens):
        models, symbols, _ = weight.shape
        ctx.symbols = symbols
        ctx.save_for_backward(tokens)
        if models > 1:
            tokens = tokens + _range(symbols * models, tokens, symbols).view(-1, 1, 1)
        return F.embedding(tokens, weight.flatten(0, 1))

    @staticmethod
    def backward(ctx, d_output):
        (tokens,) = ctx.saved_tensors
        one_hot = tokens.flatten(1).unsqueeze(-1) == _range(ctx.symbols, tokens)
        return one_hot.to(d_output.dtype).mT @ d_output.flatten(1, 2), None


def _range(end: int, like: Tensor, step: int = 1) -> Tensor:
    return torch.arange(0, end, step, device=like.device)
