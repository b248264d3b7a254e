"""Properties of every op and every backend; an op is tested by being in the folder."""

import inspect

import pytest
import torch

from fwp import ops

SIZES = {"B": 3, "T": 37, "H": 2, "D": 5, "K": 5, "V": 3, "I": 4, "4": 4}
CASES = {
    "usual": {},
    "one step": {"T": 1},
    "one unit": {"D": 1, "K": 1, "V": 1},
    "one sequence": {"B": 1},
    "one head": {"H": 1},
    "eight units": {"D": 8, "K": 8, "V": 8},
    "wide batch": {"B": 19, "T": 9},
    "more keys than values": {"K": 11, "V": 2, "D": 11, "T": 20},
    "fewer keys than values": {"K": 2, "V": 11, "D": 2, "T": 20},
    "long": {"T": 1024, "B": 2, "H": 1},
    "chunks to spare": {"T": 129},
    "saturated": {"scale": 30.0, "T": 8},
}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
FAST = [
    pytest.param(name, backend, id=f"{name}-{backend}")
    for name in ops.names()
    for backend in ops.get(name).backends
    if backend != "reference"
]
ALL = [
    pytest.param(name, backend, id=f"{name}-{backend}")
    for name in ops.names()
    for backend in ops.get(name).backends
]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def usable(op, backend):
    reason = op.backends[backend].unusable({"x": torch.zeros(1, 1, 1, 5)})
    if reason is not None:
        pytest.skip(reason)


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


def random_state(op, generator, dtype, **sizes):
    parts = tuple(
        torch.randn([sizes[x] for x in spec], generator=generator, dtype=dtype)
        / sizes.get("D", 1) ** 0.5
        for spec in op.state_specs
    )
    return parts if isinstance(op.state, tuple) else parts[0]


def example(op, generator, dtype, *, scale=1.0, **changes):
    sizes = SIZES | changes
    inputs = op.example(generator, dtype, scale=scale, **sizes)
    return inputs, random_state(op, generator, dtype, **sizes)


def values_and_gradients(op, backend, inputs, state, weights):
    """Output, final state, and the gradients of a random projection of them, all in one dict."""
    inputs = {name: x.detach().clone().requires_grad_() for name, x in inputs.items()}
    parts = tuple(x.detach().clone().requires_grad_() for x in as_tuple(state))
    given = parts if isinstance(op.state, tuple) else parts[0]
    output, final = op(backend, given, **inputs)
    results = (output, *as_tuple(final))
    sum((r * w).sum() for r, w in zip(results, weights, strict=True)).backward()
    named = {"output": output} | {f"final state {i}": x for i, x in enumerate(as_tuple(final))}
    named |= {f"gradient of {name}": x.grad for name, x in inputs.items()}
    named |= {f"gradient of initial state {i}": x.grad for i, x in enumerate(parts)}
    return {name: None if x is None else x.detach() for name, x in named.items()}


def largest(x):
    """The largest absolute entry; no gradient at all is a gradient of zero."""
    return 0.0 if x is None else x.abs().max().item()


def difference(x, y):
    if x is None or y is None:
        return max(largest(x), largest(y))
    assert x.shape == y.shape
    return largest(x.double() - y.double())


def random_like(tensors, generator):
    return [torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in tensors]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "backend"), FAST)
