"""What training steps are given: rows of strings and their weights, made ready and moved."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from fwp.training.batches import Batch

AHEAD = 16  # steps that are made ready at a time, while a GPU computes those before them


def prepare(
    batches: Sequence[Batch], *, on_gpu: bool
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Longest length, rows [R, strings], weights [R, strings] and labels [R] of a step.

    The weights make a weighted sum of the strings' losses the mean over all labels. A GPU gets few
    different shapes, since it runs a graph for each: lengths are multiples of eight, and numbers of
    strings powers of two.
    """
    size = max(len(b.rows) for b in batches)
    length = max(b.longest for b in batches)
    if on_gpu:
        size = 2 ** math.ceil(math.log2(size))
        length = min(-(-length // 8) * 8, *(b.limit for b in batches))
    rows = np.zeros((len(batches), size), dtype=np.int64)
    weights = np.zeros((len(batches), size))
    for i, batch in enumerate(batches):
        rows[i, : len(batch.rows)] = batch.rows
        weights[i, : len(batch.rows)] = batch.times
    labels = np.array([b.labels for b in batches], dtype=np.float64)
    return length, rows, weights / np.maximum(labels, 1)[:, None], labels


def upload(
    steps: Sequence[tuple[Batch, ...]],
    *,
    dtype: torch.dtype,
    device: torch.device,
    join: Callable[..., np.ndarray] | None = None,
) -> Iterator[tuple]:
    """The length of each step and its tensors on the device: several steps' in one transfer each.

    Args:
        steps: a batch of each model.
        dtype: of tensors that are not of integers.
        join: makes one array of a step's, called with the step's place and these; None leaves
            them apart.

    Yields:
        The length and, as tensors, what else `prepare` returns, or what `join` makes of it.
    """
    on_gpu = device.type == "cuda"
    # A GPU waits for the first of an epoch, so that at first few are made ready.
    begin, ahead = 0, 1 if on_gpu else AHEAD
    while begin < len(steps):
        ready = [prepare(step, on_gpu=on_gpu) for step in steps[begin : begin + ahead]]
        lengths, *parts = zip(*ready, strict=True)
        if join is not None:
            parts = [[join(i, *own) for i, own in enumerate(zip(*parts, strict=True), begin)]]
        begin, ahead = begin + ahead, min(2 * ahead, AHEAD)
        moved = []
        for arrays in parts:
            joined = torch.from_numpy(np.concatenate([a.ravel() for a in arrays]))
            if on_gpu:  # from pinned memory, so that the host need not wait for the GPU
                joined = joined.pin_memory().to(device, non_blocking=True)
            joined = joined if joined.dtype == torch.int64 else joined.to(dtype)
            pieces = joined.split([a.size for a in arrays])
            moved.append([x.view(a.shape) for x, a in zip(pieces, arrays, strict=True)])
        yield from zip(lengths, *moved, strict=True)
