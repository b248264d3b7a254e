"""A folder with nothing but a link to the package."""

import subprocess
import sys
from pathlib import Path

import fwp
from fwp.utils import installed


def test_the_package_is_found_there_alone(tmp_path):
    folder = tmp_path / "a" / "b"
    (tmp_path / "stale").mkdir()
    folder.mkdir(parents=True)
    (folder / "fwp").symlink_to(tmp_path / "stale")
    for _ in range(2):
        assert installed.alone(folder) == str(folder)
    assert [path.name for path in folder.iterdir()] == ["fwp"]
    command = [sys.executable, "-S", "-c", "import fwp; print(fwp.__file__)"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).resolve() == Path(fwp.__file__).resolve()
