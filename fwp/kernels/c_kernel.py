"""Kernels in C for the CPU, called by ctypes.

The `native.py` of an op declares `KERNEL = Kernel(__file__)` and calls the functions of the
`native.c` beside it, `forward` and `backward`, recurrences by `recurrence` for the most part. They
are compiled on first use (see `c_compiler`).
"""

import ctypes
import functools
import warnings
from pathlib import Path

import torch
from torch import Tensor

from fwp.kernels import c_compiler, threads
from fwp.kernels.c_compiler import Unavailable
from fwp.kernels.tensors import contiguous_end

# Head sizes for which a kernel of its own is compiled; the others share one with variable loops.
FIXED_SIZES = (4, 8, 16, 32, 64)


class Strided(ctypes.Structure):
    """The `tensor` of native.h: address and strides of [B, T, H, ...]; null stands for zeros."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("batch", ctypes.c_int64),
        ("time", ctypes.c_int64),
        ("head", ctypes.c_int64),
    ]


NOTHING = Strided()


def sequence(x: Tensor | None) -> Strided:
    """A sequence [B, T, H, D] or [B, T, H] for a kernel; copied unless its D is contiguous."""
    if x is None:
        return NOTHING
    x = contiguous_end(x, x.dim() - 3)
    batch, time, head, *_ = x.stride()
    return _keeping(x, Strided(x.data_ptr(), batch, time, head))


def plain_sequence(x: Tensor | None) -> Strided:
    """A sequence without heads, [B, T, ...], or a state without heads, [B, D]."""
    if x is None:
        return NOTHING
    x = contiguous_end(x, max(1, x.dim() - 2))
    return _keeping(x, Strided(x.data_ptr(), x.stride(0), x.stride(1) if x.dim() > 2 else 0, 0))


def state(x: Tensor | None) -> Strided:
    """A state [B, H, ...] for a kernel; copied unless the dimensions after H are contiguous."""
    if x is None:
        return NOTHING
    x = contiguous_end(x, x.dim() - 2)
    return _keeping(x, Strided(x.data_ptr(), x.stride(0), 0, x.stride(1)))


def _keeping(x: Tensor, view: Strided) -> Strided:
    view.tensor = x  # a copy must live as long as its address is in use
    return view


def padded(size: int) -> int:
    """Length of a kernel's array over `size` units."""
    return -(-size // 4) * 4


class Kernel:
    """The compiled functions of the C file that lies beside a module.

    Args:
        module: the module's `__file__`.
        fixed_sizes: head sizes for which there is to be a library each; the others share one.
    """

    def __init__(self, module: str, fixed_sizes: tuple[int, ...] = FIXED_SIZES):
        self.source = Path(module).with_name("native.c")
        self.fixed_sizes = fixed_sizes
        self._functions = {}  # by name, data type and head size
        self._calls = {}
        self._shared = {}

    def unusable(self, inputs: dict[str, Tensor], size: int | None = None) -> str | None:
        """Why the kernel cannot compute on `inputs`, or None. Warns once if it cannot be built.

        `size` is the head size; by default, the one that all inputs [B, T, H, D] have.
        """
        first = next(iter(inputs.values()))
        if first.device.type != "cpu":
            return f"it computes on the CPU, the tensors are on {first.device}"
        if size is None:
            sizes = {x.shape[-1] for x in inputs.values() if x.dim() == 4}
            size = sizes.pop() if len(sizes) == 1 else None
        library = self._find(first.dtype, size)
        if isinstance(library, Unavailable):
            _warn_once(str(library))
            return str(library)
        return None

    def lanes(self, dtype: torch.dtype, size: int | None) -> int:
        """How many sequences a block holds."""
        return self._function("lanes_in_a_block", dtype, size)()

    def number(self, function: str, dtype: torch.dtype, size: int | None, *args: int) -> int:
        """What a function of the library that takes and returns numbers says."""
        return self._function(function, dtype, size)(*args)

    def run(self, function: str, blocks: int, like: Tensor, size: int | None, *args) -> None:
        """Run `function` over `blocks` independent blocks of sequences.

        The C function's first two arguments are the range of blocks; `args` follow: numbers,
        contiguous tensors (passed as pointers), None (a null pointer) and `Strided`. `size` is the
        head size, if the kernel has only one. The range is split over threads (ctypes releases
        Python's lock) if there are several; blocks share no result, so that no bit depends on
        the split.
        """
        call, tensors = self._calls.get((function, like.dtype, size)) or self._prepare(
            function, like.dtype, size, args
        )
        values = [*args]
        for i in tensors:
            if values[i] is not None:
                values[i] = values[i].data_ptr()
        if blocks > 1 and (number := threads.count()) > 1:
            failed = self._share(function, like.dtype, size, call)(number, blocks, values)
        else:
            failed = call(0, blocks, *values)
        if failed:
            raise MemoryError(f"{self.source.parent.name}: no memory for the kernel's workspace")

    def _share(self, name: str, dtype: torch.dtype, size: int | None, call) -> threads.Shared:
        """The function, shared by threads."""
        key = (name, dtype, size)
        if key not in self._shared:
            self._shared[key] = threads.Shared(call, call.argtypes[2:])
        return self._shared[key]

    def _prepare(self, name: str, dtype: torch.dtype, size: int | None, args: tuple) -> tuple:
        """A function, told the types of such arguments, and which of them are tensors or None."""
        call = self._function(name, dtype, size)
        # Told the types, ctypes needs no object for every number.
        call.argtypes = [ctypes.c_int64, ctypes.c_int64, *map(_type, args)]
        tensors = [i for i, x in enumerate(args) if x is None or isinstance(x, Tensor)]
        self._calls[name, dtype, size] = call, tensors
        return call, tensors

    def _find(self, dtype: torch.dtype, size: int | None) -> ctypes.CDLL | Unavailable:
        return c_compiler.library(self.source, dtype, size if size in self.fixed_sizes else None)

    def _function(self, name: str, dtype: torch.dtype, size: int | None):
        key = (name, dtype, size)
        if key not in self._functions:
            library = self._find(dtype, size)
            if isinstance(library, Unavailable):
                raise library
            self._functions[key] = getattr(library, name)
        return self._functions[key]


def _type(x: int | float | Tensor | Strided | None) -> type:
    """How C declares an argument."""
    kinds = {int: ctypes.c_int64, float: ctypes.c_double, Strided: Strided}
    return kinds.get(type(x), ctypes.c_void_p)


@functools.cache
def _warn_once(reason: str) -> None:
    """Say once per process (and reason) that the slow path is taken."""
    warnings.warn(
        f"fwp computes recurrences on the CPU with PyTorch instead of compiled kernels, which may "
        f"be many times slower: {reason}",
        RuntimeWarning,
        stacklevel=2,
    )
