"""Loss on a test text by position, within the training context and far beyond it.

Pieces of the text are read from the start state, each `reach` times as long as the training
context. The state is carried on, so that memory does not grow with the length; attention sees a
window of the training context.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text.dataset import TextDataset, load_text
from fwp.models.pack import Pack, starts_anew
from fwp.models.state_size import numbers_in_state
from fwp.models.window import window_of, windowed
from fwp.training.windows import LOGITS, stream, token_losses

COLUMNS = ("first", "last", "tokens", "bytes", "nats", "accuracy", "ideal")
"""Of accuracy.csv, behind task, model, seed and status."""

PIECE = 256  # tokens that are read at a time


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> TextDataset:
    """Test text.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_text(path, task, spec=spec, kinds=("test",))


def ranges(context: int, longest: int) -> Iterator[tuple[int, int]]:
    """Ranges of positions, first and last, from 1: powers of two up to the context, and so on.

    Beyond the context they end at 2, 4, 8, … times the context; the last ends at `longest`.
    """
    first, last = 1, 1
    while first <= longest:
        if first <= context < last:
            last = context
        yield first, min(last, longest)
        first, last = last + 1, 2 * last


def measure(pack: Pack, dataset: TextDataset, device: str) -> tuple[list[list[dict]], dict]:
    """Rows of `COLUMNS` for each model, and what else the record says.

    There is one row for each range of positions: tokens and bytes measured, mean loss in nats per
    token, share of tokens that are the most likely ones, and the mean loss of who knows the source
    (None if nobody does). The record says how many pieces were read, how long they are, how many
    numbers the state of a model holds (None if it grows), and how many tokens its attention sees
    (None without attention).
    """
    split, context = dataset.splits["test"], dataset.params["context"]
    wanted = dataset.spec["test"]
    longest, count = min(wanted["bins"][0][1], len(split) - 1), wanted["count"]
    places = _places(len(split), longest, count)
    text = stream(split.tokens, device)
    at = torch.from_numpy(places).to(device)
    tokens = text[:-1].unfold(0, longest, 1)[at].long()
    targets = text[1:].unfold(0, longest, 1)[at].long()
    classes, pack = len(dataset.classes), windowed(pack, context)
    nats, right = (x.cpu().numpy() for x in _read(pack, tokens, targets, classes))
    read = places[:, None] + np.arange(1, longest + 1)  # where each target stands in the text
    sizes = dataset.sizes[split.tokens[read]].sum(0)
    ideal = None if split.ideal is None else split.ideal[read].astype(np.float64).sum(0)
    rows = [[] for _ in range(pack.size)]
    for first, last in ranges(context, longest):
        at = slice(first - 1, last)
        number = len(places) * (last - first + 1)
        for i, own in enumerate(rows):
            own.append(
                {
                    "first": first,
                    "last": last,
                    "tokens": number,
                    "bytes": int(sizes[at].sum()),
                    "nats": float(nats[i, at].sum() / number),
                    "accuracy": float(right[i, at].sum() / number),
                    "ideal": None if ideal is None else float(ideal[at].sum() / number),
                }
            )
    window = window_of(pack)
    held = numbers_in_state(pack, device=device, full=window or 1)
    state = None if held is None else held // pack.size
    facts = {"pieces": len(places), "tokens_per_piece": longest, "state": state, "window": window}
    return rows, facts


def _places(size: int, longest: int, count: int) -> np.ndarray:
    """Where pieces begin: one behind the other, and evenly spread if not all are wanted."""
    most = (size - 1) // longest
    chosen = np.linspace(0, most - 1, min(count, most)).round().astype(np.int64)
    return chosen * longest


@torch.no_grad()
def _read(pack: Pack, tokens: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Nats and right predictions by position, summed over pieces, float64 [models, positions]."""
    rows = max(1, LOGITS[tokens.device.type] // (classes * PIECE * pack.size))
    nats = torch.zeros(pack.size, tokens.shape[1], dtype=torch.float64, device=tokens.device)
    right = torch.zeros_like(nats)
    for own, wanted in zip(tokens.split(rows), targets.split(rows), strict=True):
        size = PIECE if _has_state(pack, own) else own.shape[1]
        state = None
        for begin in range(0, own.shape[1], size):
            at = slice(begin, begin + size)
            logits, state = pack(own[:, at], state)
            logits = logits.view(pack.size, *own[:, at].shape, classes)
            nats[:, at] += token_losses(logits, wanted[:, at]).double().sum(1)
            right[:, at] += (logits.argmax(-1) == wanted[:, at]).double().sum(1)
    return nats, right


def _has_state(pack: Pack, tokens: Tensor) -> bool:
    """Whether the models carry a state on; others must read a piece as a whole."""
    _, state = pack(tokens[:1, :1], None)
    return not starts_anew(state)
