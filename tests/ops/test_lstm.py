"""Where the kernel of the LSTM is used."""

import pytest
import torch

from fwp.ops.lstm import lstm


@pytest.mark.parametrize(
    ("batch", "units", "reason"),
    [
        (1, 48, None),
        (1, 49, "PyTorch's is faster for 1 with 49 units"),
        (3, 49, None),
        (64, 385, "PyTorch's is faster for more than 384 units, here 385"),
    ],
)
def test_few_or_very_wide_sequences_are_left_to_pytorch(batch, units, reason):
    sizes = {"B": batch, "T": 1, "I": units, "D": units}
    inputs = lstm.example(torch.Generator().manual_seed(0), torch.float32, **sizes)
    chosen = lstm.choose("auto", inputs)
    if reason is None:
        assert chosen is lstm.backends["native"]
    else:
        assert chosen is lstm.backends["fused"]
        with pytest.raises(ValueError, match=reason):
            lstm.choose("native", inputs)
