import json
import math

import numpy as np
import pytest
import tiny
import tiny_pairs
import torch
import torch.nn.functional as F

from fwp.models.pack import Pack
from fwp.models.sequence_model import build_model
from fwp.training import pairs as reading
from fwp.training.batches import PaddedSplit
from fwp.training.evaluate import evaluate
from fwp.training.evaluation import translation
from fwp.training.kinds import translation as kind
from fwp.training.pairs import PairEvaluator


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_pairs.pairs(tmp_path_factory.mktemp("pairs"))


def nets(data, mixer="deltanet", seeds=1, hidden=16):
    settings = tiny.model(mixer, hidden=hidden, feed_forward=1)
    return [build_model(settings, data, seed=seed, dtype="float32") for seed in range(seeds)]


def nats(model, split):
    """Of each target, read by itself."""
    found = []
    for i in range(len(split)):
        at = slice(split.offsets[i], split.offsets[i + 1])
        tokens, targets = (torch.tensor(x[at]).long() for x in (split.tokens, split.targets))
        logits, _ = model(tokens.unsqueeze(0))
        found.append(F.cross_entropy(logits[0], targets, reduction="sum").item())
    return found


@pytest.mark.parametrize("room", [200, 10_000])
def test_loss_is_of_targets_alone_whatever_is_read_beside(data, room, monkeypatch):
    monkeypatch.setitem(reading.LOGITS, "cpu", room)
    split, models = data[0].splits["train"], nets(data[0], seeds=2)
    evaluator = PairEvaluator(split, classes=len(data[0].classes), models=2)
    with torch.no_grad():
        expected = np.array([nats(model, split) for model in models])
    pack = Pack(models)
    np.testing.assert_allclose(evaluator.nats_per_pair(pack), expected, rtol=1e-4)
    tokens = (split.lengths - split.sources).sum()
    np.testing.assert_allclose(evaluator.score(pack), np.exp(-expected.sum(1) / tokens), rtol=1e-4)


def test_training_reads_each_pair_once(data):
    strings = kind.training(data[0], "cpu")
    assert isinstance(strings, PaddedSplit)
    assert strings.tokens.dtype == strings.targets.dtype == torch.int32
    batches = strings.epoch(7, seed=0, epoch=1)
    assert sum(batch.times.sum() for batch in batches) == len(strings)
    split = data[0].splits["train"]
    assert sum(batch.labels for batch in batches) == (split.lengths - split.sources).sum()


def test_bins_of_sources():
    assert list(map(str, translation.bins(40, 150))) == [
        "1-8",
        "9-16",
        "17-32",
        "33-40",
        "41-80",
        "81-150",
    ]
    assert list(map(str, translation.bins(5, 9))) == ["1-5", "6-9"]
    assert list(map(str, translation.bins(16, 7))) == ["1-7"]


def test_a_model_learns_to_write_capitals(tmp_path):
    pytest.importorskip("sacrebleu", reason="the optional extra text is not installed")
    training, test = tiny_pairs.pairs(tmp_path)
    (model,) = nets(training, "lstm", hidden=32)
    run = tiny.alone(model, training, epochs=40, batch_size=8, learning_rate=2e-2)
    columns = ["epoch", "strings", "seconds", "loss", "probability 1-4", "selection"]
    assert list(run.history[0]) == columns
    assert run.history[0]["loss"] == pytest.approx(math.log(len(training.alphabet)), abs=0.7)
    assert run.selection > 0.6
    rows, record = translation.measure(Pack([model]), test, "cpu")
    whole = {row["decoding"]: row for row in rows[0] if row["bin"] == "all"}
    assert set(whole) == {"greedy", "beam 2"}
    assert set(whole["greedy"]) == set(translation.COLUMNS)
    split = test.splits["test"]
    assert whole["greedy"]["sentences"] == len(split) == len(record["samples"])
    assert whole["greedy"]["tokens"] == (split.lengths - split.sources).sum()
    short = {row["decoding"]: row for row in rows[0] if row["bin"] == "1-4"}
    assert short["greedy"]["nats"] < whole["greedy"]["nats"] < 2
    assert whole["greedy"]["chrf"] > 10
    assert {key.partition("|")[0] for key in record["signatures"].values()} == {"nrefs:1"}
    assert json.loads(json.dumps(record)) == record
    first = record["samples"][0]
    assert list(first) == ["source", "reference", "greedy", "beam 2"]
    assert first["reference"] == first["source"].upper()


def test_models_of_a_pack_write_what_they_write_alone(data):
    pytest.importorskip("sacrebleu", reason="the optional extra text is not installed")
    models = nets(data[1], seeds=2)
    alone = [evaluate([model], data[1])[0] for model in models]
    together = evaluate(models, data[1])
    for own, same in zip(alone, together, strict=True):
        for a, b in zip(own, same, strict=True):
            assert a["nats"] == pytest.approx(b["nats"], rel=1e-4)
            assert (a["bin"], a["bleu"], a["chrf"]) == (b["bin"], b["bleu"], b["chrf"])


def test_without_the_package_for_bleu(data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu.metrics.bleu", None)
    with pytest.raises(ValueError, match=r"need the package sacrebleu: pip install 'fwp-lab\[text"):
        evaluate(nets(data[1]), data[1])
