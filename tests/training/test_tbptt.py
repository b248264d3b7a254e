"""Truncated back-propagation: the gradient of a loop that detaches the state between pieces."""

import pytest
import torch
from tiny import draw, net, settings, train
from torch.utils import _pytree as pytree

from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment
from fwp.models.pack import Pack
from fwp.nn.cross_entropy import cross_entropy
from fwp.training import bptt, tbptt
from fwp.training.pack_settings import shared
from fwp.utils.targets import NO_TARGET

MIXERS = ("elstm", "lstm", "deltanet", "transformer")


@pytest.fixture(scope="module")
def data():
    return draw()


def batch(count, time):
    generator = torch.Generator().manual_seed(0)
    tokens, targets = (torch.randint(2, (count, 3, time), generator=generator) for _ in range(2))
    targets[:, 1, time // 2 :] = NO_TARGET
    weights = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return tokens, targets, weights


def models(data, mixer, count):
    return [net(data, mixer, seed=i, hidden=8, dtype="float64") for i in range(count)]


def assert_equal(found, expected, names):
    for name, x, y in zip(names, found, expected, strict=True):
        assert x.shape == y.shape and (x - y).abs().max() <= 1e-10 * (1e-6 + y.abs().max()), name


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_piece_as_long_as_the_strings_is_back_propagation_through_time(data, mixer, count):
    pack = Pack(models(data, mixer, count))
    inputs = batch(count, 12)
    loss, expected = bptt.gradients(pack, *inputs)
    for truncation in (12, 50):
        truncated, found = tbptt.gradients(pack, *inputs, truncation=truncation)
        torch.testing.assert_close(truncated, loss, rtol=1e-12, atol=0)
        assert_equal(found, expected, pack.weights)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("truncation", [1, 5])
def test_the_gradient_is_that_of_a_loop_that_detaches(data, mixer, truncation):
    (tokens, targets, weights), nets = batch(2, 12), models(data, mixer, 2)
    pack = Pack(models(data, mixer, 2))
    loss, found = tbptt.gradients(pack, tokens, targets, weights, truncation=truncation)
    whole, exact = bptt.gradients(pack, tokens, targets, weights)
    torch.testing.assert_close(loss, whole, rtol=1e-10, atol=0)  # the state goes on
    for i, model in enumerate(nets):
        state, total = None, 0
        for begin in range(0, 12, truncation):
            piece = slice(begin, begin + truncation)
            logits, state = model(tokens[i, :, piece], state)
            own = targets[i : i + 1, :, piece], weights[i : i + 1]
            total = total + cross_entropy(logits.unsqueeze(0), *own).sum()
            state = pytree.tree_map_only(torch.Tensor, torch.Tensor.detach, state)
        total.backward()
        own = dict(model.named_parameters())
        assert_equal([x[i] for x in found], [own[name].grad for name in pack.weights], pack.weights)
    at = list(pack.weights).index("embedding.weight")
    assert (found[at] - exact[at]).abs().max() > 1e-6  # something was cut off


def test_seeds_train_together_as_alone(data):
    given = {"epochs": 2, "gradient": "tbptt", "truncation": 4}
    together = train([net(data, seed=i) for i in (0, 1)], data, seeds=[0, 1], **given)
    for seed, run in enumerate(together):
        (alone,) = train([net(data, seed=seed)], data, seeds=[seed], **given)
        losses = [[row["loss"] for row in found.history] for found in (run, alone)]
        assert losses[0] == pytest.approx(losses[1])
    first, second = settings(**given), settings(**given | {"truncation": 5})
    assert shared(first) != shared(second)


def test_a_model_that_forgets_is_refused():
    class Forgetful:
        def __init__(self):
            self.weights = {"w": torch.zeros(1, dtype=torch.float64, requires_grad=True)}

        def __call__(self, tokens, state):
            logits = torch.stack([tokens * self.weights["w"], -tokens * self.weights["w"]], -1)
            return logits, state

    with pytest.raises(ValueError, match="goes on from its state"):
        tbptt.gradients(Forgetful(), *batch(1, 4), truncation=2)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"training": {"gradient": "tbptt"}}, "tbptt .task parity. needs training.truncation"),
        ({"training": {"truncation": 4}}, "is for training.gradient = tbptt alone, got bptt"),
        (
            {"dropout": 0.1, "training": {"gradient": "tbptt", "truncation": 4}},
            "models.m.dropout: training.gradient = tbptt .task parity. needs 0, got 0.1",
        ),
        ({"training": {"gradient": "tbptt", "truncation": 0}}, "truncation: must be at least 1"),
    ],
)
def test_mistakes_in_a_config_are_named(model, message):
    config = {
        "models": {"m": {"mixer": "lstm"} | model},
        "tasks": {"parity": {"language": "parity"}},
    }
    with pytest.raises(ConfigError, match=message):
        Experiment(config)


def test_dropout_is_refused_where_it_stands():
    config = {
        "model": {"dropout": 0.1},
        "models": {"m": {"mixer": "lstm", "training": {"gradient": "tbptt", "truncation": 4}}},
        "tasks": {"parity": {"language": "parity"}},
    }
    with pytest.raises(ConfigError, match=r"(?m)^\s*model\.dropout: .* needs 0, got 0.1"):
        Experiment(config)
