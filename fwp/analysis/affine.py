"""Whether a recurrence is affine: the next state is A s + b, with A and b from the input alone.

Asked of the largest set of parts of the state that act on one another. Smaller sets do not count,
such as a running maximum that keeps exponentials small. Nor do parts that only hold the last
symbols, as those of short convolutions do.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from fwp.models.sequence_model import SequenceModel

BEFORE = 5  # symbols that are read before
AFTER = 16  # symbols after which a window of the last ones holds none of those before
RANDOM = 0.3  # standard deviation of random weights
SAME = 1e-7  # in float64, as a share of the largest change


@torch.no_grad()
def is_affine(model: SequenceModel) -> bool | None:
    """Whether every layer is affine; None if the state grows, or there is none."""
    found = [_mixer_is_affine(block.mixer, model.readout.in_features) for block in model.blocks]
    return None if None in found else all(found)


def _mixer_is_affine(mixer, hidden: int) -> bool | None:
    """Of the state alone: what a layer computes from it for the next one need not be affine."""
    kept = _lasting(mixer, hidden)
    if kept is None:
        return None
    mixer, x, state, shifts = _probe(mixer, hidden)
    after = _next(mixer, x, state)
    answers = [_changed(mixer, x, state, shifts[0], [i]) for i in range(len(state))]
    acts = [{j for j, part in enumerate(answer) if _differs(part, after[j])} for answer in answers]
    sets = {frozenset(j for j in kept if _reach(acts, i, j)) for i in kept}
    parts = sorted(max(sets, key=lambda some: sum(state[i].numel() for i in some)))
    both = [one + other for one, other in zip(*shifts, strict=True)]
    first, second, sums = (_changed(mixer, x, state, by, parts) for by in (*shifts, both))
    return all(not _differs(first[i] + second[i], sums[i] + after[i]) for i in parts)


@torch.no_grad()
def lasting_parts(model: SequenceModel) -> list[list[int]] | None:
    """For each layer, which parts of its state do not only hold the last symbols.

    Returns:
        Their places in the state. None if the state of a layer grows, or if one has none.
    """
    found = [_lasting(block.mixer, model.readout.in_features) for block in model.blocks]
    return [parts for parts in found if parts is not None] if None not in found else None


def _lasting(mixer, hidden: int) -> list[int] | None:
    """Those in which a change is still seen after `AFTER` symbols.

    Of random weights, since a trained recurrence may forget a change, and a window always does.
    """
    mixer, x, state, (shift, _) = _probe(mixer, hidden)
    after = _next(mixer, x, state)
    if not after or [part.shape for part in after] != [part.shape for part in state]:
        return None
    draw = torch.Generator().manual_seed(1)
    for weights in mixer.parameters():
        weights.copy_(RANDOM * torch.randn(weights.shape, generator=draw, dtype=torch.float64))
    xs = torch.randn(1, AFTER, hidden, generator=draw, dtype=torch.float64)
    after = _next(mixer, xs, state)
    every = range(len(state))
    moved = [_changed(mixer, xs, state, shift, [i])[i] for i in every]
    return [i for i in every if not torch.equal(moved[i], after[i])] or list(every)


def _probe(mixer, hidden: int) -> tuple:
    """A copy of the mixer in float64, an input, a state, and two ways to move the state."""
    mixer = copy.deepcopy(mixer).double().cpu().eval()
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    _, state = mixer(normal(1, BEFORE, hidden), None)
    x = normal(1, 1, hidden)
    shifts = [
        [part.std(correction=0).clamp(min=1e-3) * normal(*part.shape) for part in state or ()]
        for _ in "12"
    ]
    return mixer, x, state, shifts


def _next(mixer, x: Tensor, state) -> tuple[Tensor, ...]:
    return mixer(x, state)[1] or ()


def _changed(mixer, x: Tensor, state, shifts: Sequence[Tensor], parts) -> tuple[Tensor, ...]:
    moved = tuple(part + shifts[i] if i in parts else part for i, part in enumerate(state))
    return _next(mixer, x, moved)


def _differs(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() > SAME * (1 + other.abs().max()))


def _reach(acts: list[set[int]], one: int, other: int) -> bool:
    """Whether two parts act on each other, however many parts lie between."""
    return one == other or (_acts(acts, one, other) and _acts(acts, other, one))


def _acts(acts: list[set[int]], one: int, other: int) -> bool:
    reached, waiting = set(), [one]
    while waiting:
        new = acts[waiting.pop()] - reached
        reached |= new
        waiting += new
    return other in reached
