"""Imports, choice of a backend, and what the ops refuse."""

import subprocess
import sys

import pytest
import torch

from fwp import nn, ops
from fwp.ops.delta_rule import delta_rule
from fwp.ops.recurrent_delta_rule import recurrent_delta_rule
from fwp.ops.self_reference import self_reference


def imported_by(statement):
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize("room", ["fwp.ops", "fwp.nn"])
def test_importing_the_package_imports_neither_torch_nor_an_op(room):
    modules = imported_by(f"import {room}; {room}.names()")
    assert "torch" not in modules
    assert not [m for m in modules if m.startswith(f"{room}.")]


def test_importing_an_op_imports_no_other_op():
    modules = imported_by("from fwp.ops.delta_rule import delta_rule")
    assert [name for name in ops.names() if f"fwp.ops.{name}" in modules] == ["delta_rule"]


def test_every_op_of_the_design_is_found():
    assert {
        "delta_rule",
        "elementwise_lstm",
        "linear_attention",
        "recurrent_delta_rule",
        "self_reference",
    } <= set(ops.names())


def test_every_layer_with_kernels_is_an_op():
    assert set(nn.names()) == {path.parent.name for path in nn.ROOM.folder.glob("*/__init__.py")}


def test_an_unknown_op_is_refused():
    with pytest.raises(ValueError, match=r"no op is called 'delta'.*delta_rule"):
        ops.get("delta")
    with pytest.raises(ValueError, match=r"no op is called 'feature_maps'.*elu_plus_one"):
        nn.get("feature_maps")


def inputs(B=2, T=3, H=2, K=4, V=5, dtype=torch.float32):
    shapes = ([B, T, H, K], [B, T, H, K], [B, T, H, V], [B, T, H])
    return [torch.rand(shape, dtype=dtype) for shape in shapes]


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"delta_rule: no backend .*'fast'; allowed .*reference"):
        delta_rule(*inputs(), backend="fast")


def test_wrong_shapes_are_refused():
    q, k, v, beta = inputs()
    with pytest.raises(ValueError, match=r"v must have the shape \[B, T, H, V\] with T = 3 of q"):
        delta_rule(q, k, v[:, :2], beta)
    with pytest.raises(ValueError, match=r"beta must have the shape \[B, T, H\]"):
        delta_rule(q, k, v, beta.unsqueeze(-1))
    with pytest.raises(ValueError, match=r"k must have the shape .* with K = 4 of q, got"):
        delta_rule(q, v, v, beta)
    with pytest.raises(ValueError, match="every size at least 1"):
        delta_rule(*inputs(T=0))
    with pytest.raises(ValueError, match=r"initial_state must .* with V = 5 of v, got"):
        delta_rule(q, k, v, beta, torch.zeros(2, 2, 4, 4))


def test_wrong_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"q has dtype torch.float16; allowed are torch.float32"):
        delta_rule(*inputs(dtype=torch.float16))
    q, k, v, beta = inputs()
    with pytest.raises(ValueError, match=r"beta is torch.float64"):
        delta_rule(q, k, v, beta.double())
    with pytest.raises(ValueError, match=r"beta must be a tensor, got <class 'float'>"):
        delta_rule(q, k, v, 0.5)


def test_a_state_of_several_parts_is_checked():
    x = torch.rand(2, 3, 1, 4)
    square, rates = torch.rand(1, 4, 4), torch.rand(1, 4, 4)
    with pytest.raises(ValueError, match=r"the state has 4 parts .* initial_state has 1"):
        self_reference(x, square, square, square, rates, torch.rand(2, 1, 4, 4))
    with pytest.raises(
        ValueError, match=r"w_beta must have the shape \[H, D, 4\], got \[1, 4, 3\]"
    ):
        self_reference(x, square, square, square, rates[..., :3])


def test_feedback_is_the_hyperbolic_tangent_of_the_raw_previous_output():
    generator = torch.Generator().manual_seed(0)
    x, beta = torch.randn(1, 1, 1, 2, generator=generator), torch.zeros(1, 1, 1)
    zero, weights, r = torch.zeros(1, 2, 2), 3 * torch.eye(2).unsqueeze(0), torch.zeros(1, 2)
    y0 = torch.tensor([[[0.3, -0.7]]])
    state = (torch.zeros(1, 1, 2, 2), y0)
    fed_back, _ = recurrent_delta_rule(x, x, x, beta, zero, zero, weights, r, state)
    direct, _ = recurrent_delta_rule(x, x, x + 3 * y0.tanh(), beta, zero, zero, zero, r)
    assert torch.allclose(fed_back, direct)
