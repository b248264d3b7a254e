"""C kernels compile for an ARM processor, where a compiler for it is installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import fwp

SOURCES = sorted(Path(fwp.__file__).parent.rglob("*.c"))
ZIG = importlib.util.find_spec("ziglang") is not None


@pytest.mark.skipif(not ZIG, reason="takes the package ziglang")
@pytest.mark.parametrize("double", [0, 1])
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.parent.name)
def test_a_kernel_compiles_for_arm(source, double, tmp_path):
    target = ["-target", "aarch64-linux-gnu", "-O2", "-c", "-o", str(tmp_path / "kernel.o")]
    command = [sys.executable, "-m", "ziglang", "cc", *target, f"-DREAL_IS_DOUBLE={double}"]
    for size in ([], ["-DFIXED_SIZE=8"]):
        result = subprocess.run([*command, *size, str(source)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
