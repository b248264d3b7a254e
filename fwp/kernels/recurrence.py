"""From the two functions of a C kernel to one that PyTorch can differentiate.

So work all kernels of recurrences with heads. The arguments of their functions, after the range of
blocks, are

    forward:  sizes, sequences, weights, initial state, y, final state, kept
    backward: sizes, what is given again, kept, dy, gradient of the final state,
              then where gradients go: of sequences, initial state, weights

Where there are weights, a block holds sequences of one head, and the gradients of all weights are
one array: a row per block, with the head's weights one after another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel, sequence, state
from fwp.kernels.tensors import gradients_like, once_differentiable, records


def recurrence(
    kernel: Kernel,
    sequences: Sequence[Tensor],
    initial: Sequence[Tensor],
    *,
    weights: Sequence[Tensor] = (),
    sizes: Sequence[int],
    size: int | None,
    output: Sequence[int],
    final: slice = slice(None),
    kept: Sequence[tuple[int, int]],
    again: str = "weights",
) -> tuple[Tensor, ...]:
    """Run a recurrence by its kernel, and its backward pass for the gradients.

    Args:
        kernel: its functions are called as said above.
        sequences: [B, T, H, ...], in the order of the C functions, as all that follows.
        initial: the parts of the initial state [B, H, ...].
        weights: [H, ...].
        sizes: what both functions are told first.
        size: the head size, if the kernel has only one.
        output: shape of y.
        final: which parts of the final state the kernel writes; y holds the others.
        kept: what the backward pass needs: of each array, its shape within a block.
        again: what it is given again: "sequences", "weights" or "state".

    Returns:
        y and the parts `final` of the final state.
    """
    tensors = (*sequences, *weights, *initial)
    ends = (len(sequences), len(sequences) + len(weights))
    call = _Call(kernel, ends, sizes, size, output, final, kept, again)
    return _Recurrence.apply(call, records(tensors), *tensors)


class _Call(NamedTuple):
    """The arguments of `recurrence` that are not tensors."""

    kernel: Kernel
    ends: tuple[int, int]  # of the sequences and of the weights among all tensors
    sizes: Sequence[int]
    size: int | None
    output: Sequence[int]
    final: slice
    kept: Sequence[tuple[int, int]]
    again: str

    def by_kind(self, values: Sequence) -> dict[str, Sequence]:
        """Something of every tensor, apart for sequences, weights and state."""
        first, second = self.ends
        return {
            "sequences": values[:first],
            "weights": values[first:second],
            "state": values[second:],
        }


AS_ARGUMENT = {"sequences": sequence, "weights": lambda x: x, "state": state}


def _placed(call: _Call) -> bool:
    """Whether the sequences are kept for nothing but how they lie in memory."""
    return call.again != "sequences" and call.ends[0] > 1


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, call, record, *tensors):
        given, like = call.by_kind(tensors), tensors[0]
        given["weights"] = [w.contiguous() for w in given["weights"]]
        B, _, H = like.shape[:3]
        lanes = call.kernel.lanes(like.dtype, call.size)
        blocks = H * -(-B // lanes) if given["weights"] else -(-B * H // lanes)
        y = like.new_empty(call.output)
        final = [like.new_empty(x.shape) for x in given["state"][call.final]]
        kept = [like.new_empty(blocks, *x, lanes) if record else None for x in call.kept]
        call.kernel.run(
            "forward", blocks, like, call.size,
            *call.sizes,
            *map(sequence, given["sequences"]),
            *given["weights"],
            *map(state, given["state"]),
            sequence(y),
            *map(state, final),
            *kept,
        )  # fmt: skip
        ctx.call, ctx.shapes = call, [x.shape for x in tensors]
        ctx.set_materialize_grads(False)
        again = given[call.again]
        placed = given["sequences"] if _placed(call) else ()
        ctx.save_for_backward(*kept, *again, *placed)
        return y, *final

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, *d_final):
        call, saved, shapes = ctx.call, ctx.saved_tensors, ctx.call.by_kind(ctx.shapes)
        kept, given = saved[: len(call.kept)], saved[len(call.kept) :]
        sequences, again = given, given
        if _placed(call):
            sequences, again = given[-call.ends[0] :], given[: -call.ends[0]]
        like, blocks = kept[0], len(kept[0])
        if call.ends[0] > 1:
            d_sequences = gradients_like(sequences)
        else:
            d_sequences = [like.new_empty(shapes["sequences"][0])]
        d_state = [like.new_empty(shape) for shape in shapes["state"]]
        numbers = [shape[1:].numel() for shape in shapes["weights"]]
        sums = [like.new_empty(blocks, sum(numbers))] if numbers else []
        call.kernel.run(
            "backward", blocks, like, call.size,
            *call.sizes,
            *map(AS_ARGUMENT[call.again], again),
            *kept, sequence(dy),
            *map(state, d_final),
            *map(sequence, d_sequences),
            *map(state, d_state),
            *sums,
        )  # fmt: skip
        d_weights = []
        if numbers:
            heads = shapes["weights"][0][0]
            rows = sums[0].view(heads, -1, sum(numbers)).sum(1).split(numbers, dim=1)
            d_weights = [row.view(x) for row, x in zip(rows, shapes["weights"], strict=True)]
        return None, None, *d_sequences, *d_weights, *d_state
