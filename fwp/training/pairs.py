"""Loss of models on pairs of sentences, of the targets alone."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.datasets.text.pair_dataset import PairSplit
from fwp.training.batches import pad
from fwp.training.windows import LOGITS
from fwp.utils.targets import NO_TARGET


class PairEvaluator:
    """Pairs that any number of models read, side by side with pairs of similar length.

    Args:
        split: the pairs.
        classes: size of the vocabulary, separator and end among it.
        device: "cpu" or "cuda".
        models: how many will read them at a time.
    """

    def __init__(self, split: PairSplit, *, classes: int, device: str = "cpu", models: int = 1):
        self.targets = int((split.targets != NO_TARGET).sum())
        room = LOGITS[torch.device(device).type] // (classes * models)
        order = np.argsort(-split.lengths, kind="stable")
        self.batches, begin = [], 0
        while begin < len(order):  # the longest first, which decide how many fit
            rows = max(1, room // int(split.lengths[order[begin]]))
            chosen = order[begin : begin + rows]
            arrays = (torch.from_numpy(x).to(device) for x in pad(split, chosen))
            self.batches.append(_Batch(*arrays))
            begin += len(chosen)
        self.order = torch.from_numpy(order).to(device)

    @torch.no_grad()
    def nats_per_pair(self, model: Callable) -> Tensor:
        """Nats of each target, its end included, summed over tokens, float64 [..., pairs].

        Args:
            model: maps tokens [B, T] and its state to logits [..., B, T, classes] and a state.
        """
        nats = torch.cat([batch.nats(model) for batch in self.batches], dim=-1)
        return torch.empty_like(nats).index_copy_(-1, self.order, nats)

    def score(self, model: Callable) -> Tensor:
        """Geometric mean of the probabilities of the right target tokens, float64 [models].

        That is exp(−mean loss in nats), the reciprocal of the perplexity.
        """
        return (-self.nats_per_pair(model).sum(-1) / self.targets).exp()


class _Batch(NamedTuple):
    """Pairs that are read side by side, [B, T]; see `fwp.training.batches.pad`."""

    tokens: Tensor
    targets: Tensor

    def nats(self, model: Callable) -> Tensor:
        """Nats of each target [..., B]."""
        logits, _ = model(self.tokens.long(), None)
        wanted = self.targets.long().expand(logits.shape[:-1])
        losses = F.cross_entropy(
            logits.flatten(0, -2), wanted.flatten(), ignore_index=NO_TARGET, reduction="none"
        )
        return losses.view(wanted.shape).double().sum(-1)
