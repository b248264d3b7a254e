"""The gated recurrent unit (Cho et al. 2014), in the variant of `torch.nn.GRU`."""

from fwp.mixers._recurrent import Recurrent
from fwp.ops.gru import gru


class GRU(Recurrent):
    """One GRU layer; the state is its output (h,), [B, hidden].

        r_t = σ(W_r x_t + R_r h_{t-1} + b_r)      z_t = σ(W_z x_t + R_z h_{t-1} + b_z)
        n_t = tanh(W_n x_t + b_n + r_t ∘ (R_n h_{t-1} + b_h))
        h_t = z_t ∘ h_{t-1} + (1 - z_t) ∘ n_t

    The new state is between the old one and n_t, in (-1, 1). So unlike the cell of the LSTM, it
    cannot count without bound (Weiss, Goldberg, Yahav 2018).

    Args:
        hidden: width of input and output.
    """

    title = "GRU"
    state_names = ("h",)

    op = staticmethod(gru)
    gates, biases = (3,), (4,)


MIXER = GRU
