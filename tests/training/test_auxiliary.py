"""Losses beside that of recognition: a loop written from their definition, packs, resuming."""

import math

import pytest
import tiny
import torch

import fwp
from fwp import languages
from fwp.models.pack import Pack
from fwp.training.auxiliary import Heads, JointSplit, attach, detach
from fwp.training.step import load_auxiliary
from fwp.training.trainer import Trainer

BOTH = {"next_symbols": 0.3, "language_modelling": 2.0}
SEEDS = (3, 4, 5)


@pytest.fixture(scope="module")
def data():
    return fwp.make_dataset(
        *("dyck_1",),
        strings="edits",
        train=(2, 10),
        validation=[(2, 10), (11, 12)],
        test=[(2, 10)],
        counts=(60, 20, 20),
    )


def settings(**changes):
    return tiny.settings(epochs=2, batch_size=12, **changes)


def nets(data, mixer="deltanet", seeds=SEEDS, dtype="float64", **sizes):
    sizes = {"hidden": 8, "feed_forward": 1} | sizes
    return [tiny.net(data, mixer, seed=seed, dtype=dtype, **sizes) for seed in seeds]


def by_hand(y, strings, labels, times, own) -> torch.Tensor:
    """The loss of one model on the outputs y [B, T, all] of some strings, one by one."""
    language = languages.get("dyck_1")
    end, symbols = len(language.alphabet), len(language.alphabet) + 1
    recognition, sets, following, inside = 0.0, 0.0, 0.0, 0
    for b, (string, label, count) in enumerate(zip(strings, labels, times, strict=True)):
        recognition -= count * y[b, len(string) - 1, :2].log_softmax(-1)[label]
        if not label:
            continue
        inside += count
        in_set, is_next, state = 0.0, 0.0, language.start
        for t, symbol in enumerate(string):
            state = language.step(state, symbol)
            may = [language.step(state, s) is not None for s in language.alphabet]
            may.append(language.accepts(state))
            begin = 2
            if own.next_symbols:
                p = y[b, t, begin : begin + symbols].sigmoid()
                right = [p[k] if may[k] else 1 - p[k] for k in range(symbols)]
                in_set -= sum(map(torch.log, right)) / symbols
                begin += symbols
            if own.language_modelling:
                after = language.alphabet.index(string[t + 1]) if t + 1 < len(string) else end
                is_next -= y[b, t, begin:].log_softmax(-1)[after]
        sets += count * in_set / len(string)
        following += count * is_next / len(string)
    more = own.next_symbols * sets + own.language_modelling * following
    return recognition / sum(times) + (more / inside if inside else 0.0)


@pytest.mark.parametrize(
    "weights", [{"next_symbols": 0.5}, {"language_modelling": 1.5}, BOTH], ids=str
)
def test_loss_and_gradient_are_those_of_a_loop(data, weights):
    own = settings(**weights)
    split = JointSplit.training(data, "cpu")
    labels = data.train.targets[data.train.offsets[1:] - 1]
    rows, times = torch.tensor([0, 7, 12, 13]), [1, 2, 1, 1]
    yes, no = (torch.tensor([i for i in range(len(labels)) if labels[i] == k][:4]) for k in (1, 0))
    outputs = 2 + len(weights) * 3
    generator = torch.Generator().manual_seed(0)
    for chosen in (rows, yes, no):
        tokens, targets = split.tokens[chosen].long(), split.targets[chosen].long()
        shape = (1, *tokens.shape, outputs)
        y = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        shares = torch.tensor(times, dtype=torch.float64)[None] / sum(times)
        of = {k: torch.tensor([v], dtype=torch.float64) for k, v in weights.items()}
        of = {k: of[k] for k in ("next_symbols", "language_modelling") if k in of}
        loss, gradient = split.loss_and_gradient(y.detach(), targets[None], shares, of)
        strings = [data.strings(data.train)[i] for i in chosen.tolist()]
        expected = by_hand(y[0], strings, labels[chosen].tolist(), times, own)
        torch.testing.assert_close(loss[0], expected.detach())
        torch.testing.assert_close(gradient, torch.autograd.grad(expected, y)[0])


def test_the_gradient_of_a_pack_is_that_of_each_model(data):
    split, models = JointSplit.training(data, "cpu"), nets(data)
    own = [settings(next_symbols=share, language_modelling=1.0) for share in (0.1, 0.5, 2.0)]
    attach(models, data, own[0], SEEDS)
    rows = torch.tensor([[0, 5, 9], [1, 1, 2], [30, 31, 32]])
    tokens, targets = split.tokens[rows].long(), split.targets[rows].long()
    weights = torch.full((3, 3), 1 / 3, dtype=torch.float64)
    pack = Pack(models)
    pack.train(True)
    losses, found = split.gradient(own)(pack, tokens, targets, weights)
    for i, model in enumerate(models):
        alone = Pack([model.train()])
        given = (x[i : i + 1] for x in (tokens, targets, weights))
        loss, expected = split.gradient(own[i : i + 1])(alone, *given)
        torch.testing.assert_close(losses[i : i + 1], loss)
        for name, a, b in zip(alone.weights, found, expected, strict=True):
            torch.testing.assert_close(a[i], b, msg=name)
        assert all(
            g.abs().max() > 0 for n, g in zip(alone.weights, found, strict=True) if "read" in n
        )


