"""What a job asks a cluster for: memory and time by the budget of its cell; without PyTorch.

Rough upper bounds. To ask for too much costs a later place in the queue; to ask for too little
costs another attempt, which asks for more and goes on from the checkpoint of the one before.
"""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fwp.config.settings import ModelSettings
from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import Cell
from fwp.results.chosen import settled
from fwp.search.settings import PACK, SearchSettings
from fwp.search.space import Choice
from fwp.utils.gpus import visible_gpus

START = 15  # minutes until all is loaded from a slow shared disk and kernels are compiled

# Parameters × symbols a second in training. CPU: the slowest model of the default grid on one core
# of a busy server. GPU: a third of what one small model does there, which leaves most of it idle.
RATE = {False: 4e8, True: 1e10}
READING = 3  # times as fast: without gradients
NARROW = 32  # models of a smaller width take as long

# Megabytes of Python, PyTorch and the two processes of Snakemake around a job; with a GPU its
# driver.
BASE = {False: 2000, True: 4000}
LINES = 64  # strings that are read side by side (fwp/training/evaluator.py)

# Settings that decide how much work a trial is.
SIZES = ("hidden", "layers", "feed_forward", "training.batch_size", "training.epochs")
MATRICES = 4  # of width × width that a layer has, at least
VECTORS = ("elman", "elstm", "gru", "lstm", "slstm")  # mixers with a state that is no matrix
MOST_HEADS = 16


class Request(NamedTuple):
    """Memory in megabytes and time in minutes."""

    mem_mb: int
    minutes: int


def gpus_here(device: str) -> int:
    """GPUs of this machine that jobs may use; `device` is auto, cpu or cuda."""
    return 0 if device == "cpu" else len(visible_gpus())


def gpus_per_job(device: str) -> int:
    """What a job that runs models asks of the resource `gpu`, here or on a cluster."""
    return int(device == "cuda" or gpus_here(device) > 0)


def drawing(dataset: DatasetSpec) -> Request:
    """For drawing the strings of a dataset."""
    parts = (dataset.train, dataset.validation, dataset.test)
    symbols = sum(_symbols(part.bins, part.count) for part in parts)
    return _request(1000e6 + 100 * symbols, 1e-5 * symbols)


def training(
    cell: Cell, dataset: DatasetSpec, *, seeds: int, gpu: bool, state_grows: bool
) -> Request:
    """For training seeds of a cell.

    Args:
        state_grows: whether the mixer's symbols meet all symbols before them.
    """
    epochs = seeds * cell.training.epochs
    return _training(cell, dataset, epochs=epochs, held=seeds, gpu=gpu, state_grows=state_grows)


def searching(
    cell: Cell, dataset: DatasetSpec, search: SearchSettings, *, gpu: bool, state_grows: bool
) -> Request:
    """For a search of a cell's settings: as if all trials had the largest of them."""
    largest = {
        key: max(dimension.values) if isinstance(dimension, Choice) else dimension.last
        for key, dimension in search.dimensions.items()
        if key in SIZES
    }
    if search.budget is not None:
        largest["hidden"] = width_within(cell.model, search.budget)
    cell = Cell.from_dict(settled(cell.as_dict(), largest))
    epochs = search.seeds * search.epochs(cell.training.epochs)
    held = min(search.trials * search.seeds, PACK) if gpu else 1
    return _training(cell, dataset, epochs=epochs, held=held, gpu=gpu, state_grows=state_grows)


def width_within(model: ModelSettings, budget: Mapping[str, int]) -> int:
    """About the width that a budget allows (`fwp.models.budget` has the exact one)."""
    if "parameters" in budget:
        return max(1, round(math.sqrt(budget["parameters"] / model.layers / MATRICES)))
    each = budget["state"] / model.layers
    return max(1, round(each if model.mixer in VECTORS else math.sqrt(each * MOST_HEADS)))


def _training(
    cell: Cell, dataset: DatasetSpec, *, epochs: int, held: int, gpu: bool, state_grows: bool
) -> Request:
    """For so many epochs of all runs together, of which so many are held in memory."""
    model, settings = cell.model, cell.training
    train, validation = dataset.train, dataset.validation
    symbols = _symbols(train.bins, train.count)
    symbols += _symbols(validation.bins, validation.count) / READING
    longest = train.max_length
    work = epochs * symbols * _parameters(model, longest * state_grows)
    # Of every symbol, what the backward pass needs, 4 bytes each, and what lies beside the strings.
    kept = model.layers * model.hidden * (16 + 4 * model.feed_forward)
    batch = 0 if gpu else 4 * settings.batch_size * longest * kept
    memory = _weights(model, held) + 64 * train.count * longest + batch
    return _request(BASE[gpu] * 1e6 + memory, work / RATE[gpu])


def evaluation(
    cell: Cell, dataset: DatasetSpec, *, seeds: int, gpu: bool, state_grows: bool
) -> Request:
    """For measuring seeds of a cell on the test strings; arguments as for `training`."""
    model, test = cell.model, dataset.test
    work = sum(
        _symbols([(low, high)], test.count) * _parameters(model, high * state_grows)
        for low, high in test.bins
    )
    longest = max(high for _, high in test.bins)
    memory = _weights(model, seeds) + 16 * test.count * longest
    if state_grows and not gpu:  # a key and a value of every symbol before
        memory += 8 * LINES * longest * model.layers * model.hidden
    return _request(BASE[gpu] * 1e6 + memory, seeds * work / RATE[gpu] / READING)


def _request(memory: float, seconds: float) -> Request:
    return Request(round(memory / 1e6), START + round(seconds / 60))


def _symbols(bins: Iterable[tuple[int, int]], count: int) -> float:
    """Symbols of `count` strings of each bin, by mean length."""
    return sum(count * (low + high) / 2 for low, high in bins)


def _parameters(model: ModelSettings, before: int) -> float:
    """Parameters that a symbol meets, and so many symbols before it."""
    width = max(model.hidden, NARROW)
    return model.layers * width * (width * (4 + 2 * model.feed_forward) + before)


def _weights(model: ModelSettings, seeds: int) -> float:
    """Bytes of weights, gradients, Adam's averages, the best weights, and copies to write."""
    return 32 * seeds * _parameters(model, 0)
