"""Languages of the user's own, in modules outside the package."""

import json
import sys

import pytest

from fwp import languages
from fwp.config.messages import ConfigError
from fwp.datasets.card import describe
from fwp.datasets.sampling import build_dataset
from fwp.experiment.experiment import Experiment
from fwp.languages._properties import check_language

MOD = '''
"""A language of one's own."""

from fwp.languages.base import Language


class Mod(Language):
    """The number of 1s so far, modulo some number."""

    title = "1s mod {modulus}"
    alphabet = ("0", "1")
    start = 0

    def __init__(self, *, modulus=3):
        self.modulus = modulus
        self.classes = tuple(map(str, range(modulus)))

    def step(self, state, symbol):
        return (state + (symbol == "1")) % self.modulus

    def accepts(self, state):
        return state == 0

    def target(self, state):
        return state


class Other:
    pass
'''
DATA = {
    "data": {
        "train": {"min_length": 2, "max_length": 8, "count": 20},
        "validation": {"bins": [[2, 8]], "count": 5},
    },
    "evaluation": {"bins": [[2, 8], [9, 12]], "count": 5},
    "models": {"lstm": {"mixer": "lstm"}},
}


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "my_languages.py"
    path.write_text(MOD)
    yield path
    sys.modules.pop("my_languages", None)


def experiment(folder, language="my_languages:Mod", **params) -> Experiment:
    tasks = {"mine": {"language": language, "params": params}, "parity": {"language": "parity"}}
    return Experiment(DATA | {"tasks": tasks}, folders=[folder])


def mistakes(folder, *given, **params) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        experiment(folder, *given, **params)
    return caught.value.problems


def test_it_is_drawn_described_and_shown_as_those_of_the_package(module, tmp_path):
    made = experiment(tmp_path, modulus=5)
    assert {name.name: name.title for name in made.names()}["mine"] == "1s mod 5"
    dataset = build_dataset(made.dataset("mine"))
    card = json.loads(json.dumps(describe(dataset)))
    assert (card["language"], card["params"]) == ("my_languages:Mod", {"modulus": 5})
    assert languages.get("my_languages:Mod").label("0110") == [0, 1, 2, 2]


def test_an_edit_redraws_its_tasks_alone(module, tmp_path):
    def fingerprints():
        made = experiment(tmp_path)
        return [made.data_params("mine"), made.data_params("parity")]

    mine, parity = fingerprints()
    module.write_text(MOD.replace('"1s mod {modulus}"', '"Ones"').replace("so far", "until now"))
    assert fingerprints() == [mine, parity]
    module.write_text(MOD.replace("% self.modulus", "% (self.modulus + 0)"))
    changed = fingerprints()
    assert changed[0] != mine and changed[1] == parity


def test_the_module_of_another_folder_is_another_one(module, tmp_path):
    experiment(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "my_languages.py").write_text(MOD.replace('("0", "1")', '("a", "b")'))
    assert experiment(other).dataset("mine").task.language == "my_languages:Mod"
    assert languages.find("my_languages:Mod").alphabet == ("a", "b")


BROKEN = {
    "no module": ("no_such_module:Mod", MOD, "names a module that cannot be found"),
    "no class": ("my_languages:Mood", MOD, "it has Mod (did you mean 'Mod'?), got"),
    "no language": ("my_languages:Other", MOD, "must name a class of my_languages.py"),
    "no Python": ("my_languages:Mod", "def :", "cannot be imported: SyntaxError"),
    "fails": ("my_languages:Mod", "\n1 / 0", "ZeroDivisionError: division by zero (line 2 of my_l"),
    "abstract": ("my_languages:Mod", MOD.replace("accepts", "accept"), "lacks the method accepts"),
    "positional": ("my_languages:Mod", MOD.replace("*, ", ""), "modulus is not keyword-only"),
    "raises": ("my_languages:Mod", MOD.replace("% self.modulus", "% self.mod"), "AttributeError"),
    "target": ("my_languages:Mod", MOD.replace("return state\n", "return 7\n"), "into classes"),
    "count": (
        "my_languages:Mod",
        MOD.replace("    def target", "    def count(self, _): return 1\n\n    def target"),
        "counts agree with the strings",
    ),
    "dead end": (
        "my_languages:Mod",
        MOD.replace("return (state +", "return state if state == 1 else (state +"),
        "'1' can be read, but no string",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("language", "text", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_language_is_refused_before_any_job(module, tmp_path, language, text, message):
    module.write_text(text)
    found = mistakes(tmp_path, language)
    assert found[0].startswith("tasks.mine.language: ")
    assert message in found[0]


def test_unknown_parameters_and_names_say_what_is_allowed(module, tmp_path):
    (found,) = mistakes(tmp_path, modulo=3)
    assert "has no parameter 'modulo' (did you mean 'modulus'?)" in found
    (found,) = mistakes(tmp_path, "party")
    assert "a class of your own, my_module:MyLanguage" in found
    with pytest.raises(ValueError, match="names a module that cannot be found"):
        languages.get("no_such_module:Mod")


@pytest.mark.parametrize("name", ["parity", "dyck_1", "anbn", "shuffle_2", "reverse_string"])
def test_languages_of_the_package_have_all_properties(name):
    assert set(check_language(languages.get(name)).values()) == {None}
