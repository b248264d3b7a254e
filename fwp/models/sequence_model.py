"""The model that every mixer is judged in: embedding → blocks → linear readout everywhere."""

import torch
from torch import Tensor, nn

from fwp import mixers
from fwp.models.block import Block
from fwp.nn.embedding import Embedding
from fwp.nn.layer_norm import LayerNorm
from fwp.nn.linear import Linear


class SequenceModel(nn.Module):
    """Classify every prefix of a string. No positional encoding, no dropout.

    Args:
        vocabulary: number of input symbols.
        classes: number of target classes.
        mixer: name of a mixer (see `fwp.mixers`).
        hidden: width.
        layers: number of blocks.
        feed_forward: inner width of the feed-forward parts in multiples of `hidden`; 0 leaves them
            out.
        wiring: how a block is wired (see `fwp.models.block`); None takes the mixer's own.
        options: further keyword arguments of the mixer, such as its number of heads.
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        mixer: str,
        hidden: int = 64,
        layers: int = 1,
        feed_forward: int = 4,
        wiring: str | None = None,
        options: dict | None = None,
    ):
        super().__init__()
        kind = mixers.get(mixer)
        wiring = wiring or getattr(kind, "wiring", "pre_norm")
        self.embedding = Embedding(vocabulary, hidden)  # N(0, 1), PyTorch's default
        self.blocks = nn.ModuleList(
            Block(kind(hidden, **options or {}), hidden, factor=feed_forward, wiring=wiring)
            for _ in range(layers)
        )
        heads = getattr(self.blocks[0].mixer, "heads", 1)
        if hidden % heads:
            raise ValueError(f"heads must divide hidden = {hidden}, got heads = {heads}")
        self.norm = LayerNorm(hidden) if wiring == "post_norm" else None
        self.readout = Linear(hidden, classes)

    def forward(self, tokens: Tensor, state: list | None = None) -> tuple[Tensor, list]:
        """Map tokens [B, T] (int64) to logits [B, T, classes] and the state after the last of them.

        Passing that state with the tokens that follow continues the strings, so that a string of
        any length can be read piece by piece.
        """
        x = self.embedding(tokens)
        state = [None] * len(self.blocks) if state is None else state
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, now = block(x, before)
            after.append(now)
        if self.norm is not None:
            x = self.norm(x)
        return self.readout(x), after

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def build_model(settings: dict, dataset, *, seed: int, dtype: str = "float32") -> SequenceModel:
    """The model that a cell's `model` settings describe, for the symbols and classes of `dataset`.

    `seed` alone decides the initial weights, and PyTorch's global generator is left as it was. They
    are drawn in float32 whatever the `dtype`, so that a float64 run starts from the same point.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SequenceModel(
            len(dataset.alphabet),
            len(dataset.classes),
            **{key: value for key, value in settings.items() if key != "name"},
        )
    return model.to(getattr(torch, dtype))
