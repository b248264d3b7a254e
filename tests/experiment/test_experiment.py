"""Configs: what is resolved to what, and what is refused with which words."""

import copy
import importlib.resources
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project import load_preset

from fwp.config import schema
from fwp.config.loading import merge, read_config
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.experiment.seed_groups import group_seeds
from fwp.results.integrity import write_sealed

ROOT = Path(__file__).parents[2]
BASE = {
    "data": {
        "train": {"min_length": 2, "max_length": 12, "count": 50},
        "validation": {"bins": [[2, 12]], "count": 5},
    },
    "evaluation": {"bins": [[2, 12], [13, 20]], "count": 5},
    "models": {"delta": {"mixer": "deltanet", "heads": 4}, "lstm": {"mixer": "lstm"}},
    "tasks": {"parity": {"language": "parity"}, "pairs": {"language": "aa_star"}},
}


def with_changes(**changes) -> Experiment:
    return Experiment(merge(BASE, changes))


def problems(config: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Experiment(config)
    return caught.value.problems


def problem(**changes) -> str:
    """The one mistake in the base config with changes."""
    found = problems(merge(BASE, changes))
    assert len(found) == 1, found
    return found[0]


# Resolution ---------------------------------------------------------------------------------------


def test_defaults_come_from_the_schema():
    cell = with_changes().cell("lstm", "parity")
    assert cell.training.as_dict() == {
        "epochs": 30,
        "batch_size": 64,
        "learning_rate": 0.003,
        "schedule": "constant",
        "warmup": 0,
        "curriculum": 0,
        "clip": None,
        "weight_decay": 0,
        "gradient": "bptt",
        "betas": [0.9, 0.995],
        "eps": 1e-9,
        "dtype": "float32",
        "validate_every": None,
        "matmul": "float32",
    }
    assert cell.model.as_dict() == {
        "name": "lstm",
        "mixer": "lstm",
        "hidden": 64,
        "layers": 1,
        "feed_forward": 4,
        "wiring": None,
        "options": {"two_biases": False},
    }
    assert cell.task.as_dict() == {"name": "parity", "language": "parity", "params": {}}
    assert set(cell.code) == {"train", "evaluate"}


def test_later_settings_win():
    """Defaults, per model, per task, per model × task."""
    experiment = with_changes(
        training={"epochs": 1, "batch_size": 1, "learning_rate": 0.1, "eps": 0.1},
        model={"hidden": 8, "layers": 2, "feed_forward": 2},
        models={"delta": {"training": {"batch_size": 2, "learning_rate": 0.2, "eps": 0.2}}},
        tasks={"parity": {"training": {"learning_rate": 0.3, "eps": 0.3}, "model": {"layers": 3}}},
        overrides={"delta": {"parity": {"training": {"eps": 0.4}, "hidden": 16, "heads": 2}}},
    )
    cell = experiment.cell("delta", "parity")
    training, model = cell.training, cell.model
    assert (training.epochs, training.batch_size) == (1, 2)
    assert (training.learning_rate, training.eps) == (0.3, 0.4)
    assert (model.hidden, model.layers, model.feed_forward) == (16, 3, 2)
    assert model.options["heads"] == 2
    other = experiment.cell("delta", "pairs")
    assert other.training.eps == 0.2
    assert other.model.options["heads"] == 4
    assert experiment.cell("lstm", "pairs").training.batch_size == 1


def test_an_option_left_out_is_the_mixers_default():
    given = with_changes().cell("delta", "parity").model
    config = copy.deepcopy(BASE)
    del config["models"]["delta"]["heads"]
    assert Experiment(config).cell("delta", "parity").model == given


def test_one_and_one_point_zero_are_the_same_rate():
    first = with_changes(training={"learning_rate": 1}).cell("lstm", "parity")
    second = with_changes(training={"learning_rate": 1.0}).cell("lstm", "parity")
    assert repr(first.as_dict()) == repr(second.as_dict())


def test_params_hold_only_what_decides_the_result():
    longer = with_changes(evaluation={"bins": [[2, 9], [13, 20], [21, 30]], "count": 50})
    base = with_changes()
    assert longer.train_params("delta", "parity") == base.train_params("delta", "parity")
    assert longer.data_params("parity") == base.data_params("parity")
    assert longer.test_data_params("parity") != base.test_data_params("parity")
    assert "evaluate" not in base.train_params("delta", "parity")["code"]
    faster = with_changes(training={"learning_rate": 0.5})
    assert faster.evaluate_params("delta", "parity") == base.evaluate_params("delta", "parity")
    assert faster.train_params("delta", "parity") != base.train_params("delta", "parity")
    device = with_changes(compute={"device": "cpu", "seeds_per_job": 1})
    assert device.train_params("delta", "parity") == base.train_params("delta", "parity")


def test_seeds_are_a_count_or_a_list():
    assert with_changes(seeds=3).seeds == [0, 1, 2]
    assert with_changes(seeds=[7, 2]).seeds == [2, 7]


def test_null_removes_an_entry_and_its_overrides():
    overrides = {"lstm": {"parity": {"hidden": 8}}, "delta": {"pairs": {"hidden": 8}}}
    experiment = with_changes(models={"lstm": None}, tasks={"pairs": None}, overrides=overrides)
    assert experiment.models == ["delta"]
    assert experiment.tasks == ["parity"]


def test_null_removes_nothing_that_is_not_there(tmp_path):
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text("models: { a: { mixer: lstm }, b: { mixer: lstm } }\n")
    above.write_text("extends: below.yaml\nmodels: { a: null, c: }\n")
    with pytest.raises(ConfigError, match="c: is empty; null removes an entry") as error:
        read_config(above)
    assert len(error.value.problems) == 1
    assert read_config(above, changes=["models.c.mixer=lstm"])["models"]["a"] is None
    with pytest.raises(ConfigError, match=r"tasks.x: is empty"):
        read_config(below, top={"tasks": {"x": None}})


def test_a_missing_model_or_task_is_named():
    with pytest.raises(ConfigError, match=r"delta, lstm \(did you mean 'lstm'\?\), got 'lsmt'"):
        with_changes().cell("lsmt", "parity")
    with pytest.raises(ConfigError, match="the task has a mistake"):
        with_changes().cell("lstm", "party")


# Groups of seeds ----------------------------------------------------------------------------------


def test_seeds_are_grouped_by_job():
    groups = with_changes(seeds=[0, 1, 2, 3, 7, 8], compute={"seeds_per_job": 3}).groups()
    assert groups == {"seeds-0-2": [0, 1, 2], "seed-3": [3], "seeds-7-8": [7, 8]}


@pytest.mark.parametrize("per_job", [1, 2, 3, 8])
def test_a_further_seed_trains_nothing_but_itself(tmp_path, per_job):
    known = set()
    for count in range(1, 9):
        changes = {"results": str(tmp_path), "compute": {"seeds_per_job": per_job}}
        experiment = with_changes(seeds=count, **changes)
        groups = experiment.groups("lstm", "parity")
        assert sorted(seed for seeds in groups.values() for seed in seeds) == list(range(count))
        assert groups.keys() - known == {f"seed-{count - 1}"}
        for group in groups:
            Path(experiment.cell_dir("parity", "lstm", group)).mkdir(parents=True, exist_ok=True)
        known = set(groups)


def test_groups_do_not_depend_on_how_far_a_run_is(tmp_path):
    """Jobs on a cluster read the config again while others have begun."""
    changes = {"results": str(tmp_path), "compute": {"seeds_per_job": 3}}
    experiment = with_changes(seeds=[0, 1, 2, 3, 4, 6, 7, 8, 9, 10], **changes)
    planned = experiment.groups("lstm", "parity")
    assert planned == experiment.groups()
    for group in reversed(planned):
        Path(experiment.cell_dir("parity", "lstm", group)).mkdir(parents=True)
        assert experiment.groups("lstm", "parity") == planned


def test_foreign_folders_are_no_groups(tmp_path):
    experiment = with_changes(seeds=2, results=str(tmp_path))
    for name in ("seeds-0-9", "seed-x", "seeds-1-0", "seed-99999999999999999999", "notes"):
        Path(experiment.cell_dir("parity", "lstm", name)).mkdir(parents=True)
    assert experiment.groups("lstm", "parity") == {"seeds-0-1": [0, 1]}


def finished(experiment, *groups):
    """Leave the records of trained groups of a cell."""
    for group in groups:
        folder = Path(experiment.cell_dir("parity", "lstm", group))
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"status": "solved", "epochs": 1, "best_epoch": 1, "selection": 1.0, "seconds": 1.0}
        seeds = list(group_seeds(group))
        record = {
            "config": experiment.train_params("lstm", "parity"),
            "seeds": seeds,
            "runs": [{"seed": seed} | facts for seed in seeds],
        }
        names = {"task": "parity", "model": "lstm", "parameters": 1, "device": "cpu"}
        write_sealed(folder / "cell.json", record | names)


