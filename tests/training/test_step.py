import pytest
import torch
from tiny import draw, net, settings

from fwp.models.pack import Pack
from fwp.training import step
from fwp.training.batches import PaddedSplit
from fwp.training.step import TrainStep


@pytest.fixture(scope="module")
def data():
    return draw(language="aa_star")


def train_step(data, steps=0, **changes):
    model = net(data, "deltanet", hidden=8, dtype="float64")
    own = settings(learning_rate=1e-2, **changes)
    return TrainStep(Pack([model]), PaddedSplit.of(data.train), [], own, steps=steps)


def test_equal_strings_count_as_often_as_they_are_there(data):
    """A batch of few distinct strings trains as the batch that repeats them does."""
    strings = PaddedSplit.of(data.train)
    batch = strings.epoch(32, seed=0, epoch=1)[0]
    assert len(batch.rows) < batch.times.sum() == 32
    rows = batch.rows.repeat(batch.times)
    repeated = batch._replace(rows=rows, times=rows * 0 + 1)
    few, many = train_step(data), train_step(data)
    assert few.epoch([[batch]]) == pytest.approx(many.epoch([[repeated]]))
    for name, tensor in few.pack.state_dict(0).items():
        torch.testing.assert_close(tensor, many.pack.state_dict(0)[name])


def test_clipping_bounds_what_adam_is_given(data):
    batch = PaddedSplit.of(data.train).epoch(32, seed=0, epoch=1)[0]
    free, bound = train_step(data), train_step(data, clip=1e-3)
    for one in (free, bound):
        one.epoch([[batch]])
    # After one step from zero, the mean is the gradient times 1 - β₁.
    free_mean, bound_mean = (one.adam.moments["exp_avg"] for one in (free, bound))
    norm = free_mean.norm() / (1 - free.settings[0].betas[0])
    assert norm > 1e-2
    torch.testing.assert_close(bound_mean, free_mean * 1e-3 / (norm + 1e-6))


def test_the_cosine_ends_at_zero(data):
    batches = PaddedSplit.of(data.train).epoch(32, seed=0, epoch=1)
    annealed = train_step(data, schedule="cosine", steps=len(batches))
    rates = []
    for batch in batches:
        annealed.epoch([[batch]])
        rates.append(annealed.rate)
    assert rates[0] == 1e-2 and rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-3


def test_an_unknown_schedule_is_refused(data):
    with pytest.raises(ValueError, match="schedule must be one of constant, cosine, got 'warm'"):
        train_step(data, schedule="warm")


def test_a_gpu_needs_triton(monkeypatch):
    monkeypatch.setattr(step, "installed", lambda: False)
    step._gpu_parts.cache_clear()
    with pytest.raises(RuntimeError, match="needs the package triton"):
        step._gpu_parts()


def test_a_cpu_does_not_compute_in_bfloat16(data):
    with pytest.raises(ValueError, match=r"training\.matmul must be float32 on a CPU, got 'bf"):
        train_step(data, matmul="bfloat16")
