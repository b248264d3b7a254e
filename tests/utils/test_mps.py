"""MPS for the time of a run, with a stand-in for NVIDIA's daemon."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fwp.utils import mps

# Started with -f it stays until it is told to quit; otherwise it passes commands on.
DAEMON = """#!/bin/sh
case "$1" in
-f) test -e "{refuse}" && {{ echo "no MPS for you" >&2; exit 1; }}
    touch "$CUDA_MPS_PIPE_DIRECTORY/control"; echo "$CUDA_MPS_PIPE_DIRECTORY" > "{seen}"
    echo "${{CUDA_VISIBLE_DEVICES-all}}" > "{gpus}"
    while test -e "$CUDA_MPS_PIPE_DIRECTORY/control"; do sleep 0.05; done ;;
*)  read command; test -e "$CUDA_MPS_PIPE_DIRECTORY/control" || exit 1
    test "$command" = quit && rm "$CUDA_MPS_PIPE_DIRECTORY/control"; exit 0 ;;
esac
"""
RUN = """
import os, sys, time
from fwp.utils import mps
print(mps.start(), os.environ.get(mps.VARIABLE), mps.is_running(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def daemon(tmp_path, monkeypatch):
    """A folder with the stand-in in it, first in the path."""
    path = tmp_path / mps.CONTROL
    path.write_text(
        DAEMON.format(refuse=tmp_path / "refuse", seen=tmp_path / "seen", gpus=tmp_path / "gpus")
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(mps.VARIABLE, raising=False)
    return tmp_path


def _wait_until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_mps_lives_as_long_as_the_run(daemon, end, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    run = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True)
    with run:
        started = run.stdout.readline().split()
        folder = Path((daemon / "seen").read_text().strip())
        assert started == ["None", str(folder), "True"]
        # Of GPUs 2 and 3, MPS would make 0 and 1, and jobs would look for 2 and 3 in vain.
        assert (daemon / "gpus").read_text() == "all\n"
        assert folder.stat().st_mode & 0o77 == 0  # nobody else's programs may join
        getattr(run, end)()
    _wait_until(lambda: not folder.exists())


def test_a_refusal_is_told_and_changes_nothing(daemon):
    (daemon / "refuse").touch()
    assert "exit code 1" in mps.start()
    assert mps.VARIABLE not in os.environ


def test_without_the_program_there_is_no_mps(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mps.CONTROL in mps.start()
    assert not mps.is_running()
