"""DeltaNet: fast weights written by the delta rule (Schlag, Irie, Schmidhuber 2021)."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn import initialisation
from fwp.nn.feature_maps import FeatureMap, attention_normalise, running_sum
from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.short_convolution import ShortConvolution
from fwp.nn.split import split
from fwp.ops.delta_rule import delta_rule, gated
from fwp.ops.generalised_delta_rule import generalised_delta_rule


class DeltaNet(nn.Module):
    """A write replaces what the key retrieves instead of adding to it:

        S_t = S_{t-1} + k_t ⊗ β_t (v_t - k_t S_{t-1})        y_t = q_t S_t        β_t = σ(w_β x_t)

    with q and k mapped by φ. The transition I - β k⊗k has the eigenvalue 1 - β|k|² along k and 1
    elsewhere. With |k| = 1 (silu_l2) the former is in [0, 1]: the model can forget, but not track
    parity. With β in [0, 2] it is in [-1, 1], and β = 2 is a reflection (Grazzi et al. 2025).

    Args:
        hidden: width of input and output.
        heads: number of heads, each with its own rate β; must divide `hidden`.
        feature_map: φ, one of `fwp.nn.feature_maps`; elu_sum is elu + 1, divided by its sum.
        nu: ν of dpfp, which makes 2ν features of each unit of a key; of favor, the number of random
            directions, which make two features each.
        normaliser: none; sum, φ(q) and φ(k) divided by their sums; or attention: what q and k
            retrieve is divided by q · z_t and k · z_{t-1}, where z is the sum of all keys so far.
        rate: learnt, or one (β = 1).
        allow_neg_eigval: whether β is doubled, to [0, 2].
        conv_size: q, k (before φ) and v (followed by a SiLU) go through a short convolution of that
            width (Yang et al. 2024); 0 leaves it out.
        output_norm: y is divided by its root mean square, head by head (Yang et al. 2024).
        init: of the matrices that produce q, k and v: uniform (PyTorch's U(-1/√hidden, 1/√hidden)),
            xavier or orthogonal.
    """

    title = "DeltaNet"
    state_names = ("S",)
    look = ("#d55e00", "long", "D")
    wiring = "pre_norm"
    initial_options = ("init",)

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        feature_map: Literal[
            "elu", "elu_sum", "relu", "softmax", "silu_l2", "dpfp", "favor"
        ] = "elu_sum",
        nu: int = 1,
        normaliser: Literal["none", "sum", "attention"] = "none",
        rate: Literal["learnt", "one"] = "learnt",
        allow_neg_eigval: bool = False,
        conv_size: int = 0,
        output_norm: bool = False,
        init: Literal["uniform", "xavier", "orthogonal"] = "uniform",
    ):
        super().__init__()
        self.heads = heads
        self.feature_map = FeatureMap(feature_map, hidden // heads, nu, normaliser)
        self.normalised = normaliser == "attention"
        self.doubled = allow_neg_eigval
        self.learnt = rate == "learnt"
        self.qkv_beta = Linear(hidden, 3 * hidden + heads * self.learnt, bias=False)
        self.conv = ShortConvolution(3 * hidden, conv_size) if conv_size else None
        self.norm = RMSNorm(hidden // heads) if output_norm else None
        self.out = Linear(hidden, hidden, bias=False)
        if init != "uniform":
            qkv = self.qkv_beta.weight.data[: 3 * hidden]
            initialisation.square(qkv.view(3, hidden, hidden), init)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (S,), [B, H, K, D] with K features per key; with the attention normaliser z
        [B, H, K] follows, with a short convolution its state.
        """
        hidden = x.shape[-1]
        qkv_shapes, inside = 3 * ((self.heads, hidden // self.heads),), self.feature_map.in_op
        before, after = iter(state or ()), []
        memory = next(before, None)
        z_0 = next(before, None) if self.normalised else None
        rates = (self.heads,) if self.learnt else ()
        if self.conv is None:
            q, k, v, *beta = split(self.qkv_beta(x), (*qkv_shapes, *rates))
        else:
            qkv, *beta = split(self.qkv_beta(x), (3 * hidden, *rates))
            qkv, seen = self.conv(qkv, next(before, None))
            after.append(seen)
            q, k, v = split(qkv, qkv_shapes)
            v = F.silu(v)
        if inside == "none":
            q, k = self.feature_map(q), self.feature_map(k)
        beta, gate = self._rate(q, *beta)
        if self.normalised:
            z = running_sum(k, z_0)
            after.insert(0, z[:, -1])
            read = attention_normalise(k, z - k)
            q, beta = attention_normalise(q, z), gated(beta, gate).unsqueeze(-1)
            y, memory = generalised_delta_rule(
                q, k, beta * v, torch.ones_like(k), -read, beta * k, initial_state=memory
            )
        else:
            options = {"feature_map": inside, "gate": gate}
            y, memory = delta_rule(q, k, v, beta, initial_state=memory, **options)
        if self.norm is not None:
            y = self.norm(y)
        return self.out(y.flatten(2)), (memory, *after)

    def _rate(self, q: Tensor, beta: Tensor | None = None) -> tuple[Tensor, str]:
        """What `delta_rule` takes as β and its gate."""
        if beta is None:
            return q.new_full(q.shape[:3], 2.0 if self.doubled else 1.0), "none"
        return beta, "twice_sigmoid" if self.doubled else "sigmoid"


MIXER = DeltaNet
