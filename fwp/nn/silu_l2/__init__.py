"""The feature map SiLU with unit length (Yang et al. 2024)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from fwp.kernels.op import op


@op(cost=lambda n: 4 * n["D"])
def silu_l2(x: Float[Tensor, "B T ... D"], *, eps: float = 1e-12) -> Float[Tensor, "B T ... D"]:
    """SiLU, then unit Euclidean norm over the last axis.

    Args:
        x: [B, T, ..., D].
        eps: the shortest norm that vectors are divided by; PyTorch's default.

    Returns:
        φ(x) [B, T, ..., D].
    """
    return F.normalize(F.silu(x), dim=-1, eps=eps)
