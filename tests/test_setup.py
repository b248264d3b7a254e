"""What `make setup` and the container install: pinned, and checked by hashes."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from project import ROOT


def locked(file: str) -> dict[str, list[str]]:
    """The requirements of a lock file, each with its hashes."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.partition("#")[0].strip()]
    return {name: hashes for name, *hashes in map(str.split, lines)}


@pytest.mark.parametrize("file", ["requirements.lock", "envs/ziglang.lock"])
def test_every_package_is_pinned_and_has_hashes(file):
    for name, hashes in locked(file).items():
        assert re.fullmatch(r"[\w.-]+==[\w.]+", name), name
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", x) for x in hashes), name


def test_pytorch_alone_is_apart_for_its_builds_differ():
    ((torch, hashes),) = locked("envs/torch.lock").items()
    assert torch.startswith("torch==") and not hashes
    packages = {name.partition("==")[0] for name in locked("requirements.lock")} | {"torch"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"]]
    for extra in ("pipeline", "slurm", "dev"):
        wanted += project["optional-dependencies"][extra]
    assert {Requirement(text).name for text in wanted} <= packages
    pins = [torch, *locked("requirements.lock")]
    versions = dict(pin.split("==") for pin in pins)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[requirement.name]), requirement


@pytest.mark.parametrize("file", ["Makefile", "envs/fwp.def", "envs/Containerfile"])
def test_whoever_installs_a_lock_checks_its_hashes(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    installing = [line for line in lines if re.search(r"install .*-r \S+\.lock", line)]
    assert len(installing) >= 2
    assert all(("--require-hashes" in line) != ("torch.lock" in line) for line in installing)
