"""The linear Transformer: fast weights written by the sum rule.

Schmidhuber 1992 as a recurrent net, Katharopoulos et al. 2020 as a Transformer.
"""

from typing import Literal

from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.feature_maps import FeatureMap, attention_normalise, running_sum
from fwp.nn.linear import Linear
from fwp.nn.split import split
from fwp.ops.linear_attention import linear_attention


class LinearAttention(nn.Module):
    """Attention without softmax, whose memory is one matrix per head:

        S_t = S_{t-1} + φ(k_t) ⊗ v_t        y_t = φ(q_t) S_t        no normaliser

    With the attention normaliser, y_t = φ(q_t) S_t / (φ(q_t) · z_t) with z_t = z_{t-1} + φ(k_t).
    Nothing is ever forgotten: the transition is the identity, and all its eigenvalues are 1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        feature_map: φ, one of `fwp.nn.feature_maps`; elu is elu + 1.
        nu: ν of dpfp, which makes 2ν features of each unit of a key; of favor, the number of random
            directions, which make two features each.
        normaliser: none; sum, φ(q) and φ(k) divided by their sums; or attention.
        init: of the matrices that produce q, k and v: uniform (PyTorch's U(-1/√hidden, 1/√hidden)),
            xavier or orthogonal.
    """

    title = "Linear Transformer"
    state_names = ("S",)
    look = ("#0072b2", "dash_dot", "v")
    wiring = "pre_norm"
    initial_options = ("init",)

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        feature_map: Literal[
            "elu", "elu_sum", "relu", "softmax", "silu_l2", "dpfp", "favor"
        ] = "elu",
        nu: int = 1,
        normaliser: Literal["none", "sum", "attention"] = "none",
        init: Literal["uniform", "xavier", "orthogonal"] = "uniform",
    ):
        super().__init__()
        self.heads = heads
        self.feature_map = FeatureMap(feature_map, hidden // heads, nu, normaliser)
        self.normalised = normaliser == "attention"
        self.qkv = Linear(hidden, 3 * hidden, bias=False)
        self.out = Linear(hidden, hidden, bias=False)
        if init != "uniform":
            initialisation.square(self.qkv.weight.data.view(3, hidden, hidden), init)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (S,), [B, H, K, D] with K features per key; (S, z [B, H, K]) with the attention
        normaliser.
        """
        q, k, v = split(self.qkv(x), 3 * ((self.heads, x.shape[-1] // self.heads),))
        memory, *weight = (None, None) if state is None else state
        after, inside = (), self.feature_map.in_op
        if inside == "none":
            q, k = self.feature_map(q), self.feature_map(k)
        if self.normalised:
            z = running_sum(k, *weight)
            q, after = attention_normalise(q, z), (z[:, -1],)
        y, memory = linear_attention(q, k, v, initial_state=memory, feature_map=inside)
        return self.out(y.flatten(2)), (memory, *after)


MIXER = LinearAttention
