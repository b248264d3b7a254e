"""In which precision the matrix products of layers are computed on a GPU.

In bfloat16 the factors are rounded to 8 bits and the sums are float32. Weights, what flows from
layer to layer, and recurrences stay float32.
"""

import contextlib
from collections.abc import Iterator

PRODUCTS = ("float32", "bfloat16")

_products = "float32"


def in_bfloat16() -> bool:
    """Whether products are computed in bfloat16 now."""
    return _products == "bfloat16"


@contextlib.contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Within, layers on a GPU compute products in one of `PRODUCTS`, and their gradients too.

    Raises:
        ValueError: there is no such precision.
    """
    global _products  # one for all layers, as a step is
    if precision not in PRODUCTS:
        raise ValueError(f"products are in {' or '.join(PRODUCTS)}, got {precision!r}")
    before, _products = _products, precision
    try:
        yield
    finally:
        _products = before
