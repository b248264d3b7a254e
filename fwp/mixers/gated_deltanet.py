"""Gated DeltaNet: the delta rule on a memory that decays (Yang, Kautz, Hatamizadeh 2025)."""

from fwp.mixers.deltaproduct import DeltaProduct


class GatedDeltaNet(DeltaProduct):
    """One number per head, w_t in (0, 1), is the share of the whole memory that stays:

        S_t = w_t S_{t-1} + k_t ⊗ β_t (v_t - k_t w_t S_{t-1})        y_t = q_t S_t

    This is Gated DeltaProduct with one step per symbol; see there for the layers around it. The
    transition w (I - β k⊗k) has the eigenvalues w and w (1 - β), in [0, 1], or in [-1, 1] with β
    in [0, 2]. The memory can be cleared at once (w = 0); the delta rule cannot do that. But its
    content lasts only as long as w is near 1.

    Args:
        hidden: width of input and output.
        heads: number of heads; must divide `hidden`.
        allow_neg_eigval: β in [0, 2] instead of [0, 1].
        conv_size: width of the short convolution; 0 leaves it out.
    """

    title = "Gated DeltaNet"
    state_names = ("S", "convolution")

    def __init__(
        self,
        hidden: int,
        *,
        heads: int = 4,
        allow_neg_eigval: bool = False,
        conv_size: int = 4,
    ):
        super().__init__(
            hidden,
            heads=heads,
            householders=1,
            gate=True,
            allow_neg_eigval=allow_neg_eigval,
            conv_size=conv_size,
        )


MIXER = GatedDeltaNet
