"""Recurrent Delta: the delta rule with the output fed back into it (Irie et al. 2021)."""

import torch
from torch import Tensor, nn

from fwp.ops.recurrent_delta_rule import recurrent_delta_rule


class RecurrentDelta(nn.Module):
    """DeltaNet whose keys, values, queries and rates also see the previous output.

    Per head, with h = tanh(y_{t-1}) and h = 0 at the first step,

        q_t = softmax(W_q x_t + h R_q)      v_t = W_v x_t + h R_v
        k_t = softmax(W_k x_t + h R_k)      β_t = σ(w_β x_t + h · r_β)
        S_t = S_{t-1} + k_t ⊗ β_t (v_t - k_t S_{t-1})        y_t = q_t S_t

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`. Feedback stays within a head.
    """

    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        width = hidden // heads
        self.qkv_beta = nn.Linear(hidden, 3 * hidden + heads, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)
        self.r_qkv = nn.Parameter(torch.empty(3, heads, width, width))
        self.r_beta = nn.Parameter(torch.empty(heads, width))
        for parameter in (self.r_qkv, self.r_beta):
            nn.init.normal_(parameter, std=width**-0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y of that shape; the state is (S [B, H, D, D], y [B, H, D])."""
        batch, time, hidden = x.shape
        qkv, beta = self.qkv_beta(x).split((3 * hidden, self.heads), dim=-1)
        q, k, v = qkv.view(batch, time, 3, self.heads, hidden // self.heads).unbind(2)
        y, state = recurrent_delta_rule(
            q, k, v, beta, *self.r_qkv.unbind(0), self.r_beta, initial_state=state
        )
        return self.out(y.flatten(2)), state


MIXER = RecurrentDelta
