"""Trials of a search: which are trained, how long, and that nothing else has a part in how they do.

Tests count what is trained by a `Trainer` that notes it.
"""

from dataclasses import replace
from typing import Any

import pytest
import tiny

from fwp.results.integrity import read_json
from fwp.training import trials as module
from fwp.training.run import Run
from fwp.training.trainer import Trainer
from fwp.training.trial_run import Course, courses
from fwp.training.trials import Trial, Trials

EPOCHS = 4
RATES = [0.01, 0.03, 0.02, 0.1, 0.05, 0.04]  # the fourth does best
DIVERGES = 1e38


@pytest.fixture(scope="module")
def data():
    lengths = {"bins": [[2, 3], [4, 5]], "count": 20}
    train = {"min_length": 2, "max_length": 6, "count": 80}
    return tiny.draw(train=train, validation=lengths, test=lengths)


@pytest.fixture
def trained(monkeypatch):
    """[(seed, epochs)] of every run that is trained."""
    found = []

    class Noting(Trainer):
        def run(self, *args, **kwargs):
            began, at_work = self.epoch, [self.runs[i] for i in self.active]
            runs = super().run(*args, **kwargs)
            found.extend((run.seed, min(run.epochs, self.epoch) - began + 1) for run in at_work)
            return runs

    monkeypatch.setattr(module, "Trainer", Noting)
    return found


def trial(number, rate=0.01, *, seeds=None, hidden=4, **training):
    changes = {"epochs": EPOCHS, "batch_size": 20, "learning_rate": rate} | training
    cell = tiny.cell("elman", **changes)
    model = replace(cell.model, hidden=hidden, layers=1, feed_forward=1)
    settings = {"training.learning_rate": rate}
    return Trial(number, settings, replace(cell, model=model), seeds or (100 + number,))


def several(n=None):
    return [trial(i, rate) for i, rate in enumerate(RATES[:n])]


def stopping_at(start):
    """Ends a search, like Ctrl-C, when it tells a line that begins so."""

    def tell(line):
        if line.startswith(start):
            raise KeyboardInterrupt

    return tell


def told(run):
    """How a run did, but for the time it took."""
    return replace(run, seconds=0.0)


def outcomes(trials, given):
    return [told(run) for one in given for run in trials.runs(one)]


def run(data, folder, wanted, **options):
    lines: list[str] = []
    given: dict[str, Any] = {"tell": lines.append} | options
    trials = Trials(data, folder, **given)
    trials.run(wanted)
    return trials, lines


def test_trials_are_trained_to_the_end(data, tmp_path, trained):
    trials, lines = run(data, tmp_path, several(2))
    assert trained == [(100, EPOCHS), (101, EPOCHS)]
    assert [found.status for one in several(2) for found in trials.runs(one)] == ["budget"] * 2
    assert lines[0].startswith("trial 0 (training.learning_rate 0.01): ")
    assert lines[0].endswith(" after 4 epochs")
    assert len(lines) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "finished.json"]


def test_a_run_is_that_of_a_trainer_alone(data, tmp_path):
    own = trial(0)
    net = tiny.build_model(own.cell.model, data, seed=100, dtype="float32")
    (alone,) = Trainer([net], data, own.cell.training, seeds=[100]).run()
    trials, _ = run(data, tmp_path, [own])
    (found,) = trials.runs(own)
    assert (found.status, found.epochs, found.selection, found.best_epoch) == (
        alone.status, EPOCHS, alone.selection, alone.best_epoch
    )  # fmt: skip
    columns = ["accuracy 2-3", "accuracy 4-5"]
    assert list(found.accuracy) == columns
    best = alone.history[alone.best_epoch - 1]
    assert found.accuracy == {column: best[column] for column in columns}
    assert found.loss == alone.history[-1]["loss"]
    assert found.expressive == max(row["accuracy 4-5"] for row in alone.history)
    short = max(alone.history, key=lambda row: row["accuracy 2-3"])
    assert found.inductive == short["accuracy 4-5"]


