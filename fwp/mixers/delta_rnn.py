"""Delta RNN: the fast net is a recurrent net, whose two matrices are written (Irie et al. 2021)."""

import torch
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.split import split
from fwp.ops.delta_rnn import delta_rnn
from fwp.ops.delta_rule import delta_rule


class DeltaRNN(nn.Module):
    """DeltaNet whose output is fed back through a second fast weight matrix R. Per head,

        W_t = W_{t-1} + k_t ⊗ β_t (v_t - k_t W_{t-1})        β_t = σ(w_β x_t)
        R_t = R_{t-1} + k'_t ⊗ β'_t (v'_t - k'_t R_{t-1})    β'_t = σ(w'_β x_t)
        y_t = q_t W_t + softmax(y_{t-1}) R_t

    q and k are mapped by elu + 1, divided by its sum; k' is mapped by softmax, like the y that
    reads R. What is written depends only on x: the recurrence is in the fast net. In Recurrent
    Delta it is in the slow net.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
    """

    title = "Delta RNN"
    state_names = ("W", "R", "y")
    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.inputs = Linear(hidden, 5 * hidden + 2 * heads, bias=False)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y; the state is (W, R, y), two [B, H, D, D] and [B, H, D]."""
        heads = (self.heads, x.shape[-1] // self.heads)
        parts = split(self.inputs(x), (*5 * (heads,), self.heads, self.heads))
        q, k, v, rec_k, rec_v, beta, rec_beta = parts
        memory, recurrent = (None, None) if state is None else (state[0], (state[1], state[2]))
        z, memory = delta_rule(
            q, k, v, beta, initial_state=memory, feature_map="elu_sum", gate="sigmoid"
        )
        rec_k, rec_beta = torch.softmax(rec_k, dim=-1), torch.sigmoid(rec_beta)
        y, recurrent = delta_rnn(z, rec_k, rec_v, rec_beta, initial_state=recurrent)
        return self.out(y.flatten(2)), (memory, *recurrent)


MIXER = DeltaRNN
