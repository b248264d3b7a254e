import pack_and_models
import pytest
import torch
import torch.nn.functional as F

from fwp.nn.rms_norm import RMSNorm, rms_norm

SHAPES = [(1, 1, 1, 2), (3, 7, 2, 5), (2, 9, 4, 64), (64, 50, 4, 8)]


def example(models, shape, dtype=torch.float64, device="cpu"):
    """Inputs, of which every third step is to be normalised, weights, and a gradient."""
    generator = torch.Generator().manual_seed(0)
    batch, time, *vectors = shape
    sizes = [(models, batch, 3 * time, *vectors), (models, shape[-1]), (models, *shape)]
    x, weight, d_output = (torch.randn(size, generator=generator, dtype=dtype) for size in sizes)
    return [y.to(device).requires_grad_() for y in (x, weight)], d_output.to(device)


def check(tensors, d_output, **tolerance):
    """Against PyTorch's."""

    def alone(x, weight):
        return F.rms_norm(x[:, 2::3], x.shape[-1:], weight, 1e-5)

    together = torch.vmap(lambda x, w: rms_norm(x[:, 2::3], w))
    pack_and_models.check(together, alone, tensors, [d_output], **tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_pack_is_normalised_as_its_models_are(shape):
    check(*example(3, shape))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("models", [1, 3])
def test_a_gpu_has_a_kernel(models, shape, dtype):
    tensors, d_output = example(models, shape, dtype, "cuda")
    assert rms_norm.choose("auto", {"x": tensors[0]}) is rms_norm.backends["triton"]
    check(tensors, d_output, **({"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}))


def test_the_layer_begins_with_a_weight_of_one():
    norm, x = RMSNorm(5), torch.randn(2, 3, 1, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(norm(x), F.rms_norm(x, (5,), eps=1e-5))
