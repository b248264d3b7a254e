"""Causal softmax attention (Vaswani et al. 2017), with or without positions."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.causal_attention import causal_attention
from fwp.nn.linear import Linear
from fwp.nn.positions import sinusoidal, with_distances
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
        positions: how a symbol's place enters, if not by the causal mask alone:

            - rotary: queries and keys are turned by their places, so that scores depend on
              distances (Su et al. 2021);
            - alibi: a score falls with the distance, at a fixed slope per head (Press et al. 2022);
            - sinusoidal: sines and cosines of the place are added to x (Vaswani et al. 2017);
            - learnt: a trained vector per place is added to x, at first from N(0, 0.02²). All
              places after the last of them share its vector.
        places: how many places have a vector of their own, if positions are learnt.

    Raises:
        ValueError: the window holds no symbol, or there is no place.
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
        positions: Literal["none", "rotary", "alibi", "sinusoidal", "learnt"] = "none",
        places: int = 512,
    ):
        super().__init__()
        if window is not None and window < 1:
            raise ValueError(f"window must be null or at least 1, got {window}")
        if places < 1:
            raise ValueError(f"places must be at least 1, got {places}")
        self.heads, self.window, self.positions = heads, window, positions
        self.qkv = Linear(hidden, 3 * hidden)
        self.out = Linear(hidden, hidden)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)
        if positions == "learnt":
            self.place = nn.Parameter(torch.empty(places, hidden))
            nn.init.normal_(self.place, std=0.02)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (keys, values), [B, t, H, D]; with sinusoidal or learnt positions also the
        place of the next symbol [B], which a window would forget.
        """
        batch, time, hidden = x.shape
        after = ()
        if self.positions in ("sinusoidal", "learnt"):
            first = x.new_zeros(batch) if state is None else state[2]
            x, after = x + self._vectors(first, time), (first + time,)
        parts = split(self.qkv(x), (hidden, hidden, hidden))
        q, k, v = (part.view(batch, time, self.heads, -1) for part in parts)
        if state is not None:
            k, v = torch.cat((state[0], k), dim=1), torch.cat((state[1], v), dim=1)
        kept = slice(0 if self.window is None else max(0, k.shape[1] - self.window + 1), None)
        after = k[:, kept], v[:, kept], *after
        if self.positions == "rotary":  # of keys as they are kept, from the first of them on
            q, k = rotary(q, k.shape[1] - time), rotary(k)
        elif self.positions == "alibi":
            q, k, v = with_distances(q, k, v)
        y = causal_attention(q, k, v, window=self.window)[..., : hidden // self.heads]
        return self.out(y.flatten(2)), after

    def _vectors(self, first: Tensor, time: int) -> Tensor:
        """What is added to x, for places from `first` [B] on: [B, T, hidden]."""
        places = first.unsqueeze(1) + torch.arange(time, dtype=first.dtype, device=first.device)
        if self.positions == "sinusoidal":
            return sinusoidal(places, self.qkv.in_features)
        return F.embedding(places.clamp(max=len(self.place) - 1).long(), self.place)


MIXER = SoftmaxAttention
