"""What planning a grid costs, and running it with next to no training."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of what systems call maximum resident size
MODELS, TASKS = 2, 5
STATES, SYMBOLS = 40, "abcdefghijklmnop"  # of an automaton: files of some 8 kB, as of MLRegTest
PACKAGE = Path(__file__).parents[2]


def config(cells: int) -> dict:
    """Of a grid of that many cells, each a job of its own that trains on 20 short strings."""
    few = {"bins": [[2, 4]], "count": 5}
    return {
        "seeds": max(1, cells // (MODELS * TASKS)),
        "compute": {"device": "cpu", "seeds_per_job": 1},
        "data": {"train": {"min_length": 2, "max_length": 8, "count": 20}, "validation": few},
        "evaluation": {"bins": [[2, 4], [5, 8]], "count": 5},
        "training": {"epochs": 1, "batch_size": 20},
        "model": {"hidden": 8},
        "models": {f"model_{i}": {"mixer": "elstm"} for i in range(MODELS)},
        "tasks": {f"task_{i}": {"language": "dyck_1"} for i in range(TASKS)},
        "claims": [],
    }


def config_of_automata(tasks: int, folder: Path) -> dict:
    """Of a grid of one model on that many automata, whose files are written to the folder."""
    draws = random.Random(0)
    found = {}
    for i in range(tasks):
        lines = [
            f"{state}\t{draws.randrange(STATES)}\t{symbol}\t{symbol}"
            for state in range(STATES)
            for symbol in SYMBOLS
        ]
        lines += [str(state) for state in range(0, STATES, 2)]
        file = folder / f"{i}.att"
        file.write_text("\n".join(lines), encoding="utf-8")
        found[f"task_{i}"] = {"language": "automaton", "params": {"file": str(file)}}
    models = {"model": {"mixer": "elstm"}}
    return {"seeds": 1, "models": models, "tasks": found, "claims": []}


def measure(snakefile: str, cells: int, dry: bool, automata: bool = False) -> dict:
    """Seconds and bytes of `snakemake` on a grid of `cells`, a multiple of ten.

    A dry run's are CPU seconds; a run's are those on the clock, with all cores. Memory is that of
    Snakemake itself at its peak. With `automata`, the grid has a task for each of `cells` files.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder, "grid.yaml"), Path(folder, "log")
        grid = config_of_automata(cells, Path(folder)) if automata else config(cells)
        file.write_text(json.dumps(grid), encoding="utf-8")
        cores = ["--cores", "1" if dry else "all"]
        command = [sys.executable, "-m", "snakemake", "-s", snakefile, *cores]
        command += ["--quiet", "all", "--configfile", file.name, *(["-n"] if dry else [])]
        paths = os.pathsep.join(filter(None, [str(PACKAGE), os.environ.get("PYTHONPATH", "")]))
        start = time.perf_counter()
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": paths},
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = used.ru_utime + used.ru_stime if dry else time.perf_counter() - start
        if process.returncode:
            said = log.read_text(encoding="utf-8").strip().splitlines() or ["no output"]
            return {"seconds": None, "bytes": None, "note": said[-1][:200]}
        return {"seconds": seconds, "bytes": used.ru_maxrss * UNIT, "note": ""}
