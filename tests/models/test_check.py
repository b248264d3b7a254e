"""Properties of mixers: every mixer of the package has them, and mistakes are found."""

import sys
from pathlib import Path

import pytest
import torch

from fwp import mixers
from fwp.mixers import MixerError
from fwp.models.check import PROPERTIES, check

OWN = Path(__file__).parents[1] / "mixers"


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])


def failures(mixer, **options):
    return {f.name: f.found for f in check(mixer, folders=[OWN], **options) if f.verdict == "fails"}


@pytest.mark.parametrize("mixer", mixers.names())
def test_every_mixer_has_every_property(mixer):
    found = check(mixer)
    assert [f.name for f in found] == list(PROPERTIES)
    assert {(f.verdict, f.found) for f in found} == {("ok", "")}


def test_options_and_width_are_the_mixers():
    assert not failures("deltanet", hidden=12, heads=3, conv_size=2)
    assert not failures("own:GRU", layers=2)
    assert not failures(mixers.get("gru"))  # a class, as in a notebook


WRONG = {
    "own:Forgetful": {"streamed = whole": r"in pieces of 1, 4, 6 symbols the outputs differ from "
                      r"symbol 2 of 11 on, by up to \d+% of the largest",
                      "long strings": "from symbol 129 of 300", "pack = alone": "from symbol 5"},
    "own:Keeper": {"repeatable": "when the same string is read again, the outputs differ",
                   "padded = alone": "", "causal": "", "gradients": "", "pack = alone": "",
                   "float32 = float64": ""},
    "own:Batched": {"padded = alone": "without the other strings and the padding, the outputs"},
    "own:Sum": {"state": r"part 0 of the state must have the batch, here 1, as its first axis, "
                r"got the size \[16, 1\]"},
    "own:Overwriting": {"repeatable": "the state that is given is written into"},
    "own:Positions": {"long strings": r"The size of tensor .* \(300\)"},
    "own:Slope": {"gradients": "of the input: the gradient says .*, finite differences "},
    "own:Double": {"float32 = float64": "float32 becomes float64"},
    "own:Squeezed": {"shapes": r"Squeezed.forward must return \(y, state\)", "streamed": ""},
}  # fmt: skip


@pytest.mark.parametrize("mixer", WRONG)
def test_mistakes_are_found(mixer):
    found, expected = failures(mixer), WRONG[mixer]
    assert found.keys() <= expected.keys()
    for name, pattern in expected.items():
        if pattern:
            assert __import__("re").search(pattern, found[name])


def test_a_mixer_that_sees_the_future():
    assert not failures("own:Attention")
    found = failures("own:Attention", causal=False)
    assert "with other symbols after symbol 5, the outputs differ from symbol 1" in found["causal"]
    assert "padded = alone" in found


@pytest.mark.parametrize(
    ("mixer", "name", "verdict", "text"),
    [
        ("own:Whole", "streamed = whole", "skipped", "there is no state: strings are read whole"),
        ("own:GRU", "pack = alone", "ok", "seeds are computed one after another"),
        ("own:Branching", "pack = alone", "ok", "seeds are computed one after another"),
        ("own:Attention", "pack = alone", "ok", ""),
        ("own:Single", "gradients", "skipped", "needs float64"),
        ("own:Single", "float32 = float64", "skipped", "RuntimeError: the kernel takes float32"),
    ],
)
def test_what_is_said_beside_failures(mixer, name, verdict, text):
    (found,) = (f for f in check(mixer, folders=[OWN]) if f.name == name)
    assert found.verdict == verdict and text in found.found and bool(text) == bool(found.found)


@pytest.mark.parametrize(
    ("mixer", "options", "message"),
    [
        ("deltanett", {}, "mixer 'deltanett' must be one of .*did you mean 'deltanet'"),
        ("nowhere:Mixer", {}, "mixer 'nowhere:Mixer' names a module that cannot be found"),
        ("own:GRU", {"layer": 2}, "own:GRU.layer: unknown key .*did you mean 'layers'"),
        ("own:GRU", {"layers": "two"}, "own:GRU.layers: must be an integer"),
        ("own:GRU", {"layers": 0}, "mixer 'own:GRU' cannot be built: ValueError: num_layers"),
        (int, {}, "mixer 'int' must name a class of torch.nn.Module, got <class 'int'>"),
    ],
)
def test_what_cannot_be_tried_is_named(mixer, options, message):
    with pytest.raises(MixerError, match=message):
        check(mixer, folders=[OWN], **options)


def test_streams_of_random_numbers_stay_where_they_are():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check("gru")
    assert torch.equal(torch.get_rng_state(), before)
