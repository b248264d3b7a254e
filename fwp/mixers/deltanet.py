"""DeltaNet: fast weights written by the delta rule (Schlag, Irie, Schmidhuber 2021)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp import initialisation
from fwp.feature_maps import FEATURE_MAPS
from fwp.linear import Linear
from fwp.ops.delta_rule import delta_rule


class DeltaNet(nn.Module):
    """A write replaces what the key retrieves instead of adding to it:

        S_t = S_{t-1} + k_t ⊗ β_t (v_t - k_t S_{t-1})        y_t = q_t S_t        β_t = σ(w_β x_t)

    with q and k mapped by φ.

    Args:
        hidden: width of input and output.
        heads: number of heads, each with its own rate β; must divide `hidden`.
        feature_map: φ, one of `fwp.feature_maps`; elu_sum is elu + 1, divided by its sum.
        rate: learnt, or one for β = 1.
        init: of the matrices that make q, k and v: uniform (PyTorch's U(-1/√hidden, 1/√hidden)),
            xavier or orthogonal.
    """

    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        feature_map: Literal["elu", "elu_sum", "softmax", "silu_l2"] = "elu_sum",
        rate: Literal["learnt", "one"] = "learnt",
        init: Literal["uniform", "xavier", "orthogonal"] = "uniform",
    ):
        super().__init__()
        self.heads = heads
        self.feature_map = FEATURE_MAPS[feature_map]
        rates = heads if rate == "learnt" else 0
        self.qkv_beta = Linear(hidden, 3 * hidden + rates, bias=False)
        self.out = Linear(hidden, hidden, bias=False)
        if init != "uniform":
            qkv = self.qkv_beta.weight.data[: 3 * hidden]
            initialisation.square(qkv.view(3, hidden, hidden), init)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S,), [B, H, D, D]."""
        hidden = x.shape[-1]
        rates = self.qkv_beta.out_features - 3 * hidden
        qk, v, beta = self.qkv_beta(x).split((2 * hidden, hidden, rates), dim=-1)
        heads = (self.heads, hidden // self.heads)
        q, k = self.feature_map(qk.unflatten(-1, (2, *heads))).unbind(2)
        beta = torch.sigmoid(beta) if rates else torch.ones_like(q[..., 0])
        memory = None if state is None else state[0]
        y, memory = delta_rule(q, k, v.unflatten(-1, heads), beta, initial_state=memory)
        return self.out(y.flatten(2)), (memory,)


MIXER = DeltaNet