def test_fewer_seeds_train_nothing(tmp_path):
    changes = {"results": str(tmp_path), "compute": {"seeds_per_job": 3}}
    finished(with_changes(seeds=6, **changes), "seeds-0-2", "seeds-3-5")

    def groups(seeds):
        return with_changes(seeds=seeds, **changes).groups("lstm", "parity")

    assert groups(2) == {"seeds-0-2": [0, 1]}
    assert groups([1, 5]) == {"seeds-0-2": [1], "seeds-3-5": [5]}
    assert groups([0, 1, 2, 4, 7]) == {"seeds-0-2": [0, 1, 2], "seeds-3-5": [4], "seed-7": [7]}
    assert groups([7]) == {"seed-7": [7]}
    job = with_changes(seeds=2, **changes).train_job("lstm", "parity", "seeds-0-2")
    assert job["seeds"] == [0, 1, 2]


def test_a_larger_group_is_used_only_if_it_needs_no_training(tmp_path):
    changes = {"results": str(tmp_path), "compute": {"seeds_per_job": 3}}
    three = with_changes(seeds=3, **changes)
    Path(three.cell_dir("parity", "lstm", "seeds-0-2")).mkdir(parents=True)
    two = with_changes(seeds=2, **changes)
    assert two.groups("lstm", "parity") == {"seeds-0-1": [0, 1]}
    finished(three, "seeds-0-2")
    assert two.groups("lstm", "parity") == {"seeds-0-2": [0, 1]}
    other = with_changes(seeds=2, training={"learning_rate": 0.5}, **changes)
    assert other.groups("lstm", "parity") == {"seeds-0-1": [0, 1]}


