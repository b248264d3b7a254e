"""The Triton kernels: on a GPU if there is one, and small cases in Triton's interpreter."""

import json
import os
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest
import torch
from kernels import CHUNKED, INTERPRETED, OPS, TOLERANCE, complete, errors

from fwp.kernels import triton_support

NAMES = [name for name, op in OPS.items() if "triton" in op.backends]
UNBOUNDED = "recurrent_delta_rule:feedback=linear,rule=sum"  # 1e55 after a thousand steps
VARIANTS = [
    UNBOUNDED,
    "selective_scan:allow_neg_eigval=True",
    "self_reference:updated=yb",
    "elu_plus_one:normalise=True",
    "linear_attention:feature_map=elu",
    "delta_rule:feature_map=elu_sum,gate=sigmoid",
    "feed_forward:skip=True",
]
CHUNKS = [
    "linear_attention@triton_chunks",
    "linear_attention:feature_map=elu@triton_chunks",
    "delta_rule@triton_chunks",
    "delta_rule:feature_map=elu_sum,gate=sigmoid@triton_chunks",
    "gated_delta_rule@triton_chunks",
]
CASES = {
    "usual": (1, {}),
    "one step": (1, {"T": 1}),
    "one unit": (2, {"D": 1, "K": 1, "V": 1, "I": 1}),
    "the pipeline's size": (3, {"B": 20, "T": 50, "H": 4, "D": 16, "K": 16, "V": 16, "I": 16}),
    "wide": (2, {"D": 100, "K": 100, "V": 128, "I": 100}),
    "64 units": (2, {"T": 33, "D": 64, "K": 64, "V": 64, "I": 64}),
    "long": (1, {"T": 1024, "B": 2, "H": 1}),
}
gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
on_gpu = pytest.mark.parametrize("name", [pytest.param(name, marks=gpu) for name in NAMES])


def unequal(comparison):
    return {what: pair for what, pair in comparison.items() if not pair[0] <= pair[1]}


@pytest.mark.parametrize("name", [pytest.param(name, marks=gpu) for name in NAMES + VARIANTS])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(name, case, dtype):
    models, sizes = CASES[case]
    if case == "long" and name == UNBOUNDED:
        sizes = sizes | {"T": 256}
    found = errors(name, models, dtype, "cuda", **sizes)
    if (name, case) == ("layer_norm", "one unit"):
        # Terms of size 1/√eps cancel: the true gradient is zero, what is found is their rounding.
        error, allowed = found["gradient of x"]
        size = OPS[name].options["eps"] ** -0.5
        found["gradient of x"] = error, max(allowed, TOLERANCE[dtype] * size)
    if "elu_sum" in name and case == "one unit":
        # A single feature divided by its sum is 1: its gradient is zero but for rounding.
        for x in ("gradient of q", "gradient of k"):
            found[x] = found[x][0], max(found[x][1], TOLERANCE[dtype])
    assert not unequal(found)


@pytest.mark.parametrize("name", [pytest.param(name, marks=gpu) for name in CHUNKS])
@pytest.mark.parametrize("case", ["32 units", "long", "wide", "64 units"])
def test_chunks_of_time_equal_the_reference(name, case):
    models, sizes = ({"32 units": (2, {"T": 130})} | CASES)[case]
    sizes = {"D": 32, "K": 32, "V": 32} | sizes
    assert not unequal(errors(name, models, torch.float32, "cuda", **sizes))


@pytest.mark.parametrize(
    ("T", "K", "dtype", "chosen"),
    [
        (128, 32, torch.float32, "triton_chunks"),
        (127, 32, torch.float32, "triton"),
        (128, 31, torch.float32, "triton"),
        (128, 32, torch.float64, "triton"),
    ],
)
def test_chunks_of_time_are_chosen_for_long_strings_and_wide_heads(
    monkeypatch, T, K, dtype, chosen
):
    for answer in ("interpreted", "installed"):  # as where there is a GPU
        monkeypatch.setattr(triton_support, answer, lambda: True)
    monkeypatch.delitem(OPS["delta_rule"].backends, "native")
    q = torch.empty(1, T, 1, K, dtype=dtype)
    inputs = {"q": q, "k": q, "v": q, "beta": q[..., 0]}
    assert OPS["delta_rule"].choose("auto", inputs) is OPS["delta_rule"].backends[chosen]


