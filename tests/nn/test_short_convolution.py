import pack_and_models
import pytest
import torch
import torch.nn.functional as F

from fwp.nn.short_convolution import ShortConvolution, eager, short_convolution


def test_is_pytorchs_causal_depthwise_convolution():
    torch.manual_seed(0)
    conv, x = ShortConvolution(3, 4).double(), torch.randn(2, 7, 3, dtype=torch.float64)
    kernel = conv.weight.flip(0).T.unsqueeze(1)  # PyTorch's sees the oldest value first
    expected = F.conv1d(F.pad(x.mT, (3, 0)), kernel, groups=3).mT
    torch.testing.assert_close(conv(x)[0], expected)


@pytest.mark.parametrize("size", [1, 4])
def test_streamed_equals_whole(size):
    torch.manual_seed(0)
    conv, x = ShortConvolution(3, size), torch.randn(2, 7, 3)
    state, pieces = None, []
    for piece in x.split([1, 1, 5], dim=1):
        y, state = conv(piece, state)
        assert state.shape == (2, size - 1, 3)
        pieces.append(y)
    torch.testing.assert_close(torch.cat(pieces, 1), conv(x)[0])


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="conv_size must be at least 1, got -1"):
        ShortConvolution(3, -1)


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    conv, x = ShortConvolution(2, 3).double(), torch.randn(2, 4, 2, dtype=torch.float64)
    state = torch.randn(2, 2, 2, dtype=torch.float64).requires_grad_()

    def run(x, state, weight):
        return torch.func.functional_call(conv, {"weight": weight}, (x, state))

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), state, conv.weight))


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("channels", [3, 37])
@pytest.mark.parametrize("size", [1, 2, 4, 6, 70])
def test_the_kernel_computes_what_pytorch_does(size, channels, past, monkeypatch):
    torch.manual_seed(0)
    conv = ShortConvolution(channels, size).double()
    x = torch.randn(2, 9, 2 * channels, dtype=torch.float64).requires_grad_()
    state = torch.randn(2, size - 1, channels, dtype=torch.float64).requires_grad_()
    weight = torch.randn(2, 9, channels, dtype=torch.float64)

    def run():
        y, after = conv(x[..., channels:], state if past else None)
        inputs = [x, conv.weight, *([state] if past else [])]
        return y, after, *torch.autograd.grad((y * weight).sum(), inputs)

    ours = run()
    monkeypatch.delitem(short_convolution.backends, "native")
    for a, b in zip(ours, run(), strict=True):
        torch.testing.assert_close(a, b)


def example(models, size, time, channels, dtype=torch.float64, device="cpu"):
    """Inputs that are part of something wider, weights and states of a pack; gradients."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, time, 2 * channels), (size, channels), (2, size - 1, channels)]
    shapes += [(2, time, channels), (2, size - 1, channels)]
    x, weight, state, *given = (
        torch.randn(models, *shape, generator=generator, dtype=dtype).to(device) for shape in shapes
    )
    return [y.requires_grad_() for y in (x, weight, state)], given


def check(tensors, given, **tolerance):
    """Against plain PyTorch's."""
    channels = tensors[1].shape[-1]

    def alone(x, weight, state):
        return eager(x[..., channels:], weight, state)

    together = torch.vmap(lambda x, w, s: short_convolution(x[..., channels:], w, s))
    pack_and_models.check(together, alone, tensors, given, **tolerance)


@pytest.mark.parametrize("size", [2, 4])
def test_a_pack_computes_what_its_models_do(size):
    check(*example(3, size, 9, 5))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize(
    "shape", [(1, 9, 5), (2, 1, 3), (4, 2, 3), (3, 9, 200), (4, 1000, 48), (70, 80, 3)]
)
def test_a_gpu_has_a_kernel(shape, models, dtype):
    tensors, given = example(models, *shape, dtype, "cuda")
    inputs = dict(zip(("x", "weight"), tensors, strict=False))
    assert short_convolution.choose("auto", inputs) is short_convolution.backends["triton"]
    check(tensors, given, **({"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}))
