"""DeltaNet: fast weights written by the delta rule (Schlag, Irie, Schmidhuber 2021)."""

import torch
from torch import Tensor, nn

from fwp.feature_maps import normalised_elu_plus_one
from fwp.ops.delta_rule import delta_rule


class DeltaNet(nn.Module):
    """A write replaces what the key retrieves instead of adding to it:

        S_t = S_{t-1} + k_t ⊗ β_t (v_t - k_t S_{t-1})        y_t = q_t S_t        β_t = σ(w_β x_t)

    with q and k mapped by φ = elu + 1 and divided by their sum.

    Args:
        hidden: width of input and output.
        heads: number of heads, each with its own rate β; must divide `hidden`.
    """

    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.qkv_beta = nn.Linear(hidden, 3 * hidden + heads, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S,), [B, H, D, D]."""
        batch, time, hidden = x.shape
        qkv, beta = self.qkv_beta(x).split((3 * hidden, self.heads), dim=-1)
        qkv = qkv.view(batch, time, 3, self.heads, hidden // self.heads)
        q, k = normalised_elu_plus_one(qkv[:, :, :2]).unbind(2)
        memory = None if state is None else state[0]
        y, memory = delta_rule(q, k, qkv[:, :, 2], torch.sigmoid(beta), initial_state=memory)
        return self.out(y.flatten(2)), (memory,)


MIXER = DeltaNet
