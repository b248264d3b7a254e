"""Gradients of weights on a second stream of the GPU, beside the chain of all other gradients.

With one model a step is a chain of small kernels, each of which leaves most of the GPU idle. No
other gradient waits for that of a weight: it can be computed while the chain goes on. A CUDA graph
keeps this order, and all streams have met again before the gradients are used.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

import torch
from torch import Tensor


class _Stream:
    """The second stream, how often each weight was used, and what the stream still reads."""

    def __init__(self, device: torch.device):
        self.stream = torch.cuda.Stream(device)
        self.uses: Counter[int] = Counter()
        self.kept: list[Tensor] = []


_streams: dict[torch.device, _Stream] = {}
_active: list[_Stream] = []


@contextlib.contextmanager
def weight_gradients_aside(weight: Tensor) -> Iterator[None]:
    """Within, gradients of weights may be computed aside; after it, they can be used.

    The forward pass belongs into it too. Nothing within may use the gradient of a weight.

    Args:
        weight: one of the weights; on a CPU this does nothing.
    """
    if weight.device.type != "cuda":
        yield
        return
    own = _streams.setdefault(weight.device, _Stream(weight.device))
    _active.append(own)
    try:
        yield
    finally:
        _active.clear()
        if own.kept:  # a graph may not wait for what it does not contain
            torch.cuda.current_stream(weight.device).wait_stream(own.stream)
        own.uses.clear()
        own.kept.clear()


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Within, nothing is computed aside, so that gradients of weights can be used."""
    active, _active[:] = _active[:], []
    try:
        yield
    finally:
        _active[:] = active


def used(*weights: Tensor) -> tuple[int, ...]:
    """To be called in the forward pass with the weights of an op; the answer is for `aside`.

    Empty if their gradients may not be computed aside, as autograd would go on with them: they are
    made of others then.
    """
    if not _active:
        return ()
    leaves = tuple(map(_leaf, weights))
    if not all(leaves):
        return ()
    _active[0].uses.update(leaves)
    return leaves


def _leaf(weight: Tensor) -> int:
    """The trained tensor that a weight is, or is a view of as a whole; 0 for others."""
    base = weight if weight._base is None else weight._base
    whole = base.is_leaf and base.requires_grad and weight.numel() == base.numel()
    return id(base) if whole else 0


def may(leaves: tuple[int, ...]) -> bool:
    """Whether gradients of weights may be computed aside; autograd adds up those used twice."""
    return bool(_active and leaves) and all(_active[0].uses[leaf] == 1 for leaf in leaves)


@contextlib.contextmanager
def aside(leaves: tuple[int, ...], *inputs: Tensor | None) -> Iterator[None]:
    """Within, kernels run on the second stream if they `may`.

    Args:
        leaves: what `used` answered.
        inputs: what they read.
    """
    if not may(leaves):
        yield
        return
    own = _active[0]
    own.stream.wait_stream(torch.cuda.current_stream(own.stream.device))
    own.kept += [x for x in inputs if x is not None]  # their memory is not used again meanwhile
    with torch.cuda.stream(own.stream):
        yield
