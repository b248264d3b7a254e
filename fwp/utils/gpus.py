"""Sharing a machine's GPUs among jobs that know nothing of each other; without PyTorch.

A job takes the GPU that the fewest others of this user have taken. What is taken stands in locked
files, which the system unlocks when a process ends, however it ends.
"""

import getpass
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"
_taken = []  # locks that this process holds


@cache
def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES would name them."""
    visible = os.environ.get(VARIABLE)
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    lines = result.stdout.split() if result.returncode == 0 else []
    return [line for line in lines if line.isdigit()]


def claim_gpu() -> str | None:
    """Keep this process to the least used GPU from now on; its name, or None if there is none.

    To be called before CUDA is used. The same GPU is given again if the process asks again.
    """
    if not _taken and len(visible_gpus()) > 1:
        from filelock import FileLock, Timeout  # here: planning jobs does without

        folder = Path(tempfile.gettempdir()) / f"fwp-gpus-{getpass.getuser()}"
        folder.mkdir(exist_ok=True)
        places = ((turn, name) for turn in range(1000) for name in visible_gpus())
        for turn, name in places:
            lock = FileLock(folder / f"{name.replace('/', '-')}.{turn}")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            _taken.append(lock)
            os.environ[VARIABLE] = name
            visible_gpus.cache_clear()
            break
    return visible_gpus()[0] if visible_gpus() else None
