import torch

from fwp.nn.input_decay import Decay


def test_begins_between_hardly_ever_and_at_once():
    torch.manual_seed(0)
    w = Decay(200, 3)(torch.zeros(1, 1, 600))
    assert w.shape == (1, 1, 200, 3)
    assert w.min() > 0.19 and w.max() < 1 and w.max() > 0.99


def test_more_input_forgets_more():
    torch.manual_seed(0)
    decay = Decay(4, 2).double()
    x = torch.linspace(-9, 9, 50, dtype=torch.float64).view(1, 50, 1).expand(-1, -1, 8)
    assert (decay(x).diff(dim=1) < 0).all()
