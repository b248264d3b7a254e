import pytest
import torch
import torch.nn.functional as F

from fwp.nn.elu_plus_one import elu_plus_one
from fwp.nn.feature_maps import (
    FEATURE_MAPS,
    FeatureMap,
    attention_normalise,
    favor_plus,
    running_sum,
)
from fwp.nn.silu_l2 import silu_l2
from fwp.nn.sum_normalise import sum_normalise

normalised_elu_plus_one = FEATURE_MAPS["elu_sum"]


def plain(x, normalise):
    y = F.elu(x) + 1
    return y / y.sum(-1, keepdim=True) if normalise else y


def check(device, dtype, **tolerance):
    """Values and gradients of parts of a projection, alone and in a pack, against PyTorch's."""
    generator = torch.Generator().manual_seed(0)
    for width in (1, 5, 16):
        pack = torch.randn(3, 4, 7, 3, 2, width, generator=generator, dtype=dtype).to(device)
        d_output = torch.randn(3, 4, 7, 2, 2, width, generator=generator, dtype=dtype).to(device)
        for ours, theirs in (
            (elu_plus_one, lambda x: plain(x, False)),
            (normalised_elu_plus_one, lambda x: plain(x, True)),
            (silu_l2, lambda x: F.silu(x) / F.silu(x).norm(dim=-1, keepdim=True)),
        ):
            if ours is silu_l2 and width == 1:  # all slope is rounding
                continue
            x, y = pack.clone().requires_grad_(), pack.clone().requires_grad_()
            expected = theirs(y[:, :, :, :2])
            for run in (torch.vmap(ours), lambda x, ours=ours: torch.stack([ours(a) for a in x])):
                output = run(x[:, :, :, :2])
                torch.testing.assert_close(output, expected, **tolerance)
                (own,) = torch.autograd.grad(output, x, d_output)
                (slope,) = torch.autograd.grad(expected, y, d_output, retain_graph=True)
                torch.testing.assert_close(own, slope, **tolerance)


@pytest.fixture(params=["kernel", "PyTorch"])
def way(request, monkeypatch):
    """The kernel in C, if there is a compiler, and what stands in for it."""
    if request.param == "PyTorch":
        for op in (elu_plus_one, elu_plus_one.variant(normalise=True)):
            monkeypatch.delitem(op.backends, "native")
    else:
        reason = elu_plus_one.backends["native"].unusable({"x": torch.ones(1, 1, 1)})
        if reason is not None:
            pytest.skip(reason)


def test_values_and_gradients(way):
    check("cpu", torch.float64, rtol=1e-10, atol=1e-12)
    check("cpu", torch.float32, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 8, 12, 16, 17, 32, 33, 64, 70])
@pytest.mark.parametrize("heads", [1, 3])
def test_every_width_in_rows_of_any_layout(way, width, heads, dtype):
    generator = torch.Generator().manual_seed(0)
    whole = 3 * torch.randn(2, 300, 3, heads, width, generator=generator, dtype=dtype)
    layouts = [whole, whole[:, :, :2], whole[:, ::2], whole[:1], whole[:, :1]]
    layouts += [whole.transpose(0, 1), whole.transpose(-1, -2), whole.flatten(2)]
    for given in layouts:
        x, exact = given.detach().requires_grad_(), given.detach().double().requires_grad_()
        d_output = torch.randn(x.shape, generator=generator, dtype=dtype)
        for ours, normalise in ((elu_plus_one, False), (normalised_elu_plus_one, True)):
            output, expected = ours(x), plain(exact, normalise)
            (own,) = torch.autograd.grad(output, x, d_output)
            (theirs,) = torch.autograd.grad(expected, exact, d_output.double())
            tolerance = 1e-10 if dtype == torch.float64 else 1e-5
            for got, truth in ((output, expected), (own, theirs)):
                torch.testing.assert_close(got.double(), truth, rtol=tolerance, atol=tolerance)


