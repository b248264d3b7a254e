"""Made-up but lifelike records of trained cells, for the tests of tables, figures and the status
board."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd

from fwp.results.integrity import read_sealed, write_sealed, write_sums

EPOCHS = 40
MODELS = [
    "lstm",
    "elstm",
    "transformer",
    "linear_transformer",
    "deltanet",
    "recurrent_delta",
    "srwm",
]
TASKS = [
    "parity",
    "aa_star",
    "abab_star",
    "dyck_1",
    "reset_dyck_1",
    "anbn",
    "anbncn",
    "shuffle_2",
]
BINS = ["2-50", "51-100", "101-200", "201-500", "501-1000"]
STEP = {"aa_star": 2, "abab_star": 4, "anbncn": 3}
REGULAR = ("parity", "aa_star", "abab_star")
ACCURACY = "task,model,seed,status,bin,length,strings,sequence_accuracy,position_accuracy"


def outcome(model: str, task: str, seed: int) -> tuple[float, float]:
    """The length at which accuracy has dropped to a half, and the accuracy on short strings."""
    rng = np.random.default_rng([sum(map(ord, model)), sum(map(ord, task)), seed])
    weak = model in ("transformer", "linear_transformer", "deltanet")
    if task in REGULAR and weak:
        return rng.uniform(10, 30), 1.0
    if task == "reset_dyck_1" and weak:
        return (rng.uniform(60, 150) if model == "deltanet" else rng.uniform(15, 40)), 1.0
    if model == "transformer":
        return rng.uniform(50, 90), 1.0
    if model in ("lstm", "elstm") or task in REGULAR:
        return (rng.uniform(300, 2000) if rng.random() < 0.3 else np.inf), 1.0
    return (rng.uniform(80, 2000) if rng.random() < 0.7 else np.inf), 1.0


def config(model: str, epochs: int = EPOCHS) -> dict:
    """What a record says of the settings that decided its weights."""
    return {
        "model": {"name": model, "mixer": model, "hidden": 64, "layers": 1, "options": {}},
        "training": {"epochs": epochs, "batch_size": 64, "learning_rate": 0.001},
    }


def write_cell(
    folder: Path,
    task: str,
    model: str,
    seeds: list[int],
    *,
    bins: list[str] | None = None,
    diverged: tuple[int, ...] = (),
    epochs: int = EPOCHS,
    per_bin: int = 1000,
    lengths: bool = True,
) -> Path:
    """Write cell.json, accuracy.csv and history.csv of one cell; returns its folder."""
    bins = bins or BINS
    name = f"seed-{seeds[0]}" if len(seeds) == 1 else f"seeds-{seeds[0]}-{seeds[-1]}"
    cell = Path(folder) / task / model / name
    cell.mkdir(parents=True)
    accuracy, history, runs = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([len(model), len(task), seed])
        half, top = outcome(model, task, seed)
        status = "diverged" if seed in diverged else "solved" if half > 300 else "budget"
        if status == "diverged":
            half = 0.0
        for bin in bins:
            low, high = map(int, bin.split("-"))
            tested = np.arange(low + -low % STEP.get(task, 2), high + 1, STEP.get(task, 2))
            strings = max(1, per_bin // len(tested))
            share = top / (1 + (tested / half) ** 6) if half else np.zeros(len(tested))
            share = np.where(share > 0.997, 1.0, share)
            right = rng.binomial(strings, share) / strings
            positions = 1 - (1 - right) * 0.2
            row = (task, model, seed, status, bin)
            accuracy.append((*row, "", strings * len(tested), right.mean(), positions.mean()))
            if lengths:
                accuracy += [
                    (*row, length, strings, r, p)
                    for length, r, p in zip(tested, right, positions, strict=True)
                ]
        last = 3 if status == "diverged" else rng.integers(1, 12) if status == "solved" else epochs
        best = 0.0
        for epoch in range(1, last + 1):
            rise = 1 if status == "solved" and epoch == last else 1 - np.exp(-epoch / 3)
            values = [
                float(np.clip(rise * min(1, half / (40 * i)) + rng.normal(0, 0.03), 0, 1))
                if rise < 1
                else 1.0
                for i in (1, 2)
            ]
            loss = "nan" if status == "diverged" and epoch == last else round(0.7 / epoch, 4)
            history.append((task, model, seed, epoch, 10_000 * epoch, 1.5 * epoch, loss, *values))
            history[-1] += (sum(values) / 2,)
            best = max(best, sum(values) / 2)
        runs.append(
            {
                "seed": seed,
                "status": status,
                "epochs": int(last),
                "best_epoch": int(last),
                "selection": best,
                "seconds": 1.5 * float(last),
            }
        )
    record = {
        "task": task,
        "model": model,
        "seeds": seeds,
        "config": config(model, epochs),
        "dataset": "0" * 64,
        "parameters": 12345,
        "runs": runs,
        "device": "cpu",
        "machine": {"cpu": "AMD EPYC", "instructions": "AVX2", "threads": 1},
        "seconds": sum(run["seconds"] for run in runs),
    }
    validation = [f"accuracy {bin}" for bin in bins[:2] if len(bins) > 1] or ["accuracy 2-50"] * 1
    if len(validation) == 1:
        history = [(*row[:8], row[-1]) for row in history]
    columns = ["task", "model", "seed", "epoch", "strings", "seconds", "loss", *validation]
    write_csv(cell / "history.csv", [*columns, "selection"], history)
    write_csv(cell / "accuracy.csv", ACCURACY.split(","), accuracy)
    (cell / "model.safetensors").write_bytes(b"weights of " + f"{task} {model} {seeds}".encode())
    (cell / "cell.json").write_text(json.dumps(record))
    seal(cell)
    return cell


def seal(cell: Path) -> None:
    """Give a cell the hashes of its files as they are now."""
    record = json.loads((cell / "cell.json").read_text())
    for key in ("seal", "files"):
        record.pop(key, None)
    files = [cell / "model.safetensors", cell / "history.csv"]
    write_sealed(cell / "cell.json", record, files)
    files = [cell / "cell.json", cell / "accuracy.csv"]
    write_sealed(cell / "evaluation.json", {"task": record.get("task")}, files)


def seal_tables(folder: Path) -> None:
    """Give a folder of tables or figures the hashes of its files as they are now."""
    files = [path for path in folder.iterdir() if path.suffix in (".csv", ".json", ".svg")]
    write_sums(folder / "all.sha256", files)


def add_mistakes(cell: Path, mistakes: dict[str, list[dict]]) -> None:
    """Write wrong strings, by seed, into the record of a cell's evaluation."""
    record = cell / "evaluation.json"
    held = {key: value for key, value in read_sealed(record).items() if key != "files"}
    files = [cell / name for name in ("cell.json", "accuracy.csv")]
    write_sealed(record, held | {"mistakes": mistakes}, files)


