"""Copies of the project in which the real `snakemake` command is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import forked
from fwp.experiment.experiment import Experiment, load_experiment

ROOT = Path(__file__).parents[1]


# A text that a preset is for, but that nobody may ship: planned with another in its place.
STANDINS = {"wikitext103": "tasks.wikitext103.text.files=README.md"}


def load_preset(path: str | Path) -> Experiment:
    """The experiment of a config of the project's own."""
    path = ROOT / path
    return load_experiment(path, changes=[STANDINS[path.stem]] if path.stem in STANDINS else [])


def copy_project(folder: Path, config: str) -> Path:
    """Copy what a run needs to `folder`, with another config."""
    folder.mkdir(exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("fwp", "workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    return folder


def start_snakemake(
    folder: Path, *arguments: str, output, module: str = "snakemake", **environment: str
) -> subprocess.Popen:
    """Start snakemake, or a module in its place, in `folder`; what it prints goes to `output`."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=env | environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


def snakemake(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run snakemake in `folder`; what it prints is in `stdout`."""
    if environment or not sys.platform.startswith("linux"):
        process = start_snakemake(folder, *arguments, output=subprocess.PIPE, **environment)
        printed, _ = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, printed)
    own = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    status, printed = forked.run("snakemake", folder, *arguments, environment=own)
    return subprocess.CompletedProcess(["snakemake", *arguments], status, printed)


def stdout(folder: Path, *arguments: str) -> str:
    """What snakemake prints on stdout alone; must succeed."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(folder: Path, *arguments: str) -> str:
    """Run snakemake for real; must succeed."""
    result = snakemake(folder, "--cores", "2", *arguments)
    assert result.returncode == 0, result.stdout
    return result.stdout


def planned(folder: Path, *arguments: str, **environment: str) -> dict[str, int]:
    """How many jobs of each rule would run."""
    result = snakemake(folder, "--dry-run", *arguments, **environment)
    assert result.returncode == 0, result.stdout
    if "Nothing to be done" in result.stdout:
        return {}
    table = re.search(r"^job +count\n-+ +-+\n(.*?)^total", result.stdout, re.S | re.M)
    assert table, result.stdout
    return {rule: int(count) for rule, count in map(str.split, table[1].splitlines())}
