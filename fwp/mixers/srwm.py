"""SRWM: a weight matrix that learns to modify itself (Schmidhuber 1993; Irie et al. 2022)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.linear import Linear
from fwp.ops.self_reference import Matrices, self_reference


class SelfReferentialWeightMatrix(nn.Module):
    """There is no slow net: the matrix that maps input to output also produces its own updates. Per
    head,

        y_t, q_t, k_t, b_t = x_t W_{t-1}        W = [W_y, W_q, W_k, W_β]
        W^i_t = W^i_{t-1} + k ⊗ β_i (q W^i_{t-1} - k W^i_{t-1})

    for i in y, q, k, β, where q = softmax(q_t), k = softmax(k_t), and β = σ(b_t) holds one rate for
    each of the four. Only W_0 is trained.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        updated: which matrices change over time, letters of y, q, k and b (for W_β). Without y, no
            change is ever read, so the mixer has no memory.
        rates: each (one rate for each matrix), or one for all.
        init: of W_y, W_q and W_k: paper (N(0, 1/D), W_q a hundredth of that, so that the matrix
            hardly modifies itself at first), equal (N(0, 1/D) for all three) or orthogonal (W_q
            times 0.01). W_β is drawn from N(-1, 1/D): small rates.
    """

    title = "SRWM"
    state_names = ("W_y", "W_q", "W_k", "W_β")
    look = ("#eba21a", "dash_dot_dot", "X")
    wiring = "normed_skip"
    initial_options = ("init",)

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        updated: Literal[
            "yqkb", "yqk", "yqb", "ykb", "yq", "yk", "yb", "y", "q", "k", "b"
        ] = "yqkb",
        rates: Literal["each", "one"] = "each",
        init: Literal["paper", "equal", "orthogonal"] = "paper",
    ):
        super().__init__()
        self.heads = heads
        self.updated = updated
        width = hidden // heads
        self.w_y = nn.Parameter(torch.empty(heads, width, width))
        self.w_q = nn.Parameter(torch.empty(heads, width, width))
        self.w_k = nn.Parameter(torch.empty(heads, width, width))
        self.w_beta = nn.Parameter(torch.empty(heads, width, 4 if rates == "each" else 1))
        self.out = Linear(hidden, hidden, bias=False)
        std = width**-0.5
        scheme = "orthogonal" if init == "orthogonal" else "normal"
        for matrix, size in (
            (self.w_y, 1),
            (self.w_q, 1 if init == "equal" else 0.01),
            (self.w_k, 1),
        ):
            initialisation.square(matrix.data, scheme, size * std)
        nn.init.normal_(self.w_beta, mean=-1.0, std=std)

    def forward(self, x: Tensor, state: Matrices | None = None):
        """Map x [B, T, hidden] to y; the state is (W_y, W_q, W_k, W_β), each [B, H, D, ·]."""
        split = x.view(*x.shape[:2], self.heads, -1)
        y, state = self_reference(
            split, *self.initial_state(), initial_state=state, updated=self.updated
        )
        return self.out(y.flatten(2)), state

    def initial_state(self) -> tuple[Tensor, ...]:
        """The state before the first symbol, without its batch axis: what is trained.

        With one rate for all, W_β has four equal columns: they change alike and stay equal.
        """
        w_beta = self.w_beta.expand(-1, -1, 4).contiguous()
        return self.w_y, self.w_q, self.w_k, w_beta


MIXER = SelfReferentialWeightMatrix