def write_grid(folder: Path, models=None, tasks=None, seeds=(0, 1, 2), **settings) -> list[Path]:
    """Write a grid of cells; returns their folders, task by task."""
    return [
        write_cell(folder, task, model, list(seeds), **settings)
        for task in tasks or TASKS
        for model in models or MODELS
    ]


def table(*rows, bins=("2-50", "51-100")):
    """A tidy table; rows are (task, model, seed, status, bin, length or None, accuracy)."""
    columns = ["task", "model", "seed", "status", "bin", "length", "sequence_accuracy"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["position_accuracy"] = frame["sequence_accuracy"]
    frame["strings"] = 10
    frame["length"] = frame["length"].astype("Int64")
    for column in ("task", "model", "status"):
        levels = list(dict.fromkeys(frame[column]))
        frame[column] = pd.Categorical(frame[column], levels, ordered=True)
    frame["bin"] = pd.Categorical(frame["bin"], bins, ordered=True)
    return frame


def runs(task="p", bin="2-50", **solved):
    """Rows of a tidy table: per model a text of one character per seed, + for all right."""
    return [
        (task, model, seed, "budget", bin, None, 1.0 if mark == "+" else 0.9)
        for model, marks in solved.items()
        for seed, mark in enumerate(marks)
    ]


def write_csv(path: Path, header: list[str], rows: list[tuple]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


SEARCHED = {
    "training.learning_rate": lambda rng, _: f"{10 ** rng.uniform(-4, -2):.6g}",
    "hidden": lambda rng, _: str(rng.choice([32, 64])),
    "heads": lambda rng, _: str(rng.choice([2, 4])),
    "layers": lambda rng, _: str(rng.choice([1, 2])),
    "training.batch_size": lambda rng, _: str(rng.choice([16, 32, 64])),
    "training.schedule": lambda rng, _: str(rng.choice(["constant", "cosine"])),
}
OUTCOMES = (
    "parameters,state,status,epochs,best_epoch,selection,accuracy 2-50,accuracy 51-100,"
    "inductive,expressive,loss,seconds,chosen"
)


def write_trials(
    folder: Path, task: str, model: str, trials: int = 24, seeds: int = 1, pruned: int = 0
) -> Path:
    """Write the trials.csv of one search, whose first trials were pruned; returns its path."""
    rng = np.random.default_rng([len(task), sum(map(ord, model))])
    half, _ = outcome(model, task, 0)
    rows = []
    for trial in range(trials):
        settings = {key: draw(rng, model) for key, draw in SEARCHED.items()}
        if "lstm" in model:
            del settings["heads"]
        rate = float(settings["training.learning_rate"])
        skill = np.exp(-((np.log10(rate) + 2.6) ** 2)) * min(1.0, half / 60) * 1.3
        for j in range(seeds):
            status = "diverged" if rate > 0.006 and rng.random() < 0.5 else "budget"
            first = float(np.clip(skill + rng.normal(0, 0.08), 0, 1))
            second = float(np.clip(first * min(1, half / 90) + rng.normal(0, 0.04), 0, 1))
            if first == second == 1:
                status = "solved"
            if trial < pruned and status == "budget":
                status, first, second = "pruned", 0.6 * first, 0.6 * second
            accuracies = [(first + second) / 2, first, second, 0.9 * second, second]
            if status == "diverged":
                accuracies = [""] * 5
            seed = 4_000_000_000 + trial + j * 100_000
            rows.append(
                (task, model, trial, seed, *settings.values(), 5000 + trial,
                 "" if model == "transformer" else 1024, status, 10, 7, *accuracies,
                 0.5 if accuracies[0] != "" else "", 3.5, False)
            )  # fmt: skip
    means = (
        pd.DataFrame(rows)
        .groupby(2)[4 + len(settings) + 5]
        .agg(lambda values: np.mean([value or 0 for value in values]))
    )
    best = means.idxmax()
    rows = [(*row[:-1], row[2] == best) for row in rows]
    path = Path(folder) / task / model / "trials.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, ["task", "model", "trial", "seed", *settings, *OUTCOMES.split(",")], rows)
    return path


def write_search(folder: Path, models=None, tasks=None, **settings) -> list[Path]:
    """Write the trials of a grid; returns their paths, task by task."""
    return [
        write_trials(folder, task, model, **settings)
        for task in tasks or TASKS
        for model in models or MODELS
    ]
