"""How long jobs take on this machine: an estimate before they start; without PyTorch.

Work is counted in steps and symbols. What those cost is known from the table of `speeds`, or from
the cells of the experiment that were trained on this machine. `resources` says what jobs ask a
cluster for, which is several times as much.
"""

import json
import math
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

from fwp.config.settings import ModelSettings
from fwp.datasets.spec import DatasetSpec
from fwp.experiment import resolve, speeds
from fwp.experiment.cell import Cell
from fwp.experiment.experiment import Experiment
from fwp.experiment.known_languages import known_language
from fwp.experiment.resources import width_within
from fwp.experiment.seed_groups import group_seeds
from fwp.results.chosen import settled
from fwp.search.sampling import Sampler

# Of the budget, what training takes: runs end once they are solved. Two thirds in the default
# experiment, 0.57 of 300 epochs in docs/records/paper-h100.
SHARE = 0.65
READING = 3  # times as fast: without gradients
# Seconds in which a job starts: Snakemake, Python and PyTorch; if it is forked, Snakemake alone.
START = {False: 2.0, True: 0.3}
SYMBOL = 1e-5  # seconds to draw one
COUNTED = 2000  # symbols; strings of longer windows are not counted
DENSITY = 100  # lengths that tell whether a language has many strings
CELLS = 3  # finished ones of a model whose seconds are looked at
DRAWN = 16  # trials of a search that its time is estimated from

# Seconds of rules that are alike in all experiments, and of rules whose work nobody knows before.
FIXED = {"figures": 16.0, "claims": 3.0, "summarise": 3.0}
FIXED |= {
    "states": 10.0,
    "automata": 10.0,
    "retrieval": 5.0,
    "pomdp": 5.0,
    "metalearning": 5.0,
    "automaton": 10.0,
    "control": 20.0,
    "error_control": 10.0,
    "all": 0.0,
}
LOCAL = 1.5  # seconds of other rules

# A step of `reinforce`: seconds, with the episodes that are played meanwhile.
ACTING = 6e-3

# A run of `retrieve`: typical steps, and seconds of a step by pairs × width of the state.
STEPS = 2500
PAIR = 9e-7
WIDTHS = {"softmax": 64, "elu": 64, "dpfp_1": 128, "dpfp_2": 256, "dpfp_3": 384, "favor_512": 512}


class Seconds(NamedTuple):
    """Of one job: as a rule, and at most; infinite where nobody knows."""

    usual: float
    most: float


class Estimate(NamedTuple):
    """Of jobs that run side by side.

    Attributes:
        usual: seconds, as a rule.
        most: seconds if no run is solved before its budget ends; infinite where nobody knows.
        unknown: models of mixers whose speed nobody knows yet; their jobs are left out.
    """

    usual: float
    most: float
    unknown: list[str]


def estimate(
    experiment: Experiment, jobs: Iterable[tuple[str, Mapping[str, str]]], *, cores: int = 1
) -> Estimate:
    """How long jobs take, each on one of `cores` of this machine's CPU.

    Args:
        jobs: name of the rule and wildcards of each.
    """
    kinds = Counter(
        (rule, w.get("model"), w.get("task"), len(group_seeds(w.get("group", ""))), _own(w))
        for rule, w in jobs
    )
    factors = _factors(experiment, dict.fromkeys(model for _, model, *_ in kinds if model))
    total, longest, unknown = [0.0, 0.0], [0.0, 0.0], {}
    for (rule, model, task, seeds, own), count in kinds.items():
        if rule == "retrieve":
            found = _retrieving(experiment, *own)
        elif rule == "reinforce":
            found = _acting(experiment)
        elif rule == "metalearn":
            found = _metalearning(experiment, *own)
        elif model is None or task is None:
            found = _other(experiment, rule, task)
        elif model in factors:
            found = _of_cell(experiment, rule, model, task, seeds, factors[model])
        else:
            unknown[model] = None
            continue
        for i, seconds in enumerate(found):
            total[i] += count * seconds
            longest[i] = max(longest[i], seconds)
    usual, most = (max(t / cores, top) for t, top in zip(total, longest, strict=True))
    return Estimate(usual, most, list(unknown))


def by_table(
    experiment: Experiment, rule: str, model: str | None, task: str | None, seeds: int = 1
) -> float:
    """Seconds that a job takes as a rule on this machine's CPU, by the table of `speeds` alone.

    A mixer that the table lacks counts as an LSTM.
    """
    if model is None or task is None:
        return _other(experiment, rule, task).usual
    return _of_cell(experiment, rule, model, task, seeds, speeds.slowness()).usual