def leaves(name, **sizes):
    op = OPS[name]
    inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **complete(sizes))
    return op, {n: x.cuda().requires_grad_(x.is_floating_point()) for n, x in inputs.items()}


def gradients(op, inputs):
    output, _ = op.compute("triton", None, **inputs)
    leaves = [x for x in inputs.values() if x.requires_grad]
    found = torch.autograd.grad(output.square().sum(), leaves, materialize_grads=True)
    return [output.detach(), *found]


@on_gpu
def test_is_chosen_on_a_gpu_and_gives_the_same_bits_again_and_without_gradients(name):
    op, inputs = leaves(name, B=33, T=40)
    assert op.choose("auto", inputs) is op.backends["triton"]
    first, second = gradients(op, inputs), gradients(op, inputs)
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))
    with torch.no_grad():
        assert torch.equal(op.compute("triton", None, **inputs)[0], first[0])


@on_gpu
def test_strides_do_not_matter(name):
    op, inputs = leaves(name)
    strided = {n: torch.stack([x, x], dim=-1)[..., 1] for n, x in inputs.items()}
    swapped = {
        n: x.transpose(0, 1).contiguous().transpose(0, 1) if x.dim() > 1 else x
        for n, x in inputs.items()
    }
    expected, _ = op.compute("triton", None, **inputs)
    for changed in (strided, swapped):
        torch.testing.assert_close(op.compute("triton", None, **changed)[0], expected)


@on_gpu
def test_a_cuda_graph_replays_it(name):
    op, inputs = leaves(name, T=20)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        gradients(op, inputs)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        replayed = gradients(op, inputs)
    with torch.no_grad():
        for x in inputs.values():
            if x.requires_grad:
                x.mul_(0.5)
    graph.replay()
    assert all(torch.equal(x, y) for x, y in zip(replayed, gradients(op, inputs), strict=True))


@on_gpu
def test_what_the_backward_pass_keeps_grows_with_time_times_size_not_its_square(name):
    if name == "m2rnn":
        pytest.skip("it keeps the matrix of every step, since no step can be undone")

    def kept(T, D):
        op, inputs = leaves(name, B=1, T=T, H=1, D=D, K=D, V=D, I=D)
        saved = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: saved.append(x.numel()) or x, lambda x: x
        ):
            op.compute("triton", None, **inputs)
        return sum(saved)

    for D in (16, 64):
        assert (kept(256, D) - kept(128, D)) / 128 <= 10 * D + 16


def test_a_cpu_takes_no_kernel_of_a_gpu():
    for name in NAMES:
        op = OPS[name]
        inputs = op.example(torch.Generator().manual_seed(0), torch.float32, **complete({}))
        assert op.choose("auto", inputs) is not op.backends["triton"]
        if not triton_support.interpreted():
            with pytest.raises(ValueError, match="it computes on a GPU, the tensors are on cpu"):
                op.compute("triton", None, **inputs)


def test_importing_the_ops_imports_no_triton():
    code = "import sys; from fwp import nn, ops\n"
    code += "[room.get(name) for room in (nn, ops) for name in room.names()]\n"
    code += "print([name for name in sys.modules if name.split('.')[0] == 'triton'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def release(package):
    return tuple(int(part) for part in metadata.version(package).split(".")[:2])


@pytest.fixture(scope="module")
def interpreted():
    """What the interpreter finds, of all ops, in a process of its own: it changes Triton."""
    if util.find_spec("triton") is None:
        pytest.skip("triton is not installed")
    if release("triton") < (3, 7) and release("numpy") >= (2, 4):
        pytest.skip("the interpreter of Triton before 3.7 does not run with NumPy from 2.4 on")
    script = Path(__file__).with_name("kernels.py")
    done = subprocess.run(
        [sys.executable, str(script), *NAMES, *VARIANTS, *CHUNKS],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES + VARIANTS + CHUNKS)
def test_equals_the_reference_in_the_interpreter(interpreted, name):
    found = {case: x for case, x in interpreted.items() if case.startswith(f"{name} ")}
    assert len(found) == len(CHUNKED if "@" in name else INTERPRETED)
    assert not {case: unequal(x) for case, x in found.items() if unequal(x)}
