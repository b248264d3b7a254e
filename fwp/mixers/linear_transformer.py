"""The linear Transformer: fast weights written by the sum rule.

Schmidhuber 1992 as a recurrent net, Katharopoulos et al. 2020 as a Transformer.
"""

from torch import Tensor, nn

from fwp.feature_maps import elu_plus_one
from fwp.ops.linear_attention import linear_attention


class LinearAttention(nn.Module):
    """Attention without softmax, whose memory is one matrix per head:

        S_t = S_{t-1} + φ(k_t) ⊗ v_t        y_t = φ(q_t) S_t        φ = elu + 1, no normaliser

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
    """

    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S,), [B, H, D, D]."""
        batch, time, hidden = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.heads, hidden // self.heads)
        q, k = elu_plus_one(qkv[:, :, :2]).unbind(2)
        memory = None if state is None else state[0]
        y, memory = linear_attention(q, k, qkv[:, :, 2], initial_state=memory)
        return self.out(y.flatten(2)), (memory,)


MIXER = LinearAttention
