"""The standard LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

import torch
from torch import Tensor, nn

from fwp.ops.lstm import lstm


class LSTM(nn.Module):
    """One LSTM layer; the state is its hidden and cell vectors.

    Weights are drawn from U(-1/√hidden, 1/√hidden) like those of `torch.nn.LSTM`, whose two biases
    are one here.

    Args:
        hidden: width of input, output and cell.
    """

    wiring = "plain"

    def __init__(self, hidden: int):
        super().__init__()
        self.w_x = nn.Parameter(torch.empty(4, hidden, hidden))
        self.w_h = nn.Parameter(torch.empty(4, hidden, hidden))
        self.b = nn.Parameter(torch.empty(4, hidden))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (h, c), each [B, hidden]."""
        return lstm(x, self.w_x, self.w_h, self.b, initial_state=state)


MIXER = LSTM
