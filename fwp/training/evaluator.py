"""Which strings a model gets right, read piece by piece with the state carried over."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fwp.datasets.dataset import Split
from fwp.models.pack import starts_anew
from fwp.training.batches import pad

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

    Args:
        split: the strings.
        device: "cpu" or "cuda".
        models: how many will read them at a time.
    """

    def __init__(self, split: Split, *, device: str = "cpu", models: int = 1):
        self.lengths = split.lengths
        order = np.argsort(self.lengths, kind="stable")
        kind = torch.device(device).type
        self.pairs = PAIRS[kind] // models
        rows = max(1, PIECE[kind] // STEPS // models)
        self.batches = []
        begin = 0
        while begin < len(order):
            # Short strings do not fill a piece in time, so more of them go side by side.
            longest = self.lengths[order[min(begin + rows, len(order)) - 1]]
            chosen = order[begin : begin + rows * max(1, STEPS // int(longest))]
            padded = (torch.from_numpy(a).to(device) for a in pad(split, chosen))
            self.batches.append(tuple(padded))
            begin += len(chosen)
        # Where the strings that are read one after another stand in the split.
        self.order = torch.from_numpy(order).to(device)

    @torch.no_grad()
    def errors_per_string(self, model: Callable) -> Tensor:
        """Number of positions that each model gets wrong in each string, int64 [..., strings].

        `model` maps tokens [B, T] and its state to logits [..., B, T, classes] and the state after
        them. Memory does not grow with the strings' length if the state has a fixed size. Strings
        of a model without a state are read whole, few at a time: a piece would start without state.
        """
        wrong = torch.cat([self._read(model, *batch) for batch in self.batches], dim=-1)
        return torch.empty_like(wrong).index_copy_(-1, self.order, wrong)

    def _read(self, model: Callable, tokens: Tensor, targets: Tensor) -> Tensor:
        wrong, state = 0, None
        for begin in range(0, tokens.shape[1], STEPS):
            if begin and starts_anew(state):
                return self._read_whole(model, tokens, targets)
            piece = slice(begin, begin + STEPS)
            logits, state = model(tokens[:, piece].long(), state)
            wrong = wrong + _wrong(logits, targets[:, piece].long()).sum(-1)
        return torch.as_tensor(wrong)  # it is one, as no string is empty

    def _read_whole(self, model: Callable, tokens: Tensor, targets: Tensor) -> Tensor:
        rows = max(1, self.pairs // tokens.shape[1] ** 2)
        wrong = [
            _wrong(model(some.long(), None)[0], theirs.long()).sum(-1)
            for some, theirs in zip(tokens.split(rows), targets.split(rows), strict=True)
        ]
        return torch.cat(wrong, dim=-1)


def _wrong(logits: Tensor, targets: Tensor) -> Tensor:
    """True where a position has a target (≥ 0) and the largest logit is not its class."""
    right = (logits.argmax(-1) == targets) & logits.isfinite().all(-1)
    return ~right & (targets >= 0)
