"""A channel of conda in a folder, for machines that reach none: stand-ins of this machine's files.

Its `python` is that which runs the tests, and it also sees their libraries. The other packages are
empty, and have the versions of those libraries. So all is real that Snakemake and conda do, from
the environment's file to jobs that run in it. What conda-forge's builds do is not tested.
"""

import hashlib
import io
import json
import sys
import sysconfig
import tarfile
from importlib.metadata import version
from pathlib import Path

import yaml
from project import ROOT
from test_environments import CONDA

LEFT_OUT = {"test", "tests", "__pycache__", "site-packages", "idlelib", "ensurepip", "tkinter"}


def write_channel(folder: Path) -> Path:
    """Write a channel with what envs/fwp.yaml asks for; its folder."""
    lines = yaml.safe_load((ROOT / "envs/fwp.yaml").read_text(encoding="utf-8"))["dependencies"]
    names = [line.split()[0] for line in lines if isinstance(line, str)]
    known = {"python": sys.version.split()[0], "c-compiler": "1.0"}
    platform = folder / "linux-64"
    platform.mkdir(parents=True)
    index = {}
    for name in names:
        files = python_files() if name == "python" else {}
        number = known.get(name) or version(CONDA.get(name, name))
        index |= package(platform, name, number.partition("+")[0], files)
    for place, packages in ((platform, index), (folder / "noarch", {})):
        place.mkdir(exist_ok=True)
        data = {"info": {"subdir": place.name}, "packages": packages, "packages.conda": {}}
        (place / "repodata.json").write_text(json.dumps(data | {"repodata_version": 1}))
    return folder


def python_files() -> dict[str, Path | bytes]:
    """The files of this Python, without its packages, and where those of the tests are."""
    short = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = Path(sysconfig.get_path("stdlib"))
    files = {
        f"lib/{short}/{path.relative_to(library)}": path
        for path in library.rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.parts) and "config-" not in str(path)
    }
    shared = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDLIBRARY"))
    if shared.suffix != ".a":
        files[f"lib/{shared.resolve().name}"] = shared.resolve()
    program = Path(sys.executable).resolve()
    files |= {f"bin/{name}": program for name in ("python", "python3", short)}
    files[f"lib/{short}/site-packages/tests.pth"] = sysconfig.get_path("purelib").encode()
    return files


def package(place: Path, name: str, number: str, files: dict[str, Path | bytes]) -> dict:
    """Write a package into `place`; its line in the channel's index."""
    facts = {"name": name, "version": number, "build": "0", "build_number": 0}
    facts |= {"depends": [] if name == "python" else ["python"], "subdir": place.name}
    archive = place / f"{name}-{number}-0.tar.bz2"
    paths = [
        {"_path": path, "path_type": "hardlink", "sha256": digest(content), "size_in_bytes": 0}
        for path, content in files.items()
    ]
    about = {
        "info/index.json": json.dumps(facts).encode(),
        "info/files": "".join(f"{path}\n" for path in files).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
    }
    with tarfile.open(archive, "w:bz2", compresslevel=1) as tar:
        for path, content in (about | files).items():
            if isinstance(content, Path):
                tar.add(content, path)
            else:
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    sums = {"sha256": digest(archive), "md5": hashlib.md5(archive.read_bytes()).hexdigest()}
    return {archive.name: facts | sums | {"size": archive.stat().st_size}}


def digest(content: Path | bytes) -> str:
    data = content.read_bytes() if isinstance(content, Path) else content
    return hashlib.sha256(data).hexdigest()
