"""Runs, what a config asks for, and tables and figure of what came out."""

import json

import pandas as pd
import pytest

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.config.settings import TrainingSettings
from fwp.experiment.experiment import Experiment
from fwp.metalearning import figure, grid, report, training

CONFIG = {
    "models": {
        "deltanet": {"mixer": "deltanet", "heads": 2, "training": {"learning_rate": 0.01}},
        "plain": {"mixer": "elman", "title": "Elman"},
    },
    "model": {"hidden": 8, "feed_forward": 1, "dropout": 0.1},
    "training": {"batch_size": 4, "clip": 1.0, "schedule": "cosine"},
    "tasks": {"parity": {"language": "parity"}},
    "metalearning": {
        **{"seeds": 2, "steps": 3, "tasks": ["linear"], "models": ["deltanet"]},
        **{"ways": 2, "shots": 2, "queries": 2, "dimensions": 3, "episodes": 4},
    },
}


def an_experiment(**changes):
    given = CONFIG | {"metalearning": CONFIG["metalearning"] | changes}
    return Experiment(read_config(given=given))


def test_a_config_names_runs_with_the_settings_of_its_models():
    found = an_experiment()
    jobs = list(grid.jobs(found))
    assert [job.name for job in jobs] == [
        f"linear/deltanet/{o}-seed-{s}" for o in ("plain", "acl") for s in (1, 2)
    ]
    given = grid.params(found, "linear", "deltanet", "acl", "2")
    assert given["model"]["mixer"] == "deltanet" and given["model"]["options"]["heads"] == 2
    assert given["model"]["hidden"] == 8
    how = TrainingSettings.from_dict(given["training"])
    assert (how.learning_rate, how.batch_size, how.clip) == (0.01, 4, 1.0)
    assert (given["seed"], given["steps"], given["settings"]["ways"]) == (2, 3, 2)
    every = {job.learner for job in grid.jobs(an_experiment(models=None))}
    assert every == {"deltanet", "plain"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["delta"]}, 'metalearning.models: must be of deltanet, plain.* got "delta"'),
        (
            {"tasks": ["images"]},
            "metalearning.images: must name paths for the tasks images, got null",
        ),
    ],
)
def test_a_section_that_cannot_be_run_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        list(grid.jobs(an_experiment(**changes)))


def test_a_width_that_is_to_be_solved_is_refused():
    found = Experiment(read_config(given=CONFIG | {"model": {"parameters": 9999}}))
    with pytest.raises(ConfigError, match=r"(?m)^\s*model\.parameters: must not be .* 9999"):
        grid.params(found, "linear", "deltanet", "acl", "2")


def a_run(seed="1", objective="plain", **changes):
    return training.run(
        **grid.params(an_experiment(**changes), "linear", "deltanet", objective, seed)
    )


def test_a_run_comes_out_the_same_again_and_depends_on_its_seed():
    first = a_run()
    assert {**first, "seconds": 0} == {**a_run(), "seconds": 0}
    assert first["status"] == "finished" and first["steps"] == 3
    assert first["course"] != a_run("2")["course"]
    assert first["history"] != a_run(objective="acl")["history"]
    last = {row["part"]: row for row in first["course"]}
    assert first["a_after_b"] == last["B"]["a"] and first["b_after_b"] == last["B"]["b"]
    assert first["a_after_a"] == last["A"]["a"] and first["a_again"] == last["again"]["a"]


def test_tasks_are_learnt_and_a_training_that_diverges_scores_nothing():
    changes = {"steps": 150, "episodes": 50, "dimensions": 8, "ways": 3, "shots": 4}
    given = grid.params(an_experiment(**changes), "clusters", "deltanet", "plain", "1")
    given["model"] |= {"hidden": 16, "dropout": 0.0}
    given["training"] |= {"batch_size": 16, "learning_rate": 0.03}
    found = training.run(**given)
    assert found["a_after_a"] > 0.7 > found["course"][0]["a"] + 0.2
    given["training"] |= {"learning_rate": 1e30, "clip": None}
    lost = training.run(**given)
    assert lost["status"] == "diverged" and lost["steps"] < 150
    assert lost["a_after_a"] == lost["a_after_b"] == 0


def results(tmp_path, scores):
    """Files of runs of a model: (A after A, A after B) by objective and seed."""
    jobs, files = [], []
    for (objective, seed), (a, kept) in scores.items():
        jobs.append(grid.MetalearningJob("clusters", "deltanet", objective, seed))
        parts = [("A", 0, 0.2, 0.2), ("A", 5, a, 0.2), ("B", 10, kept, 0.9), ("again", 15, a, 0.5)]
        course = [dict(zip(("part", "examples", "a", "b"), p, strict=True)) for p in parts]
        found = {"a_after_a": a, "b_after_b": 0.9, "a_after_b": kept, "a_again": a}
        found |= {"course": course, "status": "finished", "steps": 7, "seconds": 1.0}
        files.append(tmp_path / f"{objective}-{seed}.json")
        files[-1].write_text(json.dumps(found))
    return report.collect(jobs, files)


FORGETS = {
    **{("plain", seed): (0.90 + seed / 100, 0.50 + seed / 100) for seed in (1, 2, 3)},
    **{("acl", seed): (0.90 + seed / 100, 0.85 + seed / 50) for seed in (1, 2, 3)},
}


def test_the_report_says_what_is_forgotten_and_whether_acl_helps(tmp_path):
    runs, course = results(tmp_path, FORGETS)
    text = " ".join(report.markdown(runs).split())
    # The mean of .91, .92, .93 and 4.303 · .01 / √3.
    assert "| DeltaNet | plain | 92.0 ± 2.5 | 90.0 ± 0.0 | 52.0 ± 2.5 | 40.0 ± 0.0 |" in text
    assert "3 seeds, 7 steps." in text
    assert "| DeltaNet | yes | yes |" in text
    drawn = figure.forgetting(course)
    titles = [axis.get_title() for axis in drawn.axes]
    assert titles == ["Clusters, plain", "Clusters, ACL"]
    lines = {line.get_label(): line for line in drawn.axes[0].lines}
    assert list(lines["deltanet"].get_ydata()) == pytest.approx([20, 92, 52, 92])
    assert list(lines["deltanet, B"].get_ydata()) == pytest.approx([20, 20, 90, 50])


@pytest.mark.parametrize(
    ("scores", "verdicts"),
    [
        (dict.fromkeys(FORGETS, (0.2, 0.1)), ("learns nothing", "learns nothing")),
        ({key: (a, a) for key, (a, _) in FORGETS.items()}, ("undetermined", "undetermined")),
        ({key: (0.9, 0.93 + key[1] / 999) for key in FORGETS}, ("no", "undetermined")),
        ({key: FORGETS[key] for key in FORGETS if key[0] == "acl"}, ("not trained",) * 2),
        ({key: FORGETS[key] for key in FORGETS if key[1] == 1}, ("undetermined",) * 2),
    ],
)
def test_a_verdict_needs_a_model_that_learns_and_an_interval(tmp_path, scores, verdicts):
    runs, _ = results(tmp_path, scores)
    own = report.by_objective(runs)
    assert (report.forgets(own), report.remembers(own)) == verdicts


def test_runs_that_diverged_are_told(tmp_path):
    runs, _ = results(tmp_path, FORGETS)
    assert "diverged" not in report.markdown(runs)
    lost = pd.concat([runs, runs.iloc[:1].assign(status="diverged")])
    assert "Runs that diverged count as 0: 1." in report.markdown(lost)
