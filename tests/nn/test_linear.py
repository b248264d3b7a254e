"""Linear layers and feed-forward parts: packs, backends, and the kernels for GPUs."""

import pytest
import torch

from fwp.nn.feed_forward import FeedForward, feed_forward
from fwp.nn.layer_norm import LayerNorm
from fwp.nn.linear import Linear, linear

OPS = {
    "linear": linear.without("bias"),
    "biased": linear,
    "feed-forward": feed_forward.without("norm_weight", "norm_bias"),
    "normed": feed_forward.variant(skip=True),
}
SIZES = [(1, 1, 1, 3), (2, 7, 5, 12), (3, 40, 64, 196), (64, 50, 64, 256), (3, 30, 200, 33)]


def example(op, models, sizes, dtype, device="cpu"):
    """Inputs of a pack, [models, ...] each."""
    generator = torch.Generator().manual_seed(0)
    B, T, narrow, wide = sizes
    size = {"B": B, "T": T, "D": narrow, "I": wide, "O": narrow}
    return [
        torch.randn(models, *(size[x] for x in spec), generator=generator, dtype=torch.float64)
        .to(device, dtype)
        .requires_grad_()
        for spec in op.inputs.values()
    ]


def largest_error(op, models, sizes, dtype, device="cpu", backend="auto"):
    """Of values and gradients of a pack, relative to the largest entry of each, 1 at least."""
    inputs = example(op, models, sizes, dtype, device)
    exact = [x.detach().cpu().double().requires_grad_() for x in inputs]
    y = torch.vmap(lambda *own: op(*own, backend=backend))(*inputs)
    expected = torch.stack([op.backends["reference"].run(*own) for own in zip(*exact, strict=True)])
    d_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours = [y, *torch.autograd.grad(y, inputs, d_y.to(y))]
    theirs = [expected, *torch.autograd.grad(expected, exact, d_y)]
    assert all(x.dtype == dtype for x in ours)
    return max(
        ((a.cpu().double() - b).abs().max() / b.abs().max().clamp(min=1)).item()
        for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", OPS)
def test_a_pack_computes_what_its_models_do(name, sizes):
    assert largest_error(OPS[name], 3, sizes, torch.float64) < 1e-12


def test_modules_compute_what_those_of_pytorch_do():
    torch.manual_seed(0)
    x = torch.randn(3, 5, 8)
    for bias in (True, False):
        ours, theirs = Linear(8, 6, bias=bias), torch.nn.Linear(8, 6, bias=bias)
        theirs.load_state_dict(ours.state_dict())
        torch.testing.assert_close(ours(x), theirs(x))
    part = FeedForward(8, 4)
    assert part.inner.out_features == 32
    torch.testing.assert_close(part(x), part.outer(part.inner(x).relu()))
    norm = LayerNorm(8)
    torch.nn.init.normal_(norm.weight)
    torch.testing.assert_close(part(x, norm, skip=True), x + part(norm(x)))


@pytest.mark.parametrize("given", ["norm_weight", "norm_bias"])
def test_a_norm_has_weight_and_bias(given):
    inputs = feed_forward.example(
        torch.Generator().manual_seed(0), torch.float32, B=1, T=2, D=3, I=4
    )
    other = {"norm_weight": "norm_bias", "norm_bias": "norm_weight"}[given]
    with pytest.raises(ValueError, match="a norm must have weight and bias"):
        feed_forward(**inputs | {other: None})


@pytest.mark.gpu
@pytest.mark.parametrize("models", [1, 5])  # few models are left to PyTorch
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", OPS)
def test_a_gpu_has_a_kernel_of_full_precision(name, sizes, models):
    for dtype, tolerance in ((torch.float32, 3e-6), (torch.float64, 1e-12)):
        if name == "normed" and sizes[2] == 1:
            tolerance *= 300  # the norm of one number divides by √eps
        error = largest_error(OPS[name], models, sizes, dtype, "cuda", backend="triton")
        assert error < tolerance
