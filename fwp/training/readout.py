"""Loss and gradients of models with a large vocabulary, whose logits do not all fit into memory.

Logits and their gradient take two numbers for every token of a batch and every token of the
vocabulary: 6 GB for 96 windows of 256 tokens and 32 768 tokens. Here they are computed for some
tokens of the batch at a time.
"""

import copy

import torch
from torch import Tensor, nn

from fwp.kernels.aside import together
from fwp.models.pack import Pack
from fwp.models.sequence_model import SequenceModel
from fwp.nn.cross_entropy import loss_and_gradient

LARGEST = {"cpu": 2**24, "cuda": 2**28}
"""Logits of all models that are computed at a time, at most."""


class Readout(nn.Module):
    """A model's readout alone, under the names that its tensors have in the model.

    Args:
        model: shares its weights.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.readout = model.get_submodule("readout")

    def forward(self, x: Tensor, _) -> tuple[Tensor, None]:
        """Map x [N, hidden] to logits [N, 1, classes]."""
        return self.readout(x.unsqueeze(1)), None


def without_readout(model: nn.Module) -> nn.Module:
    """A model that returns what the readout is given; it shares its weights."""
    body = copy.copy(model)
    body._modules = {**model._modules, "readout": nn.Identity()}
    return body


def too_large(pack: Pack, tokens: Tensor) -> bool:
    """Whether the logits of tokens [R, B, T] are to be computed in parts."""
    vocabulary = _vocabulary(pack)
    return vocabulary is not None and tokens.numel() * vocabulary > LARGEST[tokens.device.type]


def _vocabulary(pack: Pack) -> int | None:
    """How many logits a token has; None for models of another kind."""
    model = pack.program
    return model.readout.out_features if isinstance(model, SequenceModel) else None


def loss_in_parts(
    pack: Pack, x: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The loss [R], its gradient by x [R, B, T, hidden], and those by trained tensors by name.

    Args:
        pack: R models.
        x: what `without_readout` returns.
        targets, weights: as `cross_entropy` takes them, [R, B, T] and [R, B].
    """
    readout, vocabulary = pack.changed(Readout), _vocabulary(pack)
    assert vocabulary is not None
    trained = readout.weights
    given = x.detach().flatten(1, 2)
    labels = targets.flatten(1).unsqueeze(2)
    shares = weights.unsqueeze(2).expand_as(targets).flatten(1)
    size = max(1, LARGEST[x.device.type] // (pack.size * vocabulary))
    loss, d_x = torch.zeros_like(weights[:, 0]), torch.empty_like(given)
    total = {name: torch.zeros_like(w) for name, w in trained.items()}
    for begin in range(0, given.shape[1], size):
        part = slice(begin, begin + size)
        own = given[:, part].contiguous().requires_grad_()
        with together():
            logits, _ = readout(own)
            own_loss, d_logits = loss_and_gradient(logits, labels[:, part], shares[:, part])
            d_own, *found = torch.autograd.grad(
                with_gradient(logits, d_logits), (own, *trained.values())
            )
        loss += own_loss
        d_x[:, part] = d_own
        for sum_, gradient in zip(total.values(), found, strict=True):
            sum_ += gradient
    return loss, d_x.view_as(x), total


def with_gradient(y: Tensor, d_y: Tensor) -> Tensor:
    """A number whose gradient by y is d_y.

    PyTorch takes d_y itself, too, but then imports SymPy first, which takes half a second.
    """
    return _Objective.apply(y, d_y) if y.is_cuda else torch.dot(y.flatten(), d_y.flatten())


class _Objective(torch.autograd.Function):
    """A number with a known gradient; what it is nobody asks, so that no kernel computes it."""

    @staticmethod
    def forward(ctx, logits, gradient):
        ctx.save_for_backward(gradient)
        return logits.new_empty(())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, _):
        return *ctx.saved_tensors, None
