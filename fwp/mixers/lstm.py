"""The standard LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from fwp.mixers._recurrent import Recurrent
from fwp.ops.lstm import lstm


class LSTM(Recurrent):
    """One LSTM layer; the state is its hidden and cell vectors (h, c), each [B, hidden].

    Args:
        hidden: width of input, output and cell.
        two_biases: whether each gate has two biases, as in PyTorch's LSTM, which Irie et al. use.
    """

    title = "LSTM"
    state_names = ("h", "c")
    look = ("#1b1b1b", "solid", "o")

    op = staticmethod(lstm)
    gates = biases = (4,)

    def __init__(self, hidden: int, *, two_biases: bool = False):
        super().__init__(hidden, two_biases=two_biases)


MIXER = LSTM
