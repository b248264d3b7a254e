"""What is refused before a model is trained or measured."""

import pytest
import tiny
import torch

from fwp import mixers
from fwp.analysis.automata import read_out
from fwp.analysis.traces import trace
from fwp.mixers import MixerError
from fwp.models.contract import amount, require_contract
from fwp.training.evaluate import evaluate


@pytest.fixture(scope="module")
def data():
    return tiny.draw()


def net(data, mixer, **options):
    return tiny.net(data, f"own_mixers:{mixer}", options=options, hidden=8, wiring="pre_norm")


WRONG = {
    "Forgetful": r"mixer own_mixers:Forgetful: two halves of a string with the state carried over "
    r"must equal the whole; in pieces of 13, 1, 18 symbols the outputs differ from symbol 14 of 32 "
    r"on, by up to \d+% of the largest. To fix this, return all that is remembered as the state.*; "
    r"or return None as the state, and strings are read whole; `fwp check` tests a mixer",
    "Keeper": "mixer own_mixers:Keeper: without a state, strings are read whole, each from its "
    "beginning; when the same string is read again, the outputs differ",
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mixer", WRONG)
def test_a_wrong_mixer_is_neither_trained_nor_measured(data, mixer, dtype):
    with pytest.raises(MixerError, match=WRONG[mixer]):
        evaluate([net(data, mixer).to(dtype)], data)
    with pytest.raises(MixerError, match=WRONG[mixer]):
        tiny.train([net(data, mixer).to(dtype)], data, seeds=[0], epochs=1)


def test_a_mixer_must_not_see_the_future(data):
    require_contract(net(data, "Attention"), 2)
    with pytest.raises(MixerError, match="an output depends only on the symbols so far; without"):
        require_contract(net(data, "Attention", causal=False), 2)


def test_a_mixer_may_ask_for_more_room(data, monkeypatch):
    model = net(data, "Forgetful")
    monkeypatch.setattr(type(model.blocks[0].mixer), "rounding", 2.0, raising=False)
    require_contract(model, 2)


@pytest.mark.parametrize("mixer", mixers.names())
def test_mixers_of_the_package_pass_and_nothing_changes(data, mixer):
    model = tiny.net(data, mixer, hidden=8)
    model.blocks[0].eval()
    modes = [module.training for module in model.modules()]
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stream = torch.get_rng_state()
    require_contract(model, 2)
    assert torch.equal(torch.get_rng_state(), stream)
    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_a_model_that_has_diverged_passes(data):
    model = net(data, "GRU")
    model.embedding.weight.data.fill_(torch.nan)
    require_contract(model, 2)


class Model(torch.nn.Module):
    """One of the user's own, which forgets what it has read."""

    def forward(self, tokens, state=None):
        return torch.nn.functional.one_hot(tokens.cumsum(1) % 2, 2).float(), ()


def test_a_model_of_another_kind_is_asked_as_a_whole():
    with pytest.raises(MixerError, match=r"^Model: two halves of a string"):
        require_contract(Model(), 2)


@pytest.mark.parametrize(
    ("share", "text"), [(2.5, "250%"), (0.434, "43%"), (0.0432, "4.3%"), (1.5e-9, "1.5e-09")]
)
def test_shares_in_words(share, text):
    assert amount(share) == text


@pytest.mark.parametrize(
    "look", [lambda m, s: trace(m, s), lambda m, s: read_out(m, s, "01", "01")]
)
def test_a_state_that_is_none_cannot_be_looked_into(data, look):
    with pytest.raises(MixerError, match="mixer own_mixers:Whole returns None as its state, so th"):
        look(net(data, "Whole"), data.test[0])
