"""The Delta RNN on the GPU: a program per sequence and head, its matrix in registers.

The equations are those of native.c. R is read before it is written, y = z + q R + (q · k) d, and
inputs are loaded a step ahead. The backward pass undoes the writes, and starts afresh from a stored
matrix every `EVERY` steps. A vector is [P, 1] (a row of R per number) or [1, P] (a column).
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_math import exp, of_warps, reciprocal, total, turn

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 4, 128: 16}  # by padded head size

State = tuple[Tensor, Tensor]


def delta_rnn(z: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: State) -> tuple[Tensor, State]:
    """As `fwp.ops.delta_rnn.delta_rnn`; there are no weights, so a pack is a batch."""
    inputs = (z, k, v, beta, *state)
    y, R = _DeltaRNN.apply(records(inputs), *inputs)
    return y, (R, y[:, -1])


class _DeltaRNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, z, k, v, beta, R_0, y_0):
        (N, T, H, D), every = z.shape, max(z.shape[-1], 32)
        z, k, v = (contiguous_end(x) for x in (z, k, v))
        beta, R_0, y_0 = beta.contiguous(), R_0.contiguous(), y_0.contiguous()
        y, R_T = z.new_empty(N, T, H, D), torch.empty_like(R_0)
        kept = states = y  # not written to
        if record:
            kept = z.new_empty(N, H, T, 3, D)
            states = z.new_empty(N, H, -(-T // every), D, D)
        P = max(4, triton.next_power_of_2(D))
        _forward[(N * H,)](
            z, k, v, beta, R_0, y_0, y, R_T, kept, states,
            T, H,
            *z.stride()[:3], *k.stride()[:3], *v.stride()[:3],
            D=D, P=P, EVERY=every, RECORD=record, **of_warps(WARPS[P]),
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(beta, kept, states)
        ctx.every = every
        return y, R_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dR_T):
        beta, kept, states = ctx.saved_tensors
        N, H, T, _, D = kept.shape
        dy = kept.new_zeros(N, T, H, D) if dy is None else contiguous_end(dy)
        dR = kept.new_zeros(N, H, D, D) if dR_T is None else dR_T.contiguous().clone()
        dz, dk, dv = (kept.new_empty(N, T, H, D) for _ in range(3))
        dbeta, dy_0 = torch.empty_like(beta), kept.new_empty(N, H, D)
        P = max(4, triton.next_power_of_2(D))
        _backward[(N * H,)](
            beta, kept, states, dy, dz, dk, dv, dbeta, dR, dy_0,
            T, H,
            *dy.stride()[:3],
            D=D, P=P, EVERY=ctx.every, **of_warps(WARPS[P]),
        )  # fmt: skip
        return None, dz, dk, dv, dbeta, dR, dy_0


@triton.jit(do_not_specialize=["T"])
def _forward(
    z_, k_, v_, beta_, R_0, y_0, y_, R_T, kept_, states_,
    T, H,
    z_n, z_t, z_h, k_n, k_t, k_h, v_n, v_t, v_h,
    D: tl.constexpr, P: tl.constexpr, EVERY: tl.constexpr, RECORD: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside, valid = i * D + j, (i < D) & (j < D), j < D
    z_ += n * z_n + head * z_h + j
    k_ += n * k_n + head * k_h + i
    v_ += n * v_n + head * v_h + j
    beta_ += n * T * H + head
    y_ += (n * T * H + head) * D + j
    kept_ += program * T * 3 * D
    states_ += program * tl.cdiv(T, EVERY) * D * D + offset
    R = tl.load(R_0 + program * D * D + offset, inside, 0.0)
    y = tl.load(y_0 + program * D + j, valid, 0.0)
    next_z = tl.load(z_, valid, 0.0)
    next_k = tl.load(k_, i < D, 0.0)
    next_v = tl.load(v_, valid, 0.0)
    next_beta = tl.load(beta_)

    for t in range(T):
        z, k, v, beta = next_z, next_k, next_v, next_beta
        z_ += z_t
        k_ += k_t
        v_ += v_t
        beta_ += H
        more = t + 1 < T
        next_z = tl.load(z_, valid & more, 0.0)
        next_k = tl.load(k_, (i < D) & more, 0.0)
        next_v = tl.load(v_, valid & more, 0.0)
        next_beta = tl.load(beta_, more, 0.0)

        y = tl.where(valid, y, float("-inf"))
        q = turn(exp(y - tl.max(y, 1, keep_dims=True)), i, j, 1)
        q *= reciprocal(tl.sum(q, 0, keep_dims=True))
        e = v - tl.sum(k * R, 0, keep_dims=True)
        d = beta * e
        y = z + tl.sum(q * R, 0, keep_dims=True) + tl.sum(q * k, 0, keep_dims=True) * d
        R += k * d
        tl.store(y_, y, valid)
        y_ += H * D
        if RECORD:
            tl.store(kept_ + i, q, i < D)
            tl.store(kept_ + D + i, k, i < D)
            tl.store(kept_ + 2 * D + j, e, valid)
            kept_ += 3 * D
            if ((t + 1) % EVERY == 0) | (t + 1 == T):
                tl.store(states_ + t // EVERY * D * D, R, inside)
    tl.store(R_T + program * D * D + offset, R, inside)


@triton.jit(do_not_specialize=["T"])
def _backward(
    beta_, kept_, states_, dy_, dz_, dk_, dv_, dbeta_, dR_, dy_0,
    T, H,
    dy_n, dy_t, dy_h,
    D: tl.constexpr, P: tl.constexpr, EVERY: tl.constexpr,
):  # fmt: skip
    """dR_ holds the gradient of the final matrix, then that of the initial one."""
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside, valid = i * D + j, (i < D) & (j < D), j < D
    last = (n * T + T - 1) * H + head
    dy_ += n * dy_n + head * dy_h + (T - 1) * dy_t + j
    kept_ += (program * T + T - 1) * 3 * D
    beta_ += last
    dbeta_ += last
    dz_ += last * D + j
    dk_ += last * D + i
    dv_ += last * D + j
    states_ += program * tl.cdiv(T, EVERY) * D * D + offset
    dR_ += program * D * D + offset
    G = tl.load(dR_, inside, 0.0)
    carry = tl.zeros([1, P], G.dtype)

    chunks = tl.cdiv(T, EVERY)
    for back in range(chunks):
        chunk = chunks - 1 - back
        R = tl.load(states_ + chunk * D * D, inside, 0.0)
        for _ in range(tl.minimum(T, (chunk + 1) * EVERY) - chunk * EVERY):
            q = tl.load(kept_ + i, i < D, 0.0)
            k = tl.load(kept_ + D + i, i < D, 0.0)
            e = tl.load(kept_ + 2 * D + j, valid, 0.0)
            dy = tl.load(dy_, valid, 0.0) + carry
            beta = tl.load(beta_)
            d = beta * e
            G += q * dy
            dd = tl.sum(k * G, 0, keep_dims=True)
            dv = beta * dd
            dk = tl.sum(G * d - R * dv, 1, keep_dims=True)
            dk += k * tl.sum(d * dv, 1, keep_dims=True)
            dq = tl.sum(R * dy, 1, keep_dims=True)
            dq = q * (dq - tl.sum(q * dq, 0, keep_dims=True))
            tl.store(dz_, dy, valid)
            tl.store(dk_, dk, i < D)
            tl.store(dv_, dv, valid)
            tl.store(dbeta_, total(dd * e))
            G -= k * dv
            R -= k * d
            carry = turn(dq, i, j, 0)
            kept_ -= 3 * D
            dy_ -= dy_t
            dz_ -= H * D
            dk_ -= H * D
            dv_ -= H * D
            beta_ -= H
            dbeta_ -= H
    tl.store(dR_, G, inside)
    tl.store(dy_0 + program * D + j, carry, valid)
