import torch
import torch.nn.functional as F

from fwp.rms_norm import RMSNorm


def test_is_pytorchs():
    torch.manual_seed(0)
    norm, x = RMSNorm(5).double(), torch.randn(2, 3, 5, dtype=torch.float64)
    norm.weight.data.uniform_()
    torch.testing.assert_close(norm(x), F.rms_norm(x, (5,), norm.weight, eps=1e-5))
