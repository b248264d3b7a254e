"""The kernel in C, `native.c`, as PyTorch calls it: one call there, one back."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import (
    WIDE,
    Gradients,
    apart,
    as_rows,
    blocks_of,
    parts_of,
    whole,
)
from fwp.kernels.tensors import once_differentiable, records
from fwp.nn.feed_forward import EPS

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    if len(inputs) == 6:
        return "a norm has weight and bias"
    return KERNEL.unusable(inputs)


def feed_forward(x: Tensor, *weights: Tensor, skip: bool) -> Tensor:
    """As the reference."""
    return _FeedForward.apply(records((x, *weights)), skip, x, *weights)


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, skip, x, *weights):
        (B, T, D), inner = x.shape, len(weights[0])
        rows, (x, x_row) = B * T, as_rows(x)
        weights = [w.contiguous() for w in weights]
        ctx.no_norm = () if len(weights) == 6 else (None, None)
        y, h, moments = x.new_empty(x.shape), None, None
        if record:
            h = x.new_empty((rows, whole(KERNEL, x, inner)))
            moments = None if ctx.no_norm else x.new_empty((2, rows))
        parts, sizes = parts_of(rows), (rows, D, inner, int(skip))
        KERNEL.run(
            "forward", parts, x, None, parts, *sizes, EPS,
            x, x_row, *weights, *ctx.no_norm, y, h, moments,
        )  # fmt: skip
        ctx.sizes, ctx.x_row = sizes, x_row
        ctx.save_for_backward(x, h, moments, *weights)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, h, moments, *weights = ctx.saved_tensors
        dy, dy_row = as_rows(dy)
        wide = weights[0].numel() >= WIDE
        way = _apart if wide and apart(weights[0].numel()) else _together
        given = ctx.sizes, x, ctx.x_row, h, moments, dy, dy_row
        return None, None, *way(wide, *given, *weights)


def _together(
    wide, sizes, x, x_row, h, moments, dy, dy_row, w_1, b_1, w_2, b_2, *norm
) -> list[Tensor | None]:
    """The gradients of x and of all weights in one pass over the rows."""
    rows, no_norm = sizes[0], () if norm else (None, None)
    blocks, of_norm = 1 if wide else blocks_of(rows), _of_norm(wide, norm, rows)
    own = (w_1, b_1, w_2, b_2) if of_norm else (w_1, b_1, w_2, b_2, *norm)
    dx, gradients = x.new_empty(x.shape), Gradients(own, blocks)
    first = gradients.of_first
    d_norm = of_norm.of_first if of_norm else (*first[4:], *no_norm)
    KERNEL.run(
        "backward", blocks, x, None, blocks, *sizes,
        x, x_row, w_1, w_2, *norm, *no_norm, h, moments, dy, dy_row, dx,
        gradients.stride, *first[:4], of_norm.stride if of_norm else 0, *d_norm,
    )  # fmt: skip
    return [dx, *gradients.total(KERNEL), *(of_norm.total(KERNEL) if of_norm else ())]


def _apart(
    _, sizes, x, x_row, h, moments, dy, dy_row, w_1, b_1, w_2, b_2, *norm
) -> list[Tensor | None]:
    """As `_together` for a wide layer; threads share the rows first, then the inner units."""
    rows, D, inner, _ = sizes
    of_norm, n_row = _of_norm(True, norm, rows), whole(KERNEL, x, D) if norm else x_row
    dx, dh = x.new_empty(x.shape), torch.empty_like(h)
    n, none = x.new_empty((rows, n_row)) if norm else x, (None, None)
    KERNEL.run(
        "backward_input", parts_of(rows), x, None, *sizes,
        x, x_row, w_1, w_2, *(norm or none), h, moments, dy, dy_row, dx,
        of_norm.stride if of_norm else 0, *(of_norm.of_first if of_norm else none), dh, n,
    )  # fmt: skip
    gradients = [torch.empty_like(w) for w in (w_1, b_1, w_2, b_2)]
    KERNEL.run(
        "backward_weights", parts_of(inner), x, None, *sizes[:3],
        h, dh, n, n_row, dy, dy_row, *gradients,
    )  # fmt: skip
    return [dx, *gradients, *(of_norm.total(KERNEL) if of_norm else ())]


def _of_norm(wide: bool, norm: tuple[Tensor, ...], rows: int) -> Gradients | None:
    """The gradients of the norm's weights if they are added up by tiles, in both ways alike."""
    return Gradients(norm, parts_of(rows)) if wide and norm else None
