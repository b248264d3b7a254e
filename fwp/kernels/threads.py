"""How many CPU threads kernels have, and the calls that share their blocks among them.

PyTorch's own functions stay on one thread when a job has several: some of them add up in another
order then, and their threads would take turns with ours. So no bit of a result depends on the
number of threads.
"""

import ctypes
import functools
from collections.abc import Sequence
from pathlib import Path

import torch

from fwp.kernels import c_compiler
from fwp.kernels.c_compiler import Unavailable

SOURCE = Path(__file__).with_suffix(".c")

_count: int | None = None


def use(count: int) -> None:
    """Compute with so many threads from now on, in kernels alone."""
    global _count
    torch.set_num_threads(1)
    _count = count


def count() -> int:
    """Of the threads that a kernel may take; as many as PyTorch's, unless `use` was called."""
    return _count or torch.get_num_threads()


class Shared:
    """A function of a kernel, called by several threads for a part of the blocks each.

    Args:
        function: takes the range of blocks, then arguments of those types, and returns an int.
        types: as ctypes has them: numbers, pointers, and structures that are the `tensor` of
            native.h.

    Raises:
        Unavailable: what calls such a function cannot be compiled.
    """

    def __init__(self, function, types: Sequence[type]):
        names = [_NAMES.get(kind, "tensor") for kind in types]
        fields = [f"x{i}" for i in range(len(types))]
        definitions = {
            "TYPES": ",".join(names),
            "FIELDS": "".join(f"{n} {f};" for n, f in zip(names, fields, strict=True)),
            "GIVEN": ",".join(f"x->{f}" for f in fields),
        }
        flags = tuple(f"-D{name}={value}" for name, value in definitions.items())
        self._address = ctypes.cast(function, ctypes.c_void_p).value
        self._call = _loaded("call", flags).call
        members = [("function", ctypes.c_void_p), *zip(fields, types, strict=True)]
        self._arguments = type("Arguments", (ctypes.Structure,), {"_fields_": members})

    def __call__(self, threads: int, blocks: int, values: Sequence) -> int:
        """Compute all blocks; how many parts failed."""
        plain = [ctypes.addressof(x) if isinstance(x, ctypes.Array) else x for x in values]
        arguments = self._arguments(self._address, *plain)
        return _share()(self._call, ctypes.byref(arguments), threads, blocks)


_NAMES = {ctypes.c_int64: "int64_t", ctypes.c_double: "double", ctypes.c_void_p: "void *"}


@functools.cache
def _share():
    share = _loaded("threads", ("-pthread",)).share
    share.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    return share


def _loaded(label: str, flags: tuple[str, ...]) -> ctypes.CDLL:
    library = c_compiler.plain_library(SOURCE, label, flags)
    if isinstance(library, Unavailable):
        raise library
    return library
