"""How long jobs take: against a run of the default grid, and by finished cells."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fwp.experiment import duration, speeds, work
from fwp.experiment.experiment import Experiment, load_experiment

LAB = load_experiment("config.yaml", top={"results": "no results"})
FIXED = ("figures", "claims", "summarise", "collect", "tables", "report", "all")


@pytest.fixture(autouse=True)
def as_the_table(monkeypatch):
    """A processor like that of the table."""
    monkeypatch.setattr(speeds, "slowness", lambda: 1.0)


def test_the_processor_is_compared(monkeypatch):
    monkeypatch.undo()
    speeds.slowness.cache_clear()
    assert 0.05 < speeds.slowness() < 50


def planned(experiment):
    """All jobs of the target `report`."""
    for task in experiment.tasks:
        yield from ((rule, {"task": task}) for rule in ("data", "test_data"))
    for job in experiment.jobs():
        wildcards = {"task": job.task, "model": job.model, "group": job.group}
        yield from ((rule, wildcards) for rule in ("train", "evaluate"))
    yield from ((rule, {}) for rule in FIXED)


def own(**changes):
    config = {"models": {"lstm": {"mixer": "lstm"}}, "tasks": {"parity": {"language": "parity"}}}
    return Experiment(config | changes)


def usual(experiment, **settings):
    return duration.estimate(experiment, planned(experiment), **settings).usual


def test_the_default_grid_took_420_seconds_on_two_cores():
    lab = load_experiment("config.yaml", top={"results": "no results"})
    found = duration.estimate(lab, planned(lab), cores=2)
    assert 320 < found.usual < 560 and found.usual < found.most < 800
    assert found.unknown == []


def test_jobs_that_are_no_forks_take_longer_to_start():
    forked, alone = (usual(own(compute={"warm_worker": warm})) for warm in (True, False))
    assert alone - forked == pytest.approx(2 * 1.7)  # training and evaluation


SPACE = {"hidden": [16, 32], "training": {"learning_rate": [0.001, 0.003]}}


def searching(**given):
    jobs = [("search", {"task": "parity", "model": "lstm"})]
    return duration.estimate(own(search={"space": SPACE} | given), jobs)


def test_a_search_takes_the_time_of_its_trials():
    base = searching()
    assert 20 < base.usual < base.most
    assert searching(seeds=3).most == pytest.approx(3 * base.most, rel=0.05)
    assert searching(trials=240).most == pytest.approx(10 * base.most, rel=0.05)
    assert searching(space=SPACE | {"hidden": [128, 256]}).most > 3 * base.most
    assert searching(space=SPACE | {"training": {"epochs": [300]}}).most > 5 * base.most
    halved = searching(halving={"factor": 3, "epochs": 3}).most
    assert 0.1 * base.most < halved < 0.5 * base.most
    few = {"layers": [1], "training": {"learning_rate": [0.001, 0.003]}}
    small, large = (searching(space=few, budget={"parameters": n}).most for n in (10**3, 10**6))
    assert large > 3 * small


def test_a_cell_without_a_search_takes_no_time_to_search():
    assert duration.estimate(own(), [("search", {"task": "parity", "model": "lstm"})]).most < 5


def test_more_work_takes_longer():
    base = usual(own())
    for changes in (
        {"seeds": 30},
        {"training": {"epochs": 300}},
        {"model": {"hidden": 256}},
        {"model": {"layers": 8}},
        {"data": {"train": {"count": 100_000}}},
        {"data": {"train": {"max_length": 400}, "validation": {"bins": [[2, 400]]}}},
        {"evaluation": {"bins": [[2, 50], [10_000, 20_000]]}},
        {"training": {"dtype": "float64"}},
    ):
        assert usual(own(**changes)) > 1.2 * base, changes


def test_further_losses_and_pairs_take_longer():
    def recognising(training=None, **entry):
        tasks = {"mine": {"language": "dyck_1", "strings": "edits"} | entry}
        return own(tasks=tasks, training=training or {})

    plain = recognising()
    one, both = ({"next_symbols": 0.1}, {"next_symbols": 0.1, "language_modelling": 1.0})
    seconds = [
        work.epoch(x.cell("lstm", "mine"), x.dataset("mine"))
        for x in (plain, recognising(one), recognising(both))
    ]
    assert 1.02 * seconds[0] < seconds[1] < seconds[2] < 2 * seconds[0]
    paired = recognising(evaluation={"pairs": True})
    for rule, model in (("evaluate", "lstm"), ("test_data", None)):
        alone, beside = (duration.by_table(x, rule, model, "mine") for x in (plain, paired))
        assert alone < beside < 2 * alone, rule


def test_few_strings_take_less_time():
    """Equal strings of a batch are computed once."""
    assert usual(own(tasks={"pairs": {"language": "aa_star"}})) < 0.7 * usual(own())
    long = {"bins": [[2, 50], [99_000, 100_000]]}
    few = own(tasks={"pairs": {"language": "aa_star"}}, evaluation=long | {"count": 19_000})
    assert usual(few) < 0.2 * usual(own(evaluation=long | {"count": 19_000}))


def test_cores_share_jobs_but_not_a_job():
    assert usual(LAB, cores=4) == pytest.approx(usual(LAB) / 4)
    assert usual(own(seeds=1), cores=64) == usual(own(seeds=1), cores=32)


def test_a_slow_processor_takes_longer(monkeypatch):
    fast = usual(LAB)
    monkeypatch.setattr(speeds, "slowness", lambda: 3.0)
    assert 2 * fast < usual(LAB) < 3 * fast


def finish(experiment, model, task, seconds, **changes):
    """Leave the record of a cell whose runs took so many seconds an epoch."""
    folder = Path(experiment.results, "cells", task, model, "seeds-0-2")
    config = experiment.cell(model, task).as_dict()
    record = {"config": config, "device": "cpu", "runs": [{"epochs": 4, "seconds": 4 * seconds}]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cell.json").write_text(json.dumps(record | changes))


def test_finished_cells_tell_more_than_the_table(tmp_path):
    found = own(results=str(tmp_path), seeds=3)
    table = work.epoch(found.cell("lstm", "parity"), found.dataset("parity"))
    before = usual(found)
    finish(found, "lstm", "parity", 7 * table)
    assert 3 * before < usual(found) < 7 * before


@pytest.mark.parametrize(
    "changes",
    [{"device": "cuda"}, {"machine": {"cpu": "Another processor"}}, {"runs": []}, {"config": 1}],
    ids=lambda c: next(iter(c)),
)
def test_cells_of_another_kind_tell_nothing(changes, tmp_path):
    found = own(results=str(tmp_path))
    before = usual(found)
    finish(found, "lstm", "parity", 100.0, **changes)
    assert usual(found) == before


def test_a_mixer_without_speed_is_named_until_a_cell_of_it_is_finished(tmp_path, monkeypatch):
    monkeypatch.delitem(speeds.SPEEDS, "elstm")
    models = {name: {"mixer": name} for name in ("lstm", "elstm")}
    found = own(models=models, results=str(tmp_path))
    estimate = duration.estimate(found, planned(found))
    assert estimate.unknown == ["elstm"]
    assert "without elstm: speed unknown" in duration.sentence(estimate, 2)
    finish(found, "elstm", "parity", 2.0)
    assert duration.estimate(found, planned(found)).unknown == []


def test_what_is_said():
    assert duration.sentence(duration.Estimate(640, 860, []), 2) == (
        "Estimated time: 11 min on 2 cores, 14 min if no run is solved before its budget ends."
    )
    unbounded = duration.Estimate(7200, float("inf"), [])
    assert duration.sentence(unbounded, None) == "Estimated time: 2 h of processor time."
    seconds = (0, 70, 5000, 9000, 86_400, 500_000)
    assert [duration.words(s) for s in seconds] == [
        *("1 min", "1 min", "83 min", "2.5 h", "24 h", "6 days")
    ]


def test_retrieval_has_no_upper_bound():
    wildcards = {"setting": "distinct", "memory": "dpfp_1", "pairs": "100", "seed": "1"}
    found = duration.estimate(LAB, [("retrieve", wildcards)])
    assert 5 < found.usual < 120 and found.most == float("inf")


def test_metalearning_takes_longer_with_more_steps():
    wildcards = {"family": "clusters", "learner": "deltanet", "objective": "acl", "seed": "1"}
    usual = []
    for steps in (100, 1000, 2000):
        found = load_experiment("config.yaml", changes=[f"metalearning.steps={steps}"])
        usual.append(duration.estimate(found, [("metalearn", wildcards)]).usual)
    assert usual[2] - usual[1] == pytest.approx((usual[1] - usual[0]) / 0.9)
    assert usual[0] < usual[1] < 60


def test_speeds_are_of_mixers():
    from fwp import mixers

    assert speeds.SPEEDS.keys() <= set(mixers.names())


def test_estimating_needs_no_pytorch():
    code = "import fwp.experiment.duration, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
