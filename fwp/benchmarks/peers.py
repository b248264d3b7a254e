"""Other people's kernels of the same recurrences, to stand beside ours where they are installed."""

import importlib.util

from torch import Tensor

from fwp.kernels.backend import Backend


def of(name: str, device: str) -> dict[str, Backend]:
    """Backends of the op `name` from other libraries, by the libraries' names.

    flash-linear-attention ("fla", an optional extra) has float32 kernels for GPUs of some ops.
    """
    if device != "cuda" or importlib.util.find_spec("fla") is None:
        return {}
    run = {"delta_rule": _fla_delta_rule, "linear_attention": _fla_linear_attention}.get(name)
    return {} if run is None else {"fla": Backend(run)}


def _fla_delta_rule(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: Tensor):
    from fla.ops.delta_rule import fused_recurrent_delta_rule  # pyright: ignore[reportMissingImports]

    return fused_recurrent_delta_rule(q, k, v, beta, scale=1.0, **_streamed(state))


def _fla_linear_attention(q: Tensor, k: Tensor, v: Tensor, state: Tensor):
    from fla.ops.linear_attn import fused_recurrent_linear_attn  # pyright: ignore[reportMissingImports]

    return fused_recurrent_linear_attn(q, k, v, scale=1.0, normalize=False, **_streamed(state))


def _streamed(state: Tensor) -> dict:
    """With the state in which to begin. Its backward pass fails on one that takes no gradient."""
    if not state.requires_grad:
        state = state.detach().requires_grad_()
    return {"initial_state": state, "output_final_state": True}
