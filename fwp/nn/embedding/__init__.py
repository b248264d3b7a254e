"""From symbols to vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.kernels import triton_support
from fwp.kernels.vmap import in_pack, stacked


class Embedding(torch.nn.Embedding):
    """`torch.nn.Embedding` for an alphabet of a few symbols, and for packs.

    Its gradient is a matrix product: on a GPU PyTorch's would sort the tokens.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [B, T, hidden] of tokens [B, T]."""
        if in_pack():
            return _Packed.apply(self.weight, tokens)
        if tokens.device.type == "cpu":
            return F.embedding(tokens, self.weight)
        return embed(self.weight.unsqueeze(0), tokens.unsqueeze(0)).squeeze(0)


def embed(weight: Tensor, tokens: Tensor) -> Tensor:
    """Rows of each of R models' matrices: weight [R, V, D], tokens [R, B, T] → [R, B, T, D]."""
    if triton_support.unusable_device({"weight": weight}) is None:
        from fwp.nn.embedding.triton import embed as kernel

        return kernel(weight, tokens)
    return _Embedding.apply(weight, tokens)


class _Packed(torch.autograd.Function):
    """Under `torch.vmap`, embeds the tokens of the whole pack at once."""

    @staticmethod
    def forward(weight, tokens):
        return embed(weight.unsqueeze(0), tokens.unsqueeze(0)).squeeze(0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep: autograd follows what `vmap` does."""

    @staticmethod
    def vmap(info, in_dims, weight, tokens):
        return embed(*stacked(info.batch_size, (weight, tokens), in_dims)), 0


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
