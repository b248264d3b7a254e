"""The standard LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000)."""

from fwp.mixers._recurrent import Recurrent
from fwp.ops.lstm import lstm


class LSTM(Recurrent):
    """One LSTM layer; the state is its hidden and cell vectors (h, c), each [B, hidden].

        i_t = σ(W_i x_t + R_i h_{t-1} + b_i)        f_t = σ(W_f x_t + R_f h_{t-1} + b_f)
        g_t = tanh(W_g x_t + R_g h_{t-1} + b_g)        o_t = σ(W_o x_t + R_o h_{t-1} + b_o)
        c_t = f_t ∘ c_{t-1} + i_t ∘ g_t        h_t = o_t ∘ tanh(c_t)

    The cell c is not bounded: with f = i = 1 it counts, and so it can compare counts (Weiss,
    Goldberg, Yahav 2018).

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
