"""Windows of a text stand where strings do, and loss is measured where accuracy is."""

import math

import numpy as np
import pytest
import torch

from fwp.config.settings import TrainingSettings
from fwp.datasets.text.dataset import TextDataset, TextSplit
from fwp.experiment.resolve import model_settings, training_settings
from fwp.models.pack import Pack
from fwp.models.sequence_model import build_model
from fwp.training.evaluation import text as measured
from fwp.training.train import train
from fwp.training.windows import WindowEvaluator, Windows, token_losses

CONTEXT = 8


def text(tokens: int = 400, *, period: int = 5, ideal: bool = False) -> TextDataset:
    """A text that repeats a few tokens, so that it can be learnt in seconds."""
    splits = {}
    for name in ("train", "validation", "test"):
        body = (np.arange(tokens) % period).astype(np.uint8)
        known = np.full(tokens, 0.5, dtype=np.float32) if ideal else None
        splits[name] = TextSplit(name, body, 0, known)
    params = {"context": CONTEXT, "windows": 64, "validation_windows": 9}
    spec = {"test": {"bins": [[4 * CONTEXT, 4 * CONTEXT]], "count": 3}}
    return TextDataset(
        "periodic", params, tuple("abcdefgh"), 1 + np.arange(8) % 2, "", splits, spec
    )


def settings(**given) -> TrainingSettings:
    return training_settings(epochs=2, batch_size=16, **given)


def models(data: TextDataset, mixer: str, seeds: int = 1) -> list:
    shape = model_settings(mixer, hidden=16)
    return [build_model(shape, data, seed=seed, dtype="float32") for seed in range(seeds)]


def test_a_target_is_the_next_token():
    windows = Windows(np.arange(50, dtype=np.uint8), context=7, count=20)
    for batch in windows.epoch(6, seed=1, epoch=1):
        rows = torch.from_numpy(batch.rows)
        assert torch.equal(windows.tokens[rows] + 1, windows.targets[rows])
        assert batch.labels == 7 * len(rows)


def test_windows_reach_from_the_first_token_to_the_last():
    windows = Windows(np.arange(10, dtype=np.uint8), context=7, count=500)
    rows = np.concatenate([batch.rows for batch in windows.epoch(50, seed=0, epoch=1)])
    assert len(rows) == len(windows) == 500
    assert set(rows) == {0, 1, 2}
    assert windows.targets[2, -1] == 9


def test_seed_and_epoch_decide_the_windows():
    windows = Windows(np.arange(200, dtype=np.uint8), context=7, count=20)

    def drawn(seed, epoch):
        return np.concatenate([b.rows for b in windows.epoch(6, seed, epoch)]).tolist()

    assert drawn(1, 1) == drawn(1, 1)
    assert drawn(1, 1) != drawn(2, 1)
    assert drawn(1, 1) != drawn(1, 2)


def test_tokens_of_a_large_vocabulary_keep_their_numbers():
    windows = Windows(np.array([0, 300, 65_535, 2], dtype=np.uint16), context=3, count=1)
    assert windows.tokens[0].tolist() == [0, 300, 65_535]
    assert windows.targets[0].tolist() == [300, 65_535, 2]


def test_a_shorter_cut_keeps_the_beginnings():
    windows = Windows(np.arange(50, dtype=np.uint8), context=7, count=20).cut(3)
    assert windows.tokens.shape[1] == windows.targets.shape[1] == 3
    assert all(batch.longest == 3 for batch in windows.epoch(6, seed=1, epoch=1))


def test_the_score_is_the_geometric_mean_probability():
    data = text()
    evaluator = WindowEvaluator(
        data.splits["validation"].tokens, context=CONTEXT, most=9, classes=8
    )
    own = models(data, "linear_transformer", 2)
    with torch.no_grad():
        expected = [
            math.exp(-float(token_losses(m(evaluator.tokens)[0], evaluator.targets).mean()))
            for m in own
        ]
    assert evaluator.score(Pack(own)).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_text_is_learnt_and_selected_by_its_validation_loss():
    data = text()
    (run,) = train(models(data, "deltanet"), data, settings(learning_rate=0.01), seeds=[0])
    column = f"probability 1-{CONTEXT}"
    assert run.history[-1][column] == run.history[-1]["selection"] > run.history[0][column] > 0.2
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    assert run.selection == max(row["selection"] for row in run.history)


def test_models_in_a_pack_are_trained_as_alone():
    data = text()
    together = train(models(data, "deltanet", 2), data, settings(), seeds=[0, 1])
    for seed, run in enumerate(together):
        model = models(data, "deltanet", 2)[seed]
        (alone,) = train([model], data, settings(), seeds=[seed])
        assert run.selection == pytest.approx(alone.selection, rel=1e-4)


def test_ranges_meet_at_the_context():
    found = list(measured.ranges(12, 100))
    assert found == [
        (1, 1),
        (2, 2),
        (3, 4),
        (5, 8),
        (9, 12),
        (13, 24),
        (25, 48),
        (49, 96),
        (97, 100),
    ]


@pytest.mark.parametrize("mixer", ["deltanet", "transformer", "lstm"])
def test_the_loss_by_position_is_that_of_the_whole_read_at_once(mixer, monkeypatch):
    monkeypatch.setattr(measured, "PIECE", 5)
    data = text(ideal=True)
    own = models(data, mixer, 2)
    if mixer == "transformer":  # a window of all that is read, so that both see the same
        data.params["context"] = 4 * CONTEXT
    rows, facts = measured.measure(Pack(own), data, "cpu")
    assert (facts["pieces"], facts["tokens_per_piece"]) == (3, 32)
    tokens = torch.from_numpy(data.splits["test"].tokens.astype(np.int64))
    begins = [0, 6 * 32, 11 * 32]  # of the twelve pieces that fit, evenly spread
    for model, found in zip(own, rows, strict=True):
        with torch.no_grad():
            losses = torch.stack(
                [
                    token_losses(model(tokens[None, b : b + 32])[0], tokens[None, b + 1 : b + 33])[
                        0
                    ]
                    for b in begins
                ]
            )
        for row in found:
            own_range = losses[:, row["first"] - 1 : row["last"]]
            assert row["nats"] == pytest.approx(float(own_range.mean()), rel=1e-4)
            assert row["tokens"] == own_range.numel()
            assert row["ideal"] == 0.5
        assert found[-1]["last"] == 32
        assert sum(row["bytes"] for row in found) == sum(
            int(data.sizes[tokens[b + 1 : b + 33]].sum()) for b in begins
        )


@pytest.mark.parametrize(
    ("mixer", "window", "state"), [("lstm", None, 2 * 16), ("transformer", CONTEXT, 2 * 16)]
)
def test_the_record_says_what_a_model_sees_and_holds(mixer, window, state):
    data = text()
    own = models(data, mixer)
    _, facts = measured.measure(Pack(own), data, "cpu")
    held = state if window is None else (window - 1) * state
    assert (facts["window"], facts["state"]) == (window, held * len(own[0].blocks))


def test_a_short_text_is_read_as_far_as_it_goes():
    data = text(20)
    rows, facts = measured.measure(Pack(models(data, "deltanet")), data, "cpu")
    assert (facts["pieces"], facts["tokens_per_piece"]) == (1, 19)
    assert rows[0][-1]["last"] == 19
