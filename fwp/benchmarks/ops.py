"""How fast the ops are: each backend against the floor that the arithmetic sets.

    rows = list(measure(["delta_rule"], sizes=[16], times=[50]))

The floor is the time that an op's multiply-adds would take at the rate of a large matrix product on
the same device and number of threads. A training step (forward and backward) counts as three times
the forward pass, the usual convention; what a backend computes beyond that is its own loss.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator

import torch

from fwp import ops
from fwp.benchmarks import peers
from fwp.kernels.op import Op
from fwp.training import cuda_graphs

PASSES = {"forward": 1, "training": 3}


def measure(
    names: Iterable[str] | None = None,
    *,
    sizes: Iterable[int] = (8, 16, 32, 64),
    times: Iterable[int] = (16, 50, 128, 512, 1024),
    backends: Iterable[str] | None = None,
    batch: int = 64,
    heads: int = 4,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    budget: float = 0.5,
    longest_loop: int = 256,
    slowest: float = 0.5,
) -> Iterator[dict]:
    """Time ops over head size D and length T; one row (dict of builtins) per measurement.

    Args:
        names: ops; None means all.
        sizes: head sizes D (keys and values alike); an op without heads gets width heads × D.
        times: lengths T.
        backends: names of backends, of our own and of `fwp.benchmarks.peers`; None means all; those
            an op lacks or cannot use are left out.
        batch, heads, dtype, device: of the inputs.
        budget: seconds after which a measurement is not repeated any more.
        longest_loop: the reference, a loop over time, is left out where T is larger.
        slowest: seconds; a backend that takes longer is left out from there on, for larger T and D.

    Yields:
        op, backend, pass ("forward" without gradients, or "training"), batch, time, heads, size,
        dtype, device, seconds (the fastest repetition), gflops (10⁹ operations a second, two per
        multiply-add), floor_seconds.
    """
    rate = matrix_product_rate(dtype, device)
    wanted = None if backends is None else set(backends)
    for name in ops.names() if names is None else names:
        op = ops.get(name)
        op = dataclasses.replace(op, backends=op.backends | peers.of(name, device))
        limits: dict[str, tuple[int, int]] = {}  # size and length where a backend became too slow
        for size in sizes:
            for length in times:
                inputs, counts = _example(op, batch, length, heads, size, dtype, device)
                flops = 2 * op.cost(counts) * batch * length * counts.get("H", 1)
                for backend, implementation in op.backends.items():
                    if wanted is not None and backend not in wanted:
                        continue
                    if implementation.unusable(inputs) is not None:
                        continue
                    if backend == "reference" and length > longest_loop:
                        continue
                    limit = limits.get(backend)
                    if limit is not None and size >= limit[0] and length >= limit[1]:
                        continue
                    for kind, factor in PASSES.items():
                        seconds = _seconds(_step(op, backend, inputs, kind), device, budget)
                        if seconds > slowest:
                            limits.setdefault(backend, (size, length))
                        yield {
                            "op": name,
                            "backend": backend,
                            "pass": kind,
                            "batch": batch,
                            "time": length,
                            "heads": heads,
                            "size": size,
                            "dtype": str(dtype).removeprefix("torch."),
                            "device": device,
                            "seconds": seconds,
                            "gflops": factor * flops / seconds / 1e9,
                            "floor_seconds": factor * flops / rate,
                        }


def matrix_product_rate(dtype: torch.dtype = torch.float32, device: str = "cpu") -> float:
    """Operations a second in a large matrix product, on the threads PyTorch may use."""
    n = 512 if device == "cpu" else 4096
    a, b = (torch.randn(n, n, dtype=dtype, device=device) for _ in range(2))
    return 2 * n**3 / fastest(lambda: a @ b, device, 0.5)


def _seconds(step: Callable[[], None], device: str, budget: float) -> float:
    """Of a step, on a GPU without the launches, of which a graph rids training too."""
    with cuda_graphs.stream(device):
        graph = cuda_graphs.CudaGraphs(torch.device(device))
        for _ in range(2 if graph.on_gpu else 0):  # once as it is, then captured
            graph.run("step", step)
        return fastest(lambda: graph.run("step", step), device, budget)


def fastest(run: Callable[[], object], device: str = "cpu", budget: float = 0.5) -> float:
    """Seconds of the fastest of several calls of `run`, after one that is not counted.

    On one CPU thread these are CPU seconds, which other programs do not lengthen.
    """
    alone = device == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter

    def once() -> float:
        start = clock()
        run()
        if device != "cpu":
            torch.cuda.synchronize()
        return clock() - start

    first = once()
    seconds, spent = [once()], first
    while (spent := spent + seconds[-1]) < budget and len(seconds) < 100:
        seconds.append(once())
    return min(seconds)


def _example(op: Op, batch: int, length: int, heads: int, size: int, dtype, device):
    letters = {letter for spec in op.inputs.values() for letter in spec if letter.isalpha()}
    width = size if "H" in letters else heads * size
    sizes = {"B": batch, "T": length, "H": heads} | dict.fromkeys("DIKV", width)
    counts = {letter: sizes[letter] for letter in letters}
    example = op.example(torch.Generator().manual_seed(0), dtype, **counts)
    return {name: x.to(device).requires_grad_() for name, x in example.items()}, counts


def _step(op: Op, backend: str, inputs: dict, kind: str) -> Callable[[], None]:
    def forward():
        with torch.no_grad():
            op.compute(backend, None, **inputs)

    if kind == "forward":
        return forward
    output, _ = op.compute(backend, None, **inputs)
    gradient = torch.randn_like(output)

    def training():
        output, _ = op.compute(backend, None, **inputs)
        torch.autograd.grad(output, list(inputs.values()), gradient)

    return training
