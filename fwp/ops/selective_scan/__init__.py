"""The selective scan: a diagonal linear recurrence steered by the input (Mamba; Gu & Dao, 2023)."""

import torch
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op

LARGEST = 2**26  # numbers in the states that the parallel form holds at once


def _typical(x: Tensor, delta: Tensor, A: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
    return x, delta.sigmoid(), -A.exp(), b, c


def _decay(delta: Tensor, A: Tensor, allow_neg_eigval: bool) -> Tensor:
    power = torch.exp(delta.unsqueeze(-1) * A)
    return 2 * power - 1 if allow_neg_eigval else power


@op(cost=lambda n: 4 * n["D"] * n["K"], typical=_typical)
def selective_scan(
    x: Float[Tensor, "B T D"],
    delta: Float[Tensor, "B T D"],
    A: Float[Tensor, "D K"],
    b: Float[Tensor, "B T K"],
    c: Float[Tensor, "B T K"],
    h: Float[Tensor, "B D K"],
    *,
    allow_neg_eigval: bool = False,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D K"]]:
    """Every unit has a state of K numbers, each decaying by itself.

        h_t = a_t ∘ h_{t-1} + Δ_t x_t ⊗ b_t,   y_t = h_t c_t,   a_t = exp(Δ_t A)

    A state is [D, K], and Δ_t and x_t are of its rows, b_t and c_t of its columns.

    Args:
        x: inputs [B, T, D].
        delta: steps Δ [B, T, D], positive.
        A: rates [D, K], negative, so that a_t lies in (0, 1).
        b, c: what of x is written to each number, and what is read of each, [B, T, K].
        initial_state: h_0 [B, D, K]; None means zeros.
        allow_neg_eigval: a_t = 2 exp(Δ_t A) − 1, in (−1, 1) (Grazzi et al., 2024).

    Returns:
        y [B, T, D] and h_T [B, D, K].
    """
    outputs = []
    for t in range(x.shape[1]):
        written = torch.einsum("bd,bk->bdk", delta[:, t] * x[:, t], b[:, t])
        h = _decay(delta[:, t], A, allow_neg_eigval) * h + written
        outputs.append(torch.einsum("bdk,bk->bd", h, c[:, t]))
    return torch.stack(outputs, dim=1), h


def _anywhere(_: dict[str, Tensor]) -> None:
    """Usable everywhere, but not something that `torch.vmap` sees through."""


@selective_scan.backend(_anywhere, packs=True)
def parallel(
    x: Tensor, delta: Tensor, A: Tensor, b: Tensor, c: Tensor, h: Tensor, *, allow_neg_eigval: bool
) -> tuple[Tensor, Tensor]:
    """Many steps at once, in log₂ of them passes over their states; A is of R models, [R, D, K]."""
    A = A.repeat_interleave(len(x) // len(A), dim=0).unsqueeze(1)
    steps = max(1, LARGEST // A.numel())
    pieces = zip(*(part.split(steps, dim=1) for part in (x, delta, b, c)), strict=True)
    outputs = []
    for x_t, delta_t, b_t, c_t in pieces:
        written = torch.einsum("btd,btk->btdk", delta_t * x_t, b_t)
        states = _Scan.apply(_decay(delta_t, A, allow_neg_eigval), written, h)
        outputs.append(torch.einsum("btdk,btk->btd", states, c_t))
        h = states[:, -1]
    return torch.cat(outputs, dim=1), h


class _Scan(torch.autograd.Function):
    """h_t = a_t ∘ h_{t-1} + x_t for [B, T, ...]; back in time it is the same recurrence."""

    @staticmethod
    def forward(ctx, a, x, h_0):
        first = (x[:, :1] + a[:, :1] * h_0.unsqueeze(1), x[:, 1:])
        states = _scan(a, torch.cat(first, dim=1))
        ctx.save_for_backward(a, states, h_0)
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        a, states, h_0 = ctx.saved_tensors
        later = torch.cat((a[:, 1:], a[:, :1]), dim=1)
        dx = _scan(later.flip(1), gradient.flip(1)).flip(1)
        before = torch.cat((h_0.unsqueeze(1), states[:, :-1]), dim=1)
        return dx * before, dx, a[:, 0] * dx[:, 0]


def _scan(a: Tensor, x: Tensor) -> Tensor:
    """x_t + a_t x_{t-1} + a_t a_{t-1} x_{t-2} + …, the reach doubled in every pass."""
    reach = 1
    while reach < x.shape[1]:
        x = torch.cat((x[:, :reach], x[:, reach:] + a[:, reach:] * x[:, :-reach]), dim=1)
        a = torch.cat((a[:, :reach], a[:, reach:] * a[:, :-reach]), dim=1)
        reach *= 2
    return x
