"""What happens along long strings: accuracy by position, and how the state grows and moves.

Strings are read piece by piece with the state carried over. At positions that are evenly spread on
a log axis the state is looked at: its norm, its distance from where it began, how much the last
symbol changed it, and how much memory it and the process take.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fwp.datasets.dataset import Split, load_dataset
from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.models.contract import require_state
from fwp.models.sequence_model import SequenceModel
from fwp.models.weights import load_trained_model
from fwp.training.batches import pad
from fwp.utils import devices
from fwp.utils.denormals import flushing_denormals
from fwp.utils.files import write_rows

PIECE = 128  # symbols read at once: bounds the memory for activations
PER_OCTAVE = 4  # positions looked at while the position doubles
STATES = (
    "task", "model", "seed", "position", "strings", "layer", "component",
    "norm", "distance", "start", "step", "state_bytes", "process_bytes",
)  # fmt: skip
POSITIONS = ("task", "model", "seed", "first", "last", "symbols", "accuracy")


def checkpoints(length: int) -> list[int]:
    """Positions 1 … `length` to look at, evenly spread on a log axis, both ends included."""
    steps = np.arange(int(np.log2(length) * PER_OCTAVE) + 1) / PER_OCTAVE
    return sorted({*np.rint(2**steps).astype(int).tolist(), length})


@flushing_denormals()
@torch.inference_mode()
def trace(
    model: SequenceModel, split: Split, *, strings: int = 20, device: str = "cpu"
) -> tuple[list[dict], list[dict]]:
    """Read the longest strings of `split` and look at the state on the way.

    Args:
        strings: how many to read, the longest first.

    Returns:
        Two lists of rows. Of states, one per position × layer × component of the state: position,
        strings (so many reach it), layer, component, norm (Frobenius), distance (of the state from
        the initial one), start (norm of the initial one), step (norm of the change that the last
        symbol made; NaN for a state whose size has changed), all means over strings; state_bytes
        (of the whole state, per string) and process_bytes (the most memory that the process, or
        on a GPU PyTorch, has taken so far). Of positions, one per stretch between two checkpoints:
        first and last (from 1), symbols (of all strings), accuracy (share of them right).
    """
    model.eval().to(device)
    chosen = np.argsort(-split.lengths, kind="stable")[:strings]
    lengths = split.lengths[chosen]
    tokens, targets = (torch.from_numpy(a).to(device).long() for a in pad(split, chosen))
    initial = [_initial(block.mixer) for block in model.blocks]
    states, positions, state, done = [], [], None, 0
    for position in checkpoints(int(lengths.max())):
        first, right, symbols = done + 1, 0, 0
        # The last symbol by itself, so that the state before it is at hand.
        for end in (*range(done + PIECE, position - 1, PIECE), position - 1, position):
            if end > done:
                before, (logits, state) = state, model(tokens[:, done:end], state)
                require_state(model, state)
                asked = targets[:, done:end] >= 0
                right += int(((logits.argmax(-1) == targets[:, done:end]) & asked).sum())
                symbols += int(asked.sum())
                done = end
        positions.append(
            {
                "first": first,
                "last": position,
                "symbols": symbols,
                "accuracy": right / symbols if symbols else float("nan"),
            }
        )
        alive = torch.from_numpy(lengths >= position).to(device)
        states += _look(state, before, initial, alive, position, device)
    return states, positions


def _initial(mixer) -> Sequence[Tensor] | None:
    """The state before the first symbol, without a batch axis; None if it is all zeros."""
    return mixer.initial_state() if hasattr(mixer, "initial_state") else None


def _look(state, before, initial, alive: Tensor, position: int, device: str) -> Iterator[dict]:
    size = sum(part.nbytes for parts in state for part in parts) // len(alive)
    for layer, parts in enumerate(state):
        for i, part in enumerate(parts):
            start = torch.zeros_like(part[0]) if initial[layer] is None else initial[layer][i]
            last = None if before is None else before[layer][i]
            last = start.expand_as(part) if last is None else last
            same = last.shape == part.shape
            yield {
                "position": position,
                "strings": int(alive.sum()),
                "layer": layer,
                "component": i,
                "norm": _norm(part, alive),
                "distance": _norm(part - start, alive),
                "start": float(start.double().norm()),
                "step": _norm(part - last, alive) if same else float("nan"),
                "state_bytes": size,
                "process_bytes": _peak(device),
            }


def _norm(part: Tensor, alive: Tensor) -> float:
    """Mean Frobenius norm of the states of the strings that go on."""
    return float(part[alive].double().flatten(1).norm(dim=1).mean())


def _peak(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def trace_cell(
    cell: TrainedCell,
    *,
    seeds: Sequence[int],
    strings: int,
    dataset: str | Path,
    weights: str | Path,
    sha256: str | None = None,
    spec: DatasetSpec | None = None,
    states: str | Path,
    positions: str | Path,
    device: str = "auto",
) -> None:
    """Trace every seed of a trained cell on the longest test strings and write two CSVs.

    Args:
        cell: model and task.
        seeds: those of its record.
        strings: how many strings to read.
        dataset: the task's test strings.
        weights: the cell's weights file.
        sha256: of that file, by the cell's record.
        spec: what the test strings were drawn from.
        states: where the rows on states go (`STATES`).
        positions: where the rows on positions go (`POSITIONS`).
        device: auto, cpu or cuda.
    """
    device = devices.pick(device)
    data = load_dataset(dataset, cell.task, spec=spec, kinds=("test",))
    found: tuple[list[dict], list[dict]] = ([], [])
    for seed in seeds:
        model = load_trained_model(
            cell.model, data, weights, seed=seed, dtype=cell.dtype, sha256=sha256
        )
        traced = trace(model, data.test[-1], strings=strings, device=device)
        for rows, own in zip(found, traced, strict=True):
            rows += [cell.names | {"seed": seed} | row for row in own]
    for path, columns, rows in zip((states, positions), (STATES, POSITIONS), found, strict=True):
        write_rows(path, columns, rows)
