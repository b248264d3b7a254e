"""A sliding window: in flat memory, the same in pieces, and for models trained without one."""

import pytest
import torch
from tiny import model as settings_of

from fwp import mixers
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.models.window import window_of, windowed


def model(mixer="transformer", seed=0, **options):
    torch.manual_seed(seed)
    settings = settings_of(mixer, hidden=8, layers=2, feed_forward=1, options=options)
    return SequenceModel(5, 5, settings).double().eval()


def tokens(length=40):
    return torch.randint(5, (2, length), generator=torch.Generator().manual_seed(1))


def read(net, pieces):
    outputs, state = [], None
    for piece in pieces:
        y, state = net(piece, state)
        outputs.append(y)
    return torch.cat(outputs, -2), state


@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize("size", [1, 5, 40])
@pytest.mark.parametrize("positions", ["none", "rotary"])
def test_a_text_in_pieces_equals_the_whole_and_its_state_stops_growing(window, size, positions):
    net = windowed(model(heads=2, positions=positions), window)
    whole, _ = net(tokens())
    found, state = read(net, tokens().split(size, 1))
    torch.testing.assert_close(found, whole)
    assert {x.shape for layer in state for x in layer} == {(2, window - 1, 2, 4)}


def test_a_symbol_sees_no_symbol_that_the_window_has_passed():
    net = windowed(model(heads=2), 4)
    changed = tokens().clone()
    changed[:, 10] = (changed[:, 10] + 1) % 5
    (before, _), (after, _) = net(tokens()), net(changed)
    differs = (before != after).any(-1).any(0)
    assert differs.nonzero().flatten().tolist() == [*range(10, 10 + 2 * 3 + 1)]  # two layers


def test_a_model_with_a_window_shares_its_weights_and_leaves_the_other_as_it_was():
    net = model(heads=2)
    short = windowed(net, 3)
    assert window_of(net) is None and window_of(short) == 3
    assert all(a is b for a, b in zip(net.parameters(), short.parameters(), strict=True))
    given = model(heads=2, window=3)
    given.load_state_dict(net.state_dict())
    torch.testing.assert_close(short(tokens())[0], given(tokens())[0], rtol=0, atol=0)
    torch.testing.assert_close(windowed(net, 40)(tokens())[0], net(tokens())[0])


def test_a_smaller_window_of_its_own_is_kept():
    assert window_of(windowed(model(heads=2, window=3), 5)) == 3
    assert window_of(windowed(model(heads=2, window=6), 5)) == 5


@pytest.mark.parametrize("mixer", [n for n in mixers.names() if n != "transformer"])
def test_other_mixers_read_on_as_they_do(mixer):
    net = model(mixer)
    assert window_of(windowed(net, 2)) is None
    found, expected = windowed(net, 2)(tokens())[0], net(tokens())[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_pack_of_models_with_a_window_is_what_each_is():
    nets = [model(heads=2, seed=seed) for seed in (0, 1)]
    pack, single = Pack(nets), Pack(nets[:1])
    before = pack(tokens())[0].detach()
    together, _ = read(windowed(pack, 3), tokens().split(7, 1))
    for own, net in zip(together, nets, strict=True):
        torch.testing.assert_close(own, windowed(net, 3)(tokens())[0])
    assert window_of(pack) is None and window_of(windowed(pack, 3)) == 3
    torch.testing.assert_close(windowed(single, 3)(tokens())[0][0], together[0])
    torch.testing.assert_close(pack(tokens())[0], before, rtol=0, atol=0)


@pytest.mark.parametrize(
    "make", [lambda: windowed(model(), 0), lambda: model(window=0)], ids=["windowed", "option"]
)
def test_a_window_without_a_symbol_is_refused(make):
    with pytest.raises(ValueError, match=r"window must be .*at least 1, got 0"):
        make()
