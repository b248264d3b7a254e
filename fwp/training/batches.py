"""From strings of unequal length to batches of padded ones."""

import itertools
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from fwp.utils.targets import NO_TARGET

# A shuffled epoch is cut into pools of this many batches and sorted by length within each: strings
# of similar length share a batch, so that little of it is padding, and batches still differ from
# epoch to epoch.
POOL = 16


class Strings(Protocol):
    """Strings one after another, as `fwp.datasets.dataset.Split` has them."""

    @property
    def tokens(self) -> np.ndarray:
        """Symbols of all strings."""
        ...

    @property
    def targets(self) -> np.ndarray:
        """What is asked for at each symbol."""
        ...

    @property
    def offsets(self) -> np.ndarray:
        """Where each string begins, and the end of the last."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """Symbols of each string."""
        ...

    def __len__(self) -> int: ...


def pad(split: Strings, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and targets of the strings `chosen`, [strings, longest of them], in their types.

    Padding stands on the right, where no causal model sees it: symbol 0, target `NO_TARGET`.
    """
    lengths = split.lengths[chosen]
    steps = np.arange(lengths.max())
    inside = steps < lengths[:, None]
    where = (split.offsets[chosen][:, None] + steps)[inside]
    tokens = np.zeros(inside.shape, dtype=split.tokens.dtype)
    targets = np.full(inside.shape, NO_TARGET, dtype=split.targets.dtype)
    tokens[inside], targets[inside] = split.tokens[where], split.targets[where]
    return tokens, targets


class Batch(NamedTuple):
    """The strings of a step.

    rows: int64 [strings].
    times: how often each is in it, int64 [strings].
    labels: positions that have a target.
    longest: symbols of the longest string.
    limit: symbols of the longest string of all batches, behind which strings may be cut off.
    """

    rows: np.ndarray
    times: np.ndarray
    labels: int
    longest: int
    limit: int


@dataclass(frozen=True)
class PaddedSplit:
    """A split made ready for training: padded once, on the device of the model.

    tokens: integers [strings, longest]; what follows a string's length is not for training.
    targets: of that shape.
    lengths: symbols of each string, int64 [strings].
    labels: positions of each string that have a target, int64 [strings].
    first: the number of the first string that equals a string, int64 [strings].
    """

    tokens: Tensor
    targets: Tensor
    lengths: np.ndarray
    labels: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, split: Strings, device: str = "cpu") -> "PaddedSplit":
        """Pad all strings of a split."""
        tokens, targets = pad(split, np.arange(len(split)))
        seen: dict[bytes, int] = {}
        bounds = itertools.pairwise(split.offsets.tolist())
        texts = (split.tokens[begin:end].tobytes() for begin, end in bounds)
        first = np.array([seen.setdefault(text, i) for i, text in enumerate(texts)])
        # A GPU has the memory to spare it the conversion in every step.
        wide = {"device": device, "dtype": torch.int64} if device == "cuda" else {}
        return cls(
            torch.from_numpy(tokens).to(**wide),
            torch.from_numpy(targets).to(**wide),
            split.lengths,
            (targets != NO_TARGET).sum(1),
            first,
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def cut(self, longest: int) -> "PaddedSplit":
        """These strings without what follows their first `longest` symbols."""
        labels = (self.targets[:, :longest] != NO_TARGET).sum(1).cpu().numpy()
        return replace(self, lengths=np.minimum(self.lengths, longest), labels=labels)

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Batch]:
        """All strings in random order: batches of `batch_size` strings of similar length.

        The last strings that do not fill a batch form a smaller one, so that every string is seen
        once. Others stand in for strings that have no label, which may have been cut off.
        The seed decides which strings share a batch; whether a step gets long or short ones is the
        same for every seed, so that a pack's seeds have batches of like length.
        """
        # Generators of their own: an epoch's order does not depend on what was drawn before.
        order = np.random.default_rng([seed, epoch]).permutation(len(self))
        labelled = np.flatnonzero(self.labels)
        if 0 < len(labelled) < len(self):
            order = labelled[order % len(labelled)]
        pool = POOL * batch_size
        batches = []
        for begin in range(0, len(order), pool):
            part = order[begin : begin + pool]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
        turns = np.random.default_rng(epoch).permutation(len(batches))
        return self._distinct([batches[i] for i in turns])

    def _distinct(self, batches: list[np.ndarray]) -> list[Batch]:
        """Equal strings of a batch once: a language with one string per length has few others."""
        steps = np.repeat(np.arange(len(batches)), [len(rows) for rows in batches])
        keys = steps * len(self) + self.first[np.concatenate(batches)]
        keys, times = np.unique(keys, return_counts=True)
        steps, rows = np.divmod(keys, len(self))
        begins = np.searchsorted(steps, np.arange(len(batches)))
        labels = np.add.reduceat(self.labels[rows] * times, begins).tolist()
        longest = np.maximum.reduceat(self.lengths[rows], begins).tolist()
        parts = (np.split(rows, begins[1:]), np.split(times, begins[1:]))
        limit = int(self.lengths.max())
        return [Batch(*facts, limit) for facts in zip(*parts, labels, longest, strict=True)]
