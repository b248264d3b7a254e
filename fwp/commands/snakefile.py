"""`fwp snakefile`: where the Snakefile is, in a clone or in an installed package."""

from argparse import Namespace
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def run(_: Namespace) -> None:
    """Print its path, for `snakemake -s`."""
    print(find())


def find() -> Path:
    """The Snakefile beside the package, in a clone, or the one that was installed with it.

    Raises:
        ValueError: there is none.
    """
    beside = PACKAGE.with_name("Snakefile")
    if beside.is_file() and beside.with_name("workflow").is_dir():
        return beside
    try:
        installed = metadata.files("fwp-lab") or []
    except metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        in_root = file.name == "Snakefile" and file.parent.name != "workflow"
        if in_root and Path(str(file.locate())).is_file():
            return Path(str(file.locate())).resolve()
    raise ValueError(
        "there is no Snakefile: this copy of the package came without its workflow; clone the "
        "repository, or install a wheel that was built from it"
    )
