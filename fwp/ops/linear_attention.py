"""Linear attention: the sum update rule of the linear Transformer (Schlag et al., 2021)."""

import torch
from torch import Tensor

from fwp.ops import _native
from fwp.ops import triton as _triton
from fwp.ops._chunks import join_chunks, split_chunks
from fwp.ops._op import Backend, Op

KERNEL = _native.Kernel("linear_attention")
CHUNK = 64


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, initial_state: Tensor | None = None, *, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Add the outer product of key and value to the state, then read it with the query.

        S_t = S_{t-1} + k_t ⊗ v_t,    y_t = q_t S_t

    Args:
        q, k: queries and keys [B, T, H, K], feature map applied.
        v: values [B, T, H, V].
        initial_state: S_0 [B, H, K, V]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, q=q, k=k, v=v)


def reference(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(q.shape[1]):
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def chunked(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix products within chunks of time, the state from chunk to chunk: linear cost in T.

    A chunk reads the state before it and, through a causal mask, its own writes:
    Y = Q S + tril(Q Kᵀ) V, after which S += Kᵀ V. Steps that fill the last chunk write zeros.
    """
    T = q.shape[1]
    q, k, v = (split_chunks(x, CHUNK) for x in (q, k, v))
    writes = k.transpose(-1, -2) @ v
    states = torch.cat([S.unsqueeze(2), writes], dim=2).cumsum(dim=2)
    y = q @ states[:, :, :-1] + (q @ k.transpose(-1, -2)).tril() @ v
    return join_chunks(y, T), states[:, :, -1]


def native(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The compiled kernel, see linear_attention.c."""
    inputs = (q, k, v, S)
    return _Native.apply(_native.records(inputs), *inputs)


def triton(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see triton/linear_attention.py."""
    from fwp.ops.triton.linear_attention import linear_attention as kernel

    return kernel(q, k, v, S)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, q, k, v, S_0):
        (B, T, H, K), V = q.shape, v.shape[-1]
        ctx.sizes = (B, H, T, K, V)
        ctx.size = K if K == V else None
        lanes = KERNEL.lanes(q.dtype, ctx.size)
        blocks, width = -(-B * H // lanes), 2 * K + _native.padded(V)
        y, S_T = q.new_empty(B, T, H, V), q.new_empty(B, H, K, V)
        kept = q.new_empty(blocks, T, width, lanes) if record else None
        KERNEL.run(
            "forward",
            blocks,
            q,
            ctx.size,
            *ctx.sizes,
            *map(_native.sequence, (q, k, v)),
            _native.state(S_0),
            _native.sequence(y),
            _native.state(S_T),
            kept,
        )
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(S_0, kept)
        return y, S_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dS_T):
        S_0, kept = ctx.saved_tensors
        B, H, T, K, V = ctx.sizes
        dq, dk, dv = (kept.new_empty(B, T, H, size) for size in (K, K, V))
        dS_0 = kept.new_empty(B, H, K, V)
        KERNEL.run(
            "backward",
            kept.shape[0],
            kept,
            ctx.size,
            *ctx.sizes,
            kept,
            _native.state(S_0),
            _native.sequence(dy),
            _native.state(dS_T),
            *map(_native.sequence, (dq, dk, dv)),
            _native.state(dS_0),
        )
        return None, dq, dk, dv, dS_0


def _typical(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    return q.softmax(-1), k.softmax(-1), v


OP = Op(
    name="linear_attention",
    inputs={"q": "BTHK", "k": "BTHK", "v": "BTHV"},
    state="BHKV",
    cost=lambda n: 2 * n["K"] * n["V"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "chunked": Backend(chunked),
        "reference": Backend(reference),
    },
    typical=_typical,
)
