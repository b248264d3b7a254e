"""On what results are computed: facts for records, which decide nothing.

The same code and seeds give the same bits on the same kind of processor. On another one sums are
rounded in another order, and a long training ends elsewhere. These facts say which one it was. No
name of a machine, user or folder is among them.
"""

import functools
import platform
import re

import torch

from fwp import __version__
from fwp.kernels import c_compiler, threads
from fwp.utils import devices
from fwp.utils.checkout import commit


def describe(device: str) -> dict[str, str | int | None]:
    """What this machine and installation are, ready for JSON.

    Args:
        device: cpu or cuda, where the work was done.

    Returns:
        cpu (model), architecture, instructions (the set that PyTorch's own kernels use), threads,
        blas (library and version), os, kernels (compiler and flags of the compiled ones), gpu and
        cuda (None on a CPU), fwp (version), commit (of a git checkout, with "-dirty" if files were
        edited; None elsewhere).
    """
    return {
        "cpu": devices.processor(),
        "architecture": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": threads.count(),
        "blas": blas(),
        "os": platform.platform(),
        "kernels": kernels(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "cuda": torch.version.cuda if device == "cuda" else None,
        "fwp": __version__,
        "commit": commit(),
    }


@functools.cache
def blas() -> str:
    """The library of matrix products that PyTorch uses on a CPU, and its version."""
    text = torch.__config__.show()
    if found := re.search(r"Math Kernel Library Version ([\d.]+)", text):
        return f"MKL {found[1]}"
    if found := re.search(r"OpenBLAS (\d[\w.]*)", text):
        return f"OpenBLAS {found[1]}"
    found = re.search(r"\bBLAS_INFO=(\w+)", text)
    return found[1] if found else "unknown"


@functools.cache
def kernels() -> str | None:
    """Compiler and flags of compiled kernels; None where they cannot be compiled."""
    try:
        _, version = c_compiler.find_compiler()
    except c_compiler.Unavailable:
        return None
    return " ".join([version.strip().splitlines()[0], *c_compiler.FLAGS])
