"""The standard LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from torch import Tensor, nn


class LSTM(nn.Module):
    """One LSTM layer; the state is its hidden and cell vectors.

    Args:
        hidden: width of input, output and cell.
    """

    wiring = "plain"

    def __init__(self, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """Map x [B, T, hidden] to y [B, T, hidden]; the state is (h, c), each [B, hidden]."""
        if state is not None:
            state = tuple(s.unsqueeze(0) for s in state)
        y, state = self.lstm(x, state)
        return y, tuple(s.squeeze(0) for s in state)


MIXER = LSTM
