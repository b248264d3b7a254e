import pack_and_models
import pytest
import torch
import torch.nn.functional as F

from fwp.nn.layer_norm import layer_norm

SHAPES = [(1, 1, 2), (3, 7, 5), (2, 9, 64), (64, 50, 32)]


def example(models, shape, dtype=torch.float64, device="cpu"):
    """Inputs and weights of a pack, and a gradient for the output."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(models, *shape), (models, shape[-1]), (models, shape[-1]), (models, *shape)]
    tensors = [torch.randn(size, generator=generator, dtype=dtype) for size in sizes]
    tensors[0] = 3 * tensors[0] + 1
    return [x.to(device).requires_grad_() for x in tensors[:3]], tensors[3].to(device)


def check(tensors, d_output, run, **tolerance):
    """Against PyTorch's."""

    def alone(x, weight, bias):
        return F.layer_norm(x, x.shape[-1:], weight, bias, 1e-5)

    pack_and_models.check(run, alone, tensors, [d_output], **tolerance)


@pytest.mark.parametrize("backend", ["fused", "reference"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pack_is_normalised_as_its_models_are(backend, shape):
    tensors, d_output = example(3, shape)
    check(tensors, d_output, torch.vmap(lambda x, w, b: layer_norm(x, w, b, backend=backend)))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [*SHAPES, (5, 1000, 48)])
@pytest.mark.parametrize("models", [1, 3])
def test_a_gpu_has_a_kernel(models, shape, dtype):
    tensors, d_output = example(models, shape, dtype, "cuda")
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}
    assert layer_norm.choose("auto", {"x": tensors[0]}) is layer_norm.backends["triton"]
    check(tensors, d_output, torch.vmap(layer_norm), **tolerance)
