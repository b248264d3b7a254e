"""Podman on this machine: how it runs here, an image to start from, the settings of pip."""

import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
from project import ROOT

BASE = "localhost/fwp-base:latest"
RECIPE = ROOT / "envs/Containerfile"


class Podman:
    """Podman with settings that work here; skips the test where there is none."""

    def __init__(self, folder: Path):
        if not shutil.which("podman"):
            pytest.skip("podman is not installed")
        self.folder = folder
        self.base = self._base()
        self.environment = self._environment()

    def call(self, *arguments: str | Path, timeout: float = 1200) -> str:
        """Run podman, which must succeed; what it printed."""
        done = self.tried(*arguments, timeout=timeout)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def tried(self, *arguments: str | Path, timeout: float = 1200, **environment: str):
        """Run podman, whatever comes of it."""
        return subprocess.run(
            ["podman", *map(str, arguments)],
            env=os.environ | getattr(self, "environment", {}) | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def build(self, name: str) -> str:
        """Build the image of envs/Containerfile; its name."""
        self.call(
            *("build", "--quiet", "--tag", name, "--build-arg", f"BASE={self.base}"),
            *pip_mounts(self.folder),
            *("--file", RECIPE, ROOT),
        )
        return name

    def _base(self) -> str:
        """The base that the recipe names, or where no registry has it, a Debian made here."""
        text = RECIPE.read_text(encoding="utf-8")
        named = next(line for line in text.splitlines() if line.startswith("ARG BASE="))[9:]
        for image in (named, BASE):
            if self.tried("image", "exists", image).returncode == 0:
                return image
        if self.tried("pull", "--quiet", named, timeout=300).returncode == 0:
            return named
        if not shutil.which("mmdebstrap") or os.geteuid():
            pytest.skip(f"{named} cannot be pulled, and root has no mmdebstrap to make another")
        archive = self.folder / "base.tar"
        packages = "--include=python3,python3-venv,ca-certificates"
        made = ["mmdebstrap", "--quiet", "--variant=apt", packages, codename(), str(archive)]
        if (done := subprocess.run(made, capture_output=True, text=True)).returncode:
            pytest.skip(f"mmdebstrap makes no base: {done.stderr[-300:]}")
        self.call("import", archive, BASE)
        archive.unlink()
        return BASE

    def _environment(self) -> dict[str, str]:
        """What Podman needs here: in a sandbox it may neither raise limits nor make networks."""
        settings = self.folder / "containers.conf"
        limits = ['"nofile=1024:1024"', '"nproc=1024:1024"']
        runtime = "runc" if shutil.which("runc") else "crun"
        settings.write_text(
            f'[containers]\nnetns = "host"\ndefault_ulimits = [{", ".join(limits)}]\n'
            f'[engine]\nruntime = "{runtime}"\n'
        )
        ways = ({}, {"CONTAINERS_CONF": str(settings), "BUILDAH_ISOLATION": "chroot"})
        for way in ways:
            done = self.tried("run", "--rm", self.base, "true", **way)
            if done.returncode == 0:
                return way
        pytest.skip(f"podman runs no container here: {done.stdout[-300:]}")


def codename() -> str:
    """The release of this Debian or Ubuntu."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def pip_mounts(folder: Path) -> list[str]:
    """Options by which pip in a build finds what pip here finds; none of it stays in the image."""
    listed = [sys.executable, "-m", "pip", "config", "list"]
    printed = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    settings, mounts = {}, []
    for line in printed.splitlines():
        key, _, value = line.partition("=")
        settings[key.rpartition(".")[2]] = value.strip("'").split()
    for word in chain.from_iterable(settings.values()):
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            mounts += ["--volume", f"{path}:{path}:ro"]
            if path.name == "simple":  # an index, whose files are beside it
                mounts[-1] = f"{path.parent}:{path.parent}:ro"
    if not settings:
        return []
    lines = [f"{key} = {' '.join(words)}" for key, words in settings.items()]
    own = folder / "pip.conf"
    own.write_text("\n".join(["[global]", *lines, ""]))
    return [*mounts, "--volume", f"{own}:/etc/pip.conf:ro"]
