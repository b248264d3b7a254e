"""Causal attention: the equation, the past before the queries, packs, and the compiled kernel."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from fwp.kernels import c_compiler
from fwp.nn.causal_attention import causal_attention
from fwp.nn.causal_attention.native import KERNEL

CASES = {  # B, T, S, H, D
    "usual": (3, 37, 37, 2, 5),
    "one of everything": (1, 1, 1, 1, 1),
    "one unit": (2, 129, 131, 2, 1),
    "one query": (3, 1, 70, 2, 8),
    "eight units": (5, 32, 64, 4, 8),
    "wide batch": (19, 9, 12, 3, 4),
    "wide heads": (1, 40, 140, 2, 64),
    "long": (2, 256, 1000, 1, 3),
}
WINDOWED = {  # the same, and the window
    "all keys": (3, 9, 9, 2, 5, 9),
    "keys of others in a tile": (3, 37, 37, 2, 5, 4),
    "more past than it sees": (2, 50, 90, 2, 5, 9),
    "itself alone": (2, 41, 43, 2, 3, 1),
    "pieces": (5, 100, 131, 3, 8, 32),
    "whole tiles that are passed": (2, 150, 150, 1, 3, 40),
    "one query": (19, 1, 8, 2, 4, 8),
}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def attend(backend, *inputs, window=None):
    """By the kernel also where "auto" would take PyTorch's, for there are only a few pairs."""
    reason = KERNEL.unusable({"q": inputs[0]}) if backend == "native" else None
    if backend == "triton":
        reason = causal_attention.backends[backend].unusable({"q": inputs[0]})
    if reason is not None:
        pytest.skip(reason)
    return causal_attention.variant(window=window).backends[backend].run(*inputs)


def example(B, T, S, H, D, dtype=torch.float64, scale=1.0):
    generator = torch.Generator().manual_seed(0)
    shapes = [(B, T, H, D), (B, S, H, D), (B, S, H, D)]
    q, k, v = (torch.randn(x, generator=generator, dtype=dtype) for x in shapes)
    return scale * q, k, v


def value_and_gradients(backend, inputs, weight, window=None):
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    y = attend(backend, *leaves, window=window)
    return y.detach(), *torch.autograd.grad(y, leaves, weight)


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", ["native", "fused"])
def test_equals_the_reference(backend, case, dtype, scale):
    """In values and gradients; rounding may be ten times the reference's own in that dtype."""
    inputs = example(*CASES[case], dtype, scale)
    weight = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    exact = value_and_gradients("reference", [x.double() for x in inputs], weight.double())
    rounded = value_and_gradients("reference", inputs, weight)
    for got, expected, own in zip(
        value_and_gradients(backend, inputs, weight), exact, rounded, strict=True
    ):
        assert got.dtype == dtype and got.shape == expected.shape
        allowed = TOLERANCE[dtype] * max(expected.abs().max().item(), 1e-3)
        allowed = max(allowed, 10 * (own - expected).abs().max().item())
        assert (got - expected).abs().max() <= allowed


def test_the_reference_is_a_mean_by_softmax_of_the_values_so_far():
    q, k, v = example(2, 3, 5, 2, 4)
    y = attend("reference", q, k, v)
    for t in range(3):
        scores = (q[:, t, None] * k[:, : t + 3]).sum(-1) / 2
        torch.testing.assert_close(
            y[:, t], (scores.softmax(1).unsqueeze(-1) * v[:, : t + 3]).sum(1)
        )


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", WINDOWED)
@pytest.mark.parametrize("backend", ["native", "fused", "triton"])
def test_a_window_equals_the_reference(backend, case, dtype):
    *sizes, window = WINDOWED[case]
    inputs = example(*sizes, dtype)
    weight = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    double = [x.double() for x in inputs]
    exact = value_and_gradients("reference", double, weight.double(), window)
    found = value_and_gradients(backend, inputs, weight, window)
    for got, expected in zip(found, exact, strict=True):
        assert (got - expected).abs().max() <= TOLERANCE[dtype] * max(expected.abs().max(), 1)


def test_a_window_is_attention_to_the_last_keys_alone():
    q, k, v = example(2, 4, 7, 2, 4)
    y = attend("reference", q, k, v, window=3)
    for t in range(4):
        own = slice(t + 1, t + 4)
        alone = attend("reference", q[:, t : t + 1], k[:, own], v[:, own])
        torch.testing.assert_close(y[:, t : t + 1], alone)


def test_pytorch_is_never_given_all_queries_and_keys_of_a_long_string(monkeypatch):
    largest = []

    def attention(q, k, v, **given):
        largest.append(q.shape[-2] * k.shape[-2])
        return torch.zeros_like(q)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attention)
    attend("fused", *example(1, 1000, 1003, 1, 2), window=8)
    assert max(largest) <= 32 * 64


@pytest.mark.parametrize("backend", causal_attention.backends)
def test_gradients_are_those_of_finite_differences(backend):
    inputs = [x.requires_grad_() for x in example(2, 6, 9, 2, 3)]
    assert torch.autograd.gradcheck(lambda *x: attend(backend, *x), inputs)


