"""Mixers as a user writes them, some of them wrong; `own_mixers:GRU` in a config."""

import torch
from torch import nn


class GRU(nn.Module):
    """As docs/models.md has it."""

    wiring = "plain"

    def __init__(self, hidden: int, *, depth: int = 1):
        super().__init__()
        self.gru = nn.GRU(hidden, hidden, depth, batch_first=True)

    def forward(self, x, state=None):
        y, h = self.gru(x, None if state is None else state[0].transpose(0, 1).contiguous())
        return y, (h.transpose(0, 1),)


class Whole(GRU):
    """The same net, which keeps its state to itself: strings must be read whole."""

    def forward(self, x, state=None):
        return super().forward(x)[0], None


class Forgetful(GRU):
    """Returns a state, and does not go on from it."""

    def forward(self, x, state=None):
        return super().forward(x)


class Attention(nn.Module):
    """Softmax attention without a cache."""

    def __init__(self, hidden: int, *, causal: bool = True):
        super().__init__()
        self.qkv, self.causal = nn.Linear(hidden, 3 * hidden), causal

    def forward(self, x, state=None):
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.mT
        if self.causal:
            scores = scores + torch.full_like(scores[0], -torch.inf).triu(1)
        return scores.softmax(-1) @ v, None


class Linear(nn.Module):
    """y = W x, for mistakes to be built on."""

    def __init__(self, hidden: int):
        super().__init__()
        self.w = nn.Linear(hidden, hidden)

    def forward(self, x, state=None):
        return self.w(x), None


class Keeper(Linear):
    """Keeps the last call's mean on the module."""

    kept = 0.0

    def forward(self, x, state=None):
        y = self.w(x) + self.kept
        self.kept = float(x.detach().sum())
        return y, None


class Batched(Linear):
    """Sees the other strings."""

    def forward(self, x, state=None):
        return self.w(x - x.mean(0)), None


class Sum(Linear):
    """The sum of all outputs, with a state that has the batch last."""

    def forward(self, x, state=None):
        y = self.w(x).cumsum(1) + (0 if state is None else state[0].mT.unsqueeze(1))
        return y, (y[:, -1].mT,)


class Overwriting(Linear):
    """Writes into the state that it is given."""

    def forward(self, x, state=None):
        y = self.w(x)
        if state is None:
            state = (torch.zeros_like(y[:, 0]),)
        y = y.cumsum(1) + state[0].unsqueeze(1)
        return y, (state[0].copy_(y[:, -1]),)


class Positions(Linear):
    """Knows 128 positions."""

    def __init__(self, hidden: int):
        super().__init__(hidden)
        self.places = nn.Parameter(torch.zeros(128, hidden))

    def forward(self, x, state=None):
        return self.w(x) + self.places[: x.shape[1]], None


class Halved(torch.autograd.Function):
    """The identity, with half its gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


class Slope(Linear):
    """Its gradient is wrong."""

    def forward(self, x, state=None):
        return Halved.apply(self.w(x)), None


class SlopeOfSingle(Linear):
    """Its gradient is wrong in float32."""

    def forward(self, x, state=None):
        y = self.w(x)
        return (Halved.apply(y) if x.dtype == torch.float32 else y), None


class Running(Linear):
    """The sum of all outputs."""

    def forward(self, x, state=None):
        y = self.w(x).cumsum(1)
        y = y if state is None else y + self.before(state[0]).unsqueeze(1)
        return y, (y[:, -1],)

    def before(self, total):
        return total


class Forgotten(Running):
    """The gradient of its state is wrong."""

    def before(self, total):
        return Halved.apply(total)


class Half(Running):
    """Multiplies in bfloat16."""

    def forward(self, x, state=None):
        with torch.autocast(x.device.type, torch.bfloat16):
            y = self.w(x.cumsum(1) + (0 if state is None else state[0].unsqueeze(1)))
        total = x.sum(1) + (0 if state is None else state[0])
        return y.to(x.dtype), (total,)


class Double(Linear):
    """Computes in float64 whatever it is given."""

    def forward(self, x, state=None):
        return nn.functional.linear(x.double(), self.w.weight.double()), None


class Single(Linear):
    """Computes in float32 alone."""

    def forward(self, x, state=None):
        if x.dtype != torch.float32:
            raise RuntimeError("the kernel takes float32")
        return self.w(x), None


class Branching(Linear):
    """Looks at a number, which no pack can."""

    def forward(self, x, state=None):
        return self.w(x) * float(self.w.bias.detach()[0]), None


class Squeezed(Linear):
    """Loses the axis of time where there is one symbol."""

    def forward(self, x, state=None):
        return self.w(x).squeeze(1), None
