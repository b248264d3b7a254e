"""The update of a step on a GPU, in one kernel or, with clipping, two: gradients, Adam, the loss.

By PyTorch's functions (`fwp.training.clipping` and `fwp.training.adam`, which define the result)
it is a dozen kernels and, with clipping, one more for every weight.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.config.settings import TrainingSettings
from fwp.training.clipping import EPS
from fwp.training.update import numbers

BLOCK = 1024  # weights of a program
MOST = 64  # gradients that the kernel reads where they are; more are first copied into one piece


class Update:
    """Clipping and Adam of a pack, each model's by its own settings.

    Args:
        weights: [N], those of all models: of each tensor [models, size], one after another; changed
            in place.
        sizes: of each tensor.
        settings: betas, eps, weight_decay and clip of each model.

    Attributes:
        moments: as `fwp.training.adam.Adam` has them.
    """

    def __init__(self, weights: Tensor, sizes: Sequence[int], settings: Sequence[TrainingSettings]):
        self._weights, models, device = weights, len(settings), weights.device
        self._mean, self._square = torch.zeros_like(weights), torch.zeros_like(weights)
        # Of each program: its gradient, where the tensor begins in that and among the weights, the
        # tensor's size, and where the program's part of it begins.
        table, self._joined, begin = [], len(sizes) > MOST, 0
        for i, size in enumerate(sizes):
            tensor = (0, begin, models * begin) if self._joined else (i, 0, models * begin)
            table += [(*tensor, size, start) for start in range(0, size, BLOCK)]
            begin += size
        self._table = torch.tensor(table, device=device)
        own = list(map(numbers, settings))
        self._settings = torch.tensor(own, dtype=torch.float64, device=device)
        self._squares = None
        if any(one.clip is not None for one in settings):
            self._squares = weights.new_empty(models, len(table))
        # Every program counts for itself: none can know when all others have read a common number.
        self._steps = torch.zeros(models, len(table), device=device)
        self.moments = {
            "step": self._steps[0, 0],
            "exp_avg": self._mean,
            "exp_avg_sq": self._square,
        }

    def step(
        self,
        gradients: Sequence[Tensor],
        rates: Tensor,
        loss: Tensor,
        labels: Tensor,
        total: Tensor,
    ) -> None:
        """Change the weights, and add loss × labels to the total.

        Args:
            gradients: of each tensor, [models, ...], or without that dimension for one model.
            rates: learning rate of all models, or of each [models].
            loss, labels: [models].
            total: [models], changed in place.
        """
        models, blocks = self._steps.shape
        rows = [_rows(g, models) for g in gradients]
        if self._joined:
            rows = [torch.cat(rows, 1)]
        strides = tuple(g.stride(0) for g in rows)
        given, grid = (tuple(rows), strides, self._table), (blocks, models)
        if self._squares is not None:
            _sum_of_squares[grid](*given, self._squares, BLOCK=BLOCK, num_warps=4)
        _adam[grid](
            *given, self._squares, self._settings, rates, rates.stride(0) if rates.dim() else 0,
            self._steps, self._weights, self._mean, self._square, loss, labels, total, blocks,
            EPS=EPS, BLOCK=BLOCK, num_warps=4,
        )  # fmt: skip

    def load(self, moments: dict[str, Tensor]) -> None:
        """Go on from the `moments` of another."""
        self._steps.fill_(moments["step"])
        self._mean.copy_(moments["exp_avg"])
        self._square.copy_(moments["exp_avg_sq"])


def _rows(gradient: Tensor, models: int) -> Tensor:
    """[models, size], copied only where a model's part is not in one piece."""
    rows = gradient.reshape(models, -1)
    return rows if rows.stride(1) == 1 else rows.contiguous()


@triton.jit
def _piece(gradients, strides, table, r, BLOCK: tl.constexpr):
    """A program's part of a gradient, which of its numbers exist, and where the weights stand."""
    table += tl.program_id(0) * 5
    which, before, offset = tl.load(table), tl.load(table + 1), tl.load(table + 2)
    size, start = tl.load(table + 3), tl.load(table + 4)
    n = start + tl.arange(0, BLOCK)
    address, stride = gradients[0].to(tl.int64), which * 0 + strides[0]
    for i in tl.static_range(1, len(gradients)):
        address = tl.where(which == i, gradients[i].to(tl.int64), address)
        stride = tl.where(which == i, strides[i], stride)
    gradient = address.to(tl.pointer_type(gradients[0].dtype.element_ty))
    g = tl.load(gradient + r * stride + before + n, n < size, 0.0)
    return g, n < size, offset + r * size + n


@triton.jit
def _sum_of_squares(gradients, strides, table, squares, BLOCK: tl.constexpr):
    r = tl.program_id(1).to(tl.int64)
    g, _, _ = _piece(gradients, strides, table, r, BLOCK)
    tl.store(squares + r * tl.num_programs(0) + tl.program_id(0), tl.sum(g * g, 0))


@triton.jit
def _adam(
    gradients, strides, table, squares, settings, rates, rate_stride,
    steps, weights, means, mean_squares, loss, labels, total, blocks,
    EPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    g, inside, at = _piece(gradients, strides, table, r, BLOCK)
    beta1, beta2 = tl.load(settings + r * 5), tl.load(settings + r * 5 + 1)
    eps, decay = tl.load(settings + r * 5 + 2), tl.load(settings + r * 5 + 3)
    if squares is not None:
        sums = tl.zeros([BLOCK], g.dtype)
        for start in range(0, blocks, BLOCK):
            n = start + tl.arange(0, BLOCK)
            sums += tl.load(squares + r * blocks + n, n < blocks, 0.0)
        limit = tl.load(settings + r * 5 + 4)
        scale = limit / (tl.sqrt(tl.sum(sums, 0)) + EPS)
        scale = tl.where((scale > 1) | (limit == float("inf")), 1.0, scale)
        g *= scale.to(g.dtype)
    own = steps + r * blocks + tl.program_id(0)
    step = tl.load(own) + 1
    tl.store(own, step)
    step = step.to(tl.float64)
    rate = tl.load(rates + r * rate_stride).to(tl.float64)
    # Of 1 - β₂ⁿ little is left at first: as many digits as float64 has.
    length = rate / (1 - tl.exp(step * tl.log(beta1)))
    root = tl.sqrt(1 - tl.exp(step * tl.log(beta2)))
    kind: tl.constexpr = g.dtype
    w = tl.load(weights + at, inside, 0.0)
    mean, square = tl.load(means + at, inside, 0.0), tl.load(mean_squares + at, inside, 0.0)
    mean += (1 - beta1).to(kind) * (g - mean)
    square = beta2.to(kind) * square + (1 - beta2).to(kind) * g * g
    w -= (rate * decay).to(kind) * w
    w -= length.to(kind) * mean / (tl.sqrt(square) / root.to(kind) + eps.to(kind))
    tl.store(weights + at, w, inside)
    tl.store(means + at, mean, inside)
    tl.store(mean_squares + at, square, inside)
    if tl.program_id(0) == 0:
        part = tl.load(loss + r).to(tl.float64) * tl.load(labels + r).to(tl.float64)
        tl.store(total + r, tl.load(total + r) + part)
