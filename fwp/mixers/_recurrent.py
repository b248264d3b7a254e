"""What the plain recurrent nets share: their weights."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """A layer whose units all see each other: W of the input, R of the previous output, biases.

    Weights are drawn from U(-1/√hidden, 1/√hidden) like those of PyTorch's layers, which have a
    second bias beside every one that is here.

    Args:
        hidden: width of input, output and state.
        two_biases: two biases are added up, as in PyTorch's layers. Then the sum starts from a
            wider distribution, and Adam changes it twice as fast.

    Attributes:
        op: the recurrence, called with x, W, R and b.
        gates: how many matrices W and R hold each, as the shape in front; likewise biases.
    """

    wiring = "plain"
    op: ClassVar[Callable]
    gates: ClassVar[tuple[int, ...]]
    biases: ClassVar[tuple[int, ...]]

    def __init__(self, hidden: int, *, two_biases: bool = False):
        super().__init__()
        self.w_x = nn.Parameter(torch.empty(*self.gates, hidden, hidden))
        self.w_h = nn.Parameter(torch.empty(*self.gates, hidden, hidden))
        self.b = nn.Parameter(torch.empty(*self.biases, hidden))
        self.b_h = nn.Parameter(torch.empty(*self.biases, hidden)) if two_biases else None
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; every part of the state is [B, hidden]."""
        before = state[0] if state is not None and len(state) == 1 else state
        b = self.b if self.b_h is None else self.b + self.b_h
        y, after = self.op(x, self.w_x, self.w_h, b, initial_state=before)
        return y, after if isinstance(after, tuple) else (after,)
