"""The config of a module, as Snakemake hands it over."""

from types import SimpleNamespace

import pytest

from fwp.config.messages import ConfigError
from fwp.config.module import config_of

DEFAULT, OF_MODULE = 4, 1


def modifier(config, *, results=("results", DEFAULT), prefix=None):
    name, level = results
    paths = SimpleNamespace(level={"results": level}, get=lambda _: name)
    prefixes = SimpleNamespace(prefix=prefix, _prefix_replacements=None)
    return SimpleNamespace(globals={"config": config}, pathvars=paths, path_modifier=prefixes)


def test_numbers_and_keys_are_as_in_a_file_of_the_project():
    given = {"training": {"learning_rate": "1e-3", "name": "1e", "n": [2, "3E4"]}, 5: "0"}
    read, changes = config_of(modifier(given), given, {})
    assert read == {"training": {"learning_rate": 1e-3, "name": "1e", "n": [2, 3e4]}, "5": "0"}
    assert changes == {}


def test_changes_on_the_command_line_reach_the_part_that_is_the_modules():
    part = {"seeds": 1}
    assert config_of(modifier(part), part, {"seeds": "2"})[1] == {"seeds": "2"}
    both = {"seeds": 1, "set": "training.epochs=3"}
    changes = {"set": "training.epochs=3"}
    assert config_of(modifier(both), both, changes) == ({"seeds": 1}, changes)
    whole, changes = {"fwp": part, "other": {}}, {"fwp": {"seeds": "2"}, "other": {"seeds": "3"}}
    assert config_of(modifier(part), whole, changes)[1] == {"seeds": "2"}
    assert config_of(modifier({"seeds": 1}), whole, changes)[1] == {}


def test_a_pathvar_names_the_folder_of_results():
    read, _ = config_of(modifier({}, results=("elsewhere", OF_MODULE)), {}, {})
    assert read == {"results": "elsewhere"}
    read, _ = config_of(modifier({"results": "own"}), {}, {})
    assert read == {"results": "own"}


def test_a_prefix_is_refused():
    with pytest.raises(ConfigError, match="give that"):
        config_of(modifier({}, prefix="x/"), {}, {})
