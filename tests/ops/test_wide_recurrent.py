"""Kernels of plain recurrent nets at widths and batches that other tests do not reach."""

import pytest
import torch
from kernels import errors

gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
NAMES = ["elman", "gru"]


def differing(found):
    return {what: pair for what, pair in found.items() if not pair[0] <= pair[1]}


@pytest.mark.parametrize("name", NAMES)
def test_too_many_units_go_one_step_at_a_time(name, monkeypatch):
    pytest.importorskip("triton", reason="it has the kernels")
    from fwp.kernels import triton_recurrent

    def launch(*_):
        raise AssertionError("launched")

    monkeypatch.setattr(triton_recurrent, "LARGEST", 3)
    monkeypatch.setattr(f"fwp.ops.{name}.triton.launch", launch)
    assert not differing(errors(name, 2, torch.float64, D=4))
    with pytest.raises(AssertionError, match="launched"):
        errors(name, 2, torch.float64, D=3)


@pytest.mark.parametrize("name", [pytest.param(name, marks=gpu) for name in NAMES])
@pytest.mark.parametrize(
    ("models", "batch", "time", "size"),
    [(1, 300, 20, 7), (3, 180, 9, 64), (2, 64, 40, 128), (10, 128, 12, 128), (3, 180, 9, 130)],
)
def test_equals_the_reference_with_several_sequences_in_a_program(name, models, batch, time, size):
    sizes = {"B": batch, "T": time, "D": size, "I": size}
    assert not differing(errors(name, models, torch.float32, "cuda", **sizes))
