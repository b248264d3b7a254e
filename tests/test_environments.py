"""envs/, pyproject.toml and requirements.lock name the same packages, with the same bounds."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What conda-forge calls packages of another name: without what their jobs do not need (Qt).
CONDA = {"pytorch": "torch", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}
# Extras that are large, or of one stage alone: requirements.lock has none of them.
UNLOCKED = {"fla", "jax", "parquet", "docs"}
OF_CONDA = {"python", "pip", "c-compiler"}


def wanted(*extras: str) -> dict[str, SpecifierSet]:
    """What pyproject.toml asks for, by name; jobs need all but Snakemake itself."""
    lines = [*PROJECT["dependencies"]]
    lines += [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    found = map(Requirement, lines)
    return {canonicalize_name(r.name): r.specifier for r in found}


def conda() -> dict[str, SpecifierSet]:
    """What the environment of conda has, by its name on PyPI."""
    lines = yaml.safe_load((ROOT / "envs/fwp.yaml").read_text(encoding="utf-8"))["dependencies"]
    lines = [part for line in lines for part in (line["pip"] if isinstance(line, dict) else [line])]
    pairs = (re.fullmatch(r"([\w-]+) ?(.*)", line).groups() for line in lines)
    return {CONDA.get(name, name): SpecifierSet(bounds) for name, bounds in pairs}


def locked() -> dict[str, str]:
    files = (ROOT / "requirements.lock", ROOT / "envs/torch.lock")
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    found = (re.match(r"([\w.-]+)==([^\s;\\]+)", line) for line in lines)
    return {canonicalize_name(m[1]): m[2] for m in found if m}


def test_the_environment_of_conda_is_that_of_pyproject():
    pip = wanted("pipeline")
    del pip["snakemake"]  # which runs outside of it
    own = conda()
    assert {name: own[name] for name in own if name not in OF_CONDA} == pip
    assert own.keys() >= OF_CONDA


def test_the_python_of_conda_is_one_that_pyproject_allows():
    """And one of those that it says it is tested with."""
    python = conda()["python"]
    tested = [
        line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)
    ]
    assert [f"3.{n}" for n in range(9, 30) if f"3.{n}" in python] == tested
    assert all(version in SpecifierSet(PROJECT["requires-python"]) for version in tested)


def test_the_lock_fits_pyproject():
    extras, pins = PROJECT["optional-dependencies"], locked()
    kept = wanted(*(extras.keys() - UNLOCKED))
    assert kept.keys() <= pins.keys()
    for name, bounds in wanted(*extras).items():
        assert name not in pins or pins[name] in bounds, name


def test_the_container_installs_the_lock_on_a_python_that_is_allowed():
    recipe = (ROOT / "envs/fwp.def").read_text(encoding="utf-8")
    copies = re.findall(r"^ +(\S+\.lock) (\S+)$", recipe, re.M)
    assert {name for name, _ in copies} == {"requirements.lock", "envs/torch.lock"}
    assert all(f"-r {path}" in recipe.partition("%post")[2] for _, path in copies)
    version = re.search(r"^From: python:(\d+\.\d+)-", recipe, re.M)[1]
    assert version in SpecifierSet(PROJECT["requires-python"])


def test_the_image_of_podman_is_built_from_all_that_the_package_is():
    """`pip install` in the image needs each file that pyproject.toml names."""
    recipe = (ROOT / "envs/Containerfile").read_text(encoding="utf-8")
    copied = {
        name for line in re.findall(r"^COPY (.*) \S+$", recipe, re.M) for name in line.split()
    }
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packed = [name for names in setup["setuptools"]["data-files"].values() for name in names]
    needed = {name.partition("/")[0] for name in packed}
    needed |= {"fwp", "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]}
    assert needed <= copied
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.M)
    assert copied - {"envs/torch.lock"} <= set(kept)
    version = re.search(r"^ARG BASE=\S*python:(\d+\.\d+)-", recipe, re.M)[1]
    assert version in SpecifierSet(PROJECT["requires-python"])
