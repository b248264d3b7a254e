"""The delta rule with feedback on the GPU: a program per sequence and head, its state in registers.

The equations are those of native.c. A step is a chain of dependent reductions, so what counts is
how many there are between one output and the next, and how far apart what they add up lies:

    forward:  h R  ->  max of the softmax  ->  reads of S by k, q and the softmax's sums together
    backward: S dy, G d − S dv together  ->  q · dq, k · dk  ->  R da

Every sum is one over the rows of a tile [LOW, HIGH, P], row = high · LOW + low, of which LOW lie in
one thread. So the backward pass holds S transposed, and G both ways. A vector is [P], an entry for
each column, or [LOW, HIGH], an entry for each row, as the next product needs it.

S is read before it is written (y = q S + (q · k) d), k G is computed a step ahead, and inputs are
loaded a step ahead. Gradients of the recurrent weights are matrix products over the stored h and da
of all steps.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.kernels.triton_math import exp, of_warps, reciprocal, sigmoid, tanh
from fwp.kernels.triton_tiles import as_rows, offsets_of, read, rows_of

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 8, 128: 16}  # by padded head size
# Numbers that do not choose the code.
SIZES = ["last", "B", "T", "H", "row_stride", "column_stride", "weight_row", "weight_column"]
HELD = 64  # up to this size the recurrent weights stay in registers, above they are read each step


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
        weights = [contiguous_end(x, 2) for x in (r_q, r_k, r_v)]
        y, S_T = q.new_empty(N, T, H, D), q.new_empty(N, H, D, D)
        kept = rates = states = y  # not written to
        if record:
            kept, rates = q.new_empty(N, H, T, 4, D), q.new_empty(N, H, T)
            states = q.new_empty(N, H, -(-T // every), D, D)
        _forward[(N * H,)](
            q, k, v, beta, *weights, r_beta, S, y_0, y, S_T, kept, rates, states,
            N // R, T, H, D, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *beta.stride(),
            *S.stride()[:2], *y_0.stride()[:2], *(x for w in weights for x in w.stride()[:2]),
            D=D, EVERY=every, RECORD=record, **parts, **_blocks(D),
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(q, k, v, beta, *weights, r_beta, kept, rates, states)
        ctx.every, ctx.parts = every, parts
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        *inputs, r_q, r_k, r_v, r_beta, kept, rates, states = ctx.saved_tensors
        (N, H, T, _, D), R = kept.shape, r_q.shape[0]
        dy = kept.new_zeros(N, T, H, D) if dy is None else contiguous_end(dy)
        dq, dk, dv, dbeta = gradients_like(inputs)
        # dq, dk, dv and dβ once more, for the products below, and what makes rows whole vectors.
        da, dy_0 = kept.new_empty(N, H, T, 3 * D + 4), kept.new_empty(N, H, D)
        dS, last, blocks = kept.new_empty(N, H, D, D), dS_T is not None, _blocks(D)
        weights = [r_q, r_k, r_v]
        if not blocks["HELD"]:  # read each step: neighbours in a row should lie side by side
            weights = [w.mT.contiguous().mT for w in weights]
        _backward[(N * H,)](
            *weights, r_beta, kept, rates, states, dy, dS_T.contiguous() if last else dS,
            dq, dk, dv, da, dbeta, dS, dy_0,
            int(last), N // R, T, H, D, 1, weights[0].stride(3), weights[0].stride(2),
            *dy.stride()[:3], *dq.stride()[:3], *dk.stride()[:3], *dv.stride()[:3],
            *dbeta.stride(), *(x for w in weights for x in w.stride()[:2]),
            D=D, EVERY=ctx.every, **ctx.parts, **blocks,
        )  # fmt: skip
        dR = kept[..., 3, :].mT @ da  # Σ_t h_t ⊗ da_t
        dr_q, dr_k, dr_v, rest = dR.view(R, -1, H, D, 3 * D + 4).sum(1).split((D, D, D, 4), -1)
        dr_beta = rest[..., 0]
        return None, None, dq, dk, dv, dbeta, dr_q, dr_k, dr_v, dr_beta, dS, dy_0


def _blocks(D: int) -> dict[str, int]:
    """Block sizes and warps for heads of size D."""
    P = max(4, triton.next_power_of_2(D))
    high = min(P, 32 * WARPS[P] // P)
    return {"LOW": P // high, "HIGH": high, "P": P, "HELD": P <= HELD} | of_warps(WARPS[P])


@triton.jit
def _weights(r_q, r_k, r_v, tile, inside):
    return (
        tl.load(r_q + tile, inside, 0.0),
        tl.load(r_k + tile, inside, 0.0),
        tl.load(r_v + tile, inside, 0.0),
    )


@triton.jit
def _sum(x, P: tl.constexpr):
    """Sum of a vector [LOW, HIGH].

    If a program is one warp, as a product with a tile, [P] times: within threads, too. Several
    warps would have to exchange each of these sums.
    """
    if P > 16:
        result = tl.sum(tl.sum(x, 0), 0)
    else:
        tile = tl.broadcast_to(x[:, :, None], [x.shape[0], x.shape[1], P])
        result = tl.sum(tl.sum(tile, 0), 0)
    return result


@triton.jit(do_not_specialize=SIZES)
def _forward(
    q_, k_, v_, beta_, r_q, r_k, r_v, r_beta, S_0, y_0, y_, S_T, kept_, rates_, states_,
    B, T, H, row_stride, column_stride,
    q_n, q_t, q_h, k_n, k_t, k_h, v_n, v_t, v_h, b_n, b_t, b_h,
    S_n, S_h, y_n, y_h, rq_r, rq_h, rk_r, rk_h, rv_r, rv_h,
    D: tl.constexpr, P: tl.constexpr, LOW: tl.constexpr, HIGH: tl.constexpr,
    EVERY: tl.constexpr, RECORD: tl.constexpr,
    HELD: tl.constexpr, LINEAR: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = rows_of(LOW, HIGH), tl.arange(0, P)
    tile, inside = offsets_of(i, j, row_stride, column_stride), (i < D)[:, :, None] & (j < D)
    q_ += n * q_n + head * q_h + j
    k_ += n * k_n + head * k_h + j
    v_ += n * v_n + head * v_h + j
    beta_ += n * b_n + head * b_h
    y_ += (n * T * H + head) * D + j
    kept_ += program * T * 4 * D + j
    rates_ += program * T
    states_ += program * tl.cdiv(T, EVERY) * D * D + tile
    r_q += n // B * rq_r + head * rq_h
    r_k += n // B * rk_r + head * rk_h
    r_v += n // B * rv_r + head * rv_h

    r = tl.load(r_beta + (n // B * H + head) * D + i, i < D, 0.0)
    if HELD:
        R_q, R_k, R_v = _weights(r_q, r_k, r_v, tile, inside)
    S = tl.load(S_0 + n * S_n + head * S_h + tile, inside, 0.0)
    y = tl.load(y_0 + n * y_n + head * y_h + j, j < D, 0.0)
    next_q = tl.load(q_, j < D, float("-inf"))
    next_k = tl.load(k_, j < D, float("-inf"))
    next_v = tl.load(v_, j < D, 0.0)
    next_beta = tl.load(beta_)

    for t in range(T):
        q, k, v, beta = next_q, next_k, next_v, next_beta
        q_ += q_t
        k_ += k_t
        v_ += v_t
        beta_ += b_t
        more = t + 1 < T
        next_q = tl.load(q_, (j < D) & more, float("-inf"))
        next_k = tl.load(k_, (j < D) & more, float("-inf"))
        next_v = tl.load(v_, (j < D) & more, 0.0)
        next_beta = tl.load(beta_, more, 0.0)
        if not HELD:
            R_q, R_k, R_v = _weights(r_q, r_k, r_v, tile, inside)

        h = y if LINEAR else tanh(y)
        h_row = as_rows(h, LOW, HIGH)
        q += read(h_row, R_q)
        k += read(h_row, R_k)
        v += read(h_row, R_v)
        beta = sigmoid(beta + _sum(r * h_row, P))
        q = exp(q - tl.max(q, 0))
        k = exp(k - tl.max(k, 0))
        q_row, k_row = as_rows(q, LOW, HIGH), as_rows(k, LOW, HIGH)
        scale_q, scale_k = reciprocal(_sum(q_row, P)), reciprocal(_sum(k_row, P))

        e = v if SUM else v - read(k_row, S) * scale_k
        d = beta * e * scale_k
        y = (read(q_row, S) + _sum(q_row * k_row, P) * d) * scale_q
        S += k_row[:, :, None] * d
        tl.store(y_, y, j < D)
        y_ += H * D
        if RECORD:
            tl.store(kept_, q * scale_q, j < D)
            tl.store(kept_ + D, k * scale_k, j < D)
            tl.store(kept_ + 2 * D, e, j < D)
            tl.store(kept_ + 3 * D, h, j < D)
            tl.store(rates_ + j, beta, j < 1)
            kept_ += 4 * D
            rates_ += 1
            if ((t + 1) % EVERY == 0) | (t + 1 == T):
                tl.store(states_ + t // EVERY * D * D, S, inside)
    tl.store(S_T + program * D * D + tile, S, inside)


@triton.jit
def _vectors(kept, rates, dy, i, j, D: tl.constexpr, there):
    """q and k as columns and as rows, e as rows, h as columns, β, dy of a step; zeros if none."""
    row, column = (i < D) & there, (j < D) & there
    return (
        tl.load(kept + j, column, 0.0),
        tl.load(kept + D + j, column, 0.0),
        tl.load(kept + i, row, 0.0),
        tl.load(kept + 2 * D + i, row, 0.0),
        tl.load(kept + 3 * D + j, column, 0.0),
        tl.load(rates, there, 0.0),
        tl.load(dy + j, column, 0.0),
    )


@triton.jit(do_not_specialize=SIZES)
def _backward(
    r_q, r_k, r_v, r_beta, kept_, rates_, states_, dy_, dS_T,
    dq_, dk_, dv_, da_, dbeta_, dS_, dy_0,
    last, B, T, H, row_stride, column_stride, weight_row, weight_column,
    dy_n, dy_t, dy_h, q_n, q_t, q_h, k_n, k_t, k_h, v_n, v_t, v_h, b_n, b_t, b_h,
    rq_r, rq_h, rk_r, rk_h, rv_r, rv_h,
    D: tl.constexpr, P: tl.constexpr, LOW: tl.constexpr, HIGH: tl.constexpr,
    EVERY: tl.constexpr, HELD: tl.constexpr, LINEAR: tl.constexpr, SUM: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = rows_of(LOW, HIGH), tl.arange(0, P)
    inside = (i < D)[:, :, None] & (j < D)
    tile = offsets_of(i, j, row_stride, column_stride)
    turned = offsets_of(i, j, column_stride, row_stride)
    weight = offsets_of(i, j, weight_row, weight_column)
    dy_ += n * dy_n + head * dy_h + (T - 1) * dy_t
    kept_ += (program * T + T - 1) * 4 * D
    rates_ += program * T + T - 1
    dq_ += n * q_n + head * q_h + (T - 1) * q_t + j
    dk_ += n * k_n + head * k_h + (T - 1) * k_t + j
    dv_ += n * v_n + head * v_h + (T - 1) * v_t + j
    dbeta_ += n * b_n + head * b_h + (T - 1) * b_t
    da_ += (program * T + T - 1) * (3 * D + 4) + j
    states_ += program * tl.cdiv(T, EVERY) * D * D + turned
    r_q += n // B * rq_r + head * rq_h
    r_k += n // B * rk_r + head * rk_h
    r_v += n // B * rv_r + head * rv_h

    r = tl.load(r_beta + (n // B * H + head) * D + j, j < D, 0.0)
    if HELD:
        R_q, R_k, R_v = _weights(r_q, r_k, r_v, weight, inside)
    dS_T += program * D * D
    G = tl.load(dS_T + tile, inside & (last != 0), 0.0)
    G_turned = tl.load(dS_T + turned, inside & (last != 0), 0.0)
    carry = tl.zeros_like(r)
    k_row = tl.load(kept_ + D + i, i < D, 0.0)
    next_k_row = tl.load(kept_ - 3 * D + i, (i < D) & (T > 1), 0.0)
    soon = _vectors(kept_, rates_, dy_, i, j, D, T > 0)
    k_G = read(k_row, G)

    chunks = tl.cdiv(T, EVERY)
    for back in range(chunks):
        chunk = chunks - 1 - back
        end = tl.minimum(T, (chunk + 1) * EVERY)
        S = tl.load(states_ + chunk * D * D, inside, 0.0)  # transposed
        for step in range(end - chunk * EVERY):
            t = end - 1 - step
            q, k, q_row, e_row, h, beta, dy = soon
            kept_ -= 4 * D
            rates_ -= 1
            dy_ -= dy_t
            soon = _vectors(kept_, rates_, dy_, i, j, D, t > 0)
            k_after = tl.load(kept_ - 3 * D + i, (i < D) & (t > 1), 0.0)
            if not HELD:
                R_q, R_k, R_v = _weights(r_q, r_k, r_v, weight, inside)

            q_R, k_R = read(q_row, R_q), read(k_row, R_k)
            dy += carry
            dy_row = as_rows(dy, LOW, HIGH)
            d_row = beta * e_row
            dd = k_G + _sum(q_row * k_row, P) * dy
            dv = beta * dd
            dv_row = as_rows(dv, LOW, HIGH)
            dbeta = _sum(dv_row * e_row, P) * (1 - beta)
            dq = read(dy_row, S)
            dk = read(d_row, G_turned) + q * _sum(dy_row * d_row, P)
            G += q_row[:, :, None] * dy
            G_turned += dy_row[:, :, None] * q
            if not SUM:
                dk += k * _sum(d_row * dv_row, P) - read(dv_row, S)
                G -= k_row[:, :, None] * dv
                G_turned -= dv_row[:, :, None] * k
            S -= d_row[:, :, None] * k
            k_G = read(next_k_row, G)

            dq_row, dk_row = as_rows(dq, LOW, HIGH), as_rows(dk, LOW, HIGH)
            dq_row *= q_row
            dk_row *= k_row
            from_q, from_k = _sum(dq_row, P), _sum(dk_row, P)
            carry = read(dq_row, R_q) - from_q * q_R + read(dk_row, R_k) - from_k * k_R
            carry += read(dv_row, R_v) + r * dbeta
            if not LINEAR:
                carry *= 1 - h * h
            k_row, next_k_row = next_k_row, k_after
            dq, dk = q * (dq - from_q), k * (dk - from_k)
            tl.store(dq_, dq, j < D)
            tl.store(dk_, dk, j < D)
            tl.store(dv_, dv, j < D)
            tl.store(da_, dq, j < D)
            tl.store(da_ + D, dk, j < D)
            tl.store(da_ + 2 * D, dv, j < D)
            tl.store(da_ + 3 * D, dbeta, j < 1)
            tl.store(dbeta_ + j, dbeta, j < 1)
            da_ -= 3 * D + 4
            dq_ -= q_t
            dk_ -= k_t
            dv_ -= v_t
            dbeta_ -= b_t
    tl.store(dS_ + program * D * D + tile, G, inside)
    tl.store(dy_0 + program * D + j, carry, j < D)
