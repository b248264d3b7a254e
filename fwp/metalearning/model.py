"""The lab's model on streams of vectors, and questions to it that leave its state as it is."""

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from fwp.config.settings import ModelSettings
from fwp.models.sequence_model import SequenceModel
from fwp.nn.linear import Linear


class StreamModel(SequenceModel):
    """`SequenceModel` with a linear map of vectors in the place of the embedding.

    Args:
        width: size of an input vector.
        outputs: size of a label: classes, or numbers.
        settings: mixer, width and so on.
    """

    def __init__(self, width: int, outputs: int, settings: ModelSettings):
        super().__init__(1, outputs, settings)
        self.embedding = Linear(width, settings.hidden)

    def forward(self, tokens: Tensor, state: list | None = None) -> tuple[Tensor, list]:
        """Map vectors [B, T, width] to outputs [B, T, outputs] and the state after the last.

        In training, each call drops other units.
        """
        if self.dropout is not None and self.training:
            key, step = self.dropout.seed
            self.dropout.seed = torch.stack((key, step + 1))
        return super().forward(tokens, state)

    def answer(self, questions: Tensor, state: list | None) -> Tensor:
        """Outputs [B, Q, outputs] to questions [B, Q, width], each asked after the same stream.

        No question sees another, and the state goes on as if nothing had been asked.
        """
        batch, count, width = questions.shape
        each = pytree.tree_map_only(Tensor, lambda x: x.repeat_interleave(count, dim=0), state)
        outputs, _ = self(questions.reshape(batch * count, 1, width), each)
        return outputs.view(batch, count, -1)


def build(
    width: int, outputs: int, settings: ModelSettings, *, seed: int, device: str
) -> StreamModel:
    """The model of these settings, whose initial weights `seed` decides."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return StreamModel(width, outputs, settings).to(device)