@pytest.mark.parametrize("mixer", ["deltanet", "lstm", "transformer"])
def test_runs_of_a_pack_are_what_they_are_alone(data, mixer):
    # The middle model leaves early, so that the pack becomes another one.
    own = [settings(**BOTH | {"next_symbols": share}) for share in (0.1, 0.5, 2.0)]
    packed = Trainer(nets(data, mixer), data, own, seeds=SEEDS)
    packed.run(until=1)
    packed.drop([1])
    packed.run()
    for i in (0, 2):
        alone = Trainer(nets(data, mixer, [SEEDS[i]]), data, own[i], seeds=[SEEDS[i]])
        (run,) = alone.run()
        assert [r["loss"] for r in run.history] == pytest.approx(
            [r["loss"] for r in packed.runs[i].history]
        )
        for name, x in run.weights.items():
            torch.testing.assert_close(packed.runs[i].weights[name], x, msg=name)


@pytest.mark.parametrize("seeds", [SEEDS[:1], SEEDS])
def test_a_resumed_run_has_the_same_bits(data, seeds):
    given = {"curriculum": 0.5, "clip": 1.0} | BOTH

    def trainer(state=None):
        models = nets(data, seeds=seeds, dtype="float32")
        return Trainer(models, data, settings(**given), seeds=seeds, state=state)

    whole, first = trainer(), trainer()
    whole.run()
    first.run(until=1)
    second = trainer(first.state())
    second.run()
    for a, b in zip(whole.runs, second.runs, strict=True):
        assert [r["loss"] for r in a.history] == [r["loss"] for r in b.history]
        assert all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)


def test_a_trained_model_has_its_own_readout_alone(data):
    model, plain = nets(data, "lstm", [0, 0], "float32")
    names = list(plain.state_dict())
    run = fwp.train(model, data, epochs=1, **BOTH)
    assert list(model.state_dict()) == list(run.weights) == names
    assert model.readout(torch.zeros(1, 1, 8)).shape[-1] == 2
    assert math.isfinite(run.history[0]["loss"])
    accuracy = fwp.evaluate(model, data)
    assert accuracy.sequence_accuracy.between(0, 1).all()


def test_further_readouts_are_trained_and_not_saved(data):
    models = nets(data, "lstm")
    names = list(models[0].state_dict())
    attach(models, data, settings(**BOTH), SEEDS)
    pack = Pack(models)
    further = {f"readout.auxiliary.{name}" for name in ("weight", "bias")}
    assert further <= pack.weights.keys()
    assert list(models[0].state_dict()) == list(pack.state_dict(1)) == names
    assert models[0].readout.auxiliary.state_dict() == {}


def test_further_readouts_speak_in_training_alone_and_change_no_other_number(data):
    model, plain = nets(data, "lstm", [0, 0], "float32")
    attach([model], data, settings(**BOTH), [0])
    assert isinstance(model.readout, Heads)
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    assert torch.equal(model.eval()(tokens)[0], plain.eval()(tokens)[0])
    y = model.train()(tokens)[0]
    assert y.shape[-1] == 2 + 2 * 3 and torch.equal(y[..., :2], plain(tokens)[0])
    detach(model)
    assert torch.equal(model(tokens)[0], plain(tokens)[0])


def test_without_weights_nothing_is_loaded(data):
    assert load_auxiliary(settings()) is None
    assert load_auxiliary(settings(language_modelling=0.1)) is not None


def test_a_string_that_is_cut_short_has_no_label(data):
    split = JointSplit.training(data, "cpu")
    assert split.labels.tolist() == [1] * len(data.train)
    short = split.cut(6)
    assert short.labels.tolist() == (split.lengths <= 6).astype(int).tolist()
    rows = {row for batch in short.epoch(12, 0, 1) for row in batch.rows.tolist()}
    assert rows and all(split.lengths[row] <= 6 for row in rows)


def test_where_they_cannot_count(data):
    parity = tiny.draw()
    with pytest.raises(ValueError, match="next_symbols needs a task of whole strings"):
        fwp.train(tiny.net(parity, hidden=8), parity, epochs=1, next_symbols=0.1)
    with pytest.raises(ValueError, match=r"needs training\.gradient = bptt"):
        Trainer(nets(data, "elstm", [0]), data, settings(gradient="rtrl", **BOTH), seeds=[0])
    with pytest.raises(ValueError, match="next_symbols > 0 must be the same for all models"):
        own = [settings(next_symbols=0.1), settings()]
        Trainer(nets(data, seeds=SEEDS[:2]), data, own, seeds=SEEDS[:2])
