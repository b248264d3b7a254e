"""The kernels of `rules.h` as PyTorch calls them: linear attention and the delta rule, small heads.

Arguments of their functions, after the range of groups, are the number of pairs of sequence and
head, heads, steps, φ, gate, the tensors as an array of `tensor` (see native.h), and what is kept.
"""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.tensors import contiguous_end, gradients_like, records

MAPS = {"none": 0, "elu": 1, "elu_sum": 2}
GATES = {"none": 0, "sigmoid": 1, "twice_sigmoid": 2}


def narrow(kernel: Kernel, q: Tensor, v: Tensor) -> bool:
    """Whether a head is so small that its state fits into registers."""
    size = v.shape[-1]
    return q.shape[-1] == size and kernel.runs(q.dtype, size) > 0


def rule(
    kernel: Kernel, inputs: Sequence[Tensor], S: Tensor, feature_map: str, gate: str = "none"
) -> tuple[Tensor, Tensor]:
    """The output and the final state of a rule with φ and gate, for heads that are `narrow`.

    Args:
        kernel: of linear attention or of the delta rule.
        inputs: q, k, v [B, T, H, D] and, for the delta rule, beta [B, T, H].
        S: S_0 [B, H, D, D].
        feature_map, gate: as the ops name them.
    """
    given = (*inputs, S)
    return _Rule.apply(kernel, records(given), MAPS[feature_map], GATES[gate], *given)


class _Rule(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kernel, record, feature_map, gate, *given):
        *inputs, S = given
        q = inputs[0]
        B, T, H, D = q.shape
        runs = kernel.runs(q.dtype, D)
        groups, lanes = -(-B * H // runs), runs * D
        y, S_T = q.new_empty(B, T, H, D), q.new_empty(B, H, D, D)
        kept = None
        if record:
            numbers = lanes * (3 * (T + -(-T * runs // lanes)) + 1)  # KEPT of rules.h
            kept = q.new_empty(groups, numbers)
        inputs = [contiguous_end(x, x.dim() - 3) for x in inputs]
        sequences = inputs if len(inputs) == 4 else (*inputs, None)
        ctx.sizes = B * H, H, T, feature_map, gate
        kernel.run(
            "forward",
            groups,
            q,
            D,
            *ctx.sizes,
            _tensors(*sequences, _state(S), y, _state(S_T)),
            kept,
        )
        if record:
            ctx.kernel = kernel
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(kept, S, *inputs)
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        kept, S, *inputs = ctx.saved_tensors
        d_inputs = gradients_like(inputs)
        dS_0 = torch.empty_like(S) if ctx.needs_input_grad[-1] else None
        dy = None if dy is None else contiguous_end(dy)
        sequences = d_inputs if len(inputs) == 4 else (*d_inputs, None)
        tensors = _tensors(_state(S), dy, _state(dS_T), *sequences, _state(dS_0))
        size = S.shape[-1]
        ctx.kernel.run("backward", len(kept), kept, size, *ctx.sizes, tensors, kept)
        return None, None, None, None, *d_inputs, dS_0


def _tensors(*tensors: Tensor | None) -> ctypes.Array:
    """Addresses and strides of sequences [B, T, H, ...]; states come as [B, 1, H, ...]."""
    numbers = []
    for x in tensors:
        numbers += (0, 0, 0, 0) if x is None else (x.data_ptr(), *x.stride()[:3])
    return (ctypes.c_int64 * len(numbers))(*numbers)


def _state(x: Tensor | None) -> Tensor | None:
    """A state [B, H, D, D] as `_tensors` takes it."""
    return None if x is None else contiguous_end(x, 2).unsqueeze(1)
