"""Properties that every registered mixer must have inside the model."""

import pytest
import torch
from tiny import model as settings_of
from torch import nn

from fwp import mixers
from fwp.models import contract
from fwp.models.block import WIRINGS, Block
from fwp.models.sequence_model import SequenceModel

SIZES = {"hidden": 16, "feed_forward": 2}


def make(mixer: str, seed: int = 0, **settings) -> SequenceModel:
    torch.manual_seed(seed)
    return SequenceModel(3, 4, settings_of(mixer, **SIZES | settings)).double()


def strings(batch: int = 3, time: int = 11) -> torch.Tensor:
    return torch.randint(3, (batch, time), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("mixer", mixers.names())
class TestEveryMixer:
    def test_streamed_equals_whole(self, mixer, layers):
        model, tokens = make(mixer, layers=layers), strings()
        assert contract.streamed(model, tokens, [1, 4, 6], 1e-10) == ""
        end, state = model(tokens)[1], None
        for piece in tokens.split([1, 4, 6], dim=1):
            state = model(piece, state)[1]
        for piece, part in zip(state, end, strict=True):
            for a, b in zip(piece, part, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)

    def test_the_future_is_not_seen(self, mixer, layers):
        model, tokens = make(mixer, layers=layers), strings()
        assert contract.causal(model, tokens, 6, 1e-10) == ""
        changed = tokens.clone()
        changed[:, 6:] = (changed[:, 6:] + 1) % 3
        before, after = model(tokens)[0], model(changed)[0]
        torch.testing.assert_close(before[:, :6], after[:, :6], rtol=1e-10, atol=1e-10)
        assert not torch.allclose(before[:, 6:], after[:, 6:])

    def test_padded_equals_alone(self, mixer, layers):
        assert contract.padded(make(mixer, layers=layers), strings(), 1, 5, 1e-10) == ""

    def test_every_parameter_learns(self, mixer, layers):
        model = make(mixer, layers=layers)
        model(strings())[0].square().sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().max() > 0, name

    def test_float32_stays_float32(self, mixer, layers):
        model = make(mixer, layers=layers).float()
        logits, state = model(strings())
        assert logits.dtype == torch.float32
        assert all(part.dtype == torch.float32 for block in state for part in block)

    def test_the_state_starts_with_the_batch(self, mixer, layers):
        state = make(mixer, layers=layers)(strings(batch=5))[1]
        assert len(state) == layers
        assert all(part.shape[0] == 5 for block in state for part in block)

    def test_weights_depend_on_the_seed_alone(self, mixer, layers):
        first, again, other = (make(mixer, seed=s, layers=layers) for s in (0, 0, 1))
        for a, b in zip(first.parameters(), again.parameters(), strict=True):
            assert torch.equal(a, b)
        assert not torch.equal(first.embedding.weight, other.embedding.weight)


@pytest.mark.parametrize("mixer", [n for n in mixers.names() if n != "transformer"])
def test_the_state_has_a_fixed_size(mixer):
    model = make(mixer)
    sizes = [
        [part.shape for block in model(strings(time=time))[1] for part in block] for time in (2, 50)
    ]
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("wiring", WIRINGS)
def test_any_mixer_takes_any_wiring(wiring):
    model = make("deltanet", wiring=wiring)
    assert model(strings())[0].shape == (3, 11, 4)
    assert (model.norm is not None) == (wiring == "post_norm")


def test_without_feed_forward():
    with_, without = make("deltanet"), make("deltanet", feed_forward=0)
    assert without.parameter_count == with_.parameter_count - (2 * 16 * 32 + 32 + 16 + 2 * 16)


def test_the_inner_width_may_be_any_multiple_rounded_to_units():
    inner = [make("deltanet", feed_forward=f).blocks[0].feed_forward.inner for f in (2.7, 1e-3)]
    assert [len(layer.weight) for layer in inner] == [43, 1]  # 2.7 * 16 = 43.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixer": "deltanett"}, "did you mean 'deltanet'"),
        ({"mixer": "no.such.module:Mixer"}, "cannot be loaded"),
        ({"mixer": "math:Mixer"}, "cannot be loaded"),
        ({"mixer": "deltanet", "wiring": "sideways"}, "wiring must be one of pre_norm"),
        ({"mixer": "deltanet", "options": {"heads": 3}}, "heads must divide hidden = 16, got"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        SequenceModel(3, 4, settings_of(**SIZES | settings))


class Loose(nn.Module):
    """A mixer that returns whatever it is told to."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x, state=None):
        return self.made(x)


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize(
    ("made", "got"),
    [
        (lambda x: x, "([3, 5, 8])"),
        (lambda x: (x, x[:, -1]), "([3, 5, 8], [3, 8])"),
        (lambda x: (x.mT, (x,)), "([3, 8, 5], tuple)"),
        (lambda x: None, "(NoneType)"),
    ],
)
def test_a_mixer_that_returns_something_else_is_named(wiring, made, got):
    block = Block(Loose(made), 8, factor=1, wiring=wiring)
    with pytest.raises(ValueError, match=r"Loose.forward must return \(y, state\)") as error:
        block(torch.zeros(3, 5, 8))
    assert "here [3, 5, 8]" in str(error.value) and str(error.value).endswith(f"got {got}")