def test_equals_the_reference(name, backend, case, dtype, generator):
    """In values and all gradients, relative to the largest entry of each.

    The truth is the reference in float64. Where a recurrence amplifies rounding beyond the
    tolerance, the reference's own rounding in `dtype`, times ten, is what a backend may have.
    """
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, dtype, **CASES[case])
    output, final = op("reference", state, **inputs)
    weights = random_like((output, *as_tuple(final)), generator)
    double = [
        {name: x.double() for name, x in inputs.items()},
        tuple(x.double() for x in state) if isinstance(state, tuple) else state.double(),
        [w.double() for w in weights],
    ]
    truth = values_and_gradients(op, "reference", *double)
    rounded = values_and_gradients(op, "reference", inputs, state, weights)
    got = values_and_gradients(op, backend, inputs, state, weights)
    for what, expected in truth.items():
        assert got[what] is None or got[what].dtype == dtype, what
        error = difference(got[what], expected)
        allowed = TOLERANCE[dtype] * max(largest(expected), 1e-3)
        allowed = max(allowed, 10 * difference(rounded[what], expected))
        assert error <= allowed, f"{what}: {error:.1e} off, largest {largest(expected):.1e}"


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_two_halves_with_the_state_carried_over_equal_the_whole(name, backend, generator):
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, torch.float64)
    whole, final = op(backend, state, **inputs)
    pieces = []
    for part in (slice(0, 5), slice(5, 6), slice(6, None)):
        piece = {n: x[:, part] if "T" in op.inputs[n] else x for n, x in inputs.items()}
        output, state = op(backend, state, **piece)
        pieces.append(output)
    assert difference(torch.cat(pieces, dim=1), whole) <= 1e-12 * largest(whole)
    for got, expected in zip(as_tuple(state), as_tuple(final), strict=True):
        assert difference(got, expected) <= 1e-12 * largest(expected)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_no_initial_state_equals_the_default_one(name, backend, generator):
    op = ops.get(name)
    usable(op, backend)
    inputs, _ = example(op, generator, torch.float64)
    output, final = op(backend, None, **inputs)
    again, final_again = op(backend, op.initial(op, inputs), **inputs)
    assert torch.equal(output, again)
    for x, y in zip(as_tuple(final), as_tuple(final_again), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_gradients_are_those_of_finite_differences(name, backend, generator):
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, torch.float64, B=2, T=3, D=2, K=2)
    leaves = [x.clone().requires_grad_() for x in (*inputs.values(), *as_tuple(state))]

    def function(*leaves):
        given = leaves[len(inputs) :]
        given = given if isinstance(op.state, tuple) else given[0]
        output, final = op(backend, given, **dict(zip(inputs, leaves, strict=False)))
        return (output, *as_tuple(final))

    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_strided_tensors_and_no_grad_give_the_same(name, backend, generator):
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, torch.float32)
    expected, _ = op(backend, state, **inputs)
    strided = {n: torch.stack([x, x], dim=-1)[..., 1] for n, x in inputs.items()}
    assert difference(op(backend, state, **strided)[0], expected) <= 1e-6 * largest(expected)
    swapped = {
        n: x.transpose(0, 1).contiguous().transpose(0, 1) if x.dim() > 1 else x
        for n, x in inputs.items()
    }
    assert difference(op(backend, state, **swapped)[0], expected) <= 1e-6 * largest(expected)
    with torch.no_grad():
        assert torch.equal(op(backend, state, **inputs)[0], expected)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_runs_are_reproducible_bit_for_bit(name, backend, generator):
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, torch.float32, B=33)
    output, final = op("reference", state, **inputs)
    weights = random_like((output, *as_tuple(final)), generator)
    first, second = (values_and_gradients(op, backend, inputs, state, weights) for _ in range(2))
    for what, value in first.items():
        assert value is None or torch.equal(value, second[what]), what


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(("name", "backend"), ALL)
def test_a_state_that_is_not_finite_shows_in_the_output(name, backend, bad, generator):
    """Divergence is noticed by the loss not being finite, so no backend may hide it."""
    op = ops.get(name)
    usable(op, backend)
    inputs, state = example(op, generator, torch.float32)
    for part in as_tuple(state):
        part.fill_(bad)
    output, _ = op(backend, state, **inputs)
    reference, _ = op("reference", state, **inputs)
    assert not reference.isfinite().all()
    assert torch.equal(output.isfinite().all(dim=-1), reference.isfinite().all(dim=-1))


@pytest.mark.parametrize("name", ops.names())
def test_the_function_has_the_name_and_arguments_of_its_op(name):
    op = ops.get(name)
    module = inspect.getmodule(op.backends["reference"].run)
    arguments = inspect.signature(getattr(module, name)).parameters
    positional = [*op.inputs, "initial_state"]
    assert list(arguments)[: len(positional)] == positional and list(arguments)[-1] == "backend"
    variants = list(arguments.values())[len(positional) :]
    assert all(v.kind is v.KEYWORD_ONLY and v.default is not v.empty for v in variants)
    assert op.name == name and arguments["backend"].default == "auto"


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_a_pack_equals_its_models(name, backend, generator):
    """`torch.vmap` over stacked inputs, some of them shared, gives each model's own results."""
    op = ops.get(name)
    usable(op, backend)
    sizes = SIZES | {"T": 9}
    examples = [example(op, generator, torch.float64, **sizes) for _ in range(3)]
    last = list(op.inputs)[-1]
    for inputs, _ in examples:
        inputs[last] = examples[0][0][last]
    state = [torch.stack(parts) for parts in zip(*(as_tuple(s) for _, s in examples), strict=True)]
    stacked = {n: torch.stack([i[n] for i, _ in examples]) for n in op.inputs if n != last}
    shared = examples[0][0][last]
    for x in (*stacked.values(), shared, *state):
        x.requires_grad_()

    def one(inputs, state):
        given = state if isinstance(op.state, tuple) else state[0]
        output, final = op(backend, given, **inputs, **{last: shared})
        return output, *as_tuple(final)

    results = torch.vmap(one)(stacked, tuple(state))
    weights = random_like(results, generator)
    sum((r * w).sum() for r, w in zip(results, weights, strict=True)).backward()
    of_shared = torch.zeros_like(shared)
    for i, (inputs, own) in enumerate(examples):
        named = values_and_gradients(op, "reference", inputs, own, [w[i] for w in weights])
        torch.testing.assert_close(results[0][i], named["output"])
        for j, result in enumerate(results[1:]):
            torch.testing.assert_close(result[i], named[f"final state {j}"])
        for n, x in stacked.items():
            gradient = None if x.grad is None else x.grad[i]
            assert difference(gradient, named[f"gradient of {n}"]) < 1e-9, n
        for j, x in enumerate(state):
            assert difference(x.grad[i], named[f"gradient of initial state {j}"]) < 1e-9
        if named[f"gradient of {last}"] is not None:
            of_shared += named[f"gradient of {last}"]
    assert difference(shared.grad, of_shared) < 1e-9
