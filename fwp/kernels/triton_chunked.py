"""Recurrences over long strings on the GPU, by matrix products within chunks of time.

A loop over time is a chain of short steps; with large states most of a GPU waits for it. Here a
chunk of C steps that starts from the state S is a few products (Yang et al. 2024, 2406.06484 and
2412.06464). With k, q the features, β the rates, and E_ij = Π w_l over j < l ≤ i the decay from
step j to i, γ_i that from the start of the chunk to i, κ_j that from j to its end:

    A = strictly lower triangle of β_i E_ij k_i·k_j,     P = lower triangle of E_ij q_i·k_j
    U = (I + A)⁻¹ β (V − γ K S),     Y = γ Q S + P U,     S ← γ_C S + (κ K)ᵀ U

Linear attention has U = V. The inverses of all chunks come first. A loop over chunks carries the
state. Back through it, with G the gradient of the state after the chunk:

    dU = Pᵀ dY + κ K G,   dR = (I + A)⁻ᵀ dU,   dV = β dR,   G ← γ_C G + (γ Q)ᵀ dY − (γ K)ᵀ dV

The other gradients follow for all chunks at once. E = V − γ K S − (E K Kᵀ) U are the errors and
M the strictly lower triangle of E ∘ dV Uᵀ, D the lower one of E ∘ dY Uᵀ:

    dQ = γ dY Sᵀ + D K,   dK = κ U Gᵀ − γ dV Sᵀ + Dᵀ Q − (M + Mᵀ) K,   dβ = dR · E
    d log w_l = sum over i ≥ l of (q_i · dq_i − v_i · dv_i), plus <S after the chunk, G>

So the rounding of dw = d log w / w grows as w falls: at w = 1e-6 it is a third of the largest dw. A
layer computes w by exp or a sigmoid, whose gradient multiplies by w again; it is small after that.
"""

import torch
import triton
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.kernels.triton_chunk_kernels import (
    backward_inputs,
    backward_states,
    forward,
    invert,
)
from fwp.kernels.triton_features import MAPS

CHUNK = 64
GATES = {"none": 0, "sigmoid": 1, "twice_sigmoid": 2}
PRECISION = "tf32x3"


def chunked(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    S_0: Tensor,
    beta: Tensor | None = None,
    w: Tensor | None = None,
    *,
    feature_map: str = "none",
    gate: str = "none",
) -> tuple[Tensor, Tensor]:
    """Linear attention; with `beta` the delta rule, with `w` too on a state that decays first.

    Args:
        q, k: [B, T, H, K].
        v: [B, T, H, V].
        S_0: [B, H, K, V].
        beta, w: [B, T, H]; w in [0, 1].
        feature_map, gate: as for `fwp.ops.delta_rule`.

    Returns:
        y [B, T, H, V] and the state after the last step.
    """
    inputs = (q, k, v, S_0, beta, w)
    record = records(x for x in inputs if x is not None)
    return _Chunked.apply(record, feature_map, gate, *inputs)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, feature_map, gate, q, k, v, S_0, beta, w):
        (B, T, H, K), V = q.shape, v.shape[-1]
        q, k, v, S_0 = *map(contiguous_end, (q, k, v)), S_0.contiguous()
        y, S_T = q.new_empty(B, T, H, V), torch.empty_like(S_0)
        chunks = triton.cdiv(T, CHUNK)
        modes = {"MAP": MAPS[feature_map], "GATE": GATES[gate], "PRECISION": PRECISION}
        shapes = _shapes(K, V)
        rates = (_steps(beta), _steps(w))
        inverse, u, states = None, None, None
        if beta is not None:
            inverse = q.new_empty(B * H, chunks, CHUNK, CHUNK)
            invert[chunks, B * H](
                k, beta, w, inverse, T, H, K, *k.stride()[:3], *rates[0], *rates[1],
                C=CHUNK, KEYS=shapes["KEYS"], **modes, **_launch("invert", K),
            )  # fmt: skip
        if record:
            states = q.new_empty(B * H, chunks, K, V)
            u = v if beta is None else q.new_empty(B, T, H, V)
        forward[triton.cdiv(V, shapes["VALUES"]), B * H](
            q, k, v, beta, w, inverse, S_0, y, u if beta is not None else None, states, S_T,
            T, H, K, V, *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *rates[0], *rates[1],
            C=CHUNK, **shapes, **modes, **_launch("forward", K),
        )  # fmt: skip
        if record:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(q, k, v, S_0, beta, w, inverse, u, states)
            ctx.modes = modes
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, v, S_0, beta, w, inverse, u, states = ctx.saved_tensors
        (B, T, H, K), V, chunks = q.shape, v.shape[-1], states.shape[1]
        dy = v.new_zeros(v.shape) if dy is None else contiguous_end(dy)
        dS_T = None if dS_T is None else dS_T.contiguous()
        optional = [x for x in (beta, w) if x is not None]
        dq, dk, dv, *others = gradients_like((q, k, v, *optional))
        d_beta, dw = *others, *(2 - len(others)) * (None,)
        dS_0 = torch.empty_like(S_0) if ctx.needs_input_grad[6] else None
        dr = dv if beta is None else torch.empty_like(u)
        G = torch.empty_like(states)
        shapes, rates = _shapes(K, V), (*_steps(beta), *_steps(w))
        backward_states[triton.cdiv(V, shapes["VALUES"]), B * H](
            q, k, beta, w, inverse, dy, dS_T, dr, G, dS_0,
            T, H, K, V, *q.stride()[:3], *k.stride()[:3], *rates, *dy.stride()[:3],
            *dr.stride()[:3],
            C=CHUNK, **shapes, **ctx.modes, **_launch("states", K),
        )  # fmt: skip
        backward_inputs[chunks, B * H](
            q, k, v, beta, w, u, states, G, dy, dr, dq, dk, dv, d_beta, dw,
            T, H, K, V, *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *rates,
            *u.stride()[:3], *dy.stride()[:3], *dr.stride()[:3], *dq.stride()[:3],
            *dk.stride()[:3], *dv.stride()[:3], *_steps(d_beta), *_steps(dw),
            C=CHUNK, **shapes, **ctx.modes, **_launch("inputs", K),
        )  # fmt: skip
        return None, None, None, dq, dk, dv, dS_0, d_beta, dw


def _steps(x: Tensor | None) -> tuple[int, ...]:
    return (0, 0, 0) if x is None else x.stride()[:3]


def _shapes(K: int, V: int) -> dict[str, int]:
    """Block sizes: all keys, and as many values as a program takes."""
    keys, values = (max(16, triton.next_power_of_2(size)) for size in (K, V))
    return {"KEYS": keys, "VALUES": min(values, 64 if keys <= 64 else 32)}


WARPS = {"invert": 4, "forward": 4, "states": 4, "inputs": 8}
STAGES = {"invert": 1, "forward": 2, "states": 2, "inputs": 1}


def _launch(kernel: str, K: int) -> dict[str, int]:
    """Options of a kernel; the tiles of wide heads fill the memory on the chip by themselves."""
    return {"num_warps": WARPS[kernel], "num_stages": STAGES[kernel] if K <= 64 else 1}
