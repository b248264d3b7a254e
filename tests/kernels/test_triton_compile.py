"""Which jobs wait for each other's kernels."""

import torch

from fwp.kernels.triton_compile import key


def weights(pack: int, width: int, dtype=torch.float32) -> dict[str, torch.Tensor]:
    return {"a": torch.zeros(pack, width, 3, dtype=dtype), "b": torch.zeros(pack, width)}


def test_packs_of_equal_models_share_their_kernels():
    assert key(weights(3, 8)) == key(weights(10, 8))


def test_other_models_do_not_wait():
    keys = [key(weights(3, 8)), key(weights(3, 9)), key(weights(3, 8, torch.float64))]
    assert len({*keys, key({"c": torch.zeros(3, 8)})}) == 4
