"""The standard LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from fwp.mixers._recurrent import Recurrent
from fwp.ops.lstm import lstm


class LSTM(Recurrent):
    """One LSTM layer; the state is its hidden and cell vectors (h, c), each [B, hidden].

    Args:
        hidden: width of input, output and cell.
    """

    title = "LSTM"
    state_names = ("h", "c")
    look = ("#1b1b1b", "solid", "o")

    op = staticmethod(lstm)
    gates = biases = (4,)


MIXER = LSTM
