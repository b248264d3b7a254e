"""Ops with a part replaced: every backend computes what the loop over time does."""

import pytest
import torch
from test_properties import as_tuple, difference, example, largest, random_like, usable

from fwp import ops
from fwp.ops import recurrent_delta_rule, selective_scan, self_reference

VARIANTS = {
    "selective_scan": [selective_scan.SIGNED],
    "recurrent_delta_rule": [
        recurrent_delta_rule._ablated(*parts)
        for parts in (("linear", "delta"), ("tanh", "sum"), ("linear", "sum"))
    ],
    "self_reference": [self_reference._ablated(parts) for parts in ("y", "yb", "qk", "ykb")],
}
CASES = [
    pytest.param(op, backend, id=f"{name}-{i}-{backend}")
    for name, variants in VARIANTS.items()
    for i, op in enumerate(variants)
    for backend in op.backends
    if backend != "reference"
]


def results(op, backend, inputs, state, weights=None):
    leaves = [x.clone().requires_grad_() for x in (*inputs.values(), *as_tuple(state))]
    given = leaves[len(inputs) :]
    given = tuple(given) if isinstance(op.state, tuple) else given[0]
    output, final = op(backend, given, **dict(zip(inputs, leaves, strict=False)))
    found = (output, *as_tuple(final))
    weights = weights or random_like(found, torch.Generator().manual_seed(1))
    loss = sum((x * w).sum() for x, w in zip(found, weights, strict=True))
    gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
    return [*found, *gradients], weights


@pytest.mark.parametrize(("op", "backend"), CASES)
def test_a_variant_equals_its_reference(op, backend):
    usable(op, backend)
    inputs, state = example(op, torch.Generator().manual_seed(0), torch.float64)
    if op.name == "recurrent_delta_rule":  # linear feedback may grow without bound
        inputs["v"] = inputs["v"] / 4
    expected, weights = results(op, "reference", inputs, state)
    found, _ = results(op, backend, inputs, state, weights)
    for x, y in zip(found, expected, strict=True):
        assert difference(x, y) <= 1e-10 * largest(y)
    plain, _ = ops.get(op.name)("reference", state, **inputs)
    assert not torch.allclose(plain, expected[0])


def test_the_parallel_scan_takes_few_steps_at_a_time_where_many_are_too_large(monkeypatch):
    op = ops.get("selective_scan")
    inputs, state = example(op, torch.Generator().manual_seed(0), torch.float64)
    expected, weights = results(op, "reference", inputs, state)
    monkeypatch.setattr(selective_scan, "LARGEST", 10 * state.numel())
    found, _ = results(op, "parallel", inputs, state, weights)
    for x, y in zip(found, expected, strict=True):
        assert difference(x, y) <= 1e-10 * largest(y)
