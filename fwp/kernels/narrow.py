"""The kernels of small heads, which hold several of them in a register (see `runs.h`).

Arguments of their functions, after the range of blocks, are the number of pairs of sequence and
head, heads, steps, two options, all tensors as an array of `tensor` (see native.h), and what is
kept. In the array lie

    forward:  sequences, weights, states, y, final states
    backward: weights, states, dy, gradients of the final states,
              then where gradients go: of sequences, states, and of all weights together

where the gradients of all weights are a row for each pair of sequence and head.
"""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.tensors import contiguous_end, gradients_like, once_differentiable, records


@dataclass(frozen=True)
class Narrow:
    """A recurrence whose heads are small enough for the registers, as a function of tensors.

    Called with sequences [B, T, H, ...], weights [H, ...] and states [B, H, ...], it returns y, of
    the shape of the first sequence, and the final states.

    kernel: of which a block of `runs.h` is asked.
    options: two numbers that it is told.
    sequences, weights: how many there are.
    finals: how many of the states are returned; y holds the others.
    """

    kernel: Kernel
    options: tuple[int, int] = (0, 0)
    sequences: int = 1
    weights: int = 0
    finals: int = 1

    def fits(self, q: Tensor, v: Tensor) -> bool:
        """Whether a state of these keys and values fits into registers."""
        size = v.shape[-1]
        return q.shape[-1] == size and self.kernel.number("heads", q.dtype, size) > 0

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """y and the final states."""
        return _Narrow.apply(self, records(tensors), *tensors)

    def by_kind(self, x: tuple) -> tuple[tuple, tuple, tuple]:
        """What belongs to sequences, to weights and to states."""
        first, second = self.sequences, self.sequences + self.weights
        return x[:first], x[first:second], x[second:]


class _Narrow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, call, record, *tensors):
        kernel, (sequences, weights, states) = call.kernel, call.by_kind(tensors)
        B, T, H, D = sequences[0].shape
        like = sequences[0]
        sequences = [x if x.dim() < 4 else _dense(x) for x in sequences]
        weights = [x.contiguous() for x in weights]
        states = [contiguous_end(x, x.dim() - 2) for x in states]
        y = like.new_empty(B, T, H, D)
        finals = [x.new_empty(x.shape) for x in states[: call.finals]]
        blocks = -(-B * H // kernel.number("heads", like.dtype, D))
        kept = None
        if record:
            kept = like.new_empty(blocks, kernel.number("numbers_kept", like.dtype, D, T))
        ctx.sizes = B * H, H, T, *call.options
        array = _array(
            _sequences(sequences),
            _plain(weights),
            _states(states),
            _sequences([y]),
            _states(finals),
        )
        kernel.run("forward", blocks, like, D, *ctx.sizes, array, kept)
        if record:
            ctx.call = call
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(kept, *sequences, *weights, *states)
        return y, *finals

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, *d_finals):
        call, (kept, *saved) = ctx.call, ctx.saved_tensors
        sequences, weights, states = call.by_kind(saved)
        B, _, H, D = sequences[0].shape
        dy = None if dy is None else _dense(dy)
        d_finals = [None if x is None else contiguous_end(x, x.dim() - 2) for x in d_finals]
        d_sequences = gradients_like(sequences)
        wanted = ctx.needs_input_grad[len(ctx.needs_input_grad) - len(states) :]
        d_states = [
            x.new_empty(x.shape) if w else None for x, w in zip(states, wanted, strict=True)
        ]
        numbers = [w[0].numel() for w in weights]
        sums = [kept.new_empty(B, H, sum(numbers))] if numbers else []
        array = _array(
            _plain(weights), _states(states),
            _sequences([dy]), _states(d_finals),
            _sequences(d_sequences), _states(d_states), _plain(sums),
        )  # fmt: skip
        call.kernel.run("backward", len(kept), kept, D, *ctx.sizes, array, kept)
        d_weights = []
        if numbers:
            rows = sums[0].sum(0).split(numbers, dim=-1)
            d_weights = [row.view(w.shape) for row, w in zip(rows, weights, strict=True)]
        return None, None, *d_sequences, *d_weights, *d_states


def _dense(x: Tensor) -> Tensor:
    """`x`, copied unless the numbers of a head lie side by side."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _array(*parts: list[int]) -> ctypes.Array:
    numbers = [number for part in parts for number in part]
    return (ctypes.c_int64 * len(numbers))(*numbers)


def _sequences(tensors: Iterable[Tensor | None]) -> list[int]:
    """Address and strides of batch, time and head of [B, T, H, ...]; null for None."""
    numbers = []
    for x in tensors:
        numbers += (0, 0, 0, 0) if x is None else (x.data_ptr(), *x.stride()[:3])
    return numbers


def _states(tensors: Iterable[Tensor | None]) -> list[int]:
    """The same of [B, H, ...]."""
    numbers = []
    for x in tensors:
        numbers += (0, 0, 0, 0) if x is None else (x.data_ptr(), x.stride(0), 0, x.stride(1))
    return numbers


def _plain(tensors: Iterable[Tensor]) -> list[int]:
    """The same of contiguous tensors whose shape the kernel knows."""
    return [number for x in tensors for number in (x.data_ptr(), 0, 0, 0)]
