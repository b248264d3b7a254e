"""Results of a small experiment that is really trained: two models, two tasks, two seeds."""

from pathlib import Path

import synthetic
import tiny

from fwp.datasets.dataset import save_dataset
from fwp.datasets.spec import TaskSettings
from fwp.experiment.cell import Cell
from fwp.results.collect import collect_results, write_results
from fwp.results.integrity import write_sums
from fwp.results.names import Name, write_names
from fwp.results.record import read_record
from fwp.results.summary import summarise, write_summary
from fwp.training.evaluate import evaluate_cell
from fwp.training.train import train_cell

TASKS, MODELS, SEEDS = ("parity", "dyck_1"), ("deltanet", "lstm"), (0, 1)
OPTIONS = {"deltanet": {"heads": 2}}


def write(folder: Path, tasks=TASKS, models=MODELS, seeds=SEEDS, **training) -> Path:
    """Train, evaluate and collect; returns the folder of the results."""
    cells = []
    for task in tasks:
        changes = {"name": task, "language": task}
        data = tiny.draw(**changes)
        save_dataset(data, folder / "data" / task / "test.npz")
        cells += [_cell(folder, task, model, list(seeds), training) for model in models]
    results = collect_results(cells)
    tables = folder / "tables"
    write_results(results, tables)
    write_summary(summarise(results), tables)
    names = [Name("model", name, name, name) for name in models]
    write_names([*names, *(Name("task", name, name, name) for name in tasks)], tables / "names.csv")
    synthetic.seal_tables(tables)
    return folder


def add_table(folder: Path, name: str, text: str) -> None:
    """Write another table and its hash."""
    path = folder / "tables" / name
    path.write_text(text, encoding="utf-8")
    write_sums(path.with_suffix(".sha256"), [path])


def _cell(folder: Path, task: str, model: str, seeds: list[int], training: dict) -> Path:
    cell = Cell(
        tiny.model(model, name=model, hidden=8, feed_forward=1, options=OPTIONS.get(model, {})),
        TaskSettings(task, task, {}),
        tiny.settings(**{"epochs": 1, "batch_size": 32, "learning_rate": 0.02} | training),
        {"train": "0" * 16, "evaluate": "1" * 16},
    )
    place = folder / "cells" / task / model / f"seeds-{seeds[0]}-{seeds[-1]}"
    dataset, weights = folder / "data" / task / "test.npz", place / "model.safetensors"
    files = {"weights": weights, "history": place / "history.csv", "record": place / "cell.json"}
    train_cell(cell, seeds, dataset=dataset, **files, device="cpu")
    evaluate_cell(
        cell.trained,
        runs=read_record(place / "cell.json")["runs"],
        dataset=dataset,
        weights=weights,
        output=place / "accuracy.csv",
        record=place / "evaluation.json",
        device="cpu",
    )
    return place
