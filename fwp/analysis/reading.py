"""Reading strings with stops, at which the state is looked at, and what an automaton does there."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from fwp.languages._machine import Machine
from fwp.models.contract import require_state
from fwp.models.sequence_model import SequenceModel

PIECE = 128  # symbols read at once: bounds the memory for activations
WINDOW = 8  # positions that are looked at together
PER_OCTAVE = 4  # windows while the position doubles


def windows(length: int) -> list[range]:
    """Runs of `WINDOW` positions (from 1) whose ends are evenly spread on a log axis.

    The first is 1 … `WINDOW` and the last ends at `length`; early ones overlap.
    """
    if length < WINDOW:
        return []
    steps = np.arange(int(np.log2(length / WINDOW) * PER_OCTAVE) + 1) / PER_OCTAVE
    ends = sorted({*np.rint(WINDOW * 2**steps).astype(int).tolist(), length})
    return [range(end - WINDOW + 1, end + 1) for end in ends]


def read(
    model: SequenceModel, tokens: Tensor, stops: Sequence[int]
) -> Iterator[tuple[int, list, np.ndarray]]:
    """Read tokens [B, T] up to each stop in turn.

    Args:
        stops: positions, rising.

    Yields:
        The position, the state there, and the logits since the stop before, [B, symbols, classes].
    """
    state: list | None = None
    done = 0
    for stop in stops:
        said = []
        for end in (*range(done + PIECE, stop, PIECE), stop):
            logits, state = model(tokens[:, done:end], state)
            require_state(model, state)
            said.append(logits.cpu().numpy())
            done = end
        yield stop, state or [], np.concatenate(said, 1)


def automaton_states(
    machine: Machine, tokens: np.ndarray, lengths: np.ndarray, alphabet: Sequence[str]
) -> np.ndarray:
    """The state of `machine` after each symbol of tokens [B, T]; -1 in padding."""
    number = {state: i for i, state in enumerate(machine)}
    symbols, found = list(alphabet), np.full(tokens.shape, -1)
    for row, length, out in zip(tokens, lengths, found, strict=True):
        state = next(iter(machine))
        for t, token in enumerate(row[:length].tolist()):
            state = machine[state][1][symbols[token]]
            out[t] = number[state]
    return found
