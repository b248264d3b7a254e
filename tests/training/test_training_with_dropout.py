"""Training with dropout: in packs, after interruptions, and its absence outside of training."""

import pytest
import torch
from tiny import draw, net, settings

from fwp.models.block import WIRINGS
from fwp.models.pack import Pack
from fwp.training import rtrl
from fwp.training.batches import PaddedSplit
from fwp.training.step import TrainStep


@pytest.fixture(scope="module")
def data():
    return draw()


def model(data, seed=0, dropout=0.3, mixer="deltanet", **changes):
    changes = {"hidden": 8, "layers": 2, "feed_forward": 1, "dropout": dropout} | changes
    return net(data, mixer, seed=seed, dtype="float64", **changes)


def trainer(data, models):
    own = settings(learning_rate=1e-2)
    return TrainStep(Pack(models), PaddedSplit.of(data.train), [], own, steps=0)


def batches(data, seed):
    return PaddedSplit.of(data.train).epoch(16, seed=seed, epoch=1)[:6]


def test_a_pack_trains_each_model_as_it_is_trained_alone(data):
    """Strings of other models are longer, and batches have more of them; both are padding."""
    together = trainer(data, [model(data, seed) for seed in range(3)])
    together.epoch([batches(data, seed) for seed in range(3)])
    for seed in range(3):
        alone = trainer(data, [model(data, seed)])
        alone.epoch([batches(data, seed)])
        for name, tensor in alone.pack.state_dict(0).items():
            torch.testing.assert_close(together.pack.state_dict(seed)[name], tensor)
        plain = trainer(data, [model(data, seed, dropout=0.0)])
        plain.epoch([batches(data, seed)])
        found = plain.pack.state_dict(0)
        assert not torch.allclose(found["readout.weight"], tensor_of(alone, "readout.weight"))


def tensor_of(step, name):
    return step.pack.state_dict(0)[name]


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_a_resumed_training_goes_on_bit_by_bit(data, seeds):
    steps = [batches(data, seed) for seed in seeds]
    undisturbed = trainer(data, [model(data, seed) for seed in seeds])
    undisturbed.epoch(steps)
    first = trainer(data, [model(data, seed) for seed in seeds])
    first.epoch(steps, end=2)
    second = trainer(data, [model(data, 7 + seed) for seed in seeds])
    second.restore(first.state(), step=first.step)
    second.epoch(steps, begin=2)
    for i in range(len(seeds)):
        for name, tensor in undisturbed.pack.state_dict(i).items():
            assert torch.equal(second.pack.state_dict(i)[name], tensor)


@pytest.mark.parametrize("kept", [[2], [0, 2]])
def test_models_that_go_on_keep_their_own_seed(data, kept):
    steps = [batches(data, seed) for seed in range(3)]
    together = trainer(data, [model(data, seed) for seed in range(3)])
    together.epoch(steps, end=3)
    together.keep(kept)
    together.epoch([steps[i] for i in kept], begin=3)
    alone = trainer(data, [model(data, 2)])
    alone.epoch(steps[2:])
    for name, tensor in alone.pack.state_dict(0).items():
        torch.testing.assert_close(together.pack.state_dict(len(kept) - 1)[name], tensor)


def test_every_step_drops_other_numbers(data):
    step = trainer(data, [model(data)])
    tokens = torch.zeros(1, 2, 5, dtype=torch.int64)
    first, again = step.pack(tokens)[0], step.pack(tokens)[0]
    step.epoch([batches(data, 0)[:1]])
    step.restore(
        {**step.state(), "weights": trainer(data, [model(data)]).state()["weights"]}, step=1
    )
    assert torch.equal(first, again) and not torch.allclose(step.pack(tokens)[0], first)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_nothing_is_dropped_outside_of_training(data, wiring):
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    with_, without = (model(data, dropout=rate, wiring=wiring) for rate in (0.3, 0.0))
    assert not torch.allclose(with_(tokens)[0], without(tokens)[0])
    assert torch.equal(with_.eval()(tokens)[0], without(tokens)[0])  # initial weights are the same


@pytest.mark.parametrize("mixer", ["transformer", "lstm"])
def test_what_is_dropped_everywhere_leaves_the_skip_connection(data, mixer):
    """At a rate near one, a block adds nothing: what is left is the embedding's few numbers."""
    own = model(data, mixer=mixer, dropout=1 - 1e-12, wiring="pre_norm", layers=1)
    logits, _ = own(torch.zeros(2, 5, dtype=torch.int64))
    torch.testing.assert_close(logits, own.readout.bias.expand_as(logits))


def test_the_seed_of_a_cell_decides_what_is_dropped(data):
    one, same, other = (model(data, seed) for seed in (0, 0, 1))
    assert torch.equal(one.dropout.seed, same.dropout.seed)
    assert one.dropout.seed[0] != other.dropout.seed[0]
    assert "dropout.seed" not in one.state_dict()


def test_gradients_that_are_carried_along_are_refused(data):
    with pytest.raises(ValueError, match="without dropout"):
        rtrl.check(model(data, mixer="elstm", layers=1, wiring="plain"))
