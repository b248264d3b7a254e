"""The self-referential weight matrix on the GPU: a program per sequence and head.

The equations are those of native.c. The forward pass is in `triton_forward.py`. A step back is a
chain of dependent reductions,

    W de and G d together -> q · dq, k · dk -> da as columns

and the rest is kept off the chain: k G is computed, and inputs are loaded, a step ahead.

A vector is [P, 1] (an entry per row of W) or [1, P] (per column), as the next product needs it.
`W`, `G` and what is read from or added to them are tuples of the parts y, q, k, β, each a tile
[P, P] or a vector; β fills four columns of its tile. All stay in registers.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_math import of_warps, total, turn
from fwp.ops.self_reference.triton_forward import blocks, forward

WARPS = {4: 1, 8: 1, 16: 1, 32: 2, 64: 8, 128: 16}  # by padded head size

Matrices = tuple[Tensor, Tensor, Tensor, Tensor]


def self_reference(x: Tensor, *weights_and_state, updated: str) -> tuple[Tensor, Matrices]:
    """As the reference; the state is all that is needed of the weights."""
    *_, state = weights_and_state
    bits = sum(1 << "yqkb".index(part) for part in updated)
    y, *state = _SelfReference.apply(records((x, *state)), bits, x, *state)
    return y, tuple(state)


class _SelfReference(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, updated, x, *state):
        (B, T, H, D), every = x.shape, max(32, 3 * x.shape[-1] + 4)
        x, state = contiguous_end(x), [contiguous_end(W, 2) for W in state]
        y, final = x.new_empty(B, T, H, D), [x.new_empty(W.shape) for W in state]
        vectors = rates = states = y  # not written to
        if record:
            vectors, rates = x.new_empty(B, H, T, 5, D), x.new_empty(B, H, T, 8)
            states = x.new_empty(B, H, -(-T // every), 3 * D + 4, D)
        forward[(B * H,)](
            x, *state, y, *final, vectors, rates, states,
            T, H, D, 4, 1,
            *x.stride()[:3], *(stride for W in state for stride in W.stride()[:2]),
            EVERY=every, UPDATED=updated, RECORD=record, **blocks(D),
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, vectors, rates, states)
        ctx.every = every
        return (y, *final)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, *d_final):
        x, vectors, rates, states = ctx.saved_tensors
        B, T, H, D = x.shape
        dy = x.new_zeros(B, T, H, D) if dy is None else contiguous_end(dy)
        dx = x.new_empty(B, T, H, D)
        d_state = [x.new_empty(B, H, D, columns) for columns in (D, D, D, 4)]
        last = any(d is not None for d in d_final)
        if last:
            d_final = [
                torch.zeros_like(empty) if d is None else d.contiguous()
                for d, empty in zip(d_final, d_state, strict=True)
            ]
        P = max(4, triton.next_power_of_2(D))
        _backward[(B * H,)](
            x, vectors, rates, states, dy, *(d_final if last else d_state), dx, *d_state,
            int(last), T, H,
            *x.stride()[:3], *dy.stride()[:3],
            D=D, P=P, EVERY=ctx.every, **of_warps(WARPS[P]),
        )  # fmt: skip
        return None, None, dx, *d_state


@triton.jit
def _load(y, q, k, b, i, j, there, D: tl.constexpr):
    tile, inside = i * D + j, (i < D) & (j < D) & there
    return (
        tl.load(y + tile, inside, 0.0),
        tl.load(q + tile, inside, 0.0),
        tl.load(k + tile, inside, 0.0),
        tl.load(b + i * 4 + j, (i < D) & (j < 4) & there, 0.0),
    )


@triton.jit
def _store(y, q, k, b, W, i, j, D: tl.constexpr):
    tile, inside = i * D + j, (i < D) & (j < D)
    tl.store(y + tile, W[0], inside)
    tl.store(q + tile, W[1], inside)
    tl.store(k + tile, W[2], inside)
    tl.store(b + i * 4 + j, W[3], (i < D) & (j < 4))


@triton.jit
def _read(x, W):
    """x W"""
    return (
        tl.sum(x * W[0], 0, keep_dims=True),
        tl.sum(x * W[1], 0, keep_dims=True),
        tl.sum(x * W[2], 0, keep_dims=True),
        tl.sum(x * W[3], 0, keep_dims=True),
    )


@triton.jit
def _read_back(W, d):
    """W d"""
    return tl.sum(W[0] * d[0] + W[1] * d[1] + W[2] * d[2] + W[3] * d[3], 1, keep_dims=True)


@triton.jit
def _add(W, x, d):
    """W + x ⊗ d; also adds x d to a product, for a number x."""
    return W[0] + x * d[0], W[1] + x * d[1], W[2] + x * d[2], W[3] + x * d[3]


@triton.jit
def _scale(r, e):
    """β ∘ e: each part times its rate."""
    return r[0] * e[0], r[1] * e[1], r[2] * e[2], r[3] * e[3]


@triton.jit
def _dot(a, b):
    return total(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3])


@triton.jit
def _kept(x, dy, vectors, rates, i, j, there, D: tl.constexpr):
    """x, dy, q, e and β of a step, the last as a column and as numbers; zeros if there is none."""
    row, column = (i < D) & there, (j < D) & there
    e = (
        tl.load(vectors + 2 * D + j, column, 0.0),
        tl.load(vectors + 3 * D + j, column, 0.0),
        tl.load(vectors + 4 * D + j, column, 0.0),
        tl.load(rates + j, (j < 4) & there, 0.0),
    )
    r = (
        tl.load(rates + 4, there, 0.0),
        tl.load(rates + 5, there, 0.0),
        tl.load(rates + 6, there, 0.0),
        tl.load(rates + 7, there, 0.0),
    )
    return (
        tl.load(x, row, 0.0),
        tl.load(dy, column, 0.0),
        tl.load(vectors + i, row, 0.0),
        e,
        tl.load(rates + 4 + j, (j < 4) & there, 0.0),
        r,
    )


@triton.jit
def _sums(a, b, j):
    """Products of the parts, as the first entries of a column."""
    first = tl.where(j == 0, total(a[0] * b[0]), tl.where(j == 1, total(a[1] * b[1]), 0.0))
    return tl.where(j == 2, total(a[2] * b[2]), tl.where(j == 3, total(a[3] * b[3]), first))


@triton.jit(do_not_specialize=["T", "H", "last"])
def _backward(
    x_, vectors_, rates_, states_, dy_, y_T, q_T, k_T, b_T, dx_, y_0, q_0, k_0, b_0,
    last, T, H,
    x_n, x_t, x_h, dy_n, dy_t, dy_h,
    D: tl.constexpr, P: tl.constexpr, EVERY: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0).to(tl.int64)
    n, head = program // H, program % H
    i, j = tl.arange(0, P)[:, None], tl.arange(0, P)[None, :]
    x_ += n * x_n + head * x_h + (T - 1) * x_t + i
    dy_ += n * dy_n + head * dy_h + (T - 1) * dy_t + j
    dx_ += (n * T + T) * H * D + head * D + i
    vectors_ += (program * T + T - 1) * 5 * D
    rates_ += (program * T + T - 1) * 8
    states_ += program * tl.cdiv(T, EVERY) * (3 * D + 4) * D
    here = program * D * D
    y_T, q_T, k_T, b_T = y_T + here, q_T + here, k_T + here, b_T + program * D * 4

    # A masked load where there is nothing to load: G gets the layout of W, not one of its own.
    G = _load(y_T, q_T, k_T, b_T, i, j, last != 0, D)
    s = states_ + (T - 1) // EVERY * (3 * D + 4) * D
    W = _load(s, s + D * D, s + 2 * D * D, s + 3 * D * D, i, j, True, D)
    soon = _kept(x_, dy_, vectors_, rates_, i, j, T > 0, D)
    next_k = tl.load(vectors_ + D + i, i < D, 0.0)
    k_after = tl.load(vectors_ - 4 * D + i, (i < D) & (T > 1), 0.0)
    # What reads W after a step, x, and the gradient of what it reads, g: nothing after the last.
    x, zero = tl.zeros_like(next_k), tl.zeros_like(soon[1])
    g = zero, zero, zero, zero
    k_G = _read(next_k, G)
    for step in range(T):
        t = T - 1 - step
        now_x, dy, q, e, rates, r = soon
        k, next_k = next_k, k_after
        x_ -= x_t
        dy_ -= dy_t
        vectors_ -= 5 * D
        rates_ -= 8
        soon = _kept(x_, dy_, vectors_, rates_, i, j, t > 0, D)
        k_after = tl.load(vectors_ - 4 * D + i, (i < D) & (t > 1), 0.0)
        if (t + 1) % EVERY == 0:
            s = states_ + t // EVERY * (3 * D + 4) * D
            W = _load(s, s + D * D, s + 2 * D * D, s + 3 * D * D, i, j, True, D)

        d = _scale(r, e)
        dd = _add(k_G, tl.sum(k * x, 0, keep_dims=True), g)
        de = _scale(r, dd)
        tl.store(dx_, _read_back(W, g), (i < D) & (t + 1 < T))
        dx_ -= H * D
        dm = _read_back(W, de) - k * _dot(d, de)
        dk = _read_back(G, d) + x * _dot(g, d) - dm
        G = _add(_add(G, x, g), q - k, de)
        W = _add(W, -k, d)
        k_G = _read(next_k, G)

        dq = q * (dm - tl.sum(q * dm, 0, keep_dims=True))
        dk = k * (dk - tl.sum(k * dk, 0, keep_dims=True))
        g = dy, turn(dq, i, j, 0), turn(dk, i, j, 0), _sums(dd, e, j) * rates * (1 - rates)
        x = now_x
    tl.store(dx_, _read_back(W, g), i < D)
    G = _add(G, x, g)
    _store(y_0 + here, q_0 + here, k_0 + here, b_0 + program * D * 4, G, i, j, D)
