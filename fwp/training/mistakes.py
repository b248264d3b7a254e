"""Some strings that a model gets wrong, with what it predicts around the first mistake.

They are chosen by the numbers of wrong positions that an evaluation has counted, and read again:
a few strings of all, each no further than is shown.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fwp.datasets.dataset import Dataset, Split
from fwp.models.pack import Pack, starts_anew
from fwp.training.batches import pad
from fwp.training.evaluator import STEPS
from fwp.utils.targets import NO_TARGET

PER_BIN, PER_MODEL = 3, 8
SHOWN = 120  # symbols of a string at most, with the first mistake in the middle
NOT_FINITE = "NaN"  # in place of a class, where the logits are not numbers


def examples(
    pack: Pack, dataset: Dataset, wrong: Sequence[np.ndarray], device: str
) -> list[list[dict]]:
    """Wrong strings of each model: the shortest of each bin, from the shortest bin on.

    Args:
        wrong: for each test set, wrong positions of each model in each string [models, strings].

    Returns:
        For each model, a list of dicts: bin, length of the string, start (where the part shown
        begins), string, target (None where there is none), predicted, each a list of names for the
        part shown, and first, the position in the whole string of the first mistake. Positions
        count from 0. A string that is right when it is read again, because another batch rounds
        differently, is left out.
    """
    chosen = [_choose(dataset.test, [own[i] for own in wrong]) for i in range(pack.size)]
    if not any(chosen):
        return [[] for _ in chosen]
    parts = [[_string(dataset.test[k], i) for k, i in own] for own in chosen]
    lines = _Lines(parts)
    predicted = _read(pack, lines, device)
    return [
        [
            _example(dataset, dataset.test[k].bin, *parts[i][j], predicted[i, j], lines.first[i, j])
            for j, (k, _) in enumerate(own)
            if lines.first[i, j] >= 0
        ]
        for i, own in enumerate(chosen)
    ]


def _choose(splits: Sequence[Split], wrong: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Set and place of the strings to show: one of each bin, then a second of each, and so on."""
    ranked = []
    for k, (split, own) in enumerate(zip(splits, wrong, strict=True)):
        places = np.flatnonzero(own)
        places = places[np.argsort(split.lengths[places], kind="stable")]
        seen: dict[bytes, int] = {}
        for i in places.tolist():
            seen.setdefault(split[i][0].tobytes(), i)
            if len(seen) == PER_BIN:
                break
        ranked += [(rank, k, i) for rank, i in enumerate(seen.values())]
    kept = sorted(ranked)[:PER_MODEL]
    return [(k, i) for _, k, i in sorted(kept, key=lambda own: (own[1], own[0]))]


def _string(split: Split, i: int) -> tuple[np.ndarray, np.ndarray]:
    tokens, targets = pad(split, np.array([i]))
    return tokens[0], targets[0]


class _Lines:
    """Strings of all models, padded to one shape, and where each goes wrong.

    tokens, targets: [models, strings, longest]; lengths: [models, strings], 0 where a model has
    fewer strings than others.
    first: where the first mistake is, -1 as long as none was seen.
    """

    def __init__(self, parts: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]):
        count = max(map(len, parts))
        longest = max(len(tokens) for own in parts for tokens, _ in own)
        shape = (len(parts), count, longest)
        self.tokens = np.zeros(shape, dtype=np.uint8)
        self.targets = np.full(shape, NO_TARGET, dtype=np.int16)
        self.lengths = np.zeros(shape[:2], dtype=np.int64)
        for i, own in enumerate(parts):
            for j, (tokens, targets) in enumerate(own):
                at = slice(len(tokens))
                self.tokens[i, j, at], self.targets[i, j, at] = tokens, targets
                self.lengths[i, j] = len(tokens)
        self.first = np.full(shape[:2], -1)

    def note(self, predicted: np.ndarray, begin: int) -> bool:
        """Look for mistakes in a piece [models, strings, symbols]; say whether that is all."""
        targets = self.targets[..., begin : begin + predicted.shape[-1]]
        wrong = (predicted != targets) & (targets >= 0)
        new = (self.first < 0) & wrong.any(-1)
        self.first[new] = begin + wrong.argmax(-1)[new]
        read = begin + predicted.shape[-1]
        seen = (self.first >= 0) & (read >= _start(self.first, self.lengths) + SHOWN)
        return bool((seen | (read >= self.lengths)).all())


def _start(first, length):
    """Where the part of a string begins that is shown."""
    return np.maximum(0, np.minimum(first - SHOWN // 2, length - SHOWN))


@torch.no_grad()
def _read(pack: Pack, lines: _Lines, device: str) -> np.ndarray:
    """Predicted classes [models, strings, symbols], -1 where logits are not finite."""
    tokens = torch.from_numpy(lines.tokens).to(device)
    predicted = np.full(lines.tokens.shape, -1, dtype=np.int16)
    state = None
    for begin in range(0, tokens.shape[-1], STEPS):
        if begin and starts_anew(state):  # as in `Evaluator`: pieces would start without a state
            return _read_whole(pack, lines, tokens)
        logits, state = pack(tokens[..., begin : begin + STEPS].long(), state)
        piece = _classes(pack, logits)
        predicted[..., begin : begin + STEPS] = piece
        if lines.note(piece, begin):
            break
    return predicted


def _read_whole(pack: Pack, lines: _Lines, tokens: Tensor) -> np.ndarray:
    """The same, a string of each model at a time."""
    predicted = np.full(lines.tokens.shape, -1, dtype=np.int16)
    for j, longest in enumerate(lines.lengths.max(0).tolist()):
        logits, _ = pack(tokens[:, j : j + 1, :longest].long(), None)
        predicted[:, j : j + 1, :longest] = _classes(pack, logits)
    lines.note(predicted, 0)
    return predicted


def _classes(pack: Pack, logits: Tensor) -> np.ndarray:
    found = logits.argmax(-1).masked_fill(~logits.isfinite().all(-1), -1)
    return found.view(pack.size, -1, logits.shape[-2]).cpu().numpy()


def _example(
    dataset: Dataset,
    bin: str,
    tokens: np.ndarray,
    targets: np.ndarray,
    predicted: np.ndarray,
    first: int,
) -> dict:
    start = int(_start(first, len(tokens)))
    at = slice(start, min(start + SHOWN, len(tokens)))
    classes = dataset.classes
    return {
        "bin": bin,
        "length": len(tokens),
        "start": start,
        "string": [dataset.alphabet[k] for k in tokens[at].tolist()],
        "target": [classes[k] if k >= 0 else None for k in targets[at].tolist()],
        "predicted": [classes[k] if k >= 0 else NOT_FINITE for k in predicted[at].tolist()],
        "first": int(first),
    }
