"""What is trained by a config, what is refused, and how returns are shown."""

import json

import pytest

from fwp.config.messages import ConfigError
from fwp.experiment import duration
from fwp.experiment.experiment import Experiment
from fwp.pomdp import grid, report

MODELS = {
    "lstm": {"mixer": "lstm", "training": {"learning_rate": 0.01}},
    "transformer": {"mixer": "transformer", "heads": 2, "training": {"clip": 0.5}},
    "lru": {"mixer": "elman"},  # a stand-in: what is compared goes by the names of models
}


def experiment(**changes):
    tasks = {"parity": {"language": "parity"}}
    return Experiment({"models": MODELS, "tasks": tasks, "model": {"hidden": 8}, **changes})


def test_jobs_are_environments_by_models_by_seeds():
    found = experiment(pomdp={"models": ["transformer", "lstm"], "seeds": 2, "steps": 7})
    jobs = list(grid.jobs(found))
    assert [tuple(job) for job in jobs[:4]] == [
        ("parity", "lstm", 1), ("parity", "lstm", 2),
        ("parity", "transformer", 1), ("parity", "transformer", 2),
    ]  # fmt: skip
    assert len(jobs) == 8
    given = grid.params(found, "t_maze", "lstm", 2)
    assert given["model"]["mixer"] == "lstm" and given["model"]["hidden"] == 8
    assert (given["world"], given["options"], given["train"]) == ("t_maze", {}, [10, 10])
    assert (given["previous_action"], given["seed"], given["steps"]) == (True, 2, 7)
    assert (given["learning_rate"], given["clip"]) == (0.01, None)
    given = grid.params(found, "parity", "transformer", 1)
    assert given["options"] == {"language": "parity", "params": {}}
    assert (given["previous_action"], given["train"], given["clip"]) == (False, [2, 10], 0.5)
    one = duration.estimate(found, [("reinforce", dict(jobs[0]._asdict()))])
    assert one.usual == one.most > 0


def test_an_environment_may_have_settings_of_its_own():
    own = {"world": "match", "options": {"apples": 0}, "steps": 3, "title": "Doors"}
    own |= {"train": [3, 9], "test": [9, 5]}
    parity = {"language": "parity", "previous_action": True}
    five = {"language": "cycle_navigation", "params": {"size": 5}}
    found = experiment(
        pomdp={"environments": {"doors": own, "parity": parity, "five": five, "no": None}}
    )
    grid.check(found)
    given = grid.params(found, "doors", "lru", 1)
    assert (given["options"], given["steps"], given["test"]) == ({"apples": 0}, 3, [5, 9])
    assert grid.params(found, "parity", "lru", 1)["previous_action"]
    titles = {"doors": "Doors", "parity": "Parity", "five": "five"}
    assert grid.titles(found.config) == titles
    mazes = {name: {"world": "t_maze"} for name in ("t_maze", "long")}
    both = grid.titles(experiment(pomdp={"environments": mazes}).config)
    assert both == {"t_maze": "Passive T-maze", "long": "long"}
    assert grid.titles(experiment().config) == {"parity": "Parity", "t_maze": "Passive T-maze"}
    codes = {grid.code(found, *cell) for cell in (("doors", "lru"), ("five", "lru"))}
    assert len(codes | {grid.code(found, "five", "lstm")}) == 3


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"models": ["lstn"]}, r"pomdp\.models: must be of lstm, .*did you mean 'lstm'"),
        (
            {"environments": {"a": {"language": "parityy"}}},
            r"a\.language: must be one of .*did you mean 'parity'\?\), got \"parityy\"",
        ),
        (
            {"environments": {"a": {"world": "tmaze"}}},
            r"a\.world: must be one of match, t_maze, or",
        ),
        (
            {"environments": {"a": {"world": "match", "train": [2, 9]}}},
            r"a: with train = \[2, 9\], shortest must be at least 3, got 2",
        ),
        (
            {"environments": {"a": {"world": "match", "train": [4, 9], "test": [9, 2]}}},
            r"a: with test = \[2, 2\], shortest must be",
        ),
        (
            {"environments": {"a": {"world": "match", "params": {}}}},
            r'a\.params: needs a language, got "match" as the world',
        ),
        (
            {"environments": {"a": {"language": "parity", "options": {"horizon": 3}}}},
            r"a\.options: must not hold horizon",
        ),
        (
            {"environments": {"a": {"language": "parity", "params": {"p": 1}}}},
            r"a: with train = \[2, 10\], language 'parity' has no parameter 'p'",
        ),
    ],
)
def test_a_section_that_cannot_be_is_refused(section, message):
    with pytest.raises(ConfigError, match=message):
        grid.check(experiment(pomdp=section))


