"""The model that every mixer is judged in: embedding → blocks → linear readout everywhere."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from fwp import mixers
from fwp.config.settings import ModelSettings
from fwp.models.block import Block
from fwp.nn.dropout import Dropout
from fwp.nn.embedding import Embedding
from fwp.nn.layer_norm import LayerNorm
from fwp.nn.linear import Linear


class SequenceModel(nn.Module):
    """Classify every prefix of a string. No positional encoding outside of mixers.

    Args:
        vocabulary: number of input symbols.
        classes: number of target classes.
        settings: mixer, width and so on (`fwp/config/schema.yaml` describes each).
    """

    def __init__(self, vocabulary: int, classes: int, settings: ModelSettings):
        super().__init__()
        kind, hidden = mixers.get(settings.mixer), settings.hidden
        wiring = settings.wiring or getattr(kind, "wiring", "pre_norm")
        self.embedding = Embedding(vocabulary, hidden)  # N(0, 1), PyTorch's default
        self.blocks = nn.ModuleList(
            Block(
                kind(hidden, **settings.options),
                hidden,
                factor=settings.feed_forward,
                wiring=wiring,
            )
            for _ in range(settings.layers)
        )
        heads = getattr(self.blocks[0].mixer, "heads", 1)
        if hidden % heads:
            raise ValueError(f"heads must divide hidden = {hidden}, got heads = {heads}")
        self.norm = LayerNorm(hidden) if wiring == "post_norm" else None
        self.readout = Linear(hidden, classes)
        self.dropout = Dropout(settings.dropout) if settings.dropout else None

    def forward(self, tokens: Tensor, state: list | None = None) -> tuple[Tensor, list]:
        """Map tokens [B, T] (int64) to logits [B, T, classes] and the state after the last of them.

        Passing that state with the tokens that follow continues the strings, so that a string of
        any length can be read piece by piece.
        """
        drop = self.dropout.in_turn() if self.dropout is not None and self.training else None
        x = self.embedding(tokens)
        if drop is not None:
            x = drop(x)
        state = [None] * len(self.blocks) if state is None else state
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, now = block(x, before, drop)
            after.append(now)
        if self.norm is not None:
            x = self.norm(x)
        return self.readout(x), after

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


class HasSymbols(Protocol):
    """A dataset, as a model sees it: symbols that go in, and classes that come out."""

    @property
    def alphabet(self) -> Sequence[str]:
        """Input symbols."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """What is predicted."""
        ...


def build_model(
    settings: ModelSettings, dataset: HasSymbols, *, seed: int, dtype: str
) -> SequenceModel:
    """The model that the settings describe, for the symbols and classes of `dataset`.

    `seed` alone decides the initial weights, and PyTorch's global generator is left as it was. They
    are drawn in float32 whatever the `dtype`, so that a float64 run starts from the same point.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` seeds GPUs too
        model = SequenceModel(len(dataset.alphabet), len(dataset.classes), settings)
    return model.to(getattr(torch, dtype))
