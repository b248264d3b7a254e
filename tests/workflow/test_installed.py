"""The workflow from a project folder of one's own, with the Snakefile of an installed package."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from project import ROOT, copy_project

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("installed")]

CONFIG = """\
seeds: 1
compute: {device: cpu}
data:
  train: {min_length: 2, max_length: 8, count: 40}
  validation: {bins: [[2, 8]], count: 10}
evaluation: {bins: [[2, 8], [9, 12]], count: 10}
training: {epochs: 1, batch_size: 32}
model: {hidden: 8, feed_forward: 1}
models:
  gru0.1: {mixer: "my_mixers:Own"}
tasks:
  mod.3: {language: "my_languages:Mod3"}
"""
MIXER = """\
from torch import nn


class Own(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.net = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, x, state=None):
        y, h = self.net(x, None if state is None else state[0].transpose(0, 1).contiguous())
        return y, (h.transpose(0, 1),)
"""
LANGUAGE = """\
from fwp.languages.base import Language


class Mod3(Language):
    title = "1s mod 3"
    alphabet = ("0", "1")
    classes = ("0", "1", "2")
    start = 0

    def step(self, state, symbol):
        return (state + (symbol == "1")) % 3

    def accepts(self, state):
        return state == 0

    def target(self, state):
        return state
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A wheel of the project, unpacked: what Python finds of an installed package."""
    source = copy_project(tmp_path_factory.mktemp("source"), "")
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.yaml"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, folder, source]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    place = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(place)
    return place


def run(folder: Path, installed: Path, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_carries_the_whole_workflow(installed, tmp_path):
    printed = run(tmp_path, installed, "fwp", "snakefile").stdout.strip()
    assert printed.startswith(str(installed))
    files = [ROOT / "Snakefile", ROOT / "config.yaml"]
    for name in ("workflow", "envs", "profiles"):
        files += [path for path in (ROOT / name).rglob("*") if path.is_file()]
    for path in files:
        if path.suffix not in (".pyc", ".sif"):
            assert (Path(printed).parent / path.relative_to(ROOT)).is_file(), path


def test_the_wheel_carries_each_file_of_the_package_and_no_other(installed):
    """Also templates, schemas and kernels in C, whatever their suffix is."""

    def files(root: Path) -> set[str]:
        found = (path.relative_to(root) for path in (root / "fwp").rglob("*") if path.is_file())
        return {str(path) for path in found if "__pycache__" not in path.parts}

    assert files(installed) == files(ROOT)


def test_a_project_folder_of_ones_own(installed, tmp_path):
    (tmp_path / "own.yaml").write_text(CONFIG)
    (tmp_path / "my_mixers.py").write_text(MIXER)
    (tmp_path / "my_languages.py").write_text(LANGUAGE)
    snakefile = run(tmp_path, installed, "fwp", "snakefile").stdout.strip()
    command = ["snakemake", "-s", snakefile, "--cores", "1", "tables", "--configfile", "own.yaml"]
    done = run(tmp_path, installed, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "results/cells/mod.3/gru0.1/seed-0/model.safetensors").is_file()
    assert "1s mod 3" in (tmp_path / "results/tables/summary.md").read_text()
    board = run(tmp_path, installed, "fwp", "status", "--config", "own.yaml").stdout
    assert "1 of 1 runs done" in board
    # An edit of the language draws and trains its task anew.
    (tmp_path / "my_languages.py").write_text(LANGUAGE.replace("% 3", "% (2 + 1)"))
    plan = run(tmp_path, installed, *command, "--dry-run")
    assert "rule train:" in plan.stdout + plan.stderr
