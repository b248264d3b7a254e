"""Real-time recurrent learning: the gradient of back-propagation through time, in less memory."""

import pytest
import torch
from tiny import draw, net, train

from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment
from fwp.models.pack import Pack
from fwp.training import bptt, rtrl, tbptt
from fwp.utils.targets import NO_TARGET


@pytest.fixture(scope="module")
def data():
    return draw()


def models(data, count, **settings):
    settings = {"hidden": 7, "dtype": "float64"} | settings
    nets = [net(data, seed=seed, **settings) for seed in range(count)]
    for model in nets:  # far from the small initial weights, so that every term counts
        for name in ("w_z", "w_f"):
            getattr(model.blocks[0].mixer, name).data *= 10
    return nets


def batch(count, time):
    generator = torch.Generator().manual_seed(0)
    tokens, targets = (torch.randint(2, (count, 3, time), generator=generator) for _ in range(2))
    targets[:, 1, time // 2 :] = NO_TARGET
    weights = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return tokens, targets, weights


@pytest.mark.parametrize("steps", [1, 4, 100])
@pytest.mark.parametrize("count", [1, 3])
def test_the_gradient_is_that_of_back_propagation_through_time(data, count, steps):
    pack = Pack(models(data, count))
    inputs = batch(count, 30)
    loss, expected = bptt.gradients(pack, *inputs)
    carried, found = rtrl.gradients(pack, *inputs, steps=steps)
    torch.testing.assert_close(carried, loss, rtol=1e-12, atol=0)
    for name, x, y in zip(pack.weights, found, expected, strict=True):
        assert x.shape == y.shape and (x - y).abs().max() <= 1e-10 * y.abs().max(), name


def test_the_past_counts(data):
    """Without what the traces carry, the gradient of pieces would be another one."""
    pack = Pack(models(data, 1))
    tokens, targets, weights = batch(1, 12)
    targets[..., :-1] = NO_TARGET
    _, whole = rtrl.gradients(pack, tokens, targets, weights, steps=1)
    _, last = rtrl.gradients(pack, tokens[..., -1:], targets[..., -1:], weights, steps=1)
    position = list(pack.weights).index("blocks.0.mixer.w_f")
    assert (whole[position] - last[position]).abs().max() > 1e-6


def test_nothing_that_is_kept_for_the_gradient_grows_with_the_length(data):
    pack = Pack(models(data, 1))

    def kept(time):
        alive, most = [0], [0]

        class Kept:
            def __init__(self, x):
                self.x = x
                alive[0] += x.numel()
                most[0] = max(most[0], alive[0])

            def __del__(self):
                alive[0] -= self.x.numel()

        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.x):
            rtrl.gradients(pack, *batch(1, time))
        return most[0]

    assert kept(320) == kept(32) > 0


def test_training_is_the_same(data):
    settings = {"seeds": [0], "epochs": 2, "batch_size": 32}
    (through_time,) = train(models(data, 1), data, **settings)
    (carried,) = train(models(data, 1), data, gradient="rtrl", **settings)
    for a, b in zip(through_time.history, carried.history, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)


@pytest.mark.parametrize(
    "settings", [{"mixer": "deltanet"}, {"layers": 2}, {"wiring": "pre_norm"}, {"mixer": "lstm"}]
)
def test_other_models_are_refused(data, settings):
    nets = [net(data, **{"hidden": 8} | settings)]
    with pytest.raises(ValueError, match="gradient rtrl is for the mixer elstm with wiring plain"):
        train(nets, data, seeds=[0], gradient="rtrl")


@pytest.mark.parametrize("gradient", [rtrl, tbptt])
def test_the_dropout_that_is_refused_is_told(data, gradient):
    with pytest.raises(ValueError, match=r"models without dropout; got dropout = 0\.25"):
        gradient.check(net(data, hidden=8, dropout=0.25))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixer": "lstm"}, "models.m.mixer: training.gradient = rtrl .task parity. needs .elstm"),
        ({"mixer": "elstm", "layers": 2}, "models.m.layers: .* needs 1, got 2"),
        ({"mixer": "elstm", "wiring": "pre_norm"}, "models.m.wiring: .* needs .plain., got .pre"),
    ],
)
def test_mistakes_in_a_config_are_named(settings, message):
    config = {
        "models": {"m": settings | {"training": {"gradient": "rtrl"}}},
        "tasks": {"parity": {"language": "parity"}},
    }
    with pytest.raises(ConfigError, match=message):
        Experiment(config)
    config["models"]["m"] = {"mixer": "elstm", "training": {"gradient": "rtrl"}}
    with pytest.raises(ConfigError, match=r"tasks\.parity\.model\.layers: .* needs 1, got 2"):
        Experiment(config | {"tasks": {"parity": {"language": "parity", "model": {"layers": 2}}}})
    cell = Experiment(config).cell("m", "parity")
    assert cell.training.gradient == "rtrl"
