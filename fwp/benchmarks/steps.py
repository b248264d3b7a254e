"""How fast a training step of each model is, against the floor that its arithmetic sets.

The floor is the time that the step's matrix products would take at the rate of a large one, on the
same device and number of threads. PyTorch counts them while the step runs with the reference
recurrences; what is not a matrix product (norms, softmax, outer products, Adam) counts as nothing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from fwp.benchmarks.ops import fastest, matrix_product_rate
from fwp.experiment.cell import Cell
from fwp.kernels.op import Op
from fwp.kernels.plan import PLANS
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.training import cuda_graphs
from fwp.training.batches import Batch, PaddedSplit
from fwp.training.step import TrainStep
from fwp.utils.denormals import flushing_denormals

BATCHES = 8  # that a measurement goes through


def measure(
    cells: Iterable[Cell],
    *,
    length: int = 50,
    packs: Iterable[int] = (1,),
    device: str = "cpu",
    budget: float = 1.0,
) -> Iterator[dict]:
    """Time a training step (forward, backward, Adam) of each cell's model, as training does it.

    Args:
        cells: models with their training settings, such as the batch size.
        length: symbols of every string; nothing is padding.
        packs: how many seeds are trained at a time.
        device: "cpu" or "cuda".
        budget: seconds after which a measurement is not repeated any more.

    Yields:
        model, recurrence ("default", or "reference" for the loops over time), pack, batch, length,
        parameters, and seconds and floor_seconds per seed; one dict per measurement.
    """
    rate = matrix_product_rate(device=device)
    for cell in cells:
        batch = cell.training.batch_size
        (alone,) = _models(cell, 1)
        floor = batch * _operations(cell, length) / rate
        for size in packs:
            # The reference is what a mixer without an op of ours is anyway: not timed twice.
            both = size == 1 and _has_op(cell, length)
            for kind in ["default", "reference"] if both else ["default"]:
                with _reference() if kind == "reference" else flushing_denormals():
                    seconds = _seconds(cell, size, batch, length, device, budget)
                yield {
                    "model": cell.model.name,
                    "recurrence": kind,
                    "pack": size,
                    "batch": batch,
                    "length": length,
                    "parameters": alone.parameter_count,
                    "seconds": seconds / size,
                    "floor_seconds": floor,
                }


def _seconds(cell: Cell, size: int, batch: int, length: int, device: str, budget: float) -> float:
    with cuda_graphs.stream(device):
        train_step, batches = _train_step(cell, size, batch, length, device)
        train_step.epoch([batches] * size)  # compiles and captures
        return fastest(lambda: train_step.epoch([batches] * size), device, budget) / len(batches)


def _models(cell: Cell, count: int) -> list[SequenceModel]:
    return [SequenceModel(2, 2, cell.model) for _ in range(count)]


def _train_step(cell: Cell, size: int, batch: int, length: int, device: str):
    """A step of training of `size` models, and batches of different binary strings."""
    count, rng = BATCHES * batch, np.random.default_rng(0)
    tokens, targets = (torch.from_numpy(rng.integers(2, size=(count, length))) for _ in range(2))
    each = np.full(count, length)
    strings = PaddedSplit(
        tokens.to(device, torch.uint8),
        targets.to(device, torch.int16),
        lengths=each,
        labels=each,
        first=np.arange(count),
    )
    pack = Pack([model.to(device) for model in _models(cell, size)])
    # The weights stay as they are, so that all repetitions do the same.
    settings = replace(cell.training, learning_rate=0.0, schedule="constant", warmup=0.0)
    rows = np.arange(count).reshape(BATCHES, batch)
    return TrainStep(pack, strings, [], settings, steps=BATCHES), [
        Batch(r, np.ones_like(r), r.size * length, length, length) for r in rows
    ]


def _operations(cell: Cell, length: int) -> int:
    """Floating-point operations of the matrix products in a step on one string."""
    plain = torch.backends.mkldnn.flags(enabled=False)  # a fused LSTM would hide its products
    train_step, (batch, *_) = _train_step(cell, 1, 1, length, "cpu")
    with _reference(), plain, FlopCounterMode(display=False) as counter:
        train_step.epoch([[batch]])
    return counter.get_total_flops()


@contextmanager
def _reference() -> Iterator[list[str]]:
    """Let every op use its reference backend; yields the names of the ops that were called."""
    called = []

    def choose(op: Op, *_):
        if op.state:  # a recurrence
            called.append(op.name)
        return op.backends["reference"]

    with mock.patch.object(Op, "choose", choose), mock.patch.dict(PLANS, clear=True):
        yield called


def _has_op(cell: Cell, length: int) -> bool:
    train_step, (batch, *_) = _train_step(cell, 1, 1, length, "cpu")
    with _reference() as called:
        train_step.epoch([[batch]])
    return bool(called)
