"""Loss, score, and the course of both scores while A, B and A again are read."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fwp.metalearning import episodes
from fwp.metalearning.episodes import Answers, Episode, Reader
from fwp.metalearning.model import StreamModel
from fwp.metalearning.tasks import Examples, Family

OBJECTIVES = ("plain", "acl")
BATCH = 100  # test episodes that are read together
PROBES = 5  # measurements of a course while a task is read


def loss(outputs: Tensor, labels: Tensor, *, classes: bool) -> Tensor:
    """Cross-entropy of classes (nats), or the squared error of numbers; mean over all."""
    if classes:
        return -(labels * outputs.log_softmax(-1)).sum(-1).mean()
    return (outputs - labels).square().mean()


def objective(answers: Answers, name: str, labels: str, *, classes: bool) -> Tensor:
    """The loss that is trained.

    Plain: the mean of A's loss and B's, each right after the task was read. ACL: the mean of these
    and of A's loss after B. Where labels are delayed, every example is a question, and the losses
    of A and B are those of their examples.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {name!r}")
    delayed = labels == "delayed"
    terms = [answers.a, answers.b] if delayed else [answers.a_after_a, answers.b_after_b]
    terms += [answers.a_after_b] if name == "acl" else []
    return torch.stack([loss(*term, classes=classes) for term in terms]).mean()


@torch.no_grad()
def course(
    model: StreamModel,
    family: Family,
    *,
    labels: str,
    rng: np.random.Generator,
    count: int,
    queries: int,
    device: str = "cpu",
) -> list[dict]:
    """How well A and B are known in the course of A, B and A again, in tasks for tests.

    Args:
        model: what reads, and is told that it is not trained.
        family: what tasks are drawn from.
        labels: synchronous or delayed.
        rng: decides the episodes.
        count: of episodes; in half of them, A is of domain 0.
        queries: about each task, each time.
        device: of the model.

    Returns:
        Before the first example, and after each fifth of a task: part (A, B or again), examples (so
        far), and the scores a and b, which are `score` of all questions.
    """
    model.eval()
    rows: dict[tuple[str, int], dict[str, list]] = {}
    for i, size in enumerate([BATCH] * (count // BATCH) + [count % BATCH] * (count % BATCH > 0)):
        episode = episodes.draw(rng, family, size, queries, domain=i % 2, test=True)
        for part, examples, asked in _probes(Reader(model, labels, device), episode):
            row = rows.setdefault((part, examples), {"a": [], "b": []})
            for name, answers in asked.items():
                row[name].append(answers)
    return [
        {"part": part, "examples": examples}
        | {name: score(found, classes=family.classes) for name, found in row.items()}
        for (part, examples), row in rows.items()
    ]


def _probes(reader: Reader, episode: Episode) -> Iterator[tuple[str, int, dict]]:
    own, other = episode.domain, 1 - episode.domain
    read = 0

    def ask() -> dict:
        return {
            "a": reader.ask(episode.a_asked, own),
            "b": reader.ask(episode.b_asked, other),
        }

    yield "A", 0, ask()
    for part, examples, domain in (
        ("A", episode.a, own),
        ("B", episode.b, other),
        ("again", episode.again, own),
    ):
        for piece in _pieces(examples):
            reader.read(piece, domain)
            read += piece.x.shape[1]
            yield part, read, ask()


def _pieces(examples: Examples, count: int = PROBES) -> Iterator[Examples]:
    """Examples in about so many pieces of one size."""
    size = -(-examples.x.shape[1] // count)
    for start in range(0, examples.x.shape[1], size):
        yield Examples(*(part[:, start : start + size] for part in examples))


def score(answers: list[tuple[Tensor, Tensor]], *, classes: bool) -> float:
    """Accuracy of classes; of numbers, 1 − Σ(ŷ − y)² / Σy², which is 1 at best, 0 for ŷ = 0."""
    outputs, labels = (torch.cat(parts) for parts in zip(*answers, strict=True))
    if classes:
        return float((outputs.argmax(-1) == labels.argmax(-1)).double().mean())
    return float(1 - (outputs - labels).double().square().sum() / labels.double().square().sum())
