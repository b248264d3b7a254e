"""Models whose weights are set by hand so that they keep the parity of a string of any length.

They show that a model *can* represent the language, whatever training finds. Class 0 is odd, 1 is
even, as in `fwp.languages.parity`; symbol 0 is "0", 1 is "1".
"""

import math

import torch
from tiny import model as settings_of

from fwp.models.sequence_model import SequenceModel

K = 40.0  # the logistic function of it is 1 in floating point, and that of -K next to nothing


def blank(mixer: str, hidden: int, **options) -> SequenceModel:
    """A model of one block without feed-forward part, all weights 0."""
    model = SequenceModel(2, 2, settings_of(mixer, hidden=hidden, feed_forward=0, options=options))
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    return model.requires_grad_(False)


def lstm() -> SequenceModel:
    """One unit: c is 1 for odd, 0 (at first) or -1 for even.

    A 0 keeps c: f = 1, i = 0. A 1 replaces it, f = 0, i = 1, by g = tanh(K (tanh(1) / 2 - h)),
    which is 1 where h = tanh(c) was even and -1 where it was odd.
    """
    model, half = blank("lstm", 1), math.tanh(1) / 2
    model.embedding.weight[1] = 1.0
    mixer = model.blocks[0].mixer
    mixer.w_x[:, 0, 0] = torch.tensor([2 * K, -2 * K, 0, 0])  # i, f, g, o
    mixer.w_h[2] = -K
    mixer.b[:, 0] = torch.tensor([-K, K, K * half, K])
    model.readout.weight[:, 0] = torch.tensor([1.0, -1.0])
    model.readout.bias[:] = torch.tensor([-half, half])
    return model


def recurrent_delta() -> SequenceModel:
    """One head of four: S[0, 0], which q and k point at, is 3 for odd and 0 for even.

    A 0 writes nothing, β = 0. A 1 replaces it, β = 1, by v = 3 - 3 tanh(y) / tanh(3) of the
    previous output y: 3 after 0 and 0 after 3. Small errors die out, as the slope is -0.03 at 3 and
    -3 at 0.
    """
    model, odd = blank("recurrent_delta", 4, heads=1), 3.0
    # After layer normalisation: 1 at the first place for both symbols, ±1 at the second.
    model.embedding.weight[:] = torch.tensor([[1.0, 1, -1, -1], [1.0, -1, 1, -1]])
    block = model.blocks[0]
    block.mixer_norm.weight[:] = 1.0
    weight = block.mixer.qkv_beta.weight  # rows: q, k, v of 4 each, β
    weight[0, 0] = weight[4, 0] = K
    weight[8, 0] = odd
    block.mixer.r_qkv[2, 0, 0, 0] = -odd / math.tanh(odd)
    weight[12, 1] = -K
    block.mixer.out.weight[0, 0] = 1.0  # x[0] = 1 + y
    model.readout.weight[:, 0] = torch.tensor([1.0, -1.0])
    model.readout.bias[:] = torch.tensor([-1 - odd / 2, 1 + odd / 2])
    return model


def deltanet() -> SequenceModel:
    """One head of four with β in [0, 2]: S[0, 0], which q and k point at, is 1 for odd, 0 for even.

    A 0 writes nothing, β = 0. A 1 reflects, β = 2: S + 2 (½ - S) = 1 - S.
    """
    model = blank("deltanet", 4, heads=1, feature_map="silu_l2", allow_neg_eigval=True)
    # After layer normalisation: 1 at the first place for both symbols, ±1 at the second.
    model.embedding.weight[:] = torch.tensor([[1.0, 1, -1, -1], [1.0, -1, 1, -1]])
    block = model.blocks[0]
    block.mixer_norm.weight[:] = 1.0
    weight = block.mixer.qkv_beta.weight  # rows: q, k, v of 4 each, β
    weight[0, 0] = weight[4, 0] = K
    weight[8, 0] = 0.5
    weight[12, 1] = -K
    block.mixer.out.weight[0, 0] = 1.0  # x[0] = 1 + y
    model.readout.weight[:, 0] = torch.tensor([1.0, -1.0])
    model.readout.bias[:] = torch.tensor([-1.5, 1.5])
    return model


def srwm() -> SequenceModel:
    """One head with five rows: the state, one row per symbol, and what to copy: even and odd.

    Symbols are read as state + zero and -state + one. A 1 copies the row `even` or `odd` over the
    row `state`, in W_y and W_q: what the row holds in W_y is said (±1, with the sign of the symbol,
    so that a 1 turns it around), what it holds in W_q says which row to copy next. A 0 copies
    nothing, β = 0.
    """
    model = blank("srwm", 5, heads=1)
    state, zero, one, even, odd = range(5)
    model.embedding.weight[0, [state, zero]] = 1.0
    model.embedding.weight[1, [state, one]] = torch.tensor([-1.0, 1.0])
    mixer = model.blocks[0].mixer
    for row, said, after in ((state, 1.0, odd), (even, 1.0, odd), (odd, -1.0, even)):
        mixer.w_y[0, row, 0] = said
        mixer.w_q[0, row, after] = -K
    mixer.w_k[0, one, state] = K
    mixer.w_beta[0, zero, :] = -K
    mixer.w_beta[0, one, :] = K
    mixer.out.weight[0, 0] = 1.0
    model.readout.weight[:, 0] = torch.tensor([-1.0, 1.0])
    return model


def selective_ssm() -> SequenceModel:
    """One unit with one number h, which is 1 for odd and 0 for even.

    A 0 leaves it: Δ = 0, so a = 1 and nothing is written. A 1 turns it around and adds one: Δ = K,
    so a = -1.
    """
    options = {"states": 1, "expand": 1, "conv_size": 0, "allow_neg_eigval": True}
    model, one = blank("selective_ssm", 4, **options), 1 / (1 + math.exp(-1.0))
    # After layer normalisation: 1 at the first place for both symbols, ±1 at the second.
    model.embedding.weight[:] = torch.tensor([[1.0, 1, -1, -1], [1.0, -1, 1, -1]])
    block = model.blocks[0]
    block.mixer_norm.weight[:] = 1.0
    mixer = block.mixer
    mixer.inputs.weight[0, 0] = mixer.inputs.weight[4, 0] = 1.0  # u and gate: silu(1)
    mixer.inputs.weight[1, 1] = -K  # another u: K at a 1, 0 at a 0
    mixer.select.weight[:, :2] = torch.tensor([[0, 1.0], [1 / (K * one**2), 0], [1 / one, 0]])
    mixer.delta.weight[:] = 2.0
    mixer.delta.bias[:] = -K
    mixer.out.weight[0, 0] = 1.0  # x[0] = 1 + h silu(1)
    model.readout.weight[:, 0] = torch.tensor([1.0, -1.0])
    model.readout.bias[:] = torch.tensor([-1 - one / 2, 1 + one / 2])
    return model


MODELS = {
    "lstm": lstm,
    "deltanet": deltanet,
    "recurrent_delta": recurrent_delta,
    "srwm": srwm,
    "selective_ssm": selective_ssm,
}
