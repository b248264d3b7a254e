"""Matrix products in bfloat16: of layers, of attention, and of a whole step, on a GPU."""

from dataclasses import replace

import pytest
import torch
from tiny import cell, model
from torch.nn.functional import cosine_similarity

from fwp import nn
from fwp.benchmarks.workload import train_step
from fwp.kernels.precision import in_bfloat16, products_in
from fwp.training import cuda_graphs

LAYERS = {
    "linear": nn.get("linear"),
    "feed-forward": nn.get("feed_forward").without("norm_weight", "norm_bias"),
    "normed": nn.get("feed_forward").variant(skip=True),
    "attention": nn.get("causal_attention"),
    "window": nn.get("causal_attention").variant(window=100),
}
SIZES = {"B": 4, "T": 150, "S": 150, "H": 2, "D": 64, "I": 64, "O": 96}
MODELS = {
    "linear_transformer": {"feature_map": "elu_sum"},
    "deltanet": {"feature_map": "silu_l2", "conv_size": 4, "output_norm": True},
    "gated_deltanet": {},
    "transformer": {},
}


def test_a_precision_holds_within_and_not_after():
    with products_in("bfloat16"):
        with products_in("float32"):
            assert not in_bfloat16()
        assert in_bfloat16()
    with pytest.raises(RuntimeError, match="stop"), products_in("bfloat16"):
        raise RuntimeError("stop")
    assert not in_bfloat16()


def test_there_is_no_other_precision():
    with (
        pytest.raises(ValueError, match="are in float32 or bfloat16, got 'float16'"),
        products_in("float16"),
    ):
        pass


def alike(ours, theirs):
    """Whether tensors have one direction, and one length within 2 %."""
    ours, theirs = ours.double().flatten(), theirs.double().flatten()
    length = ours.norm() / theirs.norm()
    return cosine_similarity(ours, theirs, 0) > 0.99 and 0.98 < length < 1.02


@pytest.mark.gpu
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_nearly_the_same(name, models):
    op, generator = LAYERS[name], torch.Generator().manual_seed(0)
    inputs = [
        torch.randn(models, *(SIZES[x] for x in spec), generator=generator).cuda().requires_grad_()
        for spec in op.inputs.values()
    ]
    found = {}
    for precision in ("float32", "bfloat16"):
        with products_in(precision):
            y = torch.vmap(lambda *own: op(*own, backend="triton"))(*inputs)
            d_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y)
            found[precision] = [y, *torch.autograd.grad(y, inputs, d_y)]
    for ours, theirs in zip(found["bfloat16"], found["float32"], strict=True):
        assert ours.dtype == torch.float32 and alike(ours, theirs)
    assert (found["bfloat16"][0] - found["float32"][0]).abs().max() > 1e-4  # it was in use


def loss_and_gradient(mixer, matmul, device="cuda"):
    """Of one batch at the same start; the first moment of Adam is 1 - β₁ of the gradient."""
    settings = model(mixer, hidden=128, layers=2, feed_forward=4, options=MODELS[mixer])
    own = replace(cell(matmul=matmul), model=settings)
    torch.manual_seed(0)
    sizes = {"pack": 1, "batch": 8, "length": 150, "symbols": 64}
    with cuda_graphs.stream(device):
        step, epoch = train_step(own, **sizes, device=device, batches=1)
        (loss,) = step.epoch(epoch)
        return loss, step.state()["adam/exp_avg"]


@pytest.mark.gpu
@pytest.mark.parametrize("mixer", MODELS)
def test_a_whole_step_is_nearly_the_same(mixer):
    exact, gradient = loss_and_gradient(mixer, "float32", "cpu")
    single, of_single = loss_and_gradient(mixer, "float32")
    narrow, of_narrow = loss_and_gradient(mixer, "bfloat16")
    assert single == pytest.approx(exact, rel=1e-5)
    assert cosine_similarity(of_single, gradient, 0) > 0.9999
    assert narrow == pytest.approx(exact, rel=0.01) and narrow != single
    assert cosine_similarity(of_narrow, gradient, 0) > 0.99
