import pytest
import torch
import torch.nn.functional as F

from fwp.nn.cross_entropy import cross_entropy, fused, loss_and_gradient
from fwp.nn.cross_entropy.native import KERNEL
from fwp.utils.targets import NO_TARGET


def example(device="cpu", models=3, classes=5, longest=7):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(models, 4, longest, classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(-1, classes, (models, 4, longest), generator=generator)
    targets[targets < 0] = NO_TARGET
    weights = torch.rand(models, 4, generator=generator, dtype=torch.float64)
    return logits.to(device).requires_grad_(), targets.to(device), weights.to(device)


def by_hand(logits, targets, weights):
    """The sum, one position after the other."""
    losses = torch.zeros(len(logits), dtype=logits.dtype)
    for r, b, t in (targets.cpu() != NO_TARGET).nonzero().tolist():
        losses[r] = losses[r] - weights[r, b] * F.log_softmax(logits[r, b, t], 0)[targets[r, b, t]]
    return losses


def check(run, *, device="cpu", **sizes):
    logits, targets, weights = example(device, **sizes)
    loss = run(logits, targets, weights)
    torch.testing.assert_close(loss.cpu(), by_hand(logits.cpu(), targets.cpu(), weights.cpu()))
    d_loss = torch.tensor([1.0, -2.0, 0.5], dtype=loss.dtype)
    (ours,) = torch.autograd.grad(loss, logits, d_loss.to(device))
    copy = logits.detach().cpu().requires_grad_()
    (theirs,) = torch.autograd.grad(by_hand(copy, targets.cpu(), weights.cpu()), copy, d_loss)
    torch.testing.assert_close(ours.cpu(), theirs)


@pytest.mark.parametrize("run", [cross_entropy, fused])
@pytest.mark.parametrize(("classes", "longest"), [(1, 1), (2, 50), (5, 7), (21, 16)])
def test_positions_without_a_label_do_not_count(run, classes, longest):
    check(run, classes=classes, longest=longest)


@pytest.mark.parametrize("run", [cross_entropy, fused])
def test_numbers_that_are_not_finite_reach_the_loss(run):
    for number in (float("nan"), float("inf")):
        logits, targets, weights = example()
        logits.data[1, 2] = number
        loss = run(logits, targets, weights)
        assert loss.isnan().tolist() == [False, True, False]


def test_single_precision_is_as_good_as_that_of_pytorch():
    logits, targets, weights = example(classes=7, longest=40)
    exact = cross_entropy(logits, targets, weights)
    for run in (cross_entropy, fused):
        loss = run(logits.float(), targets, weights.float())
        torch.testing.assert_close(loss.double(), exact, rtol=1e-6, atol=0)


def test_a_cpu_has_a_kernel():
    logits, _, _ = example()
    reason = KERNEL.unusable({"logits": logits})
    assert reason is None or "compiler" in reason


@pytest.mark.gpu
@pytest.mark.parametrize(("classes", "longest"), [(5, 7), (300, 60), (3000, 7)])
def test_a_gpu_has_a_kernel(classes, longest):
    """For many logits several programs, each with a sum of its own."""
    check(cross_entropy, device="cuda", classes=classes, longest=longest)


@pytest.mark.parametrize("backend", ["native", "fused"])
def test_loss_and_gradient_at_once_are_those_of_autograd(backend, monkeypatch):
    if backend == "fused":
        monkeypatch.delitem(cross_entropy.backends, "native")
    logits, targets, weights = example(longest=6)
    logits = logits.detach().mT.contiguous().mT.requires_grad_()  # not contiguous
    expected = cross_entropy(logits, targets, weights, backend="reference")
    (d_logits,) = torch.autograd.grad(expected.sum(), logits)
    loss, gradient = loss_and_gradient(logits, targets, weights)
    torch.testing.assert_close((loss, gradient), (expected.detach(), d_logits))
    assert not loss.requires_grad and not gradient.requires_grad