@pytest.mark.parametrize("backend", causal_attention.backends)
def test_pieces_that_read_the_past_equal_the_whole(backend):
    q, k, v = example(3, 50, 50, 2, 5)
    whole = attend(backend, q, k, v)
    for part in (slice(0, 5), slice(5, 6), slice(6, 43), slice(43, 50)):
        piece = attend(backend, q[:, part], k[:, : part.stop], v[:, : part.stop])
        torch.testing.assert_close(piece, whole[:, part], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_not_finite_shows_from_there_on_and_not_before(which, bad):
    """Divergence is noticed by the loss not being finite, so that the kernel may not hide it."""
    for at in (0, 1, 18, 34, 45, 49):
        inputs = example(3, 47, 50, 2, 5)
        inputs[which][:, at if which else min(at, 46)] = bad
        finite = attend("native", *inputs).isfinite()
        expected = [  # each query alone, since zero times what is not finite is not zero
            attend("reference", inputs[0][:, t : t + 1], *(x[:, : t + 4] for x in inputs[1:]))
            for t in range(47)
        ]
        assert torch.equal(finite, torch.cat(expected, dim=1).isfinite())
        assert not finite.all() and finite[:, : max(min(at, 46) - 3, 0)].all()


def test_strided_tensors_and_no_grad_give_the_same():
    inputs = example(3, 20, 33, 4, 8)
    expected = attend("native", *inputs)
    layouts = [
        lambda x: torch.stack([x, x], dim=-1)[..., 1],
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        lambda x: torch.cat([x, x, x], dim=2).unflatten(2, (3, -1)).unbind(2)[1],
    ]
    for layout in layouts:
        assert torch.equal(attend("native", *map(layout, inputs)), expected)
    assert torch.equal(attend("native", *[x.requires_grad_() for x in inputs]), expected)


@pytest.mark.parametrize("backend", ["auto", "fused"])
def test_a_pack_equals_its_models(backend):
    inputs = [torch.stack([x, 2 * x, -x]).requires_grad_() for x in example(5, 6, 9, 4, 3)]
    y = torch.vmap(lambda *own: causal_attention(*own, backend=backend))(*inputs)
    alone = torch.stack([attend("reference", *own) for own in zip(*inputs, strict=True)])
    torch.testing.assert_close(y, alone)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    gradients = (torch.autograd.grad(x, inputs, weight) for x in (y, alone))
    for got, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(got, expected)


def test_several_threads_change_no_bit():
    inputs, threads = example(40, 5, 7, 3, 8, torch.float32), torch.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            results.append(value_and_gradients("native", inputs, torch.ones_like(inputs[0])))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(x, y) for x, y in zip(*results, strict=True))


def test_what_the_backward_pass_keeps_grows_with_time_not_its_square():
    def kept(T):
        saved = []
        leaves = [x.requires_grad_() for x in example(16, T, T, 1, 8, torch.float32)]
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: saved.append(x.numel()) or x, lambda x: x
        ):
            attend("native", *leaves)
        return sum(saved) / 16

    assert kept(512) - kept(256) <= 256 * (4 * 8 + 2)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="registers of other widths are x86's")
@pytest.mark.parametrize("without", ["-mno-avx512f", "-mno-avx512f -mno-avx"])
def test_narrower_registers_compute_the_same(tmp_path, without):
    try:
        compiler = " ".join(c_compiler.find_compiler()[0])
    except c_compiler.Unavailable as reason:
        pytest.skip(str(reason))
    settings = {"FWP_CACHE": str(tmp_path), "CC": f"{compiler} {without}"}
    # -O0 takes a fifth of the time of -O3.
    code = """
import torch
from fwp.kernels import c_compiler
c_compiler.FLAGS.append("-O0")
from fwp.nn.causal_attention import causal_attention
q, k, v = (torch.rand(5, n, 3, 6) for n in (37, 70, 70))
y, expected = (causal_attention(q, k, v, backend=x) for x in ("native", "reference"))
torch.testing.assert_close(y, expected)
"""
    subprocess.run([sys.executable, "-c", code], env=os.environ | settings, check=True)


def test_a_few_pairs_are_left_to_pytorch():
    few, many = ({"q": example(B, 2, 2, 1, 4, torch.float32)[0]} for B in (1, 64))
    if KERNEL.unusable(many) is None:
        assert causal_attention.choose("auto", many) is causal_attention.backends["native"]
        with pytest.raises(ValueError, match=r"pairs of sequence and head at a time.* for 1$"):
            causal_attention(*3 * [few["q"]], backend="native")
    assert causal_attention.choose("auto", few) is causal_attention.backends["fused"]


def test_what_is_not_allowed_is_refused():
    q, k, v = example(2, 3, 5, 2, 4)
    with pytest.raises(ValueError, match=r"S at least T, got T = 5 of q and S = 3 of k"):
        causal_attention(k, q, q)
    with pytest.raises(ValueError, match=r"v must have the shape \[B, S, H, D\] with S = 5 of k"):
        causal_attention(q, k, v[:, :4])
    with pytest.raises(ValueError, match=r"window must be at least 1 or None, got 0"):
        causal_attention(q, k, v, window=0)
    with pytest.raises(ValueError, match=r"no backend is called 'fast'; allowed are auto, native"):
        causal_attention(q, k, v, backend="fast")
