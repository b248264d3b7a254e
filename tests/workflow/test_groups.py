"""Jobs of a cluster: what the profile for Slurm says of them is planned."""

import importlib.util
import re

import pytest
from project import ROOT, copy_project, snakemake

CONFIG = """\
seeds: 1
compute: {device: cpu}
targets: [report, retrieval, pomdp, metalearning]
models: {lstm: {mixer: lstm}, elman: {mixer: elman}}
tasks: {parity: {language: parity}, pairs: {language: aa_star}}
retrieval:
  seeds: 1
  distinct: {memories: [elu], pairs: [20]}
  repeated: {memories: [], pairs: [20]}
pomdp: {seeds: 2, models: [lstm], environments: {parity: {language: parity}}}
metalearning: {seeds: 1, models: [lstm], tasks: [clusters], objectives: [plain]}
"""
RUNS = {"retrieve": 1, "reinforce": 2, "metalearn": 1}

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(
        importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
        reason="the plugin for Slurm is not installed",
    ),
]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """What Snakemake prints of a run whose profile has the lines for many cells in one job."""
    text = (ROOT / "profiles/slurm/config.yaml").read_text(encoding="utf-8")
    lines = ("groups", "group-components", "cores", "keep-incomplete")
    text, found = re.subn(rf"^# ({'|'.join(lines)}):", r"\1:", text, flags=re.M)
    assert found == len(lines)
    project = copy_project(tmp_path_factory.mktemp("groups") / "project", CONFIG)
    (project / "profiles/slurm/config.yaml").write_text(text.replace("=20]", "=2]"))
    found = snakemake(project, "--profile", "profiles/slurm", "--dry-run")
    assert found.returncode == 0, found.stdout
    return found.stdout


def test_a_job_takes_the_cells_that_the_profile_says(planned):
    groups = re.split(r"Group job cells", planned)[1:]
    assert len(groups) == 2
    assert all(len(re.findall("^    rule (?:train|evaluate):", x, re.M)) == 4 for x in groups)


def test_runs_of_experiments_of_their_own_are_jobs_with_a_gpu_and_time(planned):
    """Those of `pomdp` and `metalearning`, too; their tables and figures ask for no GPU."""
    jobs = re.findall(r"^rule (\w+):\n((?: {4}.*\n)+)", planned, re.M)
    asked = {rule: [text for name, text in jobs if name == rule] for rule in RUNS}
    assert {rule: len(texts) for rule, texts in asked.items()} == RUNS
    for rule, texts in asked.items():
        for text in texts:
            assert "gpu=1," in text and "mem_mb=2000," in text and "runtime=240," in text, rule
    tables = [text for name, text in jobs if name in ("retrieval", "pomdp", "metalearning")]
    assert len(tables) == 3 and not any("gpu=" in text for text in tables)
