import pytest
import torch
import torch.nn.functional as F

from fwp import short_convolution
from fwp.short_convolution import ShortConvolution


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
    monkeypatch.setattr(short_convolution.KERNEL, "unusable", lambda *_: "not wanted")
    for a, b in zip(ours, run(), strict=True):
        torch.testing.assert_close(a, b)
