"""How time and memory grow: of a training step with its sizes, of planning with the grid.

    rows = list(measure(cells, {"hidden": [16, 32], "planned": [10]}, "cpu", "Snakefile"))

A step's memory is what it takes beyond an idle process: on a CPU at its peak in a process of its
own, on a GPU as PyTorch allocates it.
"""

import gc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from fwp.benchmarks import apart
from fwp.benchmarks.ops import fastest
from fwp.benchmarks.workload import train_step
from fwp.experiment.cell import Cell
from fwp.training import cuda_graphs
from fwp.utils.denormals import flushing_denormals

STEP = ("seeds", "hidden", "length", "layers")
GRID = ("planned", "automata", "run")
SEEDS = {"cpu": [1, 2, 4, 8, 16, 32, 64], "cuda": [1, 4, 16, 64, 256, 1024]}
BATCH, LENGTH = 16, 50
FEW = 4  # strings of a batch where their length grows
LIMIT = 120.0  # seconds of a step's measurement, after which larger sizes are left out
DAY = 86400.0


def measure(
    cells: Iterable[Cell], settings: dict, device: str, snakefile: str | Path, budget: float = 0.5
) -> Iterator[dict]:
    """Time and memory at each size of each axis, all other sizes as in the config.

    Args:
        cells: models, whose training steps have 16 strings of 50 symbols; 4 strings on the axis
            `length`.
        settings: sizes of the axes seeds (None for those of the device), hidden, length, layers
            (of a training step), planned (cells that `snakemake -n` plans), automata (tasks of
            files of automata that it plans) and run (cells that it trains for one epoch of 20
            strings, on all cores); axes may be left out.
        device: "cpu" or "cuda".
        snakefile: of the workflow.
        budget: seconds after which a step is not repeated any more.

    Yields:
        axis, model ("" on the last three axes), size, seconds (on a CPU and in planning CPU
        seconds), bytes, note; one dict per point. Where there is no answer, seconds is None,
        `note` says why, and larger sizes are left out.
    """
    for cell in cells:
        for axis in STEP:
            sizes = settings.get(axis, ())
            for size in SEEDS[device] if sizes is None else sizes:
                own, counts = _sized(cell, axis, size)
                arguments = {"cell": own.as_dict(), **counts, "device": device, "budget": budget}
                row = _here(arguments) if device != "cpu" else _apart(arguments)
                yield {"axis": axis, "model": cell.model.name, "size": size, **row}
                if row["note"]:
                    break
    for axis in GRID:
        for size in settings.get(axis, ()):
            row = _of_grid(snakefile, size, axis)
            yield {"axis": axis, "model": "", "size": size, **row}
            if row["note"]:
                break


def _sized(cell: Cell, axis: str, size: int) -> tuple[Cell, dict[str, int]]:
    """A cell with one of its sizes changed, and the numbers of seeds, strings and symbols."""
    counts = {"pack": 1, "batch": BATCH, "length": LENGTH}
    if axis == "seeds":
        return cell, counts | {"pack": size}
    if axis == "length":
        return cell, counts | {"batch": FEW, "length": size}
    return replace(cell, model=replace(cell.model, **{axis: size})), counts


def _apart(arguments: dict) -> dict:
    answer = apart.call("fwp.benchmarks.growth:step", arguments, limit=LIMIT)
    return answer.value or {"seconds": None, "bytes": None, "note": answer.reason}


def _of_grid(snakefile: str | Path, cells: int, axis: str) -> dict:
    """By a small process: the memory of a program counts that of the one which starts it."""
    dry = axis != "run"
    arguments = {"snakefile": str(Path(snakefile).resolve()), "cells": cells, "dry": dry}
    arguments |= {"automata": axis == "automata"}
    function = "fwp.benchmarks.planning:measure"
    answer = apart.call(function, arguments, limit=DAY, one_core=dry)
    return answer.value or {"seconds": None, "bytes": None, "note": answer.reason}


def _here(arguments: dict) -> dict:
    try:
        return step(**arguments)
    except (RuntimeError, MemoryError) as error:  # no memory left, for example
        reason = str(error).partition("\n")[0][:100]
        return {"seconds": None, "bytes": None, "note": reason}


def step(cell: dict, pack: int, batch: int, length: int, device: str, budget: float) -> dict:
    """Seconds and bytes of a training step of a pack."""
    own = Cell.from_dict(cell)
    torch.set_num_threads(1)
    with flushing_denormals(), cuda_graphs.stream(device):
        if device == "cpu":  # what the first step loads and keeps does not count
            small = replace(own, model=replace(own.model, layers=1))
            warm, epoch = train_step(small, pack=min(pack, 2), batch=1, length=2, batches=1)
            warm.epoch(epoch)
        before = _memory(device)
        counts = {"pack": pack, "batch": batch, "length": length}
        run, epoch = train_step(own, **counts, device=device, batches=1)
        run.epoch(epoch)
        seconds = fastest(lambda: run.epoch(epoch), device, budget)
        return {"seconds": seconds, "bytes": _memory(device, after=True) - before, "note": ""}


def _memory(device: str, *, after: bool = False) -> int:
    """Bytes, at the peak so far."""
    if device == "cpu":
        return apart.peak_memory()
    if not after:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return torch.cuda.max_memory_allocated()
