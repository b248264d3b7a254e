"""From symbols to vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor


class Embedding(torch.nn.Embedding):
    """`torch.nn.Embedding` for an alphabet of a few symbols.

    Its gradient is a matrix product: PyTorch's would sort the tokens.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Vectors [B, T, hidden] of tokens [B, T]."""
        return _Embedding.apply(self.weight, tokens)


class _Embedding(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(weight, tokens):
        return F.embedding(tokens, weight)

    @staticmethod
    def setup_context(ctx, inputs, _):
        weight, tokens = inputs
        ctx.symbols = len(weight)
        ctx.save_for_backward(tokens)

    @staticmethod
    def backward(ctx, d_output):
        (tokens,) = ctx.saved_tensors
        symbols = torch.arange(ctx.symbols, device=tokens.device)
        one_hot = (tokens.flatten().unsqueeze(1) == symbols).to(d_output.dtype)
        return one_hot.T @ d_output.flatten(0, -2), None
