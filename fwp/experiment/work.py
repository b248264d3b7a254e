"""How long it takes to train a cell, and to read its strings, by the table of `speeds`.

Work is counted in steps and symbols.
"""

import json
import math
from collections.abc import Iterable
from functools import cache

from fwp.config.settings import AUXILIARY, ModelSettings
from fwp.datasets.recognition.task import PAIRS
from fwp.datasets.spec import DatasetSpec
from fwp.experiment import speeds
from fwp.experiment.cell import Cell
from fwp.experiment.known_languages import known_language

READING = 3  # times as fast: without gradients
# Seconds per symbol of a loss beside that of recognition: measured with 2 and 9 symbols, an LSTM
# and DeltaNets of width 32 and 64 (0.1 to 1.1 µs, median 0.4).
FURTHER = 0.4e-6
COUNTED = 2000  # symbols; strings of longer windows are not counted
DENSITY = 100  # lengths that tell whether a language has many strings


def epoch(cell: Cell, dataset: DatasetSpec) -> float:
    """Seconds of an epoch of one seed, by the table; of a mixer that it lacks, as of an LSTM."""
    speed = speeds.SPEEDS.get(cell.model.mixer, speeds.SPEEDS["lstm"])
    train, batch = dataset.train, cell.training.batch_size
    steps = math.ceil(train.count / batch)
    # Equal strings of a batch are computed once; its strings are neighbours in length.
    different = _different(dataset, train.min_length, train.max_length, train.count)
    batch = min(batch, train.count, 1 + batch * different / train.count)
    read = steps * batch * (train.min_length + train.max_length) / 2
    cost = _cost(cell, speed, train.max_length)
    validation = [(*b, dataset.validation.count) for b in dataset.validation.bins]
    further = sum(getattr(cell.training, loss) > 0 for loss in AUXILIARY)
    cost += FURTHER * further
    overhead = 1e-3 * speed.step * cell.model.layers * steps
    return overhead + cost * read + reading(cell, validation, dataset)


def tested(dataset: DatasetSpec) -> list[tuple[int, int, int]]:
    """The bins of test strings: shortest, longest, how many; pairs are bins beside the others."""
    bins = [(*b, dataset.test.count) for b in dataset.test.bins]
    return bins * 2 if dataset.measure.get(PAIRS) else bins


def reading(cell: Cell, bins: Iterable[tuple[int, int, int]], dataset: DatasetSpec) -> float:
    """Seconds to read the strings of bins (shortest, longest, how many) with one seed."""
    speed = speeds.SPEEDS.get(cell.model.mixer, speeds.SPEEDS["lstm"])
    return sum(symbols(*b, dataset) * _cost(cell, speed, b[1]) / READING for b in bins)


def _cost(cell: Cell, speed: speeds.Speed, length: int) -> float:
    """Seconds per symbol in training."""
    model = cell.model
    wider = (2 + _feed_forward(model)) / 4  # than the table's factor of 2
    precise = 1 + (cell.training.dtype == "float64")
    return model.layers * wider * precise * speed.per_symbol(model.hidden, length)


def _feed_forward(model: ModelSettings) -> float:
    recurrent = model.mixer in ("elman", "elstm", "gru", "lstm")  # has no feed-forward part
    return 2 if recurrent else model.feed_forward


def symbols(low: int, high: int, count: int, dataset: DatasetSpec) -> float:
    """Of `count` strings with these lengths, or of all that there are."""
    return min(count, _different(dataset, low, high, count)) * (low + high) / 2


def _different(dataset: DatasetSpec, low: int, high: int, enough: int) -> int:
    """Number of strings in a window; `enough` if it is that many, or more."""
    task = dataset.task
    params = json.dumps(dict(task.params), sort_keys=True, default=str)
    if high > COUNTED:  # as many per length as among short ones, if those are fewer than lengths
        few = _count(task.language, params, 1, DENSITY, DENSITY)
        return enough if few == DENSITY else min(enough, 1 + (high - low) * few // DENSITY)
    return _count(task.language, params, low, high, enough)


@cache
def _count(language: str, params: str, low: int, high: int, enough: int) -> int:
    found = 0
    try:
        counted = known_language(language, json.loads(params))
        for length in range(low, high + 1):
            found += counted.count_capped(length)
            if found >= enough:
                return enough
    except (ValueError, TypeError, ImportError):  # told when the config is checked
        return enough
    return max(found, 1)
