"""What a model computes in a pack is what it computes alone."""

import pytest
import tiny
import torch
from tiny import alone, draw, train

from fwp import mixers
from fwp.models.pack import Pack


@pytest.fixture(scope="module")
def data():
    return draw()


def models(data, mixer, seeds):
    settings = {"hidden": 8, "feed_forward": 1, "dtype": "float64"}
    return [tiny.net(data, mixer, seed=seed, **settings) for seed in seeds]


@pytest.mark.parametrize("mixer", mixers.names())
def test_a_pack_computes_what_its_models_do(data, mixer):
    nets = models(data, mixer, range(3))
    tokens = torch.randint(2, (3, 4, 7), generator=torch.Generator().manual_seed(0))
    pack = Pack(nets)
    first, state = pack(tokens[:, :, :3])
    second, _ = pack(tokens[:, :, 3:], state)
    shared, _ = pack(tokens[0])
    for i, net in enumerate(nets):
        torch.testing.assert_close(torch.cat((first[i], second[i]), 1), net(tokens[i])[0])
        torch.testing.assert_close(shared[i], net(tokens[0])[0])
        for name, tensor in pack.state_dict(i).items():
            assert torch.equal(tensor, net.state_dict()[name])


@pytest.mark.parametrize("mixer", mixers.names())
def test_training_in_a_pack_is_training_alone(data, mixer):
    settings = {"epochs": 2, "batch_size": 32, "schedule": "cosine", "curriculum": 0.5, "clip": 1.0}
    seeds = [3, 4, 5]
    together = train(models(data, mixer, seeds), data, seeds=seeds, **settings)
    for seed, run in zip(seeds, together, strict=True):
        single = alone(models(data, mixer, [seed])[0], data, seed=seed, **settings)
        assert run.seed == seed
        for a, b in zip(run.history, single.history, strict=True):
            assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)
            assert a["selection"] == b["selection"]


def test_seeds_leave_the_pack_when_they_are_done(data):
    """One diverges at once, the others are solved at different epochs; none disturbs the others."""
    settings = {"epochs": 60, "batch_size": 16, "learning_rate": 1e-2}
    seeds = [0, 1, 2, 3]

    def nets(seeds):
        nets = models(data, "elstm", seeds)
        for net, seed in zip(nets, seeds, strict=True):
            if seed == 2:
                net.readout.weight.data[:] = torch.nan
        return nets

    together = train(nets(seeds), data, seeds=seeds, **settings)
    assert together[2].status == "diverged" and together[2].epochs == 1
    assert len({run.epochs for run in together}) >= 3  # otherwise this test shows little
    for seed, run in zip(seeds, together, strict=True):
        single = alone(nets([seed])[0], data, seed=seed, **settings)
        assert (run.status, run.epochs) == (single.status, single.epochs)
        for name, tensor in single.weights.items():
            torch.testing.assert_close(run.weights[name], tensor, equal_nan=True)


class Particular(torch.nn.Module):
    """Has a weight that is not trained, a weight of two names and a buffer that is not saved."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.embedding = torch.nn.Embedding(2, 3)
        self.embedding.weight.data.normal_(generator=generator)
        self.readout = torch.nn.Linear(3, 2, bias=False)
        self.readout.weight = self.embedding.weight
        self.scale = torch.nn.Parameter(torch.rand(3, generator=generator), requires_grad=False)
        self.register_buffer("shift", torch.ones(3), persistent=False)

    def forward(self, tokens, state=None):
        return self.readout(self.embedding(tokens) * self.scale + self.shift), state


@pytest.mark.filterwarnings("ignore:torch.vmap cannot compute these models as one")
@pytest.mark.parametrize("count", [1, 3])
def test_weights_may_be_fixed_or_shared(data, count):
    nets = [Particular(seed) for seed in range(count)]
    scales = [net.scale.clone() for net in nets]
    runs = train(nets, data, seeds=range(count), epochs=2, batch_size=32)
    pack = Pack(nets)
    for i, (net, run, scale) in enumerate(zip(nets, runs, scales, strict=True)):
        assert set(run.weights) == set(pack.state_dict(i)) == set(net.state_dict())
        assert torch.equal(run.weights["scale"], scale)
        assert net.readout.weight is net.embedding.weight
    pack.keep([count - 1])
    tokens = torch.tensor([[0, 1, 1]])
    torch.testing.assert_close(pack(tokens)[0][0], nets[-1](tokens)[0])


def test_an_empty_pack_is_refused():
    with pytest.raises(ValueError, match="at least one model"):
        Pack([])
