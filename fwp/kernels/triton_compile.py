"""Compiling Triton's kernels side by side, before they are first launched.

A kernel is compiled when it is first called, and a step calls a dozen: one after another they take
many seconds on a fresh machine. Triton keeps what it has compiled in a folder that all processes
share.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fwp.kernels.triton_support import installed

THREADS = 16


@contextlib.contextmanager
def only_compiling(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Within, kernels that are called are compiled, not launched; after it, all are ready.

    What they would have written is left as it was, mostly memory that nobody has filled: call only
    what does no harm then. Jobs of equal models wait for each other, so that each kernel is
    compiled once.

    Args:
        weights: of the pack, by name [R, ...]; models of equal shapes have the same kernels.
    """
    if not installed():
        yield  # there is nothing to compile
        return
    import triton
    from filelock import FileLock
    from triton.runtime.jit import JITFunction

    launch: Any = JITFunction.run

    def compile_alone(self, *args, **kwargs):
        return launch(self, *args, **kwargs | {"warmup": True})

    folder = Path(tempfile.gettempdir()) / f"fwp-triton-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{key(weights)}.lock")
    with (
        lock,
        ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as executor,
        triton.AsyncCompileMode(executor),
        # Otherwise the backward pass is another thread's, where the mode is not known.
        torch.autograd.set_multithreading_enabled(False),
    ):
        JITFunction.run = compile_alone
        try:
            yield
        finally:
            JITFunction.run = launch


def key(weights: Mapping[str, Tensor]) -> str:
    """The same for models of equal shapes, however many are in the pack."""
    shapes = [(name, str(x.dtype), *x.shape[1:]) for name, x in sorted(weights.items())]
    return hashlib.sha256(repr(shapes).encode()).hexdigest()[:16]
