"""The linear recurrent unit: a diagonal complex recurrence at fixed rates (Orvieto et al. 2023)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fwp.nn.linear import Linear
from fwp.nn.sizes import at_least_one
from fwp.ops.complex_scan import complex_scan


class LRU(nn.Module):
    """Complex numbers that fade and turn, whatever is read:

        h_t = λ ∘ h_{t-1} + e^g ∘ B x_t        λ = exp(-e^ν + i e^θ)
        y_t = Re(C h_t) + D ∘ x_t        output: W_1 gelu(y_t) ∘ σ(W_2 gelu(y_t))

    The transition is diagonal with the eigenvalues λ: complex, in the unit disc, and the same at
    every symbol. So the state is a sum of fading waves; what a symbol means cannot depend on
    others before the output.

    The paper's blocks have no feed-forward part (`feed_forward: 0`).

    Initially |λ|² is uniform over [r_min², r_max²] and the angle over [0, max_phase];
    e^g = √(1 - |λ|²); B and C are complex normal, of variance 1 / width in and 2 / width out.

    Args:
        hidden: width of input and output.
        expand: how many complex numbers the state has per unit of the width.
        r_min, r_max: bounds of |λ| at first; 0.9 and 0.999 suit long memories.
        max_phase: bound of the angles of λ at first.

    Raises:
        ValueError: 0 ≤ r_min < r_max ≤ 1 does not hold, or `max_phase` is not positive.
    """

    title = "LRU"
    state_names = ("h",)
    wiring = "pre_norm"

    def __init__(
        self,
        hidden: int,
        *,
        expand: int = 1,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
    ):
        super().__init__()
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"0 <= r_min < r_max <= 1 must hold, got {r_min} and {r_max}")
        if max_phase <= 0:
            raise ValueError(f"max_phase must be positive, got {max_phase}")
        at_least_one(expand=expand)
        states = expand * hidden
        squared = r_min**2 + torch.rand(states).clamp(1e-6, 1 - 1e-6) * (r_max**2 - r_min**2)
        phase = max_phase * torch.rand(states).clamp(min=1e-6)
        self.log_rate = nn.Parameter((-0.5 * squared.log()).log())
        self.log_angle = nn.Parameter(phase.log())
        self.log_scale = nn.Parameter(0.5 * torch.log1p(-squared))
        self.write = Linear(hidden, 2 * states, bias=False)
        self.read = Linear(2 * states, hidden, bias=False)
        nn.init.normal_(self.write.weight, std=(2 * hidden) ** -0.5)
        nn.init.normal_(self.read.weight, std=states**-0.5)
        self.skip = nn.Parameter(torch.randn(hidden))
        self.out = Linear(hidden, 2 * hidden)

    def forward(self, x: Tensor, state: tuple[Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden].

        The state is (h,), [B, 2N]: N real parts, then N imaginary parts. `read` has the real parts
        of C, then the negative imaginary ones.
        """
        u = self.log_scale.exp().repeat(2) * self.write(x)
        before = None if state is None else state[0]
        h, after = complex_scan(u, self.log_rate.exp(), self.log_angle.exp(), before)
        y = F.gelu(self.read(h) + self.skip * x, approximate="tanh")
        value, gate = self.out(y).chunk(2, dim=-1)
        return value * torch.sigmoid(gate), (after,)


MIXER = LRU
