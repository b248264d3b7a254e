"""Episodes: task A, then task B, with questions about both."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fwp.metalearning import streams
from fwp.metalearning.model import StreamModel
from fwp.metalearning.tasks import Examples, Family


class Episode(NamedTuple):
    """B episodes: what is learnt and asked of A, and of B, which is of the other domain."""

    a: Examples
    a_asked: Examples
    b: Examples
    b_asked: Examples
    again: Examples  # of A
    domain: int  # of A


class Answers(NamedTuple):
    """Outputs of a model and the labels that are due, [B, N, outputs] each, for each measurement.

    `a` and `b` are of the examples while they are read, and the others of questions.
    """

    a: tuple[Tensor, Tensor]
    b: tuple[Tensor, Tensor]
    a_after_a: tuple[Tensor, Tensor]
    b_after_b: tuple[Tensor, Tensor]
    a_after_b: tuple[Tensor, Tensor]


def draw(
    rng: np.random.Generator, family: Family, count: int, queries: int, *, domain: int, test: bool
) -> Episode:
    """So many episodes, with so many questions about each task."""
    first = family.draw(rng, count, domain, test=test)
    second = family.draw(rng, count, 1 - domain, test=test)
    return Episode(
        first.context(rng),
        first.queries(rng, queries),
        second.context(rng),
        second.queries(rng, queries),
        first.context(rng),
        domain,
    )


class Reader:
    """A model that goes through a stream, and what it has read last.

    Args:
        model: what reads.
        labels: synchronous or delayed.
        device: of the model.
    """

    def __init__(self, model: StreamModel, labels: str, device: str = "cpu"):
        self.model, self.labels, self.device = model, labels, device
        self._state: list | None = None
        self._before: np.ndarray | None = None

    def read(self, examples: Examples, domain: int) -> tuple[Tensor, Tensor]:
        """Go on in the stream: outputs at the examples, and their labels."""
        x = streams.reading(examples, domain, self.labels, self._before)
        outputs, self._state = self.model(self._tensor(x), self._state)
        self._before = examples.y[:, -1]
        return outputs, self._tensor(examples.y)

    def ask(self, examples: Examples, domain: int) -> tuple[Tensor, Tensor]:
        """Outputs to questions, and the labels that are due; the stream stays where it is."""
        x = streams.asking(examples, domain, self.labels, self._before)
        return self.model.answer(self._tensor(x), self._state), self._tensor(examples.y)

    def _tensor(self, x: np.ndarray) -> Tensor:
        return torch.from_numpy(x).to(self.device)


def go_through(reader: Reader, episode: Episode) -> Answers:
    """Read A and then B, and ask about A and B."""
    own, other = episode.domain, 1 - episode.domain
    a = reader.read(episode.a, own)
    a_after_a = reader.ask(episode.a_asked, own)
    b = reader.read(episode.b, other)
    b_after_b = reader.ask(episode.b_asked, other)
    return Answers(a, b, a_after_a, b_after_b, reader.ask(episode.a_asked, own))
