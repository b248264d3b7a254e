"""The element-wise LSTM on the GPU: a loop over time per unit of a sequence, one unit a thread.

Backward recomputes the gates from the cell before the step; kept are the inputs and the cells.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.kernels.triton_tiles import LANES, sigmoid, tanh

# Of the loop over time: steps in one round, and rounds whose inputs are on their way, the one that
# is computed included.
LOOP = {"UNROLL": 4, "STAGES": 4}


def elementwise_lstm(
    z: Tensor, f: Tensor, w_z: Tensor, w_f: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.elementwise_lstm.elementwise_lstm` for R models: weights [R, D]."""
    inputs = (z, f, w_z, w_f, c)
    cells = _ElementwiseLSTM.apply(records(inputs), *inputs)
    return cells, cells[:, -1]


class _ElementwiseLSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, z, f, w_z, w_f, c_0):
        N, T, D = z.shape
        z, f, w_z, w_f, c_0 = map(contiguous_end, (z, f, w_z, w_f, c_0))
        cells = z.new_empty(N, T, D)
        grid, blocks = _grid(N, D)
        _forward[grid](
            z, f, w_z, w_f, c_0, cells,
            N, T, D, N // len(w_z),
            *z.stride()[:2], *f.stride()[:2], w_z.stride(0), w_f.stride(0), c_0.stride(0),
            **blocks,
            num_warps=1,
        )  # fmt: skip
        if record:
            ctx.save_for_backward(z, f, w_z, w_f, c_0, cells)
        return cells

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_cells):
        z, f, w_z, w_f, c_0, cells = ctx.saved_tensors
        N, T, D = z.shape
        d_cells = contiguous_end(d_cells)
        dz, df = gradients_like((z, f))
        dw, dc_0 = cells.new_empty(2, N, D), cells.new_empty(N, D)  # of w_z, w_f
        grid, blocks = _grid(N, D)
        _backward[grid](
            z, f, w_z, w_f, c_0, cells, d_cells, dz, df, dw, dc_0,
            N, T, D, N // len(w_z),
            *z.stride()[:2], *f.stride()[:2], w_z.stride(0), w_f.stride(0), c_0.stride(0),
            *d_cells.stride()[:2], *dz.stride()[:2], *df.stride()[:2],
            **blocks,
            num_warps=1,
        )  # fmt: skip
        dw_z, dw_f = dw.view(2, len(w_z), -1, D).sum(2)
        return None, dz, df, dw_z, dw_f, dc_0


def _grid(N: int, D: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Programs and their blocks: a warp takes units of a sequence, or of several if D is small."""
    units = min(triton.next_power_of_2(D), LANES)
    rows = LANES // units
    return (triton.cdiv(N, rows), triton.cdiv(D, units)), {"ROWS": rows, "UNITS": units, **LOOP}


@triton.jit(do_not_specialize=["N", "T", "B"])
def _forward(
    z_, f_, w_z, w_f, c_0, cells_,
    N, T, D, B,
    z_n, z_t, f_n, f_t, w_z_r, w_f_r, c_0_n,
    ROWS: tl.constexpr, UNITS: tl.constexpr, UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    d = tl.program_id(1) * UNITS + tl.arange(0, UNITS)[None, :]
    inside = (n < N) & (d < D)
    wz = tl.load(w_z + n // B * w_z_r + d, inside, 0.0)
    wf = tl.load(w_f + n // B * w_f_r + d, inside, 0.0)
    c = tl.load(c_0 + n * c_0_n + d, inside, 0.0)
    z_ += n * z_n + d
    f_ += n * f_n + d
    cells_ += n * T * D + d
    for t in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        z = tanh(tl.load(z_ + t * z_t, inside, 0.0) + wz * c)
        f = sigmoid(tl.load(f_ + t * f_t, inside, 0.0) + wf * c)
        c = f * c + (1 - f) * z
        tl.store(cells_ + t * D, c, inside)


@triton.jit(do_not_specialize=["N", "T", "B"])
def _backward(
    z_, f_, w_z, w_f, c_0, cells_, d_cells, dz_, df_, dw, dc_0,
    N, T, D, B,
    z_n, z_t, f_n, f_t, w_z_r, w_f_r, c_0_n, dc_n, dc_t, dz_n, dz_t, df_n, df_t,
    ROWS: tl.constexpr, UNITS: tl.constexpr, UNROLL: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    n = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    d = tl.program_id(1) * UNITS + tl.arange(0, UNITS)[None, :]
    inside = (n < N) & (d < D)
    wz = tl.load(w_z + n // B * w_z_r + d, inside, 0.0)
    wf = tl.load(w_f + n // B * w_f_r + d, inside, 0.0)
    c_0_ = c_0 + n * c_0_n + d
    z_ += n * z_n + d
    f_ += n * f_n + d
    d_cells += n * dc_n + d
    first = n * T * D + d
    dz_ += n * dz_n + d
    df_ += n * df_n + d

    dc = tl.zeros([ROWS, UNITS], wz.dtype)
    sum_z, sum_f = dc, dc
    for back in tl.range(0, T, num_stages=STAGES, loop_unroll_factor=UNROLL):
        t = T - 1 - back
        before = tl.where(t > 0, cells_ + first + (t - 1) * D, c_0_)
        c = tl.load(before, inside, 0.0)
        z = tanh(tl.load(z_ + t * z_t, inside, 0.0) + wz * c)
        f = sigmoid(tl.load(f_ + t * f_t, inside, 0.0) + wf * c)
        dc += tl.load(d_cells + t * dc_t, inside, 0.0)
        dz = dc * (1 - f) * (1 - z * z)
        df = dc * (c - z) * f * (1 - f)
        dc = dc * f + wz * dz + wf * df
        sum_z += c * dz
        sum_f += c * df
        tl.store(dz_ + t * dz_t, dz, inside)
        tl.store(df_ + t * df_t, df, inside)
    out = n * D + d
    tl.store(dw + out, sum_z, inside)
    tl.store(dw + N * D + out, sum_f, inside)
    tl.store(dc_0 + out, dc, inside)
