import pytest
import torch
import torch.nn.functional as F

from fwp.batches import IGNORE
from fwp.loss import weighted_cross_entropy


def example(device="cpu", models=3, classes=5):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(models, 4, 7, classes, generator=generator, dtype=torch.float64)
    targets = torch.randint(-1, classes, (models, 4, 7), generator=generator)
    targets[targets < 0] = IGNORE
    weights = torch.rand(models, 4, generator=generator, dtype=torch.float64)
    return logits.to(device).requires_grad_(), targets.to(device), weights.to(device)


def by_hand(logits, targets, weights):
    """The sum, one position after the other."""
    losses = torch.zeros(len(logits), dtype=logits.dtype)
    for r, b, t in (targets.cpu() != IGNORE).nonzero().tolist():
        losses[r] = losses[r] - weights[r, b] * F.log_softmax(logits[r, b, t], 0)[targets[r, b, t]]
    return losses


def check(device):
    logits, targets, weights = example(device)
    loss = weighted_cross_entropy(logits, targets, weights)
    torch.testing.assert_close(loss.cpu(), by_hand(logits.cpu(), targets.cpu(), weights.cpu()))
    d_loss = torch.tensor([1.0, -2.0, 0.5], dtype=loss.dtype)
    (ours,) = torch.autograd.grad(loss, logits, d_loss.to(device))
    copy = logits.detach().cpu().requires_grad_()
    (theirs,) = torch.autograd.grad(by_hand(copy, targets.cpu(), weights.cpu()), copy, d_loss)
    torch.testing.assert_close(ours.cpu(), theirs)


def test_positions_without_a_label_do_not_count():
    check("cpu")


@pytest.mark.gpu
def test_a_gpu_has_a_kernel():
    check("cuda")
