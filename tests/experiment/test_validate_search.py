"""A search in the config: what is refused with which words, and what is possible."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fwp.config.loading import merge, read_config
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.search.configured import search_settings, space_of

RATE = {"low": 1.0e-4, "high": 1.0e-2, "log": True}
BASE = {
    "models": {
        "delta": {"mixer": "deltanet", "heads": 4},
        "lstm": {"mixer": "lstm"},
        "attention": {"mixer": "transformer"},
    },
    "tasks": {"parity": {"language": "parity"}, "pairs": {"language": "aa_star"}},
    "search": {
        "trials": 5,
        "space": {
            "hidden": [32, 64],
            "heads": [2, 4],
            "training": {"learning_rate": RATE, "batch_size": [16, 64]},
        },
        "models": {"lstm": {"layers": [1, 2], "training": {"batch_size": None}}},
    },
}


def changed(search: dict | None = None, **rest) -> dict:
    """The base config; keys of `search` and its parts replace those that are there."""
    config = merge(copy.deepcopy(BASE), rest)
    config["search"] |= search or {}
    return config


def problems(config: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Experiment(config)
    return caught.value.problems


def test_the_base_config_is_sound_and_options_are_of_the_mixers_that_have_them():
    config = Experiment(BASE).config
    assert list(space_of(config, "delta")) == [
        "heads",
        "hidden",
        "training.batch_size",
        "training.learning_rate",
    ]
    assert list(space_of(config, "lstm")) == ["hidden", "layers", "training.learning_rate"]
    found = search_settings(config, "delta", "parity")
    assert found is not None and found.trials == 5


SPACES = [
    ({"hiden": [8]}, r"search\.space\.hiden: unknown key \(did you mean 'hidden'\?\); allowed: "
     r"training, hidden, layers, feed_forward, wiring, dropout; options of the mixers: .*heads"),
    ({"training": {"rate": [1]}}, r"search\.space\.training\.rate: unknown key.*allowed: epochs"),
    ({"training.epochs": [1]}, r'search\.space\."training\.epochs": unknown key'),
    ({"mixer": ["lstm"]}, "space.mixer: is not searched; add another entry to models instead"),
    ({"colour": ["red"]}, "search.space.colour: is not searched"),
    ({"hidden": []}, "search.space.hidden: must not be empty"),
    ({"hidden": 8}, "search.space.hidden: must be a list or a mapping, got 8"),
    ({"hidden": None}, "search.space.hidden: must be a list or a mapping, got null"),
    ({"hidden": [8, 16, 8]}, "space.hidden: a value may be given once, 8 is given 2 times"),
    ({"hidden": [8, 0]}, r"search\.space\.hidden\[1\]: must be at least 1, got 0"),
    ({"hidden": [8, 8.5]}, r"search\.space\.hidden\[1\]: must be an integer, got 8\.5"),
    ({"heads": ["4"]}, r'search\.space\.heads\[0\]: must be an integer, got "4"'),
    ({"wiring": ["none"]}, r"search\.space\.wiring\[0\]: must be one of null, pre_norm"),
    ({"wiring": {"low": 1, "high": 2}}, "wiring: must be a list, because its values are no num"),
    ({"hidden": {"low": 8}}, "search.space.hidden.high: is missing. The highest number"),
    ({"hidden": {"low": 8, "high": 16, "lg": True}}, r"hidden\.lg: unknown key \(did you mean"),
    ({"hidden": {"low": 16, "high": 8}}, "hidden: low must be less than high, got 16 and 8"),
    ({"hidden": {"low": 8.0, "high": 16}}, r"hidden\.low: must be an integer, got 8\.0"),
    ({"hidden": {"low": 8, "high": 99999}}, r"hidden\.high: must be at most 65536, got 99999"),
    ({"hidden": {"low": 8, "high": 16, "step": 0.5}}, "hidden.step: must be an integer, as the"),
    ({"hidden": {"low": 8, "high": 16, "step": 9}}, "step: must be at most high - low = 8, got 9"),
    ({"hidden": {"low": 8, "high": 16, "step": 2, "log": True}}, "hidden: may have log or step"),
    ({"hidden": {"low": 8, "high": 16, "step": 2, "points": 2}}, "hidden: may have points or st"),
    ({"training": {"warmup": {"low": 0, "high": 0.1, "log": True}}},
     r"training\.warmup\.low: must be greater than 0, because log is true, got 0"),
    ({"training": {"learning_rate": {"low": 0, "high": 1}}}, "rate.low: must be greater than 0"),
    ({}, "search.space: is empty, so that nothing would be searched"),
    ({"heads": {"low": 10**16, "high": 10**17}}, "heads.low: must be at most 10+ in size"),
    ({"heads": [2, 3]}, "search.space.heads: must divide a width of delta on parity, 64, got 3"),
    ({"heads": [3, 5], "hidden": [9, 32, 25]},
     "search.space.hidden: a width must be a multiple of the heads of delta on parity, 3, 5, "
     "got 32"),
    ({"hidden": [30, 32]}, "hidden: a width must be a multiple of the heads .*, 4, got 30"),
    ({"hidden": {"low": 33, "high": 35}}, "hidden: .* multiple of the heads .*, 4, got 33 to 35"),
    ({"heads": {"low": 33, "high": 35}}, "heads: .* the heads .*, 33 to 35, got 64"),
    ({"heads": [0]}, "space.heads: must divide a width of delta on parity, 64, got 0"),
    ({"training": {"gradient": ["bptt", "rtrl"]}},
     "search.space.training.gradient: is not searched; all compute the same gradient"),
]  # fmt: skip


@pytest.mark.parametrize(("space", "message"), SPACES, ids=[m[:60] for _, m in SPACES])
def test_a_wrong_space_is_refused(space, message):
    found = problems(changed({"space": space, "models": {}}))
    assert any(re.search(message, line) for line in found), found
    assert len(found) <= 3 and all("search." in line for line in found)


SEARCHES = [
    ({"trails": 3}, r"search.trails: unknown key \(did you mean 'trials'\?\)"),
    ({"method": "sobol"}, "search.method: must be one of grid, random, quasi_random, tpe, got"),
    ({"seeds": 0}, "search.seeds: must be at least 1, got 0"),
    ({"trials": 5000, "seeds": 3}, "search.trials: trials × search.seeds must be at most 10000"),
    ({"halving": {"factor": 1, "epochs": 2}}, "search.halving.factor: must be at least 2, got 1"),
    ({"halving": {"factor": 2}}, "search.halving.epochs: is missing"),
    ({"halving": {"factor": 2, "epochs": 30}},
     "search.halving.epochs: must be less than training.epochs = 30, got 30"),
    ({"budget": {}}, "search.budget: must hold one of parameters and state"),
    ({"budget": {"state": 9, "parameters": 9}}, "search.budget: must hold one of parameters and"),
    ({"budget": {"parameters": 9}}, "search.space.hidden: the width is solved from search.budget"),
    ({"budget": {"state": 9}}, "search.budget.state: the state of attention grows with the string"),
    ({"method": "grid"}, "learning_rate: the method grid needs points or step for a range of any"),
    ({"models": {"lsmt": {}}}, r"search.models.lsmt: must be .* \(did you mean 'lstm'\?\)"),
    ({"models": {"lstm": {"heads": [2]}}}, "search.models.lstm.heads: unknown key.*the mixer: "),
    ({"models": {"delta": {"hidden": [30]}}},
     "search.space.heads: must divide a width of delta on parity, 30, got 4"),
    ({"models": {"delta": {"training": [3]}}}, "models.delta.training: must be a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("search", "message"), SEARCHES, ids=[m[:60] for _, m in SEARCHES])
def test_a_wrong_search_is_refused(search, message):
    found = problems(changed(search))
    assert any(re.search(message, line) for line in found), found


def test_the_smallest_budget_of_epochs_counts_for_halving():
    halving = {"factor": 2, "epochs": 4}
    space = {"training": {"epochs": [4, 8]}}
    (line,) = problems(changed({"halving": halving, "space": space, "models": {}}))
    assert line.endswith("must be less than search.space.training.epochs = 4, got 4")
    (line,) = problems(
        changed({"halving": halving}, overrides={"lstm": {"pairs": {"training": {"epochs": 3}}}})
    )
    assert line.endswith("must be less than overrides.lstm.pairs.training.epochs = 3, got 4")


def test_a_grid_has_all_points_or_is_refused():
    grid = {"method": "grid", "space": {"hidden": [32, 64], "layers": [1, 2, 3]}, "models": {}}
    (line,) = problems(changed(grid))
    assert line == (
        "search.trials: the method grid tries all points, 6 for delta; allowed: null, got 5"
    )
    found = search_settings(Experiment(changed(grid | {"trials": None})).config, "lstm")
    assert found is not None and found.trials == 6
    assert Experiment(changed(grid | {"trials": 6}))
    many = {"space": {"hidden": {"low": 4, "high": 65536, "step": 4}}, "trials": None}
    assert "16384 × 1" in problems(changed(grid | many))[0]


def test_seeds_of_trials_are_no_seeds_of_the_experiment():
    (line,) = problems(changed(seeds=[0, 4_000_000_000]))
    assert line == (
        "seeds: must be below 4000000000, where the seeds of a search begin, got 4000000000"
    )
    assert Experiment(merge(BASE, {"seeds": [4_000_000_000], "search": None}))


def test_a_budget_is_for_all_models():
    space = {"heads": [2, 4]}
    given = {"space": space, "models": {}, "budget": {"parameters": 5000}}
    (line,) = problems(changed(given))
    assert line.startswith("search.models.lstm: nothing is searched for lstm, but search.budget")
    given = given | {"space": space | {"layers": [1, 2]}}
    assert Experiment(changed(given))
    (line,) = problems(changed(given, overrides={"delta": {"pairs": {"hidden": 8}}}))
    assert line.startswith("overrides.delta.pairs.hidden: the width is solved from search.budget")


def test_null_leaves_a_setting_out_also_one_that_the_mixer_has_not():
    config = Experiment(changed({"models": {"lstm": {"heads": None, "hidden": None}}})).config
    assert list(space_of(config, "lstm")) == ["training.batch_size", "training.learning_rate"]


def test_ends_of_a_range_are_numbers_as_the_mixer_takes_them(tmp_path):
    (tmp_path / "search_mine.py").write_text(
        "from fwp.mixers.elman import Elman\n"
        "class Mine(Elman):\n"
        "    def __init__(self, hidden: int, *, gain: float = 1.0, parts: int = 1):\n"
        "        super().__init__(hidden)\n"
        "    def forward(self, x, state=None):\n"
        "        return super().forward(x, state)\n"
    )
    ends = {"low": 0, "high": 2}
    config = {
        "models": {"mine": {"mixer": "search_mine:Mine"}, "lstm": {"mixer": "lstm"}},
        "tasks": BASE["tasks"],
        "search": {"space": {"gain": ends, "parts": ends, "hidden": [8]}},
    }
    space = space_of(Experiment(config, folders=[tmp_path]).config, "mine")
    assert [(d, getattr(space[d], "integer", None)) for d in space] == [
        ("gain", False),
        ("hidden", None),
        ("parts", True),
    ]
    path = tmp_path / "search_mine.py"
    path.write_text(path.read_text().replace("parts: int = 1", "parts: int = 2 - 1"))
    with pytest.raises(ConfigError, match=r"parts: the mixer .* models\.mine\.parts must be given"):
        Experiment(config, folders=[tmp_path])
    assert isinstance(space["gain"].at(0.3), float) and space["gain"].at(0.3) == 0.6


def test_layers_that_the_gradient_excludes_are_named():
    config = {
        "models": {"e": {"mixer": "elstm", "training": {"gradient": "rtrl"}}},
        "tasks": BASE["tasks"],
        "search": {"space": {"layers": [1, 2]}},
    }
    (line,) = problems(config)
    assert line == "search.space.layers: training.gradient = rtrl needs 1, got 2"
    config["search"]["space"] = {"wiring": ["plain", "post_norm"], "layers": {"low": 1, "high": 3}}
    assert sorted(problems(config)) == [
        "search.space.layers: training.gradient = rtrl needs 1, got 1 to 3",
        'search.space.wiring: training.gradient = rtrl needs "plain", got "post_norm"',
    ]


def test_what_is_possible_depends_on_the_cell():
    config = changed(
        {"space": {"heads": [2, 4, 8]}, "models": {}},
        overrides={"delta": {"pairs": {"hidden": 36}}},
    )
    (line,) = problems(config)
    assert line.startswith("search.space.heads: must divide a width of delta on pairs, 36, got 8")
    config["search"]["space"] = {"heads": [2, 3], "hidden": [32, 48]}
    del config["overrides"]
    assert Experiment(config)  # three heads fit one of the widths


def test_a_config_that_extends_another_changes_or_removes_its_search(tmp_path):
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text(
        "models: {a: {mixer: lstm}, b: {mixer: gru}}\ntasks: {parity: {language: parity}}\n"
        "search: {trials: 9, space: {hidden: [8, 16]}, models: {b: {layers: [1, 2]}}}\n"
    )
    above.write_text("extends: below.yaml\nsearch: {space: {training: {epochs: [2, 3]}}}\n")
    config = load_experiment(above, changes=["search.trials=3", "search.space.hidden=[4]"]).config
    found = search_settings(config, "a")
    assert found is not None and found.trials == 3
    assert found.space == {"hidden": [4], "training.epochs": [2, 3]}
    above.write_text("extends: below.yaml\nmodels: {b: null}\n")
    assert load_experiment(above).config["search"]["trials"] == 9
    above.write_text("extends: below.yaml\nsearch: null\n")
    assert load_experiment(above).config["search"] is None
    assert (
        load_experiment(above).config
        == Experiment({k: v for k, v in read_config(above).items() if k != "search"}).config
    )
    only = load_experiment(below, top={"only": {"models": "a"}})
    assert only.models == ["a"]


def test_planning_a_search_imports_no_library_of_samplers(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_text(
        "models: {a: {mixer: deltanet}}\ntasks: {parity: {language: parity}}\n"
        "search: {method: tpe, space: {hidden: [8, 16], training: {epochs: [2, 3]}}}\n"
    )
    code = (
        "import sys; from fwp.experiment.experiment import load_experiment;"
        "from fwp.search.configured import search_settings;"
        f"e = load_experiment({str(path)!r}); assert search_settings(e.config, 'a').trials == 24;"
        "assert not {'torch', 'pandas', 'matplotlib', 'optuna', 'scipy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
