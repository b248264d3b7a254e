"""What training steps are given, and how it comes to the device."""

import numpy as np
import pytest
import torch
from tiny import draw

from fwp.training.batches import PaddedSplit
from fwp.training.upload import AHEAD, prepare, upload


@pytest.fixture(scope="module")
def steps():
    strings = PaddedSplit.of(draw(language="aa_star").train)
    epochs = [[b for e in range(1, 9) for b in strings.epoch(6, seed, e)] for seed in (0, 1)]
    found = list(zip(*epochs, strict=True))
    assert len(found) > AHEAD  # more than one transfer
    return found


def test_weights_make_a_mean_over_all_labels(steps):
    length, rows, weights, labels = prepare(steps[0], on_gpu=False)
    assert rows.shape == weights.shape == (2, max(len(b.rows) for b in steps[0]))
    for i, batch in enumerate(steps[0]):
        assert (rows[i, : len(batch.rows)] == batch.rows).all()
        assert weights[i] @ np.ones(rows.shape[1]) == pytest.approx(
            batch.times.sum() / batch.labels
        )
        assert labels[i] == batch.labels and length >= batch.longest


def test_a_gpu_gets_few_shapes(steps):
    length, rows, *_ = prepare(steps[0], on_gpu=True)
    limit = min(b.limit for b in steps[0])
    assert length == limit or length % 8 == 0
    assert rows.shape[1] & (rows.shape[1] - 1) == 0


def test_every_step_arrives_in_its_place(steps):
    arrived = list(upload(steps, dtype=torch.float32, device=torch.device("cpu")))
    assert len(arrived) == len(steps)
    for step, (length, rows, weights, labels) in zip(steps, arrived, strict=True):
        wanted = prepare(step, on_gpu=False)
        assert length == wanted[0] and torch.equal(rows, torch.from_numpy(wanted[1]))
        assert weights.dtype == labels.dtype == torch.float32
        torch.testing.assert_close(weights, torch.from_numpy(wanted[2]).float())


def test_what_is_joined_knows_its_place(steps):
    def join(place, rows, weights, labels):
        return np.concatenate([np.full((len(rows), 1), place), rows], axis=1)

    arrived = upload(steps, dtype=torch.float32, device=torch.device("cpu"), join=join)
    for place, (step, (_, own)) in enumerate(zip(steps, arrived, strict=True)):
        assert (own[:, 0] == place).all()
        assert torch.equal(own[:, 1:], torch.from_numpy(prepare(step, on_gpu=False)[1]))
