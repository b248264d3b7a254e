"""RetNet: linear attention whose memory turns and fades at fixed rates (Sun et al. 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.rotary import rotary
from fwp.ops.gated_linear_attention import gated_linear_attention


class Retention(nn.Module):
    """Multi-scale retention: each head forgets at a rate of its own, whatever it reads. Per head h,

        S_t = γ R S_{t-1} + k_t ⊗ v_t        y_t = q_t S_t / √D        γ = 1 - 2^(-5-h)

    R turns neighbouring units 2i and 2i + 1 of a key by the angle -10000^(-2i/D). q, k and v are
    linear in x. The output is W_o (RMSNorm(y) ∘ silu(W_g x)), with a norm for each head.

    The transition γ R has the eigenvalues γ e^{±iθ}: complex, but the same at every symbol.

    Values are as wide as keys here, as in all other models, and not twice as wide.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        rotation: whether memory turns; if not, R is the identity.
        decay: whether memory fades; if not, γ = 1. Without both, it is linear attention.
    """

    title = "RetNet"
    state_names = ("S",)
    wiring = "pre_norm"

    def __init__(self, hidden: int, *, heads: int = 4, rotation: bool = True, decay: bool = True):
        super().__init__()
        self.heads, self.rotation, self.decay = heads, rotation, decay
        self.qkvg = Linear(hidden, 4 * hidden, bias=False)
        self.norm = RMSNorm(hidden // heads)
        self.out = Linear(hidden, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (S [B, H, D, D],)."""
        time = x.shape[1]
        parts = self.qkvg(x).unflatten(-1, (4, self.heads, -1))
        q, k, v, gate = parts.unbind(2)
        before = None if state is None else state[0]
        if self.rotation:  # places begin at 1: the state is where the symbol before x stands
            q, k = rotary(q.contiguous(), 1), rotary(k.contiguous(), 1)
        y, S = gated_linear_attention(
            q * q.shape[-1] ** -0.5, k, v, self._rates(x).expand(*k.shape[:3], 1), before
        )
        y = self.norm(y) * F.silu(gate)
        return self.out(y.flatten(2)), (_turned(S, -time) if self.rotation else S,)

    def _rates(self, like: Tensor) -> Tensor:
        """γ of every head [H, 1]."""
        if not self.decay:
            return like.new_ones(self.heads, 1)
        h = torch.arange(self.heads, dtype=like.dtype, device=like.device)
        return 1 - 2 ** (-5 - h.unsqueeze(-1))


def _turned(S: Tensor, steps: int) -> Tensor:
    """S [B, H, D, D] with its keys turned by so many steps."""
    rows = S.mT.flatten(1, 2).unsqueeze(1).contiguous()
    return rotary(rows, steps).view(S.mT.shape).mT.contiguous()


MIXER = Retention
