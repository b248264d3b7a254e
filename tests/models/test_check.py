"""Properties of mixers: every mixer of the package has them, and mistakes are found."""

import re

import pytest
import torch

from fwp import mixers
from fwp.mixers import MixerError
from fwp.models import check as checking
from fwp.models.check import check
from fwp.models.properties import PROPERTIES


@pytest.fixture(autouse=True)
def without_facts(monkeypatch):
    """What is so of a mixer is the subject of another file, and takes time."""
    monkeypatch.setattr(checking, "FACTS", {})


def must_hold(mixer, **options):
    return [f for f in check(mixer, **options) if f.verdict != "is so"]


def failures(mixer, **options):
    return {f.name: f.found for f in check(mixer, **options) if f.verdict == "fails"}


@pytest.mark.parametrize("mixer", mixers.names())
def test_every_mixer_has_every_property(mixer):
    found = must_hold(mixer)
    assert [f.name for f in found] == list(PROPERTIES)
    assert {(f.verdict, f.found) for f in found} == {("ok", "")}


def test_options_and_width_are_the_mixers():
    assert not failures("deltanet", hidden=12, heads=3, conv_size=2)
    assert not failures("own_mixers:GRU", depth=2)
    assert not failures(mixers.get("gru"))  # a class, as in a notebook


WRONG = {
    "Forgetful": {
        "streamed = whole": r"in pieces of 1, 4, 6 symbols the outputs differ from symbol 2 of 11 "
        r"on, by up to \d+% of the largest",
        "long strings": "from symbol 129 of 300",
        "pack = alone": "from symbol 5",
    },
    "Keeper": {
        "repeatable": "when the same string is read again, the outputs differ",
        **dict.fromkeys(["padded = alone", "causal", "gradients"], ""),
        **dict.fromkeys(["pack = alone", "float32 = float64", "gradcheck"], ""),
    },
    "Batched": {"padded = alone": "without the other strings and the padding, the outputs"},
    "Sum": {
        "state": r"part 0 of the state must have the batch, here 1, as its first axis, got the "
        r"size \[16, 1\]"
    },
    "Overwriting": {"repeatable": "the state that is given is written into", "gradcheck": ""},
    "Positions": {"long strings": r"The size of tensor .* \(300\)"},
    "Slope": {
        "gradients": "of the input: the gradient says .*, finite differences ",
        "gradcheck": "of the input: finite differences disagree",
    },
    "Forgotten": {"gradcheck": "of input and state: finite differences disagree"},
    "SlopeOfSingle": {
        "float32 = float64": r"against float64, the gradient of w.weight differs by \d+% of the"
    },
    "Double": {"float32 = float64": "float32 becomes float64"},
    "Squeezed": {"shapes": r"Squeezed.forward must return \(y, state\)"},
}


@pytest.mark.parametrize("mixer", WRONG)
def test_mistakes_are_found(mixer):
    found, expected = failures(f"own_mixers:{mixer}"), WRONG[mixer]
    assert found.keys() <= expected.keys()
    for name, pattern in expected.items():
        if pattern:
            assert re.search(pattern, found[name])


def test_a_mixer_that_sees_the_future():
    assert not failures("own_mixers:Attention")
    found = failures("own_mixers:Attention", causal=False)
    assert "with other symbols after symbol 5, the outputs differ from symbol 1" in found["causal"]
    assert "padded = alone" in found


@pytest.mark.parametrize(
    ("mixer", "name", "verdict", "text"),
    [
        (
            "own_mixers:Whole",
            "streamed = whole",
            "skipped",
            "there is no state: strings are read whole",
        ),
        ("own_mixers:GRU", "pack = alone", "ok", "seeds are computed one after another"),
        ("own_mixers:Branching", "pack = alone", "ok", "seeds are computed one after another"),
        ("own_mixers:Attention", "pack = alone", "ok", ""),
        ("own_mixers:Single", "gradients", "skipped", "needs float64"),
        (
            "own_mixers:Single",
            "float32 = float64",
            "skipped",
            "RuntimeError: the kernel takes float32",
        ),
        ("own_mixers:Half", "streamed = whole", "ok", ""),
        ("own_mixers:Half", "gradients", "ok", "finite; it computes in bfloat16, too coarse for"),
        ("own_mixers:Half", "float32 = float64", "skipped", "it computes in bfloat16"),
    ],
)
def test_what_is_said_beside_failures(mixer, name, verdict, text):
    (found,) = (f for f in check(mixer) if f.name == name)
    assert found.verdict == verdict and text in found.found and bool(text) == bool(found.found)


@pytest.mark.parametrize(
    ("mixer", "options", "message"),
    [
        ("deltanett", {}, "mixer 'deltanett' must be one of .*did you mean 'deltanet'"),
        ("nowhere:Mixer", {}, "mixer 'nowhere:Mixer' names a module that cannot be found"),
        ("own_mixers:GRU", {"dept": 2}, "own_mixers:GRU.dept: unknown key .*did you mean 'depth'"),
        ("own_mixers:GRU", {"depth": "two"}, "own_mixers:GRU.depth: must be an integer"),
        (
            "own_mixers:GRU",
            {"depth": 0},
            "mixer 'own_mixers:GRU' cannot be built: ValueError: num_layers",
        ),
        ("deltanet", {"heads": 3}, "heads must divide hidden = 16, got heads = 3"),
        ("deltanet", {"hidden": 0}, "hidden must be an integer of 1 or more, got 0"),
        (int, {}, "mixer 'int' must name a class of torch.nn.Module, got <class 'int'>"),
    ],
)
def test_what_cannot_be_tried_is_named(mixer, options, message):
    with pytest.raises(MixerError, match=message):
        check(mixer, **options)


def test_the_example_of_the_docs_passes(request):
    page = (request.config.rootpath / "docs/models.md").read_text()
    (code,) = (b for b in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "MyGRU" in b)
    scope = {}
    exec(code, scope)
    assert {f.verdict for f in check(scope["MyGRU"])} == {"ok"}


def test_streams_of_random_numbers_stay_where_they_are():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check("gru")
    assert torch.equal(torch.get_rng_state(), before)
