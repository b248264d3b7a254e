"""How models and tasks of an experiment are shown, and what that reruns."""

import pytest
from matplotlib.colors import CSS4_COLORS
from test_fingerprint import changed, package  # noqa: F401 - a fixture

from fwp.config.loading import ConfigError
from fwp.experiment.colours import NAMES
from fwp.experiment.experiment import Experiment, load_experiment
from fwp.report import labels
from fwp.report.figures.style import looks
from fwp.results.integrity import write_sums
from fwp.results.names import read_names, write_names

MINE = """
from torch import nn

class Net(nn.Module):
    title = "My Net"
    state_names = ("m",)
    look = ("#123456", "dotted", "o")

    def __init__(self, hidden, *, size=1):
        super().__init__()

    def forward(self, x, state=None):
        return x, None
"""


def shown(config, **settings) -> dict[str, str]:
    return {name.name: name.title for name in Experiment(config, **settings).names()}


def test_names_that_are_known_take_titles_and_others_stay():
    models = {"elstm": {"mixer": "elstm"}, "wide": {"mixer": "elstm", "hidden": 8}}
    tasks = {
        "parity": {"language": "parity"},
        "s3": {"language": "word_problem", "params": {"group": "S3"}},
        "s3_last": {"language": "word_problem", "params": {"group": "S3", "labels": "last"}},
    }
    assert shown({"models": models, "tasks": tasks}) == {
        "elstm": "e-LSTM",
        "wide": "wide",
        "parity": "Parity",
        "s3": "S3",
        "s3_last": "s3_last",
    }


def test_the_config_has_the_last_word():
    models = {"elstm": {"mixer": "elstm", "title": "Diagonal"}}
    tasks = {"anbn": {"language": "anbn", "title": "a_b"}}
    experiment = Experiment({"models": models, "tasks": tasks})
    with labels.shown_as(experiment.names()):
        assert labels.model("elstm") == "Diagonal"
        assert labels.task_latex("anbn") == r"a\_b"
        assert labels.look("elstm") == ("#332288", "dashed", "s")
    assert labels.model("elstm") == "e-LSTM" and labels.task_latex("anbn") == "$a^nb^n$"


def test_a_title_or_a_colour_decides_no_result():
    tasks = {"parity": {"language": "parity"}}
    plain, titled = (
        Experiment(
            {
                "models": {"lstm": {"mixer": "lstm"} | title | colour},
                "tasks": {"parity": tasks["parity"] | title},
            }
        )
        for title, colour in (({}, {}), ({"title": "T"}, {"colour": "teal"}))
    )
    for params in ("train_params", "evaluate_params"):
        assert getattr(plain, params)("lstm", "parity") == getattr(titled, params)("lstm", "parity")
    assert plain.data_params("parity") == titled.data_params("parity")


def test_the_colour_of_the_config_is_that_of_all_figures(tmp_path):
    models = {
        "lstm": {"mixer": "lstm", "colour": "#12aB00"},
        "mine": {"mixer": "elstm", "colour": "teal"},
        "other": {"mixer": "elstm"},
    }
    tasks = {"parity": {"language": "parity"}}
    write_names(Experiment({"models": models, "tasks": tasks}).names(), tmp_path / "names.csv")
    write_sums(tmp_path / "collect.sha256", [tmp_path / "names.csv"])
    plain = looks(models)
    with labels.shown_as(read_names(tmp_path / "names.csv")):
        found = looks(models)
    assert [look.colour for look in found.values()] == ["#12aB00", "teal", plain["other"].colour]
    assert found["lstm"].marker == plain["lstm"].marker  # a look stays what it is otherwise


@pytest.mark.parametrize(
    ("colour", "hint"), [("tael", r" \(did you mean 'teal'\?\)"), ("#12345", ""), ("C0", "")]
)
def test_a_colour_is_one(colour, hint):
    models = {"lstm": {"mixer": "lstm", "colour": colour}}
    rule = rf"models\.lstm\.colour: must be a colour .*{hint}, got \"{colour}\""
    with pytest.raises(ConfigError, match=rule):
        Experiment({"models": models, "tasks": {"parity": {"language": "parity"}}})


def test_names_of_colours_are_those_of_matplotlib():
    assert set(CSS4_COLORS) == NAMES


def test_a_title_belongs_to_one_model():
    models = {"lstm": {"mixer": "lstm"}, "b": {"mixer": "elstm", "title": "LSTM"}}
    with pytest.raises(
        ConfigError, match=r'models\.b\.title: must be of one model alone, got "LSTM"'
    ):
        Experiment({"models": models, "tasks": {"parity": {"language": "parity"}}})


def test_names_that_a_mac_takes_for_one_folder_are_refused():
    config = {"models": {"lstm": {"mixer": "lstm"}, "LSTM": {"mixer": "elstm"}}}
    config["tasks"] = {"parity": {"language": "parity"}}
    with pytest.raises(
        ConfigError, match=r"models\.LSTM: must differ from models\.lstm in more than capital"
    ):
        Experiment(config)
    config["models"]["b"] = config["models"].pop("LSTM")
    assert Experiment(config).names()


def test_a_mixer_of_the_users_own_is_shown_as_it_says(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    config = {"models": {"a": {"mixer": "mine:Net"}}, "tasks": {"parity": {"language": "parity"}}}
    (name, _) = Experiment(config, folders=[tmp_path]).names()
    assert (name.title, name.look) == ("My Net", ("#123456", "dotted", "o"))
    with labels.shown_as([name]):
        assert labels.state("mine:Net", 0) == "m" and labels.state("mine:Net", 1) == "state 2"
    config["models"]["b"] = {"mixer": "mine:Net", "size": 2}
    assert shown(config, folders=[tmp_path]) == {"a": "a", "b": "b", "parity": "Parity"}


def test_names_are_written_and_read(tmp_path):
    found = load_experiment("config.yaml").names()
    write_names(found, tmp_path / "names.csv")
    write_sums(tmp_path / "collect.sha256", [tmp_path / "names.csv"])
    assert read_names(tmp_path / "names.csv") == found
    assert read_names(tmp_path / "nothing.csv") == []


@pytest.mark.parametrize(
    ("file", "fact"),
    [
        ("mixers/deltanet.py", 'title = "DeltaNet"'),
        ("mixers/deltanet.py", 'state_names = ("S",)'),
        ("mixers/deltanet.py", '"#d55e00"'),
        ("languages/parity.py", 'title = "Parity"'),
    ],
)
def test_what_a_class_says_of_itself_reruns_nothing(package, file, fact):  # noqa: F811
    def other(text):
        return text.replace(fact, fact.replace(fact.split('"')[1], "another"))

    assert changed(package, file, other) == set()


def test_a_task_may_have_a_group():
    tasks = {"p": {"language": "parity", "group": "Regular"}, "q": {"language": "parity"}}
    named = Experiment({"models": {"m": {"mixer": "lstm"}}, "tasks": tasks}).names()
    assert [name.group for name in named if name.kind == "task"] == ["Regular", ""]