def test_halving_keeps_the_best_third_which_end_as_without_it(data, tmp_path, trained):
    straight, _ = run(data, tmp_path / "straight", several())
    trained.clear()
    halved, lines = run(data, tmp_path / "halved", several(), halving={"factor": 3, "epochs": 1})
    first = [straight.finished.runs[m.key] for t in several() for m in straight._of(t)]
    reached = [course.rows[0]["selection"] for course in first]
    best = sorted(sorted(range(6), key=lambda i: (-reached[i], i))[:2])
    assert best == [0, 3]
    assert lines.count(f"after epoch 1: trials {best[0]}, {best[1]} go on") == 1
    lengths = [halved.runs(one)[0].epochs for one in several()]
    assert sorted(lengths) == [1, 1, 1, 1, 3, 4]
    for i, one in enumerate(several()):
        (found,) = halved.runs(one)
        assert (found.epochs > 1) == (i in best)
        assert found.status == ("budget" if found.epochs == EPOCHS else "pruned")
        if found.epochs == EPOCHS:
            assert told(found) == told(straight.runs(one)[0])
        assert found.selection == max(row["selection"] for row in first[i].rows[: found.epochs])
    # Each epoch is trained once.
    assert sorted(
        (seed, sum(n for s, n in trained if s == seed)) for seed in {s for s, _ in trained}
    ) == [(100 + i, n) for i, n in enumerate(lengths)]


def test_what_an_earlier_search_trained_further_does_not_count(data, tmp_path, trained):
    halving = {"factor": 3, "epochs": 1}
    undisturbed, _ = run(data, tmp_path / "undisturbed", several(), halving=halving)
    run(data, tmp_path / "repeated", several())
    trained.clear()
    repeated, _ = run(data, tmp_path / "repeated", several(), halving=halving)
    assert trained == []
    assert outcomes(repeated, several()) == outcomes(undisturbed, several())


@pytest.mark.parametrize("pack", [1, 4])
@pytest.mark.parametrize("killed", [False, True])
def test_a_trial_that_was_pruned_may_go_on_when_there_are_more(
    data, tmp_path, trained, pack, killed
):
    options = {"halving": {"factor": 3, "epochs": 1}, "pack": pack}
    few = [several()[i] for i in (0, 1, 3)]
    if killed:  # its pack is without the pruned ones by now
        with pytest.raises(KeyboardInterrupt):
            run(data, tmp_path / "more", few, tell=stopping_at("after epoch 3"), **options)
    else:
        before, lines = run(data, tmp_path / "more", few, **options)
        assert "after epoch 1: trials 3 go on" in lines
        before.clean()
    trained.clear()
    more, lines = run(data, tmp_path / "more", several(), **options)
    assert lines[0] == "3 of 6 runs are known from before"
    assert "after epoch 1: trials 0, 3 go on" in lines
    assert {(102, 1), (104, 1), (105, 1)} <= set(trained)
    assert not {seed for seed, _ in trained} & {101, *(() if killed else (103,))}
    anew, _ = run(data, tmp_path / "anew", several(), **options)
    assert outcomes(more, several()) == outcomes(anew, several())


def test_a_trial_that_diverged_counts_as_nothing(data, tmp_path):
    given = [trial(0, DIVERGES), trial(1, 0.03), trial(2, DIVERGES), trial(3, 0.02)]
    trials, lines = run(data, tmp_path, given, halving={"factor": 2, "epochs": 1})
    statuses = [trials.runs(one)[0].status for one in given]
    assert statuses == ["diverged", "pruned", "diverged", "budget"]
    assert trials.accuracy(given[0]) == trials.accuracy(given[2]) == 0
    # Of equal ones, too, those go on that have not diverged.
    assert trials.accuracy(given[1]) == 0
    assert "after epoch 1: trials 1, 3 go on" in lines
    assert lines[0].endswith(", diverged")


def test_a_run_counts_as_nothing_from_the_epoch_on_in_which_it_diverged():
    def row(epoch, selection, loss):
        bins = {"accuracy 2-3": selection, "accuracy 4-5": selection}
        return {"epoch": epoch, "selection": selection, "loss": loss, "seconds": epoch, **bins}

    course = Course("diverged", [row(1, 0.5, 0.3), row(2, 0.9, 0.2), row(3, 0.0, None)])
    bins = ["accuracy 2-3", "accuracy 4-5"]
    until = [course.until(epoch, bins, budget=4) for epoch in (1, 2, 3, 4)]
    assert [found.status for found in until] == ["pruned", "pruned", "diverged", "diverged"]
    assert [found.score for found in until] == [0.5, 0.9, 0, 0]
    assert [found.selection for found in until] == [0.5, 0.9, 0.9, 0.9]
    assert course.until(2, bins, budget=2).status == "budget"


