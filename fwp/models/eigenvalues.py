"""Eigenvalues of a mixer's transition, by how its state answers when it is moved.

Where the next state is A S + b, with A and b that only the input decides, A is what S + e, for each
unit vector e, adds to the next state. One call with a batch of them gives all of A.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

SIZES = (1.0, 4.0, 16.0)  # of inputs: large ones bring gates to their ends
DRAWS, BEFORE = 4, 5  # inputs of each size, and symbols that are read before them
MOST = 4096  # numbers in a part of a state
SAME = {torch.float64: 1e-7, torch.float32: 1e-2}
NOISE = {torch.float64: 1e-13, torch.float32: 1e-5}  # as a share of the largest entry
WIDEST = 1024  # numbers of a block whose eigenvalues are computed
NEGATIVE, IMAGINARY, NOTHING = -1e-3, 1e-3, 1e-6

Read = Callable[[Tensor, object], tuple[Tensor, object]]


class Spectrum(NamedTuple):
    """The eigenvalues of a part of the state, over all inputs that were tried.

    Attributes:
        part: its place in the state.
        low, high: least and largest real part.
        modulus: the largest.
        real: whether all are real numbers.
    """

    part: int
    low: float
    high: float
    modulus: float
    real: bool

    @property
    def negative(self) -> bool:
        """Whether a real part is negative."""
        return self.low < NEGATIVE

    def __str__(self):
        if self.real:
            if self.high - self.low < 5e-3:
                return _short(self.high)
            return f"real, in [{_short(self.low)}, {_short(self.high)}]"
        return f"complex, up to {self.modulus:.2f} in size, real parts from {_short(self.low)}"


def _short(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"


@torch.no_grad()
def spectra(read: Read, draw: Callable[[int, int], Tensor]) -> list[Spectrum] | str:
    """The spectra of all parts of the state that are linear, or why there are none.

    A part is linear if its next value is affine in it for every input, and if what else decides
    that value does not depend on it in turn. Parts that only hold the last symbols are left out.

    Args:
        read: maps x [B, T, hidden] and a state to y and the state after it.
        draw: an input of so many strings and symbols; their numbers are normal.
    """
    _, state = read(draw(1, BEFORE), None)
    if not isinstance(state, tuple) or not state:
        return "there is no state"
    _, after = read(draw(1, 1), state)
    if [p.shape for p in state] != [p.shape for p in after]:  # pyright: ignore
        return "the state grows with the string"
    parts = [i for i, part in enumerate(state) if part.is_floating_point()]
    if max(state[i].numel() for i in parts) > MOST:
        return f"a part of the state has more than {MOST} numbers; try a smaller width"
    values: dict[int, list[Tensor]] = {i: [] for i in parts}
    affine, moved = dict.fromkeys(parts, True), {i: set[int]() for i in parts}
    for k, x in enumerate(draw(DRAWS, len(SIZES)).transpose(0, 1).flatten(0, 1)):
        x = x * SIZES[k // DRAWS]
        for i in parts:
            if not affine[i]:
                continue
            first, others = _moved(read, x, state, i)
            moved[i] |= others
            if k % DRAWS == 0:
                second, others = _moved(read, x, _elsewhere(state, i), i)
                moved[i] |= others
                same = SAME.get(first.dtype, SAME[torch.float32])
                affine[i] = bool(((first - second).abs() <= same * (1 + first.abs())).all())
            values[i].append(eigenvalues(first))
    found = []
    for i in parts:
        if affine[i] and not any(i in _reached(j, moved) for j in moved[i] - {i}):
            every = torch.cat(values[i])
            real = bool((every.imag.abs() <= IMAGINARY * (1 + every.abs())).all())
            low, high = (round(float(x), 6) + 0.0 for x in every.real.aminmax())
            found.append(Spectrum(i, low, high, float(every.abs().max()), real))
    lasting = [one for one in found if one.modulus > NOTHING]
    return lasting or "the state is not linear: what it becomes depends on it in another way"


def _moved(read: Read, x: Tensor, state: tuple, part: int) -> tuple[Tensor, set[int]]:
    """By how much the next value of a part changes with each of its numbers, [n, n].

    And which parts of the state change with it.
    """
    size = state[part].numel()
    before = [p.expand(size + 1, *p.shape[1:]).clone() for p in state]
    step = torch.eye(size, dtype=state[part].dtype, device=x.device)
    before[part][1:] += step.view(size, *state[part].shape[1:])
    _, after = read(x.expand(size + 1, 1, -1).contiguous(), _like(state, before))
    changes = [(p[1:] - p[:1]).flatten(1) for p in after]  # pyright: ignore
    seen = {i for i, c in enumerate(changes) if bool((c.abs() > SAME[torch.float64]).any())}
    return changes[part], seen


def _elsewhere(state: tuple, part: int) -> tuple:
    """The state with other numbers in one part."""
    own = state[part]
    other = torch.randn(own.shape, generator=torch.Generator().manual_seed(part)).to(own)
    return _like(state, [own + other if i == part else p for i, p in enumerate(state)])


def _like(state: tuple, parts: Sequence[Tensor]) -> tuple:
    """A state of other numbers; a mixer may have a tuple of its own, with attributes."""
    if type(state) is tuple:
        return tuple(parts)
    made = tuple.__new__(type(state), parts)
    made.__dict__.update(vars(state))
    return made


def _reached(part: int, moved: dict[int, set[int]]) -> set[int]:
    """The parts that change, sooner or later, if this one does."""
    found, waiting = set[int](), [part]
    while waiting:
        for other in moved.get(waiting.pop(), set()) - found:
            found.add(other)
            waiting.append(other)
    return found


def eigenvalues(matrix: Tensor) -> Tensor:
    """Those of a matrix [n, n], block by block: heads and columns of a state do not mix.

    Raises:
        ValueError: a block is wider than `WIDEST`.
    """
    tiny = NOISE.get(matrix.dtype, NOISE[torch.float32]) * matrix.abs().max()
    matrix = matrix.where(matrix.abs() > tiny, 0.0).double()
    joined = (matrix != 0) | (matrix != 0).T | torch.eye(len(matrix), device=matrix.device).bool()
    labels = torch.arange(len(matrix), device=matrix.device)
    while True:
        least = torch.where(joined, labels, len(matrix)).amin(1)
        if torch.equal(least, labels):
            break
        labels = least
    blocks: dict[int, list[Tensor]] = {}
    for label in labels.unique():
        rows = (labels == label).nonzero().squeeze(1)
        if len(rows) > WIDEST:
            raise ValueError(f"a transition mixes more than {WIDEST} numbers; try a smaller width")
        blocks.setdefault(len(rows), []).append(matrix[rows][:, rows])
    same = [torch.stack(own).cpu() for own in blocks.values()]
    return torch.cat([torch.linalg.eigvals(own).flatten() for own in same])
