"""Properties of every op and every backend; an op is tested by being in its room."""

import inspect

import pytest
import torch
from all_ops import (
    OPS,
    as_state,
    as_tuple,
    complete,
    difference,
    example,
    largest,
    pairs,
    random_like,
    to,
    usable,
    values_and_gradients,
)

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
# A gradient that is zero, as a difference of large numbers: only rounding could be compared.
CANCELS = {("causal_attention", "saturated"), ("layer_norm", "one unit")}
FAST, ALL = pairs(reference=False), pairs()
STATEFUL = pairs(stateful=True)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "backend"), FAST)
def test_equals_the_reference(name, backend, case, dtype, generator):
    """In values and all gradients, relative to the largest entry of each.

    The truth is the reference in float64. Where a recurrence amplifies rounding beyond the
    tolerance, the reference's own rounding in `dtype`, times ten, is what a backend may have.
    """
    op = OPS[name]
    if (name, case) in CANCELS:
        pytest.skip("some gradient is zero up to rounding")
    inputs, state = example(op, generator, dtype, **CASES[case])
    usable(op, backend, inputs)
    with torch.no_grad():  # for the shapes alone
        output, final = op.compute(backend, state, **inputs)
    weights = random_like((output, *as_tuple(final)), generator)
    got = values_and_gradients(op, backend, inputs, state, weights)
    truth = true_results(name, case, dtype, op, inputs, state, weights)
    rounded = None
    for what, expected in truth.items():
        assert got[what] is None or got[what].dtype == dtype, what
        error = difference(got[what], expected)
        allowed = TOLERANCE[dtype] * max(largest(expected), 1e-3)
        if error > allowed and dtype != torch.float64:  # only then is the reference run again
            rounded = rounded or values_and_gradients(op, "reference", inputs, state, weights)
            allowed = max(allowed, 10 * difference(rounded[what], expected))
        assert error <= allowed, f"{what}: {error:.1e} off, largest {largest(expected):.1e}"


TRUTHS = {}  # of the last op: its backends get the same numbers, and references are slow


def true_results(name, case, dtype, op, inputs, state, weights):
    """What the reference gives in float64, computed once for all backends of an op."""
    given = [*inputs.values(), *as_tuple(state), *weights]
    if any(key[0] != name for key in TRUTHS):
        TRUTHS.clear()
    if (name, case, dtype) not in TRUTHS:
        double = [
            {name: to(x, torch.float64) for name, x in inputs.items()},
            as_state(op, [x.double() for x in as_tuple(state)]),
            [w.double() for w in weights],
        ]
        TRUTHS[name, case, dtype] = given, values_and_gradients(op, "reference", *double)
    known, truth = TRUTHS[name, case, dtype]
    assert all(torch.equal(x, y) for x, y in zip(given, known, strict=True))
    return truth


@pytest.mark.parametrize(("name", "backend"), STATEFUL)
def test_two_halves_with_the_state_carried_over_equal_the_whole(name, backend, generator):
    op = OPS[name]
    inputs, state = example(op, generator, torch.float64)
    usable(op, backend, inputs)
    whole, final = op.compute(backend, state, **inputs)
    pieces = []
    for part in (slice(0, 5), slice(5, 6), slice(6, None)):
        piece = {n: x[:, part] if "T" in op.inputs[n] else x for n, x in inputs.items()}
        output, state = op.compute(backend, state, **piece)
        pieces.append(output)
    assert difference(torch.cat(pieces, dim=1), whole) <= 1e-12 * largest(whole)
    for got, expected in zip(as_tuple(state), as_tuple(final), strict=True):
        assert difference(got, expected) <= 1e-12 * largest(expected)


