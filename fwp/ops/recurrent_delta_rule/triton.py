"""The delta rule with feedback on the GPU: a program per sequence and head, its state in registers.

The equations are those of native.c. A step is a chain of dependent reductions, so
what counts is how few there are between one output and the next:

    forward:  h R  ->  max of the softmax  ->  reads of S by k, q and the softmax's sums together
    backward: S dy, G d − S dv together  ->  q · dq, k · dk  ->  R da

To get there S is read before it is written (y = q S + (q · k) d), k G is computed a step ahead, and
inputs are loaded a step ahead. The recurrent weights do not lie on the chain: their gradients are
matrix products over the stored h and da of all steps.

A vector is [P, 1] (a row per key) or [1, P] (a column per value), as the next product needs it.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_math import exp, of_warps, reciprocal, sigmoid, tanh, total, turn

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 4, 128: 16}  # by padded head size
# Up to this size the recurrent weights stay in above they are read again every step.
HELD = 64


def recurrent_delta_rule(*inputs, feedback: str, rule: str) -> tuple[Tensor, tuple]:
    """As the reference, for packs: weights [R, H, D, D] and [R, H, D]."""
    *tensors, state = inputs
    tensors += state
    parts = {"LINEAR": feedback == "linear", "SUM": rule == "sum"}
    y, S = _RecurrentDeltaRule.apply(parts, records(tensors), *tensors)
    return y, (S, y[:, -1])


class _RecurrentDeltaRule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, parts, record, q, k, v, beta, r_q, r_k, r_v, r_beta, S, y_0):
        (N, T, H, D), R, every = q.shape, r_q.shape[0], max(q.shape[-1], 32)
        q, k, v, y_0 = (contiguous_end(x) for x in (q, k, v, y_0))
        S, r_beta = contiguous_end(S, 2), r_beta.contiguous()
        weights = torch.stack([r_q.mT, r_k.mT, r_v, r_v.mT], 2)  # as the products need them
        y, S_T = q.new_empty(N, T, H, D), q.new_empty(N, H, D, D)
        kept = rates = states = y  # not written to
        if record:
            kept, rates = q.new_empty(N, H, T, 4, D), q.new_empty(N, H, T)
            states = q.new_empty(N, H, -(-T // every), D, D)
        P = max(4, triton.next_power_of_2(D))
        _forward[(N * H,)](
            q, k, v, beta, weights, r_beta, S, y_0, y, S_T, kept, rates, states,
            N // R, T, H,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *beta.stride(),
            *S.stride()[:2], *y_0.stride()[:2],
            D=D, P=P, EVERY=every, RECORD=record, HELD=P <= HELD, **parts, **of_warps(WARPS[P]),
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(weights, r_beta, kept, rates, states)
        ctx.every, ctx.parts = every, parts
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        weights, r_beta, kept, rates, states = ctx.saved_tensors
        (N, H, T, _, D), R = kept.shape, weights.shape[0]
        dy = kept.new_zeros(N, T, H, D) if dy is None else contiguous_end(dy)
        da, dbeta = kept.new_empty(N, H, T, 3, D), kept.new_empty(N, T, H)
        dr_beta, dy_0 = kept.new_empty(N, H, D), kept.new_empty(N, H, D)
        dS, last = kept.new_empty(N, H, D, D), dS_T is not None
        P = max(4, triton.next_power_of_2(D))
        _backward[(N * H,)](
            weights, r_beta, kept, rates, states, dy, dS_T.contiguous() if last else dS,
            da, dbeta, dr_beta, dS, dy_0,
            int(last), N // R, T, H,
            *dy.stride()[:3],
            D=D, P=P, EVERY=ctx.every, HELD=P <= HELD, **ctx.parts, **of_warps(WARPS[P]),
        )  # fmt: skip
        dR = kept[..., 3, :].mT @ da.flatten(-2)  # Σ_t h_t ⊗ da_t
        dr_q, dr_k, dr_v = dR.view(R, -1, H, D, 3, D).sum(1).unbind(3)
        dr_beta = dr_beta.view(R, -1, H, D).sum(1)
        dq, dk, dv = da.transpose(1, 2).unbind(3)
        return None, None, dq, dk, dv, dbeta, dr_q, dr_k, dr_v, dr_beta, dS, dy_0


@triton.jit
def _weights(R, v: tl.constexpr, offset, inside, D: tl.constexpr):
    """R_q and R_k transposed, and R_v as it is (v = 2) or transposed (v = 3)."""
    return (
        tl.load(R + offset, inside, 0.0),
        tl.load(R + D * D + offset, inside, 0.0),
        tl.load(R + v * D * D + offset, inside, 0.0),
    )


@triton.jit(do_not_specialize=["B", "T"])
def _forward(
    q_, k_, v_, beta_, R_, r_beta, S_0, y_0, y_, S_T, kept_, rates_, states_,
    B, T, H,
    q_n, q_t, q_h, k_n, k_t, k_h, v_n, v_t, v_h, b_n, b_t, b_h,
    S_n, S_h, y_n, y_h,
    D: tl.constexpr, P: tl.constexpr, EVERY: tl.constexpr, RECORD: tl.constexpr,
    HELD: tl.constexpr, LINEAR: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    weights = n // B * H + head
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside = i * D + j, (i < D) & (j < D)
    q_ += n * q_n + head * q_h + i
    k_ += n * k_n + head * k_h + i
    v_ += n * v_n + head * v_h + j
    beta_ += n * b_n + head * b_h
    y_ += (n * T * H + head) * D + j
    kept_ += program * T * 4 * D
    rates_ += program * T
    states_ += program * tl.cdiv(T, EVERY) * D * D + offset
    R_ += weights * 4 * D * D

    r = tl.load(r_beta + weights * D + j, j < D, 0.0)
    if HELD:
        R_q, R_k, R_v = _weights(R_, 2, offset, inside, D)
    S = tl.load(S_0 + n * S_n + head * S_h + offset, inside, 0.0)
    y = tl.load(y_0 + n * y_n + head * y_h + j, j < D, 0.0)
    next_q = tl.load(q_, i < D, float("-inf"))
    next_k = tl.load(k_, i < D, float("-inf"))
    next_v = tl.load(v_, j < D, 0.0)
    next_beta = tl.load(beta_)

    for t in range(T):
        q, k, v, beta = next_q, next_k, next_v, next_beta
        q_ += q_t
        k_ += k_t
        v_ += v_t
        beta_ += b_t
        more = t + 1 < T
        next_q = tl.load(q_, (i < D) & more, float("-inf"))
        next_k = tl.load(k_, (i < D) & more, float("-inf"))
        next_v = tl.load(v_, (j < D) & more, 0.0)
        next_beta = tl.load(beta_, more, 0.0)
        if not HELD:
            R_q, R_k, R_v = _weights(R_, 2, offset, inside, D)

        h = y if LINEAR else tanh(y)
        q += tl.sum(R_q * h, 1, keep_dims=True)
        k += tl.sum(R_k * h, 1, keep_dims=True)
        v += tl.sum(R_v * turn(h, i, j, 1), 0, keep_dims=True)
        beta = sigmoid(beta + total(r * h))
        q = exp(q - tl.max(q, 0, keep_dims=True))
        k = exp(k - tl.max(k, 0, keep_dims=True))
        scale_q = reciprocal(tl.sum(q, 0, keep_dims=True))
        scale_k = reciprocal(tl.sum(k, 0, keep_dims=True))
        q_S = tl.sum(q * S, 0, keep_dims=True) * scale_q
        k_S = tl.sum(k * S, 0, keep_dims=True) * scale_k
        q *= scale_q
        k *= scale_k

        e = v if SUM else v - k_S
        d = beta * e
        y = q_S + tl.sum(q * k, 0, keep_dims=True) * d
        S += k * d
        tl.store(y_, y, j < D)
        y_ += H * D
        if RECORD:
            tl.store(kept_ + i, q, i < D)
            tl.store(kept_ + D + i, k, i < D)
            tl.store(kept_ + 2 * D + j, e, j < D)
            tl.store(kept_ + 3 * D + j, h, j < D)
            tl.store(rates_, beta)
            kept_ += 4 * D
            rates_ += 1
            if ((t + 1) % EVERY == 0) | (t + 1 == T):
                tl.store(states_ + t // EVERY * D * D, S, inside)
    tl.store(S_T + program * D * D + offset, S, inside)


@triton.jit(do_not_specialize=["last", "B", "T"])
def _backward(
    R_, r_beta, kept_, rates_, states_, dy_, dS_T, da_, dbeta_, dr_, dS_, dy_0,
    last, B, T, H,
    dy_n, dy_t, dy_h,
    D: tl.constexpr, P: tl.constexpr, EVERY: tl.constexpr, HELD: tl.constexpr,
    LINEAR: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    weights = n // B * H + head
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside = i * D + j, (i < D) & (j < D)
    dy_ += n * dy_n + head * dy_h + (T - 1) * dy_t + j
    kept_ += (program * T + T - 1) * 4 * D
    rates_ += program * T + T - 1
    da_ += (program * T + T - 1) * 3 * D
    dbeta_ += (n * T + T - 1) * H + head
    states_ += program * tl.cdiv(T, EVERY) * D * D + offset
    R_ += weights * 4 * D * D

    r = tl.load(r_beta + weights * D + j, j < D, 0.0)
    if HELD:
        R_q, R_k, R_v = _weights(R_, 3, offset, inside, D)
    # A masked load where there is nothing to load: G gets the layout of S, not one of its own.
    G = tl.load(dS_T + program * D * D + offset, inside & (last != 0), 0.0)
    dr, carry = tl.zeros_like(r), tl.zeros_like(r)
    next_q = tl.load(kept_ + i, i < D, 0.0)
    next_k = tl.load(kept_ + D + i, i < D, 0.0)
    k_after = tl.load(kept_ - 3 * D + i, (i < D) & (T > 1), 0.0)
    next_e = tl.load(kept_ + 2 * D + j, j < D, 0.0)
    next_h = tl.load(kept_ + 3 * D + j, j < D, 0.0)
    next_beta = tl.load(rates_ + j, j < 1, 0.0)
    next_dy = tl.load(dy_, j < D, 0.0)
    k_G = tl.sum(next_k * G, 0, keep_dims=True)

    chunks = tl.cdiv(T, EVERY)
    for back in range(chunks):
        chunk = chunks - 1 - back
        end = tl.minimum(T, (chunk + 1) * EVERY)
        S = tl.load(states_ + chunk * D * D, inside, 0.0)
        for step in range(end - chunk * EVERY):
            t = end - 1 - step
            q, k, e, h, dy = next_q, next_k, next_e, next_h, next_dy + carry
            beta = total(next_beta)
            kept_ -= 4 * D
            rates_ -= 1
            dy_ -= dy_t
            more = t > 0
            next_q = tl.load(kept_ + i, (i < D) & more, 0.0)
            next_k = k_after
            k_after = tl.load(kept_ - 3 * D + i, (i < D) & (t > 1), 0.0)
            next_e = tl.load(kept_ + 2 * D + j, (j < D) & more, 0.0)
            next_h = tl.load(kept_ + 3 * D + j, (j < D) & more, 0.0)
            next_beta = tl.load(rates_ + j, (j < 1) & more, 0.0)
            next_dy = tl.load(dy_, (j < D) & more, 0.0)
            if not HELD:
                R_q, R_k, R_v = _weights(R_, 3, offset, inside, D)

            d = beta * e
            dd = k_G + tl.sum(q * k, 0, keep_dims=True) * dy
            dv = beta * dd
            dbeta = total(dd * e) * beta * (1 - beta)
            dq = tl.sum(S * dy, 1, keep_dims=True)
            if SUM:
                dk = tl.sum(G * d, 1, keep_dims=True) + q * tl.sum(dy * d, 1, keep_dims=True)
                G += q * dy
            else:
                dk = tl.sum(G * d - S * dv, 1, keep_dims=True)
                dk += q * tl.sum(dy * d, 1, keep_dims=True) + k * tl.sum(d * dv, 1, keep_dims=True)
                G += q * dy - k * dv
            S -= k * d
            k_G = tl.sum(next_k * G, 0, keep_dims=True)

            dq = q * (dq - tl.sum(q * dq, 0, keep_dims=True))
            dk = k * (dk - tl.sum(k * dk, 0, keep_dims=True))
            da = R_q * dq + R_k * dk + R_v * turn(dv, i, j, 1)
            carry = tl.sum(da, 0, keep_dims=True) + r * dbeta
            if not LINEAR:
                carry *= 1 - h * h
            dr += dbeta * h
            tl.store(da_ + i, dq, i < D)
            tl.store(da_ + D + i, dk, i < D)
            tl.store(da_ + 2 * D + j, dv, j < D)
            tl.store(dbeta_, dbeta)
            da_ -= 3 * D
            dbeta_ -= H
    tl.store(dr_ + program * D + j, dr, j < D)
    tl.store(dS_ + program * D * D + offset, G, inside)
    tl.store(dy_0 + program * D + j, carry, j < D)