def test_numbers_of_any_size(way):
    x = torch.tensor([[[-1e30, -120.0, -80.0, -1e-6, 0.0, 1e-6, 90.0, 1e30]]], requires_grad=True)
    torch.testing.assert_close(elu_plus_one(x), F.elu(x) + 1, rtol=1e-5, atol=1e-30)
    (slope,) = torch.autograd.grad(elu_plus_one(x).sum(), x)
    torch.testing.assert_close(slope, x.clamp(max=0).exp(), rtol=1e-5, atol=1e-30)
    share = normalised_elu_plus_one(x)
    torch.testing.assert_close(share, plain(x, True), rtol=1e-5, atol=1e-30)


@pytest.mark.gpu
def test_a_gpu_has_a_kernel():
    check("cuda", torch.float64)
    check("cuda", torch.float32, rtol=1e-4, atol=1e-5)


def test_any_positive_vector_can_be_normalised():
    x = torch.tensor([[1.0, 3.0]], dtype=torch.float64, requires_grad=True)
    assert sum_normalise(x).tolist() == [[0.25, 0.75]]
    assert torch.autograd.gradcheck(sum_normalise, x)


@pytest.mark.parametrize("ours", [elu_plus_one, normalised_elu_plus_one])
def test_what_is_not_a_number_stays_so(way, ours):
    x = torch.ones(1, 40, 1, 8)
    x[0, 5, 0, 3] = float("nan")
    x.requires_grad_()
    output = ours(x)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    for found in (output, gradient):
        assert found[0, 5, 0, 3].isnan() and found[0, [4, 6]].isfinite().all()


def keys(*shape):
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("name", FEATURE_MAPS)
def test_every_map_by_its_name(name):
    x = keys(2, 5, 3, 4)
    phi = FeatureMap(name, 4, nu=2).double()
    silu, r = x * x.sigmoid(), torch.cat((x, -x), -1).clamp(min=0)
    y = phi(x)
    assert y.shape == (2, 5, 3, phi.size)
    expected = {
        "elu": lambda: F.elu(x) + 1,
        "elu_sum": lambda: plain(x, True),
        "relu": lambda: x.clamp(min=0),
        "softmax": lambda: x.exp() / x.exp().sum(-1, keepdim=True),
        "silu_l2": lambda: silu / silu.norm(dim=-1, keepdim=True),
        "dpfp": lambda: torch.cat((r * r.roll(1, -1), r * r.roll(2, -1)), -1),
        "favor": lambda: favor_plus(x, phi.directions),
    }[name]()
    torch.testing.assert_close(y, expected)
    if name != "silu_l2":
        assert (y >= 0).all()
        normalised = FeatureMap(name, 4, nu=2, normaliser="sum").double()
        if name == "favor":
            normalised.directions = phi.directions
        eps = 0 if name == "elu" else 1e-6  # elu + 1 is never zero
        torch.testing.assert_close(normalised(x), y / (y.sum(-1, keepdim=True) + eps))


def test_random_directions_stay_until_they_are_drawn_anew():
    torch.manual_seed(0)
    phi, x = FeatureMap("favor", 4, nu=3), torch.randn(2, 4)
    first = phi(x)
    assert torch.equal(phi(x), first) and list(phi.state_dict()) == ["directions"]
    phi.redraw()
    assert not torch.allclose(phi(x), first)


def test_the_attention_normaliser_makes_a_mean_of_what_was_written():
    q, k, v = keys(2, 6, 3, 4).abs(), keys(2, 6, 3, 4).roll(1, 0).abs(), torch.ones(2, 6, 3, 1)
    normalised = attention_normalise(q, running_sum(k))
    memory = torch.einsum("bthk,bthv->bthkv", k, v.double()).cumsum(1)
    read = torch.einsum("bthk,bthkv->bthv", normalised, memory)
    torch.testing.assert_close(read, torch.ones_like(read), atol=1e-5, rtol=0)
    halves = torch.cat((running_sum(k[:, :2]), running_sum(k[:, 2:], k[:, :2].sum(1))), 1)
    torch.testing.assert_close(halves, running_sum(k))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("elu1", 4), "feature_map must be one of elu, .*, got 'elu1'"),
        (("elu", 4, 1, "mean"), "normaliser must be one of none, sum, attention, got 'mean'"),
        (("silu_l2", 4, 1, "sum"), "normaliser must be none with feature_map: silu_l2"),
        (("dpfp", 4, 0), "nu must be at least 1, got 0"),
    ],
)
def test_what_is_no_map_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FeatureMap(*arguments)
