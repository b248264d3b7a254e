"""Compares the Triton kernel of an op with the op's reference, on a GPU or in Triton's interpreter.

As a script, under TRITON_INTERPRET=1, prints what `errors` finds for the ops named as arguments.
"""

import json
import sys

import torch

from fwp import nn, ops

OPS = {name: room.get(name) for room in (ops, nn) for name in room.names()}
SIZES = {"B": 3, "T": 6, "H": 2, "D": 5, "K": 5, "V": 3, "I": 4, "O": 6, "R": 2, "C": 3, "4": 4}
INTERPRETED = {
    "usual": (1, torch.float32, {}),
    "one step, one unit": (
        1,
        torch.float64,
        {"B": 1, "T": 1, "H": 1, "D": 1, "K": 1, "V": 1, "I": 1},
    ),
    "two wide models": (2, torch.float64, {"T": 3, "B": 2, "H": 1, "D": 70, "K": 3, "V": 18}),
    "several rounds": (1, torch.float64, {"T": 17, "B": 1, "H": 1, "D": 4, "K": 4, "V": 4}),
}
CHUNKED = {
    "two chunks": (1, torch.float32, {"T": 70, "B": 1, "H": 1, "K": 33, "V": 34}),
    "two models": (2, torch.float32, {"T": 3, "B": 1, "H": 1, "K": 32, "V": 32}),
}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


def to(x, *where):
    """On another device or in another precision, unless it holds integers."""
    return x.to(*where) if x.is_floating_point() else x.to(where[0]) if len(where) > 1 else x


def complete(sizes):
    """Sizes of all letters; P is a convolution's K - 1, S are the keys of attention."""
    sizes = SIZES | sizes
    return {"P": sizes["K"] - 1, "S": sizes["T"]} | sizes


def example(op, models, dtype, **sizes):
    """Inputs by name and parts of the state of each model, as float64 copies of `dtype` numbers."""
    generator = torch.Generator().manual_seed(0)
    sizes = complete(sizes)
    for _ in range(models):
        inputs = op.example(generator, dtype, **sizes)
        state = [
            torch.randn([sizes[x] for x in spec], generator=generator, dtype=dtype)
            for spec in op.state_specs
        ]
        yield (
            {name: to(x, torch.float64) for name, x in inputs.items()},
            [x.double() / sizes["D"] ** 0.5 for x in state],
        )


def results(op, run, inputs, state, weights=None):
    """Outputs, and gradients of their sum with random weights, by name; and the weights."""
    inputs = {
        name: x.detach().clone().requires_grad_(x.is_floating_point()) for name, x in inputs.items()
    }
    state = [x.detach().clone().requires_grad_() for x in state]
    if op.state:
        given = tuple(state) if isinstance(op.state, tuple) else state[0]
        output, final = run(*inputs.values(), given)
    else:
        output, final = run(*inputs.values()), ()
    outputs = (output, *as_tuple(final))
    if weights is None:
        generator = torch.Generator().manual_seed(1)
        weights = [torch.randn(x.shape, generator=generator).to(x) for x in outputs]
    sum((x * w).sum() for x, w in zip(outputs, weights, strict=True)).backward()
    named = {"output": output} | {f"final state {i}": x for i, x in enumerate(as_tuple(final))}
    named |= {f"gradient of {name}": x.grad for name, x in inputs.items()}
    named |= {f"gradient of initial state {i}": x.grad for i, x in enumerate(state)}
    zeros = {f"gradient of {n}": torch.zeros_like(x, dtype=output.dtype) for n, x in inputs.items()}
    return {n: zeros.get(n) if x is None else x.detach() for n, x in named.items()}, weights


def pack(op, parts, specs):
    """Tensors of several models as a kernel takes them: sequences in a row, weights stacked."""
    join = {n: torch.cat if "B" in spec else torch.stack for n, spec in specs.items()}
    return {name: join[name]([part[name] for part in parts]) for name in parts[0]}


def find(name):
    """The op of that name, or one of its variants: "op:option=value,option=value".

    The name of its backend may follow: "op@triton_chunks"; usually it is triton.
    """
    name, _, parts = name.partition("@")[0].partition(":")
    options = dict(part.split("=") for part in parts.split(",") if part)
    return OPS[name].variant(**{n: {"True": True}.get(x, x) for n, x in options.items()})


def largest(x):
    """The size of the largest entry; 0 where there is none."""
    return x.abs().max().item() if x.numel() else 0.0


def errors(name, models, dtype, device="cpu", **sizes):
    """How far the kernel is from the reference, and how far it may be, by what is compared.

    The truth is the reference in float64, model by model; allowed is a tolerance relative to the
    largest entry, or ten times the reference's own rounding in `dtype`.
    """
    op, used = find(name), name.partition("@")[2] or "triton"
    reference, kernel = (op.backends[backend].run for backend in ("reference", used))
    examples = list(example(op, models, dtype, **sizes))
    truth, rounded, weights = [], [], []
    for inputs, state in examples:
        expected, w = results(op, reference, inputs, state)
        single = {n: to(x, dtype) for n, x in inputs.items()}
        got, _ = results(
            op, reference, single, [x.to(dtype) for x in state], [x.to(dtype) for x in w]
        )
        truth.append(expected), rounded.append(got), weights.append(w)

    specs = {f"gradient of {n}": spec for n, spec in op.inputs.items()}
    specs |= dict.fromkeys(set(truth[0]) - set(specs), "B")
    truth, rounded = pack(op, truth, specs), pack(op, rounded, specs)
    inputs = pack(op, [inputs for inputs, _ in examples], op.inputs)
    inputs = {n: to(x, device, dtype) for n, x in inputs.items()}
    state = [
        torch.cat(parts).to(device, dtype) for parts in zip(*(s for _, s in examples), strict=True)
    ]
    weights = [torch.cat(parts).to(device, dtype) for parts in zip(*weights, strict=True)]
    found, _ = results(op, kernel, inputs, state, weights)
    comparison = {}
    for what, expected in truth.items():
        got = found[what].cpu().double()
        assert got.shape == expected.shape and found[what].dtype == dtype, what
        allowed = TOLERANCE[dtype] * max(largest(expected), 1e-3)
        allowed = max(allowed, 10 * largest(rounded[what].double() - expected))
        comparison[what] = (largest(got - expected), allowed)
    return comparison


if __name__ == "__main__":
    found = {
        f"{name} {case}": errors(name, models, dtype, **sizes)
        for name in sys.argv[1:]
        for case, (models, dtype, sizes) in (CHUNKED if "@" in name else INTERPRETED).items()
    }
    print(json.dumps(found))
