"""sLSTM on the GPU: a program per sequence and head, its four matrices R in registers.

The equations are those of native.c. Units lie along rows [1, P], except for the output, which a
product with R takes as a column [P, 1]. Kept are α, z, o, 1 − σ(a_f), and c and h before the step;
the gradient of R is a matrix product over the h and da of all steps.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_math import exp, of_warps, sigmoid, tanh, turn

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 8, 128: 16}  # by padded head size
HELD = 64  # up to this size R stays in registers; above it is read again every step

State = tuple[Tensor, Tensor, Tensor]


def slstm(gates: Tensor, r: Tensor, state: State) -> tuple[Tensor, State]:
    """As `fwp.ops.slstm.slstm`, for packs: R [R, H, 4, D, D]."""
    inputs = (gates, r, *state)
    y, c, l = _SLSTM.apply(records(inputs), *inputs)  # noqa: E741
    return y, (y[:, -1], c, l)


class _SLSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, gates, r, h_0, c_0, l_0):
        (N, T, H, _, D), R = gates.shape, len(r)
        gates, r = contiguous_end(gates, 2), r.contiguous()
        h_0, c_0, l_0 = (x.contiguous() for x in (h_0, c_0, l_0))
        y, c_T, l_T = gates.new_empty(N, T, H, D), torch.empty_like(c_0), torch.empty_like(l_0)
        kept = gates.new_empty(N, H, T, 6, D) if record else y  # else not written to
        P = max(4, triton.next_power_of_2(D))
        _forward[(N * H,)](
            gates, r, h_0, c_0, l_0, y, c_T, l_T, kept,
            N // R, T, H,
            *gates.stride()[:3],
            D=D, P=P, RECORD=record, HELD=P <= HELD, **of_warps(WARPS[P]),
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(r, kept)
        return y, c_T, l_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dc_T, dl_T):
        r, kept = ctx.saved_tensors
        (N, H, T, _, D), R = kept.shape, len(r)
        dy = kept.new_zeros(N, T, H, D) if dy is None else contiguous_end(dy)
        dc, dl = (
            kept.new_zeros(N, H, D) if x is None else x.contiguous().clone() for x in (dc_T, dl_T)
        )
        da, dh_0 = kept.new_empty(N, H, T, 4, D), kept.new_empty(N, H, D)
        P = max(4, triton.next_power_of_2(D))
        _backward[(N * H,)](
            r, kept, dy, da, dh_0, dc, dl,
            N // R, T, H,
            *dy.stride()[:3],
            D=D, P=P, HELD=P <= HELD, **of_warps(WARPS[P]),
        )  # fmt: skip
        dr = kept[..., 5, :].mT @ da.flatten(-2)  # Σ_t h_t ⊗ da_t
        dr = dr.view(R, -1, H, D, 4, D).sum(1).transpose(2, 3)
        return None, da.transpose(1, 2), dr, dh_0, dc, dl


@triton.jit
def softplus(x):
    """log(1 + e^x)."""
    return tl.maximum(x, 0.0) + tl.log(1 + exp(-tl.abs(x)))


@triton.jit
def _matrices(r_, inside, offset, D: tl.constexpr):
    """R of the gates i, f, z, o, each [P, P]."""
    return (
        tl.load(r_ + offset, inside, 0.0),
        tl.load(r_ + D * D + offset, inside, 0.0),
        tl.load(r_ + 2 * D * D + offset, inside, 0.0),
        tl.load(r_ + 3 * D * D + offset, inside, 0.0),
    )


@triton.jit(do_not_specialize=["B", "T"])
def _forward(
    gates_, r_, h_0, c_0, l_0, y_, c_T, l_T, kept_,
    B, T, H,
    g_n, g_t, g_h,
    D: tl.constexpr, P: tl.constexpr, RECORD: tl.constexpr, HELD: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside, valid = i * D + j, (i < D) & (j < D), j < D
    gates_ += n * g_n + head * g_h + j
    y_ += (n * T * H + head) * D + j
    kept_ += program * T * 6 * D + j
    r_ += (n // B * H + head) * 4 * D * D
    if HELD:
        R_i, R_f, R_z, R_o = _matrices(r_, inside, offset, D)
    h = tl.load(h_0 + program * D + j, valid, 0.0)
    c = tl.load(c_0 + program * D + j, valid, 0.0)
    l = tl.load(l_0 + program * D + j, valid, 0.0)  # noqa: E741
    next_i = tl.load(gates_, valid, 0.0)
    next_f = tl.load(gates_ + D, valid, 0.0)
    next_z = tl.load(gates_ + 2 * D, valid, 0.0)
    next_o = tl.load(gates_ + 3 * D, valid, 0.0)

    for t in range(T):
        a_i, a_f, a_z, a_o = next_i, next_f, next_z, next_o
        gates_ += g_t
        more = valid & (t + 1 < T)
        next_i = tl.load(gates_, more, 0.0)
        next_f = tl.load(gates_ + D, more, 0.0)
        next_z = tl.load(gates_ + 2 * D, more, 0.0)
        next_o = tl.load(gates_ + 3 * D, more, 0.0)
        if not HELD:
            R_i, R_f, R_z, R_o = _matrices(r_, inside, offset, D)
        column = turn(h, i, j, 1)
        a_i += tl.sum(R_i * column, 0, keep_dims=True)
        a_f += tl.sum(R_f * column, 0, keep_dims=True)
        a_z += tl.sum(R_z * column, 0, keep_dims=True)
        a_o += tl.sum(R_o * column, 0, keep_dims=True)
        left = l - softplus(-a_f)
        alpha, z, o = sigmoid(a_i - left), tanh(a_z), sigmoid(a_o)
        if RECORD:
            tl.store(kept_, alpha, valid)
            tl.store(kept_ + D, z, valid)
            tl.store(kept_ + 2 * D, o, valid)
            tl.store(kept_ + 3 * D, sigmoid(-a_f), valid)
            tl.store(kept_ + 4 * D, c, valid)
            tl.store(kept_ + 5 * D, h, valid)
            kept_ += 6 * D
        l = a_i + softplus(left - a_i)  # noqa: E741
        c += alpha * (z - c)
        h = o * c
        tl.store(y_, h, valid)
        y_ += H * D
    tl.store(c_T + program * D + j, c, valid)
    tl.store(l_T + program * D + j, l, valid)


@triton.jit(do_not_specialize=["B", "T"])
def _backward(
    r_, kept_, dy_, da_, dh_0, dc_, dl_,
    B, T, H,
    dy_n, dy_t, dy_h,
    D: tl.constexpr, P: tl.constexpr, HELD: tl.constexpr,
):  # fmt: skip
    """dc_ and dl_ hold the gradients of the final state, then those of the initial one."""
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    offset, inside, valid = i * D + j, (i < D) & (j < D), j < D
    dy_ += n * dy_n + head * dy_h + (T - 1) * dy_t + j
    kept_ += (program * T + T - 1) * 6 * D + j
    da_ += (program * T + T - 1) * 4 * D + j
    r_ += (n // B * H + head) * 4 * D * D
    if HELD:
        R_i, R_f, R_z, R_o = _matrices(r_, inside, offset, D)
    dc = tl.load(dc_ + program * D + j, valid, 0.0)
    dl = tl.load(dl_ + program * D + j, valid, 0.0)
    dh = tl.zeros_like(dc)

    for _ in range(T):
        alpha = tl.load(kept_, valid, 0.0)
        z = tl.load(kept_ + D, valid, 0.0)
        o = tl.load(kept_ + 2 * D, valid, 0.0)
        gone = tl.load(kept_ + 3 * D, valid, 0.0)
        before = tl.load(kept_ + 4 * D, valid, 0.0)
        dh += tl.load(dy_, valid, 0.0)
        kept_ -= 6 * D
        dy_ -= dy_t
        if not HELD:
            R_i, R_f, R_z, R_o = _matrices(r_, inside, offset, D)
        dc += dh * o
        dleft = (1 - alpha) * (dl - dc * (z - before) * alpha)
        d_i, d_f, d_z = dl - dleft, dleft * gone, dc * alpha * (1 - z * z)
        d_o = dh * (before + alpha * (z - before)) * o * (1 - o)
        dc *= 1 - alpha
        dl = dleft
        tl.store(da_, d_i, valid)
        tl.store(da_ + D, d_f, valid)
        tl.store(da_ + 2 * D, d_z, valid)
        tl.store(da_ + 3 * D, d_o, valid)
        da_ -= 4 * D
        both = R_i * d_i + R_f * d_f + R_z * d_z + R_o * d_o
        dh = turn(tl.sum(both, 1, keep_dims=True), i, j, 0)
    tl.store(dh_0 + program * D + j, dh, valid)
    tl.store(dc_ + program * D + j, dc, valid)
    tl.store(dl_ + program * D + j, dl, valid)
