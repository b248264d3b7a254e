"""Whether a model learns parity, in a training of some seconds.

At every symbol the model says whether the ones so far are odd in number. Strings are random, and
none is shown twice. It has learnt when it is right at every symbol of every validation string.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

LENGTHS = (2, 20)  # of training
BATCH, EVERY, RATE, CLIP = 64, 10, 5e-3, 1.0
STRINGS, FURTHER = 200, 100  # validation: of the longest length of training, and longer ones


class Learnt(NamedTuple):
    """What came of the training.

    Attributes:
        steps: after how many it was right everywhere; of all, if it never was.
        learnt: whether it ever was.
        accuracy: share of the validation strings that are right throughout, at the end.
        further: the same of strings of `FURTHER` symbols.
        seconds: that it took.
    """

    steps: int
    learnt: bool
    accuracy: float
    further: float
    seconds: float

    def __str__(self):
        if self.learnt:
            return (
                f"after {self.steps} steps ({self.seconds:.1f} s); of strings of {FURTHER} "
                f"symbols, {100 * self.further:.0f}% are right"
            )
        return (
            f"not within {self.steps} steps ({self.seconds:.1f} s): of strings of {LENGTHS[1]} "
            f"symbols, {100 * self.accuracy:.0f}% are right"
        )


def learn_parity(
    build: Callable[[], nn.Module], *, device: str = "cpu", steps: int = 2000, seconds: float = 8.0
) -> Learnt:
    """Train a model of two symbols and two classes by Adam, and say when it has learnt parity.

    Args:
        build: makes the model, which maps tokens [B, T] to (logits [B, T, 2], state).
        device: cpu or cuda.
        steps: as many at most.
        seconds: no new step begins after that.
    """
    torch.manual_seed(0)
    model = build().to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(0)
    tests = [_strings(*size, generator, device) for size in ((STRINGS, LENGTHS[1]), (50, FURTHER))]
    start, step, accuracy = time.monotonic(), 0, 0.0
    while step < steps and time.monotonic() - start < seconds:
        length = int(torch.randint(LENGTHS[0], LENGTHS[1] + 1, (), generator=generator))
        tokens, labels = _strings(BATCH, length, generator, device)
        model.train()
        logits, _ = model(tokens)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        step += 1
        if step % EVERY == 0 and (accuracy := _accuracy(model, *tests[0])) == 1:
            break
    accuracy = _accuracy(model, *tests[0])
    used = time.monotonic() - start
    return Learnt(step, accuracy == 1, accuracy, _accuracy(model, *tests[1]), used)


def _strings(
    count: int, length: int, generator: torch.Generator, device: str
) -> tuple[Tensor, Tensor]:
    tokens = torch.randint(2, (count, length), generator=generator)
    return tokens.to(device), (tokens.cumsum(1) % 2).to(device)


@torch.no_grad()
def _accuracy(model: nn.Module, tokens: Tensor, labels: Tensor) -> float:
    model.eval()
    logits, _ = model(tokens)
    return float((logits.argmax(-1) == labels).all(1).double().mean())
