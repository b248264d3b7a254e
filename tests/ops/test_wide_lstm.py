"""The LSTM whose weights several programs of a GPU share, against the one step at a time."""

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


def outputs_and_gradients(kernel, inputs, state):
    y, (_, c) = kernel(*inputs, state)
    loss = (y * torch.linspace(-1, 1, y.numel(), device=y.device).view_as(y)).sum() + c.sum()
    return [y, c, *torch.autograd.grad(loss, (*inputs, *state))]


@pytest.mark.parametrize(
    ("models", "batch", "time", "size"),
    [(1, 64, 50, 128), (1, 64, 20, 256), (3, 5, 9, 100), (1, 7, 1, 128), (1, 3, 30, 500)],
)
def test_equals_one_step_at_a_time_however_often_it_runs(models, batch, time, size, monkeypatch):
    from fwp.ops.lstm import triton
    from fwp.ops.lstm import triton_wide as wide

    def normal(*shape, scale=1.0):
        return (scale * torch.randn(*shape, device="cuda", generator=generator)).requires_grad_()

    generator = torch.Generator("cuda").manual_seed(0)
    rows, scale = models * batch, size**-0.5
    matrices = normal(models, 4, size, 6), normal(models, 4, size, size, scale=scale)
    inputs = (normal(rows, time, 6), *matrices, normal(models, 4, size))
    state = normal(rows, size), normal(rows, size)
    assert wide.launch(models, batch, size, inputs[0]) is not None
    shared = [outputs_and_gradients(triton.lstm, inputs, state) for _ in range(20)]
    monkeypatch.setattr(wide, "launch", lambda *_: None)
    expected = outputs_and_gradients(triton.lstm, inputs, state)
    for found in shared:
        for x, y in zip(found, expected, strict=True):
            torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5 * y.abs().max().item())


def test_too_many_sequences_go_one_step_at_a_time():
    from fwp.ops.lstm import triton_wide as wide

    x = torch.empty(1, device="cuda")
    assert wide.launch(1, 64, 128, x) is not None
    assert wide.launch(1, 10**5, 128, x) is None
    assert wide.launch(64, 64, 256, x) is None
