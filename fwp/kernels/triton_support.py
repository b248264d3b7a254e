"""Whether an op's kernel in Triton, `triton.py` in its folder, can be used for some tensors.

This module does not import triton: kernels are imported when a tensor on a GPU asks for one. A
kernel takes *packs*: R models that differ only in their weights, as one program. Sequences and
states are [R·B, ...] with the rows of one model side by side, weights are [R, ...]; one model is
R = 1.
"""

import functools
import importlib.util
import os

import torch
from torch import Tensor

LARGEST = 128  # head size; larger states do not fit into the registers
LONG = 128  # steps from which on chunks of time are faster
# Units of a head from which on they are. Narrower tiles read memory that is not theirs, as compiled
# by Triton 3.6 for a Hopper GPU; in its interpreter they do not.
WIDE = 32


def interpreted() -> bool:
    """Whether kernels run on the CPU, in Triton's interpreter: for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def unsupported_head_size(inputs: dict[str, Tensor]) -> str | None:
    """Why an op with heads, each [B, T, H, D], cannot use its kernel for `inputs`, or None."""
    size = max((x.shape[-1] for x in inputs.values() if x.dim() == 4), default=1)
    if size > LARGEST:
        return f"it takes head sizes up to {LARGEST}, not {size}"
    return unsupported(inputs)


def unsupported_in_chunks(inputs: dict[str, Tensor]) -> str | None:
    """As `unsupported_head_size`, for kernels that compute with chunks of time."""
    dtype = next(iter(inputs.values())).dtype
    if dtype != torch.float32:
        return f"it computes in float32, the tensors are {dtype}"
    size = min((x.shape[-1] for x in inputs.values() if x.dim() == 4), default=WIDE)
    if size < WIDE:
        return f"it takes head sizes of {WIDE} or more, not {size}"
    return unsupported_head_size(inputs)


def few(inputs: dict[str, Tensor]) -> bool:
    """Whether a loop over time is faster than chunks, each [B, T, H, D]."""
    return next(iter(inputs.values())).shape[1] < LONG


def unsupported(inputs: dict[str, Tensor]) -> str | None:
    """Why tensors cannot be computed on where they are, or None."""
    device = next(iter(inputs.values())).device
    if device.type != "cuda" and not interpreted():
        return f"it computes on a GPU, the tensors are on {device}"
    return None if installed() else "the package triton, which comes with PyTorch, is missing"


@functools.cache
def installed() -> bool:
    """Whether there is Triton."""
    return importlib.util.find_spec("triton") is not None
