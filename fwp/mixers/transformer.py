"""Causal softmax attention (Vaswani et al. 2017), without positional encoding."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.linear import Linear
from fwp.packs import folded


class SoftmaxAttention(nn.Module):
    """Multi-head attention over the past, initialised like `torch.nn.MultiheadAttention`.

    Its state is not of fixed size: it is the cache of all keys and values so far.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
    """

    wiring = "post_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.qkv = Linear(hidden, 3 * hidden)
        self.out = Linear(hidden, hidden)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (keys, values), [B, H, t, D]."""
        batch, time, hidden = x.shape
        split = self.qkv(x).view(batch, time, 3, self.heads, hidden // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        if state is None:
            attend = functools.partial(F.scaled_dot_product_attention, is_causal=True)
        else:
            k, v = torch.cat((state[0], k), dim=2), torch.cat((state[1], v), dim=2)
            past = k.shape[2] - time
            seen = torch.ones(time, past + time, dtype=torch.bool, device=x.device).tril(past)
            attend = functools.partial(F.scaled_dot_product_attention, attn_mask=seen)
        y = folded(attend, q, k, v)
        return self.out(y.transpose(1, 2).reshape(batch, time, hidden)), (k, v)


MIXER = SoftmaxAttention
