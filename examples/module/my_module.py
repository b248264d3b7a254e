"""A mixer of one's own: a diagonal linear recurrence whose gates can be negative."""

import torch
from torch import Tensor, nn


class Flip(nn.Module):
    """s_t = tanh(W x_t + b) ⊙ s_{t−1}, s_0 = 1, y_t = R s_t.

    A gate near −1 flips a unit, so that one unit can track parity.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.gate = nn.Linear(hidden, hidden)
        self.read = nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, state: tuple[Tensor, ...] | None = None):
        """Read (batch, time, width), from the state (batch, width) or from the start."""
        (start,) = state or (torch.ones_like(x[:, 0]),)
        states = start.unsqueeze(1) * torch.tanh(self.gate(x)).cumprod(dim=1)
        return self.read(states), (states[:, -1],)
