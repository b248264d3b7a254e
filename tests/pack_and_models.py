"""Compares what is computed for a pack with what each of its models computes alone."""

import torch


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def check(pack, model, tensors, given, **tolerance):
    """Values and gradients of `pack(*tensors)` against those of `model` on each model's tensors.

    tensors: with the models in front. given: a gradient for each output, likewise.
    """
    results = as_tuple(pack(*tensors))
    gradients = torch.autograd.grad(results, tensors, given)
    for i in range(len(given[0])):
        own = [x[i].detach().requires_grad_() for x in tensors]
        expected = as_tuple(model(*own))
        theirs = torch.autograd.grad(expected, own, [g[i] for g in given])
        for a, b in zip((*results, *gradients), (*expected, *theirs), strict=True):
            torch.testing.assert_close(a[i], b, **tolerance)
