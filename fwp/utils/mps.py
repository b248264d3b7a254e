"""NVIDIA's MPS, with which jobs that share a GPU compute side by side; without it they take turns.

Any user may start MPS; no setting of the GPU changes. It lives as long as the process that wants
it: a guardian starts it, waits for the end of that process, however it ends, and quits MPS.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fwp.utils import gpus

CONTROL = "nvidia-cuda-mps-control"
VARIABLE = "CUDA_MPS_PIPE_DIRECTORY"  # where programs look for MPS


def unusable() -> str | None:
    """Why MPS cannot be started here, or None."""
    if sys.platform != "linux":
        return "it exists on Linux only"
    if shutil.which(CONTROL) is None:
        return f"{CONTROL} is not installed; it comes with NVIDIA's driver"
    return None


def is_running() -> bool:
    """Whether the programs of this process would find an MPS that somebody has started."""
    folder = Path(os.environ.get(VARIABLE, "/tmp/nvidia-mps"))
    return shutil.which(CONTROL) is not None and folder.is_dir() and _answers({})


def start(seconds: float = 10.0) -> str | None:
    """Start MPS for what this process starts from now on, until it ends.

    Args:
        seconds: to wait for it.

    Returns:
        Why there is none, or None. In that case the environment of this process is as it was.
    """
    if (reason := unusable()) is not None:
        return reason
    # Sockets have short paths, so that results/ is no place for them.
    folder = tempfile.mkdtemp(prefix="fwp-mps-")
    own = {VARIABLE: folder, "CUDA_MPS_LOG_DIRECTORY": folder}
    guardian = subprocess.Popen(
        [sys.executable, "-m", "fwp.utils.mps", str(os.getpid()), folder],
        env=os.environ | own,
        start_new_session=True,  # Ctrl-C is for the jobs first, which still need MPS
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end and guardian.poll() is None:
        if _answers(own):
            os.environ |= own
            return None
        time.sleep(0.05)
    guardian.terminate()
    told = guardian.communicate()[1].strip().splitlines()
    return told[-1] if told else f"{CONTROL} did not answer within {seconds:g} s"


def _answers(environment: dict[str, str]) -> bool:
    """Whether an MPS control daemon takes commands."""
    try:
        result = subprocess.run(
            [CONTROL],
            input="get_default_active_thread_percentage\n",
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def guard(pid: int, folder: str) -> None:
    """Run MPS in `folder` until the process `pid` ends or a signal comes, and remove the folder."""
    for name in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(name, lambda *_: sys.exit())
    # MPS numbers the GPUs that it sees from 0. It sees all, so that numbers mean the same to jobs.
    environment = {name: value for name, value in os.environ.items() if name != gpus.VARIABLE}
    control = subprocess.Popen([CONTROL, "-f"], stdin=subprocess.DEVNULL, env=environment)
    try:
        while _is_parent(pid) and control.poll() is None:
            time.sleep(0.2)
        if control.poll():
            sys.exit(f"{CONTROL} ended with exit code {control.returncode}")
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([CONTROL], input="quit\n", text=True, timeout=10, check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            control.wait(10)
        control.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _is_parent(pid: int) -> bool:
    """Whether the process that started this one is still there: otherwise another adopts it."""
    return os.getppid() == pid


if __name__ == "__main__":
    guard(int(sys.argv[1]), sys.argv[2])
