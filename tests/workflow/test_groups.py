"""Many cells in one job of a cluster: what the profile for Slurm says of it is planned."""

import importlib.util
import re

import pytest
from project import ROOT, copy_project, snakemake

CONFIG = """\
seeds: 1
compute: {device: cpu}
models: {lstm: {mixer: lstm}, elman: {mixer: elman}}
tasks: {parity: {language: parity}, pairs: {language: aa_star}}
"""


@pytest.mark.workflow
@pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="the plugin for Slurm is not installed",
)
def test_a_job_takes_the_cells_that_the_profile_says(tmp_path):
    text = (ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8")
    lines = ("groups", "group-components", "cores", "keep-incomplete")
    text, found = re.subn(rf"^# ({'|'.join(lines)}):", r"\1:", text, flags=re.M)
    assert found == len(lines)
    project = copy_project(tmp_path / "project", CONFIG)
    (project / "profiles/slurm/config.yaml").write_text(text.replace("=20]", "=2]"))
    planned = snakemake(project, "--profile", "profiles/slurm", "--dry-run")
    assert planned.returncode == 0, planned.stdout
    groups = re.split(r"Group job cells", planned.stdout)[1:]
    assert len(groups) == 2
    assert all(len(re.findall("^    rule (?:train|evaluate):", x, re.M)) == 4 for x in groups)
