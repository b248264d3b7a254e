"""A backend is one way to compute an op; those with kernels are found by their files.

Beside the reference, in the folder of an op, `native.py` (with `native.c`) is its kernel for the
CPU, `triton.py` its kernel for the GPU, and `triton_chunks.py` one for long strings there. Each has
a function of the op's name that takes what the reference takes. They are imported when they are
first asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import Tensor

from fwp.kernels import triton_support


def always(_: dict[str, Tensor]) -> None:
    """Usable everywhere: the `unusable` of a backend written in plain PyTorch."""


@dataclass(frozen=True)
class Backend:
    """One way to compute an op.

    run: called with the op's inputs in order, the initial state if the op has one, and its options
        by name; returns what the reference returns.
    unusable: given the inputs by name, the reason why `run` cannot be used for them, or None.
    packs: whether `run` computes a whole pack of R models: weights (inputs without B) come with a
        further first dimension R, sequences and states as [R · B, ...], those of a model one after
        another. Other backends are called once per model, unless the op has no weights, or unless
        they are plain PyTorch, which `torch.vmap` sees through.
    slow: given the inputs by name, whether `backend="auto"` passes it by, though it can be used.
    """

    run: Callable[..., Any]
    unusable: Callable[[dict[str, Tensor]], str | None] = always
    packs: bool = False
    slow: Callable[[dict[str, Tensor]], bool] | None = None


class Late:
    """A function of a module that is imported when it is first called."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        return getattr(import_module(self.module), self.name)

    def __call__(self, *args, **kwargs):
        """Import the module if need be, then call the function."""
        return self.function(*args, **kwargs)


def with_kernels(package: str, folder: Path, name: str, heads: bool) -> dict[str, Backend]:
    """Backends of the op `name` whose files lie in its folder, in the order of preference.

    Args:
        package: module name of the folder.
        folder: of the op.
        name: of the op.
        heads: whether its state has heads, which the kernels for the GPU hold in registers.
    """
    found = {}
    if (folder / "native.py").is_file():
        native = f"{package}.native"
        found["native"] = Backend(Late(native, name), Late(native, "unusable"))
    if (folder / "triton_chunks.py").is_file():
        module = f"{package}.triton_chunks"
        found["triton_chunks"] = Backend(
            Late(module, name), triton_support.unsupported_in_chunks, True, triton_support.few
        )
    if (folder / "triton.py").is_file():
        unusable = triton_support.unsupported_head_size if heads else triton_support.unsupported
        found["triton"] = Backend(Late(f"{package}.triton", name), unusable, packs=True)
    return found


def only_on_cpu(inputs: dict[str, Tensor]) -> str | None:
    """Why a function of PyTorch's own for recurrent nets is not used for `inputs`, or None."""
    device = next(iter(inputs.values())).device
    if device.type == "cpu":
        return None
    return f"it computes on the CPU (elsewhere PyTorch may round to TF32), not on {device}"
