"""Wheel and sdist are built, installed into a bare environment, and used there.

`make test-install` runs these tests. They install PyTorch and all else that the package asks for.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from project import ROOT
from tiny_config import check_results, environment, write_config

pytestmark = pytest.mark.install

TRAINED = "fwp train --model delta --task parity --seed 0"


def call(command, folder: Path, **environment_: str) -> str:
    """Run a command as from a shell of a user, and return what it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        shell=isinstance(command, str),
        env=environment(folder / "cache") | environment_,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def tracked(root: Path = ROOT) -> list[str]:
    """The files that git knows."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("only a clone tells which files are the project's")
    return [name for name in listed.stdout.splitlines() if (root / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """A wheel from the clone (`clone`), an sdist, and the wheel that comes of it (`sdist`)."""
    pytest.importorskip("build", reason="`pip install build` brings it")
    source = tmp_path_factory.mktemp("source")
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    base = [sys.executable, "-m", "build", "--no-isolation"]
    places = {"clone": ("--wheel",), "sdist": ()}  # the wheel straight, and by way of the sdist
    for kind, options in places.items():
        call([*base, *options, "--outdir", str(source.parent / kind), "."], source)
        shutil.rmtree(source / "build", ignore_errors=True)
    found = {kind: next((source.parent / kind).glob("*.whl")) for kind in places}
    return found | {"archive": next((source.parent / "sdist").glob("*.tar.gz"))}


def test_the_wheel_of_the_sdist_is_that_of_the_clone(built):
    """Whoever builds from PyPI's archive gets each file that a clone has, bit for bit."""
    wheels = {kind: zipfile.ZipFile(built[kind]) for kind in ("clone", "sdist")}
    names = {kind: sorted(wheel.namelist()) for kind, wheel in wheels.items()}
    assert names["clone"] == names["sdist"]
    for name in names["clone"]:
        if not name.endswith("RECORD"):
            assert wheels["clone"].read(name) == wheels["sdist"].read(name), name


def test_the_sdist_has_what_it_is_built_from(built):
    with tarfile.open(built["archive"]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "Snakefile", "config.yaml"} <= inside
    assert {name for name in tracked() if name.startswith(("fwp/", "workflow/"))} <= inside


@pytest.fixture(scope="module")
def bare(built, tmp_path_factory) -> Path:
    """An environment with the wheel alone, and the versions of the lock: its folder `bin`."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=True)
    pins = folder / "pins.txt"
    text = (ROOT / "requirements.lock").read_text() + (ROOT / "envs/torch.lock").read_text()
    pins.write_text("\n".join(re.findall(r"^[\w.-]+==[^\s;\\]+", text, re.M)))
    scripts = folder / "venv/bin"
    pip = [scripts / "python", "-m", "pip", "install", "--quiet", "--constraint", pins]
    call([*pip, built["sdist"]], folder)
    return scripts


def using(scripts: Path) -> dict[str, str]:
    return {"PATH": f"{scripts}:{environment(scripts)['PATH']}"}


def test_a_cell_is_trained(bare, tmp_path):
    """With the package alone, without the extra `pipeline`."""
    folder = write_config(tmp_path)
    assert "parity" in call(TRAINED, folder, **using(bare)).lower()


@pytest.fixture(scope="module")
def complete(bare, built) -> Path:
    """The same environment with the extra `pipeline`."""
    folder = bare.parents[1]
    pip = [bare / "python", "-m", "pip", "install", "--quiet", "--constraint", folder / "pins.txt"]
    call([*pip, f"fwp-lab[pipeline] @ {built['sdist'].as_uri()}"], folder)
    return bare


def test_the_lines_of_the_readme_run(complete, tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(import fwp\n\ndata = .*?)```", readme, re.DOTALL)
    (tmp_path / "lines.py").write_text(lines, encoding="utf-8")
    assert "after" in call("python lines.py", tmp_path, **using(complete))


def test_a_grid_runs_in_an_empty_folder(complete, tmp_path):
    folder = write_config(tmp_path)
    call('snakemake -s "$(fwp snakefile)" --cores 2', folder, **using(complete))
    check_results(folder)
