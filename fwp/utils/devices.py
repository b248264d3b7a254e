"""Where the computation runs."""

import ctypes
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from fwp.utils import gpus, mps

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt


class OutOfMemory(MemoryError):  # noqa: N818 - as PyTorch calls it
    """The memory of GPU or machine does not suffice; the message says what to lower."""


def pick(name: str = "auto") -> str:
    """Resolve `auto` to `cuda` where there is a GPU, else to `cpu`; those two stay as they are.

    Of several GPUs the process gets the one that is used least (see `fwp.utils.gpus`).

    Raises:
        ValueError: another name, or `cuda` where PyTorch finds no GPU.
        RuntimeError: `auto` where MPS runs for the GPUs of this process, but PyTorch finds none:
            a job must not take hours on a CPU unnoticed.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda, got {name!r}")
    gpu = gpus.claim_gpu() if name != "cpu" else None
    available = torch.cuda.is_available()
    through_mps = torch.version.cuda is not None and mps.VARIABLE in os.environ
    if name == "auto" and gpu and through_mps and not available:
        raise RuntimeError(
            f"compute.device is auto and this process has GPU {gpu} ({gpus.VARIABLE}), but PyTorch "
            "cannot use it through MPS; set compute: { mps: false } or compute: { device: cpu }"
        )
    if name == "cuda" and not available:
        raise ValueError("device is cuda, but PyTorch finds no GPU here; use auto or cpu")
    return ("cuda" if available else "cpu") if name == "auto" else name


@contextmanager
def explaining_memory(models: int) -> Iterator[None]:
    """Turn PyTorch's errors for exhausted memory into one that says what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"the memory of {torch.cuda.get_device_name()} does not suffice for a pack of {models} "
            f"models: lower compute.seeds_per_job, training.batch_size or compute.jobs_per_gpu "
            f"({str(error).partition('.')[0]})"
        ) from error
    except RuntimeError as error:  # PyTorch has no class of its own for this one
        if "DefaultCPUAllocator" not in str(error):
            raise
        asked = re.search(r"allocate (\d+) bytes", str(error))
        size = f" (the last piece asked for has {int(asked[1]) / 1e9:,.1f} GB)" if asked else ""
        raise OutOfMemory(
            "the memory of this machine does not suffice for the model and a batch: lower hidden, "
            f"layers, feed_forward or training.batch_size{size}"
        ) from error


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with so many CPU threads within the block; None leaves the number as it is."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Let this process keep the memory of what it frees, since a step takes as much as the last.

    Otherwise large tensors come from the system and go back to it at every step, and the system
    clears each page: some twentieth of a step of a model of texts. Linux with glibc alone.
    """
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        if not mallopt(MMAP_THRESHOLD, 2**30):
            mallopt(MMAP_THRESHOLD, 2**25)  # the most that older ones take


def processor() -> str:
    """The model of this machine's processor, such as "AMD EPYC 7B13"."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((x.partition(": ")[2] for x in lines if x.startswith("model name")), name)
    return " ".join(name.split())


def describe(device: str) -> str:
    """What `device` is, in words, for tables of measurements."""
    if device == "cuda":
        return f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}"
    threads = torch.get_num_threads()
    return (
        f"{processor()}, {threads} thread{'s' if threads > 1 else ''}, PyTorch {torch.__version__}"
    )
