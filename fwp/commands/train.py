"""`fwp train`: one cell of the config, here and now."""

import contextlib
import csv
import json
import math
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fwp.commands import experiment as experiments
from fwp.utils import signals
from fwp.utils.files import atomic

if TYPE_CHECKING:
    from fwp.experiment.cell import Cell
    from fwp.experiment.experiment import Experiment
    from fwp.training.run import Run


def run(options: Namespace) -> None:
    """Train the cell, print its accuracy, and keep its files if asked to."""
    experiment = experiments.load(options)
    experiments.require("--model", options.model, experiment.models)
    experiments.require("--task", options.task, experiment.tasks)
    cell = experiment.cell(options.model, options.task)
    if experiment.searched(options.model, options.task):
        print(_of_search(experiment, options.model, options.task), file=sys.stderr)
    # Threads that wait for work sleep: where others compute, spinning would slow all of them down.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only now, so that a mistake in the config is told at once: importing PyTorch takes a second.
    with signals.deferred():  # an exception within the import of PyTorch would be swallowed
        from fwp.datasets.make import data_files, make_data
    from fwp.kernels import threads
    from fwp.models.budget import solve_size
    from fwp.results.record import read_record, weights_hash
    from fwp.status.progress import Progress
    from fwp.training.checkpoint import Checkpoint, checkpoint_path, remove_checkpoint
    from fwp.training.evaluate import evaluate_cell
    from fwp.training.train import train_cell
    from fwp.utils import devices
    from fwp.utils.locks import cell_lock

    threads.use(options.threads)
    devices.keep_memory()
    _warn_of_memory(experiment, options)
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        folder = options.output or Path(scratch)
        stack.enter_context(cell_lock(folder))
        made = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = make_data(experiment.dataset(options.task), made)
        if not _is_chosen(experiment, options.model, options.task):
            sizes = len(data.alphabet), len(data.classes)
            cell = replace(cell, model=solve_size(cell.model, *sizes))
        refuse_another_cell(folder, cell, [options.seed])
        if data.warning:
            print(f"warning: task {data.task}: {data.warning}", file=sys.stderr)
        for path in made.iterdir():  # only now: the folder may have held another cell
            with atomic(folder / path.name) as temporary:
                shutil.copyfile(path, temporary)
        dataset, test = (folder / path for path in data_files(cell.task))
        weights = folder / "model.safetensors"
        with Progress(cell, [options.seed], cell.training.epochs) as progress:
            runs = train_cell(
                cell,
                [options.seed],
                dataset=dataset,
                weights=weights,
                history=folder / "history.csv",
                record=folder / "cell.json",
                device=options.device,
                callback=progress,
                checkpoint=Checkpoint(checkpoint_path(folder)),
            )
        print(outcome(runs[0]))
        accuracies = folder / "accuracy.csv"
        record = read_record(folder / "cell.json")
        evaluate_cell(
            cell.trained,
            runs=record["runs"],
            dataset=test,
            weights=weights,
            output=accuracies,
            record=folder / "evaluation.json",
            sha256=weights_hash(record),
            device=options.device,
        )
        remove_checkpoint(folder)
        TABLES[cell.task.kind](accuracies)
        if options.output:
            print(f"everything is in {options.output}")


def _is_chosen(experiment: "Experiment", model: str, task: str) -> bool:
    """Whether a search has chosen settings, the width of a model of a given size among them."""
    return bool(experiment.searched(model, task)) and Path(experiment.chosen(model, task)).exists()


def _of_search(experiment: "Experiment", model: str, task: str) -> str:
    """Whether the settings that a search chooses are known yet."""
    path = experiment.chosen(model, task)
    if Path(path).exists():
        return f"settings chosen by search: {path}"
    return f"{path} does not exist yet: searched settings are as the config gives them"


def _warn_of_memory(experiment: "Experiment", options: Namespace) -> None:
    """Say so if the cell may need more memory than there is: Linux kills without a word."""
    from fwp.experiment import resources

    asked = resources.training(
        experiment.cell(options.model, options.task),
        experiment.dataset(options.task),
        seeds=1,
        gpu=False,
        state_grows=experiment.signature(options.model).facts.state_grows,
    )
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if asked.mem_mb / 1e3 > there and options.device != "cuda":
        print(
            f"warning: on the CPU, {options.model} on {options.task} may need "
            f"{asked.mem_mb / 1e3:,.0f} GB of memory; this machine has {there:,.0f} GB",
            file=sys.stderr,
        )


def refuse_another_cell(folder: Path, cell: "Cell", seeds: Sequence[int]) -> None:
    """ValueError if a folder holds the results of other seeds or settings, which would be lost.

    Code does not count: whoever edits a mixer trains the same cell again.
    """
    path = folder / "cell.json"
    if not path.exists():
        return
    rule = "name another folder with --output, or delete this one"
    try:
        record = json.loads(path.read_bytes())
        settings, found = record["config"], record["seeds"]
        settings.pop("code", None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(
            f"{folder}: holds a cell whose record, cell.json, cannot be read; {rule}"
        ) from None
    wanted = {key: value for key, value in cell.as_dict().items() if key != "code"}
    wanted = json.loads(json.dumps(wanted))  # with lists for tuples
    if found != list(seeds):
        held = f"seed{'s' * (len(found) != 1)} {', '.join(map(str, found))}"
        raise ValueError(
            f"{folder}: holds a cell of {held}, which seed {seeds[0]} would replace; {rule}"
        )
    if settings != wanted:
        keys = [key for key in wanted if settings.get(key) != wanted[key]]
        raise ValueError(
            f"{folder}: holds a cell with other settings ({', '.join(keys)}), which this one would "
            f"replace; {rule}"
        )


def outcome(run: "Run") -> str:
    """How training ended, in words."""
    epochs = f"{run.epochs} epoch{'s' * (run.epochs != 1)}"
    ended = f"{run.status} after {epochs} and {run.seconds:.0f} s"
    if run.status == "budget":
        ended = f"stopped at the budget of {epochs} after {run.seconds:.0f} s"
    kept = f"those of epoch {run.best_epoch}" if run.best_epoch else "the initial ones"
    return f"{ended}; the weights are {kept}"


def _of_strings(path: Path) -> None:
    print(f"\n{'test strings of':>15} {'strings':>8} {'sequence acc.':>14} {'position acc.':>14}")
    for row in _rows(path):
        if not row["length"]:
            print(
                f"{row['bin'] + ' symbols':>15} {row['strings']:>8} "
                f"{float(row['sequence_accuracy']):>14.1%} "
                f"{float(row['position_accuracy']):>14.1%}"
            )


def _of_text(path: Path) -> None:
    print(f"\n{'test positions':>15} {'tokens':>10} {'bits per byte':>14} {'nats per token':>15}")
    for row in _rows(path):
        nats, tokens, size = float(row["nats"]), int(row["tokens"]), int(row["bytes"])
        bits = nats * tokens / size / math.log(2)
        place = f"{row['first']}-{row['last']}"
        print(f"{place:>15} {tokens:>10,} {bits:>14.3f} {nats:>15.3f}")


def _of_translation(path: Path) -> None:
    print(f"\n{'source tokens':>15} {'decoding':>9} {'sentences':>10} {'BLEU':>7} {'chrF':>7}")
    for row in _rows(path):
        scores = f"{float(row['bleu']):>7.1f} {float(row['chrf']):>7.1f}"
        print(f"{row['bin']:>15} {row['decoding']:>9} {row['sentences']:>10} {scores}")


TABLES = {"strings": _of_strings, "text": _of_text, "translation": _of_translation}
"""What is printed of the results, by the kind of the task."""


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
