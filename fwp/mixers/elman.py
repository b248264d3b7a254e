"""The simple recurrent net (Elman 1990)."""

from fwp.mixers._recurrent import Recurrent
from fwp.ops.elman import elman


class Elman(Recurrent):
    """A layer whose units see all its last values; the state is its output (h,), [B, hidden].

        h_t = tanh(W x_t + R h_{t-1} + b)

    The state is in (-1, 1). So with finite precision it can be any finite automaton, but no counter
    (Weiss, Goldberg, Yahav 2018).

    Args:
        hidden: width of input and output.
    """

    title = "Elman"
    state_names = ("h",)

    op = staticmethod(elman)
    gates = biases = ()


MIXER = Elman
