"""A clone works in whatever folder it lies."""

import pytest
from project import copy_project, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

CONFIG = """\
seeds: 1
compute: {device: cpu}
data:
  train: {min_length: 2, max_length: 12, count: 50}
  validation: {bins: [[2, 12]], count: 20}
evaluation: {bins: [[2, 12]], count: 20}
training: {epochs: 1, batch_size: 32}
model: {hidden: 8, layers: 1, feed_forward: 1}
models: {lstm: {mixer: lstm}}
tasks: {parity: {language: parity}}
"""
# Stands for Apptainer: says what it was called with.
APPTAINER = """\
#!/bin/sh
[ "$1" = --version ] && echo "apptainer version 1.3.0" && exit
echo "$@" >> called.txt
exit 1
"""


def test_a_clone_in_a_folder_with_a_space_and_braces_runs(tmp_path):
    project = copy_project(tmp_path / "with space {and braces}", CONFIG)
    planned = snakemake(project, "--dry-run")
    assert planned.returncode == 0, planned.stdout
    data = "results/data/parity/train.npz"
    done = snakemake(project, "--cores", "1", data)
    assert done.returncode == 0, done.stdout
    assert (project / data).is_file()


def test_the_container_is_used_where_it_is_asked_for(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apptainer").write_text(APPTAINER)
    (programs / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    project = copy_project(tmp_path / "project", CONFIG)
    (project / "envs/fwp.sif").touch()
    data = "results/data/parity/train.npz"
    assert snakemake(project, "--cores", "1", "--sdm", "apptainer", "--", data).returncode == 1
    assert " envs/fwp.sif " in (project / "called.txt").read_text()
