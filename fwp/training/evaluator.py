"""Which strings a model gets right, read piece by piece with the state carried over."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fwp.datasets.dataset import Split
from fwp.models.pack import starts_anew
from fwp.training.batches import pad
from fwp.training.errors import errors

# A piece holds at most this many symbols of all strings together: enough to keep matrix products
# busy, while its activations (× 4 bytes × hidden × feed-forward factor) still fit into a core's
# cache or nearly so.
PIECE = {"cpu": 8_192, "cuda": 1_048_576}
STEPS = 128  # symbols of a string per piece
# Attention over whole strings takes memory for each pair of symbols; so many at a time, ~100 MB of
# scores with six heads on a CPU. On a GPU as many as a piece of all strings together has.
PAIRS = {"cpu": 4_194_304, "cuda": 134_217_728}


class Evaluator:
    """The strings of a split, laid out on a device once, to be read by any number of models.

    A string that another begins with is read as part of it: equal strings are read once, and a
    language whose strings continue each other is one long string.

    Args:
        split: the strings.
        device: "cpu" or "cuda".
        models: how many will read them at a time.
    """

    def __init__(self, split: Split, *, device: str = "cpu", models: int = 1):
        self.lengths = split.lengths
        readers = _readers(split)
        read = np.unique(readers)
        read = read[np.argsort(self.lengths[read], kind="stable")]
        kind = torch.device(device).type
        self.pairs = PAIRS[kind] // models
        rows = max(1, PIECE[kind] // STEPS // models)
        self.batches, order = [], []
        begin = 0
        while begin < len(read):
            # Short strings do not fill a piece in time, so more of them go side by side.
            longest = self.lengths[read[min(begin + rows, len(read)) - 1]]
            chosen = read[begin : begin + rows * max(1, STEPS // int(longest))]
            members = np.flatnonzero(np.isin(readers, chosen))
            self.batches.append(_Batch.of(split, chosen, members, readers[members], device))
            order.append(chosen if len(members) == len(chosen) else members)
            begin += len(chosen)
        # Where the strings that are read one after another stand in the split.
        self.order = torch.from_numpy(np.concatenate(order)).to(device)

    @torch.no_grad()
    def errors_per_string(self, model: Callable) -> Tensor:
        """Number of positions that each model gets wrong in each string, int64 [..., strings].

        `model` maps tokens [B, T] and its state to logits [..., B, T, classes] and the state after
        them. Memory does not grow with the strings' length if the state has a fixed size. Strings
        of a model without a state are read whole, few at a time: a piece would start without state.
        """
        wrong = torch.cat([self._read(model, batch) for batch in self.batches], dim=-1)
        return torch.empty_like(wrong).index_copy_(-1, self.order, wrong)

    def score(self, model: Callable) -> Tensor:
        """Sequence accuracy of each model, float64 [models]."""
        return (self.errors_per_string(model) == 0).double().mean(-1)

    def _read(self, model: Callable, batch: "_Batch") -> Tensor:
        wrong, state = 0, None
        for begin in range(0, batch.tokens.shape[1], STEPS):
            if begin and starts_anew(state):
                return batch.count(self._read_whole(model, batch))
            piece = slice(begin, begin + STEPS)
            logits, state = model(batch.tokens[:, piece].long(), state)
            wrong = wrong + batch.count(errors(logits, batch.targets[:, piece]), piece)
        return torch.as_tensor(wrong)  # it is one, as no string is empty

    def _read_whole(self, model: Callable, batch: "_Batch") -> Tensor:
        rows = max(1, self.pairs // batch.tokens.shape[1] ** 2)
        wrong = [
            errors(model(some.long(), None)[0], theirs)
            for some, theirs in zip(
                batch.tokens.split(rows), batch.targets.split(rows), strict=True
            )
        ]
        return torch.cat(wrong, dim=-2)


class _Batch(NamedTuple):
    """Strings that are read side by side.

    tokens, targets: [B, T]; see `fwp.training.batches.pad`.
    rows: by which of them each member is read [members]; None if each is read by itself.
    inside: where each member has symbols [members, T]; None, too.
    """

    tokens: Tensor
    targets: Tensor
    rows: Tensor | None = None
    inside: Tensor | None = None

    @classmethod
    def of(cls, split: Split, chosen: np.ndarray, members, readers, device: str) -> "_Batch":
        """Strings `chosen` to be read, for `members` that they begin with."""
        arrays = pad(split, chosen)
        if len(members) > len(chosen):
            places = np.argsort(chosen)
            rows = places[np.searchsorted(chosen, readers, sorter=places)]
            inside = np.arange(arrays[0].shape[1]) < split.lengths[members][:, None]
            arrays += (rows, inside)
        return cls(*(torch.from_numpy(a).to(device) for a in arrays))

    def count(self, wrong: Tensor, piece: slice = slice(None)) -> Tensor:
        """Number of wrong positions of each member in a piece, [..., members]."""
        if self.rows is not None and self.inside is not None:
            wrong = wrong.index_select(-2, self.rows) * self.inside[:, piece]
        return wrong.sum(-1)


def _readers(split: Split) -> np.ndarray:
    """For each string, one that no other continues and that begins with it, targets included."""
    symbols = split.tokens.astype(np.uint32) << 16 | split.targets.astype(np.uint16)
    bounds = itertools.pairwise(split.offsets.tolist())
    parts = [symbols[begin:end].tobytes() for begin, end in bounds]
    # In order, a string is followed by those that it begins.
    order = sorted(range(len(parts)), key=parts.__getitem__)
    readers = np.arange(len(parts))
    for one, following in reversed([*itertools.pairwise(order)]):
        if parts[following].startswith(parts[one]):
            readers[one] = readers[following]
    return readers
