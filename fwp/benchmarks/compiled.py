"""Our loops over time, as `torch.compile` makes them fast: what PyTorch gives without kernels."""

import time

import torch

from fwp.benchmarks.ops import fastest
from fwp.benchmarks.workload import reference, train_step
from fwp.experiment.cell import Cell
from fwp.training import cuda_graphs


def seconds(cell: dict, size: dict, device: str, budget: float) -> dict:
    """Seconds of a training step of a cell, and how long compiling took; in a process of its own.

    Args:
        cell: as a dictionary.
        size: batch, length and symbols; the pack is of one seed.
    """
    torch.set_num_threads(1)
    with reference(), cuda_graphs.stream(device):
        step, epoch = train_step(Cell.from_dict(cell), **size, device=device)
        step.pack._template.compile()
        start = time.perf_counter()
        step.epoch(epoch)
        took = time.perf_counter() - start
        found = fastest(lambda: step.epoch(epoch), device, budget) / len(epoch[0])
    return {"seconds": found, "compiling": took}
