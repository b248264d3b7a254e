"""How fast a training step of each model is, against the floor that its arithmetic sets.

The floor is the time that the step's matrix products would take at the rate of a large one, on the
same device and number of threads. PyTorch counts them while the step runs with the reference
recurrences; what is not a matrix product (norms, softmax, outer products, Adam) counts as nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest import mock

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from fwp import devices
from fwp.benchmarks.ops import fastest, matrix_product_rate
from fwp.model import build
from fwp.ops._op import Op

BINARY = SimpleNamespace(alphabet="01", classes="01")


def measure(cells: list[dict], *, length: int = 50, device: str = "cpu", budget: float = 1.0):
    """Time a step (forward, backward, Adam) of each cell's model on strings of one length.

    Args:
        cells: resolved cells; the batch size is theirs.
        length: symbols of a string; nothing is padding.
        device: "cpu" or "cuda".
        budget: seconds after which a measurement is not repeated any more.

    Yields:
        model, recurrence ("default", or "reference" for the loops over time), batch, length,
        parameters, seconds, floor_seconds; one dict per measurement.
    """
    rate = matrix_product_rate(device=device)
    for cell in cells:
        batch = cell["training"]["batch_size"]
        model = build(cell["model"], BINARY, seed=0).to(device)
        floor = batch * _operations(model, length, device) / rate
        # The reference is what a mixer without an op of ours is anyway: not timed twice.
        kinds = ["default", "reference"] if _has_op(model, length, device) else ["default"]
        for kind in kinds:
            with _reference() if kind == "reference" else devices.flushing_denormals():
                seconds = fastest(_step(model, batch, length, device), device, budget)
            yield {
                "model": cell["model"]["name"],
                "recurrence": kind,
                "batch": batch,
                "length": length,
                "parameters": model.parameter_count,
                "seconds": seconds,
                "floor_seconds": floor,
            }


def _step(model, batch: int, length: int, device: str) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(2, (batch, length), generator=generator).to(device)
    targets = torch.randint(2, (batch * length,), generator=generator).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.0, fused=True)

    def step() -> None:
        logits, _ = model(tokens)
        loss = F.cross_entropy(logits.flatten(0, 1), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def _operations(model, length: int, device: str) -> int:
    """Floating-point operations of the matrix products in a step on one string."""
    # Fused forms of the LSTM and of attention would hide theirs from the counter.
    plain = torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH)
    with _reference(), plain[0], plain[1], FlopCounterMode(display=False) as counter:
        _step(model, 1, length, device)()
    return counter.get_total_flops()


@contextmanager
def _reference() -> Iterator[list[str]]:
    """Let every op use its reference backend; yields the names of the ops that were called."""
    called = []

    def choose(op: Op, *_):
        called.append(op.name)
        return op.backends["reference"]

    with mock.patch.object(Op, "choose", choose):
        yield called


def _has_op(model, length: int, device: str) -> bool:
    with _reference() as called:
        _step(model, 1, length, device)()
    return bool(called)
