"""Recurrent Delta: the delta rule with the output fed back into it (Irie et al. 2021)."""

from typing import Literal

import torch
from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.linear import Linear
from fwp.nn.split import split
from fwp.ops.recurrent_delta_rule import recurrent_delta_rule


class RecurrentDelta(nn.Module):
    """DeltaNet whose keys, values, queries and rates also depend on the previous output.

    Per head, with h = tanh(y_{t-1}) and h = 0 at the first step,

        q_t = softmax(W_q x_t + h R_q)      v_t = W_v x_t + h R_v
        k_t = softmax(W_k x_t + h R_k)      β_t = σ(w_β x_t + h · r_β)
        S_t = S_{t-1} + k_t ⊗ β_t (v_t - k_t S_{t-1})        y_t = q_t S_t

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`. Feedback stays within a head.
        feedback: tanh, or linear for h = y_{t-1}.
        feedback_q, feedback_k, feedback_v, feedback_beta: whether h enters there; if not, R is 0.
        rule: delta, or sum for S_t = S_{t-1} + k_t ⊗ β_t v_t: a linear Transformer with feedback.
        init: of R_q, R_k, R_v: normal (N(0, 1/D)), small (N(0, 0.01/D)) or orthogonal.
    """

    title = "Recurrent Delta"
    state_names = ("S", "y")
    look = ("#2fa87a", "solid", "P")
    wiring = "pre_norm"
    initial_options = ("init",)

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        feedback: Literal["tanh", "linear"] = "tanh",
        feedback_q: bool = True,
        feedback_k: bool = True,
        feedback_v: bool = True,
        feedback_beta: bool = True,
        rule: Literal["delta", "sum"] = "delta",
        init: Literal["normal", "small", "orthogonal"] = "normal",
    ):
        super().__init__()
        self.heads = heads
        self.parts = {"feedback": feedback, "rule": rule}
        self.fed = (feedback_q, feedback_k, feedback_v)
        width = hidden // heads
        self.qkv_beta = Linear(hidden, 3 * hidden + heads, bias=False)
        self.out = Linear(hidden, hidden, bias=False)
        self.r_qkv = self.r_beta = None
        if any(self.fed):
            self.r_qkv = nn.Parameter(torch.empty(sum(self.fed), heads, width, width))
            scheme = "orthogonal" if init == "orthogonal" else "normal"
            std = 0.1 * width**-0.5 if init == "small" else None
            initialisation.square(self.r_qkv.data, scheme, std)
        if feedback_beta:
            self.r_beta = nn.Parameter(torch.empty(heads, width))
            nn.init.normal_(self.r_beta, std=width**-0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y of that shape; the state is (S [B, H, D, D], y [B, H, D])."""
        heads = (self.heads, x.shape[-1] // self.heads)
        q, k, v, beta = split(self.qkv_beta(x), (heads, heads, heads, self.heads))
        y, state = recurrent_delta_rule(
            q, k, v, beta, *self._feedback(x, q.shape[-1]), initial_state=state, **self.parts
        )
        return self.out(y.flatten(2)), state

    def _feedback(self, x: Tensor, width: int) -> list[Tensor]:
        """R_q, R_k, R_v and r_β, with zeros where nothing is fed back."""
        zero = x.new_zeros(self.heads, width, width)
        trained = iter(() if self.r_qkv is None else self.r_qkv.unbind(0))
        matrices = [next(trained) if fed else zero for fed in self.fed]
        return [*matrices, zero[:, 0] if self.r_beta is None else self.r_beta]


MIXER = RecurrentDelta
