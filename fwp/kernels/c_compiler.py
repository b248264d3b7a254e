"""From C to a shared library: which compiler, with which flags.

Nothing is built at install: the system's C compiler (the first of $CC, cc, gcc, clang) makes a
library for the data type and, for common head sizes, for that size, in a second or two. It is kept
(see `c_cache`) under a name made of everything it depends on: source, flags, compiler and
processor.
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
from pathlib import Path

import torch

from fwp.kernels import c_cache

# No -ffast-math: NaN and infinity must reach the loss, by which a diverged run is noticed, and the
# order of additions must stand. Contraction to fused multiply-adds and ignoring errno and floating
# point traps change neither.
FLAGS = [
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden",
    "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math",
]  # fmt: skip


class Unavailable(Exception):  # noqa: N818 - a state of the machine, handled by falling back
    """The kernels cannot be compiled here; the message says what is missing."""


@functools.cache
def library(source: Path, dtype: torch.dtype, size: int | None) -> ctypes.CDLL | Unavailable:
    """The functions of a C file for a data type and head size, or why there are none."""
    if dtype not in (torch.float32, torch.float64):
        return Unavailable(f"kernels compute in float32 and float64, not in {dtype}")
    flags = [f"-DREAL_IS_DOUBLE={int(dtype == torch.float64)}"]
    if size is not None:
        flags.append(f"-DFIXED_SIZE={size}")
    headers = sorted(Path(__file__).parent.glob("*.h"))
    label = f"{source.parent.name}-{str(dtype).removeprefix('torch.')}-{size or 'any'}"
    return plain_library(source, label, tuple(flags), tuple(headers))


@functools.cache
def plain_library(
    source: Path, label: str, flags: tuple[str, ...] = (), headers: tuple[Path, ...] = ()
) -> ctypes.CDLL | Unavailable:
    """The functions of a C file that is compiled with further flags, or why there are none."""
    try:
        compiler, version = find_compiler()
        flags = (*FLAGS, *flags)
        texts = [path.read_bytes() for path in (source, *headers)]
        parts = repr((texts, [*flags], compiler, version, processor())).encode()
        name = f"{label}-{hashlib.sha256(parts).hexdigest()[:16]}"
        return c_cache.load(name, functools.partial(_compile, compiler, [*flags], source))
    except Unavailable as error:
        return error
    except OSError as error:
        return Unavailable(f"the compiled kernel of {source.parent.name} cannot be loaded: {error}")


def _compile(compiler: tuple[str, ...], flags: list[str], source: Path, path: Path) -> None:
    # Some compilers do not know the processor they run on under the name "native".
    for native in (["-march=native"], ["-mcpu=native"], []):
        command = [*compiler, *flags, *native, str(source), "-o", str(path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    reason = errors[0] if errors else f"exit status {result.returncode}"
    raise Unavailable(
        f"{shlex.join(compiler)} could not compile {source.parent.name}/{source.name}: {reason}"
    )


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
