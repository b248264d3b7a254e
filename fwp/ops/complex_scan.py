"""A linear recurrence of complex numbers, each by itself, at fixed rates (Orvieto et al., 2023)."""

import torch
from torch import Tensor

from fwp.ops.selective_scan import selective_scan


def complex_scan(
    u: Tensor, rate: Tensor, angle: Tensor, initial_state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Every number of the state fades and turns, then takes up its input.

        h_t = exp(−r + iθ) ∘ h_{t-1} + u_t

    In a frame that turns with the state, e^{−iθt} h_t only fades. So `selective_scan`, with a state
    of one number per unit, computes it by its kernels. Every call begins a frame of its own,
    and angles are computed in float64: long strings lose nothing.

    Args:
        u: real parts, then imaginary parts, of the inputs [B, T, 2N].
        rate: r [N], positive.
        angle: θ [N].
        initial_state: h_0 [B, 2N]; None means zeros.

    Returns:
        h_1, …, h_T [B, T, 2N] and h_T [B, 2N].
    """
    T = u.shape[1]
    places = torch.arange(1, T + 1, dtype=torch.float64, device=u.device).unsqueeze(1)
    angles = places * angle.double()
    cos, sin = (wave.repeat(1, 2).to(u.dtype) for wave in (angles.cos(), angles.sin()))
    one, ones = torch.ones_like(u[..., :1]), torch.ones_like(u)
    before = None if initial_state is None else initial_state.unsqueeze(-1)
    rates = -rate.repeat(2).unsqueeze(-1)
    h, _ = selective_scan(_turned(u, cos, -sin), ones, rates, one, one, before)
    h = _turned(h, cos, sin)
    return h, h[:, -1]


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x times cos + i sin."""
    real, imaginary = x.chunk(2, dim=-1)
    return cos * x + sin * torch.cat((-imaginary, real), dim=-1)
