"""Classes that cannot be mixers are told apart, from their source and once they are loaded."""

import sys

import pytest

from fwp import mixers
from fwp.config.messages import ConfigError
from fwp.experiment.experiment import Experiment
from fwp.mixers import MixerError
from fwp.mixers._signature import SignatureError, read_signature

FILE = """
import functools
from torch import nn
from torch.nn import Module
from elsewhere import Base, adapted

INIT = "self, hidden, *, heads=2"

class Good(nn.Module):
    def __init__(self, hidden, *, heads=2): super().__init__()
    def forward(self, x, state=None): return x, None

class Heir(Good):
    def __init__(self, hidden, *, needed): super().__init__(hidden)

class Any(Module):
    def __init__(self, *args, **options): super().__init__()
    def forward(self, *args): return args

class Named(nn.Module):
    def __init__(self, hidden): super().__init__()
    def run(self, x, memory=None, *, scale=1): return x, None
    forward = run

class Behind(Base):
    def __init__(self, hidden): super().__init__(hidden)

class Adapted(nn.Module):
    def __init__(self, hidden): super().__init__()
    @adapted
    def forward(self, x): return x

@functools.cache
class Decorated: pass

class NoState(nn.Module):
    def __init__(self, hidden): super().__init__()
    def forward(self, x): return x

class ByName(nn.Module):
    def __init__(self, hidden): super().__init__()
    def forward(self, x, *, state=None): return x

class TooMany(nn.Module):
    def __init__(self, hidden): super().__init__()
    def forward(self, x, state, mask): return x

class Required(nn.Module):
    def __init__(self, hidden): super().__init__()
    def forward(self, x, state=None, *, mask): return x

class NoForward(nn.Module):
    def __init__(self, hidden): super().__init__()

class NoHidden(nn.Module):
    def __init__(self, *, heads=2): super().__init__()
    def forward(self, x, state=None): return x, None

class NoInit(nn.Module):
    def forward(self, x, state=None): return x, None

class TwoWidths(nn.Module):
    def __init__(self, hidden, width): super().__init__()
    def forward(self, x, state=None): return x, None

class NoWidth(nn.Module):
    def __init__(self, *, heads=2): super().__init__()
    def forward(self, x): return x

class Plain:
    def forward(self, x, state=None): return x, None

class Mistake(ValueError): pass

class Clash(nn.Module):
    def __init__(self, hidden, *, layers=2): super().__init__()
    def forward(self, x, state=None): return x, None
"""
RULE = "a mixer must have forward(self, x, state=None)"
INIT = "a mixer must have __init__(self, hidden, *, option=default, ...)"
WRONG = {
    "NoWidth": f"names a class with __init__(self, *, heads=2); {INIT}",
    "TooMany": f"names a class with forward(self, x, state, mask); {RULE}",
    "Required": f"names a class with forward(self, x, state=None, *, mask); {RULE}",
    "NoForward": f"names a class without a method forward; {RULE}",
    "NoHidden": f"names a class with __init__(self, *, heads=2); {INIT}",
    "NoInit": f"names a class without a method __init__; {INIT}",
    "TwoWidths": f"names a class with __init__(self, hidden, width); {INIT}",
    "Plain": "names a class that is no torch.nn.Module",
    "Mistake": "names a class that is no torch.nn.Module",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path


def experiment(mixer, folder):
    models = {"m": {"mixer": mixer, "hidden": 8}}
    tasks = {"parity": {"language": "parity"}}
    return Experiment({"models": models, "tasks": tasks}, folders=[folder])


@pytest.mark.parametrize("name", WRONG)
def test_a_class_that_is_no_mixer_is_refused_before_anything_runs(folder, name):
    with pytest.raises(ConfigError) as caught:
        experiment(f"mine:{name}", folder)
    assert caught.value.problems == [f'models.m.mixer: {WRONG[name]}, got "mine:{name}"']


@pytest.mark.parametrize("name", ["subprocess:Popen", "fwp.config.messages:ConfigError"])
def test_classes_of_all_kinds_are_refused(name):
    with pytest.raises(SignatureError, match=r"names a class that is no torch\.nn\.Module"):
        read_signature(name)


@pytest.mark.parametrize("name", ["Good", "Heir", "Any", "Named", "Behind", "Adapted", "Decorated"])
def test_what_the_source_does_not_tell_is_let_through(folder, name):
    assert read_signature(f"mine:{name}", [folder]).cls == name


@pytest.mark.parametrize("name", ["NoState", "ByName"])
def test_a_class_that_takes_x_alone_is_adapted(folder, name):
    assert read_signature(f"mine:{name}", [folder]).adapted
    assert not read_signature("mine:Good", [folder]).adapted


@pytest.mark.parametrize("name", mixers.names())
def test_mixers_of_the_package_are_let_through(name):
    assert read_signature(name)
    mixers.require_class(mixers.get(name), name)


def test_an_option_with_the_name_of_a_setting_is_refused(folder):
    with pytest.raises(ConfigError, match=r"mine:Clash has an option layers, but that is a key of"):
        experiment("mine:Clash", folder)


LOADED = """
import functools
from torch import nn

class Base(nn.Module):
    def forward(self, x): return x

def adapted(method):
    @functools.wraps(method)
    def forward(self, x, state=None): return method(self, x), None
    return forward
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine:Behind", r"must have a method forward\(self, x, state=None\), got forward\(self, x"),
        ("mine:Decorated", r"must name a class of torch.nn.Module, got <functools"),
        ("mine:NoForward", r"must have a method forward\(self, x, state=None\)"),
        ("mine:INIT", "must name a class of torch.nn.Module, got 'self, hidden"),
        ("mine:Gone", "cannot be loaded: module 'mine' has no attribute 'Gone'"),
    ],
)
def test_a_class_that_is_no_mixer_is_refused_when_it_is_loaded(folder, monkeypatch, name, message):
    (folder / "elsewhere.py").write_text(LOADED)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    with pytest.raises(MixerError, match=f"^mixer '{name}' {message}"):
        mixers.get(name)
    assert mixers.get("mine:Adapted") and mixers.get("mine:Named") and mixers.get("mine:Any")
