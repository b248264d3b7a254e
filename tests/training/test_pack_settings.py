"""Models of a pack may have settings of their own; each trains as it does alone."""

import pytest
import tiny
import torch
from tiny import draw

from fwp import mixers
from fwp.training.pack_settings import of_each, shared
from fwp.training.trainer import Trainer

COMMON = {"epochs": 2, "batch_size": 12}
# Three settings that differ in all that may differ.
OWN = (
    {"learning_rate": 1e-3, "clip": None},
    {"learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.3, "clip": 0.1, "eps": 1e-6},
    {"learning_rate": 3e-3, "clip": 1.0, "weight_decay": 0.1, "betas": (0.8, 0.9)},
)
SEEDS = (3, 4, 5)


@pytest.fixture(scope="module")
def data():
    """Five steps an epoch."""
    return draw(
        train={"min_length": 2, "max_length": 10, "count": 60},
        validation={"bins": [[2, 10], [11, 12]], "count": 20},
    )


def nets(data, mixer="deltanet", seeds=SEEDS):
    sizes = {"hidden": 8, "feed_forward": 1, "dtype": "float64"}
    return [tiny.net(data, mixer, seed=seed, **sizes) for seed in seeds]


def settings(**changes):
    return [tiny.settings(**COMMON | own | changes) for own in OWN]


def alone(data, mixer, i, **changes):
    own = nets(data, mixer, [SEEDS[i]]), data, settings(**changes)[i]
    trainer = Trainer(*own, seeds=[SEEDS[i]])
    return trainer.runs[0], trained(trainer)[SEEDS[i]]


def trained(trainer):
    """Train to the end; by seed the weights at the end, which need not be the best."""
    weights = {}

    def remember(run, _):
        i = [trainer.runs[k].seed for k in trainer.active].index(run.seed)
        weights[run.seed] = trainer.pack.state_dict(i)

    trainer.run(remember)
    return weights


def assert_equal(run, weights, expected, of_expected):
    assert (run.seed, run.status, run.best_epoch) == (
        *(expected.seed, expected.status, expected.best_epoch),
    )
    for a, b in zip(run.history, expected.history, strict=True):
        for name in a.keys() - {"seconds"}:
            assert a[name] == pytest.approx(b[name], rel=1e-9), name
    for name, weight in of_expected.items():
        torch.testing.assert_close(weights[name], weight, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("mixer", mixers.names())
def test_every_model_trains_as_it_does_alone(data, mixer):
    trainer = Trainer(nets(data, mixer), data, settings(), seeds=SEEDS)
    weights = trained(trainer)
    for i, run in enumerate(trainer.runs):
        assert_equal(run, weights[run.seed], *alone(data, mixer, i))


def test_settings_stay_with_their_models_when_others_leave(data):
    changes = {"epochs": 4}
    trainer = Trainer(nets(data), data, settings(**changes), seeds=SEEDS)
    trainer.run(until=1)
    trainer.drop([0])
    trainer.run(until=2)
    assert trainer.active == [1, 2]
    trainer.drop([0, 2])
    weights = trained(trainer)
    first, second, third = trainer.runs
    assert_equal(second, weights[second.seed], *alone(data, "deltanet", 1, **changes))
    assert (first.status, first.epochs) == (third.status, third.epochs - 1) == ("pruned", 1)
    whole, _ = alone(data, "deltanet", 0, **changes)
    assert first.history[0]["loss"] == pytest.approx(whole.history[0]["loss"], rel=1e-9)


@pytest.mark.parametrize("steps", [3, 12])
def test_a_pack_that_was_interrupted_goes_on_with_the_same_bits(data, steps):
    given, left = {"epochs": 3}, iter(range(steps, -1, -1))

    def trainer(state=None):
        return Trainer(nets(data), data, settings(**given), seeds=SEEDS, state=state)

    def begin(on_step=None):
        one = trainer()
        one.run(on_step=on_step, until=1)
        one.drop([1])
        return one

    def stop():
        if next(left) == 1:
            raise KeyboardInterrupt

    whole = begin()
    whole.run()
    broken = trainer()
    with pytest.raises(KeyboardInterrupt):
        broken.run(on_step=stop, until=1)
        broken.drop([1])
        broken.run(on_step=stop)
    resumed = trainer(broken.state())
    if steps < 5:
        resumed.run(until=1)
        resumed.drop([1])
    for a, b in zip(whole.runs, resumed.run(), strict=True):
        assert [row | {"seconds": 0} for row in a.history] == [
            row | {"seconds": 0} for row in b.history
        ]
    for i in range(2):
        for name, weight in whole.pack.state_dict(i).items():
            assert torch.equal(weight, resumed.pack.state_dict(i)[name])


def test_a_pause_changes_nothing_and_its_time_does_not_count(data, monkeypatch):
    clock = iter(range(0, 10**9))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    (model,), (expected,) = nets(data, seeds=[3]), nets(data, seeds=[3])
    Trainer([expected], data, settings()[0], seeds=[3]).run()
    trainer = Trainer([model], data, settings()[0], seeds=[3])
    (run,) = trainer.run(until=1)
    assert (run.epochs, trainer.over) == (1, False)
    seconds = trainer.seconds
    for _ in range(1000):
        next(clock)
    assert trainer.seconds == seconds
    (run,) = trainer.run()
    assert trainer.over and run.seconds < 100
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, expected.state_dict()[name])


def test_a_model_that_is_over_is_not_pruned(data):
    models = nets(data)
    models[1].readout.weight.data[:] = torch.nan
    trainer = Trainer(models, data, settings(), seeds=SEEDS)
    trainer.run(until=1)
    trainer.drop([0, 1, 2])
    assert trainer.over
    assert [run.status for run in trainer.run()] == ["pruned", "diverged", "pruned"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 9), ("batch_size", 9), ("curriculum", 0.5), ("gradient", "rtrl")],
)
def test_what_decides_the_program_must_be_the_same(name, value):
    first, second = tiny.settings(), tiny.settings(**{name: value})
    assert shared(first) != shared(second)
    said = f"training.{name} must be the same for all models of a pack, got .* and .*{value}"
    with pytest.raises(ValueError, match=said):
        of_each([first, second], 2)


def test_settings_are_one_or_as_many_as_models():
    assert of_each(tiny.settings(), 3) == (tiny.settings(),) * 3
    with pytest.raises(ValueError, match="got 2 for 3"):
        of_each([tiny.settings()] * 2, 3)


def test_settings_of_one_program_are_equal_in_what_is_shared():
    assert len({shared(own) for own in settings()}) == 1
