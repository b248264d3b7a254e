"""Compiling, caching and falling back; what the kernels keep in memory; threads; registers."""

import importlib.util
import json
import os
import platform
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from all_ops import OPS, complete, leaf

from fwp.kernels import c_compiler

NATIVE = [name for name, op in OPS.items() if "native" in op.backends]
QUICK = "embedding"  # compiled in a fraction of a second

# Runs ops (all, or those named in $OPS) on small inputs; prints by name whether a kernel ran and
# whether it is right.
CHECK = """
import json, os, warnings
import torch
from fwp import nn, ops
torch.set_num_threads(1)
OPS = {name: room.get(name) for room in (ops, nn) for name in room.names()}
sizes = {"B": 6, "T": 7, "H": 3, "D": 6, "K": 4, "V": 6, "S": 9, "R": 2, "C": 3, "I": 4, "O": 5}
report = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for name in os.environ.get("OPS", " ".join(OPS)).split():
        if "native" not in OPS[name].backends:
            continue
        op = OPS[name]
        inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **sizes)
        used = op.choose("auto", inputs) is op.backends["native"]
        output, _ = op.compute("auto", None, **inputs)
        expected, _ = op.compute("reference", None, **inputs)
        report[name] = [used, torch.allclose(output, expected, atol=1e-5)]
        if not used:
            try:
                op.compute("native", None, **inputs)
            except ValueError as error:
                report["error"] = str(error)
report["warnings"] = [str(w.message) for w in caught]
print(json.dumps(report))
"""


def run(code, **environment):
    settings = {k: v for k, v in os.environ.items() if k not in ("CC", "FWP_CACHE")} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(**environment):
    return checked(run(CHECK, **environment))


def checked(printed):
    report = json.loads(printed)
    return report, {name: report[name] for name in NATIVE if name in report}


@pytest.fixture(scope="module")
def needs_compiler():
    try:
        c_compiler.find_compiler()
    except c_compiler.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def cache(needs_compiler, tmp_path_factory):
    """A folder that three processes filled at the same time, and what each of them reported."""
    folder = tmp_path_factory.mktemp("cache")
    settings = os.environ | {"FWP_CACHE": str(folder), "OPS": QUICK}
    processes = [
        subprocess.Popen([sys.executable, "-c", CHECK], env=settings, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    return folder, [json.loads(process.communicate()[0]) for process in processes]


def test_processes_that_compile_at_the_same_time_do_not_disturb_each_other(cache):
    folder, reports = cache
    assert reports == [{QUICK: [True, True], "warnings": []}] * 3
    (kernel,) = folder.iterdir()
    assert kernel.name.startswith(f"{QUICK}-float32-") and kernel.suffix == ".so"


def test_a_kernel_in_the_cache_is_not_compiled_again_unless_its_flags_change(cache):
    folder, _ = cache
    (kernel,) = folder.iterdir()
    before = kernel.stat().st_mtime_ns
    settings = {"FWP_CACHE": str(folder), "OPS": QUICK}
    check(**settings)
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == [before]
    compiler = " ".join(c_compiler.find_compiler()[0])
    check(**settings, CC=f"{compiler} -DSOMETHING")
    assert len(list(folder.iterdir())) == 2 and kernel.stat().st_mtime_ns == before


def test_a_damaged_kernel_in_the_cache_is_compiled_again(cache):
    folder, _ = cache
    for kernel in folder.iterdir():
        kernel.write_bytes(b"half a kernel")
    report, _ = check(FWP_CACHE=str(folder), OPS=QUICK)
    assert report == {QUICK: [True, True], "warnings": []}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="registers of other widths are x86's")
@pytest.mark.parametrize("without", ["-mno-avx512f", "-mno-avx512f -mno-avx"])
def test_narrower_registers_compute_the_same(needs_compiler, tmp_path, without):
    compiler = " ".join(c_compiler.find_compiler()[0])
    # All kernels are compiled here, and -O0 takes a third of the time of -O3.
    quickly = "from fwp.kernels import c_compiler\nc_compiler.FLAGS.append('-O0')\n"
    settings = {"FWP_CACHE": str(tmp_path), "CC": f"{compiler} {without}"}
    report, ran = checked(run(quickly + CHECK, **settings))
    assert all(value == [True, True] for value in ran.values()) and not report["warnings"]


def test_the_package_ziglang_stands_in_for_a_missing_compiler(tmp_path, monkeypatch):
    package = tmp_path / "ziglang"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys; print('version of', *sys.argv[1:])")
    for variable in ("PATH", "PYTHONPATH"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    command, version = c_compiler.find_compiler.__wrapped__()
    assert command == (sys.executable, "-m", "ziglang", "cc")
    assert version == "version of cc --version\n"


@pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is not None, reason="ziglang brings a compiler"
)
def test_without_a_compiler_one_warning_says_what_to_install(tmp_path):
    report, ran = check(FWP_CACHE=str(tmp_path), PATH=str(tmp_path))
    assert all(value == [False, True] for value in ran.values())
    (warning,) = report["warnings"]
    assert "no C compiler was found ($CC, cc, gcc, clang); install one" in warning
    assert "backend 'native' cannot be used here: no C compiler was found" in report["error"]


def test_a_compiler_that_fails_gives_one_warning_with_its_message(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "x.h: error: lost" >&2\nexit 1\n'
    )
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    report, ran = check(FWP_CACHE=str(tmp_path / "cache"), CC=str(broken))
    assert all(value == [False, True] for value in ran.values())
    assert "x.h: error: lost" in report["warnings"][0]
    assert not list((tmp_path / "cache").iterdir())


def test_there_are_kernels_for_two_types_of_numbers():
    for dtype in (torch.float16, torch.int64):
        reason = str(c_compiler.library(Path("delta_rule.c"), dtype, None))
        assert reason == f"kernels compute in float32 and float64, not in {dtype}"


def gradients(op, inputs):
    leaves = {name: leaf(x) for name, x in inputs.items()}
    output, _ = op.compute("native", None, **leaves)
    output.square().sum().backward()
    return [output.detach(), *(x.grad for x in leaves.values())]


@pytest.mark.parametrize("name", NATIVE)
def test_several_threads_change_no_bit(needs_compiler, name):
    op = OPS[name]
    sizes = complete({"B": 40, "T": 5, "H": 3, "D": 8, "K": 8, "V": 8})
    inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **sizes)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = gradients(op, inputs)
        torch.set_num_threads(3)
        three = gradients(op, inputs)
    finally:
        torch.set_num_threads(threads)
    assert all(x is y is None or torch.equal(x, y) for x, y in zip(one, three, strict=True))


@pytest.mark.parametrize("name", NATIVE)
def test_what_the_backward_pass_keeps_grows_with_time_times_size_not_its_square(
    needs_compiler, name
):
    op = OPS[name]

    def kept(T, D):
        sizes = complete({"B": 16, "T": T, "S": T, "H": 1, "D": D, "K": D, "V": D})
        inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **sizes)
        leaves = {name: leaf(x) for name, x in inputs.items()}
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: saved.append(x.numel()) or x, lambda x: x
        ):
            op.compute("native", None, **leaves)
        return sum(saved) / 16

    for D in (31, 63):  # not sizes with a kernel of their own, which would be compiled for this
        assert (kept(512, D) - kept(256, D)) / 256 <= 8 * D + 16