@pytest.mark.parametrize(("key", "value"), [("dropout", 0.1), ("parameters", 9999)])
def test_models_that_agents_cannot_have_are_refused(key, value):
    found = experiment(
        model={"hidden": 8, key: value},
        pomdp={"models": ["lstm"], "environments": {"a": {"world": "t_maze"}}},
    )
    with pytest.raises(ConfigError, match=rf"(?m)^\s*model\.{key}: must not be given .* {value}"):
        grid.check(found)
    usual = experiment(model={"hidden": 8, key: value}, pomdp={})
    grid.check(usual)  # so that other experiments may have them
    with pytest.raises(ConfigError, match=rf"(?m)^\s*model\.{key}: must not be given"):
        grid.params(usual, "parity", "lstm", 1)
    own = experiment(models={"lstm": {"mixer": "lstm", key: value}}, pomdp={})
    with pytest.raises(ConfigError, match=rf"models\.lstm\.{key}: must not be given .* lstm"):
        grid.params(own, "parity", "lstm", 1)


def test_a_size_from_a_search_is_refused_where_it_stands():
    found = experiment(
        search={"budget": {"parameters": 9999}, "space": {"layers": [1, 2]}}, pomdp={}
    )
    with pytest.raises(
        ConfigError, match=r"search\.budget\.parameters: must .* 9999; allowed: null"
    ):
        grid.params(found, "parity", "lstm", 1)


def tables(tmp_path, returns):
    """A table of one horizon of the training, and one beyond it."""
    jobs, files = [], []
    for environment, world in (("parity", "language"), ("maze", "t_maze")):
        for model, own in returns.items():
            for seed, value in enumerate(own, 1):
                rows = [{"horizon": 10, "return": 1.0, "success": 1.0}]
                rows += [{"horizon": 40, "return": value, "success": value}]
                facts = {"world": world, "trained": 10, "parameters": 5, "seconds": 1.0}
                jobs.append([environment, model, seed])
                files.append(tmp_path / f"{len(jobs)}.json")
                files[-1].write_text(json.dumps({"test": rows} | facts))
    return report.collect(jobs, {"parity": "Parity", "maze": "T-maze"}, files)


def test_the_report_sets_returns_beside_each_other(tmp_path):
    table = tables(tmp_path, {"lstm": [0.9, 1.0], "transformer": [0.4, 0.4], "lru": [-0.5, 0.5]})
    text = " ".join(report.markdown(table).replace("\\", "").split())
    assert "## T-maze Trained at horizons up to 10." in text
    assert "| Model | 10 | 40 |" in text
    assert "| LSTM | 1.00 [1.00, 1.00] | 0.95 [0.31, 1.59] |" in text
    assert "| LRU | 1.00 [1.00, 1.00] | 0.00 [−6.35, 6.35] |" in text
    assert text.count("Lu et al. (2024), abstract") == 2
    assert (
        "## LRU − Transformer" in text and "| Parity | −0.40 [−6.75, 5.95] | undetermined |" in text
    )
    assert "| T-maze | −0.40" not in text  # no language
    panels = report.figure(table).axes
    assert [axis.get_title() for axis in panels] == ["Parity", "T-maze"]
    assert all(any(line.get_xdata()[0] == 10 for line in axis.lines) for axis in panels)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.9, 1.0, 0.95], "supported"),
        ([0.1, 0.0, 0.05], "contradicted"),
        ([0.9], "undetermined"),
    ],
)
def test_a_statement_is_supported_or_not(tmp_path, values, verdict):
    rest = {"lstm": values, "transformer": [0.4, 0.5, 0.45][: len(values)]}
    text = report.markdown(tables(tmp_path, rest))
    assert f"| {verdict}" in " ".join(text.split()) or verdict in text.split("## LSTM")[1]
    others = {"supported", "contradicted", "undetermined"} - {verdict}
    assert not any(f" {word} |" in text for word in others)
    assert "[" not in text.split("## Parity")[1].split("##")[0] or len(values) > 1


def test_equal_seeds_have_a_difference_without_a_doubt(tmp_path):
    text = report.markdown(tables(tmp_path, {"lstm": [1.0, 1.0], "transformer": [0.5, 0.5]}))
    assert "0.50 \\[0.50, 0.50]" in text and " supported |" in text
