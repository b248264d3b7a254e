"""Windows of a text: what a language model is trained on, and selected by."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.training.batches import Batch

LOGITS = {"cpu": 4_194_304, "cuda": 268_435_456}
"""Logits that an evaluation computes at a time, at most."""


def stream(tokens: np.ndarray, device: str) -> Tensor:
    """Tokens on a device, in a type that PyTorch can index: uint8, int32 or, on a GPU, int64."""
    narrow = tokens if tokens.dtype == np.uint8 else tokens.astype(np.int32)
    text = torch.from_numpy(narrow)
    # A GPU has the memory to spare it the conversion in every step.
    return text.to(device, torch.int64) if device == "cuda" else text


class Windows:
    """Windows of a text at random places, `count` in an epoch; targets are the next tokens.

    It stands where `fwp.training.batches.PaddedSplit` does for strings: `tokens` and `targets`
    [places, context] are views of one text, so that a window costs no memory.

    Args:
        tokens: the text.
        context: tokens of a window.
        count: windows in an epoch.
        device: "cpu" or "cuda".
    """

    def __init__(self, tokens: np.ndarray, *, context: int, count: int, device: str = "cpu"):
        text = stream(tokens, device)
        self.tokens = text[:-1].unfold(0, context, 1)
        self.targets = text[1:].unfold(0, context, 1)
        self.context, self.count = context, count

    def __len__(self) -> int:
        return self.count

    def cut(self, longest: int) -> "Windows":
        """These windows without what follows their first `longest` tokens."""
        shorter = object.__new__(Windows)
        shorter.tokens, shorter.targets = self.tokens[:, :longest], self.targets[:, :longest]
        shorter.context, shorter.count = min(self.context, longest), self.count
        return shorter

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Batch]:
        """Batches of windows; which ones they are depends on seed and epoch alone."""
        places = np.random.default_rng([seed, epoch]).integers(0, len(self.tokens), self.count)
        length = self.context
        return [
            Batch(rows, np.ones(len(rows), dtype=np.int64), len(rows) * length, length, length)
            for rows in np.split(places, range(batch_size, self.count, batch_size))
        ]


class WindowEvaluator:
    """Windows of a validation text, evenly spread over it, each read from the start state.

    Args:
        tokens: the text.
        context: tokens of a window.
        most: windows, at most.
        classes: size of the vocabulary.
        device: "cpu" or "cuda".
        models: how many will read them at a time.
    """

    def __init__(
        self,
        tokens: np.ndarray,
        *,
        context: int,
        most: int,
        classes: int,
        device: str = "cpu",
        models: int = 1,
    ):
        count = min(most, (len(tokens) - 1) // context)
        places = np.linspace(0, len(tokens) - 1 - context, count).astype(np.int64)
        text = stream(tokens, device)
        rows = torch.from_numpy(places).to(device)
        self.tokens = text[:-1].unfold(0, context, 1)[rows].long()
        self.targets = text[1:].unfold(0, context, 1)[rows].long()
        kind = torch.device(device).type
        self.rows = max(1, LOGITS[kind] // (classes * context * models))

    @torch.no_grad()
    def score(self, model: Callable) -> Tensor:
        """Geometric mean of the probabilities of the right tokens, float64 [models].

        That is exp(−mean loss in nats), the reciprocal of the perplexity.

        Args:
            model: maps tokens [B, T] and its state to logits [..., B, T, classes] and a state.
        """
        nats = torch.stack(
            [
                token_losses(model(tokens, None)[0], targets).double().sum((-2, -1))
                for tokens, targets in zip(
                    self.tokens.split(self.rows), self.targets.split(self.rows), strict=True
                )
            ]
        ).sum(0)
        return (-nats / self.targets.numel()).exp()


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats of every token, [..., B, T], for logits [..., B, T, V]."""
    wanted = targets.expand(logits.shape[:-1])
    losses = F.cross_entropy(logits.flatten(0, -2), wanted.flatten(), reduction="none")
    return losses.view(wanted.shape)
