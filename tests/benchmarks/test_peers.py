import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
import torch

from fwp import ops
from fwp.benchmarks import peers

FUNCTIONS = {
    "delta_rule": ("fla.ops.delta_rule", "fused_recurrent_delta_rule"),
    "linear_attention": ("fla.ops.linear_attn", "fused_recurrent_linear_attn"),
}


@pytest.fixture
def fla(monkeypatch):
    """A stand-in that computes what flash-linear-attention documents, by our references."""
    for name in ("fla", "fla.ops"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["fla"].__spec__ = ModuleSpec("fla", None)
    for op, (path, function) in FUNCTIONS.items():

        def run(*inputs, scale=None, initial_state=None, output_final_state=False, op=op, **_):
            q, *others = inputs
            scale = q.shape[-1] ** -0.5 if scale is None else scale
            y, state = ops.get(op).backends["reference"].run(scale * q, *others, initial_state)
            return y, state if output_final_state else None

        module = ModuleType(path)
        setattr(module, function, run)
        monkeypatch.setitem(sys.modules, path, module)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_flash_linear_attention_is_asked_for_the_same_recurrence(name, fla):
    op = ops.get(name)
    sizes = {"B": 2, "T": 5, "H": 3, "K": 4, "V": 2}
    inputs = op.example(torch.Generator().manual_seed(0), torch.float64, **sizes)
    state = torch.randn(2, 3, 4, 2, dtype=torch.float64)
    found = peers.of(name, "cuda")["fla"].run(*inputs.values(), state)
    for ours, theirs in zip(op.compute("reference", state, **inputs), found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_others_are_asked_on_a_gpu_only_and_for_what_they_have(fla):
    assert not peers.of("delta_rule", "cpu")
    assert not peers.of("self_reference", "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("name", FUNCTIONS)
def test_flash_linear_attention_computes_the_same(name):
    pytest.importorskip("fla", reason="flash-linear-attention is not installed")
    op = ops.get(name)
    sizes = {"B": 2, "T": 20, "H": 3, "K": 16, "V": 16}
    inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **sizes)
    inputs = {n: x.cuda().requires_grad_() for n, x in inputs.items()}
    state = torch.zeros(2, 3, 16, 16).cuda()
    found, _ = peers.of(name, "cuda")["fla"].run(*inputs.values(), state)
    expected, _ = op.compute("reference", None, **inputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    gradients = torch.autograd.grad(found.sum(), list(inputs.values()))
    wanted = torch.autograd.grad(expected.sum(), list(inputs.values()))
    torch.testing.assert_close(gradients, wanted, rtol=1e-3, atol=1e-3)
