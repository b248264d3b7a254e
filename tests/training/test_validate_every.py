"""Accuracy may be measured within epochs; training can end there, and goes on from there."""

import json

import numpy as np
import pytest
import torch
from tiny import draw, net, settings

from fwp.training.state import State
from fwp.training.trainer import Trainer

SEEDS = (3, 4, 5)
STEPS = 5  # of an epoch of 60 strings


@pytest.fixture(scope="module")
def data():
    return draw(
        train={"min_length": 2, "max_length": 10, "count": 60},
        validation={"bins": [[2, 10], [11, 12]], "count": 20},
    )


def trainer(data, seeds=SEEDS, state=None, **changes):
    sizes = {"hidden": 8, "feed_forward": 1, "dtype": "float64"}
    nets = [net(data, "linear_transformer", seed=seed, **sizes) for seed in seeds]
    given = {"epochs": 3, "batch_size": 12, "learning_rate": 1e-2, "validate_every": 2} | changes
    own = [settings(**given, clip=0.1 * (seed - 2)) for seed in seeds]
    return Trainer(nets, data, own, seeds=seeds, state=state)


def rows(run):
    return [row | {"seconds": 0} for row in run.history]


def test_an_epoch_has_measurements_and_its_end(data):
    within, plain = (trainer(data, [3], validate_every=n).run()[0].history for n in (2, None))
    assert [(row["epoch"], row["strings"]) for row in within] == [
        *((1, 24), (1, 48), (1, 60), (2, 84), (2, 108), (2, 120), (3, 144), (3, 168), (3, 180)),
    ]
    for a, b in zip(within[2::3], plain, strict=True):
        assert a | {"seconds": 0} == b | {"seconds": 0}


@pytest.mark.parametrize(("every", "count"), [(1, 5), (4, 2), (5, 1), (9, 1)])
def test_the_end_of_an_epoch_is_measured_once(data, every, count):
    (run,) = trainer(data, [3], validate_every=every, epochs=1).run()
    assert len(run.history) == count


def solving(trainer, steps):
    """Let the model of each seed be solved after so many steps."""

    def scores():
        seeds = [trainer.runs[k].seed for k in trainer.active]
        solved = [trainer.train_step.step >= steps[seed] for seed in seeds]
        return np.array([[1.0, 1.0] if own else [0.5, 0.0] for own in solved])

    trainer.train_step.scores = scores
    return trainer


def test_a_run_that_is_solved_leaves_in_the_middle_of_an_epoch(data):
    steps = {3: 7, 4: 100, 5: 9}  # steps 7, 9 and 10 of the second epoch are measured
    together = solving(trainer(data), steps)
    sizes = []
    runs = together.run(on_step=lambda: sizes.append(together.pack.size))
    assert sizes == [3] * 7 + [2] * 2 + [1] * 6
    assert [(run.status, run.epochs, run.best_epoch) for run in runs] == [
        *(("solved", 2, 2), ("budget", 3, 1), ("solved", 2, 2)),
    ]
    assert [run.history[-1]["strings"] for run in runs] == [84, 180, 108]
    for seed, run in zip(SEEDS, runs, strict=True):
        alone = solving(trainer(data, [seed]), steps)
        (expected,) = alone.run()
        for a, b in zip(rows(run), rows(expected), strict=True):
            assert a == pytest.approx(b, rel=1e-9)
        for name, weight in expected.weights.items():
            torch.testing.assert_close(run.weights[name], weight, rtol=1e-6, atol=1e-9)
        assert alone.train_step.step == min(steps[seed], 3 * STEPS)


@pytest.mark.parametrize("interrupted", [1, 2, 3, 4, 5, 7, 8])
def test_a_pack_goes_on_within_an_epoch_with_the_same_bits(data, interrupted):
    """Step 2 is measured, and seed 3 leaves after step 7; both just before and after."""
    steps = {3: 7, 4: 100, 5: 100}
    whole = solving(trainer(data), steps)
    whole.run()
    broken = solving(trainer(data), steps)

    def stop():
        if broken.train_step.step == interrupted:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.run(on_step=stop)
    facts, tensors = broken.state()
    state = State(json.loads(json.dumps(facts)), tensors)
    resumed = solving(trainer(data, state=state), steps)
    for a, b in zip(whole.runs, resumed.run(), strict=True):
        assert rows(a) == rows(b)
        assert all(torch.equal(weight, b.weights[name]) for name, weight in a.weights.items())
    for i in range(2):
        expected = whole.pack.state_dict(i)
        for name, weight in resumed.pack.state_dict(i).items():
            assert torch.equal(weight, expected[name])
