"""Real-time recurrent learning of the e-LSTM: exact gradients, in memory that no length changes.

Back-propagation through time keeps every step of a string. RTRL carries along instead how much each
cell would have changed with each parameter, dc_t/dθ, forward in time. For a full recurrent net that
costs the fourth power of its width; here a unit feeds back to itself alone, and a parameter moves
one unit (Irie, Gopalakrishnan, Schmidhuber 2024; Mozer 1989):

    dc_t/dθ = ∂c_t/∂θ + J_t dc_{t-1}/dθ
    J_t = ∂c_t/∂c_{t-1} = f + w_z (1 - f) (1 - z²) + w_f (c_{t-1} - z) f (1 - f)
    dL/dθ = Σ_t (∂L/∂θ at t + ∂L/∂c_{t-1} at t · dc_{t-1}/dθ)

All that reaches a unit besides itself is its pre-activations, which depend on the symbol alone:
they are a table, W E + b, with a row per symbol of the alphabet. So θ above are the entries of this
table and w_z, w_f, and the gradients of embedding, W and b follow from the table's at the end. (The
paper carries dc/dW along, which needs no finite alphabet and has a number per input of a unit.)

For speed strings are read in pieces of a few steps: "at t" above then means within a piece, where
PyTorch goes back through time. The gradient is the same for pieces of any size, one step included.
"""

import torch
from torch import Tensor

from fwp.models.block import Block
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.nn.cross_entropy import cross_entropy

STEPS = 16  # of a piece
EMBEDDING, MIXER = "embedding.weight", "blocks.0.mixer."


def check(model: SequenceModel) -> None:
    """Raise ValueError unless `model` is of a kind whose gradient can be carried along."""
    from fwp.mixers.elstm import ElementwiseLSTM

    if model.dropout is not None:
        raise ValueError(
            f"gradient rtrl is for models without dropout; got dropout = {model.dropout.rate}"
        )
    block, *others = (block for block in model.blocks if isinstance(block, Block))
    if others or block.wiring != "plain" or not isinstance(block.mixer, ElementwiseLSTM):
        raise ValueError(
            "gradient rtrl is for the mixer elstm with wiring plain in one layer: elsewhere a "
            f"parameter moves more than one unit; got {len(model.blocks)} × "
            f"{type(block.mixer).__name__}, wiring {block.wiring}"
        )


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor, steps: int = STEPS
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the gradient of every trained tensor of the pack.

    Args:
        pack: R models.
        tokens, targets, weights: as `cross_entropy` takes them, tokens
            [R, B, T].
        steps: of a piece; memory grows with it and not with T.
    """
    (_, B, T), names = tokens.shape, list(pack.weights)
    trained = list(pack.weights.values())
    parts = [w if pack.size > 1 else w.unsqueeze(0) for w in trained]
    own = dict(zip(names, parts, strict=True))
    w_z, w_f = own[f"{MIXER}w_z"], own[f"{MIXER}w_f"]
    table = own[EMBEDDING] @ own[f"{MIXER}input.weight"].mT + own[f"{MIXER}input.bias"].unsqueeze(1)
    traces = _Traces(table.detach(), w_z.detach(), w_f.detach(), B)

    loss, total = weights.new_zeros(()), [torch.zeros_like(w) for w in trained]
    for begin in range(0, T, steps):
        piece = slice(begin, begin + steps)
        cell = traces.cell.clone().requires_grad_()
        state = [(cell if pack.size > 1 else cell[0],)]
        logits, _ = pack(tokens[:, :, piece], state)
        own_loss = cross_entropy(logits, targets[:, :, piece], weights)
        *direct, d_cell = torch.autograd.grad(own_loss.sum(), [*trained, cell], allow_unused=True)
        loss = loss + own_loss.detach()
        for sum_, x in zip(total, direct, strict=True):
            sum_ += 0 if x is None else x
        traces.collect(d_cell)
        for t in range(begin, min(begin + steps, T)):
            traces.step(tokens[:, :, t])

    d_table, d_z, d_f = traces.gradients()
    indirect = torch.autograd.grad(table, trained, d_table, allow_unused=True)
    for name, sum_, x in zip(names, total, indirect, strict=True):
        sum_ += 0 if x is None else x
        if name in (f"{MIXER}w_z", f"{MIXER}w_f"):
            sum_ += (d_z if name.endswith("z") else d_f).view_as(sum_)
    return loss, total


class _Traces:
    """Cells, and how they depend on the parameters, of R models and B strings each.

    Args:
        table: pre-activations of z and f by symbol [R, V, 2 D].
        w_z, w_f: recurrent weights [R, D].
        B: number of strings.

    Attributes:
        cell: c [R, B, D].
    """

    def __init__(self, table: Tensor, w_z: Tensor, w_f: Tensor, B: int):
        self.table, self.w_z, self.w_f = table, w_z.unsqueeze(1), w_f.unsqueeze(1)
        R, V, D = table.shape[0], table.shape[1], w_z.shape[-1]
        self.cell = table.new_zeros(R, B, D)
        # dc/dθ by gate and by symbol, the recurrent weight last: [R, B, 2, V + 1, D].
        self.slopes = table.new_zeros(R, B, 2, V + 1, D)
        self.sums = table.new_zeros(R, 2, V + 1, D)
        self.symbols = torch.arange(V, device=table.device)

    def collect(self, d_cell: Tensor) -> None:
        """Add what the gradient of the cells, [R, B, D], says of all parameters."""
        self.sums += torch.einsum("rbd,rbgvd->rgvd", d_cell, self.slopes)

    def step(self, tokens: Tensor) -> None:
        """Go on by one symbol of each string, [R, B]."""
        c = self.cell
        index = tokens.unsqueeze(-1).expand(-1, -1, self.table.shape[-1])
        z, f = self.table.gather(1, index).chunk(2, dim=-1)
        z, f = torch.tanh(z + self.w_z * c), torch.sigmoid(f + self.w_f * c)
        by_z, by_f = (1 - f) * (1 - z * z), (c - z) * f * (1 - f)
        slope = f + self.w_z * by_z + self.w_f * by_f
        seen = (tokens.unsqueeze(-1) == self.symbols).to(c.dtype).unsqueeze(-1)
        causes = torch.cat((seen.expand(-1, -1, -1, c.shape[-1]), c.unsqueeze(2)), dim=2)
        gates = torch.stack((by_z, by_f), dim=2).unsqueeze(3)
        self.slopes = slope[:, :, None, None] * self.slopes + gates * causes.unsqueeze(2)
        self.cell = f * c + (1 - f) * z

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the table [R, V, 2 D] and of w_z and w_f [R, D]."""
        by_symbol = self.sums[:, :, :-1].transpose(1, 2).flatten(2)
        d_z, d_f = self.sums[:, :, -1].unbind(1)
        return by_symbol, d_z, d_f