def sentence(found: Estimate, cores: int | None) -> str:
    """An estimate in words; without a number of cores, it was made for one of many."""
    where = f"on {cores} core{'s' * (cores != 1)}" if cores else "of processor time"
    text = f"Estimated time: {words(found.usual)} {where}"
    if math.isfinite(found.most) and words(found.most) != words(found.usual):
        text += f", {words(found.most)} if no run is solved before its budget ends"
    if found.unknown:
        names = ", ".join(found.unknown[:5]) + ", …" * (len(found.unknown) > 5)
        text += f"; without {names}: speed unknown until a first cell is finished"
    return f"{text}."


def words(seconds: float) -> str:
    """About so long: "1 min", "40 min", "3.5 h", "6 days"."""
    minutes = seconds / 60
    for unit, size, enough in (("min", 1, 90), ("h", 60, 48 * 60)):
        number = minutes / size
        if minutes <= enough:
            rounded = round(number * 2) / 2 if unit == "h" and number < 10 else round(number)
            return f"{max(rounded, 1):g} {unit}"
    return f"{round(minutes / 60 / 24)} days"


# Jobs ---------------------------------------------------------------------------------------------


def _of_cell(
    experiment: Experiment, rule: str, model: str, task: str, seeds: int, factor: float
) -> Seconds:
    """Of training, or of a job that reads test strings."""
    start = START[experiment.warm_worker]
    cell, dataset = experiment.cell(model, task), experiment.dataset(task)
    if rule == "train":
        most = factor * seeds * cell.training.epochs * epoch(cell, dataset)
        return Seconds(start + SHARE * most, start + most)
    if rule == "search":
        most = factor * _searching(experiment, cell, dataset)
        return Seconds(start + SHARE * most, start + most)
    bins, count = dataset.test.bins, dataset.test.count
    if rule == "trace":
        bins, count = bins[-1:], experiment.analysis.strings
    elif rule != "evaluate":
        return _other(experiment, rule, None)
    seconds = start + factor * seeds * _reading(cell, [(*b, count) for b in bins], dataset)
    return Seconds(seconds, seconds)


def _other(experiment: Experiment, rule: str, task: str | None) -> Seconds:
    """Of drawing strings, and of what comes after all cells."""
    seconds = FIXED.get(rule, LOCAL)
    if task is not None:
        data = experiment.dataset(task)
        parts = (data.train, data.validation) if rule == "data" else (data.test,)
        bins = [(*b, part.count) for part in parts for b in part.bins]
        seconds += SYMBOL * sum(_symbols(*b, data) for b in bins)
    return Seconds(seconds, seconds)


def _own(wildcards: Mapping[str, str]) -> tuple[str, ...]:
    """What decides the time of a run of an experiment of its own."""
    names = ("memory", "pairs", "learner")
    return tuple(wildcards[name] for name in names if name in wildcards)


def _retrieving(experiment: Experiment, memory: str, pairs: str) -> Seconds:
    width = WIDTHS.get(memory.removesuffix("_delta"), max(WIDTHS.values()))
    steps = min(STEPS, experiment.config["retrieval"]["steps"])
    seconds = steps * (1e-3 + PAIR * int(pairs) * width)
    start = START[experiment.warm_worker]
    return Seconds(start + speeds.slowness() * seconds, math.inf)


def _acting(experiment: Experiment) -> Seconds:
    """Of a run of `reinforce`, which never ends before its budget does."""
    seconds = START[experiment.warm_worker]
    seconds += speeds.slowness() * ACTING * experiment.config["pomdp"]["steps"]
    return Seconds(seconds, seconds)


def _metalearning(experiment: Experiment, learner: str) -> Seconds:
    """Of training, whose steps have five calls, and of the test."""
    streams = experiment.config["metalearning"]
    model = resolve.given_model(experiment.config, learner, "")
    batch = resolve.given_training(experiment.config, learner, "")["batch_size"]
    speed = speeds.SPEEDS.get(model["mixer"], speeds.SPEEDS["lstm"])
    examples, steps = streams["ways"] * streams["shots"], streams["steps"]
    symbols = steps * batch * (2 * examples + 3 * streams["queries"])
    symbols += streams["episodes"] * (examples + 10 * streams["queries"])  # without a gradient
    seconds = 5e-3 * speed.step * steps + symbols * speed.per_symbol(model["hidden"], examples)
    seconds *= model["layers"] * speeds.slowness()
    return Seconds(START[experiment.warm_worker] + seconds, math.inf)


