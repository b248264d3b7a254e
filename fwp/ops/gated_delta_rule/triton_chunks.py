"""The gated delta rule on the GPU by chunks of time, for long strings."""

from torch import Tensor

from fwp.kernels.triton_chunked import chunked


def gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, w: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """As `fwp.ops.gated_delta_rule.gated_delta_rule`; without weights, a pack is a batch."""
    return chunked(q, k, v, S, beta, w)
