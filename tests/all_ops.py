"""Every op of both rooms, recurrences and layers, with inputs to try it on."""

import pytest
import torch

from fwp import nn, ops

OPS = {name: room.get(name) for room in (ops, nn) for name in room.names()}
SIZES = {"B": 3, "T": 37, "H": 2, "D": 5, "K": 5, "V": 3, "I": 4, "O": 6, "R": 2, "C": 4, "4": 4}


def pairs(*, stateful=False, reference=True):
    """Parameters (name, backend) of a test; Triton's take no tensors on a CPU: see test_triton."""
    return [
        pytest.param(name, backend, id=f"{name}-{backend}")
        for name, op in OPS.items()
        for backend in op.backends
        if (op.state or not stateful) and (reference or backend != "reference")
        if not backend.startswith("triton")
    ]


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


def as_state(op, parts):
    """Parts of the state as the op takes them."""
    return tuple(parts) if isinstance(op.state, tuple) else parts[0]


def complete(changes):
    """Sizes of all letters; S are the T steps and some before, P a convolution's K - 1."""
    sizes = SIZES | changes
    return {"S": sizes["T"] + 4, "P": sizes["K"] - 1} | sizes


def random_state(op, generator, dtype, **changes):
    sizes = complete(changes)
    return as_state(
        op,
        [
            torch.randn([sizes[x] for x in spec], generator=generator, dtype=dtype)
            / sizes["D"] ** 0.5
            for spec in op.state_specs
        ],
    )


def example(op, generator, dtype, *, scale=1.0, **changes):
    """Inputs by name, and a state."""
    inputs = op.example(generator, dtype, scale=scale, **complete(changes))
    return inputs, random_state(op, generator, dtype, **changes)


def usable(op, backend, inputs):
    """Skip a test of a backend that is not for these inputs."""
    reason = op.backends[backend].unusable(inputs)
    if reason is not None:
        pytest.skip(reason)


def leaf(x):
    """A copy, with a gradient unless it holds integers."""
    return x.detach().clone().requires_grad_(x.is_floating_point())


def to(x, dtype):
    """In another precision, unless it holds integers."""
    return x.to(dtype) if x.is_floating_point() else x


def values_and_gradients(op, backend, inputs, state, weights):
    """Output, final state, and the gradients of a random projection of them, all in one dict."""
    inputs = {name: leaf(x) for name, x in inputs.items()}
    parts = [leaf(x) for x in as_tuple(state)]
    output, final = op.compute(backend, as_state(op, parts), **inputs)
    results = (output, *as_tuple(final))
    sum((r * w).sum() for r, w in zip(results, weights, strict=True)).backward()
    named = {"output": output} | {f"final state {i}": x for i, x in enumerate(as_tuple(final))}
    named |= {f"gradient of {name}": x.grad for name, x in inputs.items()}
    named |= {f"gradient of initial state {i}": x.grad for i, x in enumerate(parts)}
    return {name: None if x is None else x.detach() for name, x in named.items()}


def largest(x):
    """The largest absolute entry; no gradient at all is a gradient of zero."""
    return 0.0 if x is None or x.numel() == 0 else x.abs().max().item()


def difference(x, y):
    if x is None or y is None:
        return max(largest(x), largest(y))
    assert x.shape == y.shape
    return largest(x.double() - y.double())


def random_like(tensors, generator):
    return [torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in tensors]
