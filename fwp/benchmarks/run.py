"""What `fwp benchmark` and the rules `benchmark` and `growth` do: measure, and write."""

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from fwp.benchmarks import growth as growing
from fwp.benchmarks import growth_report, ops, peers, report, steps
from fwp.experiment.cell import Cell
from fwp.report.figures.style import save
from fwp.utils import devices
from fwp.utils.files import write_frame, write_text

SIZES, TIMES = (8, 16, 32), (16, 64, 256, 1024)  # of ops


def benchmark(
    cells: Sequence[Cell],
    settings: dict,
    device: str,
    folder: str | Path,
    page: str = "summary.md",
) -> None:
    """Measure training steps and ops on one thread, as a training job has it.

    Args:
        cells: models with their training settings.
        settings: the section `benchmark` of a config.
        device: auto, cpu or cuda.
        folder: gets steps.csv, ops.csv, a page, and the figure ops in three formats; without ops,
            the first and the third alone.
        page: name of the page, a file of Markdown.
    """
    folder, device = Path(folder), devices.pick(device)
    packs = settings["packs"] or ([1] if device == "cpu" else [1, 8, 32])
    with devices.threads(1):
        rows = steps.measure(
            cells,
            lengths=settings["lengths"],
            batches=settings["batches"],
            packs=packs,
            symbols=settings["symbols"],
            others=peers.installed(settings["peers"]),
            device=device,
            budget=settings["seconds"],
            patience=settings["patience"],
        )
        timed, table = pd.DataFrame(told(rows)), None
        write_frame(folder / "steps.csv", timed)  # at once: the ops take minutes
        if settings["ops"]:
            budget = min(0.1, settings["seconds"])
            rows = ops.measure(sizes=SIZES, times=TIMES, budget=budget, device=device)
            table = pd.DataFrame(told(rows))
            write_frame(folder / "ops.csv", table)
            save(report.figure(table), folder / "ops")
        text = report.markdown(table, timed, _here(device))
    write_text(folder / page, text)


def told(rows: Iterable[dict]) -> Iterator[dict]:
    """The rows, each said as soon as it is there: all of them take minutes."""
    for row in rows:
        said = (f"{x:.3g}" if isinstance(x, float) else x for x in row.values() if x != "")
        print(*said, flush=True)
        yield row


def growth(
    cells: Sequence[Cell], settings: dict, device: str, folder: str | Path, snakefile: str | Path
) -> None:
    """Measure how time and memory grow with the sizes of a step and with the grid.

    Args:
        cells: models with their training settings.
        settings: the part `growth` of the section `benchmark` of a config.
        device: auto, cpu or cuda.
        folder: gets growth.csv, growth.md, and a figure per axis in three formats.
        snakefile: of the workflow, which is planned and run.
    """
    folder, device = Path(folder), devices.pick(device)
    table = pd.DataFrame(told(growing.measure(cells, settings, device, snakefile)))
    write_frame(folder / "growth.csv", table)
    for axis in dict.fromkeys(table["axis"]):
        save(growth_report.figure(table, axis), folder / axis)
    with devices.threads(1):
        machine = _here(device)
    text = growth_report.markdown(table, machine, growth_report.machine_memory(device))
    write_text(folder / "growth.md", text)


def _here(device: str) -> str:
    """The device, and the commit of the code where git knows it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        folder = Path(__file__).parent
        found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return devices.describe(device)
    return f"{devices.describe(device)}, commit {found.stdout.strip()}"
