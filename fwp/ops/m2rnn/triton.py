"""The recurrent net with a matrix for a state on the GPU: a program per sequence, head, some rows.

A step, row by row:   z = tanh(S' W + k ⊗ v),   S = f S' + (1 − f) z,   y = q S

Back through it, with G the gradient of S and S' the state before the step:
    G  ← G + q ⊗ dy,   dq = S dy,   df = Σ G ∘ (S' − z),   da = (1 − f) G ∘ (1 − z²)
    dk = da v,   dv = k da,   dW += S'ᵀ da,   G ← f G + da Wᵀ

Rows of the state meet in y, dv, df and dW only. What the chain from step to step waits for is one
product with W and, in the forward pass, the tanh. A thread has a column of W in registers and whole
sums of that product, so the rows change hands once a step. Kept are S and z of every step: the
backward pass computes neither again, and dW is one matrix product over all steps.

Floor, for each step and head: 2 K V² operations in a pass and as many for dW, 7 K V numbers to and
from memory. Four launches, and one for each sum over parts where rows are split.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, gradients_like, records
from fwp.kernels.triton_math import of_warps, tanh

# Numbers that do not choose the code; an access is one number wide as the strides are not known.
SIZES = ["last", "B", "T", "H", "row_stride", "column_stride"]
ENTRIES = 64  # of the state that a thread multiplies by its column of W, at most


def m2rnn(q: Tensor, k: Tensor, v: Tensor, f: Tensor, w: Tensor, S: Tensor) -> tuple[Tensor, ...]:
    """As the reference, for packs: weights [R, H, V, V]."""
    inputs = (q, k, v, f, w, S)
    return _M2RNN.apply(records(inputs), *inputs)


class _M2RNN(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, q, k, v, f, w, S_0):
        (N, T, H, K), V, R = q.shape, v.shape[-1], w.shape[0]
        q, k, v = map(contiguous_end, (q, k, v))
        w, S_0 = w.contiguous(), S_0.contiguous()
        parts, blocks = _blocks(K, V)
        ys, S_T = q.new_empty(parts, N, T, H, V), torch.empty_like(S_0)
        states = news = ys  # not written to
        if record:
            states, news = q.new_empty(N, H, T + 1, K, V), q.new_empty(N, H, T, K, V)
        _forward[N * H, parts](
            q, k, v, f, w, S_0, ys, S_T, states, news,
            N // R, T, H, V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *f.stride(), ys.stride(0),
            K=K, V=V, RECORD=record, **blocks,
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(q, k, v, f, w, states, news)
        return (ys[0] if parts == 1 else ys.sum(0)), S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        q, k, v, f, w, states, news = ctx.saved_tensors
        (N, T, H, K), V, R = q.shape, v.shape[-1], w.shape[0]
        dy = torch.zeros_like(v) if dy is None else contiguous_end(dy)
        dq, dk, dv, df = gradients_like((q, k, v, f))
        da, dS_0, last = torch.empty_like(news), q.new_empty(N, H, K, V), dS_T is not None
        parts, blocks = _blocks(K, V)
        dvs, dfs = dv.unsqueeze(0), df.unsqueeze(0)
        if parts > 1:
            dvs, dfs = q.new_empty(parts, *v.shape), q.new_empty(parts, *f.shape)
        _backward[N * H, parts](
            q, k, v, f, w, states, news, dy, dS_T.contiguous() if last else dS_0,
            dq, dk, dvs, dfs, da, dS_0,
            int(last), N // R, T, H, V, 1,
            *q.stride()[:3], *k.stride()[:3], *v.stride()[:3], *f.stride(), *dy.stride()[:3],
            *dq.stride()[:3], *dk.stride()[:3], *dvs.stride()[:4], *dfs.stride(),
            K=K, V=V, **blocks,
        )  # fmt: skip
        if parts > 1:
            torch.sum(dvs, 0, out=dv)
            torch.sum(dfs, 0, out=df)
        dW = states[:, :, :-1].flatten(2, 3).mT @ da.flatten(2, 3)
        return None, dq, dk, dv, df, dW.view(R, -1, H, V, V).sum(1), dS_0


def _blocks(K: int, V: int) -> tuple[int, dict[str, int]]:
    """Parts that rows are split into, and block sizes and warps of a program."""
    P = max(4, triton.next_power_of_2(V))
    rows = max(4, triton.next_power_of_2(K))
    warps = min(8 if P > 32 else 4, max(1, rows * P // 64))
    rows = min(rows, max(1, 32 * warps // P) * max(1, ENTRIES // P))
    return triton.cdiv(K, rows), {"ROWS": rows, "P": P} | of_warps(warps)


@triton.jit
def _tile(i, j, row_stride, column_stride):
    """Offsets [ROWS, P] of rows of a state; columns lie side by side, in threads and memory."""
    return tl.max_contiguous(i[:, None] * row_stride + j[None, :] * column_stride, [1, j.shape[0]])


@triton.jit
def _weights(w, i, rows, j, row_stride, column_stride, V: tl.constexpr):
    """W for every row, [P, ROWS, P], summed over by its first dimension.

    Of the size of the product, so that threads are dealt columns and rows; were it [P, 1, P], they
    would be dealt parts of its sums, too.
    """
    offsets = i[:, None, None] * row_stride + rows[None, :, None] * 0 + j * column_stride
    offsets = tl.max_contiguous(offsets, [1, 2, 4])
    return tl.load(w + offsets, (i < V)[:, None, None] & (j < V), 0.0)


@triton.jit
def _product(x, W):
    """Rows [ROWS, P] times W [P, ROWS, P]."""
    return tl.sum(tl.trans(x)[:, :, None] * W, 0)


@triton.jit(do_not_specialize=SIZES)
def _forward(
    q_, k_, v_, f_, w_, S_0, y_, S_T, states_, news_,
    B, T, H, row_stride, column_stride,
    q_n, q_t, q_h, k_n, k_t, k_h, v_n, v_t, v_h, f_n, f_t, f_h, y_part,
    K: tl.constexpr, V: tl.constexpr, ROWS: tl.constexpr, P: tl.constexpr, RECORD: tl.constexpr,
):  # fmt: skip
    program, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    n, head = program // H, program % H
    i, j = part * ROWS + tl.arange(0, ROWS), tl.arange(0, P)
    tile, inside = _tile(i, j, row_stride, column_stride), (i < K)[:, None] & (j < V)
    q_ += n * q_n + head * q_h + i
    k_ += n * k_n + head * k_h + i
    v_ += n * v_n + head * v_h + j
    f_ += n * f_n + head * f_h
    y_ += part * y_part + (n * T * H + head) * V + j
    states_ += program * (T + 1) * K * V + tile
    news_ += program * T * K * V + tile

    w_ += (n // B * H + head) * V * V
    rows, into = tl.arange(0, ROWS), tl.arange(0, P)
    W = _weights(w_, into, rows, j, row_stride, column_stride, V)
    S = tl.load(S_0 + program * K * V + tile, inside, 0.0)
    if RECORD:
        tl.store(states_, S, inside)
    next_q = tl.load(q_, i < K, 0.0)
    next_k = tl.load(k_, i < K, 0.0)
    next_v = tl.load(v_, j < V, 0.0)
    next_f = tl.load(f_)
    for t in range(T):
        q, k, v, f = next_q, next_k, next_v, next_f
        q_ += q_t
        k_ += k_t
        v_ += v_t
        f_ += f_t
        more = t + 1 < T
        next_q = tl.load(q_, (i < K) & more, 0.0)
        next_k = tl.load(k_, (i < K) & more, 0.0)
        next_v = tl.load(v_, (j < V) & more, 0.0)
        next_f = tl.load(f_, more, 0.0)
        z = tanh(_product(S, W) + k[:, None] * v[None, :])
        S = z + f * (S - z)
        tl.store(y_, tl.sum(q[:, None] * S, 0), j < V)
        y_ += H * V
        if RECORD:
            states_ += K * V
            tl.store(states_, S, inside)
            tl.store(news_, z, inside)
            news_ += K * V
    tl.store(S_T + program * K * V + tile, S, inside)


@triton.jit
def _step(
    q_, k_, v_, f_, dy_, states_, news_, i, j, inside, K: tl.constexpr, V: tl.constexpr, there
):
    """q, k, v, f, dy, the state before the step and z of it; zeros if there is no such step."""
    return (
        tl.load(q_ + i, (i < K) & there, 0.0),
        tl.load(k_ + i, (i < K) & there, 0.0),
        tl.load(v_ + j, (j < V) & there, 0.0),
        tl.load(f_, there, 0.0),
        tl.load(dy_ + j, (j < V) & there, 0.0),
        tl.load(states_, inside & there, 0.0),
        tl.load(news_, inside & there, 0.0),
    )


@triton.jit(do_not_specialize=SIZES)
def _backward(
    q_, k_, v_, f_, w_, states_, news_, dy_, dS_T, dq_, dk_, dv_, df_, da_, dS_0,
    last, B, T, H, row_stride, column_stride,
    q_n, q_t, q_h, k_n, k_t, k_h, v_n, v_t, v_h, f_n, f_t, f_h, dy_n, dy_t, dy_h,
    dq_n, dq_t, dq_h, dk_n, dk_t, dk_h, dv_part, dv_n, dv_t, dv_h, df_part, df_n, df_t, df_h,
    K: tl.constexpr, V: tl.constexpr, ROWS: tl.constexpr, P: tl.constexpr,
):  # fmt: skip
    program, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    n, head = program // H, program % H
    i, j = part * ROWS + tl.arange(0, ROWS), tl.arange(0, P)
    tile, inside = _tile(i, j, row_stride, column_stride), (i < K)[:, None] & (j < V)
    end = T - 1
    q_ += n * q_n + head * q_h + end * q_t
    k_ += n * k_n + head * k_h + end * k_t
    v_ += n * v_n + head * v_h + end * v_t
    f_ += n * f_n + head * f_h + end * f_t
    dy_ += n * dy_n + head * dy_h + end * dy_t
    dq_ += n * dq_n + head * dq_h + end * dq_t + i
    dk_ += n * dk_n + head * dk_h + end * dk_t + i
    dv_ += part * dv_part + n * dv_n + head * dv_h + end * dv_t + j
    df_ += part * df_part + n * df_n + head * df_h + end * df_t
    states_ += (program * (T + 1) + end) * K * V + tile
    news_ += (program * T + end) * K * V + tile
    da_ += (program * T + end) * K * V + tile

    w_ += (n // B * H + head) * V * V
    rows, into = tl.arange(0, ROWS), tl.arange(0, P)
    turned = _weights(w_, into, rows, j, column_stride, row_stride, V)
    G = tl.load(dS_T + program * K * V + tile, inside & (last != 0), 0.0)
    after = tl.load(states_ + K * V, inside, 0.0)
    next_q, next_k, next_v, next_f, next_dy, next_before, next_z = _step(
        q_, k_, v_, f_, dy_, states_, news_, i, j, inside, K, V, True
    )
    for back in range(T):
        q, k, v, f, dy, before, z = (
            next_q, next_k, next_v, next_f, next_dy, next_before, next_z,
        )  # fmt: skip
        q_ -= q_t
        k_ -= k_t
        v_ -= v_t
        f_ -= f_t
        dy_ -= dy_t
        states_ -= K * V
        news_ -= K * V
        next_q, next_k, next_v, next_f, next_dy, next_before, next_z = _step(
            q_, k_, v_, f_, dy_, states_, news_, i, j, inside, K, V, back + 1 < T
        )
        G += q[:, None] * dy[None, :]
        da = (1 - f) * G * (1 - z * z)
        kept = G * (before - z)
        G = f * G + _product(da, turned)
        tl.store(da_, da, inside)
        tl.store(dq_, tl.sum(after * dy[None, :], 1), i < K)
        tl.store(dk_, tl.sum(da * v[None, :], 1), i < K)
        tl.store(dv_, tl.sum(k[:, None] * da, 0), j < V)
        tl.store(df_, tl.sum(tl.sum(kept, 0), 0))
        after = before
        da_ -= K * V
        dq_ -= dq_t
        dk_ -= dk_t
        dv_ -= dv_t
        df_ -= df_t
    tl.store(dS_0 + program * K * V + tile, G, inside)
