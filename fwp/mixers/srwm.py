"""SRWM: a weight matrix that learns to modify itself (Schmidhuber 1993; Irie et al. 2022)."""

import torch
from torch import Tensor, nn

from fwp.ops.self_reference import self_reference


class SelfReferentialWeightMatrix(nn.Module):
    """No slow net: the matrix that maps input to output also produces its own updates. Per head,

        y_t, q_t, k_t, b_t = x_t W_{t-1}        W = [W_y, W_q, W_k, W_β]
        W^i_t = W^i_{t-1} + k ⊗ β_i (q W^i_{t-1} - k W^i_{t-1})

    for i in y, q, k, β, where q = softmax(q_t), k = softmax(k_t), and β = σ(b_t) holds one rate for
    each of the four. Only W_0 is trained.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
    """

    wiring = "normed_skip"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        width = hidden // heads
        self.w_y = nn.Parameter(torch.empty(heads, width, width))
        self.w_q = nn.Parameter(torch.empty(heads, width, width))
        self.w_k = nn.Parameter(torch.empty(heads, width, width))
        self.w_beta = nn.Parameter(torch.empty(heads, width, 4))
        self.out = nn.Linear(hidden, hidden, bias=False)
        std = width**-0.5
        nn.init.normal_(self.w_y, std=std)
        # Almost uniform queries and small rates: the matrix starts by hardly modifying itself.
        nn.init.normal_(self.w_q, std=0.01 * std)
        nn.init.normal_(self.w_k, std=std)
        nn.init.normal_(self.w_beta, mean=-1.0, std=std)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y; the state is (W_y, W_q, W_k, W_β), each [B, H, D, ·]."""
        split = x.view(*x.shape[:2], self.heads, -1)
        y, state = self_reference(
            split, self.w_y, self.w_q, self.w_k, self.w_beta, initial_state=state
        )
        return self.out(y.flatten(2)), state

    def initial_state(self) -> tuple[Tensor, ...]:
        """The state before the first symbol, without its batch axis: what is trained."""
        return self.w_y, self.w_q, self.w_k, self.w_beta


MIXER = SelfReferentialWeightMatrix
