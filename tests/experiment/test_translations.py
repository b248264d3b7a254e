"""Translations in a config: what they decide, and what is refused."""

import pytest
import tiny_pairs

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.datasets.text import pair_check
from fwp.experiment.experiment import Experiment


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """All optional packages."""
    monkeypatch.setattr(pair_check, "find_spec", lambda name: name)


def experiment(**given) -> Experiment:
    given = {"tokens": "characters", "validation": 6, "test": 6} | given
    models = {"deltanet": {"mixer": "deltanet"}}
    tasks = {"capitals": {"translation": given}}
    return Experiment(read_config(top={"models": models, "tasks": tasks, "claims": []}))


@pytest.fixture
def table(tmp_path):
    return tiny_pairs.table(tmp_path / "pairs.tsv")


def test_how_translations_are_searched_for_and_how_long_they_are_trains_nothing(table):
    narrow, wide = (experiment(files=table, beam=beam, reach=beam) for beam in (1, 4))
    assert narrow.train_params("deltanet", "capitals") == wide.train_params("deltanet", "capitals")
    assert narrow.data_params("capitals") == wide.data_params("capitals")
    assert narrow.test_data_params("capitals") != wide.test_data_params("capitals")
    assert wide.dataset("capitals").measure == {"beam": 4, "reach": 4}


def test_longer_pairs_train_again(table):
    one, other = (experiment(files=table, max_length=length) for length in (4, 8))
    assert one.train_params("deltanet", "capitals") != other.train_params("deltanet", "capitals")


def test_files_are_inputs_of_the_data(table):
    files = {"source": table, "target": table}
    assert experiment(files=files).text_files("capitals") == [table, table]


def test_all_settings_are_resolved(table):
    params = experiment(files=table).dataset("capitals").task.params
    assert params == tiny_pairs.SETTINGS | {"files": table, "max_length": 64}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "translation: must have exactly one of files, catalogues, package; got none"),
        ({"files": "none.tsv"}, "translation.files: none.tsv: cannot be read: No such file"),
        ({"files": "x", "beam": 0}, "tasks.capitals.translation.beam: must be"),
        ({"package": "bible"}, "translation.package: must be one of bible_kjv_web, libreoffice"),
        (
            {"package": "bible_kjv_web", "vocabulary": 70000},
            "tasks.capitals.translation.vocabulary: must be",
        ),
    ],
)
def test_mistakes(given, message):
    with pytest.raises(ConfigError) as raised:
        experiment(**given)
    assert message in str(raised.value)
