"""An op in a pack: under `torch.vmap`, a backend computes it for all models at once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fwp.kernels.backend import Backend
from fwp.kernels.vmap import stacked


def compute(op: Any, chosen: Backend, *arguments: Any) -> Any:
    """Call `chosen` for the pack; the arguments are the op's inputs, and its state if it has one.

    `op` is a `fwp.kernels.op.Op`. Returns output, or output and final state.
    """
    inputs, state = arguments[: len(op.inputs)], arguments[len(op.inputs) :]
    output, *final = _Packed.apply(op, chosen, *inputs, *(_parts(state[0]) if state else ()))
    return (output, _joined(op, final)) if op.state else output


def compute_one(op: Any, run: Callable[..., Any], *arguments: Any) -> Any:
    """Call a backend that computes packs for a single model: its weights are a pack of one."""
    names = (*op.inputs, "initial_state")
    return run(
        *(
            x.unsqueeze(0) if name in op.weights else x
            for name, x in zip(names, arguments, strict=False)
        )
    )


def _parts(state: Any) -> tuple[Tensor, ...]:
    if state is None:
        return ()
    return (state,) if isinstance(state, Tensor) else tuple(state)


def _joined(op: Any, parts: list[Tensor]) -> Any:
    return tuple(parts) if isinstance(op.state, tuple) else parts[0]


class _Packed(torch.autograd.Function):
    """Under `torch.vmap`, computes an op for the whole pack at once.

    Autograd does not see this function: it follows what `vmap` below does with plain tensors.
    """

    @staticmethod
    def forward(op, chosen, *tensors):
        raise NotImplementedError(
            f"{op.name}: torch.vmap over some of the inputs is the only transform of torch.func "
            "that ops support"
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep."""

    @staticmethod
    def vmap(info, in_dims, op, chosen, *tensors):
        """Fold the pack into the batch where the backend allows, else go model by model."""
        size = info.batch_size
        moved = stacked(size, tensors, in_dims[2:])
        if chosen.packs or not op.weights:
            specs = [*op.inputs.values(), *op.state_specs]
            folded = [
                x.flatten(0, 1) if "B" in spec else x for x, spec in zip(moved, specs, strict=True)
            ]
            output = _flat(op, chosen, folded)
            output = tuple(x.unflatten(0, (size, -1)) for x in output)
        else:
            outputs = [_flat(op, chosen, [x[i] for x in moved]) for i in range(size)]
            output = tuple(torch.stack(parts) for parts in zip(*outputs, strict=True))
        return output, (0,) * len(output)


def _flat(op: Any, backend: Backend, tensors: list[Tensor]) -> tuple[Tensor, ...]:
    """Run a backend on inputs and the parts of the state; the output and the state's parts."""
    if not op.state:
        return (backend.run(*tensors),)
    inputs, parts = tensors[: len(op.inputs)], tensors[len(op.inputs) :]
    output, state = backend.run(*inputs, _joined(op, parts))
    return output, *_parts(state)