def test_packs_are_of_one_program_and_shared_settings(data, tmp_path, monkeypatch):
    packs = []

    class Noting(Trainer):
        def __init__(self, *args, seeds, **kwargs):
            packs.append(list(seeds))
            super().__init__(*args, seeds=seeds, **kwargs)

    monkeypatch.setattr(module, "Trainer", Noting)
    given = [
        trial(0, 0.001),
        trial(1, 0.003, hidden=8),
        trial(2, 0.01, seeds=(102, 202)),
        trial(3, 0.01, batch_size=10),
        trial(4, 0.1, clip=1.0),
        trial(5, 0.03, hidden=8),
    ]
    together, _ = run(data, tmp_path / "together", given, pack=3)
    assert packs == [[100, 102, 202], [104], [101, 105], [103]]
    alone, _ = run(data, tmp_path / "alone", given)
    for one in given:
        for packed, own in zip(together.runs(one), alone.runs(one), strict=True):
            assert packed.loss == pytest.approx(own.loss, rel=1e-4)
            assert packed.selection == own.selection


def test_survivors_of_several_packs_go_on_in_their_own(data, tmp_path, trained):
    options = {"halving": {"factor": 2, "epochs": 2}}
    packed, _ = run(data, tmp_path / "packed", several(), pack=2, **options)
    each = {seed: sum(n for s, n in trained if s == seed) for seed, _ in trained}
    assert sorted(each.values()) == [2, 2, 2, 4, 4, 4]
    alone, _ = run(data, tmp_path / "alone", several(), **options)
    for one in several():
        (own,), (other,) = packed.runs(one), alone.runs(one)
        assert (own.status, own.epochs, own.selection) == (
            other.status, other.epochs, other.selection
        )  # fmt: skip


def test_the_time_of_a_pack_is_shared_by_the_runs_at_work():
    short = Run(0, history=[{"loss": 1.0, "seconds": 6.0}])
    long = Run(1, history=[{"loss": 1.0, "seconds": s} for s in (6.0, 8.0)])
    of_short, of_long = courses([short, long])
    assert [row["seconds"] for row in of_short.rows] == [3.0]
    assert [row["seconds"] for row in of_long.rows] == [3.0, 5.0]


def test_a_damaged_file_of_finished_runs_begins_the_search_again(data, tmp_path, trained, capsys):
    trials, _ = run(data, tmp_path, several(2))
    before, path = outcomes(trials, several(2)), tmp_path / "finished.json"
    whole = path.read_text(encoding="utf-8")
    for broken in (whole[:-30], whole.replace("budget", "solved"), "[]"):
        path.write_text(broken, encoding="utf-8")
        trained.clear()
        again, _ = run(data, tmp_path, several(2))
        assert "finished.json" in (line := capsys.readouterr().out)
        assert line.endswith(": the search begins again\n")
        assert len(trained) == 2
        assert outcomes(again, several(2)) == before
    assert len(read_json(path)["runs"]) == 2


@pytest.mark.parametrize("changed", ["device", "torch", "nothing"])
def test_a_checkpoint_of_another_device_or_version_is_not_used(
    data, tmp_path, trained, monkeypatch, capsys, changed
):
    given = [trial(0)]

    halving = {"factor": 2, "epochs": 2}
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path, given, halving=halving, tell=stopping_at("after"))
    if changed == "torch":
        monkeypatch.setattr(module.torch, "__version__", "0.1")
    trained.clear()
    trials = Trials(data, tmp_path, halving=halving, tell=lambda line: None)
    if changed == "device":
        trials.device = "cpu:0"
    trials.run(given)
    expected = {"nothing": "going on from there"}.get(changed, f"of another {changed}: not used")
    assert expected in capsys.readouterr().out
    assert trained == [(100, 2 if changed == "nothing" else EPOCHS)]
    anew, _ = run(data, tmp_path / "anew", given)
    assert outcomes(trials, given) == outcomes(anew, given)


def test_a_pause_of_the_search_itself_is_not_told(data, tmp_path, capsys):
    run(data, tmp_path, several(2), halving={"factor": 2, "epochs": 1})
    assert capsys.readouterr().out == ""