def _searching(experiment: Experiment, cell: Cell, dataset: DatasetSpec) -> float:
    """Seconds of all trials of a search, by a few random ones."""
    search = experiment.search(cell.model.name, cell.task.name)
    if search is None:
        return 0.0
    drawn = Sampler(search.dimensions, method="random", trials=DRAWN, seed=search.seed).ask()
    total = 0.0
    for _, settings in drawn:
        if search.budget is not None:
            settings["hidden"] = width_within(cell.model, search.budget)
        trial = Cell.from_dict(settled(cell.as_dict(), settings))
        total += search.epochs(trial.training.epochs) * epoch(trial, dataset)
    return search.seeds * total / len(drawn)


# Work ---------------------------------------------------------------------------------------------


def epoch(cell: Cell, dataset: DatasetSpec) -> float:
    """Seconds of an epoch of one seed, by the table; of a mixer that it lacks, as of an LSTM."""
    speed = speeds.SPEEDS.get(cell.model.mixer, speeds.SPEEDS["lstm"])
    train, batch = dataset.train, cell.training.batch_size
    steps = math.ceil(train.count / batch)
    # Equal strings of a batch are computed once; its strings are neighbours in length.
    different = _different(dataset, train.min_length, train.max_length, train.count)
    batch = min(batch, train.count, 1 + batch * different / train.count)
    symbols = steps * batch * (train.min_length + train.max_length) / 2
    cost = _cost(cell, speed, train.max_length)
    validation = [(*b, dataset.validation.count) for b in dataset.validation.bins]
    overhead = 1e-3 * speed.step * cell.model.layers * steps
    return overhead + cost * symbols + _reading(cell, validation, dataset)


def _reading(cell: Cell, bins: Iterable[tuple[int, int, int]], dataset: DatasetSpec) -> float:
    """Seconds to read the strings of bins (shortest, longest, how many) with one seed."""
    speed = speeds.SPEEDS.get(cell.model.mixer, speeds.SPEEDS["lstm"])
    return sum(_symbols(*b, dataset) * _cost(cell, speed, b[1]) / READING for b in bins)


def _cost(cell: Cell, speed: speeds.Speed, length: int) -> float:
    """Seconds per symbol in training."""
    model = cell.model
    wider = (2 + _feed_forward(model)) / 4  # than the table's factor of 2
    precise = 1 + (cell.training.dtype == "float64")
    return model.layers * wider * precise * speed.per_symbol(model.hidden, length)


def _feed_forward(model: ModelSettings) -> float:
    recurrent = model.mixer in ("elman", "elstm", "gru", "lstm")  # has no feed-forward part
    return 2 if recurrent else model.feed_forward


def _symbols(low: int, high: int, count: int, dataset: DatasetSpec) -> float:
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


# Finished cells -----------------------------------------------------------------------------------


def _factors(experiment: Experiment, models: Iterable[str]) -> dict[str, float]:
    """How many times as long as by the table of `speeds` models take here, where that is known."""
    seen = {model: _measured(experiment, model) for model in models}
    found = [factor for factor in seen.values() if factor is not None]
    usual = median(found) if found else speeds.slowness()
    known = {model: usual for model in seen if _in_table(experiment, model)}
    return known | {model: factor for model, factor in seen.items() if factor is not None}


def _in_table(experiment: Experiment, model: str) -> bool:
    cell = experiment.cell(model, experiment.tasks[0])
    return cell.model.mixer in speeds.SPEEDS and cell.training.gradient == "bptt"


def _measured(experiment: Experiment, model: str) -> float | None:
    """By finished cells of a model; None if there are none of these settings from this CPU."""
    found = []
    for task in experiment.tasks:
        cell, dataset = experiment.cell(model, task), experiment.dataset(task)
        folder = Path(experiment.results, "cells", task, model)
        for path in islice(folder.glob("*/cell.json"), 1):
            if (seconds := _seconds_per_epoch(path, cell)) is not None:
                found.append(seconds / epoch(cell, dataset))
        if len(found) == CELLS:
            break
    return median(found) if found else None


def _seconds_per_epoch(path: Path, cell: Cell) -> float | None:
    """Of a finished cell, if it is trained like `cell` and on a CPU like this."""
    try:
        record = json.loads(path.read_bytes())
        model, training = (record["config"][part] for part in ("model", "training"))
        alike = model == cell.model.as_dict() and all(
            training[key] == getattr(cell.training, key)
            for key in ("batch_size", "gradient", "dtype")
        )
        cpu = record.get("machine", {}).get("cpu", "")
        if not alike or record["device"] != "cpu" or cpu not in _cpu():
            return None
        epochs = sum(run["epochs"] for run in record["runs"])
        return sum(run["seconds"] for run in record["runs"]) / epochs
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ZeroDivisionError):
        return None  # damaged: told by the job that needs it


@cache
def _cpu() -> str:
    """Text that holds the name of this machine's processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = f"{platform.processor()} {platform.machine()}"
    return " ".join(text.split())
