import pytest
import torch
import torch.nn.functional as F

from fwp.feature_maps import elu_plus_one, normalised_elu_plus_one, sum_normalise


def plain(x, normalise):
    y = F.elu(x) + 1
    return y / y.sum(-1, keepdim=True) if normalise else y


def check(device, dtype, **tolerance):
    """Values and gradients of parts of a projection, alone and in a pack, against PyTorch's."""
    generator = torch.Generator().manual_seed(0)
    for width in (1, 5, 16):
        pack = torch.randn(3, 4, 7, 3, 2, width, generator=generator, dtype=dtype).to(device)
        d_output = torch.randn(3, 4, 7, 2, 2, width, generator=generator, dtype=dtype).to(device)
        for ours, normalise in ((elu_plus_one, False), (normalised_elu_plus_one, True)):
            x, y = pack.clone().requires_grad_(), pack.clone().requires_grad_()
            expected = plain(y[:, :, :, :2], normalise)
            for run in (torch.vmap(ours), lambda x, ours=ours: torch.stack([ours(a) for a in x])):
                output = run(x[:, :, :, :2])
                torch.testing.assert_close(output, expected, **tolerance)
                (own,) = torch.autograd.grad(output, x, d_output)
                (theirs,) = torch.autograd.grad(expected, y, d_output, retain_graph=True)
                torch.testing.assert_close(own, theirs, **tolerance)


def test_values_and_gradients():
    check("cpu", torch.float64)


@pytest.mark.gpu
def test_a_gpu_has_a_kernel():
    check("cuda", torch.float64)
    check("cuda", torch.float32, rtol=1e-4, atol=1e-5)


def test_any_positive_vector_can_be_normalised():
    x = torch.tensor([[1.0, 3.0]], dtype=torch.float64, requires_grad=True)
    assert sum_normalise(x).tolist() == [[0.25, 0.75]]
    assert torch.autograd.gradcheck(sum_normalise, x)


def test_what_is_not_a_number_stays_so():
    assert elu_plus_one(torch.tensor([[[float("nan")]]])).isnan().all()
