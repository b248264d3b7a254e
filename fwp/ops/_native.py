"""Kernels in C for the CPU: compiled on first use, kept in the user's cache, called by ctypes.

An op `name` with a file `name.c` beside it declares `KERNEL = Kernel("name")` and calls the
functions of that file. Nothing is built at install: the system's C compiler (the first of $CC, cc,
gcc, clang) makes a shared library for the data type and, for common head sizes, for that size, in a
second or two. It lies in $FWP_CACHE, else $XDG_CACHE_HOME/fwp, else ~/.cache/fwp, under a name made
of everything it depends on: source, flags, compiler and processor.
"""

import ctypes
import functools
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

# Head sizes for which a kernel of its own is compiled; the others share one with variable loops.
FIXED_SIZES = (4, 8, 16, 32, 64)
# No -ffast-math: NaN and infinity must reach the loss, by which a diverged run is noticed, and the
# order of additions must stand. Contraction to fused multiply-adds and ignoring errno and floating
# point traps change neither.
FLAGS = [
    *("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"),
    *("-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
]


class Unavailable(Exception):  # noqa: N818 - a state of the machine, handled by falling back
    """The kernels cannot be compiled here; the message says what is missing."""


class Strided(ctypes.Structure):
    """The `tensor` of _native.h: address and strides of [B, T, H, ...]; null stands for zeros."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("batch", ctypes.c_int64),
        ("time", ctypes.c_int64),
        ("head", ctypes.c_int64),
    ]


def sequence(x: Tensor | None) -> Strided:
    """A sequence [B, T, H, D] or [B, T, H] for a kernel; copied unless its D is contiguous."""
    if x is None:
        return Strided()
    x = _with_contiguous_end(x, 3)
    return _keeping(x, Strided(x.data_ptr(), *x.stride()[:3]))


def plain_sequence(x: Tensor | None) -> Strided:
    """A sequence without heads, [B, T, D], or a state without heads, [B, D]."""
    if x is None:
        return Strided()
    x = _with_contiguous_end(x, x.dim() - 1)
    return _keeping(x, Strided(x.data_ptr(), x.stride(0), x.stride(1) if x.dim() == 3 else 0, 0))


def state(x: Tensor | None) -> Strided:
    """A state [B, H, ...] for a kernel; copied unless the dimensions after H are contiguous."""
    if x is None:
        return Strided()
    x = _with_contiguous_end(x, 2)
    return _keeping(x, Strided(x.data_ptr(), x.stride(0), 0, x.stride(1)))


def _with_contiguous_end(x: Tensor, start: int) -> Tensor:
    expected = 1
    for dim in range(x.dim() - 1, start - 1, -1):
        if x.stride(dim) != expected and x.shape[dim] > 1:
            return x.contiguous()
        expected *= x.shape[dim]
    return x


def _keeping(x: Tensor, view: Strided) -> Strided:
    view.tensor = x  # a copy must live as long as its address is in use
    return view


def padded(size: int) -> int:
    """Length of a kernel's array over `size` units."""
    return -(-size // 4) * 4


def records(inputs: tuple[Tensor, ...]) -> bool:
    """Whether a backward pass may follow, so that the forward pass must keep what it needs."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in inputs)


class Kernel:
    """The compiled functions of `<name>.c`."""

    def __init__(self, name: str, fixed_sizes: tuple[int, ...] = FIXED_SIZES):
        self.name = name
        self.fixed_sizes = fixed_sizes

    def unusable(self, inputs: dict[str, Tensor]) -> str | None:
        """Why the kernel cannot compute on `inputs`, or None. Warns once if it cannot be built."""
        first = next(iter(inputs.values()))
        if first.device.type != "cpu":
            return f"it computes on the CPU, the tensors are on {first.device}"
        sizes = {x.shape[-1] for x in inputs.values() if x.dim() == 4}
        library = self._find(first.dtype, sizes.pop() if len(sizes) == 1 else None)
        if isinstance(library, Unavailable):
            _warn_once(str(library))
            return str(library)
        return None

    def lanes(self, dtype: torch.dtype, size: int | None) -> int:
        """How many sequences a block holds."""
        return self._load(dtype, size).lanes_in_a_block()

    def run(self, function: str, blocks: int, like: Tensor, size: int | None, *args) -> None:
        """Run `function` over `blocks` independent blocks of sequences.

        The C function's first two arguments are the range of blocks; `args` follow: integers,
        contiguous tensors (passed as pointers), None (a null pointer) and `Strided`. `size` is the
        head size, if the kernel has only one. The range is split over threads (ctypes releases
        Python's lock) if PyTorch is allowed several; blocks share no result, so that no bit
        depends on the split.
        """
        call = getattr(self._load(like.dtype, size), function)
        values = [_argument(x) for x in args]
        threads = min(torch.get_num_threads(), blocks)
        bounds = [ctypes.c_int64(blocks * i // threads) for i in range(threads + 1)]
        if threads == 1:
            failures = [call(*bounds, *values)]
        else:
            pool = _pool(threads, os.getpid())
            failures = list(pool.map(lambda a, b: call(a, b, *values), bounds[:-1], bounds[1:]))
        if any(failures):
            raise MemoryError(f"{self.name}: no memory for the kernel's workspace")

    def _find(self, dtype: torch.dtype, size: int | None) -> "ctypes.CDLL | Unavailable":
        return _library(self.name, dtype, size if size in self.fixed_sizes else None)

    def _load(self, dtype: torch.dtype, size: int | None) -> ctypes.CDLL:
        library = self._find(dtype, size)
        if isinstance(library, Unavailable):
            raise library
        return library


def _argument(x: int | Tensor | Strided | None):
    if isinstance(x, Tensor):
        return ctypes.c_void_p(x.data_ptr())
    if isinstance(x, int):
        return ctypes.c_int64(x)
    return ctypes.c_void_p(None) if x is None else x


@functools.cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """Threads of this process: a fork inherits the cache but not the threads."""
    return ThreadPoolExecutor(threads, thread_name_prefix="fwp-kernel")


@functools.cache
def _library(name: str, dtype: torch.dtype, size: int | None) -> ctypes.CDLL | Unavailable:
    """The functions of `name`.c for a data type and head size, or why there are none."""
    folder = Path(__file__).parent
    source = folder / f"{name}.c"
    try:
        compiler, version = find_compiler()
        flags = [*FLAGS, f"-DREAL_IS_DOUBLE={int(dtype == torch.float64)}"]
        if size is not None:
            flags.append(f"-DFIXED_SIZE={size}")
        texts = [path.read_bytes() for path in (source, *sorted(folder.glob("_*.h")))]
        parts = repr((texts, flags, compiler, version, processor())).encode()
        label = f"{name}-{'float64' if dtype == torch.float64 else 'float32'}-{size or 'any'}"
        path = cache_folder() / f"{label}-{hashlib.sha256(parts).hexdigest()[:16]}.so"
        if path.exists():
            try:
                return ctypes.CDLL(str(path))
            except OSError:  # damaged, or of a system that has changed since
                pass
        _compile(compiler, flags, source, path)
        return ctypes.CDLL(str(path))
    except Unavailable as error:
        return error
    except OSError as error:
        return Unavailable(f"the compiled kernel of {name} cannot be loaded: {error}")


def _compile(compiler: tuple[str, ...], flags: list[str], source: Path, path: Path) -> None:
    """Compile to a temporary name, then rename: processes that start together do not disturb."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".so")
    except OSError as error:
        raise Unavailable(
            f"compiled kernels cannot be stored ({error}); set FWP_CACHE to a folder that can be "
            "written"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        # Some compilers do not know the processor they run on under the name "native".
        for native in (["-march=native"], ["-mcpu=native"], []):
            command = [*compiler, *flags, *native, str(source), "-o", str(temporary)]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                temporary.chmod(0o755)
                with temporary.open("rb") as file:  # a crash must not leave half of it
                    os.fsync(file.fileno())
                temporary.replace(path)
                return
        errors = [line for line in result.stderr.splitlines() if "error" in line]
        reason = errors[0] if errors else f"exit status {result.returncode}"
        raise Unavailable(f"{shlex.join(compiler)} could not compile {source.name}: {reason}")
    finally:
        temporary.unlink(missing_ok=True)


@functools.cache
def find_compiler() -> tuple[tuple[str, ...], str]:
    """The command of a C compiler and what it says of its version.

    The system's, or else the one in the Python package ziglang, which needs no administrator.
    """
    candidates = [shlex.split(os.environ.get("CC", "")), ["cc"], ["gcc"], ["clang"]]
    if importlib.util.find_spec("ziglang") is not None:
        candidates.append([sys.executable, "-m", "ziglang", "cc"])
    for command in map(tuple, candidates):
        if command and shutil.which(command[0]):
            result = subprocess.run(
                [*command, "--version"], capture_output=True, text=True, check=False
            )
            if result.returncode == 0:
                return command, result.stdout
    raise Unavailable(
        "no C compiler was found ($CC, cc, gcc, clang); install one, for example with "
        "`apt install gcc`, `xcode-select --install` or, without an administrator, "
        "`pip install ziglang`"
    )


@functools.cache
def processor() -> str:
    """What the instruction set depends on: a cache may be shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    keys = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(keys)}))


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    if "FWP_CACHE" in os.environ:
        return Path(os.environ["FWP_CACHE"]).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "fwp"


@functools.cache
def _warn_once(reason: str) -> None:
    """Say once per process (and reason) that the slow path is taken."""
    warnings.warn(
        f"fwp computes recurrences on the CPU with PyTorch instead of compiled kernels, which may "
        f"be many times slower: {reason}",
        RuntimeWarning,
        stacklevel=2,
    )
