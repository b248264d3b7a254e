"""How long jobs take on this machine: an estimate before they start; without PyTorch.

What a cell's work costs is known from the table of `speeds` (`work`), or from the cells of the
experiment that were trained on this machine (`measured`). `resources` says what jobs ask a cluster
for, which is several times as much.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fwp.datasets.spec import DatasetSpec
from fwp.experiment import resolve, speeds
from fwp.experiment.cell import Cell
from fwp.experiment.experiment import Experiment
from fwp.experiment.measured import factors
from fwp.experiment.resources import width_within
from fwp.experiment.seed_groups import group_seeds
from fwp.experiment.work import epoch, reading, symbols, tested
from fwp.results.chosen import settled
from fwp.search.sampling import Sampler

# Of the budget, what training takes: runs end once they are solved. Two thirds in the default
# experiment, 0.57 of 300 epochs in docs/records/paper-h100.
SHARE = 0.65
# Seconds in which a job starts: Snakemake, Python and PyTorch; if it is forked, Snakemake alone.
START = {False: 2.0, True: 0.3}
SYMBOL = 1e-5  # seconds to draw one
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
    known = factors(experiment, dict.fromkeys(model for _, model, *_ in kinds if model))
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
        elif model in known:
            found = _of_cell(experiment, rule, model, task, seeds, known[model])
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
    bins = tested(dataset)
    if rule == "trace":
        bins = [(*dataset.test.bins[-1], experiment.analysis.strings)]
    elif rule != "evaluate":
        return _other(experiment, rule, None)
    seconds = start + factor * seeds * reading(cell, bins, dataset)
    return Seconds(seconds, seconds)


def _other(experiment: Experiment, rule: str, task: str | None) -> Seconds:
    """Of drawing strings, and of what comes after all cells."""
    seconds = FIXED.get(rule, LOCAL)
    if task is not None:
        data = experiment.dataset(task)
        parts = (data.train, data.validation)
        bins = [(*b, part.count) for part in parts for b in part.bins]
        bins = bins if rule == "data" else tested(data)
        seconds += SYMBOL * sum(symbols(*b, data) for b in bins)
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
