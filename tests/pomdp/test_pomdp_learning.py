"""Playing, remembering and learning."""

import numpy as np
import pytest
import torch

from fwp.experiment.resolve import model_settings
from fwp.models.sequence_model import build_model
from fwp.pomdp import learning
from fwp.pomdp.episodes import Episodes, Reader, Replay, play, temporal_difference
from fwp.pomdp.worlds import make, sizes

LSTM = model_settings("lstm", hidden=8, layers=1, feed_forward=1)
FIRST = {
    "language": "dfa",
    "params": {
        "transitions": {
            "s": {"0": "0", "1": "1"},
            "0": {"0": "0", "1": "0"},
            "1": {"0": "1", "1": "1"},
        },
        "start": "s",
        "accept": ["s", "0", "1"],
        "labels": "state",
    },
}


def settings(**changes):
    """Arguments of a short run."""
    own = {"world": "language", "options": FIRST, "train": [2, 4], "test": [4, 12]}
    own |= {"previous_action": False, "seed": 1, "steps": 40, "batch_size": 16, "collected": 8}
    own |= {"updates": 2, "replay": 200, "discount": 0.9, "target_rate": 0.1, "clip": 1.0}
    own |= {"exploration": 0.5, "episodes": 40, "learning_rate": 1e-2}
    return {"model": LSTM.as_dict()} | own | changes


@pytest.mark.parametrize("previous", [False, True])
def test_playing_step_by_step_is_reading_the_whole(previous):
    world = make("t_maze", 6, {}, horizon=5, shortest=3)
    reader = Reader(*sizes(world), previous=previous)
    model = build_model(LSTM, reader, seed=0, dtype="float32")
    found = play(world, model, reader, longest=5, rng=np.random.default_rng(0), seed=2)
    values, _ = model(torch.from_numpy(found.tokens))
    inside = np.arange(5) < found.lengths[:, None]
    assert (found.actions == (values[:, :-1].argmax(-1).numpy() * inside)).all()
    assert found.ended.all() and {*found.lengths} == {3, 4, 5}
    observed, before = np.divmod(found.tokens, reader.actions + 1)
    if previous:
        assert (before[:, 0] == reader.actions).all()
        assert (before[:, 1:][inside] == found.actions[inside]).all()
    else:
        observed = found.tokens
    assert {*observed[:, 0]} == {1, 2}  # the signs
    assert not found.rewards[~inside].any() and not found.tokens[:, 1:][~inside].any()


def test_episodes_may_be_cut_short():
    world = make("t_maze", 3, {}, horizon=5)
    reader = Reader(*sizes(world), previous=False)
    model = build_model(LSTM, reader, seed=0, dtype="float32")
    found = play(world, model, reader, longest=2, rng=np.random.default_rng(0), explore=1.0, seed=2)
    assert not found.ended.any() and not found.success.any() and (found.lengths == 2).all()


def episodes(*lengths, longest=4, actions=3, seed=0):
    rng = np.random.default_rng(seed)
    count = len(lengths)
    found = Episodes(
        rng.integers(5, size=(count, longest + 1)),
        rng.integers(actions, size=(count, longest)),
        rng.normal(size=(count, longest)),
        np.array(lengths),
        rng.random(count) < 0.5,
        np.zeros(count, dtype=bool),
    )
    inside = np.arange(longest) < found.lengths[:, None]
    return found._replace(rewards=found.rewards * inside)


def test_the_latest_episodes_are_kept():
    memory = Replay(5)
    for lengths in ((1, 2), (3, 4), (2, 1)):
        memory.add(episodes(*lengths, seed=lengths[0]))
    batch = memory.draw(np.random.default_rng(0), 300)
    assert {*batch.lengths} == {1, 2, 3, 4}
    kept = {row.tobytes() for row in episodes(1, 2, seed=1).tokens[:1]}
    assert not kept & {row.tobytes() for row in batch.tokens}  # the oldest
    short = Replay(5)
    short.add(episodes(2, 1))
    batch = short.draw(np.random.default_rng(0), 9)
    assert batch.tokens.shape == (9, 3) and batch.rewards.shape == batch.actions.shape == (9, 2)


def test_the_error_is_that_of_double_q_learning():
    batch = episodes(4, 2, 3, 1, 4)
    online, slow = torch.randn(2, 5, 5, 3, generator=torch.Generator().manual_seed(0)).double()
    errors = []
    for b, length in enumerate(batch.lengths):
        for t in range(length):
            due = batch.rewards[b, t]
            if not (batch.ended[b] and t == length - 1):
                due += 0.9 * slow[b, t + 1, online[b, t + 1].argmax()]
            errors.append((online[b, t, batch.actions[b, t]] - due) ** 2)
    assert 0 < batch.ended.sum() < 5
    found = temporal_difference(
        lambda tokens, state: (online, state), lambda tokens, state: (slow, state), batch,
        discount=0.9,
    )  # fmt: skip
    torch.testing.assert_close(found, torch.stack(errors).mean())


def test_an_agent_learns_and_a_seed_decides_it():
    found = learning.run(**settings(steps=250))
    assert [row["horizon"] for row in found["test"]] == [4, 12]
    assert found["test"][0]["success"] == found["test"][0]["return"] > 0.9
    assert found["history"][-1]["return"] > found["history"][0]["return"] + 0.4
    assert (found["world"], found["trained"], found["history"][-1]["step"]) == ("language", 4, 250)
    short = [learning.run(**settings(seed=seed)) for seed in (1, 1, 2)]
    assert short[0]["history"] == short[1]["history"] != short[2]["history"]
    assert short[0]["test"] == short[1]["test"]


def test_exploration_falls_from_one_to_its_least():
    assert learning._explore(0, 0.5, 0.1) == 1
    assert learning._explore(0.25, 0.5, 0.1) == pytest.approx(0.55)
    assert learning._explore(0.5, 0.5, 0.1) == learning._explore(1, 0.5, 0.1) == 0.1
