"""Which gradients of weights may be computed on a second stream, and that they are the same."""

from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from fwp.kernels import aside
from fwp.nn.feed_forward import FeedForward
from fwp.nn.layer_norm import LayerNorm
from fwp.nn.linear import Linear


@pytest.fixture
def active(monkeypatch):
    monkeypatch.setattr(aside, "_active", [SimpleNamespace(uses=Counter())])


def test_a_weight_that_is_trained_itself_may(active):
    weight = torch.ones(3, 2, requires_grad=True)
    assert aside.may(aside.used(weight.unsqueeze(0), torch.ones(3, requires_grad=True)))


@pytest.mark.parametrize(
    "made",
    [
        lambda w: w * 2,
        lambda w: w[:2],
        lambda w: w.expand(4, 3, 2),
        lambda w: w.detach(),
        lambda w: (w * 2).unsqueeze(0),
    ],
    ids=["product", "part", "copies", "not trained", "view of a product"],
)
def test_one_that_is_made_of_others_may_not(active, made):
    assert not aside.may(aside.used(made(torch.ones(3, 2, requires_grad=True))))


def test_one_that_is_used_twice_may_not(active):
    weight = torch.ones(3, 2, requires_grad=True)
    first, second = aside.used(weight), aside.used(weight.unsqueeze(0))
    assert not aside.may(first) and not aside.may(second)


def test_nothing_may_outside_a_step():
    assert not aside.may(aside.used(torch.ones(2, requires_grad=True)))


class Net(torch.nn.Module):
    """All that is computed aside, a layer that is used twice, and a weight made of another."""

    def __init__(self):
        super().__init__()
        self.norm, self.part, self.twice = LayerNorm(32), FeedForward(32, 4), Linear(32, 32)
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        from fwp.nn.linear import linear

        x = self.part(self.twice(x), self.norm, skip=True)
        return linear(self.twice(x), self.twice.weight * self.scale)


@pytest.mark.gpu
def test_gradients_are_the_same_bits_and_a_graph_replays_them():
    torch.manual_seed(0)
    net, x = Net().cuda(), torch.randn(40, 20, 32, device="cuda")
    weights = list(net.parameters())

    def gradients():
        with aside.weight_gradients_aside(weights[0]):
            return torch.autograd.grad(net(x).square().sum(), weights)

    with torch.cuda.stream(torch.cuda.Stream()):
        first = gradients()
        plain = torch.autograd.grad(net(x).square().sum(), weights)
        torch.testing.assert_close(first, plain, rtol=1e-4, atol=1e-4)
        for _ in range(5):
            assert all(map(torch.equal, gradients(), first))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            replayed = gradients()
        for _ in range(5):
            graph.replay()
            torch.cuda.current_stream().synchronize()
            assert all(map(torch.equal, replayed, first))