def test_jobs_cover_the_grid():
    experiment = with_changes(seeds=2, compute={"seeds_per_job": 1}, results="out/")
    jobs = list(experiment.jobs())
    assert len({(job.task, job.model, *job.seeds) for job in jobs}) == len(jobs) == 8
    assert jobs[0].directory == "out/cells/parity/delta/seed-0"


# Mistakes -----------------------------------------------------------------------------------------

MISTAKES = {
    "unknown key": ({"trainning": {}}, "trainning: unknown key (did you mean 'training'?)"),
    "unknown key inside": (
        {"training": {"epoch": 3}},
        "training.epoch: unknown key (did you mean 'epochs'?); allowed: epochs, batch_size",
    ),
    "negative budget": (
        {"training": {"epochs": -1}},
        "training.epochs: must be at least 1, got -1",
    ),
    "no budget": ({"training": {"epochs": 0}}, "training.epochs: must be at least 1, got 0"),
    "true is no number": (
        {"training": {"batch_size": True}},
        "training.batch_size: must be an integer, got true",
    ),
    "a fraction is no integer": ({"model": {"hidden": 8.0}}, "must be an integer, got 8.0"),
    "no rate": (
        {"training": {"learning_rate": 0}},
        "training.learning_rate: must be greater than 0, got 0",
    ),
    "infinite rate": ({"training": {"learning_rate": float("inf")}}, "must be a number"),
    "not a number": ({"training": {"eps": float("nan")}}, "training.eps: must be a number"),
    "rate in words": ({"training": {"learning_rate": "high"}}, 'must be a number, got "high"'),
    "decay rate": ({"training": {"betas": [0.9, 1.0]}}, "betas[1]: must be less than 1, got 1.0"),
    "decay rates": ({"training": {"betas": [0.9]}}, "training.betas: must have 2 entries"),
    "format": (
        {"training": {"dtype": "float3"}},
        "must be one of float32, float64 (did you mean 'float32'?), got \"float3\"",
    ),
    "seed twice": ({"seeds": [1, 2, 1]}, "seeds: a seed may be given once, 1 is given 2 times"),
    "negative seed": ({"seeds": [0, -3]}, "seeds[1]: must be at least 0, got -3"),
    "no seed": ({"seeds": []}, "seeds: must not be empty"),
    "zero seeds": ({"seeds": 0}, "seeds: must be at least 1, got 0"),
    "heads": (
        {"models": {"delta": {"heads": 5}}},
        "models.delta.heads: must divide hidden = 64, got 5; allowed: 1, 2, 4, 8, 16, 32, 64",
    ),
    "no heads": ({"models": {"delta": {"heads": 0}}}, "must divide hidden = 64, got 0"),
    "heads of a task": (
        {"tasks": {"parity": {"model": {"hidden": 6}}}},
        "models.delta.heads: must divide tasks.parity.model.hidden = 6, got 4; allowed: 1, 2, 3, 6",
    ),
    "heads of a cell": (
        {"overrides": {"delta": {"pairs": {"heads": 3}}}},
        "overrides.delta.pairs.heads: must divide hidden = 64, got 3",
    ),
    "heads in words": (
        {"models": {"delta": {"heads": "four"}}},
        'models.delta.heads: must be an integer, got "four"',
    ),
    "option of another mixer": (
        {"models": {"lstm": {"heads": 2}}},
        "models.lstm.heads: unknown key; allowed: training, mixer, hidden",
    ),
    "misspelt option": (
        {"models": {"delta": {"haeds": 2}}},
        "models.delta.haeds: unknown key (did you mean 'heads'?)",
    ),
    "misspelt mixer": (
        {"models": {"lstm": {"mixer": "lsmt"}}},
        "'module:Class' or 'fla.Class' (did you mean 'lstm'?), got \"lsmt\"",
    ),
    "no such module": (
        {"models": {"lstm": {"mixer": "no_such_module:Mixer"}}},
        "models.lstm.mixer: names a module that cannot be found",
    ),
    "no such class": (
        {"models": {"lstm": {"mixer": "fwp.mixers.lstm:LTSM"}}},
        "it defines LSTM (did you mean 'LSTM'?)",
    ),
    "no mixer": ({"models": {"new": {"hidden": 8}}}, "models.new.mixer: is missing"),
    "mixer of a cell": (
        {"overrides": {"lstm": {"parity": {"mixer": "srwm"}}}},
        "overrides.lstm.parity.mixer: a model has one mixer",
    ),
    "misspelt language": (
        {"tasks": {"parity": {"language": "party"}}},
        "tasks.parity.language: must be one of 012_0_2, aa_bb_cc_dd_ee",
    ),
    "parameter of a language": (
        {"tasks": {"parity": {"params": {"k": 2}}}},
        "tasks.parity.params: language 'parity' has no parameter 'k'",
    ),
    "a pattern that is not regular": (
        {"tasks": {"mine": {"language": "regex", "params": {"pattern": "(a|b)\\1"}}}},
        "tasks.mine.params.pattern: must be a regular expression, '(a|b)\\\\1' has a back-refer",
    ),
    "a pattern without strings in a window": (
        {
            "tasks": {
                "mine": {
                    "language": "regex",
                    "params": {"pattern": "(a{13})*"},
                    "data": {"validation": {"bins": [[13, 20]]}},
                    "evaluation": {"bins": [[13, 20]]},
                }
            }
        },
        "data.train: a window must hold strings of the language, regex has none of 2 to 12 "
        "symbols; nearest possible: 13; got the window [2, 12] (task mine)",
    ),
    "a table that leads nowhere": (
        {
            "tasks": {
                "mine": {
                    "language": "dfa",
                    "params": {"transitions": {"q": {"a": "r"}}, "start": "q", "accept": ["q"]},
                }
            }
        },
        "tasks.mine.params.transitions.q.a: leads to 'r', which has no row; it must be one of q",
    ),
    "a machine with too many counters for its windows": (
        {
            "tasks": {
                "mine": {
                    "language": "counter_machine",
                    "params": {
                        "transitions": [
                            ["s", "a", "**", "s", "+0"],
                            ["s", "b", "**", "s", "-0"],
                            ["s", "c", "**", "s", "0+"],
                            ["s", "d", "**", "s", "0-"],
                        ],
                        "start": "s",
                        "accept": ["s"],
                    },
                    "evaluation": {"bins": [[2, 50], [5000, 9000]]},
                }
            }
        },
        "tasks.mine.evaluation.bins: the counter_machine has too many values of its counters",
    ),
    "override of an unknown model": (
        {"overrides": {"detla": {}}},
        "overrides.detla: must be one of the models delta, lstm (did you mean 'delta'?)",
    ),
    "override of an unknown task": (
        {"overrides": {"lstm": {"party": {}}}},
        "overrides.lstm.party: must be one of the tasks parity, pairs (did you mean 'parity'?)",
    ),
    "no bins": ({"evaluation": {"bins": []}}, "evaluation.bins: must not be empty"),
    "reversed bin": (
        {"evaluation": {"bins": [[9, 2]]}},
        "evaluation.bins[0]: must be [shortest, longest], got [9, 2]",
    ),
    "overlapping bins": (
        {"evaluation": {"bins": [[2, 12], [12, 20]]}},
        "evaluation.bins: bins must not overlap, got [2, 12] and [12, 20]",
    ),
    "unordered bins": (
        {"data": {"validation": {"bins": [[13, 20], [2, 12]]}}},
        "data.validation.bins: bins must be in ascending order",
    ),
    "overlapping bins of a task": (
        {"tasks": {"parity": {"evaluation": {"bins": [[2, 5], [4, 6]]}}}},
        "tasks.parity.evaluation.bins: bins must not overlap",
    ),
    "half a bin": ({"evaluation": {"bins": [[2]]}}, "evaluation.bins[0]: must have 2 entries"),
    "length zero": ({"evaluation": {"bins": [[0, 5]]}}, "bins[0][0]: must be at least 1, got 0"),
    "reversed window": (
        {"data": {"train": {"min_length": 20}}},
        "data.train.min_length: must be at most max_length = 12, got 20",
    ),
    "reversed window of a task": (
        {"tasks": {"parity": {"data": {"train": {"max_length": 1}}}}},
        "tasks.parity.data.train.min_length: must be at most max_length = 1, got 2",
    ),
    "window without strings": (
        {"tasks": {"pairs": {"evaluation": {"bins": [[3, 3]]}}}},
        "tasks.pairs.evaluation.bins: a window must hold strings of the language, aa_star has none "
        "of 3 to 3 symbols; nearest possible: 2 and 4",
    ),
    "no strings": ({"data": {"train": {"count": 0}}}, "data.train.count: must be at least 1"),
    "unsafe name": ({"models": {"../x": {"mixer": "lstm"}}}, 'models: a name holds at most 64'),
    "spaces in a name": ({"tasks": {"a b": {"language": "parity"}}}, 'got "a b"'),
    "unsafe folder": ({"results": "out{put}"}, "results: must be the name of a folder"),
    "device": ({"compute": {"device": "gpu"}}, "must be one of auto, cpu, cuda"),
    "seeds per job": ({"compute": {"seeds_per_job": 0}}, "must be at least 1, got 0"),
    "mixer that is no text": ({"models": {"lstm": {"mixer": 3}}}, "mixer: must be text, got 3"),
    "override of a model that is wrong": (
        {"models": {"lstm": {"mixer": 3}}, "overrides": {"lstm": {"parity": {"hidden": 8}}}},
        "models.lstm.mixer: must be text, got 3",
    ),
    "a file to extend that is named too late": (
        {"extends": "base.yaml"},
        'extends: must stand in a file, which is read on top of the one that it names; got "base',
    ),
    "not a mapping": ({"training": 3}, "training: must be a mapping, got 3"),
    "huge number": ({"model": {"hidden": 10**30}}, "model.hidden: must be at most 65536"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_place_rule_and_value(mistake):
    changes, message = MISTAKES[mistake]
    assert message in problem(**changes)


def test_a_window_without_strings_is_told_for_all_tasks_where_it_stands():
    found = problem(evaluation={"bins": [[3, 3]]})
    assert found.startswith("evaluation.bins: a window must hold strings of the language, aa_star")


@pytest.mark.parametrize("kind", ["models", "tasks"])
def test_an_empty_grid_is_refused(kind):
    assert problems(BASE | {kind: {}}) == [f"{kind}: must not be empty, got {{}}"]
    without = {key: value for key, value in BASE.items() if key != kind}
    assert problems(without)[0].startswith(f"{kind}: is missing")


def test_all_mistakes_are_told_at_once():
    found = problems(
        merge(
            BASE,
            {
                "seeds": [1, 1],
                "training": {"epochs": 0, "learning_rat": 1},
                "models": {"delta": {"heads": 5, "haeds": 1}, "lstm": {"mixer": "lsmt"}},
                "tasks": {"parity": {"language": "party"}},
                "evaluation": {"bins": [[9, 2]]},
                "overrides": {"x": {}},
            },
        )
    )
    places = {line.split(": ")[0] for line in found}
    assert places == {
        "seeds",
        "training.epochs",
        "training.learning_rat",
        "models.delta.heads",
        "models.delta.haeds",
        "models.lstm.mixer",
        "tasks.parity.language",
        "evaluation.bins[0]",
        "overrides.x",
    }
    text = str(ConfigError(found, "my.yaml"))
    assert text.splitlines()[0] == "my.yaml has 9 mistakes:"
    assert all(len(line.splitlines()) == 1 for line in found)


# Files --------------------------------------------------------------------------------------------


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def file_problem(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return str(caught.value)


def test_exponents_are_numbers_and_words_stay_words(tmp_path):
    path = write(tmp_path, "a: 1e-3\nb: 1E5\nc: .5\nd: no\ne: 010\nf: 1_000\ng: 2024-01-01\nh: ~\n")
    assert read_config(path) == {
        "a": 0.001,
        "b": 100000.0,
        "c": 0.5,
        "d": "no",
        "e": "010",
        "f": 1000,
        "g": "2024-01-01",
        "h": None,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "line 1, column 9: while parsing a flow sequence"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "line 4, column 3: the key 'c' stands here a second time"),
        ("1: x\n", 'keys are text: write "1" in quotes'),
        ("true: x\n", 'keys are text: write "true" in quotes'),
        ("- 1\n", "it must hold keys and values"),
        ("a: &x [*x]\n", "recursive"),
        ("a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("a: \0\n", "it is not YAML"),
        ("extends: nowhere.yaml\n", "extends: there is no file nowhere.yaml"),
        ("extends: 3\n", "extends: must be the name of a file, got 3"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_name(tmp_path, text, message):
    path = write(tmp_path, text)
    found = file_problem(path)
    assert found.startswith(f"{path} has a mistake:\n  ")
    assert message in found


def test_a_file_that_cannot_be_read(tmp_path):
    assert "there is no such file" in file_problem(tmp_path / "no.yaml")
    assert "it cannot be read" in file_problem(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    assert "it is not UTF-8 text" in file_problem(tmp_path / "latin.yaml")


def test_a_preset_lies_on_top_of_what_it_extends(tmp_path):
    write(tmp_path, "seeds: 3\ntraining: {epochs: 5, batch_size: 8}\n", "base.yaml")
    write(tmp_path, "extends: base.yaml\ntraining: {epochs: 6}\n", "middle.yaml")
    path = write(tmp_path, "extends: middle.yaml\nseeds: [4]\n")
    assert read_config(path) == {"seeds": [4], "training": {"epochs": 6, "batch_size": 8}}


def test_configs_that_extend_each_other(tmp_path):
    path = write(tmp_path, "extends: b.yaml\n", "a.yaml")
    write(tmp_path, "extends: a.yaml\n", "b.yaml")
    assert "extends this file in turn" in file_problem(path)


def test_changes_lie_on_top_of_the_file(tmp_path):
    path = write(tmp_path, "training: {epochs: 5}\n")
    assert read_config(path, changes=["training.eps=1e-3", "seeds=[1, 2]"]) == {
        "training": {"epochs": 5, "eps": 0.001},
        "seeds": [1, 2],
    }
    with pytest.raises(ConfigError, match=r"must read key\.key=value, got 'training'"):
        read_config(path, changes=["training"])


def test_a_config_on_the_command_line_is_text(tmp_path):
    path = write(tmp_path, "training: {epochs: 5}\n")
    top = {"training": {"epochs": "7"}, "evaluation": {"bins": [["2", "9"]]}, "results": "x"}
    assert read_config(path, top=top) == {
        "training": {"epochs": 7},
        "evaluation": {"bins": [[2, 9]]},
        "results": "x",
    }


def test_names_may_hold_dots():
    made = with_changes(models={"lr0.001": {"mixer": "lstm"}})
    assert "lr0.001" in made.models


# A selection of models and tasks ------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["lstm", ["lstm"]])
def test_a_selection_leaves_the_others_out_and_changes_no_cell(chosen):
    whole, part = with_changes(), with_changes(only={"models": chosen, "tasks": ["pairs"]})
    assert (part.models, part.tasks) == (["lstm"], ["pairs"])
    assert [(job.model, job.task) for job in part.jobs()] == [("lstm", "pairs")]
    assert [name.name for name in part.names()] == ["lstm", "pairs"]
    assert part.analysis.models == ["lstm"]
    assert part.train_params("lstm", "pairs") == whole.train_params("lstm", "pairs")
    assert part.test_data_params("pairs") == whole.test_data_params("pairs")
    with pytest.raises(ConfigError, match="must be one of lstm"):
        part.cell("delta", "pairs")


def test_a_selection_keeps_the_order_of_the_config():
    assert with_changes(only={"models": ["lstm", "delta"]}).models == ["delta", "lstm"]


def test_a_misspelt_selection_is_refused_with_a_suggestion():
    message = problem(only={"models": "lsmt"})
    assert message.startswith("only.models: must be of delta, lstm (did you mean 'lstm'?), got")
    assert "only.tasks: must not be empty" in problem(only={"tasks": []})
    assert "did you mean 'models'" in problem(only={"model": ["lstm"]})


# Mixers of the user's own -------------------------------------------------------------------------

MIXER = """
import torch_that_is_not_there
from typing import Literal

class Base(torch_that_is_not_there.Module):
    def __init__(self, hidden: int, *, heads: int = 2, rate: float = 0.5, gate: bool = False,
                 kind: Literal["a", "b"] = "a", note: str | None = None, needed, free=(1, 2)):
        pass

class MyMixer(Base):
    pass
"""


def test_a_mixer_beside_the_config_is_read_and_not_imported(tmp_path):
    write(tmp_path, MIXER, "my_mixer.py")
    base = "tasks: {parity: {language: parity}}\nmodels:\n  m:\n    mixer: my_mixer:MyMixer\n"
    path = write(tmp_path, base + "    needed: 3\n    rate: 1\n")
    cell = load_experiment(path).cell("m", "parity")
    assert cell.model.options == {
        "heads": 2,
        "rate": 1.0,
        "gate": False,
        "kind": "a",
        "note": None,
        "needed": 3,
        "free": [1, 2],
    }
    path = write(
        tmp_path, base + "    gate: 1\n    kind: c\n    note: 3\n    heads: 2.5\n    rate: x\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    found = caught.value.problems
    assert [line.removeprefix("models.m.") for line in found] == [
        "gate: must be true or false, got 1",
        "kind: must be one of 'a', 'b', got \"c\"",
        "note: must be text or null, got 3",
        "heads: must be an integer, got 2.5",
        'rate: must be a number, got "x"',
        "needed: is missing; the mixer my_mixer:MyMixer needs it",
    ]


def test_a_mixer_that_is_not_python(tmp_path):
    write(tmp_path, "class A:\n  def\n", "broken.py")
    path = write(tmp_path, "models: {m: {mixer: 'broken:A'}}\ntasks: {p: {language: parity}}\n")
    with pytest.raises(ConfigError, match=r"not valid Python: line 2 of broken\.py"):
        load_experiment(path)


# The project's own configs ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["config.yaml", *sorted(
    f"workflow/presets/{path.name}" for path in (ROOT / "workflow/presets").glob("*.yaml")
)])  # fmt: skip
def test_the_projects_configs_are_sound(name):
    found = load_preset(name)
    assert len(list(found.jobs())) >= len(found.models) * len(found.tasks) > 0
    for model in found.models:
        for task in found.tasks:
            found.cell(model, task)


def test_every_key_of_the_schema_is_described():
    def walk(part, path):
        if "$ref" in part:
            part = schema.rules()["$defs"][part["$ref"].rpartition("/")[2]] | part
        assert part.get("description"), path
        for key, entry in part.get("properties", {}).items():
            walk(entry, f"{path}.{key}")
        if isinstance(part.get("additionalProperties"), dict):
            walk(part["additionalProperties"], f"{path}.*")

    rules = schema.rules()
    for key, entry in rules["properties"].items():
        walk(entry, key)
    filled = schema.defaults()
    assert set(filled) == rules["properties"].keys() - {"extends", "models", "tasks"}
    for key in ("model", "training", "data", "evaluation", "compute"):
        known = rules["properties"][key]
        known = rules["$defs"].get(known.get("$ref", "").rpartition("/")[2], known)
        assert set(filled[key]) == set(known["properties"]), key


def test_the_schema_knows_the_wirings():
    from fwp.models.block import WIRINGS

    assert schema.rules()["$defs"]["wiring"]["enum"] == [None, *WIRINGS]


def test_reading_a_config_does_not_import_torch():
    code = (
        "import sys; from fwp.experiment.experiment import load_experiment;"
        "e = load_experiment('config.yaml');"
        "[e.cell(m, t) for m in e.models for t in e.tasks]; list(e.jobs());"
        "assert not {'torch', 'pandas', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# Anything at all ----------------------------------------------------------------------------------

PLACES = []


def _places(value, place=()):
    PLACES.append(place)
    if isinstance(value, dict):
        for key, entry in value.items():
            _places(entry, (*place, key))


_places(merge(schema.defaults(), BASE))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["parity", "deltanet", "lstm:X", "a:b:c", ":", "..", "\0", "é", 10**40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_any_config_is_sound_or_refused_with_one_message(changes):
    config = copy.deepcopy(BASE)
    for place, value in changes:
        at = config
        for key in place[:-1]:
            at = at.get(key) if isinstance(at, dict) else None
        if place and isinstance(at, dict):
            at[place[-1]] = value
        elif not place:
            config = value
    try:
        found = Experiment(config)
    except ConfigError as error:
        assert error.problems
        return
    for model in found.models:
        for task in found.tasks:
            found.train_params(model, task)
            found.dataset(task)


def test_the_schema_file_is_part_of_the_package():
    assert importlib.resources.files("fwp.config").joinpath("schema.yaml").is_file()
