"""Options and facts that a mixer inherits from a class in another file."""

import pytest

from fwp import mixers
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment
from fwp.mixers._bases import family
from fwp.mixers._signature import SignatureError, read_signature
from fwp.utils import source

FILES = {
    "mine.py": """
from torch.nn import Module
from fwp.mixers.deltanet import DeltaNet as Base
from fwp.mixers.gru import GRU
from other import Renamed, Loop

class Mine(Base):
    title = "Mine"

class Own(Base):
    def __init__(self, hidden, *, depth: int = 2):
        super().__init__(hidden, heads=1)

class Units(GRU):
    pass

class Far(Renamed):
    pass
""",
    "other.py": """
from torch import nn
from mine import Loop

class Renamed(nn.Module):
    def __init__(self, hidden, *, sharp: bool = False):
        super().__init__()

    def forward(self, x):
        return x
""",
    "broken.py": "class Base(:",
    "on_broken.py": "from broken import Base\nclass Mine(Base): pass",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_options_and_facts_are_those_of_a_built_in_base(folder):
    mine, base = read_signature("mine:Mine", [folder]), read_signature("deltanet")
    assert mine.options == base.options and "heads" in mine.options
    assert mine.facts.title == "Mine" and mine.facts.state_names == base.facts.state_names
    assert list(read_signature("mine:Own", [folder]).options) == ["depth"]
    # What the plain nets share is no mixer, and says nothing of options.
    assert read_signature("mine:Units", [folder]).options == read_signature("gru").options == {}


def test_a_base_in_the_same_folder_counts(folder):
    found = read_signature("mine:Far", [folder])
    assert list(found.options) == ["sharp"] and found.adapted
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.py").write_text(FILES["mine.py"])
    assert read_signature("mine:Far", [elsewhere, folder]).options == {}


def test_options_of_a_base_are_checked(folder):
    models = {"m": {"mixer": "mine:Mine", "hidden": 8, "heads": "two"}}
    config = {"models": models, "tasks": {"parity": {"language": "parity"}}}
    with pytest.raises(ConfigError, match=r'models\.m\.heads: must be an integer, got "two"'):
        Experiment(config, folders=[folder])


def test_a_base_that_cannot_be_read_is_named(folder):
    with pytest.raises(SignatureError, match=r"base in a file that is not valid Python: line 1 of"):
        read_signature("on_broken:Mine", [folder])


def test_imports_in_circles_end(folder):
    assert family(folder / "mine.py", "mine", "Loop", [folder]) == []


@pytest.mark.parametrize("name", mixers.names())
def test_bases_are_those_that_python_finds(name):
    cls, path = mixers.get(name), source.find(f"fwp.mixers.{name}")
    assert path is not None
    found = [node.name for node in family(path, f"fwp.mixers.{name}", cls.__name__, [])]
    wanted = [base for base in cls.__mro__ if base.__module__.startswith("fwp.mixers.")]
    assert found == [b.__name__ for b in wanted if not b.__module__.startswith("fwp.mixers._")]
