"""The peer in JAX computes what our models compute, so that its time can be compared."""

import functools
from dataclasses import replace

import pytest
import torch
from tiny import model as settings_of

from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.training import bptt
from fwp.training.adam import Adam

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'fwp-lab[jax]'")

from fwp.benchmarks.jax_peer import model, training  # noqa: E402 - needs jax

HEADS = {"lstm": {}, "elstm": {}}
WAYS = [(mixer, way) for mixer, ways in model.MIXERS.items() for way in ways]


def settings(mixer):
    options = HEADS.get(mixer, {"heads": 2})
    return settings_of(mixer, hidden=8, feed_forward=2, layers=2, options=options)


def strings(batch=3, length=70):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(2, (batch, length), generator=generator) for _ in range(2)]


@pytest.mark.parametrize(("mixer", "way"), WAYS)
def test_loss_and_gradients_are_ours(mixer, way):
    torch.manual_seed(0)
    ours, (tokens, targets) = SequenceModel(2, 2, settings(mixer)).double(), strings()
    weights = torch.full((1, len(tokens)), 1 / tokens.numel(), dtype=torch.float64)
    expected, gradients = bptt.gradients(Pack([ours]), tokens[None], targets[None], weights)
    with jax.enable_x64(True):
        lost = functools.partial(model.loss, settings(mixer), way=way)
        parts = training.weights_of(ours), tokens.numpy(), targets.numpy()
        loss, found = jax.jit(jax.value_and_grad(lost))(*parts)
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)
    names = [name for name, _ in ours.named_parameters()]
    for name, wanted in zip(names, gradients, strict=True):
        torch.testing.assert_close(
            torch.tensor(found[name].tolist(), dtype=torch.float64), wanted, rtol=1e-9, atol=1e-12
        )


def test_adam_is_ours():
    generator = torch.Generator().manual_seed(0)
    start, *gradients = torch.randn(4, 5, generator=generator)
    ours = start.clone()
    adam = Adam(ours, betas=training.BETAS, eps=training.EPS)
    weights, moments = start.numpy(), (0.0, 0.0 * start.numpy(), 0.0 * start.numpy())
    for gradient in gradients:
        adam.gradient.copy_(gradient)
        adam.step(0.1)
        weights, moments = training.adam(weights, gradient.numpy(), moments, 0.1)
    torch.testing.assert_close(torch.tensor(weights.tolist()), ours)


def test_models_with_other_options_are_left_out():
    assert model.supported(settings("deltanet"))
    assert not model.supported(settings_of("deltanet", options={"feature_map": "relu"}))
    assert not model.supported(settings_of("gru"))


def test_steps_are_timed_alone_and_in_packs():
    own = replace(settings("lstm"), layers=1)
    sizes = {"batch": 2, "length": 3, "budget": 0.0, "steps": 2}
    for pack in (1, 2):
        assert training.seconds(own, pack=pack, **sizes)["scan"] > 0
