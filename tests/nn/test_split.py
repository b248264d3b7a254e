"""Splitting without copies, and gradients that kernels lay out for it."""

import pytest
import torch

from fwp.kernels.tensors import gradients_like
from fwp.nn import split as module
from fwp.nn.split import joined, split

SIZES = (8, 8, 8, 2)


class Layout(torch.autograd.Function):
    """Sums its inputs; its gradients lie as `gradients_like` puts them."""

    @staticmethod
    def forward(ctx, *parts):
        ctx.save_for_backward(*parts)
        return sum(x.sum() for x in parts)

    @staticmethod
    def backward(ctx, d_output):
        gradients = gradients_like(ctx.saved_tensors)
        for i, x in enumerate(gradients):
            x.copy_(torch.arange(x.numel()).view(x.shape) + 100 * i).mul_(d_output)
        return tuple(gradients)


@pytest.fixture
def copies(monkeypatch):
    """How often gradients had to be copied."""
    counted, found = [], module.joined

    def joined(*args):
        whole = found(*args)
        counted.extend([1] * (whole is None))
        return whole

    monkeypatch.setattr(module, "joined", joined)
    return counted


def whole(seed=0, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (3, 5)), sum(SIZES), generator=generator).requires_grad_()


def in_heads(x, parts):
    """As mixers use them: q, k, v with heads by different views, rates as they are."""
    q, k, v, beta = parts
    heads = (*x.shape[:-1], 2, 4)
    return q.unflatten(-1, (2, 4)), k.view(heads), v.reshape(heads), beta


def in_shapes(x):
    """The same parts, shaped at once."""
    return split(x, ((2, 4), (2, 4), (2, 4), 2))


def expected_of(x, function):
    twin = x.detach().clone().requires_grad_()
    function(twin.split(SIZES, dim=-1)).backward()
    return twin.grad


@pytest.mark.parametrize("at_once", [False, True])
def test_gradients_of_one_memory_are_not_copied(copies, at_once):
    x = whole()
    expected = expected_of(x, lambda parts: Layout.apply(*in_heads(x, parts)))
    parts = split(x, SIZES)
    assert all(a.data_ptr() == b.data_ptr() for a, b in zip(parts, x.split(SIZES, -1), strict=True))
    shaped = in_shapes(x) if at_once else in_heads(x, parts)
    assert [part.shape[2:] for part in shaped] == [(2, 4), (2, 4), (2, 4), (2,)]
    Layout.apply(*shaped).backward()
    assert not copies
    assert torch.equal(x.grad, expected)


def test_the_same_in_a_pack(copies):
    x = whole(0, 4, 3, 5)

    def one(x):
        q, k, v, beta = split(x, SIZES)
        return q, k, v, beta

    parts = torch.vmap(one)(x)
    Layout.apply(*(part.flatten(0, 1) for part in parts)).backward()
    assert not copies
    twin = x.detach().flatten(0, 1).requires_grad_()
    Layout.apply(*twin.split(SIZES, dim=-1)).backward()
    assert torch.equal(x.grad.flatten(0, 1), twin.grad)


def test_a_pack_in_another_dimension():
    x = whole(0, 3, 4, 5)
    parts = torch.vmap(lambda x: split(x, SIZES), 1)(x)
    for part, expected in zip(parts, x.transpose(0, 1).split(SIZES, dim=-1), strict=True):
        assert torch.equal(part, expected)


@pytest.mark.parametrize(
    "function",
    [
        lambda parts: parts[1].square().sum(),
        lambda parts: Layout.apply(*parts) + parts[0].square().sum(),
        lambda parts: Layout.apply(*parts[:3]) + parts[3].exp().sum(),
        lambda parts: Layout.apply(*parts[:3]),
        lambda parts: sum(part.square().sum() for part in parts),
        lambda parts: Layout.apply(*parts[::-1]),
        lambda parts: Layout.apply(*(part.transpose(0, 1) for part in parts)),
    ],
    ids=["one part", "a part twice", "one elsewhere", "one unused", "all elsewhere", "order",
         "transposed"],
)  # fmt: skip
def test_any_gradients_give_that_of_the_whole(function):
    x = whole()
    expected = expected_of(x, function)
    function(split(x, SIZES)).backward()
    assert torch.equal(x.grad, expected)


def test_no_gradient_gives_none():
    x = whole()
    parts = split(x, SIZES)
    y = (parts[0].detach() * 1).requires_grad_()
    assert torch.autograd.grad(y.sum(), x, allow_unused=True) == (None,)


def test_order_of_the_inputs_does_not_matter_to_the_layout():
    k, q = torch.randn(2, 3, 10).split((4, 6), dim=-1)
    d_q, d_k = gradients_like([q, k])
    assert joined([d_k, d_q], torch.Size((2, 3, 10)), (4, 6)) is not None
    assert joined([d_q, d_k], torch.Size((2, 3, 10)), (6, 4)) is None


@pytest.mark.parametrize(
    "tensors",
    [
        [torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)],
        [torch.zeros(2, 3, 4)] * 2,
        torch.zeros(2, 3, 12).split(4, dim=-1)[::2],
        torch.zeros(2, 3, 2, 4).unbind(-1),
        torch.zeros(2, 2, 3, 4).unbind(1),
    ],
    ids=["apart", "same", "gap", "interleaved", "other rows"],
)
def test_tensors_that_do_not_follow_each_other_have_gradients_apart(tensors):
    gradients = gradients_like(tensors)
    assert [x.shape for x in gradients] == [x.shape for x in tensors]
    assert all(x.is_contiguous() for x in gradients)
    assert len({x.untyped_storage().data_ptr() for x in gradients}) == len(gradients)


def test_slices_of_another_memory_are_laid_out_apart():
    q, k, v = torch.zeros(2, 3, 12).split(4, dim=-1)
    beta = torch.zeros(2, 3)
    d_q, d_beta, d_k, d_v = gradients_like([q, beta, k, v])
    assert joined([d_q, d_k, d_v], torch.Size((2, 3, 12)), (4, 4, 4)) is not None
    assert d_beta.shape == (2, 3) and d_beta.is_contiguous()


def test_parts_that_do_not_fill_the_axis_are_refused():
    with pytest.raises(ValueError, match="the parts have 24 numbers in all, x has 26"):
        split(whole(), (8, 8, 8))


def test_numbers_that_do_not_lie_side_by_side_are_split_as_well():
    x = torch.randn(5, 26, 3).transpose(1, 2)
    for part, expected in zip(split(x, ((2, 4), 16, 2)), x.split((8, 16, 2), -1), strict=True):
        assert torch.equal(part.flatten(2), expected)
