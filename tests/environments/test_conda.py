"""The jobs of the grid in an environment of conda, with `snakemake --sdm conda`.

`make test-containers` runs this; it is skipped where conda is missing. Where conda-forge cannot be
reached, stand-ins in a folder take the place of its packages.
"""

import os
import shutil
import subprocess
import sys

import pytest
from channel import write_channel
from project import copy_project, snakemake
from tiny_config import CONFIG, check_results

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def reaches_conda_forge() -> bool:
    search = ["conda", "search", "--override-channels", "--channel", "conda-forge", "aalpy"]
    hasty = {"CONDA_REMOTE_MAX_RETRIES": "0", "CONDA_REMOTE_CONNECT_TIMEOUT_SECS": "5"}
    env = os.environ | hasty
    try:
        done = subprocess.run(search, capture_output=True, text=True, timeout=60, env=env)
    except subprocess.TimeoutExpired:
        return False
    return "PackagesNotFound" in done.stdout + done.stderr or done.returncode == 0


@pytest.fixture
def settings(tmp_path) -> dict[str, str]:
    """Settings of conda by which it finds packages here."""
    if not shutil.which("conda"):
        pytest.skip("conda is not installed")
    own = {"CONDA_PKGS_DIRS": str(tmp_path / "packages"), "CONDA_CHANNEL_PRIORITY": "strict"}
    if reaches_conda_forge():
        return own
    if sys.platform != "linux":
        pytest.skip("conda-forge cannot be reached, and stand-ins for its packages need Linux")
    channel = write_channel(tmp_path / "channels/conda-forge")
    for subdir in ("noarch", "linux-64"):  # some releases of conda take this word for a channel
        (empty := channel.parent / "nodefaults" / subdir).mkdir(parents=True)
        (empty / "repodata.json").write_text("{}")
    return own | {"CONDA_CHANNEL_ALIAS": channel.parent.as_uri()}


def test_jobs_run_in_the_environment_of_conda(settings, tmp_path):
    folder = copy_project(tmp_path / "project", CONFIG)
    done = snakemake(folder, "--cores", "2", "--sdm", "conda", **settings)
    assert done.returncode == 0, done.stdout
    assert "Creating conda environment" in done.stdout
    check_results(folder)
    (python,) = (folder / ".snakemake/conda").glob("*/bin/python")
    record = (folder / "results/cells/parity/delta/seed-0/cell.json").read_text(encoding="utf-8")
    assert python.exists() and "parity" in record
