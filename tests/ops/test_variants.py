"""Ops with a part replaced: every backend computes what the loop over time does."""

import pytest
import torch
from all_ops import OPS, as_state, as_tuple, difference, example, largest, leaf, random_like, usable

from fwp.ops import selective_scan

VARIANTS = {
    "selective_scan": [{"allow_neg_eigval": True}],
    "recurrent_delta_rule": [
        {"feedback": "linear"},
        {"rule": "sum"},
        {"feedback": "linear", "rule": "sum"},
    ],
    "self_reference": [{"updated": parts} for parts in ("y", "yb", "qk", "ykb")],
    "linear_attention": [{"feature_map": "elu"}, {"feature_map": "elu_sum"}],
    "delta_rule": [
        {"feature_map": "elu"},
        {"feature_map": "elu_sum", "gate": "sigmoid"},
        {"gate": "twice_sigmoid"},
    ],
    "elu_plus_one": [{"normalise": True}],
    "layer_norm": [{"eps": 0.1}],
    "rms_norm": [{"eps": 0.1}],
    "silu_l2": [{"eps": 1.0}],
}
# Heads of which a register of the CPU holds several, an odd number of them.
NARROW = {"D": 4, "K": 4, "V": 4, "H": 3}
CASES = [
    pytest.param(op, backend, sizes, id=f"{name}-{i}-{backend}{len(sizes) or ''}")
    for name, variants in VARIANTS.items()
    for i, op in enumerate(OPS[name].variant(**options) for options in variants)
    for backend in op.backends
    for sizes in ({}, *([NARROW] if "H" in op.inputs.get("q", "") else []))
    if backend != "reference"
]


def results(op, backend, inputs, state, weights=None):
    leaves = [leaf(x) for x in (*inputs.values(), *as_tuple(state))]
    given = as_state(op, leaves[len(inputs) :] or [None])
    output, final = op.compute(backend, given, **dict(zip(inputs, leaves, strict=False)))
    found = (output, *as_tuple(final))
    weights = weights or random_like(found, torch.Generator().manual_seed(1))
    loss = sum((x * w).sum() for x, w in zip(found, weights, strict=True))
    gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
    return [*found, *gradients], weights


@pytest.mark.parametrize(("op", "backend", "sizes"), CASES)
def test_a_variant_equals_its_reference(op, backend, sizes):
    inputs, state = example(op, torch.Generator().manual_seed(0), torch.float64, **sizes)
    usable(op, backend, inputs)
    if op.name == "recurrent_delta_rule":  # linear feedback may grow without bound
        inputs["v"] = inputs["v"] / 4
    expected, weights = results(op, "reference", inputs, state)
    found, _ = results(op, backend, inputs, state, weights)
    for x, y in zip(found, expected, strict=True):
        assert difference(x, y) <= 1e-10 * largest(y)
    plain, _ = OPS[op.name].compute("reference", state, **inputs)
    assert not torch.allclose(plain, expected[0])


def test_the_parallel_scan_takes_few_steps_at_a_time_where_many_are_too_large(monkeypatch):
    op = OPS["selective_scan"]
    inputs, state = example(op, torch.Generator().manual_seed(0), torch.float64)
    expected, weights = results(op, "reference", inputs, state)
    monkeypatch.setattr(selective_scan, "LARGEST", 10 * state.numel())
    found, _ = results(op, "parallel", inputs, state, weights)
    for x, y in zip(found, expected, strict=True):
        assert difference(x, y) <= 1e-10 * largest(y)


def test_options_are_checked_by_name():
    inputs, state = example(OPS["recurrent_delta_rule"], torch.Generator(), torch.float32)
    with pytest.raises(ValueError, match="recurrent_delta_rule: feedback must be tanh or linear"):
        OPS["recurrent_delta_rule"](*inputs.values(), state, feedback="relu")
    inputs, state = example(OPS["self_reference"], torch.Generator(), torch.float32)
    for wrong in ("z", "yy"):
        with pytest.raises(ValueError, match="self_reference: updated must be letters of yqkb"):
            OPS["self_reference"](*inputs.values(), state, updated=wrong)


def test_an_input_that_may_be_left_out():
    inputs, _ = example(OPS["linear"], torch.Generator().manual_seed(0), torch.float64)
    x, weight, bias = inputs.values()
    for backend in ("auto", "fused", "reference"):
        plain = OPS["linear"](x, weight, backend=backend)
        assert torch.equal(plain, OPS["linear"](x, weight, None, backend=backend))
        torch.testing.assert_close(OPS["linear"](x, weight, bias, backend=backend), plain + bias)