@pytest.mark.parametrize(("name", "backend"), STATEFUL)
def test_no_initial_state_equals_the_default_one(name, backend, generator):
    op = OPS[name]
    inputs, _ = example(op, generator, torch.float64)
    usable(op, backend, inputs)
    output, final = op.compute(backend, None, **inputs)
    again, final_again = op.compute(backend, op.initial(op, inputs), **inputs)
    assert torch.equal(output, again)
    for x, y in zip(as_tuple(final), as_tuple(final_again), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_gradients_are_those_of_finite_differences(name, backend, generator):
    op = OPS[name]
    inputs, state = example(op, generator, torch.float64, B=2, T=3, D=2, K=2)
    usable(op, backend, inputs)
    given = {**inputs, **{f"initial state {i}": x for i, x in enumerate(as_tuple(state))}}
    outputs = op.compute("reference", state, **inputs)
    weights = random_like((outputs[0], *as_tuple(outputs[1])), generator)
    found = values_and_gradients(op, "reference", inputs, state, weights)
    differentiable = [name for name in given if found[f"gradient of {name}"] is not None]
    leaves = [given[name].clone().requires_grad_() for name in differentiable]

    def function(*leaves):
        tensors = [*(given | dict(zip(differentiable, leaves, strict=True))).values()]
        own = dict(zip(inputs, tensors, strict=False))
        output, final = op.compute(
            backend, as_state(op, [*tensors[len(inputs) :]] or [None]), **own
        )
        return (output, *as_tuple(final))

    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_strided_tensors_and_no_grad_give_the_same(name, backend, generator):
    op = OPS[name]
    inputs, state = example(op, generator, torch.float32)
    usable(op, backend, inputs)
    expected, _ = op.compute(backend, state, **inputs)
    strided = {n: torch.stack([x, x], dim=-1)[..., 1] for n, x in inputs.items()}
    allowed = 1e-6 * largest(expected)
    assert difference(op.compute(backend, state, **strided)[0], expected) <= allowed
    swapped = {
        n: x.transpose(0, 1).contiguous().transpose(0, 1) if x.dim() > 1 else x
        for n, x in inputs.items()
    }
    assert difference(op.compute(backend, state, **swapped)[0], expected) <= allowed
    with torch.no_grad():
        assert torch.equal(op.compute(backend, state, **inputs)[0], expected)


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_runs_are_reproducible_bit_for_bit(name, backend, generator):
    op = OPS[name]
    inputs, state = example(op, generator, torch.float32, B=33)
    usable(op, backend, inputs)
    output, final = op.compute("reference", state, **inputs)
    weights = random_like((output, *as_tuple(final)), generator)
    first, second = (values_and_gradients(op, backend, inputs, state, weights) for _ in range(2))
    for what, value in first.items():
        assert value is None or torch.equal(value, second[what]), what


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(("name", "backend"), STATEFUL)
def test_a_state_that_is_not_finite_shows_in_the_output(name, backend, bad, generator):
    """Divergence is noticed by the loss not being finite, so no backend may hide it."""
    op = OPS[name]
    inputs, state = example(op, generator, torch.float32)
    usable(op, backend, inputs)
    for part in as_tuple(state):
        part.fill_(bad)
    output, _ = op.compute(backend, state, **inputs)
    reference, _ = op.compute("reference", state, **inputs)
    assert not reference.isfinite().all()
    assert torch.equal(output.isfinite().all(dim=-1), reference.isfinite().all(dim=-1))


@pytest.mark.parametrize("name", OPS)
def test_the_function_has_the_name_and_arguments_of_its_reference(name):
    op = OPS[name]
    arguments = inspect.signature(op).parameters
    positional = [*op.inputs, "initial_state"] if op.state else [*op.inputs]
    assert list(arguments) == [*positional, *op.options, "backend"]
    by_name = [x for x, p in arguments.items() if p.kind is p.KEYWORD_ONLY]
    assert by_name == [*op.options, "backend"]
    assert all(p.default is not p.empty for x, p in arguments.items() if x not in op.inputs)
    assert op.name == name == op.__name__ and arguments["backend"].default == "auto"
    assert 'backend: "auto", or one of' in op.__doc__ and "Returns:" in op.__doc__


@pytest.mark.parametrize("name", OPS)
def test_output_and_state_have_the_declared_shapes(name, generator):
    op, sizes = OPS[name], complete({})
    inputs, state = example(op, generator, torch.float32)
    output, final = op.compute("reference", state, **inputs)
    for spec, x in zip((op.output, *op.state_specs), (output, *as_tuple(final)), strict=True):
        assert list(x.shape) == [sizes["H"] if letter == "*" else sizes[letter] for letter in spec]
    public = op(*inputs.values(), *([state] if op.state else []), backend="reference")
    assert torch.equal(public[0] if op.state else public, output)


@pytest.mark.parametrize("name", OPS)
def test_tensors_of_other_shapes_and_kinds_are_refused_by_name(name, generator):
    op = OPS[name]
    inputs, _ = example(op, generator, torch.float32)
    for wrong, spec in op.inputs.items():
        x = inputs[wrong]
        changed = inputs | {wrong: x.flatten() if "*" in spec else x.unsqueeze(0)}
        with pytest.raises(ValueError, match=rf"^{name}: {wrong} must have the shape \["):
            op.compute("reference", None, **changed)
        changed = inputs | {wrong: x.to(torch.float16 if x.is_floating_point() else torch.int16)}
        with pytest.raises(ValueError, match=rf"^{name}: {wrong} has dtype .*; allowed are"):
            op.compute("reference", None, **changed)


@pytest.mark.parametrize("name", OPS)
def test_a_call_that_is_no_call_of_the_function_is_refused(name, generator):
    op = OPS[name]
    inputs, _ = example(op, generator, torch.float32)
    first, *others = inputs
    with pytest.raises(TypeError, match=f"missing a required argument: '{first}'"):
        op(**{n: inputs[n] for n in others}, backend="reference")
    with pytest.raises(TypeError, match="unexpected keyword argument 'fast'"):
        op(**inputs, fast=True, backend="reference")
    with pytest.raises(TypeError, match="too many positional arguments"):
        op(*inputs.values(), None, None, backend="reference")


@pytest.mark.parametrize(("name", "backend"), ALL)
def test_a_pack_equals_its_models(name, backend, generator):
    """`torch.vmap` over stacked inputs, some of them shared, gives each model's own results."""
    op = OPS[name]
    examples = [example(op, generator, torch.float64, T=9) for _ in range(3)]
    last = [*op.inputs][-1] if len(op.inputs) > 1 else None
    shared = {} if last is None else {last: examples[0][0][last]}
    for inputs, _ in examples:
        inputs.update(shared)
    state = [torch.stack(parts) for parts in zip(*(as_tuple(s) for _, s in examples), strict=True)]
    stacked = {n: torch.stack([i[n] for i, _ in examples]) for n in op.inputs if n != last}
    for x in (*stacked.values(), *shared.values(), *state):
        x.requires_grad_(x.is_floating_point())

    def one(inputs, state):
        usable(op, backend, inputs | shared)
        output, final = op.compute(backend, as_state(op, [*state] or [None]), **inputs, **shared)
        return output, *as_tuple(final)

    results = torch.vmap(one)(stacked, tuple(state))
    weights = random_like(results, generator)
    sum((r * w).sum() for r, w in zip(results, weights, strict=True)).backward()
    of_shared = {n: torch.zeros_like(x) for n, x in shared.items()}
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
        for n, total in of_shared.items():
            total += 0 if named[f"gradient of {n}"] is None else named[f"gradient of {n}"]
    for n, x in shared.items():
        assert difference(x.grad, of_shared[n]) < 1e-9
