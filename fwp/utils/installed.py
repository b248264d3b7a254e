"""The installed package for jobs that run in another environment."""

import contextlib
from pathlib import Path

import fwp


def alone(folder: str | Path) -> str:
    """A folder with a link to this package and nothing else; its absolute path.

    On `PYTHONPATH` of a job in a conda environment, it brings no other package of this one.
    """
    link = Path(folder).absolute() / "fwp"
    link.parent.mkdir(parents=True, exist_ok=True)
    target = Path(fwp.__file__).parent.resolve()
    if not link.is_symlink() or link.resolve() != target:
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        with contextlib.suppress(FileExistsError):  # another job was first
            link.symlink_to(target)
    return str(link.parent)
