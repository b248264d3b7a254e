"""Causal softmax attention (Vaswani et al. 2017), without positional encoding or with rotary."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn.causal_attention import causal_attention
from fwp.nn.linear import Linear
from fwp.nn.rotary import rotary
from fwp.nn.split import split


class SoftmaxAttention(nn.Module):
    """Multi-head attention over the past, initialised like `torch.nn.MultiheadAttention`. Per head,

        y_t = softmax(q_t K_t^⊤ / √D) V_t        K_t = [K_{t-1}; k_t]        V_t = [V_{t-1}; v_t]

    Its state is the cache of keys and values: all so far, or those that a window still has.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        window: how many symbols a symbol sees at most, itself and those right before it; None for
            all. With a window the cache stops growing.
        positions: none, or rotary: queries and keys are turned by their places (Su et al. 2021), so
            that scores depend on distances.

    Raises:
        ValueError: the window holds no symbol.
    """

    title = "Transformer"
    state_names = ("keys", "values")
    state_grows = True
    look = ("#882255", "dotted", "^")
    wiring = "post_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        window: int | None = None,
        positions: Literal["none", "rotary"] = "none",
    ):
        super().__init__()
        if window is not None and window < 1:
            raise ValueError(f"window must be null or at least 1, got {window}")
        self.heads, self.window, self.positions = heads, window, positions
        self.qkv = Linear(hidden, 3 * hidden)
        self.out = Linear(hidden, hidden)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (keys, values), [B, t, H, D]."""
        batch, time, hidden = x.shape
        parts = split(self.qkv(x), (hidden, hidden, hidden))
        q, k, v = (part.view(batch, time, self.heads, -1) for part in parts)
        if state is not None:
            k, v = torch.cat((state[0], k), dim=1), torch.cat((state[1], v), dim=1)
        kept = slice(0 if self.window is None else max(0, k.shape[1] - self.window + 1), None)
        after = k[:, kept], v[:, kept]
        if self.positions == "rotary":  # of keys as they are kept, from the first of them on
            q, k = rotary(q, k.shape[1] - time), rotary(k)
        y = causal_attention(q, k, v, window=self.window)
        return self.out(y.flatten(2)), after


MIXER = SoftmaxAttention
