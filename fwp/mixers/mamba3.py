"""Mamba-3: Mamba-2 with turning states and the trapezoidal rule (Lahoti et al. 2026)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.rms_norm import RMSNorm
from fwp.nn.sizes import at_least_one
from fwp.nn.step_size import initial_steps
from fwp.ops.gated_linear_attention import gated_linear_attention


class Mamba3(nn.Module):
    """A state that fades and turns as the input says, written to twice per symbol. Per head,

        S_t = α_t R_t S_{t-1} + α_t (1 - λ_t) Δ_t R_t k_{t-1} ⊗ v_{t-1} + λ_t Δ_t k_t ⊗ v_t
        y_t = q_t S_t + D v_t        α_t = exp(-A_t Δ_t)        Δ_t = softplus(w_Δ x_t + b_Δ)
        output: W_out (y_t ∘ silu(W_z x_t))

    R_t turns pairs of neighbouring units, among the first half of a key, by -θ_t = -π tanh(W_θ x_t)
    Δ_t. A_t = f(w_A x_t), at least 0.0001, with f(a) = 1 + a for a ≥ 0 and 1 / (1 - a) below. λ_t
    is σ of a linear map. q and k are normalised and have a bias for each head, 1 at first. Keys and
    queries are shared by the heads, as are angles without Δ.

    The transition α_t R_t has the eigenvalues α_t e^{±iθ_t} and α_t: complex ones, which depend on
    the input. So one layer can flip a sign, or count in a circle.

    Mamba's blocks have no feed-forward part (`feed_forward: 0`). This is the model with one input
    and one output per head, without the optional norm of outputs; f is that of the authors' present
    code, which had a softplus before.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `expand` · `hidden`.
        states: units of a key; with rotation, a multiple of 4.
        expand: the heads together are `expand` · `hidden` wide.
        rotation: whether states turn; if not, R is the identity.
        trapezoid: whether a symbol is written at two steps; if not, λ = 1. Without both, the
            recurrence is that of Mamba-2.
    """

    title = "Mamba-3"
    state_names = ("S", "key", "value")
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        states: int = 16,
        expand: int = 2,
        rotation: bool = True,
        trapezoid: bool = True,
    ):
        super().__init__()
        at_least_one(states=states, expand=expand)
        inner = expand * hidden
        if inner % heads:
            raise ValueError(f"heads must divide expand · hidden = {inner}, got {heads}")
        if rotation and states % 4:
            raise ValueError(f"states must be a multiple of 4 with rotation, got {states}")
        self.heads, self.rotation, self.trapezoid = heads, rotation, trapezoid
        angles = states // 4 if rotation else 0
        self.sizes = (inner, inner, 2 * states, heads, heads, heads if trapezoid else 0, angles)
        self.inputs = Linear(hidden, sum(self.sizes), bias=False)
        self.step = nn.Parameter(initial_steps(heads))
        self.norms = nn.ModuleList([RMSNorm(states), RMSNorm(states)])
        self.bias = nn.Parameter(torch.ones(2, heads, states))
        self.skip = nn.Parameter(torch.ones(heads))
        self.out = Linear(inner, hidden, bias=False)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is S [B, H, N, P], and the last key [B, H, N] and value [B, H, P].
        """
        gate, v, qk, step, rate, share, angle = self.inputs(x).split(self.sizes, dim=-1)
        v = v.unflatten(-1, (self.heads, -1))
        both = qk.unflatten(-1, (2, 1, -1)).unbind(2)
        q, k = (n(part) + b for n, part, b in zip(self.norms, both, self.bias, strict=True))
        step = F.softplus(step + self.step)
        falling, rising = rate.clamp(max=0), rate.clamp(min=0)
        alpha = torch.exp(-(rising + 1 / (1 - falling)).clamp(min=1e-4) * step)
        share = torch.sigmoid(share) if self.trapezoid else torch.ones_like(step)
        last, turn = k[:, -1], None
        if self.rotation:  # in a frame that turns with the state, and is at rest before x
            steps = math.pi * torch.tanh(angle).unsqueeze(2) * step.unsqueeze(-1)
            turn = steps.double().cumsum(1)
            q, k = _turned(q, turn), _turned(k, turn)
        y, S = self._recur(q, k, v, alpha, share * step, (1 - share) * step, state)
        if turn is not None:
            S = _turned(S.mT, -turn[:, -1].unsqueeze(2)).mT.contiguous()
        y = (y + self.skip.unsqueeze(-1) * v).flatten(2) * F.silu(gate)
        return self.out(y), (S, last, v[:, -1])

    def _recur(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        alpha: Tensor,
        now: Tensor,
        before: Tensor,
        state: tuple[Tensor, ...] | None,
    ) -> tuple[Tensor, Tensor]:
        """The recurrence with R = I, by one that writes the previous symbol at once.

        With U_t = S_{t-1} + (1 - λ_t) Δ_t k_{t-1} ⊗ v_{t-1}, it is S_t = α_t U_t + λ_t Δ_t k_t ⊗
        v_t, and U_t = α_{t-1} U_{t-1} + ((1 - λ_t) Δ_t + λ_{t-1} Δ_{t-1}) k_{t-1} ⊗ v_{t-1}. At
        first U_1 = S_0 + (1 - λ_1) Δ_1 k_0 ⊗ v_0.
        """
        S, key, value = state or (None, torch.zeros_like(k[:, 0]), torch.zeros_like(v[:, 0]))
        earlier = torch.cat((key.unsqueeze(1), k[:, :-1]), dim=1)
        written = torch.cat((value.unsqueeze(1), v[:, :-1]), dim=1)
        one = torch.ones_like(alpha[:, :1])
        fade = torch.cat((one, alpha[:, :-1]), dim=1).unsqueeze(-1)
        rate = before + torch.cat((torch.zeros_like(one), now[:, :-1]), dim=1)
        alpha, now = alpha.unsqueeze(-1), now.unsqueeze(-1)
        read, U = gated_linear_attention(alpha * q, rate.unsqueeze(-1) * earlier, written, fade, S)
        y = read + now * (q * k).sum(-1, keepdim=True) * v
        new = (now[:, -1] * k[:, -1]).unsqueeze(-1) * v[:, -1].unsqueeze(-2)
        return y, alpha[:, -1].unsqueeze(-1) * U + new


def _turned(x: Tensor, angles: Tensor) -> Tensor:
    """The first pairs of units of x [..., N] turned by so many angles [..., N / 4]."""
    cos, sin = (wave.to(x.dtype).unsqueeze(-1) for wave in (angles.cos(), angles.sin()))
    turning, resting = x.split((2 * angles.shape[-1], x.shape[-1] - 2 * angles.shape[-1]), dim=-1)
    pairs = turning.unflatten(-1, (-1, 2))
    first, second = pairs.unbind(-1)
    pairs = cos * pairs + sin * torch.stack((-second, first), dim=-1)
    return torch.cat((pairs.flatten(-2), resting), dim=-1)


MIXER = Mamba3
