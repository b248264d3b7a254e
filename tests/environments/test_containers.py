"""The grid in containers: the whole of it, and its jobs with `snakemake --sdm apptainer`.

`make test-containers` runs these tests; each is skipped where its tool is missing.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from podman import Podman
from project import ROOT, copy_project, snakemake
from small_grid import CONFIG, check_results, write_config

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

IMAGE = "localhost/fwp-lab:test"


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    """Podman, with the image of envs/Containerfile."""
    podman = Podman(tmp_path_factory.mktemp("podman"))
    podman.build(IMAGE)
    yield podman
    podman.tried("image", "rm", "--force", IMAGE)


def test_a_grid_runs_in_the_container(podman, tmp_path):
    folder = write_config(tmp_path / "project")
    podman.call("run", "--rm", "--volume", f"{folder}:/project", IMAGE)
    check_results(folder)


def test_the_image_keeps_no_settings_of_the_machine_that_built_it(podman):
    look = "cat /etc/pip.conf 2> /dev/null; pip config list; env | grep ^PIP_; echo looked"
    assert podman.call("run", "--rm", IMAGE, "sh", "-c", look).strip() == "looked"
    history = podman.call("history", "--no-trunc", "--format", "{{.CreatedBy}}", IMAGE)
    assert "pip.conf" not in history


@pytest.fixture(scope="module")
def jobs_image(tmp_path_factory, request) -> Path:
    """An image for Apptainer: of envs/fwp.def, or without a registry, of the container above."""
    if not shutil.which("apptainer"):
        pytest.skip("apptainer is not installed")
    folder = tmp_path_factory.mktemp("apptainer")
    image = folder / "fwp.sif"
    recipe = ["apptainer", "build", str(image), "envs/fwp.def"]
    if subprocess.run(recipe, cwd=ROOT, capture_output=True).returncode == 0:
        return image
    archive = folder / "image.tar"
    podman = request.getfixturevalue("podman")
    podman.call("save", "--quiet", "--format", "docker-archive", "--output", archive, IMAGE)
    subprocess.run(["apptainer", "build", str(image), f"docker-archive:{archive}"], check=True)
    archive.unlink()
    return image


def test_jobs_run_in_the_image_of_apptainer(jobs_image, tmp_path):
    folder = copy_project(tmp_path / "project", CONFIG)
    shutil.move(jobs_image, folder / "envs/fwp.sif")
    kept = {"APPTAINERENV_FWP_CACHE": str(tmp_path / "cache")}
    done = snakemake(folder, "--cores", "2", "--sdm", "apptainer", **kept)
    assert done.returncode == 0, done.stdout
    assert "fwp.sif" in done.stdout
    check_results(folder)
    (folder / "envs/fwp.sif").unlink()
