"""Layers whose C kernels go over rows in blocks: threads, slices, odd numbers of units."""

import pytest
import torch

from fwp.kernels import c_compiler, rows
from fwp.nn.feed_forward import feed_forward
from fwp.nn.layer_norm import layer_norm
from fwp.nn.linear import linear

OPS = {op.name: op for op in (linear, layer_norm, feed_forward.variant(skip=True))}
LONG = (45, 50)  # strings and steps: three blocks of rows


@pytest.fixture(autouse=True)
def needs_compiler():
    try:
        c_compiler.find_compiler()
    except c_compiler.Unavailable as reason:
        pytest.skip(str(reason))


def example(op, B, T, dtype=torch.float32, **sizes):
    generator = torch.Generator().manual_seed(0)
    inputs = op.example(generator, dtype, **({"B": B, "T": T, "D": 8, "I": 8, "O": 8} | sizes))
    return [x.requires_grad_() for x in inputs.values()]


def results(op, inputs, backend="native"):
    y = op(*inputs, backend=backend)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return [y, *torch.autograd.grad(y, inputs, weights)]


@pytest.mark.parametrize("name", OPS)
def test_threads_change_no_bit_of_sums_over_blocks(name):
    assert rows.blocks_of(LONG[0] * LONG[1]) == 3
    inputs = example(OPS[name], *LONG)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = results(OPS[name], inputs)
        torch.set_num_threads(3)
        three = results(OPS[name], inputs)
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, one, three))


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("name", ["linear", "feed_forward"])
def test_a_wide_layer_is_computed_as_the_reference_by_any_number_of_threads(
    monkeypatch, name, norm
):
    sizes = {"I": 300, "D": 70, "O": 70}
    assert sizes["I"] * sizes["D"] > rows.WIDE
    inputs = example(OPS[name], 3, 50, torch.float64, **sizes)
    if name == "feed_forward" and not norm:
        inputs = inputs[:5]
    ways = []
    for count, large in ((1, rows.LARGE), (1, 0), (2, rows.LARGE), (3, rows.LARGE)):
        monkeypatch.setattr(rows, "LARGE", large)
        monkeypatch.setattr(rows.threads, "count", lambda count=count: count)
        ways.append(results(OPS[name], inputs))
    for own, expected in zip(ways[0], results(OPS[name], inputs, "reference"), strict=True):
        torch.testing.assert_close(own, expected)
    for other in ways[1:]:
        assert all(map(torch.equal, ways[0], other))


@pytest.mark.parametrize("name", OPS)
def test_a_slice_of_wider_rows_is_read_where_it_lies(name):
    x, *weights = example(OPS[name], 3, 7)
    wide = torch.randn(3, 7, 20, generator=torch.Generator().manual_seed(1))
    wide[..., 5:13] = x.detach()
    part = wide[..., 5:13]
    same, row = rows.as_rows(part)
    assert (same.data_ptr(), row) == (part.data_ptr(), 20)
    for own, expected in zip(
        results(OPS[name], [part.requires_grad_(), *weights]),
        results(OPS[name], [x, *weights]),
        strict=True,
    ):
        assert torch.equal(own, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("units", [1, 2, 3, 5, 8, 9, 15, 17, 31, 33, 41])
def test_any_number_of_units_fits_into_vectors(units, dtype):
    tolerance = 1e-4 if dtype == torch.float32 else 1e-12
    for op, sizes in (
        (linear, {"I": 7, "O": units}),
        (linear, {"I": units, "O": 40}),
        (layer_norm, {"D": units + 2}),
        (OPS["feed_forward"], {"D": units + 2, "I": 43 - units}),
    ):
        inputs = example(op, 5, 14, dtype, **sizes)
        own, expected = results(op, inputs), results(op, inputs, "reference")
        for a, b in zip(own, expected, strict=True):
            assert (a - b).abs().max() <= tolerance * max(1, b.abs().max())


def test_no_number_of_one_row_reaches_another():
    x, *weights = example(linear, 1, 100, I=5, O=19)
    with torch.no_grad():
        x[0, 50] = torch.nan
    y = linear(x, *weights, backend="native")
    (dx,) = torch.autograd.grad(y, [x], torch.ones_like(y))
    assert y.isnan().any(-1).nonzero()[:, 1].tolist() == [50]
    assert not dx.isnan().any()
